//! City packages out: sources and elevation grids to 3D Tiles 1.1 plus `city.toml`.
//!
//! [`Builder`] is the door; sources go through it part by part and need not fit in memory. On the way: [`place`] reprojects and accepts or
//! refuses objects, [`prepare`] makes records of them ([`shape`], [`piece`], [`block`], [`outline`], [`map`]), [`spool`] keeps these on disk,
//! [`quadtree`] deals them to tiles, [`tiles`] makes these ([`mesh`], [`cluster`], [`surfaces`], [`ground`], [`texture`]), [`schema`] and [`glb`] write
//! them with their attributes ([`compress`]), [`terrain`] meshes elevation, [`imported`] takes existing tilesets as they are, [`outcome`] joins what
//! several machines made, [`publish`] swaps the finished folder in, [`packing`] makes one `.3tz` of it. Two builds of the same input give the same
//! bytes: nothing here asks for the time, and no order depends on a hash or a thread.

mod bits;
mod block;
mod build;
mod cluster;
mod compress;
mod error;
mod glb;
mod ground;
mod imported;
mod map;
mod mesh;
mod outcome;
mod outline;
mod packing;
mod piece;
mod place;
mod prepare;
mod publish;
mod quadtree;
mod schema;
mod shape;
mod spool;
mod surfaces;
mod terrain;
mod texture;
mod tiles;
mod tileset;

pub use build::Builder;
pub use error::PackageError;
pub use outcome::merge;
pub use packing::Packing;
pub use terrain::Flatten;

use super::report::BuildReport;
use super::source::{CitySource, ElevationGrid};
use crate::geo::{CrsError, Heights};
use crate::model::city::{CityManifest, TilesetRole};
use std::path::{Path, PathBuf};

/// What to build besides the data itself.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// Shown on screens; the title of the city.
    pub name: String,
    /// Folder of the package; replaced as a whole when it is a package already, and tiles that did not change are taken from it.
    pub out: PathBuf,
    /// Coordinate system of sources that name none.
    pub crs: Option<String>,
    /// What the heights of sources count from; `None`: as their coordinate system says, see [`Heights::of_crs`].
    pub heights: Option<Heights>,
    /// The same for single sources.
    pub of_files: Vec<OfFile>,
    /// Only objects that touch this: west, south, east, north in WGS 84 degrees.
    pub extent: Option<[f64; 4]>,
    /// Make this share of the tiles only: part `0.0` of `0.1` (from 0); [`merge`] joins them.
    pub share: Option<(u32, u32)>,
    /// What the terrain is made level under.
    pub flatten: Flatten,
}

/// What a build is told of one source.
#[derive(Debug, Clone, Default)]
pub struct OfFile {
    /// Name of the file, without its folder.
    pub name: String,
    pub crs: Option<String>,
    pub heights: Option<Heights>,
}

impl Job {
    fn of_file<T>(&self, file: &Path, pick: impl Fn(&OfFile) -> Option<T>) -> Option<T> {
        let name = file.file_name()?;
        self.of_files.iter().filter(|o| name == o.name.as_str()).find_map(pick)
    }

    /// Coordinate system of a source that names none.
    pub(crate) fn crs_of(&self, file: &Path) -> Option<String> {
        self.of_file(file, |o| o.crs.clone()).or_else(|| self.crs.clone())
    }

    /// What the heights of a source in `crs` count from.
    pub(crate) fn heights_of(&self, file: &Path, crs: &str) -> Heights {
        let given = self.of_file(file, |o| o.heights.clone()).or_else(|| self.heights.clone());
        given.unwrap_or_else(|| Heights::of_crs(crs))
    }
}

/// Steps of a build that take time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Read,
    Tiles(TilesetRole),
}

/// Told how far a build is, from any thread.
pub trait Progress: Sync {
    /// A step of `total` parts begins.
    fn start(&self, stage: Stage, total: u64);
    /// `parts` more are done.
    fn advance(&self, parts: u64);
}

/// Nobody watches.
impl Progress for () {
    fn start(&self, _: Stage, _: u64) {}
    fn advance(&self, _: u64) {}
}

/// Whether PROJ knows a coordinate system; it is kept for the build that follows.
///
/// # Errors
/// [`CrsError::Unknown`].
pub fn check_crs(name: &str) -> Result<(), CrsError> {
    place::with_crs(name, |_| ())
}

/// Builds a city package at `job.out` from what is in memory; on any error the package that was there stays as it was.
///
/// `report` comes from the readers, which have counted `objects_in` and what they rejected themselves. Objects that can't be
/// drawn are left out and counted too; afterwards `objects_in = objects_written + objects_rejected`. `seconds` and
/// `peak_rss_mib` are the caller's to fill in.
///
/// # Errors
/// See [`PackageError`]; among them sources without a coordinate system, and input of which nothing is left.
pub fn build(
    sources: Vec<CitySource>,
    grids: Vec<ElevationGrid>,
    job: &Job,
    progress: &dyn Progress,
    report: &mut BuildReport,
) -> Result<CityManifest, PackageError> {
    let mut builder = Builder::new(job, grids)?;
    let added = sources.into_iter().try_for_each(|source| builder.add(source));
    let built = added.and_then(|()| builder.finish(progress, std::mem::take(report)));
    let (manifest, all) = built?;
    *report = all;
    Ok(manifest)
}
