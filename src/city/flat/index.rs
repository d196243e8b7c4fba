//! The packed Hilbert R-tree of FlatGeobuf (and FlatCityBuf): which records touch a box, reading only the branches that do.

use super::Records;
use crate::city::CityError;
use crate::city::footprints::extrude::touch;
use std::collections::VecDeque;
use std::ops::Range;

/// Four f64 (west, south, east, north) and a u64.
const NODE_BYTES: u64 = 40;

/// Numbers of the nodes of each level, leaves first; the root is node 0.
fn levels(items: u64, node_size: u64) -> Option<Vec<Range<u64>>> {
    if items == 0 || node_size < 2 {
        return None;
    }
    let mut sizes = vec![items];
    let mut size = items;
    while size > 1 || sizes.len() == 1 {
        size = size.div_ceil(node_size);
        sizes.push(size);
    }
    let mut end: u64 = sizes.iter().try_fold(0u64, |sum, n| sum.checked_add(*n))?;
    let mut found = Vec::with_capacity(sizes.len());
    for size in sizes {
        found.push(end - size..end);
        end -= size;
    }
    Some(found)
}

/// Bytes of an index; 0 where there is none, `None` when no file could hold it.
pub(in crate::city) fn index_bytes(items: u64, node_size: u16) -> Option<u64> {
    if items == 0 || node_size == 0 {
        return Some(0);
    }
    levels(items, u64::from(node_size))?.first()?.end.checked_mul(NODE_BYTES)
}

/// Offsets of the records that touch `bounds` (west, south, east, north), counted from the first record, ascending. The index follows the header.
pub(in crate::city) fn search(records: &mut Records, items: u64, node_size: u16, bounds: [f64; 4]) -> Result<Vec<u64>, CityError> {
    let start = records.header_end;
    let broken = |records: &Records| records.broken("the index");
    let levels = levels(items, u64::from(node_size)).ok_or_else(|| broken(records))?;
    if levels[0].end.checked_mul(NODE_BYTES).is_none_or(|bytes| start + bytes > records.length()) {
        return Err(records.cut());
    }
    let mut found = Vec::new();
    let mut queue = VecDeque::from([(0u64, levels.len() - 1)]);
    // No node is visited twice in a tree; a file that says otherwise is told at once.
    let mut left = levels[0].end;
    while let Some((first, level)) = queue.pop_front() {
        if !levels[level].contains(&first) {
            return Err(broken(records));
        }
        let end = (first + u64::from(node_size)).min(levels[level].end);
        left = left.checked_sub(end - first).ok_or_else(|| broken(records))?;
        records.seek(start + first * NODE_BYTES)?;
        let nodes = records.exact(((end - first) * NODE_BYTES) as usize)?;
        for node in nodes.as_chunks::<8>().0.as_chunks::<5>().0 {
            let [west, south, east, north] = [0, 1, 2, 3].map(|i| f64::from_le_bytes(node[i]));
            let offset = u64::from_le_bytes(node[4]);
            if !touch([west, south, east, north], bounds) {
                continue;
            }
            match level.checked_sub(1) {
                Some(below) => queue.push_back((offset, below)),
                None => found.push(offset),
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}
