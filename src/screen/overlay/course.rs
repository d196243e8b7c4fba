//! The course of an event as a line on the ground.

use super::Projector;
use crate::screen::style::TextSizes;
use bevy_egui::egui::{Color32, Painter, Pos2, Stroke};

const COLOUR: Color32 = Color32::from_rgb(0x36, 0xD6, 0xC3);
/// Points of the course drawn at most; a marathon every 25 m has 1,700.
const POINTS_MAX: usize = 4_000;

/// Longitudes and latitudes of all track points of a GPX text, in order.
///
/// # Errors
/// In words, when the text is no GPX.
pub fn read(gpx_text: &[u8]) -> Result<Vec<[f64; 2]>, String> {
    let file = gpx::read(gpx_text).map_err(|e| format!("marathon.gpx: {e}"))?;
    let points = file.tracks.iter().flat_map(|t| &t.segments).flat_map(|s| &s.points).map(|p| [p.point().x(), p.point().y()]);
    Ok(points.take(POINTS_MAX).collect())
}

/// Draws the parts of the course that are in view, farther ones thinner.
pub fn draw(painter: &Painter, projector: &Projector, text: &TextSizes, course: &[[f64; 2]], ground: &dyn Fn(f64, f64) -> f64) {
    let mut run: Vec<Pos2> = Vec::new();
    let flush = |run: &mut Vec<Pos2>| {
        if run.len() > 1 {
            let width = (text.body * 0.2).max(2.0);
            painter.line(run.clone(), Stroke::new(width * 2.0, Color32::from_rgba_unmultiplied(6, 14, 20, 130)));
            painter.line(std::mem::take(run), Stroke::new(width, COLOUR.gamma_multiply(0.9)));
        }
        run.clear();
    };
    let around = projector.screen.expand(200.0);
    for [lon, lat] in course {
        let spot = projector.spot(*lon, *lat, ground(*lon, *lat) + 3.0).filter(|s| s.distance_m < 25_000.0);
        match spot.map(|s| projector.place(&s)).filter(|p| around.contains(*p)) {
            Some(at) => run.push(at),
            None => flush(&mut run),
        }
    }
    flush(&mut run);
}
