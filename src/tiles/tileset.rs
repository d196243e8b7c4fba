//! `tileset.json`, 3D Tiles 1.0 and 1.1, to a piece of tree.

use super::error::{Fault, TileError};
use super::fetch::resolve;
use super::implicit::{Coordinates, Implicit, Scheme, VolumeShape};
use super::metadata::Reference;
use super::tree::{ContentRef, Fragment, Refine, SubtreeRef, Tile, TileId, UpAxis};
use super::volume::BoundingVolume;
use crate::geo::Region;
use glam::{DMat3, DMat4, DVec3};
use serde_json::Value;
use std::sync::Arc;

/// A volume may be an S2 cell. It is not read; whoever requires it may give another volume as well.
const S2: &str = "3DTILES_bounding_volume_S2";
/// Extensions a tileset may require and still be read right.
const KNOWN_EXTENSIONS: [&str; 5] =
    ["3DTILES_content_gltf", "3DTILES_implicit_tiling", "3DTILES_multiple_contents", "3DTILES_metadata", S2];

/// What a tileset inherits from the tile that names it; at the root, nothing.
#[derive(Clone, Copy, Debug)]
pub struct Inherited {
    pub transform: DMat4,
    pub refine: Refine,
}

impl Default for Inherited {
    fn default() -> Self {
        Self { transform: DMat4::IDENTITY, refine: Refine::Replace }
    }
}

/// Reads a `tileset.json` that lies at `url`; `external` reads its schema, if that is in another file.
///
/// # Errors
/// [`TileError`] with the JSON path (`root.children[3].boundingVolume.box`) of what is wrong.
pub fn parse_tileset(url: &str, bytes: &[u8], inherited: Inherited, external: External<'_>) -> Result<Fragment, TileError> {
    let json: Value = serde_json::from_slice(bytes).map_err(|e| Fault::bad("tileset", e.to_string()).at(url))?;
    read(url, &json, inherited, external).map_err(|fault| fault.at(url))
}

/// Reads another file by its absolute address.
pub type External<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, TileError>;

/// A schema beside the tileset. Without it, metadata is shown as written.
fn schema_at(url: &str, uri: &str, external: External<'_>) -> Option<Value> {
    let fetch = || {
        let at = resolve(url, uri).map_err(|f| f.at(url))?;
        let bytes = external(&at)?;
        serde_json::from_slice(&bytes).map_err(|e| Fault::bad("schema", e.to_string()).at(&at))
    };
    let schema: Result<Value, TileError> = fetch();
    schema.map_err(|error| tracing::warn!(%error, "the schema of a tileset can't be read; its metadata is shown as written")).ok()
}

/// True for JSON that is a tileset and not a glTF.
pub fn is_tileset(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Probe {
        root: Option<serde::de::IgnoredAny>,
    }
    let starts = bytes.iter().find(|b| !b.is_ascii_whitespace() && !matches!(b, 0xEF | 0xBB | 0xBF));
    starts == Some(&b'{') && serde_json::from_slice::<Probe>(bytes).is_ok_and(|p| p.root.is_some())
}

fn read(url: &str, json: &Value, inherited: Inherited, external: External<'_>) -> Result<Fragment, Fault> {
    let version = json["asset"]["version"].as_str().ok_or_else(|| Fault::bad("asset.version", "no version is given"))?;
    if !matches!(version, "1.0" | "1.1" | "0.0") {
        return Err(Fault::unsupported(format!("3D Tiles {version}"), "versions 1.0 and 1.1 are read"));
    }
    for name in json["extensionsRequired"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !KNOWN_EXTENSIONS.contains(&name) {
            return Err(Fault::unsupported(format!("the required extension {name}"), "build the tileset without it"));
        }
    }
    let up_axis = match json["asset"]["gltfUpAxis"].as_str() {
        Some("X" | "x") => UpAxis::X,
        Some("Z" | "z") => UpAxis::Z,
        _ => UpAxis::Y,
    };
    let reference = Reference::read(json, |uri| schema_at(url, uri, external));
    let mut reader = Reader { url, up_axis, reference, fragment: Fragment::default() };
    reader.tile(&json["root"], "root", None, inherited, 0)?;
    Ok(reader.fragment)
}

struct Reader<'a> {
    url: &'a str,
    up_axis: UpAxis,
    reference: Reference,
    fragment: Fragment,
}

impl Reader<'_> {
    /// Recursion is bounded by serde_json, which refuses more than 128 nested values.
    fn tile(&mut self, json: &Value, path: &str, parent: Option<TileId>, above: Inherited, depth: u16) -> Result<TileId, Fault> {
        if !json.is_object() {
            return Err(Fault::bad(path, "a tile must be an object"));
        }
        let transform = match &json["transform"] {
            Value::Null => above.transform,
            given => above.transform * DMat4::from_cols_array(&numbers::<16>(given, &format!("{path}.transform"))?),
        };
        let refine = match json["refine"].as_str() {
            Some(word) if word.eq_ignore_ascii_case("ADD") => Refine::Add,
            Some(word) if word.eq_ignore_ascii_case("REPLACE") => Refine::Replace,
            Some(word) => return Err(Fault::bad(format!("{path}.refine"), format!("{word:?} is neither ADD nor REPLACE"))),
            None => above.refine,
        };
        let shape = volume_shape(&json["boundingVolume"], &format!("{path}.boundingVolume"))?;
        let viewer_request_volume = match &json["viewerRequestVolume"] {
            Value::Null => None,
            given => Some(Box::new(volume_shape(given, &format!("{path}.viewerRequestVolume"))?.to_world(&transform))),
        };
        let geometric_error_m = json["geometricError"].as_f64().filter(|e| *e >= 0.0);
        let geometric_error_m =
            geometric_error_m.ok_or_else(|| Fault::bad(format!("{path}.geometricError"), "a number of metres, 0 or more, is needed"))?;
        let geometric_error_m = geometric_error_m * largest_scale(&transform);
        let id = TileId(self.fragment.tiles.len() as u32);
        self.fragment.tiles.push(Tile {
            parent,
            depth,
            viewer_request_volume,
            transform,
            up_axis: self.up_axis,
            ..Tile::new(shape.to_world(&transform), geometric_error_m, refine)
        });
        // Contents of implicit tiles are templates; subtrees say what there is to say of each.
        let said = self.reference.of_tile(json, contents(json), parent.is_none());
        self.fragment.said.extend(said.map(|said| (id, said)));
        if let Some(tiling) = first_of(json, &["implicitTiling"], "3DTILES_implicit_tiling") {
            let implicit = self.implicit(json, tiling, path, shape, &self.fragment.tiles[id.index()])?;
            self.fragment.tiles[id.index()].subtree = Some(SubtreeRef { implicit: Arc::new(implicit), at: Coordinates::ROOT });
            return Ok(id);
        }
        let contents = content_uris(json, path)?.into_iter().map(|uri| resolve(self.url, &uri).map(|url| ContentRef { url }));
        self.fragment.tiles[id.index()].contents = contents.collect::<Result<_, _>>()?;
        self.fragment.tiles[id.index()].content_volumes = content_volumes(json, &transform);
        for (i, child) in json["children"].as_array().into_iter().flatten().enumerate() {
            let below = Inherited { transform, refine };
            let child = self.tile(child, &format!("{path}.children[{i}]"), Some(id), below, depth + 1)?;
            self.fragment.tiles[id.index()].children.push(child);
        }
        Ok(id)
    }

    fn implicit(&self, json: &Value, tiling: &Value, path: &str, shape: VolumeShape, root: &Tile) -> Result<Implicit, Fault> {
        let here = format!("{path}.implicitTiling");
        let scheme = match tiling["subdivisionScheme"].as_str() {
            Some("QUADTREE") => Scheme::Quadtree,
            Some("OCTREE") => Scheme::Octree,
            other => return Err(Fault::bad(format!("{here}.subdivisionScheme"), format!("{other:?} is neither QUADTREE nor OCTREE"))),
        };
        if matches!(shape, VolumeShape::Sphere { .. }) {
            return Err(
                Fault::bad(format!("{path}.boundingVolume"), "a sphere can't be divided").mend("give implicit tiles a box or a region")
            );
        }
        let whole = |name: &str| tiling[name].as_u64().and_then(|n| u32::try_from(n).ok());
        // `maximumLevel` is the 1.0 extension's name, counted from 0.
        let levels = whole("availableLevels").or_else(|| whole("maximumLevel").map(|n| n.saturating_add(1)));
        let levels = levels.filter(|n| (1..=Implicit::LEVELS_MAX).contains(n));
        let levels = levels.ok_or_else(|| {
            Fault::bad(format!("{here}.availableLevels"), format!("a number from 1 to {} is needed", Implicit::LEVELS_MAX))
        })?;
        let subtree_levels = whole("subtreeLevels").filter(|n| (1..=scheme.subtree_levels_max()).contains(n)).ok_or_else(|| {
            Fault::bad(format!("{here}.subtreeLevels"), format!("a number from 1 to {} is needed", scheme.subtree_levels_max()))
        })?;
        let subtrees =
            tiling["subtrees"]["uri"].as_str().ok_or_else(|| Fault::bad(format!("{here}.subtrees.uri"), "no template is given"))?;
        Ok(Implicit {
            url: self.url.to_owned(),
            scheme,
            levels,
            subtree_levels,
            subtree_template: subtrees.to_owned(),
            content_templates: content_uris(json, path)?,
            shape,
            transform: root.transform,
            geometric_error_m: root.geometric_error_m,
            refine: root.refine,
            up_axis: self.up_axis,
            schema: self.reference.schema.clone(),
        })
    }
}

/// The largest of a transform's three scales, by which it makes errors larger; 1 where it only turns and moves.
///
/// Source: 3D Tiles 1.1, "Tile transforms".
pub(super) fn largest_scale(transform: &DMat4) -> f64 {
    let scale = [transform.x_axis, transform.y_axis, transform.z_axis].map(|axis| axis.truncate().length()).into_iter().fold(0.0, f64::max);
    // What rounding left of a rotation is none.
    if (scale - 1.0).abs() < 1e-6 { 1.0 } else { scale }
}

/// What `content`, `contents` and the 1.0 extension for several contents hold.
fn contents(json: &Value) -> impl Iterator<Item = &Value> {
    let several = first_of(json, &["contents"], "3DTILES_multiple_contents");
    let several = several.map(|v| if v.is_array() { v } else { v.get("contents").or(v.get("content")).unwrap_or(&Value::Null) });
    let one = Some(&json["content"]).filter(|c| !c.is_null());
    one.into_iter().chain(several.and_then(Value::as_array).into_iter().flatten())
}

/// Uris of the contents, as written.
fn content_uris(json: &Value, path: &str) -> Result<Vec<String>, Fault> {
    contents(json)
        .map(|content| {
            // 3D Tiles before 1.0 called it `url`; some servers still do.
            let uri = content["uri"].as_str().or(content["url"].as_str());
            uri.map(str::to_owned).ok_or_else(|| Fault::bad(format!("{path}.content.uri"), "the content has no uri"))
        })
        .collect()
}

/// World volumes of the contents. Without one that can be read for each, none: the tile's own volume holds them all.
fn content_volumes(json: &Value, transform: &DMat4) -> Box<[BoundingVolume]> {
    let volume = |content: &Value| Some(volume_shape(&content["boundingVolume"], "").ok()?.to_world(transform));
    contents(json).map(volume).collect::<Option<Box<[_]>>>().unwrap_or_default()
}

/// The first of `names` in `json`, or the extension of that name.
fn first_of<'a>(json: &'a Value, names: &[&str], extension: &str) -> Option<&'a Value> {
    names.iter().filter_map(|n| json.get(n)).next().or_else(|| json.get("extensions")?.get(extension))
}

/// A `boundingVolume` as written.
pub(super) fn volume_shape(json: &Value, path: &str) -> Result<VolumeShape, Fault> {
    if !json["box"].is_null() {
        let n = numbers::<12>(&json["box"], &format!("{path}.box"))?;
        let centre = DVec3::new(n[0], n[1], n[2]);
        let half_axes = DMat3::from_cols_slice(&n[3..]);
        return Ok(VolumeShape::Box { centre, half_axes });
    }
    if !json["region"].is_null() {
        let n = numbers::<6>(&json["region"], &format!("{path}.region"))?;
        let [west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m] = n;
        return Ok(VolumeShape::Region(Region { west_rad, south_rad, east_rad, north_rad, min_height_m, max_height_m }));
    }
    if !json["sphere"].is_null() {
        let n = numbers::<4>(&json["sphere"], &format!("{path}.sphere"))?;
        return Ok(VolumeShape::Sphere { centre: DVec3::new(n[0], n[1], n[2]), radius_m: n[3] });
    }
    if !json["extensions"][S2].is_null() {
        let what = format!("{path}: a volume that is an S2 cell alone ({S2})");
        return Err(Fault::unsupported(what, "give the tile a box, region or sphere as well"));
    }
    Err(Fault::bad(path, "there is no box, region or sphere").mend("give each tile a bounding volume"))
}

/// Exactly `N` finite numbers.
fn numbers<const N: usize>(json: &Value, path: &str) -> Result<[f64; N], Fault> {
    let list: Option<Vec<f64>> = json.as_array().and_then(|a| a.iter().map(|v| v.as_f64().filter(|n| n.is_finite())).collect());
    list.and_then(|l| <[f64; N]>::try_from(l).ok()).ok_or_else(|| Fault::bad(path, format!("{N} numbers are needed")))
}

impl VolumeShape {
    /// World volume; regions are in WGS 84 already and don't move.
    pub fn to_world(self, transform: &DMat4) -> BoundingVolume {
        match self {
            Self::Box { centre, half_axes } => BoundingVolume::from_half_axes(centre, half_axes, transform),
            Self::Region(region) => BoundingVolume::from_region(&region),
            Self::Sphere { centre, radius_m } => BoundingVolume::from_sphere(centre, radius_m, transform),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Sphere;
    use crate::tiles::tree::TileTree;

    const URL: &str = "https://tiles.example/city/tileset.json";

    fn parse(json: &str) -> Result<Fragment, TileError> {
        let external = |url: &str| {
            assert_eq!(url, "https://tiles.example/city/schema.json");
            Ok(br#"{"classes":{"town":{"properties":{"name":{"name":"Name","type":"STRING"},"kind":{"type":"STRING","default":"old"}}}}}"#
                .to_vec())
        };
        parse_tileset(URL, json.as_bytes(), Inherited::default(), &external)
    }

    #[test]
    fn children_inherit_refinement_and_transform() {
        let fragment = parse(
            r#"{"asset":{"version":"1.0"},"geometricError":9,"root":{
              "transform":[1,0,0,0,0,1,0,0,0,0,1,0,10,0,0,1],"refine":"add","geometricError":8,"boundingVolume":{"sphere":[0,0,0,5]},
              "children":[{"transform":[2,0,0,0,0,2,0,0,0,0,2,0,0,7,0,1],"geometricError":3,"boundingVolume":{"sphere":[1,0,0,1]},"content":{"uri":"a/b.glb"}}]}}"#,
        )
        .unwrap();
        let child = &fragment.tiles[1];
        assert_eq!((child.refine, child.parent, child.depth), (Refine::Add, Some(TileId(0)), 1));
        assert_eq!(child.volume, BoundingVolume::Sphere(Sphere { centre: DVec3::new(12.0, 7.0, 0.0), radius_m: 2.0 }));
        assert_eq!(child.contents[0].url, "https://tiles.example/city/a/b.glb");
        assert_eq!([0, 1].map(|i| fragment.tiles[i].geometric_error_m), [8.0, 6.0], "errors grow as their tiles do");
    }

    #[test]
    fn contents_keep_their_own_volumes_where_each_has_one() {
        let root = |contents: &str| {
            let root = r#"{"asset":{"version":"1.1"},"geometricError":9,"root":{"geometricError":8,"transform":[1,0,0,0,0,1,0,0,0,0,1,0,10,0,0,1],
              "boundingVolume":{"sphere":[0,0,0,5]},"contents":"#;
            parse(&format!("{root}{contents}}}}}")).unwrap().tiles[0].content_volumes.clone()
        };
        let volume = BoundingVolume::Sphere(Sphere { centre: DVec3::new(11.0, 0.0, 0.0), radius_m: 2.0 });
        let (with, without) = (r#"{"uri":"a.glb","boundingVolume":{"sphere":[1,0,0,2]}}"#, r#"{"uri":"b.glb"}"#);
        assert_eq!(*root(&format!("[{with},{with}]")), [volume, volume]);
        assert!(root(&format!("[{with},{without}]")).is_empty() && root("[]").is_empty());
        // What can't be read is no reason to refuse the tileset: the tile's volume serves.
        assert!(root(r#"[{"uri":"a.glb","boundingVolume":{"extensions":{}}}]"#).is_empty());
    }

    #[test]
    fn metadata_is_answered_by_where_it_is_said() {
        let fragment = parse(
            r#"{"asset":{"version":"1.1"},"schemaUri":"schema.json","geometricError":9,"extras":{"by":"us"},
              "groups":[{"class":"town","properties":{"name":"North"}}],"root":{"geometricError":8,"boundingVolume":{"sphere":[0,0,0,5]},
              "children":[{"geometricError":0,"boundingVolume":{"sphere":[1,0,0,1]},"metadata":{"class":"town","properties":{"name":"A"}},
                "contents":[{"uri":"a.glb"},{"uri":"b.glb","group":0,"metadata":{"class":"none","properties":{"x":1}}}]}]}}"#,
        );
        let mut tree = TileTree::new(URL);
        tree.graft(TileTree::ROOT, fragment.unwrap()).unwrap();
        let said = serde_json::json!({ "tileset": { "extras": { "by": "us" } }, "tile": { "Name": "A", "kind": "old" },
            "content 2": { "x": 1 }, "group 2": { "Name": "North", "kind": "old" } });
        assert_eq!(Value::Object(tree.metadata(TileId(2))), said);
        assert_eq!(tree.metadata(TileId(1)).keys().collect::<Vec<_>>(), ["tileset"]);
        assert!(tree.metadata(TileTree::ROOT).is_empty() && tree.metadata(TileId(99)).is_empty());
        let old = parse(
            r#"{"asset":{"version":"1.0"},"extensions":{"3DTILES_metadata":{"groups":{"a":{"properties":{"n":1}}},"tileset":{"properties":{"t":2}}}},
              "geometricError":9,"root":{"geometricError":8,"boundingVolume":{"sphere":[0,0,0,5]},
              "content":{"uri":"a.glb","extensions":{"3DTILES_metadata":{"group":"a"}}}}}"#,
        );
        let mut tree = TileTree::new(URL);
        tree.graft(TileTree::ROOT, old.unwrap()).unwrap();
        assert_eq!(Value::Object(tree.metadata(TileId(1))), serde_json::json!({ "group": { "n": 1 }, "tileset": { "t": 2 } }));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let e = parse(
            r#"{"asset":{"version":"1.1"},"geometricError":1,"root":{"geometricError":1,"boundingVolume":{"sphere":[0,0,0,1]},
               "children":[{"geometricError":0,"boundingVolume":{"box":[1,2,3]}}]}}"#,
        );
        let text = e.unwrap_err().to_string();
        assert!(text.contains(URL) && text.contains("root.children[0].boundingVolume.box") && text.contains("12 numbers"), "{text}");
        let cell = r#"{"3DTILES_bounding_volume_S2":{"token":"89c6c7","minimumHeight":0,"maximumHeight":9}}"#;
        let root = |volume: &str| {
            format!(r#"{{"asset":{{"version":"1.1"}},"geometricError":1,"root":{{"geometricError":1,"boundingVolume":{volume}}}}}"#)
        };
        let text = parse(&root(&format!(r#"{{"extensions":{cell}}}"#))).unwrap_err().to_string();
        assert!(text.contains("root.boundingVolume") && text.contains("S2") && text.contains("as well"), "{text}");
        assert!(parse(&root(&format!(r#"{{"sphere":[0,0,0,1],"extensions":{cell}}}"#))).is_ok());
        assert!(parse(r#"{"asset":{"version":"2.0"}}"#).unwrap_err().to_string().contains("3D Tiles 2.0"));
        assert!(parse("{").is_err() && parse("[]").is_err() && parse(r#"{"asset":{"version":"1.1"}}"#).is_err());
    }

    #[test]
    fn a_gltf_is_no_tileset() {
        assert!(is_tileset(br#" {"asset":{},"root":{}}"#));
        assert!(!is_tileset(br#"{"asset":{"version":"2.0"},"scenes":[]}"#));
        assert!(!is_tileset(b"glTF"));
    }
}
