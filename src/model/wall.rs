//! Wall geometry 大屏, in millimetres: outputs side by side, bezels as gaps, one picture behind them all.
//!
//! The picture is a plane; what falls on a bezel is hidden, as behind a window bar, so lines run straight across.

use serde::{Deserialize, Serialize};

/// A wall as its file in `walls/` describes it, or as `NxM` stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wall {
    pub name: String,
    /// From where it is read, metres; sets the size of text.
    pub viewing_distance_m: f64,
    #[serde(rename = "output")]
    pub outputs: Vec<Output>,
}

/// One lit panel, without its bezel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    pub id: String,
    /// Left edge from the wall's left, mm, rightwards.
    pub left_mm: f64,
    /// Top edge from the wall's top, mm, downwards.
    pub top_mm: f64,
    pub width_mm: f64,
    pub height_mm: f64,
    pub width_px: u32,
    pub height_px: u32,
    /// Where its window opens on the machine's desktop, pixels.
    #[serde(default)]
    pub window_px: Option<[i32; 2]>,
}

/// Why a wall can't be used.
#[derive(thiserror::Error, Debug, PartialEq)]
pub enum WallError {
    #[error("{0:?} is no wall: write COLUMNSxROWS such as 2x1 or 4x3 (1 to {MOST_OUTPUTS} outputs), or the path of a wall file")]
    Grid(String),
    #[error("output {id:?}: {why}")]
    Output { id: String, why: &'static str },
    #[error("a wall needs at least one [[output]]")]
    Empty,
}

/// More outputs than any command centre's wall has.
pub const MOST_OUTPUTS: u32 = 144;

/// A 55-inch Full HD panel: lit area and lit-to-lit gap of common narrow-bezel units, mm.
const PANEL_MM: (f64, f64) = (1209.6, 680.4);
const GAP_MM: f64 = 3.5;
const PANEL_PX: (u32, u32) = (1920, 1080);
const VIEWING_DISTANCE_M: f64 = 4.0;

impl Wall {
    /// `COLUMNSxROWS` of 55-inch Full HD panels with 3.5 mm from lit to lit, seen from 4 m.
    ///
    /// # Errors
    /// [`WallError::Grid`] for anything else.
    pub fn grid(layout: &str) -> Result<Self, WallError> {
        let bad = || WallError::Grid(layout.to_owned());
        let (columns, rows) = layout.split_once(['x', 'X', '×']).ok_or_else(bad)?;
        let (columns, rows): (u32, u32) = (columns.trim().parse().map_err(|_| bad())?, rows.trim().parse().map_err(|_| bad())?);
        if columns == 0 || rows == 0 || columns.saturating_mul(rows) > MOST_OUTPUTS {
            return Err(bad());
        }
        let outputs = (0..rows).flat_map(|r| (0..columns).map(move |c| (c, r))).enumerate();
        let output = |(i, (c, r)): (usize, (u32, u32))| Output {
            id: (i + 1).to_string(),
            left_mm: f64::from(c) * (PANEL_MM.0 + GAP_MM),
            top_mm: f64::from(r) * (PANEL_MM.1 + GAP_MM),
            width_mm: PANEL_MM.0,
            height_mm: PANEL_MM.1,
            width_px: PANEL_PX.0,
            height_px: PANEL_PX.1,
            window_px: None,
        };
        Ok(Self { name: layout.to_owned(), viewing_distance_m: VIEWING_DISTANCE_M, outputs: outputs.map(output).collect() })
    }

    /// The same wall with every output drawn at `factor` of its pixels, for walls tried out on one desk.
    pub fn scaled(mut self, factor: f64) -> Self {
        for o in &mut self.outputs {
            o.width_px = ((f64::from(o.width_px) * factor).round() as u32).max(16);
            o.height_px = ((f64::from(o.height_px) * factor).round() as u32).max(16);
        }
        self
    }

    /// # Errors
    /// When an output has no size, or there is none.
    pub fn check(&self) -> Result<(), WallError> {
        if self.outputs.is_empty() {
            return Err(WallError::Empty);
        }
        for o in &self.outputs {
            let fail = |why| Err(WallError::Output { id: o.id.clone(), why });
            if !(o.width_mm > 0.0 && o.height_mm > 0.0 && o.left_mm.is_finite() && o.top_mm.is_finite()) {
                return fail("its place and size in mm must be finite and above 0");
            }
            if o.width_px == 0 || o.height_px == 0 {
                return fail("its size in pixels must be above 0");
            }
        }
        Ok(())
    }

    /// Width and height of everything from the first lit pixel to the last, mm.
    pub fn size_mm(&self) -> (f64, f64) {
        let right = self.outputs.iter().map(|o| o.left_mm + o.width_mm).fold(0.0, f64::max);
        let bottom = self.outputs.iter().map(|o| o.top_mm + o.height_mm).fold(0.0, f64::max);
        (right, bottom)
    }

    /// What one output shows of the wall's picture, as fractions of the whole: left, top, right, bottom in 0..1, y down.
    pub fn part(&self, output: &Output) -> [f64; 4] {
        let (w, h) = self.size_mm();
        [output.left_mm / w, output.top_mm / h, (output.left_mm + output.width_mm) / w, (output.top_mm + output.height_mm) / h]
    }

    /// Height of a character on `output` that is seen under `arc_minutes`, pixels.
    ///
    /// ISO 9241-303 asks for at least 16, prefers 20-22; Chinese needs 25 (LOOK.md).
    pub fn character_px(&self, output: &Output, arc_minutes: f64) -> f64 {
        let height_mm = self.viewing_distance_m * 1000.0 * (arc_minutes / 60.0).to_radians().tan();
        height_mm * f64::from(output.height_px) / output.height_mm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_panels_share_one_picture_and_the_bezel_hides_a_strip_of_it() {
        let wall = Wall::grid("2x1").unwrap();
        let (a, b) = (wall.part(&wall.outputs[0]), wall.part(&wall.outputs[1]));
        assert_eq!((a[0], a[1], a[3], b[2]), (0.0, 0.0, 1.0, 1.0));
        let hidden = b[0] - a[2];
        assert!((hidden * wall.size_mm().0 - GAP_MM).abs() < 1e-9);
    }

    #[test]
    fn at_ten_metres_chinese_is_115_pixels_on_a_55_inch_panel() {
        let wall = Wall { viewing_distance_m: 10.0, ..Wall::grid("1x1").unwrap() };
        assert!((wall.character_px(&wall.outputs[0], 25.0) - 115.0).abs() < 1.0);
        assert!((wall.character_px(&wall.outputs[0], 20.0) - 92.0).abs() < 1.0);
    }

    #[test]
    fn nonsense_is_refused_with_the_mend() {
        for bad in ["", "2", "0x1", "x", "99999x99999", "2x-1"] {
            assert!(Wall::grid(bad).unwrap_err().to_string().contains("2x1"), "{bad}");
        }
    }
}
