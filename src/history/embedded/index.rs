//! Which partition files there are, by property and hour.

use super::folder::{DRAFT, Kind, Name, hash_file, io_failed, parse_day, parse_property};
use crate::history::HistoryError;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A partition file.
#[derive(Debug)]
pub(super) struct Part {
    pub path: PathBuf,
    pub name: Name,
    pub bytes: u64,
    /// Its hash was found right by this process.
    sound: AtomicBool,
    /// Rows, and earliest and latest time, once its footer was looked at.
    pub facts: OnceLock<Facts>,
}

/// What a footer says of a file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub rows: u64,
    pub times: Option<(i64, i64)>,
}

impl Part {
    /// `sound`: just written by this process, so its hash is known to be right.
    pub(super) fn new(path: PathBuf, name: Name, bytes: u64, sound: bool) -> Self {
        Self { path, name, bytes, sound: AtomicBool::new(sound), facts: OnceLock::new() }
    }

    /// Looks at a file's hash before it is read for the first time.
    ///
    /// # Errors
    /// When it is not what was written, or can't be read.
    pub(super) fn verify(&self) -> Result<(), Broken> {
        if self.sound.load(Ordering::Relaxed) {
            return Ok(());
        }
        match hash_file(&self.path) {
            Ok(hash) if hash == self.name.hash => {
                self.sound.store(true, Ordering::Relaxed);
                Ok(())
            }
            Ok(_) => Err(Broken::Damaged("its content is not what was written (the hash in its name differs)".to_owned())),
            Err(e) => Err(Broken::Unread(e.to_string())),
        }
    }
}

/// Why a file does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It never will again.
    Damaged(String),
    /// It could not be read this time.
    Unread(String),
}

/// All files of one property in one hour. Events are the slices of no property at hour 0 of their day.
#[derive(Clone, Debug, Default)]
pub(super) struct Slice {
    /// Readings or events, oldest segments first.
    pub raw: Vec<Arc<Part>>,
    pub derived: BTreeMap<Kind, Arc<Part>>,
}

impl Slice {
    /// The newest segment its readings came with.
    pub(super) fn newest(&self) -> Option<u64> {
        self.raw.iter().map(|p| p.name.to).max()
    }

    /// Whether the readings it was derived from are gone; late ones may have come since.
    pub(super) fn is_only_derived(&self) -> bool {
        self.derived.get(&Kind::Minute).is_some_and(|d| self.raw.iter().all(|p| p.name.from > d.name.to))
    }

    /// A file derived from all of its readings; or from readings that are gone, which late ones must not replace.
    pub(super) fn whole(&self, kind: Kind) -> Option<&Arc<Part>> {
        let up_to_date = |d: &Part| self.newest().is_none_or(|n| n <= d.name.to);
        let source_is_gone = |d: &Part| self.raw.iter().all(|p| p.name.from > d.name.to);
        self.derived.get(&kind).filter(|d| up_to_date(d) || source_is_gone(d))
    }
}

/// Hours since the Unix epoch.
pub(super) type Hour = i64;

/// The slices of one property.
pub(super) type Slices = BTreeMap<Hour, Slice>;

#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub properties: BTreeMap<Arc<str>, Slices>,
    /// By day.
    pub events: Slices,
    /// Files left out, with the reason.
    pub unreadable: BTreeMap<PathBuf, String>,
}

impl Index {
    /// Looks through the folder. Files of segments from `open` on are what a seal had not finished: they are removed, the journal has their rows.
    pub(super) fn load(folder: &Path, open: u64) -> Result<Self, HistoryError> {
        let mut index = Index::default();
        for kind in Kind::ALL {
            for (day_folder, day_name) in folders(&folder.join(kind.folder()))? {
                let Some(day) = parse_day(&day_name) else { continue };
                if kind == Kind::Events {
                    index.load_files(&day_folder, kind, day, None, open)?;
                    continue;
                }
                for (property_folder, name) in folders(&day_folder)? {
                    let Some(property) = parse_property(&name) else { continue };
                    index.load_files(&property_folder, kind, day, Some(property.into()), open)?;
                }
            }
        }
        Ok(index)
    }

    fn load_files(&mut self, folder: &Path, kind: Kind, day: i64, property: Option<Arc<str>>, open: u64) -> Result<(), HistoryError> {
        for (path, file_name) in entries(folder)? {
            if file_name.starts_with(DRAFT) {
                remove(&path);
                continue;
            }
            let Some(name) = Name::parse(&file_name) else {
                if let Some(name) = file_name.strip_suffix(SET_ASIDE) {
                    self.unreadable.insert(path.with_file_name(name), format!("damaged, set aside as {file_name}"));
                }
                continue;
            };
            if name.to >= open {
                remove(&path);
                continue;
            }
            let bytes = path.metadata().map_err(|e| io_failed(&path, &e))?.len();
            let part = Arc::new(Part::new(path, name, bytes, false));
            for replaced in self.put(kind, day, property.as_ref(), part) {
                remove(&replaced.path);
            }
        }
        Ok(())
    }

    /// Takes a file and gives back those it replaces (itself, when there is one that covers it).
    pub(super) fn put(&mut self, kind: Kind, day: i64, property: Option<&Arc<str>>, part: Arc<Part>) -> Vec<Arc<Part>> {
        let slices = match property {
            Some(property) => self.properties.entry(property.clone()).or_default(),
            None => &mut self.events,
        };
        let hour = if property.is_some() { day * 24 + i64::from(part.name.hour) } else { day };
        let slice = slices.entry(hour).or_default();
        if !matches!(kind, Kind::Observations | Kind::Events) {
            let newer = slice.derived.get(&kind).is_none_or(|known| known.name.to <= part.name.to);
            return if newer { slice.derived.insert(kind, part).into_iter().collect() } else { vec![part] };
        }
        let covers = |a: &Part, b: &Part| a.name.from <= b.name.from && b.name.to <= a.name.to && a.path != b.path;
        if slice.raw.iter().any(|known| covers(known, &part)) {
            return vec![part];
        }
        let replaced = slice.raw.iter().filter(|known| covers(&part, known)).cloned().collect();
        slice.raw.retain(|known| !covers(&part, known) && known.path != part.path);
        slice.raw.push(part);
        slice.raw.sort_by_key(|p| p.name.from);
        replaced
    }

    /// Leaves a file out from now on.
    pub(super) fn leave_out(&mut self, path: &Path, why: &str) {
        for slice in self.properties.values_mut().flat_map(BTreeMap::values_mut).chain(self.events.values_mut()) {
            slice.raw.retain(|p| p.path != path);
            slice.derived.retain(|_, p| p.path != path);
        }
        self.unreadable.insert(path.to_owned(), why.to_owned());
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Arc<Part>> {
        let slices = self.properties.values().flat_map(BTreeMap::values).chain(self.events.values());
        slices.flat_map(|s| s.raw.iter().chain(s.derived.values()))
    }

    /// The newest segment any file names.
    pub(super) fn newest(&self) -> u64 {
        self.parts().map(|p| p.name.to).max().unwrap_or(0)
    }

    /// Slices of a property in a range of hours.
    pub(super) fn slices(&self, property: &str, hours: RangeInclusive<Hour>) -> Vec<(Hour, Slice)> {
        if hours.is_empty() {
            return Vec::new();
        }
        let slices = self.properties.get(property).into_iter().flat_map(|s| s.range(hours.clone()));
        slices.map(|(hour, slice)| (*hour, slice.clone())).collect()
    }
}

/// Damaged files get this at the end of their names.
const SET_ASIDE: &str = ".damaged";

/// Damaged files are set aside under another name, so that they are told of again at the next start and nobody else reads them either.
pub(super) fn set_aside(index: &Mutex<Index>, part: &Part, why: &str) {
    let mut aside = part.path.as_os_str().to_owned();
    aside.push(SET_ASIDE);
    tracing::error!("{}: {why}; left out and set aside, put back a copy to have its rows again", part.path.display());
    if let Err(e) = std::fs::rename(&part.path, &aside) {
        tracing::error!("{}: can't be set aside: {e}", part.path.display());
    }
    index.lock().unwrap_or_else(PoisonError::into_inner).leave_out(&part.path, why);
}

/// A file that is no longer needed; one that can't be removed is removed at the next start.
pub(super) fn remove(path: &Path) {
    if let Err(e) = std::fs::remove_file(path) {
        tracing::warn!("{}: can't be removed: {e}", path.display());
    }
}

fn entries(folder: &Path) -> Result<Vec<(PathBuf, String)>, HistoryError> {
    let read = match std::fs::read_dir(folder) {
        Ok(read) => read,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io_failed(folder, &e)),
    };
    let mut found = Vec::new();
    for entry in read {
        let path = entry.map_err(|e| io_failed(folder, &e))?.path();
        if let Some(name) = path.file_name().and_then(|n| n.to_str()).map(str::to_owned) {
            found.push((path, name));
        }
    }
    found.sort();
    Ok(found)
}

fn folders(folder: &Path) -> Result<Vec<(PathBuf, String)>, HistoryError> {
    Ok(entries(folder)?.into_iter().filter(|(path, _)| path.is_dir()).collect())
}
