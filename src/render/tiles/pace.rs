//! How much of what was loaded goes to the graphics device in one frame, so that no frame of a flight takes much longer than the others.

use std::time::Duration;

/// Milliseconds of a frame that building and uploading tiles may take; one tile goes in any case.
const UPLOAD_MS: f64 = 4.0;
/// Where frames take long anyway, uploads may have this part of one: 4 ms of 150 would keep people waiting for nothing.
const UPLOAD_PART: f64 = 0.3;
/// Bytes of a frame before the first picture is whole, when nobody sees a frame that takes long.
const BYTES_OPENING: usize = 64 << 20;
/// Seconds with something on screen after which a picture that is not whole yet is paced all the same.
const OPENING_S: f64 = 10.0;
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
    /// Bytes of the two frames before, the last first.
    before: [usize; 2],
    /// Frames are drawn while the next is made ready: how long one took is known a frame later.
    pub(super) pipelined: bool,
    /// The first picture was whole, or has been partly there for long enough.
    opened: bool,
    opening_s: f64,
}

/// How far tiles have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Some,
    /// All that the views need.
    Whole,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            bytes: BYTES_FIRST,
            frame_ms: None,
            upload_ms: 0.0,
            uploaded: 0.0,
            before: [0; 2],
            pipelined: false,
            opened: false,
            opening_s: 0.0,
        }
    }
}

impl Pace {
    /// What is left of a frame's bytes once `handed` are; enough for one tile in any case, or else nothing would ever come.
    pub(super) fn left(&self, handed: usize) -> usize {
        let bytes = if self.opened { self.bytes } else { BYTES_OPENING };
        if handed == 0 { bytes.max(1) } else { bytes.saturating_sub(handed) }
    }

    /// Learns that `bytes` are handed over now, how long the last frame took that is done, as a whole, and what is shown.
    pub(super) fn learn(&mut self, bytes: usize, frame: Duration, shown: Shown) {
        if !self.opened {
            self.opening_s += if shown == Shown::Nothing { 0.0 } else { frame.as_secs_f64() };
            self.opened = shown == Shown::Whole || self.opening_s > OPENING_S;
            return;
        }
        let ms = frame.as_secs_f64() * 1e3;
        let uploaded = self.before[usize::from(self.pipelined)];
        self.before = [bytes, self.before[0]];
        match (uploaded, self.frame_ms) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of 20 ms and one upload each of `bytes` that takes `ms` more.
    fn after(bytes: usize, ms: u64, frames: usize) -> Pace {
        let mut pace = Pace { opened: true, ..Pace::default() };
        pace.learn(0, Duration::from_millis(20), Shown::Whole);
        pace.learn(bytes, Duration::from_millis(20), Shown::Whole);
        (0..frames).for_each(|_| pace.learn(bytes, Duration::from_millis(20 + ms), Shown::Whole));
        pace
    }

    #[test]
    fn slow_uploads_make_the_next_frame_take_less_and_quick_ones_more() {
        let mut opening = Pace::default();
        opening.learn(50_000_000, Duration::from_millis(900), Shown::Some);
        assert_eq!(opening.left(0), BYTES_OPENING);
        opening.learn(0, Duration::from_millis(20), Shown::Whole);
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
        pace.learn(0, Duration::from_millis(420), Shown::Whole);
        let held_up = pace.left(0);
        assert!(held_up < 150_000, "{held_up}");
        pace.learn(0, Duration::from_millis(20), Shown::Whole);
        pace.learn(1_000_000, Duration::from_millis(20), Shown::Whole);
        (0..30).for_each(|_| pace.learn(1_000_000, Duration::from_millis(24), Shown::Whole));
        assert!(pace.left(0) > 1_400_000, "{}", pace.left(0));
        let mut slow = Pace { opened: true, ..Pace::default() };
        slow.learn(0, Duration::from_millis(150), Shown::Whole);
        slow.learn(1_000_000, Duration::from_millis(150), Shown::Whole);
        slow.learn(0, Duration::from_millis(154), Shown::Whole);
        assert!(slow.left(0).abs_diff(11_250_000) < 100, "45 ms at a million in 4: {slow:?}");
    }

    #[test]
    fn where_frames_are_pipelined_an_upload_is_charged_with_the_frame_that_drew_it() {
        let costs = |pipelined, times: [u64; 4]| {
            let mut pace = Pace { opened: true, pipelined, ..Pace::default() };
            for (bytes, ms) in [0, 1_000_000, 0, 0].into_iter().zip(times) {
                pace.learn(bytes, Duration::from_millis(ms), Shown::Whole);
            }
            pace.left(0)
        };
        // 6 ms at a million in 10.
        for left in [costs(false, [20, 20, 30, 20]), costs(true, [20, 20, 20, 30])] {
            assert!(left.abs_diff(600_000) < 10, "{left}");
        }
    }

    #[test]
    fn a_picture_that_never_gets_whole_is_paced_after_a_while() {
        let mut pace = Pace::default();
        pace.learn(1_000_000, Duration::from_secs(60), Shown::Nothing);
        (0..9).for_each(|_| pace.learn(1_000_000, Duration::from_secs(1), Shown::Some));
        assert_eq!(pace.left(0), BYTES_OPENING);
        (0..2).for_each(|_| pace.learn(1_000_000, Duration::from_secs(1), Shown::Some));
        assert_eq!(pace.left(0), BYTES_FIRST);
    }
}
