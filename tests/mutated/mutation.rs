//! One to eight small disasters on a real file.

use super::Seed;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

/// Inputs don't grow beyond this.
const BYTES_MAX: usize = 8 << 20;
const NUMBERS: [&str; 18] = [
    "0",
    "-1",
    "1",
    "-0",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "-9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999",
    "1e308",
    "1e-320",
    "1e999",
    "-1e999",
    "1.5",
    "NaN",
];
const WORDS: [&str; 12] =
    ["null", "true", "[]", "{}", "\"\"", "[[[[[[[[", "]", "}", "{\"type\":", "\"\\u0000\"", "\"\u{5bbf}\u{8fc1}\"", "\n"];

/// A seed with mutations, under the seed's name.
pub fn mutate(seeds: &[Seed], rng: &mut ChaCha8Rng) -> Seed {
    let (name, seed) = &seeds[rng.random_range(0..seeds.len())];
    let mut bytes = seed.clone();
    let text = bytes.iter().take(512).all(|b| *b >= 9 && *b != 0x7f);
    for _ in 0..1 + rng.random_range(0..8_u32).min(rng.random_range(0..8)) {
        if bytes.is_empty() {
            break;
        }
        match rng.random_range(0..if text { 14 } else { 10 }) {
            0 => flip(&mut bytes, rng),
            1 | 2 => word(&mut bytes, rng),
            3 => bytes.truncate(rng.random_range(0..bytes.len())),
            4 => cut(&mut bytes, rng),
            5 => duplicate(&mut bytes, rng),
            6 => splice(&mut bytes, seeds, rng),
            7 => exchange(&mut bytes, rng),
            8 => stretch(&mut bytes, rng),
            9 => repeat(&mut bytes, rng),
            10 | 11 => number(&mut bytes, rng),
            12 => tokens(&mut bytes, rng),
            _ => insert(&mut bytes, WORDS[rng.random_range(0..WORDS.len())].as_bytes(), rng),
        }
        bytes.truncate(BYTES_MAX);
    }
    (name.clone(), bytes)
}

/// A range of at most `most` bytes; half of the time near the start, where headers are.
fn range(bytes: &[u8], most: usize, rng: &mut ChaCha8Rng) -> std::ops::Range<usize> {
    let reach = if rng.random_bool(0.5) { bytes.len().min(256) } else { bytes.len() };
    let at = rng.random_range(0..reach);
    let long = 1 << rng.random_range(0..most.ilog2() + 1);
    at..(at + rng.random_range(1..=long)).min(bytes.len())
}

fn flip(bytes: &mut [u8], rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..6) {
        let at = range(bytes, 1, rng).start;
        bytes[at] = if rng.random_bool(0.5) { bytes[at] ^ (1 << rng.random_range(0..8)) } else { rng.random() };
    }
}

/// A binary number of 1 to 8 bytes becomes one that lies at an edge.
fn word(bytes: &mut [u8], rng: &mut ChaCha8Rng) {
    let at = range(bytes, 1, rng).start;
    let length = bytes.len() as u64;
    let value = [
        0,
        1,
        0x7f,
        0xff,
        0x7fff,
        0xffff,
        0x7fff_ffff,
        0xffff_ffff,
        u64::MAX,
        i64::MAX as u64,
        length,
        length - 1,
        1 << 28,
        1 << 24,
        rng.next_u64(),
    ][rng.random_range(0..15)];
    let wide = [1, 2, 4, 8][rng.random_range(0..4)];
    let le = value.to_le_bytes();
    for (i, b) in bytes.iter_mut().skip(at).take(wide).enumerate() {
        *b = if rng.random_bool(0.9) { le[i] } else { le[wide - 1 - i] };
    }
}

fn cut(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let gone = range(bytes, 4096, rng);
    bytes.drain(gone);
}

fn duplicate(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let piece = bytes[range(bytes, 4096, rng)].to_vec();
    insert(bytes, &piece, rng);
}

fn insert(bytes: &mut Vec<u8>, piece: &[u8], rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..=bytes.len());
    bytes.splice(at..at, piece.iter().copied());
}

/// The start of this file and the end of another.
fn splice(bytes: &mut Vec<u8>, seeds: &[Seed], rng: &mut ChaCha8Rng) {
    let other = &seeds[rng.random_range(0..seeds.len())].1;
    let (keep, from) = (rng.random_range(0..=bytes.len()), rng.random_range(0..other.len()));
    bytes.truncate(keep);
    bytes.extend_from_slice(&other[from..]);
}

fn exchange(bytes: &mut [u8], rng: &mut ChaCha8Rng) {
    let (a, b) = (range(bytes, 64, rng), range(bytes, 64, rng));
    let long = a.len().min(b.len());
    (0..long).for_each(|i| bytes.swap(a.start + i, b.start + i));
}

fn stretch(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let at = range(bytes, 1, rng).start;
    let (byte, times) = (bytes[at], 1 << rng.random_range(1..14));
    bytes.splice(at..at, std::iter::repeat_n(byte, times));
}

/// A piece again and again: nesting, where it is a bracket.
fn repeat(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let piece = bytes[range(bytes, 32, rng)].to_vec();
    let many = piece.repeat(rng.random_range(2..2000));
    insert(bytes, &many, rng);
}

fn is_digit(b: u8) -> bool {
    b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E')
}

fn number(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let from = rng.random_range(0..bytes.len());
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|i| i + from) else { return };
    let end = bytes[start..].iter().position(|b| !is_digit(*b)).map_or(bytes.len(), |i| i + start);
    bytes.splice(start..end, NUMBERS[rng.random_range(0..NUMBERS.len())].bytes());
}

/// Two tokens change places.
fn tokens(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let mut token = || -> Option<std::ops::Range<usize>> {
        let from = rng.random_range(0..bytes.len());
        let edge = |b: &u8| b",:[]{}<> \n".contains(b);
        let start = bytes[from..].iter().position(|b| !edge(b))? + from;
        let end = bytes[start..].iter().position(edge).map_or(bytes.len(), |i| i + start);
        Some(start..end)
    };
    let (Some(a), Some(b)) = (token(), token()) else { return };
    let (a, b) = if a.start < b.start { (a, b) } else { (b, a) };
    if a.end > b.start {
        return;
    }
    let (first, second) = (bytes[a.clone()].to_vec(), bytes[b.clone()].to_vec());
    bytes.splice(b, first);
    bytes.splice(a, second);
}
