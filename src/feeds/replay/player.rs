//! Plays a generated or recorded journal by the platform's clock.

use super::batch::payloads;
use super::broker::Publisher;
use super::city::City;
use super::clock::Clock;
use super::control::{Asked, Change, Playing};
use super::generate::Generator;
use super::serve::Shared;
use super::sta::Store;
use super::{Options, ReplayError};
use crate::feeds::journal::{Entry, Journals, Kind, PlayReport, Single, What};
use crate::model::geojson;
use crate::model::observation::Datastream;
use crate::ogc::sensorthings::Answerer;
use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;

/// How often the player looks what is due.
const TICK: Duration = Duration::from_millis(50);
/// Entries served in one go before others get their turn.
const BURST: usize = 5_000;
/// Goes of one tick: what is due at 1000 times real speed, and no more than leaves HTTP its time.
const BURSTS: usize = 20;

/// Where entries come from.
enum Source {
    Generated { generator: Box<Generator>, city: City, seed: u64 },
    Recorded { journals: Journals, sensors: Vec<Datastream> },
}

/// Plays the source by its clock.
pub struct Player {
    source: Source,
    shared: Arc<Shared>,
    publisher: Option<Publisher>,
    mqtt_payload_bytes: usize,
    recorder: Option<(PathBuf, Single)>,
    report: Arc<Mutex<PlayReport>>,
    clock: Clock,
    jumps: u64,
}

impl Player {
    /// With what is there at the start already stored; nobody has subscribed yet, so it is not published.
    ///
    /// # Errors
    /// [`ReplayError`]: nothing to play, or a file that can't be used.
    pub fn new(o: Options, shared: Arc<Shared>, publisher: Option<Publisher>, report: Arc<Mutex<PlayReport>>) -> Result<Self, ReplayError> {
        let recorder = o.record.map(|file| Single::create(&file).map(|single| (file, single))).transpose()?;
        let (source, start, there) = match (o.city, o.journals.is_empty()) {
            (None, true) => return Err(ReplayError::Nothing),
            (Some(city), true) => {
                let start = o.start.unwrap_or_else(Utc::now);
                let (generator, there) = Generator::new(city.clone(), o.seed, start);
                (Source::Generated { generator: Box::new(generator), city, seed: o.seed }, start, there)
            }
            (city, false) => {
                let (journals, known) = Journals::open(&o.journals, o.start, &mut locked(&report))?;
                let start = o.start.or(journals.start()).unwrap_or_else(Utc::now);
                let sensors = city.map(|c| c.sensors).unwrap_or_default();
                let there = sensors.iter().map(|s| sensor(s, start)).chain(known).collect();
                (Source::Recorded { journals, sensors }, start, there)
            }
        };
        let clock = Clock::new(start, o.speed, Instant::now());
        let mqtt_payload_bytes = o.mqtt_payload_bytes;
        let mut player = Self { source, shared, publisher: None, mqtt_payload_bytes, recorder, report, clock, jumps: 0 };
        player.serve(there)?;
        player.publisher = publisher;
        Ok(player)
    }

    pub async fn run(mut self, mut asked: Receiver<Asked>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    if let Err(error) = self.turn() {
                        // Serving what there is goes on; a recording that fails must not end the platform.
                        tracing::error!(%error, "recording stopped");
                        self.recorder = None;
                    }
                }
                Some((change, answer)) = asked.recv() => {
                    // A jump reads up to a whole file; others are served meanwhile.
                    let changed = tokio::task::block_in_place(|| self.change(change));
                    let _ = answer.send(changed.map(|()| self.playing()));
                }
            }
        }
    }

    fn playing(&self) -> Playing {
        let (start, next) = match &self.source {
            Source::Generated { .. } => (None, None),
            Source::Recorded { journals, .. } => (journals.start(), journals.next_time()),
        };
        let (time, speed, paused) = (self.clock.at(Instant::now()), self.clock.speed(), self.clock.is_paused());
        Playing { time, speed, paused, start, next }
    }

    fn change(&mut self, change: Change) -> Result<(), String> {
        if let Some(to) = change.seek {
            self.seek(to).map_err(|e| e.to_string())?;
        }
        self.clock.change(Instant::now(), change.speed, change.paused, change.seek);
        Ok(())
    }

    /// What was known at `to` becomes what the platform serves; none of it is published or recorded, since it is no news.
    fn seek(&mut self, to: DateTime<Utc>) -> Result<(), ReplayError> {
        let there = match &mut self.source {
            Source::Generated { generator, city, seed } => {
                let (at, there) = Generator::new(city.clone(), *seed, to);
                **generator = at;
                there
            }
            Source::Recorded { journals, sensors } => {
                let known = journals.seek(Some(to), &mut locked(&self.report))?;
                sensors.iter().map(|s| sensor(s, to)).chain(known).collect()
            }
        };
        self.jumps += 1;
        let run = format!("{:x}-{}", Utc::now().timestamp_micros(), self.jumps);
        let features = |of: fn(&What) -> Option<(String, serde_json::Value)>| there.iter().filter_map(|e| of(&e.what)).collect::<Vec<_>>();
        let incidents = features(|w| if let What::Incident(r) = w { Some((r.id.clone(), geojson::report_feature(r))) } else { None });
        let units = features(|w| if let What::Unit(u) = w { Some((u.id.clone(), geojson::unit_feature(u))) } else { None });
        let alerts = features(|w| if let What::Alert(a) = w { Some((a.id.clone(), geojson::alert_feature(a))) } else { None });
        let mut store = Store::default();
        for entry in &there {
            match &entry.what {
                What::Datastream(datastream) => store.learn(datastream.clone()),
                What::Observation(observation) => drop(store.keep(observation)),
                _ => {}
            }
        }
        *self.shared.store_mut() = store;
        self.shared.incidents.restart(&run, incidents);
        self.shared.units.restart(&run, units);
        self.shared.alerts.restart(&run, alerts);
        let alerts = there.iter().filter_map(|e| if let What::Alert(a) = &e.what { Some((&**a, e.t)) } else { None });
        self.shared.warnings.restart(&run, alerts);
        Ok(())
    }

    /// Serves what is due now.
    ///
    /// # Errors
    /// A recording that can't be written; everything is served all the same.
    pub fn turn(&mut self) -> Result<(), ReplayError> {
        let now = self.clock.at(Instant::now());
        let mut recorded = Ok(());
        for _ in 0..BURSTS {
            let entries: Vec<Entry> = match &mut self.source {
                Source::Generated { generator, .. } => {
                    let entries = generator.until(now);
                    locked(&self.report).played += entries.len() as u64;
                    entries
                }
                Source::Recorded { journals, .. } => {
                    let mut report = locked(&self.report);
                    std::iter::from_fn(|| journals.due(now, &mut report)).take(BURST).collect()
                }
            };
            let is_all = entries.len() < BURST || matches!(self.source, Source::Generated { .. });
            let served = self.serve(entries);
            recorded = recorded.and(served);
            if is_all {
                break;
            }
        }
        self.shared.warnings.settle();
        recorded?;
        self.recorder.as_mut().map_or(Ok(()), |(_, single)| Ok(single.flush()?))
    }

    fn serve(&mut self, entries: Vec<Entry>) -> Result<(), ReplayError> {
        let mut recorded = Ok(());
        // By topic, which is one a datastream.
        let mut publications: IndexMap<String, Vec<String>> = IndexMap::new();
        for entry in entries {
            if let Some((_, single)) = self.recorder.as_mut().filter(|_| recorded.is_ok()) {
                recorded = single.write(&entry);
            }
            match entry.what {
                What::Datastream(datastream) => self.shared.store_mut().learn(datastream),
                What::Observation(observation) => {
                    let kept = self.shared.store_mut().keep(&observation);
                    let publication = kept.filter(|_| self.publisher.is_some()).and_then(|kept| {
                        let root = "http://localhost/v1.1";
                        Answerer { source: &*self.shared.store(), root, now_ms: 0 }.publication(kept)
                    });
                    if let Some((topic, json)) = publication {
                        publications.entry(topic).or_default().push(json);
                    }
                    if kept.is_none() {
                        locked(&self.report).unknown(&observation.datastream);
                    }
                }
                What::Incident(report) => self.shared.incidents.push(&report.id, &geojson::report_feature(&report)),
                What::Unit(unit) => self.shared.units.push(&unit.id, &geojson::unit_feature(&unit)),
                What::Alert(alert) => {
                    self.shared.warnings.push(&alert, entry.t);
                    self.shared.alerts.push(&alert.id, &geojson::alert_feature(&alert));
                    if alert.cancelled {
                        self.shared.alerts.forget(&alert.id);
                    }
                }
                What::Gone(gone) => match gone.entity {
                    // Said once, so that whoever took it ends it as well.
                    Kind::Incident => self.shared.incidents.end(&gone.id, |f| geojson::ended_feature(f, gone.why.as_deref())),
                    Kind::Unit => self.shared.units.forget(&gone.id),
                    Kind::Alert => self.shared.alerts.forget(&gone.id),
                    // Its history stays readable, as a server's would.
                    Kind::Datastream => {}
                },
                What::Base(_) => {}
            }
        }
        self.publish(publications);
        Ok(recorded?)
    }

    /// Publishes what was due together, a datastream's in as few messages as their size allows.
    fn publish(&self, publications: IndexMap<String, Vec<String>>) {
        let Some(publisher) = &self.publisher else { return };
        let mut dropped = 0;
        for (topic, observations) in publications {
            for payload in payloads(observations, self.mqtt_payload_bytes) {
                dropped += u64::from(!publisher.publish(format!("v1.1/{topic}"), payload));
            }
        }
        locked(&self.report).mqtt_dropped += dropped;
    }
}

fn sensor(datastream: &Datastream, t: DateTime<Utc>) -> Entry {
    Entry { t, what: What::Datastream(datastream.clone()) }
}

/// Counts and words: nothing can be left half done under this lock.
fn locked(report: &Mutex<PlayReport>) -> MutexGuard<'_, PlayReport> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}
