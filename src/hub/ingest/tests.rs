use super::super::scene_file::LoadedScene;
use super::*;
use crate::history::{History, Memory};
use crate::model::feed::FeedStatus;
use crate::model::incident::{Domain, IncidentState, Report, Severity};
use crate::model::unit::UnitState;
use crate::store::Embedded;
use std::path::Path;

const SCENE: &str = "name = \"x\"\nname_en = \"x\"\npackage = \"p\"\n";

fn reading(datastream: &str, minute: i64, value: f64) -> FeedEvent {
    let phenomenon_time = DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
    FeedEvent::Observation(Observation::new(datastream, phenomenon_time, value))
}

fn sensor(id: &str, lat: f64) -> FeedEvent {
    let (sensor, feed) = (id.to_owned(), "air".to_owned());
    let (observed_property, unit) = ("pm2_5".to_owned(), "µg/m³".to_owned());
    FeedEvent::Datastream(Datastream { id: id.into(), feed, sensor, observed_property, unit, lon: 118.0, lat, height_m: 0.0 })
}

fn incident(severity: Severity, title: &str) -> FeedEvent {
    FeedEvent::Incident(Report {
        id: "i".into(),
        domain: Domain::Traffic,
        category: "traffic/accident/collision".into(),
        severity,
        title: title.into(),
        title_en: String::new(),
        description: String::new(),
        lon: 118.0,
        lat: 33.0,
        area: None,
        reported_at: None,
    })
}

fn ended(incident: &str) -> FeedEvent {
    FeedEvent::Ended { incident: incident.into(), why: "done".into() }
}

/// A core that follows its store.
async fn core(dir: &Path, history: Option<Arc<dyn History>>) -> Arc<Core> {
    let (file, state) = (dir.join("s.toml"), dir.join("s.redb"));
    std::fs::write(&file, SCENE).unwrap();
    let scene = LoadedScene::load(&file, dir).unwrap();
    let store = Arc::new(Embedded::open(&state).unwrap());
    let core = Core::new(scene, None, None, store, history, &state).await.unwrap();
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    tokio::spawn(core.clone().follow(ready));
    is_ready.await.unwrap();
    core
}

#[tokio::test]
async fn every_message_has_one_fate_and_the_ledger_balances() {
    let dir = tempfile::tempdir().unwrap();
    let core = core(dir.path(), None).await;
    let mut ledger = Ledger::new("air");
    let adapter = FeedStatus {
        received: 10,
        rejected: 2,
        rejected_for: [("unreadable".into(), 2)].into(),
        quarantined: 1,
        quarantined_for: [("clock_ahead".into(), 1)].into(),
        conflated: 3,
        conflated_by: [("repeated".into(), 3)].into(),
        stored: 4,
        ..FeedStatus::default()
    };
    let mut keep = Keep::default();
    take(&core, &mut ledger, &mut keep, &mut vec![FeedEvent::Status(adapter)]).await;
    let events = [
        (sensor("a", 33.0), [0, 0, 0, 0]),
        (sensor("nowhere", 99.0), [0, 1, 0, 0]),
        (reading("a", 5, 1.0), [1, 1, 0, 0]),
        (reading("a", 4, 2.0), [1, 1, 1, 0]),
        (reading("a", 6, f64::NAN), [1, 2, 1, 0]),
        (reading("unknown", 6, 1.0), [1, 2, 1, 1]),
        (reading("a", 100_000_000, 1.0), [1, 3, 1, 1]),
        (incident(Severity::Minor, "追尾"), [2, 3, 1, 1]),
        (incident(Severity::Minor, "追尾"), [2, 3, 2, 1]),
        (incident(Severity::Major, "追尾"), [3, 3, 2, 1]),
        (incident(Severity::Major, ""), [3, 4, 2, 1]),
        (ended("nobody's"), [3, 4, 3, 1]),
        (ended("i"), [4, 4, 3, 1]),
        (ended("i"), [4, 4, 4, 1]),
    ];
    for (event, fates) in events {
        take(&core, &mut ledger, &mut keep, &mut vec![event.clone()]).await;
        let all = ledger.status();
        let hub = [all.stored, all.rejected - 2, all.conflated - 3, all.quarantined - 1];
        assert_eq!(hub, fates, "after {event:?}");
        assert!(all.balances(), "{all:?}");
    }
    let world = core.world();
    assert_eq!(world.observations["a"].value, 1.0);
    let known = &world.incidents["i"];
    assert_eq!((known.version, known.severity, known.state), (3, Severity::Major, IncidentState::Closed));
    assert_eq!((known.source.as_str(), ledger.status().rejected), ("air", 6));
}

/// Where a unit was some minutes after an hour ago: what is older than a day is of the past alone.
fn position(id: &str, minute: i64, lat: f64) -> FeedEvent {
    FeedEvent::Unit(Unit {
        id: id.into(),
        call_sign: id.into(),
        domain: Domain::Traffic,
        kind: "patrol_car".into(),
        state: UnitState::Available,
        lon: 118.0,
        lat,
        heading_deg: 0.0,
        seen_at: Utc::now() - TimeDelta::hours(1) + TimeDelta::minutes(minute),
        stale_at: None,
        details: None,
    })
}

#[tokio::test]
async fn a_position_counts_as_stored_once_it_is_in_the_history_as_a_reading_does() {
    let dir = tempfile::tempdir().unwrap();
    let history: Arc<dyn History> = Arc::new(Memory::default());
    let core = core(dir.path(), Some(history.clone())).await;
    let (mut ledger, mut keep) = (Ledger::new("air"), Keep::default());
    let mut events = vec![
        sensor("a", 33.0),
        reading("a", 1, 1.0),
        position("u", 1, 33.0),
        position("u", 2, 33.1),
        position("u", 1, 33.0),
        position("v", 1, 99.0),
    ];
    take(&core, &mut ledger, &mut keep, &mut events).await;
    let sums = |l: &Ledger| (l.status().stored, l.status().conflated, l.status().rejected);
    assert_eq!(sums(&ledger), (0, 1, 1), "nothing is on disk yet; screens know it already");
    assert_eq!(core.world().units["u"].lat, 33.1);
    keep.write(&core);
    keep.written(&core, &mut ledger).await;
    assert_eq!(sums(&ledger), (3, 1, 1), "a reading and two positions, each once");
    assert!(ledger.status().balances());
    let catalogue = history.catalogue().await.unwrap();
    assert!(catalogue.current().any(|(_, d)| d.sensor == "u"));
}
