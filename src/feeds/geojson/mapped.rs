//! Features of anybody's layer, read by the mapping of a scene: each Feature is a record.

use super::parse;
use crate::feeds::FeedError;
use crate::feeds::mapped::{ENTITIES_MAX, Intake, RECORDS_MAX, is_ahead};
use crate::feeds::mapping::{Record, Said};
use crate::feeds::outbox::{Outbox, Reason, Unusable};
use crate::feeds::sensorthings::json;
use crate::feeds::told::Told;
use crate::model::mapping::{MQTT_TOPICS, Mapping};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Takes Features by a mapping; what it has seen outlives the connection.
pub(super) struct Mapped {
    feed: String,
    /// Whether the source tells times.
    dated: bool,
    intake: Intake,
    told: Told,
}

impl Mapped {
    pub(super) fn new(feed: &str, mapping: Mapping) -> Self {
        let dated = mapping.time.is_some();
        // The style doesn't matter: Features have no topics.
        let intake = Intake::new(feed.to_owned(), MQTT_TOPICS, vec![mapping]);
        Self { feed: feed.to_owned(), dated, intake, told: Told::of_at_most(ENTITIES_MAX) }
    }

    /// Takes one message: a Feature or a collection of them. `Ok(Err(why))`: it can't be read at all, and is counted as rejected.
    ///
    /// # Errors
    /// [`FeedError::Closed`] when nobody reads any more.
    pub(super) async fn take(&mut self, data: &str, outbox: &mut Outbox) -> Result<Result<(), String>, FeedError> {
        let message = match json(data.as_bytes()) {
            Ok(message) => message,
            Err(why) => return Ok(Err(unreadable(why, outbox))),
        };
        let features = match parse::features(&message) {
            Ok(features) => features,
            Err(why) => return Ok(Err(unreadable(why, outbox))),
        };
        let feed = self.feed.clone();
        let arrived = Utc::now();
        for record in features.iter().take(RECORDS_MAX) {
            let record = Record { feed: &feed, parts: &[], message: &message, record, geometry: record.get("geometry"), arrived };
            self.take_one(record, outbox).await?;
        }
        if features.len() > RECORDS_MAX {
            outbox.reject(Reason::TooLarge, format!("a collection of {} Features; {RECORDS_MAX} were taken", features.len()));
        }
        if let Some(why) = cut_short(&message) {
            outbox.note(format!("the collection is not whole ({why}): ask for less at a time, in several feeds if need be"));
        }
        Ok(Ok(()))
    }

    async fn take_one(&mut self, record: Record<'_>, outbox: &mut Outbox) -> Result<(), FeedError> {
        let (number, said) = self.intake.said(0, record, outbox);
        for one in said {
            let (name, hash) = sign(&one, number, record, self.dated);
            if self.told.knows(&name, hash) {
                outbox.repeated();
                continue;
            }
            self.intake.settle(one, record.arrived, outbox).await?;
            self.told.remember(name, hash);
        }
        Ok(())
    }
}

fn unreadable(why: String, outbox: &mut Outbox) -> String {
    outbox.reject(Reason::Unreadable, why.clone());
    why
}

/// A name for what is spoken of, and a hash of what is said of it.
fn sign(one: &Result<Said, Unusable>, number: Option<u64>, r: Record<'_>, dated: bool) -> (String, u64) {
    let mut hasher = DefaultHasher::new();
    number.hash(&mut hasher);
    let Ok(said) = one else {
        // Two Features that lack the same are not the same.
        format!("{one:?}{}", r.record).hash(&mut hasher);
        let hash = hasher.finish();
        return (format!("\0{hash}"), hash);
    };
    // What is ahead of the clock comes again unchanged when its time has come, and is news then.
    is_ahead(said, r.arrived).hash(&mut hasher);
    // Where the source tells no time, it is that of arrival, another in each round.
    let lasting = if dated { said.clone() } else { said.clone().at(DateTime::UNIX_EPOCH) };
    format!("{lasting:?}").hash(&mut hasher);
    (said.name().to_owned(), hasher.finish())
}

/// How a server says that its answer is not all there is.
fn cut_short(message: &Value) -> Option<&'static str> {
    let is_true = |pointer: &str| message.pointer(pointer).and_then(Value::as_bool) == Some(true);
    let links = message.get("links").and_then(Value::as_array);
    if is_true("/exceededTransferLimit") || is_true("/properties/exceededTransferLimit") {
        return Some("exceededTransferLimit");
    }
    links.is_some_and(|l| l.iter().any(|l| l.get("rel").and_then(Value::as_str) == Some("next"))).then_some("a link to the next page")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use serde_json::json;

    #[test]
    fn what_was_ahead_of_the_clock_is_news_when_its_time_has_come() {
        let mapping: Mapping = toml::from_str(
            "id = \"a\"\ntime = \"/t\"\nlon = 118.3\nlat = 33.9\nobservations = [{ value = \"/v\", observed_property = \"x\" }]",
        )
        .unwrap();
        let time: DateTime<Utc> = "2026-05-01T08:00:00Z".parse().unwrap();
        let record = json!({"t": time, "v": 1});
        let at = |hours: i64| {
            let arrived = time - TimeDelta::hours(hours);
            let r = Record { feed: "f", parts: &[], message: &record, record: &record, geometry: None, arrived };
            sign(&crate::feeds::mapping::read(&mapping, "a", r).remove(0), None, r, true)
        };
        assert_eq!(at(3), at(2));
        assert_ne!(at(2), at(0));
        assert_eq!(at(0), at(-5));
    }
}
