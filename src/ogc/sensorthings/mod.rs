//! The read side of OGC SensorThings API 1.1, part 1 (OGC 18-088): a pure function from data, path and query to JSON.
//!
//! [`Answerer`] answers requests over a [`Source`]: a [`Catalogue`] of datastreams, from which all other entities but the observations
//! follow, and the [`Reading`]s. The hub and the replay platform answer through it. Floor 1: no sockets, no clock.
//!
//! Beyond the standard, an entity names what its single links lead to beside their navigation links (`"Thing": {"@iot.id": 7}`), so that
//! an observation tells its datastream without `$expand`; `sensorthings-validator` asks for it.

mod answer;
mod catalogue;
mod filter;
mod id;
mod page;
mod query;
mod set;
mod source;
#[cfg(test)]
mod tests;
mod value;
mod vocabulary;

pub use answer::{Answer, Answerer, Refusal};
pub use catalogue::{Catalogue, Naming, Stream};
pub use filter::duration_ms;
pub use id::Id;
pub use query::PAGE_MAX;
pub use set::Set;
pub use source::{Entity, Rank, Reading, Source, Wanted};
pub use value::iso;
