//! `KHR_draco_mesh_compression`: primitives unpacked into the accessors that stand for them.

use super::document::{Document, Primitive};
use draco_core::{DecodeLimits, DecoderBuffer, Mesh, MeshDecoder};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The extension's name.
const EXTENSION: &str = "KHR_draco_mesh_compression";
/// What one primitive may unpack to.
const POINTS_MAX: u64 = 1 << 22;
const FACES_MAX: u64 = 1 << 23;
const DECODED_BYTES_MAX: u64 = 128 << 20;
/// Numbers that all primitives of a model may unpack to: 256 MiB.
const NUMBERS_MAX: usize = 1 << 25;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Compressed {
    buffer_view: usize,
    /// Draco's own number of each attribute.
    attributes: BTreeMap<String, u32>,
}

/// Values of accessors by number, one component after the other, as they are stored: not yet normalised.
pub(super) type Unpacked = HashMap<usize, Vec<f64>>;

/// Unpacks every primitive that is compressed.
///
/// # Errors
/// In words: damaged or too much.
pub(super) fn unpack<'a>(document: &Document, view: impl Fn(usize) -> Result<&'a [u8], String>) -> Result<Unpacked, String> {
    let mut unpacked = Unpacked::new();
    let mut room = NUMBERS_MAX;
    for (m, mesh) in document.meshes.iter().enumerate() {
        for primitive in &mesh.primitives {
            let Some(extension) = primitive.extensions.get(EXTENSION) else { continue };
            let wrong = |why: &str| format!("meshes[{m}]: {EXTENSION}: {why}");
            let compressed: Compressed = serde_json::from_value(extension.clone()).map_err(|e| wrong(&e.to_string()))?;
            let mesh = decode(view(compressed.buffer_view)?).map_err(|why| wrong(&why))?;
            take(document, primitive, &compressed, &mesh, &mut unpacked, &mut room).ok_or_else(|| wrong("it unpacks to too much"))?;
        }
    }
    Ok(unpacked)
}

fn decode(bytes: &[u8]) -> Result<Mesh, String> {
    let mut limits = DecodeLimits::default().with_max_points(POINTS_MAX);
    (limits.max_faces, limits.max_decoded_bytes) = (FACES_MAX, DECODED_BYTES_MAX);
    let decode = || {
        let mut mesh = Mesh::new();
        let mut buffer = DecoderBuffer::new(bytes).with_limits(limits);
        MeshDecoder::new().decode(&mut buffer, &mut mesh).map(|()| mesh)
    };
    // The crate is without unsafe code and promises not to panic; if it does, it costs a model and not the build.
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(|e| format!("{e:?}")),
        Err(_) => Err("the compressed bytes are damaged".to_owned()),
    }
}

/// Puts indices and attributes where the primitive's accessors are looked for; `None` when there is no more room.
fn take(
    document: &Document,
    primitive: &Primitive,
    compressed: &Compressed,
    mesh: &Mesh,
    unpacked: &mut Unpacked,
    room: &mut usize,
) -> Option<()> {
    if let Some(indices) = primitive.indices {
        let corners: Vec<f64> = mesh.faces().iter().flatten().map(|p| f64::from(p.0)).collect();
        *room = room.checked_sub(corners.len())?;
        unpacked.insert(indices, corners);
    }
    for (name, unique) in &compressed.attributes {
        let (Some(accessor), Some(attribute)) = (primitive.attributes.get(name), mesh.attribute_by_unique_id(*unique)) else { continue };
        let components = document.accessors.get(*accessor).and_then(|a| super::buffers::components(&a.shape)).unwrap_or(1);
        *room = room.checked_sub(mesh.num_points().checked_mul(components)?)?;
        let values = attribute.read_f32s(mesh.num_points(), components).into_iter().map(f64::from);
        unpacked.insert(*accessor, values.collect());
    }
    Some(())
}
