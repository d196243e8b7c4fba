//! How much of what was loaded goes to the graphics device in one frame, so that no frame of a flight takes much longer than the others.

use super::TileMemory;
use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;
use std::time::Duration;

/// Milliseconds of a frame that building and uploading tiles may take; one tile goes in any case.
const UPLOAD_MS: f64 = 4.0;
/// Where frames take long anyway, uploads may have this part of one: 4 ms of 150 would keep people waiting for nothing.
const UPLOAD_PART: f64 = 0.3;
/// Bytes of a frame before anybody knows how long they take.
const BYTES_FIRST: usize = 2 << 20;
/// Weight of the newest frame in what a byte is reckoned to take.
const NEWEST: f64 = 0.25;

/// What a byte of a tile takes, learnt from frame to frame.
#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes that a frame may take, of all tilesets together.
    bytes: usize,
    ns_per_byte: Option<f64>,
    /// Of frames that uploaded nothing, milliseconds.
    frame_ms: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { bytes: BYTES_FIRST, ns_per_byte: None, frame_ms: 0.0 }
    }
}

impl Pace {
    /// What is left of a frame's bytes once `handed` are; enough for one tile in any case, or else nothing would ever come.
    pub(super) fn left(&self, handed: usize) -> usize {
        if handed == 0 { self.bytes.max(1) } else { self.bytes.saturating_sub(handed) }
    }

    /// Learns of a frame that took `frame` as a whole and `took` for uploading `bytes`.
    pub(super) fn learn(&mut self, bytes: usize, took: Duration, frame: Duration) {
        if bytes == 0 {
            self.frame_ms += (frame.as_secs_f64() * 1e3 - self.frame_ms) * NEWEST;
            return;
        }
        let seen = took.as_secs_f64() * 1e9 / bytes as f64;
        let known = self.ns_per_byte.map_or(seen, |before| before + (seen - before) * NEWEST).max(1e-3);
        self.ns_per_byte = Some(known);
        self.bytes = (UPLOAD_MS.max(self.frame_ms * UPLOAD_PART) * 1e6 / known) as usize;
    }
}

/// Tells the engine whether the graphics device has memory of its own, once that is known.
pub(super) fn fit_memory(memory: Res<TileMemory>, adapter: Option<Res<RenderAdapterInfo>>, mut told: Local<bool>) {
    let (false, Some(adapter)) = (*told, adapter) else { return };
    memory.0.fit(format!("{:?}", adapter.device_type) == "DiscreteGpu");
    *told = true;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_uploads_make_the_next_frame_take_less_and_quick_ones_more() {
        let mut pace = Pace::default();
        let learn = |pace: &mut Pace, bytes, took| {
            pace.learn(bytes, took, Duration::ZERO);
            pace.left(0)
        };
        assert_eq!(learn(&mut pace, 0, Duration::ZERO), BYTES_FIRST);
        assert_eq!(learn(&mut pace, 1_000_000, Duration::from_millis(4)), 1_000_000);
        assert_eq!((pace.left(400_000), pace.left(2_000_000)), (600_000, 0), "tilesets share a frame's bytes");
        let slower = learn(&mut pace, 1_000_000, Duration::from_millis(40));
        assert!(slower < 1_000_000, "{slower}");
        let quicker = learn(&mut pace, 1_000_000, Duration::from_micros(1));
        assert!(quicker > slower, "{quicker}");
    }

    #[test]
    fn slow_frames_take_more_than_the_least() {
        let mut pace = Pace::default();
        for _ in 0..40 {
            pace.learn(0, Duration::ZERO, Duration::from_millis(150));
        }
        pace.learn(1_000_000, Duration::from_millis(4), Duration::from_millis(150));
        let bytes = pace.left(0);
        assert!((10_000_000..12_000_000).contains(&bytes), "45 ms at a million in 4: {bytes}");
    }
}
