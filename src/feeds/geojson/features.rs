//! Features as they come, however they come: each once, the unchanged passed over.

use super::mapped::Mapped;
use super::parse;
use crate::feeds::outbox::{Doubt, Outbox, Reason};
use crate::feeds::told::Told;
use crate::feeds::{FeedError, FeedEvent};
use crate::model::mapping::Mapping;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Entities whose last content is remembered, to know a repetition. Over a day's incidents and all units of a large city.
const REMEMBERED_MAX: usize = 50_000;
/// Bytes of an id; as long as an incident's may be.
const ID_MAX: usize = 200;

/// How a message reached us, which decides whether a repetition is news to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feeds) enum Way {
    /// The source sent it: a repetition counts as conflated.
    Pushed,
    /// We asked for all there is: a repetition is our own doing and not counted.
    Asked,
}

/// Takes Features; what it has seen outlives the connection.
pub(in crate::feeds) struct Features {
    /// Where the scene says what a Feature means; else it is in our own words.
    mapped: Option<Mapped>,
    told: Told,
}

impl Features {
    /// By the first mapping, in ids of `feed`; a scene has one at most.
    pub fn new(feed: &str, mapping: Vec<Mapping>) -> Self {
        let mapped = mapping.into_iter().next().map(|mapping| Mapped::new(feed, mapping));
        Self { mapped, told: Told::of_at_most(REMEMBERED_MAX) }
    }

    /// Takes one message: a Feature or a collection of them.
    ///
    /// An entity that is missing from a collection is not gone: its own time says how old it is.
    pub async fn take(&mut self, data: &str, way: Way, outbox: &mut Outbox) -> Result<Result<(), String>, FeedError> {
        if let Some(mapped) = &mut self.mapped {
            return mapped.take(data, outbox).await;
        }
        let message = parse::message(data);
        match message.as_ref().map_err(String::clone).and_then(parse::features) {
            Err(why) => {
                outbox.reject(Reason::Unreadable, why.clone());
                return Ok(Err(why));
            }
            Ok(features) => {
                for feature in features {
                    self.take_one(feature, way, outbox).await?;
                }
            }
        }
        Ok(Ok(()))
    }

    async fn take_one(&mut self, feature: &serde_json::Value, way: Way, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut hasher = DefaultHasher::new();
        feature.to_string().hash(&mut hasher);
        let hash = hasher.finish();
        let (id, event) = match parse::entity(feature) {
            Ok(entity) => entity,
            Err(why) => {
                // One that can't be used is told once, not in every round.
                let known = way == Way::Asked && !self.told.remember(format!("\0{hash}"), hash);
                if !known {
                    outbox.reject(Reason::Incomplete, why);
                }
                return Ok(());
            }
        };
        if id.len() > ID_MAX {
            outbox.reject(Reason::TooLarge, format!("a Feature whose id is longer than {ID_MAX} bytes"));
            return Ok(());
        }
        if self.told.knows(&id, hash) {
            if way == Way::Pushed {
                outbox.repeated();
            }
            return Ok(());
        }
        match &event {
            FeedEvent::Unit(unit) if unit.lon == 0.0 && unit.lat == 0.0 => {
                outbox.quarantine(Doubt::Place, format!("{id}: is at 0, 0, where a receiver without a fix says it is"));
                if way == Way::Asked {
                    self.told.remember(id, hash);
                }
                return Ok(());
            }
            FeedEvent::Unit(_) => outbox.offer(&id, event)?,
            _ => outbox.deliver(event).await?,
        }
        self.told.remember(id, hash);
        Ok(())
    }
}
