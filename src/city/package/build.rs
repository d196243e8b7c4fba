//! The build itself: sources in, part by part; a package out, at the end.

use super::imported::Imported;
use super::outcome::{Done, Outcome, SHARD_FILE};
use super::place::choose_crs;
use super::prepare::{Prepared, prepare, survey_of};
use super::publish::{self, Draft};
use super::schema::{Schema, Survey};
use super::spool::{Batch, Spool};
use super::texture::Paints;
use super::tiles::{Made, Plan, Tree};
use super::{Job, PackageError, Progress, Stage, map, outcome, terrain};
use crate::city::footprints::extrude::touch;
use crate::city::ortho::Orthophoto;
use crate::city::report::BuildReport;
use crate::city::source::{CitySource, ElevationGrid};
use crate::city::tileset::{ExistingTileset, TilesetPlace, is_tileset};
use crate::geo::{Heights, Region};
use crate::model::city::{CityManifest, SourceEntry, TilesetRole};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A build under way. Nothing at the package's place changes before [`Builder::finish`].
pub struct Builder {
    job: Job,
    // Before the draft, so that the spool's file goes before the folder it is in.
    spool: Spool,
    relief: terrain::Relief,
    drape: terrain::Drape,
    map: map::Map,
    draft: Draft,
    report: BuildReport,
    surveys: [Survey; 2],
    files: Vec<SourceFile>,
    paints: Paints,
    /// Sets of attributes, numbered.
    keys: HashMap<Vec<String>, u32>,
    /// Objects outside of the extent asked for.
    outside: u64,
    /// Buildings, surfaces.
    objects: [u64; 2],
    imported: Vec<Imported>,
    /// Made ready and not written yet: the last part's.
    ready: Vec<Ready>,
}

/// Records, of how many objects, and their lines of the map.
type Ready = (Batch, u32, map::Lines);

/// One source that parts came from.
struct SourceFile {
    path: PathBuf,
    crs: String,
    heights: Heights,
    /// Objects with geometry.
    count: u64,
}

impl Builder {
    /// Begins a build on the ground of `grids`.
    ///
    /// # Errors
    /// [`PackageError::NotAPackage`] when something else is at the package's place, [`PackageError::Io`].
    pub fn new(job: &Job, mut grids: Vec<ElevationGrid>) -> Result<Self, PackageError> {
        publish::check(&job.out)?;
        let mut report = BuildReport::default();
        grids.iter_mut().for_each(|g| g.crs = g.crs.take().or_else(|| job.crs_of(&g.file)));
        let mut relief = terrain::Relief::new(grids, None, &mut report)?;
        relief.set_heights(|file, crs| job.heights_of(file, crs));
        let draft = Draft::new(&job.out)?;
        Ok(Self {
            spool: Spool::new(&draft.dir().join("spool"))?,
            map: map::Map::new(&draft.dir().join("map"))?,
            job: job.clone(),
            draft,
            relief,
            drape: terrain::Drape::default(),
            report,
            surveys: Default::default(),
            files: Vec::new(),
            paints: Paints::default(),
            keys: HashMap::new(),
            outside: 0,
            objects: [0; 2],
            imported: Vec::new(),
            ready: Vec::new(),
        })
    }

    /// Lays photos over the terrain; where they overlap, the first wins.
    ///
    /// # Errors
    /// No coordinate system, or one that PROJ does not know.
    pub fn drape(&mut self, mut photos: Vec<Orthophoto>) -> Result<(), PackageError> {
        if let Some(photo) = photos.first().filter(|_| self.relief.is_empty()) {
            self.report.warn("an orthophoto lies on no terrain: give an elevation model with --terrain", &photo.file.display().to_string());
        }
        photos.iter_mut().for_each(|p| p.crs = p.crs.take().or_else(|| self.job.crs_of(&p.file)));
        self.drape = terrain::Drape::new(photos, None, &mut self.report)?;
        Ok(())
    }

    /// Takes a source, or a part of one: an object and its parents come in the same part.
    ///
    /// # Errors
    /// No coordinate system, or one that PROJ does not know; [`PackageError::Io`]. What is wrong with single objects goes to the report.
    pub fn add(&mut self, mut part: CitySource) -> Result<(), PackageError> {
        let file = match self.files.iter().position(|f| f.path == part.file) {
            Some(known) => known,
            None => {
                let given = self.job.crs_of(&part.file);
                let crs = choose_crs(&part.file, part.crs.as_deref(), given.as_deref(), &mut self.report)?;
                let heights = self.job.heights_of(&part.file, &crs);
                self.files.push(SourceFile { path: part.file.clone(), crs, heights, count: 0 });
                self.files.len() - 1
            }
        };
        let numbers: Vec<u32> = std::mem::take(&mut part.paints).into_iter().map(|p| self.paints.add(p)).collect();
        if !numbers.is_empty() {
            let new = |p: u32| numbers.get(p as usize).copied().unwrap_or(super::piece::BARE);
            part.objects.iter_mut().for_each(|o| o.faces.repaint(new));
        }
        if part.above_ground && self.relief.is_empty() {
            let reason = "heights above the ground, and no elevation model (--terrain) says where that is: taken as 0 m";
            self.report.warn(reason, &part.file.display().to_string());
        }
        self.files[file].count += part.objects.iter().filter(|o| !o.faces.is_empty()).count() as u64;
        let of_file = &self.files[file];
        let ground = (&self.relief, self.job.extent, self.job.flatten);
        // Writing needs one core: the part before is written while this one is made ready.
        let (spool, map, ready) = (&mut self.spool, &mut self.map, std::mem::take(&mut self.ready));
        let (prepared, written) =
            rayon::join(|| prepare(part, (&of_file.crs, &of_file.heights), &self.paints, ground), || write(spool, map, ready));
        written?;
        prepared.into_iter().for_each(|prepared| self.take(prepared));
        Ok(())
    }

    /// Counts what was made ready, and keeps it to be written.
    fn take(&mut self, mut prepared: Prepared) {
        let sets: Vec<u32> = std::mem::take(&mut prepared.keys).into_iter().map(|set| self.set(set)).collect();
        prepared.batch.entries.iter_mut().for_each(|e| e.keys = sets[e.keys as usize]);
        for (role, count) in [TilesetRole::Buildings, TilesetRole::Surfaces].into_iter().zip(prepared.counts) {
            self.objects[survey_of(role)] += count;
        }
        self.outside += prepared.outside;
        self.ready.push((prepared.batch, prepared.objects, prepared.map));
        self.report.merge(prepared.report);
        self.level(prepared.levels);
        self.surveys.iter_mut().zip(prepared.surveys).for_each(|(mine, theirs)| mine.merge(theirs));
    }

    /// Makes ground level before it becomes terrain.
    fn level(&mut self, levels: Vec<terrain::Level>) {
        let left_out = self.relief.level(levels);
        let too_far = "the ground under an object is over 30 m off and not made level; do heights count from the same datum?";
        for (count, reason) in
            [(left_out.too_many, "the ground under an object is not made level: there are too many"), (left_out.too_far, too_far)]
        {
            if count > 0 {
                self.report.warnings.entry(reason.to_owned()).or_default().count += count;
            }
        }
    }

    /// Passes an existing tileset through into the package, as it is.
    ///
    /// # Errors
    /// When it can't be copied. Files of it that are missing go to the report.
    pub fn import(&mut self, tileset: &ExistingTileset) -> Result<(), PackageError> {
        let ground_m = match tileset.place() {
            Some(place) if place.height_m.is_none() => {
                let ground_m = self.relief.height_m(place.lon_deg, place.lat_deg);
                if ground_m.is_none() {
                    let reason = "a tileset is to stand on the ground, and no elevation model (--terrain) says where that is: taken as 0 m";
                    self.report.warn(reason, &tileset.shown().display().to_string());
                }
                ground_m.unwrap_or(0.0)
            }
            _ => 0.0,
        };
        let region = tileset.region(tileset.transform(ground_m));
        let outside =
            |(wanted, r): ([f64; 4], Region)| !touch(wanted, [r.west_rad, r.south_rad, r.east_rad, r.north_rad].map(f64::to_degrees));
        if self.job.extent.zip(region).is_some_and(outside) {
            let reason = "a tileset lies outside of the extent asked for and is not passed through";
            self.report.warn(reason, &tileset.shown().display().to_string());
            return Ok(());
        }
        let imported = Imported::take(tileset, self.draft.dir(), &self.imported, ground_m, &mut self.report)?;
        self.imported.push(imported);
        Ok(())
    }

    /// The number of a set of attributes in the package.
    fn set(&mut self, set: Vec<String>) -> u32 {
        let next = self.keys.len() as u32;
        *self.keys.entry(set).or_insert(next)
    }

    /// Makes the tiles and puts the package in its place. `report` is what the readers said; the whole report comes back with the manifest.
    ///
    /// # Errors
    /// See [`PackageError`]. The package that was there then stays as it was.
    pub fn finish(mut self, progress: &dyn Progress, mut report: BuildReport) -> Result<(CityManifest, BuildReport), PackageError> {
        write(&mut self.spool, &mut self.map, std::mem::take(&mut self.ready))?;
        report.merge(std::mem::take(&mut self.report));
        // They were read, and were not asked for.
        report.objects_in -= self.outside.min(report.objects_in);
        if self.spool.entries.is_empty() && self.relief.is_empty() && self.imported.is_empty() {
            return Err(PackageError::nothing(&report));
        }
        self.paints.warn(&mut report);
        let mut sets: Vec<(&[String], u32)> = self.keys.iter().map(|(set, n)| (set.as_slice(), *n)).collect();
        sets.sort_by_key(|s| s.1);
        let sets: Vec<&[String]> = sets.into_iter().map(|s| s.0).collect();
        let old = Outcome::of_package(&self.job.out);
        // Reading a big source once more for its checksum keeps one core busy; the tiles keep the others.
        let (done, read) =
            rayon::join(|| self.all_tiles(&sets, old.as_ref(), progress), || sources(&self.files, &self.relief, &self.drape));
        let (done, read) = (done?, read?);
        // Terrain is not divided: the first share makes all of it.
        let first = self.job.share.is_none_or(|s| s.0 == 0);
        self.relief.levels.index();
        let dir = self.draft.dir().join("terrain");
        let key = terrain::key(&self.relief, &self.drape, self.job.extent);
        let mut terrain = old.as_ref().and_then(|o| o.terrain.as_ref()).and_then(|t| t.taken_over(key, &self.job.out, &dir));
        if terrain.is_none() && first {
            let written = terrain::write(&self.relief, &self.drape, self.job.extent, &dir, progress)?;
            terrain = written.map(|w| outcome::Terrain::of(w, key));
        }
        let too_many = self.map.finish()?;
        if too_many > 0 {
            let reason = "a footprint is not on the phone's map: it holds the first 200,000";
            report.warnings.entry(reason.to_owned()).or_default().count += too_many;
        }
        let outcome = Outcome {
            name: self.job.name.clone(),
            share: self.job.share,
            sources: read.into_iter().chain(self.imported.iter().map(|i| i.source.clone())).collect(),
            ground_m: relief_or_median(&self.spool, &self.relief, &self.imported),
            done,
            terrain,
            imported: std::mem::take(&mut self.imported),
            report,
        };
        drop(self.spool);
        if self.job.share.is_some() {
            outcome.write(&self.draft.dir().join(SHARD_FILE))?;
            let manifest = outcome.manifest_of_share();
            self.draft.publish()?;
            return Ok((manifest, outcome.report));
        }
        outcome.publish(self.draft)
    }

    /// The tiles of buildings and of surfaces. `sets` are the sets of attributes that entries name by number.
    fn all_tiles(&self, sets: &[&[String]], old: Option<&Outcome>, progress: &dyn Progress) -> Result<Vec<Done>, PackageError> {
        let mut done = Vec::new();
        for role in [TilesetRole::Buildings, TilesetRole::Surfaces] {
            let schema = Schema::of(&self.surveys[survey_of(role)]);
            let tree = Tree::plan(&self.spool, (&schema, sets), &self.paints, role);
            if !tree.nodes.is_empty() {
                done.push(self.tiles(&tree, old, progress)?);
            }
        }
        Ok(done)
    }

    /// All tiles of a tree that are this share's to make; those that an older package has are taken over.
    fn tiles(&self, tree: &Tree, old: Option<&Outcome>, progress: &dyn Progress) -> Result<Done, PackageError> {
        let dir = self.draft.dir().join(tree.role.name());
        std::fs::create_dir_all(&dir).map_err(PackageError::io(&dir))?;
        progress.start(Stage::Tiles(tree.role), tree.nodes.len() as u64);
        let (kept, old) = (AtomicU64::new(0), old.and_then(|o| o.tiles_of(tree.role)));
        let share = self.job.share;
        let made: Vec<Option<Made>> = tree
            .nodes
            .par_iter()
            .enumerate()
            // Tiles high up take many times as long as leaves: whoever is done takes one more.
            .with_max_len(1)
            .map(|(n, node)| {
                progress.advance(1);
                if share.is_some_and(|(part, of)| n as u32 % of != part) {
                    return Ok(None);
                }
                let file = format!("{}.glb", node.path);
                let same = old.as_ref().and_then(|o| o.get(node.path.as_str())).filter(|m| m.key == tree.key(node));
                if let Some(made) = same
                    && take_over(&self.job.out.join(tree.role.name()).join(&file), &dir.join(&file), made)
                {
                    kept.fetch_add(1, Ordering::Relaxed);
                    return Ok(Some(**made));
                }
                tree.make(node, &dir).map(Some)
            })
            .collect::<Result<_, PackageError>>()?;
        let kept = kept.into_inner();
        Ok(Done { role: tree.role, objects: self.objects[survey_of(tree.role)], plans: Plan::of(tree), made, kept })
    }
}

fn write(spool: &mut Spool, map: &mut map::Map, ready: Vec<Ready>) -> Result<(), PackageError> {
    ready.into_iter().try_for_each(|(batch, objects, lines)| {
        map.append(&lines)?;
        spool.append(batch, objects)
    })
}

/// Puts a tile of the old package into the new one without copying where the file system can; `false`: it has to be made.
fn take_over(old: &Path, new: &Path, made: &Made) -> bool {
    made.triangles == 0 || std::fs::hard_link(old, new).is_ok() || std::fs::copy(old, new).is_ok()
}

fn sources(files: &[SourceFile], relief: &terrain::Relief, drape: &terrain::Drape) -> Result<Vec<SourceEntry>, PackageError> {
    let of_city = files.iter().map(|f| (&f.path, f.count, &f.crs, Some(&f.heights)));
    let photos = drape.files().into_iter().map(|(file, count, crs)| (file, count, crs, None));
    let grids = relief.files().into_iter().map(|(file, count, crs, heights)| (file, count, crs, Some(heights)));
    let all: Vec<_> = of_city.chain(grids).chain(photos).collect();
    let entry = |(file, count, crs, heights): &(&PathBuf, u64, &String, Option<&Heights>)| {
        let heights = heights.map_or_else(String::new, Heights::to_string);
        let name = file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Ok(SourceEntry { file: name, sha256: sha256(file)?, count: *count, crs: (*crs).clone(), heights })
    };
    all.par_iter().map(entry).collect()
}

/// Height of the ground in the middle of everything: the relief there, else the median of the lowest points of all objects.
fn relief_or_median(spool: &Spool, relief: &terrain::Relief, imported: &[Imported]) -> f64 {
    let mut region = super::place::NOWHERE;
    imported.iter().for_each(|i| super::place::join(&mut region, &i.region()));
    spool.entries.iter().for_each(|e| super::place::join(&mut region, &e.region));
    let at = ((region.west_rad + region.east_rad) * 0.5, (region.south_rad + region.north_rad) * 0.5);
    if let Some(height_m) = relief.height_m(at.0.to_degrees(), at.1.to_degrees()) {
        return height_m;
    }
    let mut low: Vec<f64> = spool.entries.iter().map(|e| e.region.min_height_m).collect();
    if low.is_empty() {
        low.extend(imported.iter().map(|i| i.region().min_height_m));
    }
    low.sort_by(f64::total_cmp);
    low.get(low.len() / 2).copied().unwrap_or(0.0)
}

/// SHA-256 of a file, or of all files in a folder in the order of their paths, lowercase hexadecimal. A source that was never a file (made in
/// memory) has the digest of nothing.
fn sha256(path: &Path) -> Result<String, PackageError> {
    if is_tileset(path) {
        let all = TilesetPlace::open(path)?.digest();
        return Ok(all.iter().map(|b| format!("{b:02x}")).collect());
    }
    let mut hash = Sha256::new();
    let mut open = vec![path.to_owned()];
    while let Some(next) = open.pop() {
        if next.is_dir() {
            let entries = std::fs::read_dir(&next).map_err(PackageError::io(&next))?;
            let mut inside: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
            inside.sort_by(|a, b| b.cmp(a));
            open.extend(inside);
        } else {
            hash_file(&next, &mut hash)?;
        }
    }
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

fn hash_file(file: &Path, hash: &mut Sha256) -> Result<(), PackageError> {
    match std::fs::File::open(file) {
        Ok(mut f) => {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let n = f.read(&mut buffer).map_err(PackageError::io(file))?;
                if n == 0 {
                    return Ok(());
                }
                hash.update(&buffer[..n]);
            }
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(PackageError::io(file)(e)),
    }
}
