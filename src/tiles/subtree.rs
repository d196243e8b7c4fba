//! `.subtree` files, binary and JSON: which tiles of an implicit tileset exist.

use super::error::{Fault, TileError};
use super::fetch::resolve;
use super::implicit::{Coordinates, Implicit};
use super::tree::{ContentRef, Fragment, SubtreeRef, Tile, TileId};
use serde_json::Value;
use std::sync::Arc;

/// Reads the subtree file at `url` and lays out its tiles. `external` fetches buffers that lie beside it.
///
/// # Errors
/// [`TileError`] with the part of the file that is wrong.
pub fn parse_subtree(
    url: &str,
    bytes: &[u8],
    implicit: &Arc<Implicit>,
    at: Coordinates,
    external: &dyn Fn(&str) -> Result<Vec<u8>, TileError>,
) -> Result<Fragment, TileError> {
    let (json, binary) = split(bytes).map_err(|f| f.at(url))?;
    let mut buffers = Vec::new();
    for buffer in json["buffers"].as_array().into_iter().flatten() {
        buffers.push(match buffer["uri"].as_str() {
            Some(uri) => external(&resolve(url, uri).map_err(|f| f.at(url))?)?,
            None => binary.to_vec(),
        });
    }
    let availability = Availability::read(&json, &buffers, implicit).map_err(|f| f.at(url))?;
    lay_out(implicit, at, &availability).map_err(|f| f.at(url))
}

/// JSON part and binary part; a file that starts with `{` is all JSON.
fn split(bytes: &[u8]) -> Result<(Value, &[u8]), Fault> {
    let bad_json = |e: serde_json::Error| Fault::bad("subtree JSON", e.to_string());
    if bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{') {
        return Ok((serde_json::from_slice(bytes).map_err(bad_json)?, &[]));
    }
    let word = |at: usize| bytes.get(at..at + 8).and_then(|w| w.try_into().ok()).map(u64::from_le_bytes);
    if bytes.get(..4) != Some(b"subt") {
        return Err(Fault::bad("header", "this is no subtree file (it should start with \"subt\")"));
    }
    let (Some(json_len), Some(binary_len)) = (word(8), word(16)) else {
        return Err(Fault::bad("header", "the header is cut short"));
    };
    let part = |from: u64, len: u64| bytes.get(usize::try_from(from).ok()?..usize::try_from(from.checked_add(len)?).ok()?);
    let json = part(24, json_len).ok_or_else(|| Fault::bad("header", "the JSON part is cut short"))?;
    let binary = part(24 + json_len, binary_len).ok_or_else(|| Fault::bad("header", "the binary part is cut short"))?;
    Ok((serde_json::from_slice(json).map_err(bad_json)?, binary))
}

/// One bit a tile, or the same for all.
#[derive(Debug)]
enum Bits {
    Constant(bool),
    Stream(Vec<u8>),
}

impl Bits {
    fn read(json: &Value, path: &str, json_root: &Value, buffers: &[Vec<u8>], count: usize) -> Result<Self, Fault> {
        if let Some(constant) = json["constant"].as_u64() {
            return Ok(Self::Constant(constant != 0));
        }
        // `bufferView` is the name in the 1.0 extension.
        let view = json["bitstream"].as_u64().or(json["bufferView"].as_u64());
        let view = view.ok_or_else(|| Fault::bad(path, "there is neither a constant nor a bitstream"))?;
        let slice = usize::try_from(view).ok().and_then(|view| {
            let view = json_root["bufferViews"].get(view)?;
            let number = |name: &str| usize::try_from(view[name].as_u64().unwrap_or(0)).ok();
            let start = number("byteOffset")?;
            buffers.get(number("buffer")?)?.get(start..start.checked_add(number("byteLength")?)?)
        });
        match slice {
            Some(bytes) if bytes.len() >= count.div_ceil(8) => Ok(Self::Stream(bytes[..count.div_ceil(8)].to_vec())),
            Some(bytes) => Err(Fault::bad(path, format!("{} bytes hold less than {count} bits", bytes.len()))),
            None => Err(Fault::bad(path, format!("buffer view {view} lies outside of its buffer"))),
        }
    }

    fn get(&self, i: usize) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::Stream(bytes) => bytes.get(i / 8).is_some_and(|b| b >> (i % 8) & 1 == 1),
        }
    }
}

struct Availability {
    tiles: Bits,
    /// One for each content template.
    contents: Vec<Bits>,
    subtrees: Bits,
}

impl Availability {
    fn read(json: &Value, buffers: &[Vec<u8>], implicit: &Implicit) -> Result<Self, Fault> {
        let n = implicit.scheme.branching();
        let below = n.pow(implicit.subtree_levels);
        let count = (below - 1) / (n - 1);
        let tiles = Bits::read(&json["tileAvailability"], "tileAvailability", json, buffers, count)?;
        let subtrees = Bits::read(&json["childSubtreeAvailability"], "childSubtreeAvailability", json, buffers, below)?;
        let extension = &json["extensions"]["3DTILES_multiple_contents"];
        let given = [&json["contentAvailability"], &extension["contentAvailability"], extension].into_iter().find(|v| !v.is_null());
        let mut contents = Vec::new();
        for (i, template) in implicit.content_templates.iter().enumerate() {
            // The 1.0 extension has one object where 1.1 has a list.
            let one = given.and_then(|g| if g.is_array() { g.get(i) } else { Some(g).filter(|_| i == 0) });
            let path = format!("contentAvailability[{i}] of {template}");
            contents.push(one.map_or(Ok(Bits::Constant(false)), |bits| Bits::read(bits, &path, json, buffers, count))?);
        }
        Ok(Self { tiles, contents, subtrees })
    }
}

/// Tiles of one subtree, level by level in Morton order, and stand-ins for the subtrees below.
fn lay_out(implicit: &Arc<Implicit>, at: Coordinates, available: &Availability) -> Result<Fragment, Fault> {
    let n = implicit.scheme.branching();
    let mut tiles = Vec::new();
    // (place, Morton index within the level, index in `tiles`) of the level above.
    let mut level: Vec<(Coordinates, usize, u32)> = Vec::new();
    let mut first_bit = 0;
    for depth in 0..=implicit.subtree_levels {
        let is_below = depth == implicit.subtree_levels;
        if at.level + depth >= implicit.levels {
            break;
        }
        let places: Vec<(Coordinates, usize, Option<u32>)> = match depth {
            0 => vec![(at, 0, None)],
            _ => level.iter().flat_map(|&(c, m, id)| (0..n).map(move |i| (c.child(i), m * n + i, Some(id)))).collect(),
        };
        level.clear();
        for (c, morton, parent) in places {
            let exists = if is_below { available.subtrees.get(morton) } else { available.tiles.get(first_bit + morton) };
            // A root that does not exist stays as an empty leaf: it has a place in the tree already.
            if !exists && parent.is_some() {
                continue;
            }
            let id = tiles.len() as u32;
            let mut tile = tile(implicit, c, depth as u16);
            tile.parent = parent.map(TileId);
            if is_below {
                tile.subtree = Some(SubtreeRef { implicit: implicit.clone(), at: c });
            } else if exists {
                tile.contents = contents(implicit, c, available, first_bit + morton)?;
            }
            tiles.push(tile);
            if let Some(parent) = parent {
                tiles[parent as usize].children.push(TileId(id));
            }
            if exists {
                level.push((c, morton, id));
            }
        }
        first_bit += n.pow(depth);
    }
    Ok(Fragment { tiles })
}

fn tile(implicit: &Implicit, c: Coordinates, depth: u16) -> Tile {
    Tile {
        parent: None,
        children: Vec::new(),
        depth,
        volume: implicit.shape_at(c).to_world(&implicit.transform),
        viewer_request_volume: None,
        geometric_error_m: implicit.geometric_error_at(c),
        refine: implicit.refine,
        transform: implicit.transform,
        contents: Vec::new(),
        up_axis: implicit.up_axis,
        subtree: None,
    }
}

fn contents(implicit: &Implicit, c: Coordinates, available: &Availability, bit: usize) -> Result<Vec<ContentRef>, Fault> {
    let templates = implicit.content_templates.iter().zip(&available.contents).filter(|(_, bits)| bits.get(bit));
    templates.map(|(template, _)| Ok(ContentRef { url: resolve(&implicit.url, &c.fill(template))? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiles::implicit::{Scheme, VolumeShape};
    use crate::tiles::tree::{Refine, UpAxis};
    use glam::{DMat3, DMat4, DVec3};

    fn rule() -> Arc<Implicit> {
        Arc::new(Implicit {
            url: "file:///city/tileset.json".into(),
            scheme: Scheme::Quadtree,
            levels: 3,
            subtree_levels: 2,
            subtree_template: "s/{level}.{x}.{y}.subtree".into(),
            content_templates: vec!["{level}/{x}/{y}.glb".into()],
            shape: VolumeShape::Box { centre: DVec3::ZERO, half_axes: DMat3::IDENTITY },
            transform: DMat4::IDENTITY,
            geometric_error_m: 4.0,
            refine: Refine::Replace,
            up_axis: UpAxis::Y,
        })
    }

    fn parse(bytes: &[u8]) -> Result<Fragment, TileError> {
        parse_subtree("file:///city/s/0.0.0.subtree", bytes, &rule(), Coordinates::ROOT, &|_| Ok(vec![]))
    }

    #[test]
    fn bits_become_tiles_contents_and_stand_ins() {
        // Tiles: root and its child 2; child subtrees: only Morton 9, which is child 1 of child 2.
        let json = br#"{"buffers":[{"byteLength":8}],"bufferViews":[{"buffer":0,"byteOffset":0,"byteLength":1},{"buffer":0,"byteOffset":1,"byteLength":2}],
            "tileAvailability":{"bitstream":0},"contentAvailability":[{"constant":1}],"childSubtreeAvailability":{"bitstream":1}}"#;
        let mut bytes = b"subt\x01\0\0\0".to_vec();
        bytes.extend((json.len() as u64).to_le_bytes());
        bytes.extend(8u64.to_le_bytes());
        bytes.extend(json);
        bytes.extend([0b01001, 0, 0b10, 0, 0, 0, 0, 0]);
        let fragment = parse(&bytes).unwrap();
        let urls: Vec<_> = fragment.tiles.iter().map(|t| t.contents.first().map(|c| c.url.as_str())).collect();
        assert_eq!(urls, [Some("file:///city/0/0/0.glb"), Some("file:///city/1/0/1.glb"), None]);
        assert_eq!(fragment.tiles[2].subtree.as_ref().unwrap().at, Coordinates { level: 2, x: 1, y: 2, z: 0 });
        assert_eq!(fragment.tiles[1].children, [TileId(2)]);
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_json_subtree_with_constants_is_full() {
        let json =
            br#"{"tileAvailability":{"constant":1},"contentAvailability":[{"constant":0}],"childSubtreeAvailability":{"constant":0}}"#;
        let fragment = parse(json).unwrap();
        assert_eq!(fragment.tiles.len(), 5);
        assert!(fragment.tiles.iter().all(|t| t.contents.is_empty()));
    }
}
