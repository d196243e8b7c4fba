use super::*;
use crate::heat::Family;
use glam::{DVec2, UVec2};
use proptest::prelude::*;

const EVERYWHERE: f64 = f64::INFINITY;

/// What this machine's vectors are and those of older ones, down to none.
pub(crate) fn levels() -> impl Iterator<Item = Level> {
    let best = Level::new();
    #[cfg(target_arch = "x86_64")]
    let lesser = best.as_sse4_2().map(Level::Sse4_2);
    #[cfg(not(target_arch = "x86_64"))]
    let lesser = None;
    [Some(best), lesser, Some(Level::baseline())].into_iter().flatten()
}

fn model(which: usize, nugget: f64) -> Variogram {
    let family = [Family::Spherical, Family::Exponential, Family::Gaussian][which % 3];
    let nugget = if family == Family::Gaussian { nugget.max(0.05) } else { nugget };
    Variogram { family, nugget, partial_sill: 40.0, range_m: 1_500.0 }
}

/// The same, some of them higher than others.
fn high_cloud(readings: &[(f64, f64, f64)]) -> Vec<Sample> {
    cloud(readings).into_iter().enumerate().map(|(i, s)| Sample { up_m: f64::from(i as u32 % 3) * 400.0, ..s }).collect()
}

fn cloud(readings: &[(f64, f64, f64)]) -> Vec<Sample> {
    readings.iter().map(|&(x, y, value)| Sample { at_m: DVec2::new(x, y), up_m: 0.0, value }).collect()
}

/// Air over a made-up city: two slow waves, a hill and a little noise, at `n` places.
pub(crate) fn city(n: usize) -> Vec<Sample> {
    let part = |i: usize, by: f64| ((i as f64 + 0.5) * by).fract();
    (0..n)
        .map(|i| {
            let at_m = DVec2::new(part(i, 0.754_877_666), part(i, 0.569_840_291)) * 10_000.0;
            let hill = (-(at_m - DVec2::new(6_000.0, 3_000.0)).length_squared() / 2e6).exp();
            let value =
                60.0 + 25.0 * (at_m.x / 2_100.0).sin() + 20.0 * (at_m.y / 2_900.0).cos() + 40.0 * hill + 4.0 * (part(i, 0.618) - 0.5);
            Sample { at_m, up_m: 0.0, value }
        })
        .collect()
}

/// The textbook's system with a Lagrange multiplier, by Gauss-Jordan: what the short form is held to.
fn by_the_textbook(samples: &[Sample], model: &Variogram, place: DVec3) -> (f64, f64) {
    let n = samples.len();
    let mut rows: Vec<Vec<f64>> = (0..=n)
        .map(|i| {
            let g = |p: DVec3, q: DVec3| model.at(p.distance(q));
            match samples.get(i) {
                Some(s) => samples.iter().map(|t| g(s.place_m(), t.place_m())).chain([1.0, g(s.place_m(), place)]).collect(),
                None => std::iter::repeat_n(1.0, n).chain([0.0, 1.0]).collect(),
            }
        })
        .collect();
    for column in 0..=n {
        let pivot = (column..=n).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs())).unwrap();
        rows.swap(column, pivot);
        let lead = rows[column].clone();
        for (i, row) in rows.iter_mut().enumerate().filter(|(i, _)| *i != column) {
            let factor = row[column] / lead[column];
            let _ = i;
            row.iter_mut().zip(&lead).for_each(|(a, b)| *a -= factor * b);
        }
    }
    let solution: Vec<f64> = rows.iter().enumerate().map(|(i, row)| row[n + 1] / row[i]).collect();
    let value = samples.iter().zip(&solution).map(|(s, w)| s.value * w).sum();
    let variance = samples.iter().zip(&solution).map(|(s, w)| model.at(s.place_m().distance(place)) * w).sum::<f64>() + solution[n];
    (value, variance)
}

#[test]
fn a_field_steps_at_the_borders_of_blocks_by_no_more_than_a_hundredth_of_the_range() {
    let kriging = Kriging::fit(&city(500), 16).unwrap();
    let grid = Grid { origin_m: DVec2::ZERO, size_m: DVec2::splat(10_000.0), cells: UVec2::splat(256), up_m: 0.0 };
    let raster = kriging.onto(grid, EVERYWHERE);
    let (low, high) = raster.values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let mut worst = 0.0f64;
    for (x, y) in (0..256).step_by(5).flat_map(|y| (0..256).step_by(7).map(move |x| (x, y))) {
        let alone = kriging.at(grid.raised(grid.centre(x, y)), EVERYWHERE).unwrap();
        let (value, variance) = raster.cell(UVec2::new(x, y)).unwrap();
        worst = worst.max((f64::from(value) - alone.value).abs());
        assert!((f64::from(variance).sqrt() - alone.error.unwrap()).abs() < 0.1 * kriging.variogram().sill().sqrt());
    }
    assert!(worst < 0.01 * f64::from(high - low), "{worst} of {}", high - low);
}

#[test]
fn fitted_to_a_city_it_knows_better_than_the_mean_what_a_sensor_would_read() {
    let samples = city(300);
    let kriging = Kriging::fit(&samples, 16).unwrap();
    let mean = samples.iter().map(|s| s.value).sum::<f64>() / 300.0;
    let spread = (samples.iter().map(|s| (s.value - mean).powi(2)).sum::<f64>() / 300.0).sqrt();
    let error = kriging.leave_one_out_rmse().unwrap();
    assert!(error < 0.25 * spread, "{error} against {spread}");
    assert!(Kriging::with(&samples[..2], *kriging.variogram(), 16).leave_one_out_rmse().is_none());
}

#[test]
fn out_of_reach_nothing_is_known_and_doubles_on_one_pole_do_no_harm() {
    let twice = cloud(&[(0.0, 0.0, 10.0), (0.1, 0.0, 30.0), (800.0, 0.0, 40.0)]);
    let kriging = Kriging::with(&twice, model(0, 0.0), 8);
    assert!((kriging.at(DVec3::ZERO, 500.0).unwrap().value - 20.0).abs() < 1e-9);
    assert_eq!(kriging.at(DVec3::new(0.0, 600.0, 0.0), 500.0), None);
    assert_eq!(kriging.at(DVec3::new(800.0, 0.0, 0.0), 500.0).unwrap().shares[0].sample, 2, "shares name the list that was given");
    let grid = Grid { origin_m: DVec2::new(-400.0, 400.0), size_m: DVec2::splat(800.0), cells: UVec2::splat(8), up_m: 0.0 };
    let raster = kriging.onto(grid, 500.0);
    assert!(raster.cell(UVec2::new(4, 0)).unwrap().0.is_finite() && raster.cell(UVec2::new(0, 7)).unwrap().0.is_nan());
    assert_eq!(Kriging::with(&[], model(0, 0.0), 8).at(DVec3::ZERO, EVERYWHERE), None);
}

proptest! {
    #[test]
    fn it_is_the_textbooks_system_with_weights_that_sum_to_one(
        readings in prop::collection::vec((-3e3..3e3f64, -3e3..3e3f64, -50.0..500.0f64), 2..9),
        which in 0usize..3, nugget in 0.0..9.0f64, x in -4e3..4e3f64, y in -4e3..4e3f64, z in 0.0..2e3f64
    ) {
        let (samples, model, place) = (high_cloud(&readings), model(which, nugget), DVec3::new(x, y, z));
        let estimate = Kriging::with(&samples, model, 32).at(place, EVERYWHERE).unwrap();
        prop_assert!((estimate.shares.iter().map(|s| s.weight).sum::<f64>() - 1.0).abs() < 1e-9);
        let (value, variance) = by_the_textbook(&distinct(&samples).samples, &model, place);
        prop_assert!((estimate.value - value).abs() < 1e-3, "{} is not {value}", estimate.value);
        prop_assert!((estimate.error.unwrap().powi(2) - variance).abs() < 1e-3 * model.sill());
    }

    #[test]
    fn at_a_sensor_it_is_the_reading_without_error_and_the_error_grows_going_away(
        readings in prop::collection::vec((-3e3..3e3f64, -3e3..3e3f64, -50.0..500.0f64), 1..12), which in 0usize..3, nugget in 0.0..9.0f64
    ) {
        let (samples, model) = (distinct(&cloud(&readings)).samples, model(which, nugget));
        let kriging = Kriging::with(&samples, model, 32);
        for s in &samples {
            let here = kriging.at(s.place_m(), EVERYWHERE).unwrap();
            prop_assert!((here.value - s.value).abs() < 1e-3 && here.error.unwrap().powi(2) < 1e-6 * model.sill());
        }
        let from = samples.iter().map(|s| s.at_m.x).fold(f64::NEG_INFINITY, f64::max);
        let away = |step: i32| kriging.at(DVec3::new(from + 1.0 + 400.0 * f64::from(step), samples[0].at_m.y, 0.0), EVERYWHERE).unwrap();
        let errors: Vec<f64> = (0..8).map(|step| away(step).error.unwrap()).collect();
        prop_assert!(errors.windows(2).all(|e| e[1] >= e[0] - 1e-6), "{errors:?}");
    }

    #[test]
    fn a_grid_of_one_block_is_what_each_place_gives_alone(
        readings in prop::collection::vec((-3e3..3e3f64, -3e3..3e3f64, -50.0..500.0f64), 1..9), which in 0usize..3, nugget in 0.0..9.0f64
    ) {
        // With fewer samples than neighbours every block has the same ones.
        let mut kriging = Kriging::with(&high_cloud(&readings), model(which, nugget), 16);
        let grid = Grid { origin_m: DVec2::splat(-3e3), size_m: DVec2::new(6e3, 4e3), cells: UVec2::new(11, 9), up_m: 250.0 };
        for level in levels() {
            kriging.level = level;
            let raster = kriging.onto(grid, EVERYWHERE);
            for (x, y) in (0..9).flat_map(|y| (0..11).map(move |x| (x, y))) {
                let alone = kriging.at(grid.raised(grid.centre(x, y)), EVERYWHERE).unwrap();
                let (value, variance) = raster.cell(UVec2::new(x, y)).unwrap();
                prop_assert!((f64::from(value) - alone.value).abs() < 0.02, "{value} is not {} ({level:?})", alone.value);
                prop_assert!((f64::from(variance) - alone.error.unwrap().powi(2)).abs() < 0.01);
            }
        }
    }
}
