//! What the features of one tile are: ids of its meshes to attributes.

use super::batch_table::BatchTable;
use super::described::Described;
use super::fault::Fault;
use super::property::PropertyTable;
use serde_json::{Map, Value};

/// The feature id of triangles that belong to no feature.
pub const NO_FEATURE: u32 = u32::MAX;
/// Features in a tile: files say how many there are without having to hold them, and a screen keeps 8 bytes for each.
pub const FEATURES_MAX: u32 = 1 << 24;

/// Attributes of the features of one tile, decoded when asked for.
///
/// Ids run from 0 to [`FeatureTable::count`] over the whole tile, also where a tile has several contents or tables.
#[derive(Clone, Debug, Default)]
pub struct FeatureTable {
    segments: Vec<Segment>,
    count: u32,
}

#[derive(Clone, Debug)]
struct Segment {
    base: u32,
    count: u32,
    table: Option<Table>,
}

#[derive(Clone, Debug)]
pub(crate) enum Table {
    Property(PropertyTable),
    Batch(BatchTable),
}

impl FeatureTable {
    /// Features in the tile, those without attributes included.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Attributes of a feature, types as the file has them; empty for [`NO_FEATURE`] and features without any.
    pub fn attributes(&self, feature_id: u32) -> Map<String, Value> {
        let segment = self.segments.iter().find(|s| feature_id >= s.base && feature_id - s.base < s.count);
        let Some(segment) = segment else { return Map::new() };
        let row = (feature_id - segment.base) as usize;
        match &segment.table {
            Some(Table::Property(table)) => table.row(row),
            Some(Table::Batch(table)) => table.row(row),
            None => Map::new(),
        }
    }

    /// A feature's id in the set of ids that it is of, and what the schema says of its row of a property table, if it has one; `None` for features
    /// of a batch table, which has no schema.
    pub(crate) fn described(&self, feature_id: u32) -> Option<(u32, Described)> {
        let segment = self.segments.iter().find(|s| feature_id >= s.base && feature_id - s.base < s.count)?;
        let row = feature_id - segment.base;
        match &segment.table {
            Some(Table::Property(table)) => Some((row, table.described(row as usize))),
            Some(Table::Batch(_)) => None,
            None => Some((row, Described::default())),
        }
    }

    /// Whether a table is one of those here.
    pub(crate) fn holds(&self, table: &PropertyTable) -> bool {
        self.segments.iter().any(|s| matches!(&s.table, Some(Table::Property(own)) if own.is(table)))
    }

    /// The values of one attribute, a feature after the other; `None` where a feature has none.
    pub fn values<'a>(&'a self, attribute: &'a str) -> impl Iterator<Item = Option<Value>> + 'a {
        self.segments.iter().flat_map(move |segment| {
            let column = match &segment.table {
                Some(Table::Property(table)) => table.column(attribute).map(|of| Box::new(of) as Box<dyn Fn(usize) -> Option<Value> + 'a>),
                Some(Table::Batch(table)) => table.column(attribute).map(|of| Box::new(of) as Box<dyn Fn(usize) -> Option<Value> + 'a>),
                None => None,
            };
            (0..segment.count as usize).map(move |row| column.as_ref().and_then(|of| of(row)))
        })
    }

    /// Features with the attributes of a 1.0 batch table: its JSON and its binary part.
    ///
    /// # Errors
    /// What is wrong in the table, or more features than [`FEATURES_MAX`].
    pub fn of_batch_table(count: u32, json: &[u8], binary: &[u8]) -> Result<Self, Fault> {
        let mut table = Self::default();
        let batches = BatchTable::read(json, binary)?;
        table
            .push(count, Some(Table::Batch(batches)))
            .ok_or_else(|| Fault::bad("batch table", format!("{count} features are too many")))?;
        Ok(table)
    }

    /// Adds `count` features and says the id of the first; `None` when there are more than [`FEATURES_MAX`].
    pub(crate) fn push(&mut self, count: u32, table: Option<Table>) -> Option<u32> {
        let base = self.count;
        self.count = base.checked_add(count).filter(|end| *end <= FEATURES_MAX)?;
        self.segments.push(Segment { base, count, table });
        Some(base)
    }

    /// Adds another content's features and says by how much its ids move; `None` when there are more than [`FEATURES_MAX`].
    pub(crate) fn append(&mut self, other: Self) -> Option<u32> {
        let base = self.count;
        self.count = base.checked_add(other.count).filter(|end| *end <= FEATURES_MAX)?;
        self.segments.extend(other.segments.into_iter().map(|s| Segment { base: s.base + base, ..s }));
        Some(base)
    }

    /// Memory held, bytes, about.
    pub(crate) fn bytes(&self) -> usize {
        let table = |s: &Segment| match &s.table {
            Some(Table::Property(t)) => t.bytes(),
            Some(Table::Batch(t)) => t.bytes(),
            None => 0,
        };
        self.segments.iter().map(table).sum()
    }
}
