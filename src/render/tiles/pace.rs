//! How much of what was loaded goes to the graphics device in one frame, so that no frame of a flight takes much longer than the others.

use super::CityTiles;
use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;
use std::time::Duration;

/// Milliseconds of a frame that building and uploading tiles may take; one tile goes in any case.
const UPLOAD_MS: f64 = 4.0;
/// Weight of the newest frame in what a byte is reckoned to take.
const NEWEST: f64 = 0.25;

/// What a byte of a tile takes, learnt from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Pace {
    ns_per_byte: Option<f64>,
}

impl Pace {
    /// Learns of a frame, and tells how many bytes the next may take; `None` where the frame uploaded nothing.
    pub(super) fn learn(&mut self, bytes: usize, took: Duration) -> Option<usize> {
        if bytes == 0 {
            return None;
        }
        let seen = took.as_secs_f64() * 1e9 / bytes as f64;
        let known = self.ns_per_byte.map_or(seen, |before| before + (seen - before) * NEWEST).max(1e-3);
        self.ns_per_byte = Some(known);
        Some((UPLOAD_MS * 1e6 / known) as usize)
    }
}

/// Tells the engine whether the graphics device has memory of its own, once that is known.
pub(super) fn fit_memory(city: Option<ResMut<CityTiles>>, adapter: Option<Res<RenderAdapterInfo>>, mut told: Local<bool>) {
    let (false, Some(mut city), Some(adapter)) = (*told, city, adapter) else { return };
    city.tileset.fit_memory(format!("{:?}", adapter.device_type) == "DiscreteGpu");
    *told = true;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_uploads_make_the_next_frame_take_less_and_quick_ones_more() {
        let mut pace = Pace::default();
        assert_eq!(pace.learn(0, Duration::ZERO), None);
        assert_eq!(pace.learn(1_000_000, Duration::from_millis(4)), Some(1_000_000));
        let slower = pace.learn(1_000_000, Duration::from_millis(40)).unwrap();
        assert!(slower < 1_000_000, "{slower}");
        let quicker = pace.learn(1_000_000, Duration::from_micros(1)).unwrap();
        assert!(quicker > slower, "{quicker}");
    }
}
