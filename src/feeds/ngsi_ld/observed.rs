//! When an entity and its values were observed: at an instant, or over a span of time.

use super::entity::{Entity, time};
use crate::feeds::phenomenon::Phenomenon;
use crate::model::observation::SpanStart;
use chrono::{DateTime, Utc};

/// What an entity says of when it was observed; nothing, or why that can't be.
pub type Observed = Result<Option<Phenomenon>, String>;

/// By `dateObservedFrom` and `dateObservedTo`, or by `dateObserved`, an instant or an interval.
pub fn entity(entity: &Entity) -> Observed {
    let (from, to) = (entity.time(&["dateObservedFrom"]), entity.time(&["dateObservedTo"]));
    let written = match entity.text("dateObserved").filter(|_| from.is_none() || to.is_none()) {
        Some(text) => Phenomenon::read(text, time).map_err(|why| format!("dateObserved {:?} {why}", short(text)))?,
        None => None,
    };
    let start = from.or(written.and_then(|w| w.start).map(SpanStart::time));
    match (start, to.or(written.map(|w| w.end))) {
        (Some(start), Some(end)) => {
            Phenomenon::span(start, end).map(Some).map_err(|why| format!("observed from {start} to {end}, which {why}"))
        }
        (_, end) => Ok(end.map(Phenomenon::instant)),
    }
}

/// When a value was: as it says itself, else as its entity does. Where that is the end of the span that the entity was observed in, the
/// value stands for the span.
///
/// # Errors
/// In words: nothing says it, or what says it can't be.
pub fn value(entity: &Entity, observed_at: Option<DateTime<Utc>>, observed: &Observed) -> Result<Phenomenon, String> {
    match (observed_at.or_else(|| entity.time(&["observedAt"])), observed) {
        (Some(time), Ok(Some(span))) if span.end == time => Ok(*span),
        (Some(time), _) => Ok(Phenomenon::instant(time)),
        (None, observed) => {
            let otherwise = || entity.time(&["dateIssued", "modifiedAt"]).map(Phenomenon::instant);
            observed.clone()?.or_else(otherwise).ok_or_else(|| "no observedAt and no dateObserved".into())
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const FROM: &str = "2016-03-15T11:00:00Z";
    const TO: &str = "2016-03-15T12:00:00Z";

    /// Start and end of an entity's only value, on their day.
    fn read(mut entity: Value) -> Result<(Option<String>, String), String> {
        (entity["id"], entity["type"]) = (json!("urn:x:1"), json!("AirQualityObserved"));
        let entity = Entity::read(&entity).unwrap();
        let observed_at = entity.attribute(&["NO2"]).and_then(|a| a.observed_at);
        let iso = |t: DateTime<Utc>| t.format("%d %H:%M").to_string();
        value(&entity, observed_at, &super::entity(&entity)).map(|p| (p.start.map(|s| iso(s.time())), iso(p.end)))
    }

    fn no2(at: &str) -> Value {
        json!({"type": "Property", "value": 69, "observedAt": at})
    }

    #[test]
    fn an_hourly_mean_is_one_in_each_way_to_say_so() {
        for entity in [
            json!({"dateObserved": "2016-03-15T11:00:00/2016-03-15T12:00:00"}),
            json!({"dateObserved": "2016-03-15T11:00:00Z/PT1H", "modifiedAt": "2016-03-15T12:10:00Z"}),
            json!({"dateObservedFrom": FROM, "dateObservedTo": TO, "dateObserved": FROM}),
            json!({"dateObservedFrom": FROM, "dateObserved": TO}),
            json!({"dateObservedFrom": FROM, "dateObservedTo": TO, "NO2": no2(TO)}),
        ] {
            assert_eq!(read(entity.clone()), Ok((Some("15 11:00".into()), "15 12:00".into())), "{entity}");
        }
    }

    #[test]
    fn a_value_with_a_time_of_its_own_was_then_and_an_end_alone_is_an_instant() {
        for entity in [
            json!({"dateObservedFrom": FROM, "dateObservedTo": "2016-03-15T13:00:00Z", "NO2": no2(TO)}),
            json!({"dateObserved": format!("{TO}/{FROM}"), "NO2": no2(TO)}),
            json!({"dateObservedTo": TO}),
            json!({"dateObservedFrom": FROM, "dateIssued": TO}),
        ] {
            assert_eq!(read(entity.clone()), Ok((None, "15 12:00".into())), "{entity}");
        }
    }

    #[test]
    fn a_span_that_can_not_be_is_refused_in_words() {
        for (entity, why) in [
            (json!({"dateObserved": format!("{TO}/{FROM}")}), "ends before it starts"),
            (json!({"dateObservedFrom": TO, "dateObservedTo": FROM, "modifiedAt": TO}), "ends before it starts"),
            (json!({"dateObservedFrom": "2014-01-01T00:00:00Z", "dateObservedTo": TO}), "more than 366 days"),
            (json!({"NO2": 1}), "no observedAt and no dateObserved"),
        ] {
            assert!(read(entity.clone()).is_err_and(|e| e.contains(why)), "{entity}");
        }
    }
}
