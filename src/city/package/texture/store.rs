//! All pictures of a package: each decoded when it is first needed, and again when it had to make room.

use super::picture::{PIXEL_BYTES_MAX, Pixels};
use crate::city::source::TextureImage;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Bytes of decoded pictures kept; some 48 of 1,024 x 1,024 pixels, more than a district's buildings wear at a time.
const KEPT_BYTES_MAX: usize = 192 << 20;
/// A picture's file at most: compressed, none that fits into [`PIXEL_BYTES_MAX`] is longer.
const FILE_BYTES_MAX: u64 = PIXEL_BYTES_MAX;

/// Pictures by number.
#[derive(Default)]
pub struct Pictures {
    slots: Vec<Slot>,
    numbers: HashMap<TextureImage, u32>,
    kept: Mutex<Kept>,
}

struct Slot {
    image: TextureImage,
    known: OnceLock<Result<Known, String>>,
    /// Held while decoding, so that no two threads do it at once.
    turn: Mutex<()>,
}

/// What stays known of a picture when its pixels are gone.
#[derive(Clone, Copy)]
pub struct Known {
    /// Of the file's bytes: a changed picture changes the tiles that show it.
    pub hash: u64,
    /// Width and height.
    pub size: [u32; 2],
    /// Linear red, green, blue; `None` for a picture that is wholly transparent.
    pub mean: Option<[f64; 3]>,
}

#[derive(Default)]
struct Kept {
    pixels: BTreeMap<u32, (u64, Arc<Pixels>)>,
    bytes: usize,
    clock: u64,
}

impl Pictures {
    /// The number of a picture: the same for the same.
    pub fn number(&mut self, image: &TextureImage) -> u32 {
        if let Some(known) = self.numbers.get(image) {
            return *known;
        }
        let next = self.slots.len() as u32;
        self.slots.push(Slot { image: image.clone(), known: OnceLock::new(), turn: Mutex::new(()) });
        self.numbers.insert(image.clone(), next);
        next
    }

    /// What is known of a picture; it is decoded if it was never. `None`: it can't be had.
    pub fn known(&self, number: u32) -> Option<Known> {
        let slot = self.slots.get(number as usize)?;
        if slot.known.get().is_none() {
            self.pixels(number);
        }
        slot.known.get()?.as_ref().ok().copied()
    }

    /// A picture's pixels. `None`: they can't be had.
    pub fn pixels(&self, number: u32) -> Option<Arc<Pixels>> {
        let slot = self.slots.get(number as usize)?;
        if let Some(known) = self.kept().get(number) {
            return Some(known);
        }
        let _turn = slot.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.kept().get(number) {
            return Some(known);
        }
        if matches!(slot.known.get(), Some(Err(_))) {
            return None;
        }
        match decode(&slot.image) {
            Ok((pixels, hash)) => {
                let pixels = Arc::new(pixels);
                slot.known.get_or_init(|| {
                    let [r, g, b, weight] = pixels.sum();
                    Ok(Known {
                        hash,
                        size: [pixels.image.width(), pixels.image.height()],
                        mean: (weight > 0.0).then(|| [r / weight, g / weight, b / weight]),
                    })
                });
                self.kept().put(number, &pixels);
                Some(pixels)
            }
            Err(why) => {
                slot.known.get_or_init(|| Err(why));
                None
            }
        }
    }

    /// Pictures that can't be had: which, and why.
    pub fn broken(&self) -> impl Iterator<Item = (String, &str)> {
        let name = |image: &TextureImage| match image {
            TextureImage::File(path) => path.display().to_string(),
            TextureImage::Bytes(bytes) => format!("a picture of {} bytes inside a model", bytes.len()),
        };
        self.slots.iter().filter_map(move |s| Some((name(&s.image), s.known.get()?.as_ref().err()?.as_str())))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&mut self, number: u32) -> Option<Arc<Pixels>> {
        self.clock += 1;
        let slot = self.pixels.get_mut(&number)?;
        slot.0 = self.clock;
        Some(slot.1.clone())
    }

    /// Takes a picture in; those not looked at for longest make room.
    fn put(&mut self, number: u32, pixels: &Arc<Pixels>) {
        self.clock += 1;
        self.bytes += pixels.bytes();
        self.pixels.insert(number, (self.clock, pixels.clone()));
        while self.bytes > KEPT_BYTES_MAX {
            let oldest = self.pixels.iter().filter(|(n, _)| **n != number).min_by_key(|(_, slot)| slot.0).map(|(n, _)| *n);
            let Some((_, gone)) = oldest.and_then(|n| self.pixels.remove(&n)) else { return };
            self.bytes -= gone.bytes();
        }
    }
}

fn decode(image: &TextureImage) -> Result<(Pixels, u64), String> {
    let read;
    let bytes: &[u8] = match image {
        TextureImage::File(path) => {
            let length = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
            if length > FILE_BYTES_MAX {
                return Err(format!("{length} bytes are too many for a picture; scale it down"));
            }
            read = std::fs::read(path).map_err(|e| e.to_string())?;
            &read
        }
        TextureImage::Bytes(bytes) => bytes,
    };
    Ok((Pixels::decode(bytes)?, xxhash_rust::xxh3::xxh3_64(bytes)))
}
