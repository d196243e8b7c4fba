//! Which objects of a document come together: an object with its parents and children, in parts of a bounded size.

use super::scan::Scan;
use super::shape::Entry;
use crate::city::part::{AsIs, name_hash};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// Objects in a part: enough to keep all cores busy, few enough to be forgotten soon.
const OBJECTS_MAX: usize = 4096;
/// Text of the objects in a part; a bigger one comes alone with its family.
const BYTES_MAX: usize = 8 << 20;

/// Numbers of entries, part by part. Within a part they are in the file's order, but for families that were scattered over the file.
pub(super) fn parts(entries: &[Entry]) -> Vec<Vec<u32>> {
    let mut eldest: Vec<u32> = (0..entries.len() as u32).collect();
    if entries.iter().any(|e| e.kin.iter().any(Option::is_some)) {
        join(entries, &mut eldest);
    }
    let mut order: Vec<u32> = (0..entries.len() as u32).collect();
    order.sort_by_key(|i| root(&mut eldest, *i));
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for family in order.chunk_by(|a, b| eldest_of(&eldest, *a) == eldest_of(&eldest, *b)) {
        let size: usize = family.iter().map(|i| entries[*i as usize].text.len()).sum();
        if !part.is_empty() && (part.len() + family.len() > OBJECTS_MAX || bytes + size > BYTES_MAX) {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        part.extend_from_slice(family);
        bytes += size;
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Union of all that name each other; `eldest` is a forest whose roots are the first of each family.
fn join(entries: &[Entry], eldest: &mut [u32]) {
    let mut by_name: HashMap<u64, u32, BuildHasherDefault<AsIs>> = HashMap::with_capacity_and_hasher(entries.len(), Default::default());
    for (i, entry) in entries.iter().enumerate() {
        by_name.entry(name_hash(&entry.id)).or_insert(i as u32);
    }
    let is_group = |i: u32| entries[i as usize].is_group;
    for (i, entry) in entries.iter().enumerate().filter(|(_, e)| !e.is_group) {
        for text in entry.kin.iter().flatten() {
            each_id(text, |id| {
                // A group may hold half a city; its members stand for themselves.
                if let Some(other) = by_name.get(&name_hash(id)).filter(|other| !is_group(**other)) {
                    let (a, b) = (root(eldest, i as u32), root(eldest, *other));
                    eldest[a.max(b) as usize] = a.min(b);
                }
            });
        }
    }
}

fn root(eldest: &mut [u32], mut i: u32) -> u32 {
    while eldest[i as usize] != i {
        let grandparent = eldest[eldest[i as usize] as usize];
        eldest[i as usize] = grandparent;
        i = grandparent;
    }
    i
}

fn eldest_of(eldest: &[u32], mut i: u32) -> u32 {
    while eldest[i as usize] != i {
        i = eldest[i as usize];
    }
    i
}

fn each_id(text: &str, mut visit: impl FnMut(&str)) {
    let plain = Scan::new(text).items(|scan| {
        visit(scan.plain_string()?);
        Some(())
    });
    if plain.is_none() {
        super::object::ids(text).iter().for_each(|id| visit(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(id: &'a str, parents: Option<&'a str>, children: Option<&'a str>, text: &'a str) -> Entry<'a> {
        Entry { id: id.into(), text, kin: [parents, children], is_group: text == "group" }
    }

    #[test]
    fn families_stay_together_and_parts_are_bounded() {
        let long = "x".repeat(BYTES_MAX / 2);
        let entries = [
            entry("a", None, Some("[\"c\"]"), &long),
            entry("b", None, None, &long),
            entry("c", None, Some("[\"d\\u0041\", \"nobody\"]"), ""),
            entry("group", None, Some("[\"a\", \"b\", \"e\"]"), "group"),
            entry("e", Some("[\"group\"]"), None, ""),
            entry("dA", Some("7"), None, &long),
        ];
        assert_eq!(parts(&entries), [vec![0, 2, 5], vec![1, 3, 4]]);
        let many: Vec<String> = (0..OBJECTS_MAX + 5).map(|i| i.to_string()).collect();
        let entries: Vec<Entry> = many.iter().map(|id| entry(id, None, None, "")).collect();
        assert_eq!(parts(&entries).iter().map(Vec::len).collect::<Vec<_>>(), [OBJECTS_MAX, 5]);
        assert!(parts(&[]).is_empty());
    }
}
