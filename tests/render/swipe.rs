//! Two looks of the city on both sides of a line: each side is what the whole picture would be with its look.

use super::one_at_a_time;
use super::stage::{SIZE, Stage};
use bevy::math::DVec2;
use image::RgbImage;
use std::sync::Arc;
use std::time::Duration;
use yiping::heat::Texel;
use yiping::model::styling::StyleRule;
use yiping::render::heat::{FIELD_SIZE, Field, HeatLayer};
use yiping::render::tiles::{CityStyling, FeatureStates, Swipe};
use yiping::screen::app::{Pump, Quality};

const MIDDLE: u32 = SIZE.x / 2;

fn rule(text: &str) -> Option<StyleRule> {
    Some(toml::from_str(text).unwrap())
}

fn by_height() -> Option<StyleRule> {
    rule("id = 'h'\nname = 'h'\nattribute = 'height_m'\nrange = [0, 60]")
}

fn by_year() -> Option<StyleRule> {
    rule("id = 'y'\nname = 'y'\nattribute = 'year'\nrange = [1960, 2025]\nramp = 'magma'")
}

fn drawn(pump: &mut Pump, styling: CityStyling) -> RgbImage {
    *pump.world_mut().resource_mut::<CityStyling>() = styling;
    // Attributes are read within some frames, then tints go to the device.
    (0..3).for_each(|_| pump.frame());
    assert!(pump.until_ready(6, Duration::from_secs(60)), "the city is drawn");
    pump.picture().unwrap()
}

/// Whether two pictures are alike on one side of the line, which is two pixels wide itself.
fn alike(a: &RgbImage, b: &RgbImage, left: bool) -> bool {
    let columns = if left { 0..MIDDLE - 1 } else { MIDDLE + 1..SIZE.x };
    columns.flat_map(|x| (0..SIZE.y).map(move |y| (x, y))).all(|(x, y)| a.get_pixel(x, y) == b.get_pixel(x, y))
}

#[test]
fn each_side_of_a_comparison_is_what_the_whole_picture_would_be() {
    let _turn = one_at_a_time();
    let Stage(mut pump) = Stage::new(Quality::Lean);
    let whole = |rule| CityStyling { rule, ..CityStyling::default() };
    let split = |rule, right| CityStyling { swipe: Some(Swipe { share: 0.5, right, heat: [true; 2] }), ..whole(rule) };
    let plain = drawn(&mut pump, CityStyling::default());
    let [height, year] = [by_height(), by_year()].map(|rule| drawn(&mut pump, whole(rule)));
    assert!([true, false].iter().all(|left| !alike(&height, &year, *left) && !alike(&height, &plain, *left)), "all three differ");
    assert!(!pump.world().resource::<FeatureStates>().is_comparing(), "a second tint is kept for comparisons alone");
    for (left, right, on_left, on_right) in
        [(by_height(), by_year(), &height, &year), (by_year(), None, &year, &plain), (None, by_height(), &plain, &height)]
    {
        let compared = drawn(&mut pump, split(left, right));
        assert!(alike(&compared, on_left, true), "left of the line");
        assert!(alike(&compared, on_right, false), "right of the line");
    }
    assert_eq!(drawn(&mut pump, CityStyling::default()), plain, "and back");

    let hot = vec![Texel { on_ramp: 0.8, informed: 1.0, left_out: 0.0 }; (FIELD_SIZE * FIELD_SIZE) as usize];
    *pump.world_mut().resource_mut::<HeatLayer>() = HeatLayer {
        shown: true,
        origin_m: DVec2::splat(-20_000.0),
        size_m: DVec2::splat(40_000.0),
        field: Field::Texels(Arc::new(hot)),
        ..HeatLayer::default()
    };
    let all_hot = drawn(&mut pump, CityStyling::default());
    for heat in [[true, false], [false, true]] {
        let compared = drawn(&mut pump, CityStyling { swipe: Some(Swipe { share: 0.5, right: None, heat }), ..CityStyling::default() });
        assert_eq!((alike(&compared, &all_hot, true), alike(&compared, &all_hot, false)), heat.into(), "heat on the left and on the right");
    }
}
