//! All tiles of a tileset, through its external tilesets and subtrees.

use super::files::TilesetFiles;
use super::references;
use super::tiles::{self, Above, Reference, Subtree, Tile};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// Tiles of one tileset, all files together.
const TILES_MAX: u64 = 4_000_000;
/// Levels below the root, external tilesets included; a tileset that names itself ends here where it is not seen before.
const DEPTH_MAX: usize = 200;

/// How often tilesets and subtrees may be met again: a tree of copies has some, a loop has no end.
const REPEATS_MAX: u64 = 10_000;

/// Takes what a walk meets.
pub(crate) trait Visit {
    /// A tile, before its contents.
    fn tile(&mut self, tile: &Tile);
    /// Whether the bytes of a content are needed. Those that are named as JSON are read in any case: they may be tilesets.
    fn wants(&self, tile: &Tile) -> bool;
    /// A content that is there; its bytes where they were wanted.
    fn content(&mut self, tile: &Tile, name: &str, bytes: Option<Vec<u8>>);
    /// A file that is part of the tileset and no content: a tileset, a subtree, its bits, a schema.
    fn part(&mut self, name: &str, bytes: &[u8], kind: Part);
    /// A file that can't be had or read.
    fn missing(&mut self, name: &str, why: &str);
    /// A content with an address of its own on the network.
    fn remote(&mut self, address: &str);
    /// Whether a tileset or subtree met again is gone through again (it may stand in two places).
    fn again(&self) -> bool {
        false
    }
}

/// What a part of a tileset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Tileset,
    Subtree,
    /// Bits of a subtree, a schema.
    Beside,
}

enum Work {
    Tileset(String, Option<Arc<[u8]>>, Above),
    Subtree(Subtree),
}

/// Goes through the tileset whose root file is `root`. What is wrong with single files goes to [`Visit::missing`]; a loop ends.
pub(crate) fn walk(files: &dyn TilesetFiles, root: &str, visit: &mut dyn Visit) {
    let mut walk =
        Walk { files, visit, seen: HashSet::new(), work: vec![Work::Tileset(root.to_owned(), None, Above::ROOT)], count: 0, repeats: 0 };
    while let Some(work) = walk.work.pop() {
        match work {
            Work::Tileset(name, bytes, above) => walk.tileset(&name, bytes, above),
            Work::Subtree(subtree) => walk.subtree(&subtree),
        }
    }
}

struct Walk<'a> {
    files: &'a dyn TilesetFiles,
    visit: &'a mut dyn Visit,
    seen: HashSet<String>,
    work: Vec<Work>,
    count: u64,
    repeats: u64,
}

impl Walk<'_> {
    fn tileset(&mut self, name: &str, bytes: Option<Arc<[u8]>>, above: Above) {
        if above.depth > DEPTH_MAX {
            return self.visit.missing(name, "the tree is too deep; does a tileset name itself?");
        }
        let Some(first) = self.first(name) else { return };
        let bytes = match bytes.map_or_else(|| self.files.read(name).map(Arc::from), Ok) {
            Ok(bytes) => bytes,
            Err(why) => return self.visit.missing(name, &why),
        };
        let json: Value = match serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)) {
            Ok(json) => json,
            Err(e) => return self.visit.missing(name, &e.to_string()),
        };
        if first {
            self.visit.part(name, &bytes, Part::Tileset);
            references::of_tileset(&json).iter().for_each(|uri| drop(self.beside(name, uri)));
        }
        match tiles::of_tileset(name, &json, above) {
            Ok(tiles) => self.tiles(name, tiles),
            Err(fault) => self.visit.missing(name, &fault.to_string()),
        }
    }

    /// Whether a tileset or subtree is met for the first time; `None` when it is not to be gone through again.
    fn first(&mut self, name: &str) -> Option<bool> {
        if self.seen.insert(name.to_owned()) {
            return Some(true);
        }
        if !self.visit.again() {
            return None;
        }
        self.repeats += 1;
        if self.repeats > REPEATS_MAX {
            self.visit.missing(name, &format!("tilesets are named again more than {REPEATS_MAX} times; does one name itself?"));
            return None;
        }
        Some(false)
    }

    /// A file beside another one, read and told; `None` where it can't be had.
    fn beside(&mut self, base: &str, uri: &str) -> Option<Vec<u8>> {
        match tiles::resolve(base, uri) {
            Reference::Inside(name) => match self.files.read(&name) {
                Ok(bytes) => {
                    self.visit.part(&name, &bytes, Part::Beside);
                    return Some(bytes);
                }
                Err(why) => self.visit.missing(&name, &why),
            },
            Reference::Network(address) => self.visit.remote(&address),
            Reference::Outside(uri) => self.visit.missing(&uri, OUTSIDE),
        }
        None
    }

    fn subtree(&mut self, subtree: &Subtree) {
        let name = match &subtree.file {
            Reference::Inside(name) => name.clone(),
            Reference::Network(address) => return self.visit.remote(address),
            Reference::Outside(uri) => return self.visit.missing(uri, OUTSIDE),
        };
        if self.first(&name).is_none() {
            return;
        }
        let bytes = match self.files.read(&name) {
            Ok(bytes) => bytes,
            Err(why) => return self.visit.missing(&name, &why),
        };
        self.visit.part(&name, &bytes, Part::Subtree);
        let buffers = match subtree.buffers(&name, &bytes) {
            Ok(buffers) => buffers,
            Err(fault) => return self.visit.missing(&name, &fault.to_string()),
        };
        let mut external = Vec::new();
        for buffer in buffers {
            external.push(match buffer {
                None => Vec::new(),
                Some(Reference::Inside(file)) => match self.files.read(&file) {
                    Ok(bytes) => {
                        self.visit.part(&file, &bytes, Part::Beside);
                        bytes
                    }
                    Err(why) => return self.visit.missing(&file, &why),
                },
                Some(Reference::Network(address)) => return self.visit.remote(&address),
                Some(Reference::Outside(uri)) => return self.visit.missing(&uri, OUTSIDE),
            });
        }
        match subtree.tiles(&bytes, external) {
            Ok(tiles) => self.tiles(&name, tiles),
            Err(fault) => self.visit.missing(&name, &fault.to_string()),
        }
    }

    fn tiles(&mut self, file: &str, tiles: Vec<Tile>) {
        self.count += tiles.len() as u64;
        if self.count > TILES_MAX {
            self.work.clear();
            return self.visit.missing(file, &format!("the tileset has more than {TILES_MAX} tiles; give a part of it"));
        }
        let soon = |tile: &Tile| {
            tile.contents.iter().filter_map(|c| if let Reference::Inside(name) = c { Some(name.clone()) } else { None }).collect::<Vec<_>>()
        };
        let wanted: Vec<String> = tiles.iter().filter(|t| self.visit.wants(t)).flat_map(soon).collect();
        let subtrees = tiles.iter().filter_map(|t| match &t.subtree.as_ref()?.file {
            Reference::Inside(name) => Some(name.clone()),
            _ => None,
        });
        self.files.prefetch(&wanted.into_iter().chain(subtrees).collect::<Vec<_>>());
        // The stack is emptied from its end: what comes first in the file is gone through first.
        let mut below = Vec::new();
        for tile in tiles {
            self.visit.tile(&tile);
            for content in &tile.contents {
                match content {
                    Reference::Inside(name) => below.extend(self.content(&tile, name)),
                    Reference::Network(address) => self.visit.remote(address),
                    Reference::Outside(uri) => self.visit.missing(uri, OUTSIDE),
                }
            }
            below.extend(tile.subtree.map(Work::Subtree));
        }
        self.work.extend(below.into_iter().rev());
    }

    /// A content; the work where it is another tileset.
    fn content(&mut self, tile: &Tile, name: &str) -> Option<Work> {
        let json = name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("json"));
        if !json && !self.visit.wants(tile) {
            if self.files.has(name) {
                self.visit.content(tile, name, None);
            } else {
                self.visit.missing(name, "it is not there");
            }
            return None;
        }
        let bytes = match self.files.read(name) {
            Ok(bytes) => bytes,
            Err(why) => {
                self.visit.missing(name, &why);
                return None;
            }
        };
        if is_tileset(&bytes) {
            let above = Above { depth: tile.here.depth + 1, ..tile.here };
            return Some(Work::Tileset(name.to_owned(), Some(bytes.into()), above));
        }
        self.visit.content(tile, name, Some(bytes));
        None
    }
}

const OUTSIDE: &str = "it leads out of the tileset's folder and is not taken; put it inside";

/// True for JSON that is a tileset and not a glTF.
fn is_tileset(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Probe {
        root: Option<serde::de::IgnoredAny>,
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    text.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<Probe>(text).is_ok_and(|p| p.root.is_some())
}
