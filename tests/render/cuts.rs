//! What cuts, filters, colours and a selection do to the picture, pixel by pixel on the device.

use super::one_at_a_time;
use super::stage::{SIZE, Stage, alike, part, same};
use bevy::math::{DVec2, DVec3, Rect, Vec2};
use bevy::prelude::*;
use image::RgbImage;
use yiping::geo::Geodetic;
use yiping::model::styling::{Comparison, Condition, Others, StyleRule};
use yiping::render::camera::SceneFrame;
use yiping::render::clip::CityClip;
use yiping::render::tiles::picking::{PickRegion, PickRequest, PickResult};
use yiping::render::tiles::{CityStyling, CityTiles, SelectedFeature, Swipe};
use yiping::screen::app::Quality;

/// Corners of a rectangle, metres from the scene's anchor.
fn rectangle(low: DVec2, high: DVec2) -> Vec<DVec2> {
    vec![low, DVec2::new(high.x, low.y), high, DVec2::new(low.x, high.y)]
}

fn everywhere() -> Vec<DVec2> {
    rectangle(DVec2::splat(-40_000.0), DVec2::splat(40_000.0))
}

/// Only buildings whose `height_m` is above a value are shown.
fn higher_than(metres: f64) -> CityStyling {
    let taller = Condition { attribute: "height_m".to_owned(), is: Comparison::More, value: metres.into() };
    CityStyling { conditions: vec![taller], ..CityStyling::default() }
}

fn by_height() -> StyleRule {
    toml::from_str("id = 'h'\nname = 'h'\nattribute = 'height_m'\nrange = [0, 60]").unwrap()
}

#[test]
fn cuts_take_what_they_name_and_nothing_else() {
    let _turn = one_at_a_time();
    let mut stage = Stage::new(Quality::Lean);
    let whole = stage.picture();
    let bare = stage.with(higher_than(1e6));
    assert!(same(&whole, &bare) < 0.8, "without its buildings the picture is another: {}", same(&whole, &bare));
    stage.with(CityStyling::default());
    let no_city = stage.with(CityClip { polygon_m: everywhere(), with_ground: true, ..CityClip::default() });
    assert!(same(&no_city, &bare) < 0.7, "with the ground everything goes: {}", same(&no_city, &bare));
    let above_ground = stage.with(CityClip { polygon_m: everywhere(), ..CityClip::default() });
    assert!(same(&above_ground, &bare) > 0.99, "without it the ground stays: {}", same(&above_ground, &bare));
    let kept = stage.with(CityClip { polygon_m: everywhere(), keep_inside: true, ..CityClip::default() });
    assert!(same(&kept, &whole) > 0.99, "what is kept is as it was: {}", same(&kept, &whole));

    // A block in the middle of the picture.
    let frame = stage.0.world().resource::<SceneFrame>().0;
    let middle = frame.geodetic_to_enu(Geodetic::from_degrees(super::golden::NEAR.lon, super::golden::NEAR.lat, 0.0)).truncate();
    let block = rectangle(middle - 120.0, middle + 120.0);
    let without = stage.with(CityClip { polygon_m: block.clone(), ..CityClip::default() });
    let within = stage.with(CityClip { polygon_m: block, keep_inside: true, ..CityClip::default() });
    let at = |picture: &RgbImage, other: &RgbImage, (x, y): (u32, u32)| alike(picture.get_pixel(x, y), other.get_pixel(x, y));
    let gone = part(|x, y| at(&whole, &bare, (x, y)) || !at(&without, &whole, (x, y)));
    let buildings = part(|x, y| !at(&whole, &bare, (x, y)));
    let (cut, left) = (1.0 - same(&without, &whole), 1.0 - same(&within, &bare));
    assert!(cut > 0.02 && cut < buildings, "some buildings go, not all: {cut} of {buildings} ({gone})");
    assert!(left > 0.02 && left < buildings, "the other way round some stay: {left} of {buildings}");
    // Before, beside and behind the block, each building is in one of the two pictures as it was; seen into, walls show their insides.
    let either = part(|x, y| at(&without, &whole, (x, y)) || at(&within, &whole, (x, y)));
    assert!(either > 0.95, "together they are the whole: {either}");

    let level = stage.with(CityClip { planes: vec![(DVec3::Z, 30.0)], ..CityClip::default() });
    let low = 1.0 - same(&level, &whole);
    assert!(low > 0.005 && low < buildings, "a level cut takes what is higher: {low}");

    let below = stage.with(CityClip { see_below_ground: true, ..CityClip::default() });
    let thinned = |odd: bool| part(|x, y| ((x | y) & 1 == 1) == odd && !at(&below, &whole, (x, y)));
    assert!(thinned(false) < 0.01, "every fourth pixel of the ground stays: {}", thinned(false));
    assert!(thinned(true) > 0.05, "the others show what lies below: {}", thinned(true));
    let again = stage.with(CityClip::default());
    assert!(same(&again, &whole) > 0.999);
}

#[test]
fn colours_filters_and_the_line_of_comparison_change_the_pixels_they_are_meant_for() {
    let _turn = one_at_a_time();
    let mut stage = Stage::new(Quality::Lean);
    let plain = stage.picture();
    let bare = stage.with(higher_than(1e6));
    let some = stage.with(higher_than(100.0));
    let is = |a: &RgbImage, b: &RgbImage, x, y| alike(a.get_pixel(x, y), b.get_pixel(x, y));
    let buildings = part(|x, y| !is(&plain, &bare, x, y));
    let towers = part(|x, y| !is(&some, &bare, x, y));
    assert!(towers > 0.01 && towers < buildings - 0.01, "a filter leaves those for which it holds: {towers} of {buildings}");
    let coloured = stage.with(CityStyling { rule: Some(by_height()), ..CityStyling::default() });
    let astray = part(|x, y| is(&plain, &bare, x, y) && !is(&coloured, &plain, x, y));
    let tinted = part(|x, y| !is(&coloured, &plain, x, y));
    assert!(tinted > 0.7 * buildings && astray < 0.01, "buildings are coloured ({tinted} of {buildings}), the ground is not ({astray})");
    let compared = stage.with(CityStyling {
        rule: Some(by_height()),
        swipe: Some(Swipe { share: 0.5, right: None, heat: [true, false] }),
        ..CityStyling::default()
    });
    let half = SIZE.x / 2;
    let left = part(|x, y| x + 2 < half && !is(&compared, &coloured, x, y));
    let right = part(|x, y| x > half + 2 && !is(&compared, &plain, x, y));
    assert!(left < 0.001 && right < 0.001, "coloured left of the line ({left}), plain right of it ({right})");
    let line = (0..SIZE.y).filter(|y| compared.get_pixel(half, *y).0.iter().all(|c| *c > 200)).count();
    assert!(line > SIZE.y as usize * 9 / 10, "the line is seen: {line}");
}

/// What is seen in the whole picture.
fn seen(stage: &mut Stage) -> PickResult {
    let region = PickRegion::Box(Rect::from_corners(Vec2::ZERO, SIZE.as_vec2()));
    let mut cursor = stage.0.world().resource::<Messages<PickResult>>().get_cursor_current();
    stage.0.world_mut().write_message(PickRequest { token: 1, region });
    for _ in 0..200 {
        stage.0.frame();
        if let Some(result) = cursor.read(stage.0.world().resource::<Messages<PickResult>>()).next() {
            return result.clone();
        }
    }
    panic!("no answer to a pick");
}

#[test]
fn the_selected_is_lit_while_others_step_back_or_go_and_shows_through_them_when_asked() {
    let _turn = one_at_a_time();
    let mut stage = Stage::new(Quality::Lean);
    let plain = stage.picture();
    let bare = stage.with(higher_than(1e6));
    stage.with(CityStyling::default());
    let hits = seen(&mut stage).hits;
    let standing: Vec<_> = hits.iter().filter(|h| h.building && !h.id.is_empty()).collect();
    let chosen = standing.first().expect("a building is seen").id.clone();
    let hidden_behind = standing.last().expect("one is hardly seen").id.clone();
    assert!(stage.0.world().resource::<CityTiles>().find(&chosen).is_some());
    let is = |a: &RgbImage, b: &RgbImage, x, y| alike(a.get_pixel(x, y), b.get_pixel(x, y));
    let light = |p: &RgbImage| p.pixels().map(|p| p.0.iter().map(|c| f64::from(*c)).sum::<f64>()).sum::<f64>();

    let lit = stage.with(SelectedFeature(Some(chosen)));
    let own = part(|x, y| !is(&lit, &plain, x, y));
    assert!(own > 0.003, "the selected building is another colour: {own}");
    let dimmed = stage.with(CityStyling { others: Others::Dimmed, ..CityStyling::default() });
    let stepped = part(|x, y| !is(&dimmed, &lit, x, y));
    assert!(stepped > 0.1 && light(&dimmed) < light(&lit), "the others step back and are darker: {stepped}");
    let alone = stage.with(CityStyling { others: Others::Hidden, ..CityStyling::default() });
    let left = part(|x, y| !is(&alone, &bare, x, y));
    assert!(left >= own * 0.9 && left < 0.5, "alone it stands, and no other: {left} for {own}");

    stage.with(CityStyling::default());
    let covered = stage.with(SelectedFeature(Some(hidden_behind)));
    let through = stage.with(CityStyling { see_through: true, ..CityStyling::default() });
    let (little, more) = (part(|x, y| !is(&covered, &plain, x, y)), part(|x, y| !is(&through, &plain, x, y)));
    assert!(more > little, "what others cover is seen through them: {more} after {little}");
}
