//! Samples as stored to metres: fill values, and numbers that are no height on Earth, become `NaN` and are counted.

use crate::city::report::BuildReport;
use std::path::Path;

/// No ground is deeper than 10,935 m (Challenger Deep) ...
const LOWEST_M: f64 = -11_100.0;
/// ... and nothing on Earth higher than this by far: what is beyond is corruption or a fill value nobody declared.
const HIGHEST_M: f64 = 50_000.0;
/// What programs write where they know nothing, when it could be a height: exactly this depth is more likely a fill value.
const UNDECLARED: f64 = -9999.0;
/// Examples of each kind kept for the report.
const EXAMPLES_MAX: usize = 3;

const NO_DATA: &str = "no data there";
const NO_HEIGHT: &str = "no height on Earth (below -11,100 m, above 50,000 m, or -9999 with no such fill value declared)";

/// How a file's samples become heights, and what became of them.
pub(super) struct Heights {
    /// As stored, before scale and offset.
    pub no_data: Option<f64>,
    pub scale: f64,
    pub offset: f64,
    samples: u64,
    missing: u64,
    corrupt: u64,
    examples: Vec<String>,
}

impl Heights {
    pub fn new(no_data: Option<f64>) -> Self {
        Self { no_data, scale: 1.0, offset: 0.0, samples: 0, missing: 0, corrupt: 0, examples: Vec::new() }
    }

    /// One sample in metres; `NaN` where there is none.
    pub fn metres(&mut self, raw: f64, column: usize, row: usize) -> f32 {
        self.samples += 1;
        // A float32 file's fill value is written in its tag with the digits of a double.
        if raw.is_nan() || self.no_data.is_some_and(|fill| raw == fill || raw as f32 == fill as f32) {
            self.missing += 1;
            return f32::NAN;
        }
        let metres = raw * self.scale + self.offset;
        if (LOWEST_M..=HIGHEST_M).contains(&metres) && raw != UNDECLARED {
            return metres as f32;
        }
        self.corrupt += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(format!("{metres} at column {column}, row {row}"));
        }
        f32::NAN
    }

    /// Counts samples that are not there.
    pub fn skip(&mut self, samples: u64) {
        self.samples += samples;
        self.missing += samples;
    }

    /// Hands the counts to the report.
    pub fn tell(self, file: &Path, report: &mut BuildReport) {
        report.samples_in += self.samples;
        report.samples_used += self.samples - self.missing - self.corrupt;
        report.leave_samples(NO_DATA, self.missing, std::iter::empty());
        let examples = self.examples.iter().map(|e| format!("{}: {e}", file.display()));
        report.leave_samples(NO_HEIGHT, self.corrupt, examples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_values_and_corruption_are_left_out_and_counted_apart() {
        let mut heights = Heights::new(Some(-3.402_823_466_385_288_6e38));
        (heights.scale, heights.offset) = (0.5, 10.0);
        let raw = [4.0, f64::from(f32::MIN), f64::NAN, -32768.0, -9999.0, f64::INFINITY, 3.4e38, -100.0];
        let got: Vec<f32> = raw.iter().enumerate().map(|(n, v)| heights.metres(*v, n, 0)).collect();
        assert_eq!((got[0], got[7]), (12.0, -40.0));
        assert!(got[1..7].iter().all(|v| v.is_nan()));
        let mut report = BuildReport::default();
        heights.tell(Path::new("dem.tif"), &mut report);
        assert_eq!((report.samples_in, report.samples_used, report.samples_left_out[NO_DATA].count), (8, 2, 2));
        let corrupt = &report.samples_left_out[NO_HEIGHT];
        assert_eq!(corrupt.count, 4);
        assert_eq!(corrupt.examples[0], "dem.tif: -16374 at column 3, row 0");
    }
}
