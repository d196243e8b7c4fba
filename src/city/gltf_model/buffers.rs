//! Bytes of a glTF: the glb's chunks, files beside it, data in uris; accessors over them, every size checked before it is used.

use super::document::{Accessor, Document};
use crate::city::tileset::{Reference, TilesetFiles, resolve as resolve_name, unescape};
use crate::ogc::{Draco, Fault, Meshopt, Named, Unpacked};
use base64::Engine;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Elements of one accessor.
const COUNT_MAX: usize = 1 << 26;
/// All compressed buffer views of a model together.
const UNFOLDED_BYTES_MAX: usize = 256 << 20;
/// A model's file, or one beside it.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// JSON and binary chunk of a glb. Source: glTF 2.0, section 4.4 "Binary glTF layout".
///
/// # Errors
/// In words, with the mend.
pub(in crate::city) fn chunks(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map(u32::from_le_bytes);
    let cut = || "the glb is cut short; copy it again".to_owned();
    match word(4).ok_or_else(cut)? {
        2 => {}
        1 => return Err("this is glTF 1.0; bring it up with `npx gltf-pipeline -i FILE -o NEW.glb`".to_owned()),
        other => return Err(format!("glb version {other} is not known; read is 2")),
    }
    let mut parts: [&[u8]; 2] = [&[], &[]];
    let mut at = 12;
    for (part, tag) in parts.iter_mut().zip([*b"JSON", *b"BIN\0"]) {
        if at >= bytes.len() && tag == *b"BIN\0" {
            break;
        }
        let length = word(at).ok_or_else(cut)? as usize;
        if bytes.get(at + 4..at + 8) != Some(&tag) {
            return Err(format!("the glb's chunk at byte {at} is not {}; write the file again", String::from_utf8_lossy(&tag)));
        }
        *part = (at + 8).checked_add(length).and_then(|end| bytes.get(at + 8..end)).ok_or_else(cut)?;
        at += 8 + length.next_multiple_of(4);
    }
    Ok((parts[0], parts[1]))
}

/// A file within bounds.
pub(super) fn file(path: &Path) -> Result<Vec<u8>, String> {
    let told = |e: std::io::Error| format!("{}: {e}; put it beside the model", path.display());
    let size = std::fs::metadata(path).map_err(told)?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("{}: {size} bytes (at most {FILE_BYTES_MAX}); divide the model", path.display()));
    }
    std::fs::read(path).map_err(told)
}

/// What a uri leads to.
pub(super) enum Uri {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// Where files beside a model are.
#[derive(Clone, Copy)]
pub(in crate::city) enum Beside<'a> {
    Folder(&'a Path),
    /// Of a content of a tileset, by its name.
    Tileset(&'a dyn TilesetFiles, &'a str),
}

impl Beside<'_> {
    /// A data uri's bytes, or the file that a relative uri names.
    ///
    /// # Errors
    /// In words: damaged data, or a place on the network, which is not gone to.
    pub(super) fn resolve(&self, uri: &str) -> Result<Uri, String> {
        if let Some(data) = uri.strip_prefix("data:") {
            let (head, body) = data.split_once(',').ok_or("a data uri has no comma")?;
            if !head.ends_with(";base64") {
                return Err("a data uri is not base64".to_owned());
            }
            let bytes = base64::engine::general_purpose::STANDARD.decode(body);
            return bytes.map(Uri::Bytes).map_err(|e| format!("a data uri is no base64: {e}"));
        }
        if uri.contains("://") {
            return Err(format!("{uri} is not fetched; download it and name it by a relative path"));
        }
        match *self {
            Self::Folder(folder) => Ok(Uri::File(folder.join(unescape(uri)))),
            Self::Tileset(files, base) => match resolve_name(base, uri) {
                Reference::Inside(name) => match files.path(&name) {
                    Some(path) => Ok(Uri::File(path)),
                    None => files.read(&name).map(Uri::Bytes).map_err(|why| format!("{name}: {why}")),
                },
                _ => Err(format!("{uri} leads out of the tileset's folder and is not read")),
            },
        }
    }
}

/// All bytes of a document.
pub(super) struct Buffers<'a> {
    document: &'a Document,
    buffers: Vec<Cow<'a, [u8]>>,
    /// Unfolded meshopt views; `None` for plain ones.
    unfolded: Vec<Option<Vec<u8>>>,
    /// Accessors that stand for what Draco compressed.
    unpacked: Unpacked,
}

impl<'a> Buffers<'a> {
    pub(super) fn load(document: &'a Document, binary: &'a [u8], beside: Beside) -> Result<Self, String> {
        let load = |(i, uri): (usize, Option<&str>)| {
            Ok(match uri.map(|uri| beside.resolve(uri)).transpose()? {
                Some(Uri::Bytes(bytes)) => Cow::Owned(bytes),
                Some(Uri::File(path)) => Cow::Owned(file(&path)?),
                None if i == 0 => Cow::Borrowed(binary),
                None => Cow::Borrowed(&[][..]),
            })
        };
        let buffers = document.buffers.iter().map(|b| b.uri.as_deref()).enumerate().map(load).collect::<Result<_, String>>()?;
        let mut this = Self { document, buffers, unfolded: Vec::new(), unpacked: Unpacked::default() };
        let mut room = UNFOLDED_BYTES_MAX;
        for (i, view) in document.buffer_views.iter().enumerate() {
            let packed = view.extensions.iter().find(|(name, _)| name.ends_with("_meshopt_compression"));
            let unfolded = packed.map(|(_, packed)| this.unfold(packed)).transpose().map_err(|why| format!("bufferViews[{i}]: {why}"))?;
            room = room
                .checked_sub(unfolded.as_ref().map_or(0, Vec::len))
                .ok_or("its buffers unfold to more than 256 MiB; divide the model")?;
            this.unfolded.push(unfolded);
        }
        this.unpacked = this.unpack()?;
        Ok(this)
    }

    /// Every primitive that Draco compressed.
    fn unpack(&self) -> Result<Unpacked, String> {
        let mut unpacked = Unpacked::default();
        let width = |a: usize| components(&self.document.accessors.get(a)?.shape);
        for (m, mesh) in self.document.meshes.iter().enumerate() {
            for primitive in &mesh.primitives {
                let Some(extension) = primitive.extensions.get(Draco::NAME) else { continue };
                let wrong = |why: String| format!("meshes[{m}]: {}: {why}", Draco::NAME);
                let packed: Draco = serde_json::from_value(extension.clone()).map_err(|e| wrong(e.to_string()))?;
                let named = Named { indices: primitive.indices, attributes: &primitive.attributes };
                unpacked.add(&packed, self.view(packed.buffer_view)?, &named, width).map_err(wrong)?;
            }
        }
        Ok(unpacked)
    }

    fn unfold(&self, packed: &serde_json::Value) -> Result<Vec<u8>, String> {
        let packed: Meshopt = serde_json::from_value(packed.clone()).map_err(|e| e.to_string())?;
        let source = self.slice(packed.buffer, packed.byte_offset, packed.byte_length).ok_or("it reaches beyond its buffer")?;
        packed.unfold(source)
    }

    fn slice(&self, buffer: usize, offset: usize, length: usize) -> Option<&[u8]> {
        self.buffers.get(buffer)?.get(offset..offset.checked_add(length)?)
    }

    pub(super) fn view(&self, i: usize) -> Result<&[u8], String> {
        let view = self.document.buffer_views.get(i).ok_or_else(|| format!("bufferViews[{i}] is not there"))?;
        if let Some(Some(unfolded)) = self.unfolded.get(i) {
            return Ok(unfolded);
        }
        let bytes = self.slice(view.buffer, view.byte_offset, view.byte_length);
        bytes.ok_or_else(|| format!("bufferViews[{i}] reaches beyond its buffer"))
    }

    /// The same for readers of property tables.
    pub(super) fn table_view(&self, i: usize) -> Result<&[u8], Fault> {
        self.view(i).map_err(|what| Fault::bad("EXT_structural_metadata", what))
    }

    /// Accessor `i` in vectors of `N` components; normalised integers as fractions.
    pub(super) fn vectors<const N: usize>(&self, i: usize) -> Result<Vec<[f64; N]>, String> {
        let wrong = |what: &str| format!("accessors[{i}] {what}");
        let accessor = self.document.accessors.get(i).ok_or_else(|| wrong("is not there"))?;
        if components(&accessor.shape) != Some(N) {
            return Err(wrong(&format!("is of type {:?}, which does not fit its use", accessor.shape)));
        }
        if accessor.sparse.is_some() {
            return Err(wrong("is sparse, which is not read here; write plain accessors (`npx @gltf-transform/cli copy IN.glb OUT.glb`)"));
        }
        let width = width(accessor).ok_or_else(|| wrong("is of a component type that is not known"))?;
        if accessor.count > COUNT_MAX {
            return Err(wrong(&format!("has {} elements (at most {COUNT_MAX})", accessor.count)));
        }
        if let Some(values) = self.unpacked.get(i) {
            let most = most(accessor).filter(|_| accessor.normalized).unwrap_or(1.0);
            let element = |e: &[f64; N]| e.map(|v| (v / most).max(if accessor.normalized { -1.0 } else { f64::NEG_INFINITY }));
            return Ok(values.as_chunks::<N>().0.iter().map(element).collect());
        }
        let Some(view) = accessor.buffer_view else {
            return Err(wrong("has no buffer view"));
        };
        let bytes = self.view(view)?;
        let size = width * N;
        let stride = self.document.buffer_views[view].byte_stride.filter(|s| *s > 0).unwrap_or(size);
        let end = accessor
            .count
            .checked_sub(1)
            .map_or(Some(0), |last| last.checked_mul(stride)?.checked_add(accessor.byte_offset)?.checked_add(size));
        if stride < size || end.is_none_or(|end| end > bytes.len()) {
            return Err(wrong("reaches beyond its buffer view"));
        }
        let element = |e: usize| {
            let start = accessor.byte_offset + e * stride;
            std::array::from_fn(|c| value(accessor, &bytes[start + c * width..start + (c + 1) * width]))
        };
        Ok((0..accessor.count).map(element).collect())
    }

    /// Accessor `i` as whole numbers.
    pub(super) fn whole(&self, i: usize) -> Result<Vec<u32>, String> {
        Ok(self.vectors::<1>(i)?.into_iter().map(|[v]| v as u32).collect())
    }

    /// How many components an element of accessor `i` has.
    pub(super) fn components(&self, i: usize) -> Option<usize> {
        components(&self.document.accessors.get(i)?.shape)
    }
}

pub(super) fn components(shape: &str) -> Option<usize> {
    Some(match shape {
        "SCALAR" => 1,
        "VEC2" => 2,
        "VEC3" => 3,
        "VEC4" => 4,
        _ => return None,
    })
}

/// Bytes of a component.
fn width(accessor: &Accessor) -> Option<usize> {
    Some(match accessor.component_type {
        5120 | 5121 => 1,
        5122 | 5123 => 2,
        5125 | 5126 => 4,
        _ => return None,
    })
}

/// The number that means 1 in a normalised accessor.
fn most(accessor: &Accessor) -> Option<f64> {
    Some(match accessor.component_type {
        5120 => 127.0,
        5121 => 255.0,
        5122 => 32767.0,
        5123 => 65535.0,
        _ => return None,
    })
}

/// `raw` is as wide as [`width`] says. Normalised: glTF 2.0, section 3.11 "Accessor data types".
fn value(accessor: &Accessor, raw: &[u8]) -> f64 {
    let part = |v: f64, most: f64| if accessor.normalized { (v / most).max(-1.0) } else { v };
    match (accessor.component_type, raw) {
        (5120, &[a]) => part(f64::from(a as i8), 127.0),
        (5121, &[a]) => part(f64::from(a), 255.0),
        (5122, &[a, b]) => part(f64::from(i16::from_le_bytes([a, b])), 32767.0),
        (5123, &[a, b]) => part(f64::from(u16::from_le_bytes([a, b])), 65535.0),
        (5125, &[a, b, c, d]) => f64::from(u32::from_le_bytes([a, b, c, d])),
        (_, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
        _ => 0.0,
    }
}
