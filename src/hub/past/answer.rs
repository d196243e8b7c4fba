//! An answer as it goes over the wire: the JSON of a [`PastWorld`], written straight from the history's rows by all cores and packed with
//! gzip once for all who ask. Two hundred thousand readings are 20 MB of JSON and a fifth of it packed.
//!
//! [`PastWorld`]: crate::model::protocol::PastWorld

use crate::history::Sample;
use crate::model::alert::Alert;
use crate::model::incident::Incident;
use crate::model::observation::{Datastream, Quality};
use crate::model::unit::Unit;
use crate::model::view::Known;
use axum::body::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use rayon::prelude::*;
use serde::Serialize;
use std::io::Read;

/// Readings written, and bytes packed, by one core at a time.
const READINGS_A_PIECE: usize = 8_192;
const DAY_US: i64 = 86_400_000_000;
/// Header of a gzip member: deflate, no name, no time, packed fast, of an unknown system (RFC 1952).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// What is told beside the readings.
#[derive(Debug, Serialize)]
pub struct Rest<'a> {
    pub time: DateTime<Utc>,
    pub known: Known,
    pub incidents: &'a [Incident],
    pub units: &'a [Unit],
    pub alerts: &'a [Alert],
    pub missing: &'a [String],
}

/// What was at an instant, packed.
#[derive(Debug)]
pub struct Answer {
    pub time: DateTime<Utc>,
    pub known: Known,
    /// Gzip of the JSON.
    pub packed: Bytes,
}

impl Answer {
    /// A reading is told with its datastream.
    pub fn new(rest: &Rest<'_>, readings: &[(&Datastream, &Sample)]) -> Self {
        // Our own types with string keys: serde_json has no way to refuse them.
        let mut first = serde_json::to_vec(rest).unwrap_or_default();
        first.pop();
        first.extend_from_slice(b",\"observations\":[");
        let mut pieces = vec![Piece::packed(&first, false)];
        let last = readings.len().saturating_sub(1) / READINGS_A_PIECE;
        let room = || Vec::with_capacity(READINGS_A_PIECE * 128);
        // Packed while a core still has it at hand: all of it at once is 20 MB of fresh memory.
        pieces.par_extend(readings.par_chunks(READINGS_A_PIECE).enumerate().map_init(room, |text, (i, readings)| {
            text.clear();
            write(text, readings);
            if i == last {
                // Each reading ends in a comma, which the last has no use for.
                text.pop();
            }
            Piece::packed(text, false)
        }));
        pieces.push(Piece::packed(b"]}", true));
        Self { time: rest.time, known: rest.known, packed: gzip(&pieces).into() }
    }

    /// The JSON, for who can't unpack it.
    pub fn json(&self) -> Vec<u8> {
        let mut json = Vec::new();
        // Packed by us: it can be unpacked.
        let _ = flate2::read::GzDecoder::new(&self.packed[..]).read_to_end(&mut json);
        json
    }
}

/// Readings as serde writes them, each with a comma behind it.
fn write(out: &mut Vec<u8>, readings: &[(&Datastream, &Sample)]) {
    let mut times = Times::default();
    for (datastream, sample) in readings {
        out.extend_from_slice(b"{\"datastream\":");
        json(out, datastream.id.as_str());
        out.extend_from_slice(b",\"phenomenon_time\":\"");
        times.write(out, sample.time_us);
        if let Some(start) = sample.start {
            out.extend_from_slice(b"\",\"phenomenon_start\":\"");
            times.write(out, start.micros());
        }
        out.extend_from_slice(b"\",\"value\":");
        json(out, &sample.value);
        out.extend_from_slice(match sample.quality {
            Quality::Good => b",\"quality\":\"good\"},".as_slice(),
            Quality::Suspect => b",\"quality\":\"suspect\"},",
        });
    }
}

fn json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Strings and numbers into memory: nothing there can fail.
    let _ = serde_json::to_writer(out, value);
}

/// Writes times as `DateTime<Utc>` is serialized, `2026-11-25T06:00:00.5Z` with its 0, 3 or 6 digits; some ten times as fast, since most
/// readings are of the same day.
#[derive(Default)]
struct Times {
    /// Day since 1970 and its date with the `T`.
    day: Option<(i64, String)>,
}

impl Times {
    /// `us`: microseconds since 1970; one that no calendar holds is told as 1970.
    fn write(&mut self, out: &mut Vec<u8>, us: i64) {
        let (day, rest_us) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
        if self.day.as_ref().is_none_or(|(known, _)| *known != day) {
            let Some(midnight) = DateTime::from_timestamp_micros(us) else { return self.write(out, 0) };
            self.day =
                Some((day, midnight.to_rfc3339_opts(SecondsFormat::Secs, true).split_inclusive('T').next().unwrap_or_default().into()));
        }
        out.extend_from_slice(self.day.as_ref().map_or(&[], |(_, date)| date.as_bytes()));
        let (s, us) = (rest_us / 1_000_000, (rest_us % 1_000_000) as u32);
        for (i, part) in [s / 3_600, s / 60 % 60, s % 60].into_iter().enumerate() {
            if i > 0 {
                out.push(b':');
            }
            digits::<2>(out, part as u32);
        }
        if us > 0 {
            out.push(b'.');
            match us % 1_000 {
                0 => digits::<3>(out, us / 1_000),
                _ => digits::<6>(out, us),
            }
        }
        out.push(b'Z');
    }
}

/// A number in exactly `N` digits.
fn digits<const N: usize>(out: &mut Vec<u8>, mut number: u32) {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&text);
}

/// A part of a gzip member, packed by itself: a stream of deflate may be cut at any byte where it was flushed.
struct Piece {
    packed: Vec<u8>,
    sum: Crc,
}

impl Piece {
    fn packed(text: &[u8], is_last: bool) -> Self {
        let mut sum = Crc::new();
        sum.update(text);
        Self { packed: deflated(text, is_last), sum }
    }
}

/// One gzip member of all pieces.
fn gzip(pieces: &[Piece]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pieces.iter().map(|p| p.packed.len()).sum::<usize>() + 18);
    out.extend_from_slice(&GZIP_HEADER);
    let mut whole = Crc::new();
    for piece in pieces {
        out.extend_from_slice(&piece.packed);
        whole.combine(&piece.sum);
    }
    out.extend_from_slice(&whole.sum().to_le_bytes());
    out.extend_from_slice(&whole.amount().to_le_bytes());
    out
}

fn deflated(piece: &[u8], is_last: bool) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::fast(), false);
    let flush = if is_last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut out = Vec::with_capacity(piece.len() / 3 + 64);
    loop {
        let read = deflate.total_in() as usize;
        // Only a stream that is used wrongly fails.
        let status = deflate.compress_vec(&piece[read..], &mut out, flush);
        let is_done = match status {
            Ok(Status::StreamEnd) | Err(_) => true,
            // All was read, and there was room for more than came out.
            Ok(_) => !is_last && deflate.total_in() as usize == piece.len() && out.len() < out.capacity(),
        };
        if is_done {
            return out;
        }
        out.reserve(piece.len() / 4 + 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Series;
    use crate::model::observation::{Observation, SpanStart};
    use crate::model::protocol::PastWorld;
    use proptest::prelude::*;

    fn stream(id: &str) -> Datastream {
        let (id, feed, sensor) = (id.to_owned(), "f".to_owned(), "s".to_owned());
        Datastream { id, feed, sensor, observed_property: "x".into(), unit: String::new(), lon: 0.0, lat: 0.0, height_m: 0.0 }
    }

    fn sample(time_us: i64, start: Option<SpanStart>, value: f64, quality: Quality) -> Sample {
        Sample { series: Series(0), time_us, start, received_us: 0, value, quality }
    }

    fn told(all: &[(Datastream, Sample)]) -> PastWorld {
        let rest =
            Rest { time: DateTime::UNIX_EPOCH, known: Known::default(), incidents: &[], units: &[], alerts: &[], missing: &["m".into()] };
        let answer = Answer::new(&rest, &all.iter().map(|(d, s)| (d, s)).collect::<Vec<_>>());
        serde_json::from_slice(&answer.json()).unwrap()
    }

    #[test]
    fn more_readings_than_one_core_writes_are_told_in_their_order_and_none_is_none() {
        let all: Vec<_> =
            (0..3 * READINGS_A_PIECE + 7).map(|i| (stream(&format!("f/{i}")), sample(i as i64, None, i as f64, Quality::Good))).collect();
        let past = told(&all);
        assert!(past.observations.iter().map(|o| o.datastream.as_str()).eq(all.iter().map(|(d, _)| d.id.as_str())));
        assert_eq!(past.observations[20_000].value, 20_000.0);
        assert_eq!((told(&[]).observations, told(&[]).missing), (vec![], vec!["m".to_owned()]));
    }

    proptest! {
        #[test]
        fn readings_are_written_as_the_protocol_has_them(
            all in proptest::collection::vec((".{0,12}", -9_000_000_000_000_000i64..9_000_000_000_000_000, any::<bool>(), proptest::option::of(0i64..9_999_999_999),
                -1e300f64..1e300, any::<bool>()), 0..40)
        ) {
            let all: Vec<_> = all.into_iter().map(|(id, us, whole, before, value, good)| {
                let us = if whole { us / 1_000_000 * 1_000_000 } else { us };
                let start = before.map(|b| SpanStart::from_micros(us - b * 1_000));
                (stream(&id), sample(us, start, value, if good { Quality::Good } else { Quality::Suspect }))
            }).collect();
            let by_serde: Vec<Observation> = all.iter().map(|(d, s)| Observation {
                datastream: d.id.clone(),
                phenomenon_time: DateTime::from_timestamp_micros(s.time_us).unwrap(),
                phenomenon_start: s.start,
                value: s.value,
                quality: s.quality,
            }).collect();
            let rows: Vec<_> = all.iter().map(|(d, s)| (d, s)).collect();
            let mut text = Vec::new();
            write(&mut text, &rows);
            let list = format!("[{}]", String::from_utf8(text).unwrap().trim_end_matches(','));
            prop_assert_eq!(list, serde_json::to_string(&by_serde).unwrap());
        }

        #[test]
        fn what_is_packed_in_pieces_unpacks_to_them_joined(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3_000), 1..6)
        ) {
            let last = pieces.len() - 1;
            let packed = gzip(&pieces.iter().enumerate().map(|(i, p)| Piece::packed(p, i == last)).collect::<Vec<_>>());
            let mut unpacked = Vec::new();
            let mut reader = flate2::read::GzDecoder::new(&packed[..]);
            reader.read_to_end(&mut unpacked).unwrap();
            prop_assert_eq!(unpacked, pieces.concat());
            prop_assert!(reader.into_inner().is_empty(), "one member, which every client reads to its end");
        }
    }
}
