//! Wrappings of 3D Tiles 1.0: b3dm, i3dm and pnts with their tables, and cmpt.

use super::batch_table::{BatchTable, table_json};
use super::fault::Fault;
use super::semantics::Semantics;
use glam::DVec3;

/// Tiles in one composite.
const PARTS_MAX: usize = 4096;

/// The features of a tile of 3D Tiles 1.0.
#[derive(Debug)]
pub struct Batches {
    pub count: u32,
    pub table: BatchTable,
}

/// A `b3dm` taken apart.
#[derive(Debug)]
pub struct Batched<'a> {
    /// Where the glb's origin is, in the tile's frame.
    pub rtc_center: DVec3,
    /// `None` where the tile has no features.
    pub batches: Option<Batches>,
    pub glb: &'a [u8],
}

/// An `i3dm` taken apart.
#[derive(Debug)]
pub struct Instanced<'a> {
    pub features: Semantics<'a>,
    pub table: BatchTable,
    pub model: Model<'a>,
}

/// What an `i3dm` puts in many places.
#[derive(Debug)]
pub enum Model<'a> {
    Glb(&'a [u8]),
    /// Its address as written.
    Uri(String),
}

/// A `pnts` taken apart.
#[derive(Debug)]
pub struct PointCloud<'a> {
    pub features: Semantics<'a>,
    pub table: BatchTable,
}

/// Takes a `b3dm` apart. Source: 3D Tiles 1.0, "Batched 3D Model".
///
/// # Errors
/// [`Fault`] for a header or table that is cut short or no JSON.
pub fn unwrap_b3dm(bytes: &[u8]) -> Result<Batched<'_>, Fault> {
    let parts = Parts::split(bytes, "b3dm", 28)?;
    let features = parts.semantics()?;
    let rtc_center = features.numbers::<3>("RTC_CENTER")?.map_or(DVec3::ZERO, DVec3::from);
    let count = features.count("BATCH_LENGTH").unwrap_or(0);
    let batches = if count == 0 { None } else { Some(Batches { count, table: parts.batch_table()? }) };
    Ok(Batched { rtc_center, batches, glb: parts.body })
}

/// Takes an `i3dm` apart. Source: 3D Tiles 1.0, "Instanced 3D Model".
///
/// # Errors
/// As [`unwrap_b3dm`].
pub fn unwrap_i3dm(bytes: &[u8]) -> Result<Instanced<'_>, Fault> {
    let parts = Parts::split(bytes, "i3dm", 32)?;
    let model = match bytes.get(28..32) {
        Some([1, 0, 0, 0]) => Model::Glb(parts.body),
        Some([0, 0, 0, 0]) => Model::Uri(String::from_utf8_lossy(parts.body).trim_matches([' ', '\0', '\n']).to_owned()),
        _ => return Err(Fault::bad("i3dm header", "its gltfFormat is neither 0 nor 1")),
    };
    Ok(Instanced { features: parts.semantics()?, table: parts.batch_table()?, model })
}

/// Takes a `pnts` apart. Source: 3D Tiles 1.0, "Point Cloud".
///
/// # Errors
/// As [`unwrap_b3dm`], and where points that Draco compressed are damaged.
pub fn unwrap_pnts(bytes: &[u8]) -> Result<PointCloud<'_>, Fault> {
    let parts = Parts::split(bytes, "pnts", 28)?;
    let (mut features, mut table) = (parts.semantics()?, parts.batch_table()?);
    if let Some(points) = features.unpack()? {
        table.unpack(&points)?;
    }
    Ok(PointCloud { features, table })
}

/// What the three have alike.
struct Parts<'a> {
    format: &'static str,
    feature_json: &'a [u8],
    feature_binary: &'a [u8],
    batch_json: &'a [u8],
    batch_binary: &'a [u8],
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(bytes: &'a [u8], format: &'static str, header: usize) -> Result<Self, Fault> {
        let short = |part: &str| Fault::bad(format!("{format} {part}"), "it is cut short");
        let word = |at: usize| bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map(|w| u32::from_le_bytes(w) as usize);
        if word(4) != Some(1) {
            return Err(Fault::bad(format!("{format} header"), "only version 1 is known"));
        }
        let mut at = header;
        let mut parts: [&[u8]; 4] = [&[]; 4];
        let names = ["feature table JSON", "feature table", "batch table JSON", "batch table"];
        for (i, (part, name)) in parts.iter_mut().zip(names).enumerate() {
            let len = word(12 + 4 * i).ok_or_else(|| short("header"))?;
            *part = at.checked_add(len).and_then(|end| bytes.get(at..end)).ok_or_else(|| short(name))?;
            at += len;
        }
        let [feature_json, feature_binary, batch_json, batch_binary] = parts;
        let body = bytes.get(at..).ok_or_else(|| short("header"))?;
        Ok(Self { format, feature_json, feature_binary, batch_json, batch_binary, body })
    }

    fn semantics(&self) -> Result<Semantics<'a>, Fault> {
        let json = table_json(self.feature_json, &format!("{} feature table JSON", self.format))?;
        Ok(Semantics::new(self.format, json, self.feature_binary))
    }

    fn batch_table(&self) -> Result<BatchTable, Fault> {
        BatchTable::read(self.batch_json, self.batch_binary)
    }
}

/// The tiles inside a `cmpt`. Source: 3D Tiles 1.0, "Composite".
pub fn composite_parts(bytes: &[u8]) -> Result<Vec<&[u8]>, Fault> {
    let word = |at: usize| bytes.get(at..at.checked_add(4)?).and_then(|w| w.try_into().ok()).map(|w| u32::from_le_bytes(w) as usize);
    let short = || Fault::bad("cmpt", "it is cut short");
    let count = word(12).ok_or_else(short)?;
    if count > PARTS_MAX {
        return Err(Fault::bad("cmpt header", format!("{count} tiles are more than {PARTS_MAX}")));
    }
    let mut at = 16;
    let mut parts = Vec::new();
    for _ in 0..count {
        let len = word(at + 8).filter(|len| *len >= 12).ok_or_else(short)?;
        parts.push(bytes.get(at..at + len).ok_or_else(short)?);
        at += len;
    }
    Ok(parts)
}
