//! How names look: colours by what they name and how bright the map is, a halo in the ground's colour, two lines, turned along roads.

use super::collide::Block;
use super::levels::Kind;
use crate::screen::style;
use bevy_egui::egui::{Align2, Color32, Painter, Pos2, Vec2, epaint::TextShape, vec2};

/// The two lines of a label; either may be empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    pub first: String,
    pub second: String,
    /// Heights of the lines, points.
    pub sizes: (f32, f32),
    pub kind: Kind,
}

/// One copy of the halo, in the ground's colour.
///
/// Edges of letters are blended in linear light with colours weighted by coverage before: light ones come out too dark, so that a light halo is made
/// brighter than its opacity (several copies of it together end at white).
pub fn halo(bright: bool) -> Color32 {
    if bright { Color32::from_rgba_premultiplied(250, 252, 255, 120) } else { Color32::from_rgba_unmultiplied(0x0A, 0x10, 0x18, 215) }
}

/// Colour of a name. Areas are quieter than what stands in them.
pub fn colour(kind: Kind, bright: bool) -> Color32 {
    let (r, g, b) = match (kind, bright) {
        (Kind::Water, false) => (0x8F, 0xC4, 0xE8),
        (Kind::Water, true) => (0x12, 0x44, 0x6B),
        (Kind::Green, false) => (0x9C, 0xCB, 0xA6),
        (Kind::Green, true) => (0x1F, 0x51, 0x30),
        (Kind::Area(_), false) => (0xC9, 0xD3, 0xE2),
        (Kind::Area(_), true) => (0x2B, 0x37, 0x47),
        (Kind::Road, false) => (0xB6, 0xBC, 0xC4),
        (Kind::Road, true) => (0x30, 0x34, 0x3B),
        (_, false) => (0xEC, 0xE4, 0xD4),
        (_, true) => (0x1B, 0x1E, 0x24),
    };
    Color32::from_rgb(r, g, b)
}

/// The halo's inner and outer ring: width and strength.
const RINGS: [(f32, f32); 2] = [(1.0, 1.0), (2.0, 0.35)];

/// Room that the words take, points.
pub fn measure(painter: &Painter, words: &Words) -> Vec2 {
    let one = |text: &str, size: f32| match text.is_empty() {
        true => Vec2::ZERO,
        false => painter.layout_no_wrap(text.to_owned(), style::regular(size), Color32::WHITE).size(),
    };
    let (a, b) = (one(&words.first, words.sizes.0), one(&words.second, words.sizes.1));
    vec2(a.x.max(b.x) + 4.0, a.y + b.y * 0.9)
}

/// Writes a label.
pub fn write(painter: &Painter, words: &Words, block: &Block, opacity: f32, bright: bool) {
    let ink = colour(words.kind, bright);
    let (sin, cos) = block.angle.sin_cos();
    let mut down = -block.size.y * 0.5;
    for (text, size) in [(&words.first, words.sizes.0), (&words.second, words.sizes.1)] {
        if text.is_empty() {
            continue;
        }
        let galley = painter.layout_no_wrap(text.clone(), style::regular(size), ink);
        let (x, y) = (-galley.size().x * 0.5, down);
        down += galley.size().y * 0.9;
        let start = block.centre + vec2(x * cos - y * sin, x * sin + y * cos);
        let shape = |at: Pos2, colour: Color32| {
            TextShape::new(at, galley.clone(), colour).with_override_text_color(colour).with_angle(block.angle).with_opacity_factor(opacity)
        };
        let width = (size * 0.07).max(1.0);
        for (ring, strength) in RINGS.iter().rev() {
            let tint = halo(bright).gamma_multiply(*strength);
            for step in around(width * ring) {
                painter.add(shape(start + step, tint));
            }
        }
        painter.add(shape(start, ink));
    }
}

fn around(d: f32) -> [Vec2; 8] {
    let s = d * std::f32::consts::FRAC_1_SQRT_2;
    [vec2(d, 0.0), vec2(-d, 0.0), vec2(0.0, d), vec2(0.0, -d), vec2(s, s), vec2(-s, -s), vec2(s, -s), vec2(-s, s)]
}

/// One centred line with a halo in the ground's colour.
pub fn haloed(painter: &Painter, top: Pos2, text: &str, size: f32, (colour, bright): (Color32, bool)) {
    for step in around((size * 0.07).max(1.0)) {
        painter.text(top + step, Align2::CENTER_TOP, text, style::regular(size), halo(bright));
    }
    painter.text(top, Align2::CENTER_TOP, text, style::regular(size), colour);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::area::AreaLevel;

    fn luminance(linear: [f32; 3]) -> f32 {
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    fn linear(v: f32) -> f32 {
        bevy::color::Srgba::gamma_function(v / 255.0)
    }

    /// Background after copies of the halo at half coverage, as the screen blends them.
    fn behind(bright: bool, background: f32) -> [f32; 3] {
        const COPIES: usize = 6;
        let h = halo(bright);
        let kept = 1.0 - 0.5 * f32::from(h.a()) / 255.0;
        [h.r(), h.g(), h.b()].map(|c| (0..COPIES).fold(linear(background), |l, _| (linear(f32::from(c) * 0.5) + kept * l).min(1.0)))
    }

    #[test]
    fn every_name_stands_out_from_its_halo_over_any_background_in_either_brightness() {
        let kinds = [Kind::Area(AreaLevel::Town), Kind::Water, Kind::Green, Kind::Landmark, Kind::Place, Kind::Road, Kind::Building];
        for (kind, bright) in kinds.into_iter().flat_map(|k| [(k, false), (k, true)]) {
            for background in [0.0, 128.0, 255.0] {
                let ink = colour(kind, bright);
                let (a, b) = (luminance([ink.r(), ink.g(), ink.b()].map(|c| linear(f32::from(c)))), luminance(behind(bright, background)));
                let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(ratio >= 4.5, "{kind:?}, bright {bright}, over {background}: {ratio}");
            }
        }
    }
}
