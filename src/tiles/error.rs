//! What can go wrong with a tile, and what to do about it.

/// An error of one tile or tileset. Says which address, where in it, and the mend.
#[derive(thiserror::Error, Debug, Clone, PartialEq)]
pub enum TileError {
    /// The bytes break the standard.
    #[error("{url}: {place}: {what}; {mend}")]
    Bad { url: String, place: String, what: String, mend: String },
    /// The bytes may be fine, but this engine lacks what they ask for.
    #[error("{url}: {what} is not supported; {mend}")]
    Unsupported { url: String, what: String, mend: String },
    /// The bytes could not be had. `retry` is true where a later try may succeed.
    #[error("{url}: {why}")]
    Fetch { url: String, why: String, retry: bool },
}

impl TileError {
    /// The address the error is about.
    pub fn url(&self) -> &str {
        match self {
            Self::Bad { url, .. } | Self::Unsupported { url, .. } | Self::Fetch { url, .. } => url,
        }
    }
}

/// What most broken files need.
pub(crate) const REBUILD: &str = "the file is damaged or cut short: fetch or build it again";

/// An error that does not know its address yet: decoders below the url make these, [`Fault::at`] finishes them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub place: String,
    pub what: String,
    pub mend: String,
    pub unsupported: bool,
}

impl Fault {
    /// Broken at `place` (a JSON path or a part of the file).
    pub fn bad(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), mend: REBUILD.to_owned(), unsupported: false }
    }

    /// Not broken, but more than this engine reads.
    pub fn unsupported(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { place: String::new(), what: what.into(), mend: mend.into(), unsupported: true }
    }

    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = mend.into();
        self
    }

    pub fn at(self, url: &str) -> TileError {
        let Self { place, what, mend, unsupported } = self;
        match unsupported {
            true => TileError::Unsupported { url: url.to_owned(), what, mend },
            false => TileError::Bad { url: url.to_owned(), place, what, mend },
        }
    }
}
