//! One output of a wall: which panels stand on it, and pictures of the whole put together.

use crate::model::layout::{Place, Placement};
use crate::model::wall::{Output, Wall};
use image::{Rgb, RgbImage};

/// The panels of `output`: left places stand on the leftmost column, right ones on the rightmost, the middle on the column left of
/// centre; top on the first row, bottom on the last. So no panel crosses a bezel.
pub fn placements(wall: &Wall, output: &Output, all: &[Placement]) -> Vec<Placement> {
    let columns = edges(wall.outputs.iter().map(|o| o.left_mm));
    let rows = edges(wall.outputs.iter().map(|o| o.top_mm));
    let column = index(&columns, output.left_mm);
    let row = index(&rows, output.top_mm);
    let middle = (columns.len() - 1) / 2;
    let here = |at: Place| {
        let wanted_column = match at {
            Place::TopLeft | Place::Left | Place::BottomLeft => 0,
            Place::Top | Place::Bottom => middle,
            Place::TopRight | Place::Right | Place::BottomRight => columns.len() - 1,
        };
        let wanted_row = match at {
            Place::BottomLeft | Place::Bottom | Place::BottomRight => rows.len() - 1,
            _ => 0,
        };
        (column, row) == (wanted_column, wanted_row)
    };
    let mut own: Vec<Placement> = all.iter().filter(|p| here(p.at)).copied().collect();
    if columns.len() > 1 && middle == 0 {
        // The middle shares its output with the left: it moves to that output's other side.
        for p in &mut own {
            p.at = match p.at {
                Place::Top => Place::TopRight,
                Place::Bottom => Place::BottomRight,
                other => other,
            };
        }
    }
    own
}

fn edges(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut edges: Vec<f64> = values.collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup_by(|a, b| (*a - *b).abs() < 1.0);
    edges
}

fn index(edges: &[f64], value: f64) -> usize {
    edges.iter().position(|e| (e - value).abs() < 1.0).unwrap_or(0)
}

/// Puts pictures of all outputs where they hang, with the bezels between them, as someone in front of the wall sees it.
///
/// `scale`: pixels per millimetre of the result. Pictures are resized to their output's place.
pub fn compose(wall: &Wall, pictures: &[RgbImage], px_per_mm: f64) -> RgbImage {
    let (width_mm, height_mm) = wall.size_mm();
    let px = |mm: f64| (mm * px_per_mm).round() as u32;
    let mut whole = RgbImage::from_pixel(px(width_mm).max(1), px(height_mm).max(1), Rgb([3, 4, 6]));
    for (output, picture) in wall.outputs.iter().zip(pictures) {
        let (w, h) = (px(output.width_mm).max(1), px(output.height_mm).max(1));
        let sized = if picture.dimensions() == (w, h) {
            picture.clone()
        } else {
            image::imageops::resize(picture, w, h, image::imageops::FilterType::CatmullRom)
        };
        image::imageops::replace(&mut whole, &sized, i64::from(px(output.left_mm)), i64::from(px(output.top_mm)));
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::layout::Layout;
    use crate::screen::start::parts;

    #[test]
    fn every_panel_stands_on_exactly_one_output() {
        let large = Layout::default().large;
        for layout in ["1x1", "2x1", "3x2", "4x3"] {
            let wall = Wall::grid(layout).unwrap();
            let shown: usize = wall.outputs.iter().map(|o| placements(&wall, o, &large).len()).sum();
            assert_eq!(shown, large.len(), "{layout}");
        }
    }

    #[test]
    fn neighbours_share_the_plane_and_the_bezel_is_the_gap_between_their_frusta() {
        let wall = Wall::grid("2x1").unwrap();
        let (whole, a) = parts(&wall, &wall.outputs[0]);
        let (_, b) = parts(&wall, &wall.outputs[1]);
        assert!((a.left - whole.left).abs() < 1e-12 && (b.right - whole.right).abs() < 1e-12);
        let gap = (b.left - a.right) / whole.width() * wall.size_mm().0;
        assert!((gap - 3.5).abs() < 1e-9, "{gap}");
    }

    #[test]
    fn a_composed_wall_has_dark_bezels_between_lit_pictures() {
        let wall = Wall::grid("2x1").unwrap();
        let white = RgbImage::from_pixel(64, 36, Rgb([255; 3]));
        let whole = compose(&wall, &[white.clone(), white], 0.5);
        assert!(whole.get_pixel(605, 100).0[0] < 10, "the bezel at 605 mm / 2");
        assert_eq!(whole.get_pixel(100, 100).0, [255; 3]);
    }
}
