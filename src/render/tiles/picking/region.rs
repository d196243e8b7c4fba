//! Parts of a picture, and what is counted in them.

use crate::render::camera::Tangents;
use bevy::math::{Rect, UVec2, Vec2};
use std::collections::HashMap;

/// Where in the picture features are asked for, pixels from its upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub enum PickRegion {
    Point(Vec2),
    Box(Rect),
    /// Corners in order; the last joins the first.
    Polygon(Vec<Vec2>),
}

/// Numbers are drawn into a picture of at most this many pixels along a side: enough to see a house of 2 pixels in a picture of 1920.
const SIDE_MAX: f32 = 1024.0;
/// Rows come back from the device in multiples of this, bytes (`wgpu::COPY_BYTES_PER_ROW_ALIGNMENT`).
const ROW_ALIGNMENT: usize = 256;
/// The surroundings of a point are drawn too: its own pixel is the middle one of three by three.
const POINT_PX: f32 = 3.0;

/// The rectangle that is drawn of a picture, and in how many pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cutout {
    pub rect: Rect,
    pub size: UVec2,
}

impl PickRegion {
    /// What has to be drawn of a picture of `whole` pixels; `None` where the region lies beside it.
    pub fn cutout(&self, whole: Vec2) -> Option<Cutout> {
        let picture = Rect { min: Vec2::ZERO, max: whole };
        let rect = match self {
            Self::Point(at) => picture.contains(*at).then(|| Rect::from_center_size(*at, Vec2::splat(POINT_PX)))?,
            Self::Box(rect) => rect.intersect(picture),
            Self::Polygon(corners) => {
                let first = *corners.first()?;
                let around = corners.iter().fold(Rect::from_corners(first, first), |r, p| r.union_point(*p));
                around.intersect(picture)
            }
        };
        if !rect.min.is_finite() || !rect.max.is_finite() || rect.width() < 0.5 || rect.height() < 0.5 {
            return None;
        }
        let shrink = (SIDE_MAX / rect.size().max_element()).min(1.0);
        Some(Cutout { rect, size: (rect.size() * shrink).ceil().as_uvec2().max(UVec2::ONE) })
    }

    /// Whether a place of the picture belongs to the region.
    pub fn contains(&self, at: Vec2) -> bool {
        match self {
            Self::Point(point) => (at - *point).abs().max_element() < 0.5,
            Self::Box(rect) => rect.contains(at),
            Self::Polygon(corners) => within(corners, at),
        }
    }
}

/// Source: W. R. Franklin, PNPOLY.
fn within(corners: &[Vec2], at: Vec2) -> bool {
    let pairs = corners.iter().zip(corners.iter().cycle().skip(1));
    let crosses = |(a, b): &(&Vec2, &Vec2)| (a.y > at.y) != (b.y > at.y) && at.x < (b.x - a.x) * (at.y - a.y) / (b.y - a.y) + a.x;
    pairs.filter(crosses).count() % 2 == 1
}

impl Cutout {
    /// The frustum through the rectangle alone, of that through the whole picture.
    pub fn tangents(&self, of: &Tangents, whole: Vec2) -> Tangents {
        let (x, y) = (|x: f32| of.left + of.width() * f64::from(x / whole.x), |y: f32| of.top - of.height() * f64::from(y / whole.y));
        Tangents { left: x(self.rect.min.x), right: x(self.rect.max.x), top: y(self.rect.min.y), bottom: y(self.rect.max.y) }
    }

    /// How many pixels of the region each number has, by the bytes of the drawn picture; 0 is none and left out.
    pub fn count(&self, region: &PickRegion, bytes: &[u8]) -> HashMap<u32, u32> {
        let stride = (self.size.x as usize * 4).next_multiple_of(ROW_ALIGNMENT);
        let step = self.rect.size() / self.size.as_vec2();
        let mut counts = HashMap::new();
        for (y, row) in bytes.chunks(stride).take(self.size.y as usize).enumerate() {
            for (x, pixel) in row.as_chunks::<4>().0.iter().take(self.size.x as usize).enumerate() {
                let number = u32::from_le_bytes(*pixel);
                let at = self.rect.min + (Vec2::new(x as f32, y as f32) + 0.5) * step;
                if number != 0 && region.contains(at) {
                    *counts.entry(number).or_default() += 1;
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Vec2 = Vec2::new(1920.0, 1080.0);

    #[test]
    fn a_point_is_the_middle_pixel_and_what_lies_beside_the_picture_is_nothing() {
        let point = PickRegion::Point(Vec2::new(10.0, 20.0));
        let cutout = point.cutout(WHOLE).unwrap();
        assert_eq!(cutout.size, UVec2::splat(3));
        let mut bytes = vec![0; 3 * ROW_ALIGNMENT];
        bytes[ROW_ALIGNMENT + 4..][..4].copy_from_slice(&20_000_007u32.to_le_bytes());
        bytes[0..4].copy_from_slice(&5u32.to_le_bytes());
        assert_eq!(cutout.count(&point, &bytes), HashMap::from([(20_000_007, 1)]));
        assert_eq!(PickRegion::Point(Vec2::new(-1.0, 5.0)).cutout(WHOLE), None);
        assert_eq!(PickRegion::Polygon(vec![]).cutout(WHOLE), None);
        assert_eq!(PickRegion::Box(Rect::new(2000.0, 0.0, 2100.0, 50.0)).cutout(WHOLE), None);
    }

    #[test]
    fn a_cutout_is_a_part_of_the_frustum_and_at_most_1024_wide() {
        let of = Tangents { left: -1.0, right: 3.0, bottom: -1.0, top: 1.0 };
        let cutout = PickRegion::Box(Rect::new(0.0, 0.0, 1920.0, 540.0)).cutout(WHOLE).unwrap();
        assert_eq!(cutout.size, UVec2::new(1024, 288));
        assert_eq!(cutout.tangents(&of, WHOLE), Tangents { left: -1.0, right: 3.0, bottom: 0.0, top: 1.0 });
    }

    #[test]
    fn corners_of_a_box_around_a_triangle_are_outside_of_it() {
        let triangle = PickRegion::Polygon(vec![Vec2::ZERO, Vec2::new(10.0, 0.0), Vec2::new(0.0, 10.0)]);
        assert!(triangle.contains(Vec2::new(2.0, 2.0)) && !triangle.contains(Vec2::new(9.0, 9.0)));
    }
}
