//! City packages out: sources and elevation grids to 3D Tiles 1.1 plus `city.toml`.
//!
//! [`build`] is the door. On the way: [`place`] reprojects and accepts or rejects objects, [`quadtree`] deals them to tiles,
//! [`mesh`], [`block`] and [`surfaces`] make geometry, [`schema`] and [`glb`] write it with its attributes, [`terrain`] meshes
//! elevation, [`map`] writes the phone's 2D map, [`publish`] swaps the finished folder in.
//! Two builds of the same input give the same bytes: nothing here asks for the time, and no order depends on a hash or a thread.

mod block;
mod error;
mod glb;
mod map;
mod mesh;
mod outline;
mod place;
mod publish;
mod quadtree;
mod schema;
mod surfaces;
mod terrain;
mod tiles;
mod tileset;

pub use error::PackageError;

use super::report::BuildReport;
use super::source::{CitySource, ElevationGrid};
use crate::geo::Region;
use crate::model::city::{Anchor, CityManifest, Counts, Extent, SourceEntry, TilesetEntry, TilesetRole};
use place::{City, NOWHERE, join, region_size_m};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};
use tileset::Tile;

/// What to build besides the data itself.
#[derive(Debug, Clone)]
pub struct Job {
    /// Shown on screens; the title of the city.
    pub name: String,
    /// Folder of the package; replaced as a whole when it is a package already.
    pub out: PathBuf,
    /// Coordinate system of sources that name none.
    pub crs: Option<String>,
}

/// Steps of a build that take time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Place,
    Tiles(TilesetRole),
    Map,
}

/// Told how far a build is, from any thread.
pub trait Progress: Sync {
    /// A step of `total` parts begins.
    fn start(&self, stage: Stage, total: u64);
    /// So many more parts are done.
    fn advance(&self, parts: u64);
}

/// Nobody watches.
impl Progress for () {
    fn start(&self, _: Stage, _: u64) {}
    fn advance(&self, _: u64) {}
}

/// Builds a city package at `job.out`; on any error the package that was there stays as it was.
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
    publish::check(&job.out)?;
    progress.start(Stage::Place, 1);
    let crs = job.crs.as_deref();
    let counted = |s: &CitySource| (s.file.clone(), s.objects.iter().filter(|o| !o.faces.is_empty()).count() as u64);
    let files: Vec<(PathBuf, u64)> = sources.iter().map(counted).collect();
    let city = place::place(sources, crs, report)?;
    let relief = terrain::Relief::new(grids, crs, report)?;
    progress.advance(1);
    if city.features.is_empty() && relief.is_empty() {
        return Err(nothing(report));
    }
    let draft = publish::Draft::new(&job.out)?;
    let parts = write_parts(&city, &relief, draft.dir(), progress, report)?;
    if parts.is_empty() {
        return Err(nothing(report));
    }
    let mut root = Tile { region: NOWHERE, error_m: 0.0, frame: None, content: None, children: Vec::new(), implicit: None };
    for part in &parts {
        join(&mut root.region, &part.root.region);
        let content = Some(format!("{}/tileset.json", part.role.name()));
        root.children.push(Tile { content, frame: None, children: Vec::new(), implicit: None, ..part.root.clone() });
    }
    // The root has no content of its own: it is always refined.
    root.error_m = region_size_m(&root.region);
    tileset::write(&draft.dir().join("tileset.json"), &root)?;
    progress.start(Stage::Map, 1);
    map::write(&city, &draft.dir().join("map"))?;
    progress.advance(1);
    let manifest = manifest(job, &city, (&files, &relief), &root.region, (&parts, report))?;
    publish::write_text(&draft.dir().join(CityManifest::FILE), &toml::to_string(&manifest)?)?;
    publish::write_report(&draft.dir().join("report.json"), report)?;
    draft.publish()?;
    Ok(manifest)
}

/// One written tileset of the package.
struct Part {
    role: TilesetRole,
    objects: u64,
    root: Tile,
}

/// Buildings, surfaces and terrain, each in its folder; only those that exist. Fills the report's counts.
fn write_parts(
    city: &City,
    relief: &terrain::Relief,
    dir: &Path,
    progress: &dyn Progress,
    report: &mut BuildReport,
) -> Result<Vec<Part>, PackageError> {
    let mut parts = Vec::new();
    for role in [TilesetRole::Buildings, TilesetRole::Surfaces] {
        let schema = schema::Schema::of(city.features.iter().filter(|f| f.role == role));
        let Some(written) = tiles::write(city, &schema, role, &dir.join(role.name()), progress)? else { continue };
        count(city, role, &written, report);
        if written.triangles > 0 {
            parts.push(Part { role, objects: written.drawn.len() as u64, root: written.root });
        }
    }
    if let Some(written) = terrain::write(relief, &dir.join(TilesetRole::Terrain.name()), progress)? {
        report.triangles += written.triangles;
        report.tiles += written.tiles;
        parts.push(Part { role: TilesetRole::Terrain, objects: 0, root: written.root });
    }
    Ok(parts)
}

/// What was drawn of one role, and what was not.
fn count(city: &City, role: TilesetRole, written: &tiles::Written, report: &mut BuildReport) {
    report.triangles += written.triangles;
    report.tiles += written.tiles;
    for (n, feature) in city.features.iter().enumerate().filter(|(_, f)| f.role == role) {
        if written.drawn.contains(&(n as u32)) {
            report.objects_written += 1;
        } else {
            report.reject("an object has no face with an area", &format!("object {:?}", feature.object.id));
        }
    }
    for (feature, face) in &written.degenerate {
        let id = &city.features[*feature as usize].object.id;
        report.warn("a face without area is left out", &format!("object {id:?}, face {face}"));
    }
}

fn nothing(report: &BuildReport) -> PackageError {
    let example = |(reason, r): (&String, &super::report::Reason)| {
        format!("; {} x {reason}, first: {}", r.count, r.examples.first().map_or("-", String::as_str))
    };
    let why = report.rejections.iter().map(example).collect();
    PackageError::Empty { objects_in: report.objects_in, objects_rejected: report.objects_rejected, why }
}

fn manifest(
    job: &Job,
    city: &City,
    (files, relief): (&[(PathBuf, u64)], &terrain::Relief),
    region: &Region,
    (parts, report): (&[Part], &BuildReport),
) -> Result<CityManifest, PackageError> {
    let mut sources = Vec::new();
    let grids = relief.files();
    let of_city = files.iter().zip(&city.crs).map(|((file, count), crs)| (file, *count, crs));
    for (file, count, crs) in of_city.chain(grids.iter().map(|(file, count, crs)| (*file, *count, *crs))) {
        let name = file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        sources.push(SourceEntry { file: name, sha256: sha256(file)?, count, crs: crs.clone() });
    }
    let mut crs: Vec<String> = sources.iter().map(|s| s.crs.clone()).collect();
    crs.sort();
    crs.dedup();
    let drawn = |parts: &[Part], role| parts.iter().filter(|p| p.role == role).map(|p| p.objects).sum();
    let entry = |p: &Part| TilesetEntry { role: p.role, path: format!("{}/tileset.json", p.role.name()) };
    let round = |deg: f64, digits: i32| (deg * 10f64.powi(digits)).round() / 10f64.powi(digits);
    let middle = |a: f64, b: f64| round(((a + b) * 0.5).to_degrees(), 7);
    Ok(CityManifest {
        format: CityManifest::FORMAT,
        name: job.name.clone(),
        created_by: concat!("yiping ", env!("CARGO_PKG_VERSION")).to_owned(),
        crs,
        anchor: Anchor {
            lon_deg: middle(region.west_rad, region.east_rad),
            lat_deg: middle(region.south_rad, region.north_rad),
            height_m: round(ground_m(city, relief, region), 2),
        },
        extent: Extent {
            west_deg: region.west_rad.to_degrees(),
            south_deg: region.south_rad.to_degrees(),
            east_deg: region.east_rad.to_degrees(),
            north_deg: region.north_rad.to_degrees(),
            min_height_m: region.min_height_m,
            max_height_m: region.max_height_m,
        },
        counts: Counts {
            buildings: drawn(parts, TilesetRole::Buildings),
            surfaces: drawn(parts, TilesetRole::Surfaces),
            triangles: report.triangles,
            tiles: report.tiles,
        },
        tilesets: parts.iter().map(entry).collect(),
        sources,
    })
}

/// Height of the ground at the anchor: the relief there, else the median of the lowest points of all objects.
fn ground_m(city: &City, relief: &terrain::Relief, region: &Region) -> f64 {
    let at = ((region.west_rad + region.east_rad) * 0.5, (region.south_rad + region.north_rad) * 0.5);
    if let Some(height_m) = relief.height_m(at.0.to_degrees(), at.1.to_degrees()) {
        return height_m;
    }
    let mut low: Vec<f64> = city.features.iter().map(|f| f.region.min_height_m).collect();
    low.sort_by(f64::total_cmp);
    low.get(low.len() / 2).copied().unwrap_or(region.min_height_m)
}

/// SHA-256 of a file, lowercase hexadecimal. A source that was never a file (made in memory) has the digest of nothing.
fn sha256(file: &Path) -> Result<String, PackageError> {
    let mut hash = Sha256::new();
    match std::fs::File::open(file) {
        Ok(mut f) => {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let n = f.read(&mut buffer).map_err(PackageError::io(file))?;
                if n == 0 {
                    break;
                }
                hash.update(&buffer[..n]);
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(PackageError::io(file)(e)),
    }
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}
