//! Why a package can't be built. Single bad objects are no error: they are counted in the report.

use crate::city::CityError;
use crate::city::report::{BuildReport, Reason};
use crate::geo::CrsError;
use std::path::PathBuf;

#[derive(thiserror::Error, Debug)]
pub enum PackageError {
    /// A source that can't be used, [`CityError::NoCrs`] among them.
    #[error(transparent)]
    Source(#[from] CityError),
    #[error("{file}: {source}")]
    Crs { file: PathBuf, source: CrsError },
    #[error("nothing could be built: {objects_in} objects with geometry read, {objects_rejected} left out{why}")]
    Empty { objects_in: u64, objects_rejected: u64, why: String },
    #[error(
        "{dir}: something else is there and no city package (a folder with city.toml, or a .3tz); name another place with --out, or empty it"
    )]
    NotAPackage { dir: PathBuf },
    #[error("{file}: elevation grid has no usable sample; at least 2 x 2 samples with values are needed")]
    EmptyGrid { file: PathBuf },
    #[error("{dir}: {why}")]
    Shares { dir: PathBuf, why: String },
    #[error(transparent)]
    Archive(crate::ogc::archive::ArchiveError),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("city.toml could not be written: {0}")]
    Manifest(#[from] toml::ser::Error),
    #[error("{path}: {source}")]
    Json { path: PathBuf, source: serde_json::Error },
}

impl PackageError {
    /// [`PackageError::Empty`] with the first example of each reason and warning.
    pub(super) fn nothing(report: &BuildReport) -> Self {
        let example = |(reason, r): (&String, &Reason)| {
            format!("; {} x {reason}, first: {}", r.count, r.examples.first().map_or("-", String::as_str))
        };
        let why = report.rejections.iter().chain(&report.warnings).map(example).collect();
        Self::Empty { objects_in: report.objects_in, objects_rejected: report.objects_rejected, why }
    }

    /// For `map_err`: keeps the path with the operating system's word.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
