//! How much of what was loaded goes to the graphics device in one frame, so that no frame of a flight takes much longer than the others.

use super::CityTiles;
use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;
use std::time::Duration;

/// Milliseconds of a frame that building and uploading tiles may take; one tile goes in any case.
const UPLOAD_MS: f64 = 4.0;
/// Where frames take long anyway, uploads may have this part of one: 4 ms of 150 would keep people waiting for nothing.
const UPLOAD_PART: f64 = 0.3;
/// Weight of the newest frame in what a byte is reckoned to take.
const NEWEST: f64 = 0.25;

/// What a byte of a tile takes, learnt from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Pace {
    ns_per_byte: Option<f64>,
    /// Of frames that uploaded nothing, milliseconds.
    frame_ms: f64,
}

impl Pace {
    /// Learns of a frame that took `frame` as a whole, and tells how many bytes the next may take; `None` where the frame uploaded nothing.
    pub(super) fn learn(&mut self, bytes: usize, took: Duration, frame: Duration) -> Option<usize> {
        if bytes == 0 {
            self.frame_ms += (frame.as_secs_f64() * 1e3 - self.frame_ms) * NEWEST;
            return None;
        }
        let seen = took.as_secs_f64() * 1e9 / bytes as f64;
        let known = self.ns_per_byte.map_or(seen, |before| before + (seen - before) * NEWEST).max(1e-3);
        self.ns_per_byte = Some(known);
        Some((UPLOAD_MS.max(self.frame_ms * UPLOAD_PART) * 1e6 / known) as usize)
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
        let learn = |pace: &mut Pace, bytes, took| pace.learn(bytes, took, Duration::ZERO);
        assert_eq!(learn(&mut pace, 0, Duration::ZERO), None);
        assert_eq!(learn(&mut pace, 1_000_000, Duration::from_millis(4)), Some(1_000_000));
        let slower = learn(&mut pace, 1_000_000, Duration::from_millis(40)).unwrap();
        assert!(slower < 1_000_000, "{slower}");
        let quicker = learn(&mut pace, 1_000_000, Duration::from_micros(1)).unwrap();
        assert!(quicker > slower, "{quicker}");
    }

    #[test]
    fn slow_frames_take_more_than_the_least() {
        let mut pace = Pace::default();
        for _ in 0..40 {
            assert_eq!(pace.learn(0, Duration::ZERO, Duration::from_millis(150)), None);
        }
        let bytes = pace.learn(1_000_000, Duration::from_millis(4), Duration::from_millis(150)).unwrap();
        assert!((10_000_000..12_000_000).contains(&bytes), "45 ms at a million in 4: {bytes}");
    }
}
