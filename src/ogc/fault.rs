//! What is wrong inside a file whose address the reader does not know.

/// What most broken files need.
const REBUILD: &str = "the file is damaged or cut short: fetch or build it again";

/// An error that does not know its address yet: readers of bytes make these, whoever has the file's name finishes them.
#[derive(thiserror::Error, Debug, Clone, PartialEq)]
#[error("{}{what}; {mend}", if place.is_empty() { String::new() } else { format!("{place}: ") })]
pub struct Fault {
    /// A JSON path or a part of the file.
    pub place: String,
    pub what: String,
    pub mend: String,
    /// Not broken, but more than is read here.
    pub unsupported: bool,
}

impl Fault {
    /// Broken at `place` (a JSON path or a part of the file).
    pub fn bad(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), mend: REBUILD.to_owned(), unsupported: false }
    }

    /// Not broken, but more than is read here.
    pub fn unsupported(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { place: String::new(), what: what.into(), mend: mend.into(), unsupported: true }
    }

    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = mend.into();
        self
    }
}
