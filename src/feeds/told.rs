//! What was said last of each thing, to know by its content what comes again.

use indexmap::IndexMap;

/// Name of a thing -> hash of what was said of it last, oldest first.
#[derive(Debug)]
pub(super) struct Told {
    last: IndexMap<String, u64>,
    max: usize,
}

impl Told {
    /// Remembers so many things; the oldest are forgotten for new ones.
    pub(super) fn of_at_most(max: usize) -> Self {
        Self { last: IndexMap::new(), max }
    }

    /// Whether this is what was said last of `name`.
    pub(super) fn knows(&self, name: &str, hash: u64) -> bool {
        self.last.get(name) == Some(&hash)
    }

    /// Whether this content is another than the last one of `name`; from now on it is the last.
    pub(super) fn remember(&mut self, name: String, hash: u64) -> bool {
        if self.last.len() >= self.max && !self.last.contains_key(&name) {
            // In blocks, because removing the first one shifts all others.
            self.last.drain(..(self.max / 10).max(1));
        }
        self.last.insert(name, hash) != Some(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_content_of_each_is_known_and_the_oldest_are_forgotten() {
        let mut told = Told::of_at_most(20);
        assert!(told.remember("a".into(), 1) && told.remember("a".into(), 2) && !told.remember("a".into(), 2));
        assert!(told.knows("a", 2) && !told.knows("a", 1) && !told.knows("b", 2));
        assert!((0..20).all(|n| told.remember(n.to_string(), 0)));
        assert!(!told.knows("a", 2) && !told.knows("0", 0) && told.knows("1", 0) && told.knows("19", 0));
    }
}
