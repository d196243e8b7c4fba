//! SRTM tiles: one degree square, big-endian 16-bit metres, placed by the file's name (`N33E118.hgt`).

use super::heights::Heights;
use super::{ElevationGrid, Reading, refused};
use crate::city::error::CityError;
use std::path::Path;

/// What SRTM and its followers write where they have no data.
const VOID: f64 = -32768.0;

/// Columns and rows by file size: 3 arc-seconds, 1 arc-second, and 1 arc-second north of 50 degrees at half the columns.
const SHAPES: [(usize, usize); 3] = [(1201, 1201), (3601, 3601), (1801, 3601)];

pub(super) fn read(path: &Path, reading: &mut Reading) -> Result<ElevationGrid, CityError> {
    let Some((south, west)) = place(path) else {
        let why = "the name does not say the place; call it after its south-west corner, e.g. N33E118.hgt";
        return Err(CityError::unusable(path, why));
    };
    let found = std::fs::metadata(path).map_err(CityError::open(path))?.len();
    let Some((width, height_rows)) = SHAPES.into_iter().find(|(w, h)| (w * h * 2) as u64 == found) else {
        let why = format!("{found} bytes fit no SRTM tile (2,884,802 at 3 arc-seconds, 25,934,402 at 1); download it again, unpacked");
        return Err(CityError::unusable(path, why));
    };
    let bytes = std::fs::read(path).map_err(CityError::open(path))?;
    let mut heights = Heights::new(Some(VOID));
    let refused = refused(reading.scratch);
    let mut canvas = reading.scratch.canvas::<f32>(width, height_rows).map_err(&refused)?;
    for (row, line) in bytes.chunks_exact(width * 2).enumerate() {
        let sample = |(column, b): (usize, &[u8])| heights.metres(f64::from(i16::from_be_bytes([b[0], b[1]])), column, row);
        let values: Vec<f32> = line.chunks_exact(2).enumerate().map(sample).collect();
        canvas.put(0, row, &values).map_err(&refused)?;
    }
    heights.tell(path, reading.report);
    Ok(ElevationGrid {
        file: path.to_owned(),
        crs: Some("EPSG:4326".to_owned()),
        origin: (west, south + 1.0),
        step: (1.0 / (width - 1) as f64, -1.0 / (height_rows - 1) as f64),
        width,
        height: height_rows,
        values: canvas.finish().map_err(&refused)?,
    })
}

/// Latitude and longitude of the south-west corner from `N33E118...`.
fn place(path: &Path) -> Option<(f64, f64)> {
    let name = path.file_name()?.to_str()?.to_ascii_uppercase();
    let lat = signed(name.get(0..3)?, 'N', 'S').filter(|d| d.abs() <= 90.0)?;
    let lon = signed(name.get(3..7)?, 'E', 'W').filter(|d| d.abs() <= 180.0)?;
    Some((lat, lon))
}

fn signed(part: &str, plus: char, minus: char) -> Option<f64> {
    let (digits, sign) = part.strip_prefix(plus).map(|d| (d, 1.0)).or_else(|| part.strip_prefix(minus).map(|d| (d, -1.0)))?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<f64>().ok()).flatten().map(|d| d * sign)
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;

    #[test]
    fn a_tile_is_placed_by_its_name_and_sized_by_its_length() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("N33E118.hgt");
        let mut bytes = vec![0u8; 1201 * 1201 * 2];
        bytes[0..2].copy_from_slice(&120i16.to_be_bytes());
        bytes[2..4].copy_from_slice(&(-32768i16).to_be_bytes());
        bytes[1200 * 2..1201 * 2].copy_from_slice(&(-5i16).to_be_bytes());
        std::fs::write(&file, bytes).unwrap();
        let g = read(&file).unwrap();
        assert_eq!((g.width, g.height, g.origin), (1201, 1201, (118.0, 34.0)));
        assert_eq!(g.crs.as_deref(), Some("EPSG:4326"));
        assert_eq!(g.sample(118.0, 34.0), Some(120.0));
        assert!(g.values[1].is_nan());
        let [west, south, east, north] = g.bounds();
        assert!((west - 118.0).abs() + (south - 33.0).abs() + (east - 119.0).abs() + (north - 34.0).abs() < 1e-9);
        assert_eq!(g.sample(119.0, 34.0), Some(-5.0));
    }

    #[test]
    fn a_wrong_name_or_length_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        for (name, mend) in [("heights.hgt", "N33E118.hgt"), ("S03W060.hgt", "download it again"), ("N3東E11.hgt", "N33E118.hgt")] {
            let file = dir.path().join(name);
            std::fs::write(&file, [0u8; 100]).unwrap();
            let text = read(&file).unwrap_err().to_string();
            assert!(text.contains(mend) && text.contains(name), "{text}");
        }
    }
}
