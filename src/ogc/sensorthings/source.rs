use super::answer::Refusal;
use super::catalogue::Catalogue;
use super::id::Id;
use super::set::Set;
use super::value::iso;

/// One observation as a source holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Place of its datastream in the [`Catalogue`].
    pub stream: u32,
    /// Phenomenon time, Unix milliseconds; of a span of time its end.
    pub time_ms: i64,
    /// Length of the span it stands for, milliseconds; 0 where it is of an instant.
    pub lasted_ms: u64,
    pub value: f64,
    /// Flagged by its source.
    pub suspect: bool,
    /// The source's own number of it; 0 where it has none.
    pub number: u64,
}

impl Reading {
    /// ISO 8601: an instant, or an interval `start/end`.
    pub fn phenomenon_time(&self) -> String {
        let end = iso(self.time_ms);
        if self.lasted_ms == 0 { end } else { format!("{}/{end}", iso(self.time_ms.saturating_sub_unsigned(self.lasted_ms))) }
    }
}

/// An entity: of the catalogue by its place in it, an observation by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entity {
    Catalogue(Set, u32),
    Observation(Reading),
}

impl Entity {
    pub fn set(self) -> Set {
        match self {
            Entity::Catalogue(set, _) => set,
            Entity::Observation(_) => Set::Observations,
        }
    }
}

/// Orders entities that are equal in all that was asked; the same at every request.
pub type Rank = (u32, u64);

/// Which observations can matter to a request. A source may give more of them; it must not leave any of these out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Of these datastreams; `None`: of all.
    pub streams: Option<Vec<u32>>,
    /// Phenomenon times, Unix milliseconds, both inclusive.
    pub from_ms: Option<i64>,
    pub until_ms: Option<i64>,
    /// In the order of their times: the newest first, or the oldest.
    pub newest_first: bool,
    /// As many in that order are enough.
    pub most: Option<usize>,
}

impl Wanted {
    pub fn covers(&self, time_ms: i64) -> bool {
        self.from_ms.is_none_or(|f| time_ms >= f) && self.until_ms.is_none_or(|u| time_ms <= u)
    }
}

/// What requests are answered from.
pub trait Source {
    fn catalogue(&self) -> &Catalogue;

    /// # Errors
    /// [`Refusal`] when that would be more than the source can give at once.
    fn observations(&self, wanted: &Wanted) -> Result<Vec<Reading>, Refusal>;

    /// How many observations `wanted` covers, where the source knows it without reading them.
    fn count(&self, _wanted: &Wanted) -> Option<usize> {
        None
    }

    fn observation(&self, id: &Id) -> Option<Reading>;

    fn observation_id(&self, reading: &Reading) -> Id;

    fn rank(&self, reading: &Reading) -> Rank;

    /// [`Source::rank`] of an observation that may be gone by now.
    fn rank_of(&self, id: &Id) -> Option<Rank>;

    /// Times of a datastream's first and last observation, Unix milliseconds.
    fn span(&self, stream: u32) -> Option<(i64, i64)>;
}
