//! What a `tileset.json` or a subtree file says, as a list of tiles with all that is inherited worked out.

use crate::ogc::archive::inside;
use crate::ogc::{Availability, Coordinates, Fault, Scheme, SubtreeFile};
use glam::DMat4;
use serde_json::Value;
use std::sync::Arc;

/// Levels of an implicit pyramid: 2^40 tiles on a side.
const LEVELS_MAX: u32 = 40;
/// Levels of one subtree file (2^24 bits of availability).
const SUBTREE_LEVELS_MAX: u32 = 12;

/// What a tile inherits from those above it; at the root, nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Above {
    /// The root's frame from the tile's.
    pub(crate) transform: DMat4,
    pub(crate) adds: bool,
    pub(crate) depth: usize,
}

impl Above {
    pub(crate) const ROOT: Self = Self { transform: DMat4::IDENTITY, adds: false, depth: 0 };
}

/// A file named by another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reference {
    /// Below the tileset's folder.
    Inside(String),
    /// An address of its own on the network; it stays what it is.
    Network(String),
    /// Out of the tileset's folder, or no path at all.
    Outside(String),
}

/// One tile.
#[derive(Debug, Clone)]
pub(crate) struct Tile {
    /// With its own transform and refinement; `depth` is its level below the root of all.
    pub(crate) here: Above,
    pub(crate) error_m: Option<f64>,
    pub(crate) contents: Vec<Reference>,
    /// Nothing below it (but what an external tileset among its contents brings).
    pub(crate) is_leaf: bool,
    /// The axis that points up in its contents: `b'x'`, `b'y'` or `b'z'`.
    pub(crate) up_axis: u8,
    /// The root of an implicit pyramid, or of one of its subtrees, that is in a file of its own.
    pub(crate) subtree: Option<Subtree>,
    /// The tile stands for a pyramid said by rule.
    pub(crate) begins_pyramid: bool,
}

/// A subtree of an implicit pyramid.
#[derive(Debug, Clone)]
pub(crate) struct Subtree {
    pub(crate) file: Reference,
    rule: Arc<Rule>,
    at: Coordinates,
}

/// An implicit pyramid.
#[derive(Debug)]
struct Rule {
    /// The file whose folder the templates are relative to.
    base: String,
    scheme: Scheme,
    levels: u32,
    subtree_levels: u32,
    subtrees: String,
    contents: Vec<String>,
    /// Of its root.
    here: Above,
    error_m: Option<f64>,
    up_axis: u8,
}

/// A uri in the file `base`, as a name below the tileset's folder.
pub(crate) fn resolve(base: &str, uri: &str) -> Reference {
    let bare = uri.split(['?', '#']).next().unwrap_or(uri);
    let scheme =
        bare.split_once(':').map(|(s, _)| s).filter(|s| s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')));
    match scheme {
        Some("http" | "https") => return Reference::Network(uri.to_owned()),
        Some(scheme) if scheme.len() > 1 => return Reference::Outside(uri.to_owned()),
        _ if bare.starts_with('/') => return Reference::Outside(uri.to_owned()),
        _ => {}
    }
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let name = format!("{folder}/{}", unescape(bare));
    inside(name.trim_start_matches('/')).map_or_else(|| Reference::Outside(uri.to_owned()), Reference::Inside)
}

/// `%20` and its like as bytes.
pub(crate) fn unescape(uri: &str) -> String {
    let bytes = uri.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match code.filter(|_| byte == b'%') {
            Some(code) => {
                out.push(code);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Tiles of the tileset file `name`, parents first.
///
/// # Errors
/// [`Fault`] with the JSON path of what is wrong.
pub(crate) fn of_tileset(name: &str, json: &Value, above: Above) -> Result<Vec<Tile>, Fault> {
    let version = json["asset"]["version"].as_str().ok_or_else(|| Fault::bad("asset.version", "no version is given"))?;
    if !matches!(version, "1.0" | "1.1" | "0.0") {
        return Err(Fault::unsupported(format!("3D Tiles {version}"), "versions 1.0 and 1.1 are read"));
    }
    let up_axis = json["asset"]["gltfUpAxis"].as_str().and_then(|a| a.bytes().next()).unwrap_or(b'y').to_ascii_lowercase();
    let mut reader = Reader { name, up_axis, tiles: Vec::new() };
    reader.tile(&json["root"], "root", above)?;
    Ok(reader.tiles)
}

struct Reader<'a> {
    name: &'a str,
    up_axis: u8,
    tiles: Vec<Tile>,
}

impl Reader<'_> {
    /// Recursion is bounded by serde_json, which refuses more than 128 nested values.
    fn tile(&mut self, json: &Value, path: &str, above: Above) -> Result<(), Fault> {
        if !json.is_object() {
            return Err(Fault::bad(path, "a tile must be an object"));
        }
        let mut here = above;
        if let Some(m) = numbers::<16>(&json["transform"]) {
            here.transform = above.transform * DMat4::from_cols_array(&m);
        } else if !json["transform"].is_null() {
            return Err(Fault::bad(format!("{path}.transform"), "16 numbers are needed"));
        }
        if let Some(refine) = json["refine"].as_str() {
            here.adds = refine.eq_ignore_ascii_case("ADD");
        }
        let uris = content_uris(json);
        let children = json["children"].as_array().map_or(&[][..], Vec::as_slice);
        let error_m = json["geometricError"].as_f64();
        let mut tile = Tile {
            here,
            error_m,
            contents: Vec::new(),
            is_leaf: children.is_empty(),
            up_axis: self.up_axis,
            subtree: None,
            begins_pyramid: false,
        };
        match first_of(json, "implicitTiling", "3DTILES_implicit_tiling") {
            Some(tiling) => {
                let rule = Arc::new(self.rule(tiling, path, uris, &tile)?);
                (tile.subtree, tile.is_leaf, tile.begins_pyramid) = (Some(Subtree::new(&rule, Coordinates::ROOT)), false, true);
            }
            None => tile.contents = uris.iter().map(|uri| resolve(self.name, uri)).collect(),
        }
        self.tiles.push(tile);
        let below = Above { depth: here.depth + 1, ..here };
        children.iter().enumerate().try_for_each(|(i, child)| self.tile(child, &format!("{path}.children[{i}]"), below))
    }

    fn rule(&self, tiling: &Value, path: &str, contents: Vec<String>, root: &Tile) -> Result<Rule, Fault> {
        let wrong = |key: &str, what: &str| Fault::bad(format!("{path}.implicitTiling.{key}"), what);
        let scheme = match tiling["subdivisionScheme"].as_str() {
            Some("QUADTREE") => Scheme::Quadtree,
            Some("OCTREE") => Scheme::Octree,
            _ => return Err(wrong("subdivisionScheme", "it is neither QUADTREE nor OCTREE")),
        };
        let whole = |key: &str, most: u32| tiling[key].as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= most);
        // `maximumLevel` is the 1.0 extension's name, counted from 0.
        let levels = whole("availableLevels", LEVELS_MAX).or_else(|| whole("maximumLevel", LEVELS_MAX - 1).map(|n| n + 1));
        let levels = levels.filter(|n| *n > 0).ok_or_else(|| wrong("availableLevels", "a number from 1 to 40 is needed"))?;
        let most = SUBTREE_LEVELS_MAX.min(scheme.subtree_levels_max());
        let subtree_levels = whole("subtreeLevels", most).filter(|n| *n > 0);
        let subtree_levels = subtree_levels.ok_or_else(|| wrong("subtreeLevels", &format!("a number from 1 to {most} is needed")))?;
        let subtrees = tiling["subtrees"]["uri"].as_str().ok_or_else(|| wrong("subtrees.uri", "no template is given"))?;
        let (base, subtrees) = (self.name.to_owned(), subtrees.to_owned());
        let Tile { here, error_m, up_axis, .. } = *root;
        Ok(Rule { base, scheme, levels, subtree_levels, subtrees, contents, here, error_m, up_axis })
    }
}

impl Subtree {
    fn new(rule: &Arc<Rule>, at: Coordinates) -> Self {
        Self { file: resolve(&rule.base, &at.fill(&rule.subtrees)), rule: rule.clone(), at }
    }

    /// Files beside the subtree file `bytes` that hold its bits.
    ///
    /// # Errors
    /// [`Fault`], also below.
    pub(crate) fn buffers(&self, name: &str, bytes: &[u8]) -> Result<Vec<Option<Reference>>, Fault> {
        Ok(SubtreeFile::split(bytes)?.buffer_uris().map(|uri| uri.map(|uri| resolve(name, uri))).collect())
    }

    /// Tiles of the subtree: parents first, level by level. `external` holds the buffers, those in the file itself left empty.
    pub(crate) fn tiles(&self, bytes: &[u8], mut external: Vec<Vec<u8>>) -> Result<Vec<Tile>, Fault> {
        let (rule, file) = (&self.rule, SubtreeFile::split(bytes)?);
        for (buffer, uri) in external.iter_mut().zip(file.buffer_uris()) {
            if uri.is_none() {
                *buffer = file.binary.to_vec();
            }
        }
        let available = file.availability(&external, rule.scheme, rule.subtree_levels, rule.contents.len())?;
        Ok(self.lay_out(&available))
    }

    fn lay_out(&self, available: &Availability) -> Vec<Tile> {
        let (rule, n) = (&self.rule, self.rule.scheme.branching());
        let mut tiles = Vec::new();
        let mut level = vec![(self.at, 0usize)];
        let mut first = 0;
        for depth in 0..rule.subtree_levels {
            let last = depth + 1 == rule.subtree_levels;
            let next_first = first + n.pow(depth);
            let mut next = Vec::new();
            for (at, morton) in level.into_iter().filter(|(_, morton)| available.tiles.get(first + morton)) {
                let mut tile = rule.tile(at, (0..rule.contents.len()).filter(|c| available.contents[*c].get(first + morton)));
                for child in 0..n {
                    let (below, code) = (at.child(child), morton * n + child);
                    if below.level >= rule.levels {
                        continue;
                    }
                    let exists = if last { available.subtrees.get(code) } else { available.tiles.get(next_first + code) };
                    tile.is_leaf &= !exists;
                    next.extend(exists.then_some((below, code)));
                }
                tiles.push(tile);
            }
            if last {
                tiles.extend(next.iter().map(|(at, _)| Tile {
                    subtree: Some(Self::new(rule, *at)),
                    is_leaf: false,
                    ..rule.tile(*at, [].into_iter())
                }));
            }
            (level, first) = (next, next_first);
        }
        tiles
    }
}

impl Rule {
    fn tile(&self, at: Coordinates, contents: impl Iterator<Item = usize>) -> Tile {
        let contents = contents.map(|c| resolve(&self.base, &at.fill(&self.contents[c]))).collect();
        Tile {
            here: Above { depth: self.here.depth + at.level as usize, ..self.here },
            error_m: self.error_m.map(|e| e / (1u64 << at.level) as f64),
            contents,
            is_leaf: true,
            up_axis: self.up_axis,
            subtree: None,
            begins_pyramid: false,
        }
    }
}

/// Uris of `content`, `contents` and the 1.0 extension for several contents, as written. Before 1.0 it was `url`; some servers still say so.
fn content_uris(json: &Value) -> Vec<String> {
    let several = first_of(json, "contents", "3DTILES_multiple_contents");
    let several = several.map(|v| if v.is_array() { v } else { v.get("contents").or(v.get("content")).unwrap_or(&Value::Null) });
    let one = Some(&json["content"]).filter(|c| !c.is_null());
    let all = one.into_iter().chain(several.and_then(Value::as_array).into_iter().flatten());
    all.filter_map(|content| content["uri"].as_str().or(content["url"].as_str()).map(str::to_owned)).collect()
}

fn first_of<'a>(json: &'a Value, name: &str, extension: &str) -> Option<&'a Value> {
    json.get(name).or_else(|| json.get("extensions")?.get(extension))
}

/// Exactly `N` finite numbers.
pub(crate) fn numbers<const N: usize>(json: &Value) -> Option<[f64; N]> {
    let list: Vec<f64> = json.as_array()?.iter().map(|v| v.as_f64().filter(|n| n.is_finite())).collect::<Option<_>>()?;
    list.try_into().ok()
}
