//! How much of what was loaded goes to the graphics device in one frame, so that no frame of a flight takes much longer than the others.

use super::TileMemory;
use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;
use std::time::Duration;

/// Milliseconds of a frame that building and uploading tiles may take; one tile goes in any case.
const UPLOAD_MS: f64 = 4.0;
/// Where frames take long anyway, uploads may have this part of one: 4 ms of 150 would keep people waiting for nothing.
const UPLOAD_PART: f64 = 0.3;
/// Bytes of a frame before the first picture is whole, when nobody sees a frame that takes long.
const BYTES_OPENING: usize = 64 << 20;
/// Bytes of a frame before anybody knows how long they take.
const BYTES_FIRST: usize = 2 << 20;
/// Weight of the newest frame in what a byte is reckoned to take.
const NEWEST: f64 = 0.25;
/// A byte is never reckoned quicker than this, nanoseconds: what noise of the machine says.
const NS_PER_BYTE_MIN: f64 = 0.1;

/// What a byte of a tile takes, learnt from frame to frame: by how much longer frames with uploads are than those without. Most of it is spent far from here,
/// where Bevy weaves vertices and drivers copy them.
#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes that a frame may take, of all tilesets together.
    bytes: usize,
    /// Of frames that uploaded nothing, milliseconds.
    frame_ms: Option<f64>,
    /// What uploads took in the last frames and how much it was, fading: large ones weigh more, as they are told from noise better.
    upload_ms: f64,
    uploaded: f64,
    /// Bytes of the frame before.
    before: usize,
    /// The first picture was whole.
    opened: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { bytes: BYTES_FIRST, frame_ms: None, upload_ms: 0.0, uploaded: 0.0, before: 0, opened: false }
    }
}

impl Pace {
    /// What is left of a frame's bytes once `handed` are; enough for one tile in any case, or else nothing would ever come.
    pub(super) fn left(&self, handed: usize) -> usize {
        let bytes = if self.opened { self.bytes } else { BYTES_OPENING };
        if handed == 0 { bytes.max(1) } else { bytes.saturating_sub(handed) }
    }

    /// Learns that `bytes` are handed over now, how long the frame before took as a whole, and whether the picture is whole.
    pub(super) fn learn(&mut self, bytes: usize, frame_before: Duration, whole: bool) {
        if !self.opened {
            self.opened = whole;
            return;
        }
        let ms = frame_before.as_secs_f64() * 1e3;
        match (std::mem::replace(&mut self.before, bytes), self.frame_ms) {
            (0, known) => self.frame_ms = Some(known.map_or(ms, |known| known + (ms - known) * NEWEST)),
            // Nobody knows yet what a frame takes without.
            (_, None) => {}
            (uploaded, Some(without)) => {
                self.upload_ms = (self.upload_ms * (1.0 - NEWEST) + ms - without).max(0.0);
                self.uploaded = self.uploaded * (1.0 - NEWEST) + uploaded as f64;
                let ns_per_byte = (self.upload_ms * 1e6 / self.uploaded).max(NS_PER_BYTE_MIN);
                self.bytes = (UPLOAD_MS.max(without * UPLOAD_PART) * 1e6 / ns_per_byte) as usize;
            }
        }
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

    /// Frames of 20 ms and one upload each of `bytes` that takes `ms` more.
    fn after(bytes: usize, ms: u64, frames: usize) -> Pace {
        let mut pace = Pace { opened: true, ..Pace::default() };
        pace.learn(0, Duration::from_millis(20), true);
        pace.learn(bytes, Duration::from_millis(20), true);
        (0..frames).for_each(|_| pace.learn(bytes, Duration::from_millis(20 + ms), true));
        pace
    }

    #[test]
    fn slow_uploads_make_the_next_frame_take_less_and_quick_ones_more() {
        let mut opening = Pace::default();
        opening.learn(50_000_000, Duration::from_millis(900), false);
        assert_eq!(opening.left(0), BYTES_OPENING);
        opening.learn(0, Duration::from_millis(20), true);
        assert_eq!(opening.left(0), BYTES_FIRST);
        // 30 % of 20 ms, at 4 and at 40 ms a million.
        let [quick, slow] = [after(1_000_000, 4, 8), after(1_000_000, 40, 8)];
        assert!(quick.left(0).abs_diff(1_500_000) < 10 && slow.left(0).abs_diff(150_000) < 10, "{quick:?} {slow:?}");
        assert_eq!(quick.left(0) - quick.left(400_000), 400_000, "tilesets share a frame's bytes");
        assert_eq!(quick.left(2_000_000), 0);
    }

    #[test]
    fn slow_frames_take_more_than_the_least_and_a_hiccup_is_forgotten() {
        let mut pace = after(1_000_000, 4, 20);
        pace.learn(0, Duration::from_millis(420), true);
        let held_up = pace.left(0);
        assert!(held_up < 150_000, "{held_up}");
        pace.learn(0, Duration::from_millis(20), true);
        pace.learn(1_000_000, Duration::from_millis(20), true);
        (0..30).for_each(|_| pace.learn(1_000_000, Duration::from_millis(24), true));
        assert!(pace.left(0) > 1_400_000, "{}", pace.left(0));
        let mut slow = Pace { opened: true, ..Pace::default() };
        slow.learn(0, Duration::from_millis(150), true);
        slow.learn(1_000_000, Duration::from_millis(150), true);
        slow.learn(0, Duration::from_millis(154), true);
        assert!(slow.left(0).abs_diff(11_250_000) < 100, "45 ms at a million in 4: {slow:?}");
    }
}
