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

pub(crate) use crate::ogc::Fault;

impl Fault {
    /// Finishes the error with the address of the file.
    pub(crate) fn at(self, url: &str) -> TileError {
        let Self { place, what, mend, unsupported } = self;
        match unsupported {
            true => TileError::Unsupported { url: url.to_owned(), what, mend },
            false => TileError::Bad { url: url.to_owned(), place, what, mend },
        }
    }
}
