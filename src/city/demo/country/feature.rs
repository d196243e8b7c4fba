//! One building as a line of CityJSONSeq.

use super::Relief;
use super::settlement::{House, Settlement};
use crate::city::demo::shape::Shell;
use crate::city::source::Surface;
use glam::{DVec2, DVec3};
use serde::Serialize;
use std::io::Write;

/// The foot of a building goes this far into the lowest ground it touches, metres.
const FOOT_M: f64 = 0.6;

#[derive(Serialize)]
struct Attributes<'a> {
    #[serde(rename = "use")]
    usage: &'a str,
    storeys: u32,
    height_m: f64,
    ground_m: f64,
    roof: &'a str,
    year: u32,
    settlement: &'a str,
    settlement_en: &'a str,
}

/// Puts the line of building `serial` behind `text`.
pub fn write(text: &mut Vec<u8>, serial: usize, settlement: &Settlement, house: &House, relief: &Relief) {
    let (shell, ground_m) = shell(house, relief);
    let attributes = Attributes {
        usage: house.usage,
        storeys: house.storeys,
        height_m: (house.tier.highest() * 10.0).round() / 10.0,
        ground_m: (ground_m * 100.0).round() / 100.0,
        roof: house.roof,
        year: house.year,
        settlement: &settlement.name,
        settlement_en: &settlement.name_en,
    };
    let rings: Vec<&Vec<Vec<u32>>> = shell.faces.iter().map(|(_, rings)| rings).collect();
    let values: Vec<u8> = shell.faces.iter().map(|(surface, _)| value(*surface)).collect();
    // Writing to memory does not fail.
    let _ =
        write!(text, r#"{{"type":"CityJSONFeature","id":"C{serial:07}","CityObjects":{{"C{serial:07}":{{"type":"Building","attributes":"#);
    put(text, &attributes);
    text.extend_from_slice(br#","geometry":[{"type":"Solid","lod":"2","boundaries":["#);
    put(text, &rings);
    text.extend_from_slice(
        br#"],"semantics":{"surfaces":[{"type":"GroundSurface"},{"type":"WallSurface"},{"type":"RoofSurface"}],"values":["#,
    );
    put(text, &values);
    text.extend_from_slice(br#"]}}]}},"vertices":"#);
    put(text, &shell.points);
    text.extend_from_slice(b"}\n");
}

fn put(text: &mut Vec<u8>, part: &impl Serialize) {
    // Neither writing to memory nor these plain types fail.
    let _ = serde_json::to_writer(text, part);
}

/// Place of a surface in the list of semantic surfaces.
fn value(surface: Surface) -> u8 {
    match surface {
        Surface::Ground => 0,
        Surface::Roof => 2,
        _ => 1,
    }
}

/// The solid in millimetres on the plane, and its ground in metres.
pub fn shell(house: &House, relief: &Relief) -> (Shell, f64) {
    let (centre, turn) = (house.rect.centre, DVec2::from_angle(house.rect.angle));
    let ground_m = relief.height(centre);
    let lowest = house.rect.corners().iter().map(|c| relief.height(*c)).fold(ground_m, f64::min);
    let place = |q: DVec2, z: f64| DVec3::from(((centre + turn.rotate(q)), ground_m + z));
    let mut shell = Shell::default();
    shell.build(&house.tier, lowest - ground_m - FOOT_M, &place);
    (shell, ground_m)
}
