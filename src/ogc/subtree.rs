//! `.subtree` files, binary and JSON: which tiles of an implicit tileset exist.

use super::fault::Fault;
use super::implicit::Scheme;
use serde_json::Value;

/// A subtree file in its two parts.
#[derive(Debug)]
pub struct SubtreeFile<'a> {
    pub json: Value,
    pub binary: &'a [u8],
}

impl<'a> SubtreeFile<'a> {
    /// JSON part and binary part; a file that starts with `{` is all JSON.
    ///
    /// # Errors
    /// [`Fault`] for what is no subtree or cut short.
    pub fn split(bytes: &'a [u8]) -> Result<Self, Fault> {
        let bad_json = |e: serde_json::Error| Fault::bad("subtree JSON", e.to_string());
        if bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{') {
            return Ok(Self { json: serde_json::from_slice(bytes).map_err(bad_json)?, binary: &[] });
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
        Ok(Self { json: serde_json::from_slice(json).map_err(bad_json)?, binary })
    }

    /// Of each buffer, the file it is in; `None` for the binary part.
    pub fn buffer_uris(&self) -> impl Iterator<Item = Option<&str>> {
        self.json["buffers"].as_array().into_iter().flatten().map(|buffer| buffer["uri"].as_str())
    }

    /// What exists, from the bytes of [`SubtreeFile::buffer_uris`].
    ///
    /// # Errors
    /// [`Fault`] for bits that are not all there.
    pub fn availability(&self, buffers: &[Vec<u8>], scheme: Scheme, subtree_levels: u32, templates: usize) -> Result<Availability, Fault> {
        let (json, n) = (&self.json, scheme.branching());
        let below = n.checked_pow(subtree_levels).ok_or_else(|| Fault::bad("subtreeLevels", "a subtree can't have so many levels"))?;
        let count = (below - 1) / (n - 1);
        let tiles = Bits::read(&json["tileAvailability"], "tileAvailability", json, buffers, count)?;
        let subtrees = Bits::read(&json["childSubtreeAvailability"], "childSubtreeAvailability", json, buffers, below)?;
        let extension = &json["extensions"]["3DTILES_multiple_contents"];
        let given = [&json["contentAvailability"], &extension["contentAvailability"], extension].into_iter().find(|v| !v.is_null());
        let mut contents = Vec::new();
        for i in 0..templates {
            // The 1.0 extension has one object where 1.1 has a list.
            let one = given.and_then(|g| if g.is_array() { g.get(i) } else { Some(g).filter(|_| i == 0) });
            let path = format!("contentAvailability[{i}]");
            contents.push(one.map_or(Ok(Bits::Constant(false)), |bits| Bits::read(bits, &path, json, buffers, count))?);
        }
        Ok(Availability { tiles, contents, subtrees })
    }
}

/// One bit a tile, or the same for all.
#[derive(Debug)]
pub enum Bits {
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

    pub fn get(&self, i: usize) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::Stream(bytes) => bytes.get(i / 8).is_some_and(|b| b >> (i % 8) & 1 == 1),
        }
    }
}

/// Which tiles of a subtree exist, which have contents, and which subtrees hang below.
#[derive(Debug)]
pub struct Availability {
    /// Level after level, each in Morton order.
    pub tiles: Bits,
    /// One for each content template.
    pub contents: Vec<Bits>,
    /// Of the level below the last, in Morton order.
    pub subtrees: Bits,
}
