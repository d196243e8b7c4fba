//! Why a message is not stored, in words of the ledger.

/// Why a message was not stored, as the ledger counts it. Few and fixed, so that a source can't fill it with words of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feeds) enum Reason {
    /// Not what the protocol says: no JSON, no XML, cut off.
    Unreadable,
    /// A field that can't be done without is missing.
    Incomplete,
    /// A value or a place that can't be.
    OutOfRange,
    /// Longer than anything sensible.
    TooLarge,
    /// Of a kind this feed has no use for.
    Unsupported,
    /// No room for more entities of this kind.
    Full,
}

impl Reason {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Incomplete => "incomplete",
            Self::OutOfRange => "out_of_range",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
            Self::Full => "full",
        }
    }
}

/// Why a message is kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feeds) enum Doubt {
    /// Its time is ahead of everything else's.
    Clock,
    /// About a sensor or a unit that nobody has described.
    Unknown,
    /// A place that a receiver without a fix gives.
    Place,
}

impl Doubt {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Clock => "clock_ahead",
            Self::Unknown => "unknown_sensor",
            Self::Place => "no_fix",
        }
    }
}

/// Why a message, or a part of one, can't be taken, as parsers say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::feeds) enum Unusable {
    Rejected(Reason, String),
    Quarantined(Doubt, String),
}
