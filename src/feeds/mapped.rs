//! What MQTT, NATS and GeoJSON with a mapping share: JSON by a mapping, each record counted once, repetitions and wrong clocks found out.

use super::mapping::{self, Record, Said};
use super::outbox::{Doubt, Outbox, Reason, Unusable};
use super::sensorthings::json;
use super::sequence::{Sequence, Step};
use super::{FeedError, FeedEvent};
use crate::model::mapping::{Mapping, TopicStyle};
use crate::model::observation::{Datastream, Observation, Quality, SpanStart};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, VecDeque};

/// Datastreams, units and counters that one feed may have, each.
pub(super) const ENTITIES_MAX: usize = 200_000;
/// Records taken from one message.
pub(super) const RECORDS_MAX: usize = 100_000;
/// Readings remembered a datastream, to know a repetition where there are no sequence numbers.
const REMEMBERED: usize = 16;
/// A time this far ahead of our clock is a clock that is wrong.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);

/// Takes messages by topic; what it knows outlives the connection.
pub(super) struct Intake {
    feed: String,
    style: TopicStyle,
    mappings: Vec<Mapping>,
    streams: HashMap<String, Stream>,
    sequences: HashMap<String, Sequence>,
}

struct Stream {
    datastream: Datastream,
    recent: VecDeque<(DateTime<Utc>, Option<SpanStart>, u64, Quality)>,
}

impl Intake {
    pub(super) fn new(feed: String, style: TopicStyle, mappings: Vec<Mapping>) -> Self {
        Self { feed, style, mappings, streams: HashMap::new(), sequences: HashMap::new() }
    }

    /// Takes one message; every record of it has its fate when this returns.
    ///
    /// # Errors
    /// [`FeedError::Closed`] when nobody reads any more.
    pub(super) async fn take(&mut self, topic: &str, payload: &[u8], outbox: &mut Outbox) -> Result<(), FeedError> {
        let Some(chosen) = self.mappings.iter().position(|m| m.topic.as_ref().is_none_or(|f| self.style.matches(f, topic))) else {
            outbox.reject(Reason::Unsupported, format!("{topic}: no mapping is for it"));
            return Ok(());
        };
        let message = match json(payload) {
            Ok(message) => message,
            Err(why) => {
                outbox.reject(Reason::Unreadable, format!("{topic}: {why}"));
                return Ok(());
            }
        };
        let all = match mapping::records(&self.mappings[chosen], &message) {
            Ok(all) => all,
            Err(why) => {
                outbox.reject(Reason::Unreadable, format!("{topic}: {why}"));
                return Ok(());
            }
        };
        let feed = self.feed.clone();
        let parts = self.style.parts(topic);
        let arrived = Utc::now();
        for record in all.iter().take(RECORDS_MAX) {
            let record = Record { feed: &feed, parts: &parts, message: &message, record, geometry: None, arrived };
            self.take_record(chosen, record, outbox).await?;
        }
        if all.len() > RECORDS_MAX {
            outbox.reject(Reason::TooLarge, format!("{topic}: a message of {} records; {RECORDS_MAX} were taken", all.len()));
        }
        Ok(())
    }

    async fn take_record(&mut self, chosen: usize, record: Record<'_>, outbox: &mut Outbox) -> Result<(), FeedError> {
        for one in self.said(chosen, record, outbox).1 {
            self.settle(one, record.arrived, outbox).await?;
        }
        Ok(())
    }

    /// A record's sequence number, where it has one, and what it says: nothing where that number came before, which is counted.
    pub(super) fn said(&mut self, chosen: usize, record: Record<'_>, outbox: &mut Outbox) -> (Option<u64>, Vec<Result<Said, Unusable>>) {
        let mapping = &self.mappings[chosen];
        let (id, number) = match mapping::identity(mapping, record) {
            Ok(identity) => identity,
            Err(why) => return (None, vec![Err(why)]),
        };
        let mut said = mapping::read(mapping, &id, record);
        if let Some(number) = number
            && self.step(&id, number, outbox) == Step::Repeated
        {
            said.drain(..).for_each(|_| outbox.repeated());
        }
        (number, said)
    }

    /// Gives what was said its fate.
    ///
    /// # Errors
    /// [`FeedError::Closed`] when nobody reads any more.
    pub(super) async fn settle(
        &mut self,
        one: Result<Said, Unusable>,
        arrived: DateTime<Utc>,
        outbox: &mut Outbox,
    ) -> Result<(), FeedError> {
        match one {
            Err(why) => outbox.refuse(why),
            Ok(said) => self.deliver(said, arrived, outbox).await?,
        }
        Ok(())
    }

    fn step(&mut self, id: &str, number: u64, outbox: &mut Outbox) -> Step {
        let full = self.sequences.len() >= ENTITIES_MAX;
        let Some(sequence) = self.sequences.get_mut(id) else {
            // Beyond the bound gaps are no longer told, readings still are.
            if !full {
                self.sequences.insert(id.to_owned(), Sequence::new(number));
            }
            return Step::Next;
        };
        let step = sequence.step(number);
        match step {
            Step::Skipped(count) => outbox.missing(count),
            Step::Late => outbox.found(),
            Step::Next | Step::Repeated => {}
        }
        step
    }

    async fn deliver(&mut self, said: Said, now: DateTime<Utc>, outbox: &mut Outbox) -> Result<(), FeedError> {
        if is_ahead(&said, now) {
            let time = said.time().unwrap_or(now);
            outbox.quarantine(Doubt::Clock, format!("{}: its time {time} is more than an hour ahead", said.name()));
            return Ok(());
        }
        match said {
            Said::Unit(unit) => outbox.offer(&unit.id.clone(), FeedEvent::Unit(unit)),
            Said::Incident(report) => outbox.deliver(FeedEvent::Incident(report)).await,
            Said::Over { incident, why } => outbox.deliver(FeedEvent::Ended { incident, why }).await,
            Said::Reading { datastream, observation } => {
                let full = self.streams.len() >= ENTITIES_MAX;
                match self.streams.get_mut(&datastream.id) {
                    Some(stream) => {
                        if stream.has_seen(&observation) {
                            outbox.repeated();
                            return Ok(());
                        }
                        if stream.datastream != datastream {
                            stream.datastream = datastream.clone();
                            outbox.deliver(FeedEvent::Datastream(datastream)).await?;
                        }
                    }
                    None if full => {
                        outbox.reject(Reason::Full, format!("{}: more than {ENTITIES_MAX} datastreams; split the feed", datastream.id));
                        return Ok(());
                    }
                    None => {
                        let mut stream = Stream { datastream: datastream.clone(), recent: VecDeque::new() };
                        stream.has_seen(&observation);
                        self.streams.insert(datastream.id.clone(), stream);
                        outbox.deliver(FeedEvent::Datastream(datastream)).await?;
                    }
                }
                outbox.deliver(FeedEvent::Observation(observation)).await
            }
        }
    }
}

impl Stream {
    /// Whether this very reading came before; remembers it.
    fn has_seen(&mut self, o: &Observation) -> bool {
        let reading = (o.phenomenon_time, o.phenomenon_start, o.value.to_bits(), o.quality);
        if self.recent.contains(&reading) {
            return true;
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(reading);
        false
    }
}

/// Whether its time is so far ahead of our clock that a clock is wrong.
pub(super) fn is_ahead(said: &Said, now: DateTime<Utc>) -> bool {
    said.time().is_some_and(|time| time > now + AHEAD_MAX)
}

#[cfg(test)]
mod tests {
    use super::super::outbox::Outbox;
    use super::*;
    use crate::model::feed::Coordinates;
    use crate::model::mapping::MQTT_TOPICS;
    use proptest::prelude::*;
    use std::time::Duration;
    use tokio::sync::mpsc;

    const JOBS: &str = "topic = \"jobs\"\nid = \"/id\"\nlon = \"/x\"\nlat = \"/y\"\ntime = \"/t\"\ntime_format = \"epoch_s\"\n\
        incident = { domain = \"traffic\", category = \"traffic/accident/collision\", severity = \"minor\", title = \"/text\", \
        state = \"/state\", over = [\"完成\", \"9\"] }";

    fn run(messages: &[(String, Vec<u8>)]) -> (crate::model::feed::FeedStatus, Vec<FeedEvent>) {
        let air = "topic = \"air/+\"\nid = \"{2}\"\nsequence = \"/n\"\nlon = 118.3\nlat = 33.9\ntime = \"/t\"\ntime_format = \"epoch_s\"\n\
             observations = [{ value = \"/v\", observed_property = \"x\" }]";
        let unit = "topic = \"cars/#\"\nid = \"/c\"\nlon = \"/x\"\nlat = 33.9\nunit = { domain = \"traffic\" }";
        run_by(&[air, unit, JOBS], messages)
    }

    fn run_by(mappings: &[&str], messages: &[(String, Vec<u8>)]) -> (crate::model::feed::FeedStatus, Vec<FeedEvent>) {
        let (tx, mut rx) = mpsc::channel(10_000);
        let mut outbox = Outbox::new("f", "test", Coordinates::Wgs84, tx, Duration::from_secs(3600));
        let mut intake = Intake::new("f".into(), MQTT_TOPICS, mappings.iter().map(|m| toml::from_str(m).unwrap()).collect());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            for (topic, payload) in messages {
                intake.take(topic, payload, &mut outbox).await.unwrap();
                assert!(outbox.status().balances(), "{:?}", outbox.status());
            }
        });
        (outbox.status().clone(), std::iter::from_fn(|| rx.try_recv().ok()).collect())
    }

    fn message(topic: &str, payload: &str) -> (String, Vec<u8>) {
        (topic.to_owned(), payload.as_bytes().to_vec())
    }

    #[test]
    fn gaps_repetitions_and_rubbish_are_counted_and_late_messages_mend_a_gap() {
        let (status, events) = run(&[
            message("air/a", r#"{"n": 1, "t": 1, "v": 1}"#),
            message("air/a", r#"{"n": 5, "t": 5, "v": 5}"#),
            message("air/a", r#"{"n": 3, "t": 3, "v": 3}"#),
            message("air/a", r#"{"n": 5, "t": 5, "v": 5}"#),
            message("air/a", r#"[{"t": 1, "v": 1}, {"t": 9, "v": NaN}, {"t": 9, "v": "x"}, {"t": 99999999999, "v": 1}]"#),
            message("air/a", "<html>"),
            message("air/a", "[]"),
            message("sea/a", "{}"),
            message("cars/1/2", r#"{"c": 1, "x": 118.0}"#),
        ]);
        assert_eq!((status.gaps, status.stored, status.conflated, status.quarantined), (2, 4, 2, 1), "{status:?}");
        let reasons: Vec<_> = status.rejected_for.iter().map(|(k, n)| (k.as_ref(), *n)).collect();
        assert_eq!(reasons, [("incomplete", 1), ("out_of_range", 1), ("unreadable", 1), ("unsupported", 1)]);
        assert_eq!(events.iter().filter(|e| matches!(e, FeedEvent::Datastream(_))).count(), 1);
    }

    #[test]
    fn a_reading_sent_again_as_flagged_is_no_repetition() {
        let air = "topic = \"air\"\nid = \"a\"\nlon = 118.3\nlat = 33.9\ntime = \"/t\"\ntime_format = \"epoch_s\"\nquality = \"/q\"\n\
             observations = [{ value = \"/v\", observed_property = \"x\" }]";
        let said = [r#"{"t": 1, "v": 9, "q": "good"}"#, r#"{"t": 1, "v": 9, "q": "good"}"#, r#"{"t": 1, "v": 9, "q": "drift"}"#];
        let (status, events) = run_by(&[air], &said.map(|payload| message("air", payload)));
        assert_eq!((status.stored, status.conflated_by["repeated"]), (2, 1), "{status:?}");
        let Some(FeedEvent::Observation(last)) = events.iter().rfind(|e| matches!(e, FeedEvent::Observation(_))) else { panic!() };
        assert_eq!(last.quality, Quality::Suspect);
    }

    #[test]
    fn an_incident_is_over_with_the_sources_word_for_it_and_the_ledger_balances() {
        let (status, events) = run(&[
            message("jobs", r#"{"id": 1, "x": 118.0, "y": 33.0, "t": 5, "text": "追尾", "state": "处置中"}"#),
            message("jobs", r#"[{"id": 1, "state": "完成"}, {"id": 2, "state": 9}, {"id": 3, "state": "void"}]"#),
            message("jobs", r#"{"id": 4, "state": "处置中"}"#),
        ]);
        assert_eq!((status.received, status.stored, status.rejected), (5, 4, 1), "{status:?}");
        assert!(matches!(&events[0], FeedEvent::Incident(report) if report.id == "f/1"), "{events:?}");
        let over = |id: &str, state: &str| FeedEvent::Ended { incident: id.into(), why: format!("{state} at its source") };
        assert_eq!(events[1..], [over("f/1", "完成"), over("f/2", "9"), over("f/3", "void")]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_ledger_balances_whatever_comes(
            messages in proptest::collection::vec(
                (prop_oneof!["air/[ab]", "cars/.{0,3}", "jobs", ".{0,6}"], prop_oneof![
                    r#"\{"n": [0-9]{1,2}, "t": [0-9]{1,12}, "v": (1|2|"x"|null|NaN)\}"#.prop_map(String::into_bytes),
                    r#"\{"c": "[ab]", "x": (1|500|0)\}"#.prop_map(String::into_bytes),
                    r#"\{"id": "[ab]", "x": 1, "y": 1, "t": 1, "text": "x", "state": ("9"|9|"x"|null)\}"#.prop_map(String::into_bytes),
                    proptest::collection::vec(any::<u8>(), 0..40),
                ]), 0..40)
        ) {
            let (status, events) = run(&messages);
            let kept = events.iter().filter(|e| !matches!(e, FeedEvent::Datastream(_))).count();
            prop_assert_eq!(status.stored, kept as u64);
        }
    }
}
