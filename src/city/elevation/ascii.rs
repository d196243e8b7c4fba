//! ESRI ASCII grids: a head of names and numbers, then heights row by row from the north; the `.prj` beside says the coordinate system.

use super::heights::Heights;
use super::{ElevationGrid, Reading, refused};
use crate::city::error::CityError;
use crate::city::raster::{Placement, prj_beside};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Samples a grid may hold.
const SAMPLES_MAX: u64 = 1 << 32;
/// Letters of one word: no number is longer.
const WORD_MAX: usize = 64;

pub(super) fn read(path: &Path, reading: &mut Reading) -> Result<ElevationGrid, CityError> {
    let file = File::open(path).map_err(CityError::open(path))?;
    let file_bytes = file.metadata().map_err(CityError::open(path))?.len();
    let mut words = Words { bytes: BufReader::with_capacity(1 << 17, file).bytes(), word: Vec::new(), line: 1, path };
    let head = Head::read(&mut words)?;
    let (width, height) = head.size(path, file_bytes)?;
    let lattice = head.placement(path, height)?.lattice(path, width, height)?;
    let mut heights = Heights::new(head.no_data);
    let refused = refused(reading.scratch);
    let mut canvas = reading.scratch.canvas::<f32>(width, height).map_err(&refused)?;
    let mut line = Vec::with_capacity(width);
    let mut first = head.first;
    for row in 0..height {
        line.clear();
        for column in 0..width {
            let value = match first.take() {
                Some(value) => value,
                None => words.number(|| format!("the value of row {row}, column {column}"))?,
            };
            line.push(heights.metres(value, column, row));
        }
        canvas.put(0, row, &line).map_err(&refused)?;
    }
    heights.tell(path, reading.report);
    let values = canvas.finish().map_err(&refused)?;
    let crs = prj_beside(path);
    Ok(ElevationGrid { file: path.to_owned(), crs, origin: lattice.origin, step: lattice.step, width, height, values })
}

/// The names before the numbers.
#[derive(Default)]
struct Head {
    columns: Option<f64>,
    rows: Option<f64>,
    /// Of the south-west corner, or of the middle of the cell there (the flag).
    x: Option<(f64, bool)>,
    y: Option<(f64, bool)>,
    step: (Option<f64>, Option<f64>),
    no_data: Option<f64>,
    /// The first height, read while looking for names.
    first: Option<f64>,
}

impl Head {
    fn read(words: &mut Words) -> Result<Self, CityError> {
        let mut head = Self::default();
        // The head has seven names at most; twice that, and it is something else.
        for _ in 0..14 {
            let Some(name) = words.next()?.map(|w| w.to_ascii_lowercase()) else { break };
            if let Some(value) = number(&name) {
                head.first = Some(value);
                break;
            }
            let value = words.number(|| format!("the number after {name}"))?;
            match name.as_str() {
                "ncols" => head.columns = Some(value),
                "nrows" => head.rows = Some(value),
                "xllcorner" | "xllcenter" => head.x = Some((value, name.ends_with("center"))),
                "yllcorner" | "yllcenter" => head.y = Some((value, name.ends_with("center"))),
                "cellsize" => head.step = (Some(value), Some(value)),
                "dx" => head.step.0 = Some(value),
                "dy" => head.step.1 = Some(value),
                "nodata_value" | "nodata" => head.no_data = Some(value),
                _ => {
                    let why = format!("line {}: {name:?} is no name of an ASCII grid's head; export the grid again", words.line);
                    return Err(CityError::unusable(words.path, why));
                }
            }
        }
        Ok(head)
    }

    fn size(&self, path: &Path, file_bytes: u64) -> Result<(usize, usize), CityError> {
        let whole = |v: Option<f64>| v.filter(|v| *v >= 1.0 && *v <= 1e9 && v.fract() == 0.0).map(|v| v as u64);
        let Some((columns, rows)) = whole(self.columns).zip(whole(self.rows)) else {
            return Err(CityError::unusable(path, "ncols and nrows are missing or no counts; export the grid again"));
        };
        let count = columns.saturating_mul(rows);
        if count > SAMPLES_MAX {
            let mend = "cut it into tiles with `gdal_retile.py` and give them all";
            return Err(CityError::TooBig { file: path.to_owned(), what: format!("{count} samples"), limit: SAMPLES_MAX, mend });
        }
        // A sample is a digit and a blank at least.
        if count.saturating_mul(2) > file_bytes + 1 {
            return Err(CityError::unusable(path, format!("{columns} x {rows} samples don't fit {file_bytes} bytes; download it again")));
        }
        Ok((columns as usize, rows as usize))
    }

    fn placement(&self, path: &Path, rows: usize) -> Result<Placement, CityError> {
        let (Some((x, centred_x)), Some((y, centred_y)), (Some(dx), Some(dy))) = (self.x, self.y, self.step) else {
            let why = "xllcorner, yllcorner (or xllcenter, yllcenter) and cellsize (or dx, dy) belong into its head; export the grid again";
            return Err(CityError::unusable(path, why));
        };
        let centre = |corner: f64, centred: bool, step: f64| if centred { corner } else { corner + step * 0.5 };
        Ok(Placement { origin: (centre(x, centred_x, dx), centre(y, centred_y, dy) + dy * (rows - 1) as f64), step: (dx, -dy) })
    }
}

/// Words of a text of any length, one after the other.
struct Words<'a> {
    bytes: std::io::Bytes<BufReader<File>>,
    word: Vec<u8>,
    line: usize,
    path: &'a Path,
}

impl Words<'_> {
    fn next(&mut self) -> Result<Option<&str>, CityError> {
        self.word.clear();
        for byte in self.bytes.by_ref() {
            let byte = byte.map_err(CityError::open(self.path))?;
            let blank = byte.is_ascii_whitespace();
            if blank && !self.word.is_empty() {
                self.line += usize::from(byte == b'\n');
                break;
            }
            if !blank {
                self.word.push(byte);
            }
            if self.word.len() > WORD_MAX || byte == 0 {
                return Err(CityError::unusable(self.path, format!("line {}: no text and numbers; is this an ASCII grid?", self.line)));
            }
            self.line += usize::from(byte == b'\n');
        }
        if self.word.is_empty() {
            return Ok(None);
        }
        // A letter that is none is no number either, which is told.
        Ok(Some(std::str::from_utf8(&self.word).unwrap_or("?")))
    }

    fn number(&mut self, what: impl Fn() -> String) -> Result<f64, CityError> {
        let found = self.next()?.map(|w| (number(w), w.to_owned()));
        let line = self.line;
        match found {
            Some((Some(value), _)) => Ok(value),
            Some((None, word)) => {
                Err(CityError::unusable(self.path, format!("line {line}: {} is {word:?}, no number; export the grid again", what())))
            }
            None => Err(CityError::unusable(self.path, format!("line {line}: the file ends before {}; download it again", what()))),
        }
    }
}

/// With a point or, as some countries' programs write, a comma.
fn number(word: &str) -> Option<f64> {
    word.parse().ok().or_else(|| word.replace(',', ".").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, read_with_report};

    #[test]
    fn corners_and_centres_commas_and_fill_values_are_understood() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.asc");
        std::fs::write(&file, "ncols 3\nnrows 2\nxllcorner 100\nyllcorner 200\ncellsize 10\nNODATA_value -9999\n1 2 3\n4 -9999 6,5\n")
            .unwrap();
        let (g, report) = read_with_report(&file);
        let g = g.unwrap();
        assert_eq!((g.origin, g.step, g.width, g.height, g.crs.as_deref()), ((105.0, 215.0), (10.0, -10.0), 3, 2, None));
        assert_eq!((g.values[0], g.values[5]), (1.0, 6.5));
        assert!(g.values[4].is_nan());
        assert_eq!((report.samples_in, report.samples_used), (6, 5));
        std::fs::write(&file, "NCOLS 2\r\nNROWS 2\r\nXLLCENTER 1.5\r\nYLLCENTER 2\r\nDX 1\r\nDY 2\r\n1 2\r\n3 -99999\r\n").unwrap();
        let g = read(&file).unwrap();
        assert_eq!((g.origin, g.step), ((1.5, 4.0), (1.0, -2.0)));
        assert!(g.values[0] == 1.0 && g.values[3].is_nan());
    }

    #[test]
    fn what_is_missing_is_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.asc");
        let head = "ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\n";
        for (text, told) in [
            (format!("{head}cellsize 1\n1 2\n3           "), "ends before the value of row 1, column 1"),
            (format!("{head}cellsize 1\n1 2\n3 x"), "line 7: the value of row 1, column 1 is \"x\""),
            (format!("{head}1 2 3 4"), "cellsize"),
            ("ncols 1e9\nnrows 4\nxllcorner 0\nyllcorner 0\ncellsize 1\n1".to_owned(), "don't fit"),
            ("ncols 2\nbreite 3".to_owned(), "breite"),
            (format!("ncols {}", "9".repeat(100)), "is this an ASCII grid"),
        ] {
            std::fs::write(&file, &text).unwrap();
            let error = read(&file).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("a.asc"), "{error}");
        }
    }
}
