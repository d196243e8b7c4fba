//! What a build made, before it is a package: written whole by one machine, or joined from the shares of several.

use super::imported::Imported;
use super::place::{NOWHERE, join, region_size_m};
use super::publish::{self, Draft};
use super::tiles::{Made, Plan, assemble};
use super::tileset::{self, Tile};
use super::{PackageError, terrain};
use crate::city::report::BuildReport;
use crate::geo::Region;
use crate::model::city::{Anchor, CityManifest, Counts, Extent, SourceEntry, TilesetEntry, TilesetRole};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What the next build needs to leave tiles alone; beside `city.toml`.
pub const BUILD_FILE: &str = "build.json";
/// What [`merge`] needs of a share.
pub const SHARD_FILE: &str = "shard.json";

/// Everything that is known after the tiles are made.
#[derive(Serialize, Deserialize)]
pub struct Outcome {
    pub name: String,
    pub share: Option<(u32, u32)>,
    pub sources: Vec<SourceEntry>,
    pub ground_m: f64,
    pub done: Vec<Done>,
    pub terrain: Option<Terrain>,
    #[serde(default)]
    pub imported: Vec<Imported>,
    pub report: BuildReport,
}

/// Tiles of one role.
#[derive(Serialize, Deserialize)]
pub struct Done {
    pub role: TilesetRole,
    pub objects: u64,
    pub plans: Vec<Plan>,
    /// By tile; `None` where another share makes it.
    pub made: Vec<Option<Made>>,
    /// Tiles taken over from an older package.
    #[serde(skip)]
    pub kept: u64,
}

/// The terrain's tileset, which is written already.
#[derive(Serialize, Deserialize)]
pub struct Terrain {
    #[serde(with = "super::bits")]
    region: [f64; 6],
    #[serde(with = "super::bits")]
    error_m: [f64; 1],
    triangles: u64,
    tiles: u64,
    /// Of what it was made from.
    #[serde(default)]
    key: u64,
    /// It was taken over from an older package.
    #[serde(skip)]
    kept: bool,
}

impl Terrain {
    /// The same terrain again, for a build whose [`terrain::key`] it has, with its files put into `dir`; `None` where it has to be made.
    pub fn taken_over(&self, key: u64, out: &Path, dir: &Path) -> Option<Self> {
        let from = out.join(TilesetRole::Terrain.name());
        let same = self.key == key && from.join("tileset.json").is_file() && link_all(&from, dir).is_ok();
        same.then_some(Self { kept: true, ..*self })
    }

    pub fn of(written: terrain::Written, key: u64) -> Self {
        let r = written.root.region;
        let region = [r.west_rad, r.south_rad, r.east_rad, r.north_rad, r.min_height_m, r.max_height_m];
        Self { region, error_m: [written.root.error_m], triangles: written.triangles, tiles: written.tiles, key, kept: false }
    }
}

/// One tileset of the package.
struct Part {
    role: TilesetRole,
    objects: u64,
    region: Region,
    error_m: f64,
}

impl Outcome {
    /// What an older build left at `out`; `None` where there is nothing that can be used.
    pub fn of_package(out: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(out.join(BUILD_FILE)).ok()?).ok()
    }

    /// Tiles of a role by path.
    pub fn tiles_of(&self, role: TilesetRole) -> Option<HashMap<&str, &Made>> {
        let done = self.done.iter().find(|d| d.role == role)?;
        Some(done.plans.iter().zip(&done.made).filter_map(|(p, m)| Some((p.path.as_str(), m.as_ref()?))).collect())
    }

    pub fn write(&self, path: &Path) -> Result<(), PackageError> {
        let text = serde_json::to_string(self).map_err(|source| PackageError::Json { path: path.to_owned(), source })?;
        publish::write_text(path, &text)
    }

    /// Writes tilesets, manifest and report into the draft and puts it in its place.
    pub fn publish(mut self, draft: Draft) -> Result<(CityManifest, BuildReport), PackageError> {
        let of_terrain = self.terrain.iter().filter(|t| t.kept).map(|t| t.tiles);
        self.report.tiles_kept = self.done.iter().map(|d| d.kept).chain(of_terrain).sum();
        let parts = self.parts(draft.dir())?;
        if parts.is_empty() && self.imported.is_empty() {
            return Err(PackageError::nothing(&self.report));
        }
        let mut root =
            Tile { region: NOWHERE, error_m: 0.0, frame: None, placed: None, content: None, children: Vec::new(), implicit: None };
        for part in &parts {
            join(&mut root.region, &part.region);
            let content = Some(format!("{}/tileset.json", part.role.name()));
            let (region, error_m) = (part.region, part.error_m);
            root.children.push(Tile { region, error_m, content, frame: None, placed: None, children: Vec::new(), implicit: None });
        }
        for imported in &self.imported {
            join(&mut root.region, &imported.region());
            root.children.push(imported.tile());
        }
        // The root has no content of its own: it is always refined. Others' errors may be larger than the city.
        root.error_m = root.children.iter().map(|c| c.error_m).fold(region_size_m(&root.region), f64::max);
        tileset::write(&draft.dir().join("tileset.json"), &root)?;
        let manifest = self.manifest(&root.region, &parts);
        publish::write_text(&draft.dir().join(CityManifest::FILE), &toml::to_string(&manifest)?)?;
        publish::write_report(&draft.dir().join("report.json"), &self.report)?;
        self.write_build_file(draft.dir())?;
        draft.publish()?;
        Ok((manifest, self.report))
    }

    /// For the next build. Without the report, which differs in time and memory.
    fn write_build_file(&mut self, dir: &Path) -> Result<(), PackageError> {
        self.share = None;
        let report = std::mem::take(&mut self.report);
        let written = self.write(&dir.join(BUILD_FILE));
        self.report = report;
        written
    }

    /// Buildings, surfaces and terrain, each with its tileset; only those that exist. Fills the report's counts.
    fn parts(&mut self, dir: &Path) -> Result<Vec<Part>, PackageError> {
        let mut parts = Vec::new();
        for done in &self.done {
            let made: Option<Vec<Made>> = done.made.iter().copied().collect();
            let made = made.ok_or_else(|| PackageError::Shares { dir: dir.to_owned(), why: "tiles are missing".to_owned() })?;
            let root = assemble(&done.plans, &made, 0);
            tileset::write(&dir.join(done.role.name()).join("tileset.json"), &root)?;
            self.report.triangles += made.iter().map(|m| m.triangles).sum::<u64>();
            self.report.tiles += made.iter().filter(|m| m.triangles > 0).count() as u64;
            parts.push(Part { role: done.role, objects: done.objects, region: root.region, error_m: root.error_m });
        }
        if let Some(t) = &self.terrain {
            self.report.triangles += t.triangles;
            self.report.tiles += t.tiles;
            let [west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m] = t.region;
            let region = Region { west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m };
            parts.push(Part { role: TilesetRole::Terrain, objects: 0, region, error_m: t.error_m[0] });
        }
        Ok(parts)
    }

    fn manifest(&self, region: &Region, parts: &[Part]) -> CityManifest {
        let mut crs: Vec<String> = self.sources.iter().map(|s| s.crs.clone()).collect();
        crs.sort();
        crs.dedup();
        let drawn = |role| parts.iter().filter(|p| p.role == role).map(|p| p.objects).sum();
        let entry = |p: &Part| TilesetEntry { role: p.role, path: format!("{}/tileset.json", p.role.name()) };
        let round = |deg: f64, digits: i32| (deg * 10f64.powi(digits)).round() / 10f64.powi(digits);
        let middle = |a: f64, b: f64| round(((a + b) * 0.5).to_degrees(), 7);
        CityManifest {
            format: CityManifest::FORMAT,
            name: self.name.clone(),
            created_by: concat!("yiping ", env!("CARGO_PKG_VERSION")).to_owned(),
            crs,
            anchor: Anchor {
                lon_deg: middle(region.west_rad, region.east_rad),
                lat_deg: middle(region.south_rad, region.north_rad),
                height_m: round(self.ground_m, 2),
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
                buildings: drawn(TilesetRole::Buildings),
                surfaces: drawn(TilesetRole::Surfaces),
                triangles: self.report.triangles,
                tiles: self.report.tiles,
                imported: self.imported.iter().map(|i| i.contents).sum(),
            },
            tilesets: parts.iter().map(entry).chain(self.imported.iter().map(Imported::entry)).collect(),
            sources: self.sources.clone(),
        }
    }

    /// What a share can say of the city: its sources and names; its tiles are counted by [`merge`].
    pub fn manifest_of_share(&self) -> CityManifest {
        self.manifest(&NOWHERE, &[])
    }

    /// Takes the tiles that `other`, another share of the same build, made.
    fn take(&mut self, other: Outcome) -> Result<(), String> {
        let same = self.name == other.name
            && self.sources == other.sources
            && self.imported == other.imported
            && self.done.len() == other.done.len();
        let same = same && self.done.iter().zip(&other.done).all(|(a, b)| a.role == b.role && a.plans == b.plans);
        if !same {
            return Err("the shares were not made from the same sources with the same settings; build them again".to_owned());
        }
        for (mine, theirs) in self.done.iter_mut().zip(other.done) {
            mine.made.iter_mut().zip(theirs.made).for_each(|(m, t)| *m = m.or(t));
        }
        self.terrain = self.terrain.take().or(other.terrain);
        Ok(())
    }
}

/// Joins the shares of a build to the package that one machine would have made, byte for byte.
///
/// # Errors
/// [`PackageError::Shares`] when a share is missing, comes twice or was made from something else; [`PackageError::Io`].
pub fn merge(shares: &[PathBuf], out: &Path) -> Result<(CityManifest, BuildReport), PackageError> {
    publish::check(out)?;
    let mut seen: Vec<((u32, u32), &PathBuf)> = Vec::new();
    let mut whole: Option<Outcome> = None;
    for dir in shares {
        let path = dir.join(SHARD_FILE);
        let bytes = std::fs::read(&path).map_err(PackageError::io(&path))?;
        let outcome: Outcome = serde_json::from_slice(&bytes).map_err(|source| PackageError::Json { path: path.clone(), source })?;
        let wrong = |why: String| PackageError::Shares { dir: dir.clone(), why };
        let share = outcome.share.ok_or_else(|| wrong("this is a whole package, no share".to_owned()))?;
        if let Some((_, twin)) = seen.iter().find(|(s, _)| *s == share) {
            return Err(wrong(format!("share {}/{} is also in {}", share.0 + 1, share.1, twin.display())));
        }
        seen.push((share, dir));
        match &mut whole {
            None => whole = Some(outcome),
            Some(whole) => whole.take(outcome).map_err(wrong)?,
        }
    }
    let Some(whole) = whole else {
        return Err(PackageError::Shares { dir: out.to_owned(), why: "no share was given".to_owned() });
    };
    let of = seen[0].0.1;
    let missing: Vec<String> = (0..of).filter(|n| !seen.iter().any(|(s, _)| s.0 == *n)).map(|n| format!("{}/{of}", n + 1)).collect();
    if !missing.is_empty() {
        return Err(PackageError::Shares { dir: out.to_owned(), why: format!("these shares are missing: {}", missing.join(", ")) });
    }
    let draft = Draft::new(out)?;
    for (share, dir) in &seen {
        // The phone's map and existing tilesets are in every share and the same in all.
        let folders: &[&str] =
            if share.0 == 0 { &["buildings", "surfaces", "terrain", "map", "imported"] } else { &["buildings", "surfaces"] };
        folders.iter().try_for_each(|f| link_all(&dir.join(f), &draft.dir().join(f)))?;
    }
    whole.publish(draft)
}

/// Every file below `from` into `to`, without copying where the file system can.
fn link_all(from: &Path, to: &Path) -> Result<(), PackageError> {
    if !from.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(to).map_err(PackageError::io(to))?;
    for entry in std::fs::read_dir(from).map_err(PackageError::io(from))? {
        let entry = entry.map_err(PackageError::io(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            link_all(&source, &target)?;
        } else if std::fs::hard_link(&source, &target).is_err() {
            std::fs::copy(&source, &target).map_err(PackageError::io(&source))?;
        }
    }
    Ok(())
}
