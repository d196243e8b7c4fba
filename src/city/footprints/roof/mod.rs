//! Roofs over a footprint: flat, sloping to a point, along a ridge, or from every edge.
//!
//! Each kind gives a [`Top`] with heights between 0 (eaves) and 1; [`super::solid`] stretches it and puts walls under it. Every edge of a top is
//! shared by two of its faces, in opposite directions, or lies over an edge of the footprint: that is what makes bodies watertight.

mod gable;
mod hipped;
mod ridge;
mod skeleton;
mod star;

use super::outline::Outline;
use crate::city::source::Surface;
use glam::{DVec2, DVec3};

/// Roof shapes drawn here. Source of the words: OpenStreetMap wiki, "Simple 3D Buildings"; Overture's are the same with underscores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoofShape {
    Flat,
    Skillion,
    Gabled,
    Saltbox,
    Gambrel,
    Round,
    Butterfly,
    Hipped,
    HalfHipped,
    Pyramidal,
    Dome,
    Onion,
}

impl RoofShape {
    pub(super) const NAMES: &str =
        "flat, skillion, gabled, half-hipped, hipped, saltbox, gambrel, round, butterfly, pyramidal, cone, dome, onion";

    /// `None` for shapes not drawn here.
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(match word.trim().to_lowercase().replace(['_', ' '], "-").as_str() {
            "flat" | "terrace" => Self::Flat,
            "skillion" | "lean-to" | "shed" | "monopitch" => Self::Skillion,
            "gabled" | "gable" | "pitched" => Self::Gabled,
            "saltbox" => Self::Saltbox,
            "gambrel" => Self::Gambrel,
            "round" | "barrel" => Self::Round,
            "butterfly" => Self::Butterfly,
            "hipped" | "hip" => Self::Hipped,
            "half-hipped" => Self::HalfHipped,
            "pyramidal" | "pyramid" | "cone" | "conical" => Self::Pyramidal,
            "dome" | "spherical" | "sphere" => Self::Dome,
            "onion" => Self::Onion,
            _ => return None,
        })
    }

    /// Pitch where the source gives neither height nor angle, degrees.
    pub(super) fn usual_angle_deg(self) -> f64 {
        match self {
            Self::Flat => 0.0,
            Self::Skillion | Self::Butterfly => 12.0,
            Self::Pyramidal | Self::Hipped => 30.0,
            Self::Gabled | Self::HalfHipped | Self::Saltbox => 35.0,
            // Half a circle rises by its radius.
            Self::Gambrel | Self::Round | Self::Dome => 45.0,
            Self::Onion => 60.0,
        }
    }
}

/// A roof wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RoofWish {
    pub(super) shape: RoofShape,
    /// Where its slope looks down to (of a gabled roof: one of them), degrees clockwise from north.
    pub(super) direction_deg: Option<f64>,
    /// The ridge runs along the shorter side.
    pub(super) across: bool,
}

/// A roof above the eaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Top {
    /// The outline's corners in order, then the roof's own points; z from 0 (eaves) to 1 (highest).
    pub(super) points: Vec<DVec3>,
    pub(super) faces: Vec<TopFace>,
    /// Points on edges of the outline (named by their first corner), in the order of the edge: walls pass through them.
    pub(super) on_edges: Vec<(usize, u32)>,
    /// Metres from the eaves to the highest point as seen from above: height = this * tan(pitch).
    pub(super) run_m: f64,
}

#[derive(Debug, Clone)]
pub(super) struct TopFace {
    /// Roof, or wall for a gable.
    pub(super) surface: Surface,
    pub(super) rings: Vec<Vec<u32>>,
}

impl TopFace {
    fn roof(ring: Vec<u32>) -> Self {
        Self { surface: Surface::Roof, rings: vec![ring] }
    }
}

/// A roof that was asked for and is drawn otherwise.
pub(super) const FLAT_INSTEAD: &str = "roof drawn flat: its shape does not fit the footprint";
pub(super) const HIPPED_INSTEAD: &str = "roof drawn hipped: its shape does not fit the footprint";

/// The roof over an outline, and a word where another than the wished one had to be taken.
pub(super) fn top(outline: &Outline, wish: &RoofWish) -> (Top, Option<&'static str>) {
    let skeleton = |gable: f64| hipped::top(outline, gable).map(|t| (t, None));
    let made = match wish.shape {
        RoofShape::Flat => Some((flat(outline), None)),
        RoofShape::Skillion => ridge::skillion(outline, wish).map(|t| (t, None)),
        RoofShape::Pyramidal | RoofShape::Dome | RoofShape::Onion => {
            star::top(outline, wish.shape).map(|t| (t, None)).or_else(|| hipped::top(outline, 0.0).map(|t| (t, Some(HIPPED_INSTEAD))))
        }
        RoofShape::Hipped => skeleton(0.0),
        RoofShape::HalfHipped => skeleton(0.5),
        RoofShape::Gabled => ridge::top(outline, wish).map(|t| (t, None)).or_else(|| skeleton(1.0)),
        RoofShape::Saltbox | RoofShape::Gambrel | RoofShape::Round | RoofShape::Butterfly => {
            ridge::top(outline, wish).map(|t| (t, None)).or_else(|| hipped::top(outline, 1.0).map(|t| (t, Some(HIPPED_INSTEAD))))
        }
    };
    made.unwrap_or_else(|| (flat(outline), Some(FLAT_INSTEAD)))
}

/// One level face.
pub(super) fn flat(outline: &Outline) -> Top {
    let rings = outline.rings().map(|r| r.map(|c| c as u32).collect()).collect();
    Top { points: level(outline), faces: vec![TopFace { surface: Surface::Roof, rings }], ..Top::default() }
}

/// The corners at the eaves.
fn level(outline: &Outline) -> Vec<DVec3> {
    outline.corners().iter().map(|p| p.extend(0.0)).collect()
}

/// Twice the area of a triangle; positive when it runs counter-clockwise.
fn cross(a: DVec2, b: DVec2, c: DVec2) -> f64 {
    (b - a).perp_dot(c - a)
}
