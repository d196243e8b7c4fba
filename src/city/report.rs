//! What happened to every object of every input: nothing is lost in silence.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Passed through a whole build as an argument, so that no step can forget it. `objects_in = objects_written + objects_rejected` holds at the end.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildReport {
    /// Objects with geometry that were read.
    pub objects_in: u64,
    pub objects_written: u64,
    /// Whole objects left out.
    pub objects_rejected: u64,
    /// Reasons for rejected objects, each with its count and the first few examples.
    pub rejections: BTreeMap<String, Reason>,
    /// Faces left out of objects that were otherwise written, and other things worth a line.
    pub warnings: BTreeMap<String, Reason>,
    /// Elevation samples that were read, and those of them that are heights.
    pub samples_in: u64,
    pub samples_used: u64,
    /// Reasons for the others. `samples_in = samples_used +` their counts.
    pub samples_left_out: BTreeMap<String, Reason>,
    pub triangles: u64,
    pub tiles: u64,
    /// Tiles taken over from an older package, because what they are made from did not change.
    pub tiles_kept: u64,
    pub seconds: f64,
    pub peak_rss_mib: f64,
}

/// How often something happened, and where first.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Reason {
    pub count: u64,
    /// At most [`Reason::EXAMPLES_MAX`], in the order met.
    pub examples: Vec<String>,
}

impl Reason {
    pub const EXAMPLES_MAX: usize = 5;

    fn add(&mut self, example: &str) {
        self.count += 1;
        if self.examples.len() < Self::EXAMPLES_MAX {
            self.examples.push(example.to_owned());
        }
    }

    fn merge(&mut self, part: Reason) {
        self.count += part.count;
        let room = Self::EXAMPLES_MAX.saturating_sub(self.examples.len());
        self.examples.extend(part.examples.into_iter().take(room));
    }
}

impl BuildReport {
    /// An object is left out: `reason` groups, `example` says which and where.
    pub fn reject(&mut self, reason: &str, example: &str) {
        self.objects_rejected += 1;
        self.rejections.entry(reason.to_owned()).or_default().add(example);
    }

    /// Something smaller than an object is left out or doubtful.
    pub fn warn(&mut self, reason: &str, example: &str) {
        self.warnings.entry(reason.to_owned()).or_default().add(example);
    }

    /// Elevation samples are left out: `reason` groups, `examples` say which and where.
    pub fn leave_samples(&mut self, reason: &str, count: u64, examples: impl Iterator<Item = String>) {
        if count > 0 {
            self.samples_left_out.entry(reason.to_owned()).or_default().merge(Reason { count, examples: examples.collect() });
        }
    }

    /// Adds what a part of the work reported, as if it had been said here: counts add up, the first examples stay.
    pub fn merge(&mut self, part: BuildReport) {
        self.objects_in += part.objects_in;
        self.objects_written += part.objects_written;
        self.objects_rejected += part.objects_rejected;
        self.samples_in += part.samples_in;
        self.samples_used += part.samples_used;
        self.triangles += part.triangles;
        self.tiles += part.tiles;
        self.seconds += part.seconds;
        self.peak_rss_mib = self.peak_rss_mib.max(part.peak_rss_mib);
        let all = [
            (&mut self.rejections, part.rejections),
            (&mut self.warnings, part.warnings),
            (&mut self.samples_left_out, part.samples_left_out),
        ];
        for (mine, theirs) in all {
            for (name, reason) in theirs {
                mine.entry(name).or_default().merge(reason);
            }
        }
    }
}
