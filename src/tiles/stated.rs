//! What metadata states of a tile or its content in place of what the rule of an implicit tileset gives: volume, heights, error, refinement.
//!
//! Source: 3D Metadata Semantic Reference, `TILE_*` and `CONTENT_*`; where several volumes are stated, the order is CesiumJS's.

use super::implicit::VolumeShape;
use super::tileset::volume_shape;
use super::tree::Refine;
use crate::geo::Region;
use serde_json::{Value, json};

/// What is stated of one thing; most metadata states nothing of this.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Stated {
    shape: Option<VolumeShape>,
    min_height_m: Option<f64>,
    max_height_m: Option<f64>,
    /// In units of the tile's own frame, as `geometricError` in a file.
    pub geometric_error: Option<f64>,
    pub refine: Option<Refine>,
    /// Values that can't be used; what the rule gives stands in for them.
    pub unusable: usize,
}

/// Whose semantics are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    Tile,
    Content,
}

impl Stated {
    /// `value` gives the value of a semantic, if there is one.
    pub fn read(of: Of, value: impl Fn(&str) -> Option<Value>) -> Self {
        let mut stated = Self::default();
        let prefix = match of {
            Of::Tile => "TILE",
            Of::Content => "CONTENT",
        };
        for shape in ["BOX", "REGION", "SPHERE"] {
            let Some(numbers) = value(&format!("{prefix}_BOUNDING_{shape}")) else { continue };
            match volume_shape(&json!({ shape.to_lowercase(): numbers }), "") {
                Ok(shape) => stated.shape = stated.shape.or(Some(shape)),
                Err(_) => stated.unusable += 1,
            }
        }
        stated.min_height_m = stated.number(value(&format!("{prefix}_MINIMUM_HEIGHT")), f64::NEG_INFINITY);
        stated.max_height_m = stated.number(value(&format!("{prefix}_MAXIMUM_HEIGHT")), f64::NEG_INFINITY);
        if matches!(of, Of::Tile) {
            stated.geometric_error = stated.number(value("TILE_GEOMETRIC_ERROR"), 0.0);
            stated.refine = match stated.number(value("TILE_REFINE"), 0.0) {
                Some(0.0) => Some(Refine::Add),
                Some(1.0) => Some(Refine::Replace),
                None => None,
                Some(_) => {
                    stated.unusable += 1;
                    None
                }
            };
        }
        stated
    }

    fn number(&mut self, value: Option<Value>, least: f64) -> Option<f64> {
        let value = value?;
        let number = value.as_f64().filter(|n| n.is_finite() && *n >= least);
        self.unusable += usize::from(number.is_none());
        number
    }

    /// The stated volume, with the stated heights where it is a region; `otherwise`, what stands where nothing is stated, takes the heights too.
    /// `None` where nothing is stated that changes it.
    ///
    /// Heights go before a volume that has none: with both, a box beside heights, `otherwise` is taken if it is a region.
    pub fn shape(&self, otherwise: VolumeShape) -> Option<VolumeShape> {
        let higher = |shape: VolumeShape| match shape {
            VolumeShape::Region(r) if self.min_height_m.is_some() || self.max_height_m.is_some() => Some(VolumeShape::Region(Region {
                min_height_m: self.min_height_m.unwrap_or(r.min_height_m),
                max_height_m: self.max_height_m.unwrap_or(r.max_height_m),
                ..r
            })),
            _ => None,
        };
        self.shape.and_then(higher).or_else(|| higher(otherwise)).or(self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::{DMat3, DVec3};

    fn read(of: Of, json: &Value) -> Stated {
        Stated::read(of, |semantic| json.get(semantic).cloned())
    }

    fn region(min_height_m: f64, max_height_m: f64) -> VolumeShape {
        VolumeShape::Region(Region { west_rad: 0.0, south_rad: 0.0, east_rad: 0.1, north_rad: 0.1, min_height_m, max_height_m })
    }

    #[test]
    fn volumes_are_taken_in_order_and_heights_narrow_regions() {
        let a_box = json!([1, 2, 3, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
        let both = read(Of::Tile, &json!({ "TILE_BOUNDING_SPHERE": [0, 0, 0, 9], "TILE_BOUNDING_BOX": a_box }));
        let the_box = VolumeShape::Box { centre: DVec3::new(1.0, 2.0, 3.0), half_axes: DMat3::IDENTITY };
        assert_eq!(both.shape(region(0.0, 100.0)), Some(the_box));
        let own = read(Of::Content, &json!({ "CONTENT_BOUNDING_REGION": [0, 0, 0.1, 0.1, 0, 50], "CONTENT_MAXIMUM_HEIGHT": 20 }));
        assert_eq!(own.shape(the_box), Some(region(0.0, 20.0)));
        let heights = read(Of::Tile, &json!({ "TILE_MINIMUM_HEIGHT": -3.5, "TILE_BOUNDING_BOX": a_box }));
        assert_eq!([heights.shape(region(0.0, 100.0)), heights.shape(the_box)], [Some(region(-3.5, 100.0)), Some(the_box)]);
        assert_eq!(read(Of::Content, &json!({ "TILE_MAXIMUM_HEIGHT": 1 })), Stated::default());
        assert_eq!(Stated::default().shape(the_box), None);
    }

    #[test]
    fn what_makes_no_sense_is_counted_and_not_taken() {
        let wrong =
            json!({ "TILE_BOUNDING_BOX": [1, 2], "TILE_BOUNDING_SPHERE": [0, 0, 0, 9], "TILE_GEOMETRIC_ERROR": -1, "TILE_REFINE": 7 });
        let stated = read(Of::Tile, &wrong);
        assert_eq!((stated.unusable, stated.geometric_error, stated.refine), (3, None, None));
        assert!(matches!(stated.shape, Some(VolumeShape::Sphere { .. })));
        assert_eq!(read(Of::Tile, &json!({ "TILE_REFINE": 0 })).refine, Some(Refine::Add));
    }
}
