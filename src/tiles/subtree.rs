//! `.subtree` files, binary and JSON: which tiles of an implicit tileset exist.

use super::error::{Fault, TileError};
use super::fetch::resolve;
use super::implicit::{Coordinates, Implicit, VolumeShape};
use super::metadata::{Entity, Said};
use super::stated::{Of, Stated};
use super::tileset::largest_scale;
use super::tree::{ContentRef, Fragment, SubtreeRef, Tile, TileId};
use crate::ogc::{Availability, PropertyTable, PropertyTableJson, SubtreeFile};
use serde_json::Value;
use std::collections::BTreeMap;
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
    let subtree = SubtreeFile::split(bytes).map_err(|f| f.at(url))?;
    let mut buffers = Vec::new();
    for uri in subtree.buffer_uris() {
        buffers.push(match uri {
            Some(uri) => external(&resolve(url, uri).map_err(|f| f.at(url))?)?,
            None => subtree.binary.to_vec(),
        });
    }
    let available = subtree.availability(&buffers, implicit.scheme, implicit.subtree_levels, implicit.content_templates.len());
    let tables = Tables::read(&subtree.json, &buffers, implicit).map_err(|f| f.at(url))?;
    lay_out(implicit, at, &available.map_err(|f| f.at(url))?, tables).map_err(|f| f.at(url))
}

/// Metadata of the tiles of a subtree: a table of its tiles and one of each content, a row for each that exists.
/// Source: 3D Tiles 1.1, "Subtree Metadata" and "Tile Metadata".
struct Tables {
    tiles: Option<PropertyTable>,
    contents: Vec<Option<PropertyTable>>,
    /// Rows used so far.
    tiles_used: usize,
    contents_used: Vec<usize>,
}

impl Tables {
    fn read(json: &Value, buffers: &[Vec<u8>], implicit: &Implicit) -> Result<Self, Fault> {
        let bad = |what: &str| Fault::bad("propertyTables", what);
        let view = |i: usize| {
            let view = json["bufferViews"].get(i).ok_or_else(|| bad("there is no such buffer view"))?;
            let number = |name: &str| usize::try_from(view[name].as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
            let (start, buffer) = (number("byteOffset"), buffers.get(number("buffer")));
            let end = start.checked_add(number("byteLength"));
            buffer.and_then(|b| b.get(start..end?)).ok_or_else(|| bad("a buffer view lies outside of its buffer"))
        };
        let table = |index: &Value| -> Result<Option<PropertyTable>, Fault> {
            let Some(given) = index.as_u64().and_then(|i| json["propertyTables"].get(usize::try_from(i).ok()?)) else { return Ok(None) };
            let given: PropertyTableJson = serde_json::from_value(given.clone()).map_err(|e| bad(&e.to_string()))?;
            PropertyTable::by_schema(&implicit.schema, &given, &view).map(Some)
        };
        let contents = (0..implicit.content_templates.len()).map(|i| table(&json["contentMetadata"][i])).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { tiles: table(&json["tileMetadata"])?, contents_used: vec![0; contents.len()], contents, tiles_used: 0 })
    }

    /// What is said of the next tile that exists; `has` tells which contents it has.
    fn next(&mut self, has: &[bool]) -> Option<Said> {
        let row = |table: &Option<PropertyTable>, used: &mut usize| {
            *used += 1;
            table.clone().map(|t| Entity::Row(t, *used - 1))
        };
        let mut said = Said { tile: row(&self.tiles, &mut self.tiles_used), ..Said::default() };
        let those_here = self.contents.iter().zip(&mut self.contents_used).zip(has).filter(|(_, has)| **has);
        for (shown, ((table, used), _)) in those_here.enumerate() {
            said.contents.extend(row(table, used).map(|e| (shown, e)));
        }
        (said.tile.is_some() || !said.contents.is_empty()).then_some(said)
    }
}

/// Tiles of one subtree, level by level in Morton order, and stand-ins for the subtrees below.
fn lay_out(implicit: &Arc<Implicit>, at: Coordinates, available: &Availability, mut tables: Tables) -> Result<Fragment, Fault> {
    let n = implicit.scheme.branching();
    let mut tiles = Vec::new();
    let mut all_said = BTreeMap::new();
    let mut unusable = 0;
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
            let mut said = None;
            let mut contents = Vec::new();
            if !is_below && exists {
                contents = contents_of(implicit, c, available, first_bit + morton)?;
                let has: Vec<bool> = available.contents.iter().map(|bits| bits.get(first_bit + morton)).collect();
                said = tables.next(&has);
            }
            let (tile, wrong) = tile(implicit, c, contents, said.as_ref());
            unusable += wrong;
            tiles.push(Tile {
                depth: depth as u16,
                parent: parent.map(TileId),
                subtree: is_below.then(|| SubtreeRef { implicit: implicit.clone(), at: c }),
                ..tile
            });
            all_said.extend(said.map(|said| (TileId(id), said)));
            if let Some(parent) = parent {
                tiles[parent as usize].children.push(TileId(id));
            }
            if exists {
                level.push((c, morton, id));
            }
        }
        first_bit += n.pow(depth);
    }
    if unusable > 0 {
        let Coordinates { level, x, y, z } = at;
        tracing::warn!(
            tileset = implicit.url,
            "metadata of subtree {level}/{x}/{y}/{z} gives {unusable} volumes or errors that can't be used"
        );
    }
    Ok(Fragment { tiles, said: all_said })
}

/// A tile with these contents, and how many values of its metadata can't be used. What the metadata states goes before the rule.
fn tile(implicit: &Implicit, c: Coordinates, contents: Vec<ContentRef>, said: Option<&Said>) -> (Tile, usize) {
    let to_world = |shape: VolumeShape| shape.to_world(&implicit.transform);
    let stated = said.and_then(|s| s.tile.as_ref()).map(|e| e.stated(Of::Tile)).unwrap_or_default();
    let derived = implicit.shape_at(c);
    let shape = stated.shape(derived).unwrap_or(derived);
    let error_m = stated.geometric_error.map(|error| error * largest_scale(&implicit.transform));
    let of_contents: Vec<Stated> =
        (0..contents.len()).map(|i| said.and_then(|s| s.contents.get(&i)).map(|e| e.stated(Of::Content)).unwrap_or_default()).collect();
    let shapes: Vec<Option<VolumeShape>> = of_contents.iter().map(|of| of.shape(shape)).collect();
    // One that states nothing fills its tile.
    let content_volumes = shapes.iter().any(Option::is_some).then(|| shapes.iter().map(|s| to_world(s.unwrap_or(shape))).collect());
    let tile = Tile {
        transform: implicit.transform,
        up_axis: implicit.up_axis,
        contents,
        content_volumes: content_volumes.unwrap_or_default(),
        ..Tile::new(to_world(shape), error_m.unwrap_or_else(|| implicit.geometric_error_at(c)), stated.refine.unwrap_or(implicit.refine))
    };
    (tile, stated.unusable + of_contents.iter().map(|of| of.unusable).sum::<usize>())
}

fn contents_of(implicit: &Implicit, c: Coordinates, available: &Availability, bit: usize) -> Result<Vec<ContentRef>, Fault> {
    let templates = implicit.content_templates.iter().zip(&available.contents).filter(|(_, bits)| bits.get(bit));
    templates.map(|(template, _)| Ok(ContentRef { url: resolve(&implicit.url, &c.fill(template))? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiles::BoundingVolume;
    use crate::tiles::implicit::Scheme;
    use crate::tiles::tree::{Refine, TileTree, UpAxis};
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
            schema: Arc::default(),
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
    fn tiles_and_contents_have_the_rows_of_their_tables() {
        // Root and its child 2 exist; only the child has a content.
        let json = br#"{"buffers":[{"uri":"a.bin","byteLength":5}],"bufferViews":[{"buffer":0,"byteLength":1},{"buffer":0,"byteOffset":1,"byteLength":1},
            {"buffer":0,"byteOffset":2,"byteLength":2},{"buffer":0,"byteOffset":4,"byteLength":1}],
            "tileAvailability":{"bitstream":0},"contentAvailability":[{"bitstream":1}],"childSubtreeAvailability":{"constant":0},
            "propertyTables":[{"class":"tile","count":2,"properties":{"people":{"values":2}}},{"class":"tile","count":1,"properties":{"people":{"values":3}}}],
            "tileMetadata":0,"contentMetadata":[1]}"#;
        let schema =
            serde_json::json!({ "classes": { "tile": { "properties": { "people": { "type": "SCALAR", "componentType": "UINT8" } } } } });
        let implicit = Arc::new(Implicit { schema: Arc::new(schema), ..(*rule()).clone() });
        let beside = |url: &str| if url == "file:///city/s/a.bin" { Ok(vec![0b01001, 0b01000, 7, 8, 9]) } else { Ok(vec![]) };
        let fragment = parse_subtree("file:///city/s/0.0.0.subtree", json, &implicit, Coordinates::ROOT, &beside).unwrap();
        let mut tree = TileTree::new("file:///city/tileset.json");
        let root = Tile::new(BoundingVolume::Everywhere, 1.0, Refine::Replace);
        let at = tree.add(TileTree::ROOT, root).unwrap();
        tree.graft_subtree(at, fragment).unwrap();
        let said: Vec<Value> = [TileId(1), TileId(2)].map(|id| Value::Object(tree.metadata(id))).into();
        assert_eq!(
            said,
            [serde_json::json!({ "tile": { "people": 7 } }), serde_json::json!({ "tile": { "people": 8 }, "content": { "people": 9 } })]
        );
        let beyond = String::from_utf8_lossy(json).replace(r#""byteOffset":4,"#, r#""byteOffset":5,"#);
        assert!(parse_subtree("file:///city/s/0.0.0.subtree", beyond.as_bytes(), &implicit, Coordinates::ROOT, &beside).is_err());
    }

    #[test]
    fn volumes_and_errors_in_metadata_go_before_the_rule() {
        // Root and its child 2 exist, both with a content: the tiles' table gives error and box, the contents' one a sphere of the first.
        let json = br#"{"buffers":[{"uri":"a.bin","byteLength":1}],"bufferViews":[{"buffer":0,"byteLength":1},{"buffer":1,"byteLength":8},
            {"buffer":1,"byteOffset":8,"byteLength":24},{"buffer":1,"byteOffset":32,"byteLength":8}],
            "tileAvailability":{"bitstream":0},"contentAvailability":[{"constant":1}],"childSubtreeAvailability":{"constant":0},
            "propertyTables":[{"class":"tile","count":2,"properties":{"e":{"values":1},"b":{"values":2}}},
            {"class":"content","count":2,"properties":{"s":{"values":3}}}],"tileMetadata":0,"contentMetadata":[1]}"#;
        let json = String::from_utf8_lossy(json)
            .replace(r#""byteLength":1}],"bufferViews""#, r#""byteLength":1},{"uri":"b.bin","byteLength":40}],"bufferViews""#);
        let array = |component: &str, count: u32, semantic: &str| serde_json::json!({ "type": "SCALAR", "componentType": component, "array": true, "count": count, "semantic": semantic });
        let error = serde_json::json!({ "type": "SCALAR", "componentType": "FLOAT32", "noData": -1.0, "semantic": "TILE_GEOMETRIC_ERROR" });
        let schema = serde_json::json!({ "classes": {
            "tile": { "properties": { "e": error, "b": array("INT8", 12, "TILE_BOUNDING_BOX") } },
            "content": { "properties": { "s": array("INT8", 4, "CONTENT_BOUNDING_SPHERE") } } } });
        let transform = DMat4::from_scale(DVec3::splat(2.0));
        let implicit = Arc::new(Implicit { schema: Arc::new(schema), transform, geometric_error_m: 8.0, ..(*rule()).clone() });
        let boxes: [i8; 24] = [0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 2, -1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
        let spheres: [i8; 8] = [0, 0, 0, 3, 1, 0, 0, 2];
        let numbers = boxes.iter().chain(&spheres).map(|n| n.to_le_bytes()[0]);
        let table: Vec<u8> = [6.0f32, -1.0].iter().flat_map(|e| e.to_le_bytes()).chain(numbers).collect();
        let beside = |url: &str| Ok(if url.ends_with("a.bin") { vec![0b01001] } else { table.clone() });
        let fragment = parse_subtree("file:///city/s/0.0.0.subtree", json.as_bytes(), &implicit, Coordinates::ROOT, &beside).unwrap();
        let of = |at: [f64; 3], half: f64| {
            BoundingVolume::from_half_axes(DVec3::from(at), DMat3::from_diagonal(DVec3::new(1.0, 1.0, half)), &transform)
        };
        let tiles: Vec<_> = fragment.tiles.iter().map(|t| (t.volume, t.geometric_error_m)).collect();
        // An error is scaled as in a file; where none is stated, the rule's.
        assert_eq!(tiles, [(of([0.0, 0.0, 1.0], 2.0), 12.0), (of([-1.0, 1.0, 0.0], 1.0), 4.0)]);
        let volumes = [0, 1].map(|i| fragment.tiles[i].content_volumes.to_vec());
        let sphere = |x: f64, radius_m: f64| vec![BoundingVolume::from_sphere(DVec3::new(x, 0.0, 0.0), radius_m, &transform)];
        assert_eq!(volumes, [sphere(0.0, 3.0), sphere(1.0, 2.0)]);
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
