//! Draco: primitives (`KHR_draco_mesh_compression`) unpacked into the accessors that stand for them, and clouds of points
//! (`3DTILES_draco_point_compression`); every size checked before it is used.

use draco_core::{
    DataType, DecodeLimits, DecoderBuffer, Mesh, MeshDecoder, PointAttribute, PointCloud, PointCloudDecoder, PointIndex, Status,
};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What one primitive may unpack to.
const POINTS_MAX: u64 = 1 << 22;
const FACES_MAX: u64 = 1 << 23;
const DECODED_BYTES_MAX: u64 = 128 << 20;
/// Numbers that all primitives of a model may unpack to: 256 MiB.
const NUMBERS_MAX: usize = 1 << 25;
/// More is in no type of accessor.
const COMPONENTS_MAX: usize = 16;

/// The extension as a primitive has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draco {
    pub buffer_view: usize,
    /// Draco's own number of each attribute.
    #[serde(default)]
    pub attributes: BTreeMap<String, u32>,
}

impl Draco {
    /// The extension's name.
    pub const NAME: &'static str = "KHR_draco_mesh_compression";
}

/// Which accessors a primitive names.
pub struct Named<'a> {
    pub indices: Option<usize>,
    pub attributes: &'a BTreeMap<String, usize>,
}

/// Values of accessors by number, one component after the other, as they are stored: not yet normalised.
#[derive(Debug, Default)]
pub struct Unpacked {
    values: HashMap<usize, Vec<f64>>,
    taken: usize,
}

impl Unpacked {
    /// Unpacks a primitive from its compressed `bytes` to where its accessors are looked for; `components` says how many numbers an element of
    /// an accessor has. Attributes that are compressed but have no accessor are passed over.
    ///
    /// # Errors
    /// In words: damaged or too much.
    pub fn add(
        &mut self,
        packed: &Draco,
        bytes: &[u8],
        named: &Named<'_>,
        components: impl Fn(usize) -> Option<usize>,
    ) -> Result<(), String> {
        let mesh = decode(bytes)?;
        if let Some(indices) = named.indices {
            let corners: Vec<f64> = mesh.faces().iter().flatten().map(|p| f64::from(p.0)).collect();
            self.keep(indices, corners.len(), || corners)?;
        }
        for (name, unique) in &packed.attributes {
            let Some(accessor) = named.attributes.get(name) else { continue };
            let attribute = mesh.attribute_by_unique_id(*unique);
            let attribute = attribute.ok_or_else(|| format!("the attribute {name} is not among what is compressed"))?;
            let width =
                components(*accessor).filter(|n| *n <= COMPONENTS_MAX).ok_or_else(|| format!("accessors[{accessor}] has no type"))?;
            self.keep(*accessor, mesh.num_points().saturating_mul(width), || read(attribute, mesh.num_points(), width))?;
        }
        Ok(())
    }

    /// Values of an accessor, if it was compressed.
    pub fn get(&self, accessor: usize) -> Option<&[f64]> {
        self.values.get(&accessor).map(Vec::as_slice)
    }

    fn keep(&mut self, accessor: usize, count: usize, values: impl FnOnce() -> Vec<f64>) -> Result<(), String> {
        self.taken = self.taken.saturating_add(count);
        if self.taken > NUMBERS_MAX {
            return Err(format!("it unpacks to more than {NUMBERS_MAX} numbers; divide the model"));
        }
        self.values.insert(accessor, values());
        Ok(())
    }
}

/// A cloud of points, unpacked: in the file's order where it was compressed one after the other, else in an order of its own.
#[derive(Debug)]
pub(super) struct UnpackedPoints(PointCloud);

impl UnpackedPoints {
    /// The extension's name.
    pub const NAME: &'static str = "3DTILES_draco_point_compression";

    /// # Errors
    /// In words: damaged or too much.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut cloud = PointCloud::new();
        decoded(bytes, |buffer| PointCloudDecoder::new().decode(buffer, &mut cloud))?;
        Ok(Self(cloud))
    }

    /// An attribute by Draco's own number of it, `width` numbers a point.
    ///
    /// # Errors
    /// In words, where there is none, or more than fits.
    pub fn numbers(&self, unique: u32, width: usize) -> Result<Vec<f64>, String> {
        let attribute = self.0.attribute_by_unique_id(unique);
        let attribute = attribute.ok_or_else(|| format!("attribute {unique} is not among what is compressed"))?;
        match self.0.num_points().checked_mul(width).filter(|n| *n <= NUMBERS_MAX) {
            Some(_) => Ok(read(attribute, self.0.num_points(), width)),
            None => Err(format!("it unpacks to more than {NUMBERS_MAX} numbers; divide the tile")),
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Mesh, String> {
    let mut mesh = Mesh::new();
    decoded(bytes, |buffer| MeshDecoder::new().decode(buffer, &mut mesh))?;
    Ok(mesh)
}

fn decoded(bytes: &[u8], decode: impl FnOnce(&mut DecoderBuffer<'_>) -> Status) -> Result<(), String> {
    let mut limits = DecodeLimits::default().with_max_points(POINTS_MAX);
    (limits.max_faces, limits.max_decoded_bytes) = (FACES_MAX, DECODED_BYTES_MAX);
    let decode = || decode(&mut DecoderBuffer::new(bytes).with_limits(limits));
    // The crate is without unsafe code and promises not to panic; if it does, it costs a model and not the program.
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(|e| format!("the compressed bytes are damaged ({e})")),
        Err(_) => Err("the compressed bytes are damaged".to_owned()),
    }
}

/// `width` numbers a point, zeros where the attribute has fewer. Whole numbers stay exact, which the crate's own reading to f32 loses above 2^24.
fn read(attribute: &PointAttribute, points: usize, width: usize) -> Vec<f64> {
    let (kind, data) = (attribute.data_type(), attribute.buffer().data());
    let (size, stride) = (kind.byte_length(), usize::try_from(attribute.byte_stride()).unwrap_or(0));
    let mut out = vec![0.0; points * width];
    for (point, element) in out.chunks_exact_mut(width.max(1)).enumerate() {
        let value = attribute.mapped_index(PointIndex(point as u32)).0 as usize;
        let bytes = Some(value).filter(|v| *v < attribute.size()).and_then(|v| data.get(v.checked_mul(stride)?..)).unwrap_or_default();
        let known = element.iter_mut().take(usize::from(attribute.num_components()));
        known.zip(bytes.chunks_exact(size.max(1))).for_each(|(to, raw)| *to = number(kind, raw));
    }
    out
}

fn number(kind: DataType, raw: &[u8]) -> f64 {
    match (kind, raw) {
        (DataType::Int8, &[a]) => f64::from(a as i8),
        (DataType::Uint8 | DataType::Bool, &[a]) => f64::from(a),
        (DataType::Int16, &[a, b]) => f64::from(i16::from_le_bytes([a, b])),
        (DataType::Uint16, &[a, b]) => f64::from(u16::from_le_bytes([a, b])),
        (DataType::Int32, &[a, b, c, d]) => f64::from(i32::from_le_bytes([a, b, c, d])),
        (DataType::Uint32, &[a, b, c, d]) => f64::from(u32::from_le_bytes([a, b, c, d])),
        (DataType::Float32, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
        (DataType::Float64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
        (DataType::Int64, &[a, b, c, d, e, f, g, h]) => i64::from_le_bytes([a, b, c, d, e, f, g, h]) as f64,
        (DataType::Uint64, &[a, b, c, d, e, f, g, h]) => u64::from_le_bytes([a, b, c, d, e, f, g, h]) as f64,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_draco_is_refused_in_words() {
        let named = Named { indices: Some(0), attributes: &BTreeMap::new() };
        for bytes in [&b""[..], b"DRACO", b"DRACO\x02\x02\x01\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff"] {
            let why = Unpacked::default().add(&Draco::default(), bytes, &named, |_| Some(1)).unwrap_err();
            assert!(why.contains("damaged"), "{why}");
            assert!(UnpackedPoints::read(bytes).unwrap_err().contains("damaged"));
        }
    }

    #[test]
    fn there_is_a_bound_to_all_primitives_together() {
        let mut unpacked = Unpacked { taken: NUMBERS_MAX - 1, ..Unpacked::default() };
        assert!(unpacked.keep(0, 1, || vec![1.0]).is_ok());
        assert!(unpacked.keep(1, 1, || vec![1.0]).unwrap_err().contains("divide"));
    }
}
