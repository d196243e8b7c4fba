//! A field as its texture: where values stand on the ramp, how well places are informed, where sensors were left out.

use super::{Grid, Index, Raster};
use crate::model::scale::Scale;
use rayon::prelude::*;

/// One texel of the field's texture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Texel {
    /// The value on the ramp, 0 to 1.
    pub on_ramp: f32,
    /// From 1 (as well as can be) to 0.5 (not enough for a colour: hatched) to 0 (nothing is shown).
    pub informed: f32,
    /// 1 where the nearest sensor is one that is left out, 0 where it is one that counts.
    pub left_out: f32,
}

/// A field on its way to the texture.
pub(super) struct Drape(Vec<Texel>, Grid);

/// Values to the ramp; `informed` gets value and doubt of each cell that is known.
pub(super) fn drape(field: &Raster, scale: &Scale, informed: impl Fn(f32, f32) -> f32 + Sync) -> Drape {
    let one = |(value, doubt): (&f32, &f32)| match doubt.is_finite() {
        true => {
            Texel { on_ramp: if value.is_nan() { 0.0 } else { scale.on_ramp(*value) }, informed: informed(*value, *doubt), left_out: 0.0 }
        }
        false => Texel::default(),
    };
    Drape(field.values.par_iter().zip(&field.doubts).map(one).collect(), field.grid)
}

/// 1 at a sensor, 0.5 at the end of its reach, 0 at twice that: as `shaders/heat.wgsl` has it.
pub(super) fn informed_by_distance(nearest_m: f64, reach_m: f64) -> f32 {
    (1.0 - 0.5 * nearest_m / reach_m).clamp(0.0, 1.0) as f32
}

/// How far a place belongs to a sensor that is left out: 0 where one that counts is as near, 1 where it is a fifth farther. As in `shaders/heat.wgsl`.
fn left_out(nearest_m: f64, nearest_left_out_m: f64, reach_m: f64) -> f32 {
    if nearest_left_out_m > reach_m {
        return 0.0;
    }
    let t = ((1.0 - nearest_left_out_m / nearest_m.max(1e-6)) / 0.2).clamp(0.0, 1.0);
    (t * t * (3.0 - 2.0 * t)) as f32
}

impl Drape {
    pub(super) fn texels(self) -> Vec<Texel> {
        self.0
    }

    /// Lets the colour end softly at the reach of the sensors, and the hatching at twice that.
    pub(super) fn within_reach(self, present: &Index, reach_m: f64) -> Self {
        self.each(|texel, place, near| {
            let nearest_m = nearest(present, place, near);
            let end = 1.0 - 0.5 * (nearest_m / reach_m).powi(4);
            let beyond = f64::from(informed_by_distance(nearest_m, reach_m));
            texel.informed = texel.informed.min(if nearest_m < reach_m { end } else { beyond } as f32);
        })
    }

    /// Marks where the nearest sensor is one that is left out.
    pub(super) fn hatched(self, present: &Index, absent: &Index, reach_m: f64) -> Self {
        if absent.is_empty() {
            return self;
        }
        self.each(|texel, place, near| {
            let away = nearest(absent, place, near);
            texel.left_out = if away <= reach_m { left_out(nearest(present, place, near), away, reach_m) } else { 0.0 };
        })
    }

    fn each(mut self, change: impl Fn(&mut Texel, glam::DVec3, &mut Vec<super::Near>) + Sync) -> Self {
        let grid = self.1;
        self.0.par_chunks_mut((grid.cells.x as usize).max(1)).enumerate().for_each_init(Vec::new, |near, (row, texels)| {
            for (column, texel) in texels.iter_mut().enumerate().filter(|(_, t)| t.informed > 0.0) {
                change(texel, grid.raised(grid.centre(column as u32, row as u32)), near);
            }
        });
        self
    }
}

fn nearest(index: &Index, place: glam::DVec3, near: &mut Vec<super::Near>) -> f64 {
    index.nearest(place, 1, near);
    near.first().map_or(f64::INFINITY, |n| n.distance_m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_belongs_to_a_left_out_sensor_only_where_no_other_is_nearer_and_within_its_reach() {
        assert_eq!((left_out(100.0, 100.0, 900.0), left_out(100.0, 79.0, 900.0), left_out(100.0, 300.0, 900.0)), (0.0, 1.0, 0.0));
        assert_eq!((left_out(f64::INFINITY, 899.0, 900.0), left_out(f64::INFINITY, 901.0, 900.0)), (1.0, 0.0));
        assert_eq!(
            (informed_by_distance(0.0, 900.0), informed_by_distance(900.0, 900.0), informed_by_distance(2e3, 900.0)),
            (1.0, 0.5, 0.0)
        );
    }
}
