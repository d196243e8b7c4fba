//! Files that a content names: buffers and pictures of a glTF, also of one wrapped in b3dm, i3dm or cmpt; schemas.

use crate::ogc::{composite_parts, unwrap_b3dm};
use serde_json::Value;

/// Composites inside composites.
const COMPOSITE_DEPTH_MAX: usize = 8;

/// Uris as written, in the order met. What can't be read names nothing: it is passed through as it is.
pub(super) fn of_content(bytes: &[u8]) -> Vec<String> {
    let mut uris = Vec::new();
    gather(bytes, 0, &mut uris);
    uris
}

fn gather(bytes: &[u8], depth: usize, uris: &mut Vec<String>) {
    match bytes.get(..4) {
        Some(b"glTF") => of_gltf(json_of_glb(bytes).unwrap_or_default(), uris),
        Some(b"b3dm") => unwrap_b3dm(bytes).into_iter().for_each(|b| gather(b.glb, depth, uris)),
        Some(b"i3dm") => of_instances(bytes, uris).unwrap_or_default(),
        Some(b"cmpt") if depth < COMPOSITE_DEPTH_MAX => {
            composite_parts(bytes).into_iter().flatten().for_each(|part| gather(part, depth + 1, uris));
        }
        Some(_) if bytes.trim_ascii_start().starts_with(b"{") => of_gltf(bytes, uris),
        _ => {}
    }
}

/// The JSON chunk of a glb. Source: glTF 2.0, section 4.4 "Binary glTF layout"; version 1 has its JSON at the same place.
fn json_of_glb(bytes: &[u8]) -> Option<&[u8]> {
    let length = u32::from_le_bytes(bytes.get(12..16)?.try_into().ok()?) as usize;
    bytes.get(20..20usize.checked_add(length)?)
}

fn of_gltf(json: &[u8], uris: &mut Vec<String>) {
    let Ok(json) = serde_json::from_slice::<Value>(json) else { return };
    for list in ["buffers", "images", "shaders"] {
        // glTF 1.0, which old b3dm wrap, has objects by name where 2.0 has lists.
        let entries: Vec<&Value> = match &json[list] {
            Value::Array(entries) => entries.iter().collect(),
            Value::Object(entries) => entries.values().collect(),
            _ => continue,
        };
        uris.extend(entries.iter().filter_map(|e| e["uri"].as_str()).filter(|uri| !uri.starts_with("data:")).map(str::to_owned));
    }
    uris.extend(json["extensions"]["EXT_structural_metadata"]["schemaUri"].as_str().map(str::to_owned));
}

/// An instanced tile has its model inside or names it. Source: 3D Tiles 1.0, "Instanced 3D Model".
fn of_instances(bytes: &[u8], uris: &mut Vec<String>) -> Option<()> {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map(u32::from_le_bytes);
    let tables = (12..28).step_by(4).try_fold(0usize, |sum, at| sum.checked_add(word(at)? as usize))?;
    let model = bytes.get(32usize.checked_add(tables)?..)?;
    match word(28)? {
        0 => uris.extend(std::str::from_utf8(model).ok().map(|uri| uri.trim_matches(['\0', ' ']).to_owned()).filter(|u| !u.is_empty())),
        _ => gather(model, COMPOSITE_DEPTH_MAX, uris),
    }
    Some(())
}

/// Files that a `tileset.json` names beside contents and subtrees: its metadata schema.
pub(super) fn of_tileset(json: &Value) -> Vec<String> {
    let old = &json["extensions"]["3DTILES_metadata"];
    [&json["schemaUri"], &old["schemaUri"]].into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
