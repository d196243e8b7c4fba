//! glTF buffers, buffer views (plain and meshopt-compressed), what Draco compressed, and accessors; every size checked before it is used.

use super::content::DecodeContext;
use super::error::{Fault, TileError};
use super::fetch::resolve;
use super::gltf_json::{Accessor, Document};
use crate::ogc::{Draco, Meshopt, Named, Unpacked};
use base64::Engine;
use std::borrow::Cow;

/// Elements of one accessor; a tile has some hundred thousand.
const COUNT_MAX: usize = 1 << 25;

/// All bytes of a glTF, by buffer view.
pub struct Buffers<'a> {
    document: &'a Document,
    buffers: Vec<Cow<'a, [u8]>>,
    /// Unfolded meshopt views; `None` for plain ones.
    unfolded: Vec<Option<Vec<u8>>>,
    /// Accessors that stand for what Draco compressed.
    unpacked: Unpacked,
}

impl<'a> Buffers<'a> {
    /// `binary` is the glb's own chunk: buffer 0 where it has no uri.
    pub fn load(document: &'a Document, binary: &'a [u8], context: &DecodeContext<'_>) -> Result<Self, TileError> {
        let mut buffers = Vec::with_capacity(document.buffers.len());
        for (i, buffer) in document.buffers.iter().enumerate() {
            buffers.push(match buffer.uri.as_deref() {
                Some(uri) if uri.starts_with("data:") => Cow::Owned(data_uri(uri).map_err(|f| f.at(context.url))?),
                Some(uri) => Cow::Owned((context.external)(&resolve(context.url, uri).map_err(|f| f.at(context.url))?)?),
                None if i == 0 => Cow::Borrowed(binary),
                // The empty fallback of a meshopt-compressed file.
                None => Cow::Borrowed(&[][..]),
            });
        }
        let mut this = Self { document, buffers, unfolded: Vec::new(), unpacked: Unpacked::default() };
        let views = document.buffer_views.iter().enumerate();
        let unfolded = views.map(|(i, view)| view.extensions.meshopt.as_ref().map(|m| this.unfold(i, m)).transpose());
        this.unfolded = unfolded.collect::<Result<_, _>>().map_err(|f| f.at(context.url))?;
        this.unpacked = this.unpack().map_err(|f| f.at(context.url))?;
        Ok(this)
    }

    /// Every primitive that Draco compressed.
    fn unpack(&self) -> Result<Unpacked, Fault> {
        let mut unpacked = Unpacked::default();
        let width = |a: usize| components(&self.document.accessors.get(a)?.shape);
        for (m, mesh) in self.document.meshes.iter().enumerate() {
            for primitive in &mesh.primitives {
                let Some(packed) = &primitive.extensions.draco else { continue };
                let wrong = |why: String| Fault::bad(format!("meshes[{m}] {}", Draco::NAME), why);
                let Some(indices) = primitive.indices else { return Err(wrong("the primitive names no indices".to_owned())) };
                let named = Named { indices: Some(indices), attributes: &primitive.attributes };
                unpacked.add(packed, self.view(packed.buffer_view)?, &named, width).map_err(wrong)?;
            }
        }
        Ok(unpacked)
    }

    /// Bytes of buffer view `i`.
    pub fn view(&self, i: usize) -> Result<&[u8], Fault> {
        let place = || format!("bufferViews[{i}]");
        let view = self.document.buffer_views.get(i).ok_or_else(|| Fault::bad(place(), "there is no such buffer view"))?;
        if let Some(Some(unfolded)) = self.unfolded.get(i) {
            return Ok(unfolded);
        }
        self.slice(view.buffer, view.byte_offset, view.byte_length).ok_or_else(|| Fault::bad(place(), "it reaches beyond its buffer"))
    }

    fn slice(&self, buffer: usize, offset: usize, len: usize) -> Option<&[u8]> {
        self.buffers.get(buffer)?.get(offset..offset.checked_add(len)?)
    }

    /// Accessor `i`, each component through `convert` (normalised integers as fractions), and how many components an element has.
    pub fn read<T>(&self, i: usize, accept: &[usize], convert: impl Fn(f64) -> T) -> Result<(usize, Vec<T>), Fault> {
        let place = || format!("accessors[{i}]");
        let bad = |what: &str| Fault::bad(place(), what);
        let accessor = self.document.accessors.get(i).ok_or_else(|| bad("there is no such accessor"))?;
        let components = components(&accessor.shape).filter(|n| accept.contains(n));
        let components = components.ok_or_else(|| bad(&format!("type {:?} does not fit its use", accessor.shape)))?;
        let kind = Component::of(accessor).ok_or_else(|| bad(&format!("component type {} is unknown", accessor.component_type)))?;
        if accessor.count > COUNT_MAX {
            return Err(bad(&format!("{} elements are more than {COUNT_MAX}", accessor.count)).mend("divide the tile"));
        }
        if accessor.sparse.is_some() {
            return Err(Fault::unsupported("a sparse accessor", "write plain accessors"));
        }
        if let Some(values) = self.unpacked.get(i) {
            return Ok((components, values.iter().map(|v| convert(kind.scaled(*v))).collect()));
        }
        let size = kind.bytes() * components;
        let Some(view) = accessor.buffer_view else {
            return Ok((components, (0..accessor.count * components).map(|_| convert(0.0)).collect()));
        };
        let bytes = self.view(view)?;
        let stride = self.document.buffer_views[view].byte_stride.filter(|s| *s > 0).unwrap_or(size);
        let end =
            accessor.count.checked_sub(1).and_then(|last| last.checked_mul(stride)?.checked_add(accessor.byte_offset)?.checked_add(size));
        if stride < size || end.is_some_and(|end| end > bytes.len()) {
            return Err(bad("it reaches beyond its buffer view"));
        }
        let mut out = Vec::with_capacity(accessor.count * components);
        for element in 0..accessor.count {
            let start = accessor.byte_offset + element * stride;
            let element = &bytes[start..start + size];
            out.extend(element.chunks_exact(kind.bytes()).map(|raw| convert(kind.value(raw))));
        }
        Ok((components, out))
    }

    /// A scalar accessor of whole numbers; what is negative or not whole becomes `u32::MAX`.
    pub fn whole(&self, i: usize) -> Result<Vec<u32>, Fault> {
        let whole = |v: f64| if v >= 0.0 && v <= f64::from(u32::MAX) { v.round() as u32 } else { u32::MAX };
        Ok(self.read(i, &[1], whole)?.1)
    }

    /// An accessor of vectors of `N` floats.
    pub fn vectors<const N: usize>(&self, i: usize) -> Result<Vec<[f32; N]>, Fault> {
        let (_, flat) = self.read(i, &[N], |v| v as f32)?;
        Ok(flat.as_chunks::<N>().0.to_vec())
    }

    fn unfold(&self, i: usize, packed: &Meshopt) -> Result<Vec<u8>, Fault> {
        let place = format!("bufferViews[{i}].extensions.EXT_meshopt_compression");
        let source = self.slice(packed.buffer, packed.byte_offset, packed.byte_length);
        let source = source.ok_or_else(|| Fault::bad(&*place, "it reaches beyond its buffer"))?;
        packed.unfold(source).map_err(|what| Fault::bad(place, what))
    }
}

fn components(shape: &str) -> Option<usize> {
    Some(match shape {
        "SCALAR" => 1,
        "VEC2" => 2,
        "VEC3" => 3,
        "VEC4" | "MAT2" => 4,
        _ => return None,
    })
}

/// Type of one number in a buffer.
#[derive(Clone, Copy)]
struct Component {
    code: u32,
    normalized: bool,
}

impl Component {
    fn of(accessor: &Accessor) -> Option<Self> {
        matches!(accessor.component_type, 5120..=5123 | 5125 | 5126)
            .then_some(Self { code: accessor.component_type, normalized: accessor.normalized })
    }

    fn bytes(self) -> usize {
        match self.code {
            5120 | 5121 => 1,
            5122 | 5123 => 2,
            _ => 4,
        }
    }

    /// `raw` has [`Component::bytes`] bytes.
    fn value(self, raw: &[u8]) -> f64 {
        let value = match (self.code, raw) {
            (5120, &[a]) => f64::from(a as i8),
            (5121, &[a]) => f64::from(a),
            (5122, &[a, b]) => f64::from(i16::from_le_bytes([a, b])),
            (5123, &[a, b]) => f64::from(u16::from_le_bytes([a, b])),
            (5125, &[a, b, c, d]) => f64::from(u32::from_le_bytes([a, b, c, d])),
            (_, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
            _ => 0.0,
        };
        self.scaled(value)
    }

    /// A stored number as it is meant. Source: glTF 2.0, section 3.11 "Accessor data types".
    fn scaled(self, value: f64) -> f64 {
        let most = match (self.normalized, self.code) {
            (true, 5120) => 127.0,
            (true, 5121) => 255.0,
            (true, 5122) => 32767.0,
            (true, 5123) => 65535.0,
            _ => return value,
        };
        (value / most).max(-1.0)
    }
}

pub fn data_uri(uri: &str) -> Result<Vec<u8>, Fault> {
    let bad = |what: String| Fault::bad("buffers", what);
    let (head, body) = uri.split_once(',').ok_or_else(|| bad("a data uri has no comma".into()))?;
    if !head.ends_with(";base64") {
        return Err(bad("a data uri is not base64".into()));
    }
    base64::engine::general_purpose::STANDARD.decode(body).map_err(|e| bad(format!("a data uri is no base64: {e}")))
}
