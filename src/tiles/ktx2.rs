//! KTX2 pictures with Basis Universal payload (`KHR_texture_basisu`): ETC1S and UASTC to plain pixels.
//!
//! Pixels rather than a compressed format of the graphics device: pictures of a tile are layers of one texture and share their size, so they
//! are scaled, and software rasterisers have no compressed formats.

use basisu::{DecodeFlags, Error, TargetFormat, Transcoder};
use image::RgbaImage;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// First bytes of every KTX2 file.
const MAGIC: &[u8] = b"\xABKTX 20\xBB\r\n\x1A\n";
/// Pixels along a side at most, in a file.
const SIDE_MAX: u32 = 16_384;
/// Where the file says how long a level is unpacked: the level index begins here, three numbers of 64 bits a level.
/// Source: KTX 2.0, section 3 "KTX File Structure".
const LEVEL_INDEX: usize = 80;

/// True if the bytes claim to be KTX2.
pub fn is_ktx2(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The largest level of a file's first picture, sRGB with opacity as it was written; why not, in words. `bytes_max` bounds the pixels.
pub fn decode(bytes: &[u8], bytes_max: u64) -> Result<RgbaImage, String> {
    // The decoder is nearly without unsafe code and made for any bytes; if it panics, it costs a picture and not the program.
    let decoded = catch_unwind(AssertUnwindSafe(|| pixels(bytes, bytes_max)));
    decoded.unwrap_or_else(|_| Err("the KTX2 file is damaged".to_owned()))
}

fn pixels(bytes: &[u8], bytes_max: u64) -> Result<RgbaImage, String> {
    // Asked before the decoder is: it makes room for what the file claims.
    let word = |at: usize| bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map(u32::from_le_bytes);
    let (width, height) = word(20).zip(word(24)).ok_or("the KTX2 file is cut short")?;
    if width == 0 || height == 0 || width > SIDE_MAX || height > SIDE_MAX || u64::from(width) * u64::from(height) * 4 > bytes_max {
        return Err(format!("{width} x {height} pixels are none or too many"));
    }
    let unpacked = bytes.get(LEVEL_INDEX + 16..LEVEL_INDEX + 24).and_then(|w| w.try_into().ok()).map(u64::from_le_bytes);
    if unpacked.is_none_or(|n| n > bytes_max) {
        return Err("the KTX2 file claims to unpack to too much".to_owned());
    }
    let file = Transcoder::new(bytes).map_err(said)?;
    let pixels = file.transcode(0, TargetFormat::Rgba32, DecodeFlags::NONE).map_err(said)?;
    RgbaImage::from_raw(width, height, pixels).ok_or_else(|| "the KTX2 file is cut short".to_owned())
}

fn said(error: Error) -> String {
    match error {
        Error::InvalidData | Error::Truncated => {
            "the KTX2 file is damaged or not one of Basis Universal; write it with `toktx --encode etc1s`"
        }
        Error::Unsupported { .. } => "the KTX2 file holds light beyond white (HDR), which is not drawn; write it as ETC1S or UASTC",
        Error::VideoRequiresState => "the KTX2 file is a film, not a picture",
        _ => "the KTX2 file is of a kind that is not read; write it as ETC1S or UASTC",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETC1S: &[u8] = include_bytes!("../../tests/data/ktx2/etc1s.ktx2");
    const UASTC: &[u8] = include_bytes!("../../tests/data/ktx2/uastc.ktx2");
    const UASTC_RAW: &[u8] = include_bytes!("../../tests/data/ktx2/uastc_raw.ktx2");
    const ROOM: u64 = 1 << 20;

    /// The largest difference of a byte from the picture that the files were made of; see `tests/data/ktx2/README.md`.
    fn worst(picture: &RgbaImage) -> u8 {
        let made = |x: u32, y: u32| [x * 10, y * 20, if x < 12 { 40 } else { 200 }, if y < 6 { 255 } else { 64 }];
        let differences = picture.enumerate_pixels().flat_map(|(x, y, p)| (0..4).map(move |i| p.0[i].abs_diff(made(x, y)[i] as u8)));
        differences.max().unwrap_or(255)
    }

    #[test]
    fn every_packing_of_basis_becomes_the_reference_decoders_pixels() {
        for (file, reference, close) in [
            (ETC1S, &include_bytes!("../../tests/data/ktx2/etc1s.rgba")[..], 110),
            (UASTC, &include_bytes!("../../tests/data/ktx2/uastc.rgba")[..], 30),
            (UASTC_RAW, &include_bytes!("../../tests/data/ktx2/uastc.rgba")[..], 30),
        ] {
            let picture = decode(file, ROOM).unwrap();
            assert_eq!(picture.dimensions(), (24, 12));
            assert!(picture.as_raw() == reference, "byte for byte what Binomial's decoder gives");
            assert!(worst(&picture) <= close, "{}", worst(&picture));
        }
    }

    #[test]
    fn what_is_damaged_or_claims_too_much_is_refused_in_words() {
        assert!(decode(ETC1S, 100).unwrap_err().contains("24 x 12"));
        let mut huge = UASTC.to_vec();
        huge[LEVEL_INDEX + 16..LEVEL_INDEX + 24].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(decode(&huge, ROOM).unwrap_err().contains("too much"));
        for file in [ETC1S, UASTC, UASTC_RAW] {
            for cut in 0..file.len() {
                let _ = decode(&file[..cut], ROOM);
            }
            for at in 0..file.len() {
                let mut bytes = file.to_vec();
                bytes[at] ^= 0xa5;
                let _ = decode(&bytes, ROOM);
            }
        }
        assert!(decode(&MAGIC.repeat(20), ROOM).is_err());
    }
}
