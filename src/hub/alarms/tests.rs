use super::super::scene_file::LoadedScene;
use super::*;
use crate::history::{Batch, Memory, Reading};
use crate::model::incident::{Domain, Event, Happened};
use crate::store::Embedded;

const SCENE: &str = r#"
name = "x"
name_en = "x"
package = "p"
[[rule]]
id = "rise"
name = "上升"
observed_property = "level"
when = { rise = { by = 30.0, within_s = 60.0 } }
domain = "emergency"
category = "emergency/natural_disaster/flood"
severity = "major"
[[rule]]
id = "high"
name = "高"
observed_property = "depth"
when = { above = { value = 10.0 } }
domain = "emergency"
category = "emergency/natural_disaster/flood"
severity = "major"
[[rule]]
id = "many"
name = "多点"
observed_property = "level"
when = { many = { above = 35.0, sensors = 2 } }
close_after_s = 600.0
domain = "emergency"
category = "emergency/natural_disaster/flood"
severity = "major"
"#;

fn at(s: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(s)
}

fn sensor(id: &str) -> Datastream {
    let (feed, observed_property) = ("f".to_owned(), "level".to_owned());
    Datastream { id: id.into(), feed, sensor: id.into(), observed_property, unit: "m".into(), lon: 118.0, lat: 33.0, height_m: 0.0 }
}

fn reading(id: &str, s: i64, value: f64, quality: Quality) -> Observation {
    Observation { datastream: id.into(), phenomenon_time: at(s), phenomenon_start: None, value, quality }
}

fn incident(id: &str, opened_at: DateTime<Utc>) -> Incident {
    let report = Report {
        id: id.into(),
        domain: Domain::Emergency,
        category: "emergency/natural_disaster/flood".into(),
        severity: Severity::Major,
        title: "t".into(),
        title_en: String::new(),
        description: String::new(),
        lon: 118.0,
        lat: 33.0,
        area: None,
        reported_at: Some(opened_at),
    };
    let by = Stamp { actor: SOURCE.into(), screen: "feed".into(), at: opened_at };
    let what = Happened::Reported { report, source: SOURCE.into(), due_at: None };
    let (incident, command) = (id.to_owned(), id.to_owned());
    Incident::after(None, &Event { incident, version: 1, command, by, role: Role::Officer, device_time: None, reason: None, what }).unwrap()
}

#[tokio::test]
async fn what_incidents_of_before_a_restart_rested_on_is_read_from_the_history() {
    let dir = tempfile::tempdir().unwrap();
    let history = Arc::new(Memory::default());
    let kept = [("f/a", -100, 90.0), ("f/a", 0, 0.0), ("f/a", 50, 40.0), ("f/b", 49, 41.0), ("f/c", 48, 3.0)];
    let readings = kept.map(|(id, s, value)| Reading { observation: reading(id, s, value, Quality::Good), received_at: at(s) });
    let datastreams = ["f/a", "f/b", "f/c"].map(sensor).into();
    history.append(Batch { datastreams, readings: readings.into(), events: vec![] }).await.unwrap();
    let core = core(dir.path(), Some(history)).await;
    let open = vec![incident("rule/rise/f/a/0", at(50)), incident("rule/many//50000", at(50))];
    core.alarms.resume(open.iter());
    core.clone().remember(open).await;
    // The low reading was too low by far: it has not risen by as much.
    core.alarms.take(&sensor("f/a"), &reading("f/a", 0, 20.0, Quality::Good));
    core.alarms.take(&sensor("f/c"), &reading("f/c", 48, 2.0, Quality::Good));
    core.alarms.take(&sensor("f/b"), &reading("f/b", 49, 41.0, Quality::Suspect));
    let taken_back = core.alarms.verdicts.take(10).into_iter().map(|(_, verdict)| match verdict {
        Verdict::Retract { id, flagged, .. } => (id, flagged),
        other => panic!("{other:?}"),
    });
    let expected = [("rule/rise/f/a/0".to_owned(), false), ("rule/many//50000".to_owned(), true)];
    assert_eq!(taken_back.collect::<Vec<_>>(), expected);
}

/// A core that has read the scene and keeps what was in `history`.
async fn core(dir: &std::path::Path, history: Option<Arc<dyn History>>) -> Arc<Core> {
    let file = dir.join("s.toml");
    std::fs::write(&file, SCENE).unwrap();
    let state = dir.join("s.redb");
    let store = Arc::new(Embedded::open(&state).unwrap());
    let scene = LoadedScene::load(&file, dir).unwrap();
    Core::new(scene, None, None, store, history, &state).await.unwrap()
}

/// One without a history, which applies what its store takes.
async fn following(dir: &std::path::Path) -> Arc<Core> {
    let core = core(dir, None).await;
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    tokio::spawn(core.clone().follow(ready));
    is_ready.await.unwrap();
    core
}

#[tokio::test]
async fn an_incident_that_people_closed_says_that_its_data_was_corrected_and_an_open_one_is_void() {
    let dir = tempfile::tempdir().unwrap();
    let core = following(dir.path()).await;
    let rule = core.scene.scene.rules[0].clone();
    let evidence = |s, value| Evidence { datastream: "f/a".into(), time: at(s), value };
    for id in ["rule/rise/f/a/0", "rule/rise/f/a/100"] {
        let open = Verdict::Open { id: id.into(), at: at(50), lon: 118.0, lat: 33.0, evidence: vec![evidence(0, 0.0), evidence(50, 40.0)] };
        core.carry_out(&rule, &open).await;
    }
    core.feed_ended(SOURCE, "rule/rise/f/a/0", "looked", Utc::now()).await.unwrap().unwrap();
    for id in ["rule/rise/f/a/0", "rule/rise/f/a/100", "rule/rise/f/a/100"] {
        core.carry_out(&rule, &Verdict::Retract { id: id.into(), corrected: evidence(50, 4.0), flagged: false }).await;
    }
    let (closed, open) = {
        let world = core.world();
        (world.incidents["rule/rise/f/a/0"].clone(), world.incidents["rule/rise/f/a/100"].clone())
    };
    assert_eq!((closed.state, closed.version, closed.severity), (IncidentState::Closed, 3, Severity::Major));
    assert!(closed.title.starts_with(CORRECTED_MARK), "{}", closed.title);
    assert!(closed.description.ends_with("数据已更正 corrected data: f/a 00:00:50Z = 4.0"), "{}", closed.description);
    assert_eq!((open.state, open.version), (IncidentState::Void, 2), "once");
    let entry = core.store.get(&super::super::keys::event(&closed.id, 3)).await.unwrap().unwrap();
    let event: Event = serde_json::from_slice(&entry.value).unwrap();
    assert_eq!(event.reason.as_deref(), Some("数据已更正 corrected data: f/a 00:00:50Z = 4.0"));
}

#[tokio::test]
async fn of_a_burst_of_thousands_of_sensors_every_incident_is_opened_and_every_end_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let core = following(dir.path()).await;
    let depth = |n: usize| Datastream { observed_property: "depth".into(), ..sensor(&format!("f/{n}")) };
    // All at once and before anybody carries them out, as in one batch just after a start; every tenth is over at once.
    const SENSORS: usize = 5_000;
    for n in 0..SENSORS {
        core.alarms.take(&depth(n), &reading(&format!("f/{n}"), 0, 20.0, Quality::Good));
        if n % 10 == 0 {
            core.alarms.take(&depth(n), &reading(&format!("f/{n}"), 1, 5.0, Quality::Good));
        }
    }
    tokio::spawn(run(core.clone(), watch::channel(false).1));
    let told = async {
        let mut applied = core.applied();
        while core.world().incidents.values().filter(|i| is_over(i)).count() < SENSORS / 10 || core.world().incidents.len() < SENSORS {
            applied.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), told).await.expect("all of them");
    let world = core.world();
    for n in 0..SENSORS {
        let incident = &world.incidents[&format!("rule/high/f/{n}/0")];
        assert_eq!((incident.version, is_over(incident)), if n % 10 == 0 { (2, true) } else { (1, false) }, "{n}");
    }
}

#[tokio::test]
async fn what_still_waits_when_the_hub_ends_is_carried_out_before_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let core = following(dir.path()).await;
    const SENSORS: usize = 3 * TOGETHER_MAX;
    for n in 0..SENSORS {
        let sensor = Datastream { observed_property: "depth".into(), ..sensor(&format!("f/{n}")) };
        core.alarms.take(&sensor, &reading(&sensor.id, 0, 20.0, Quality::Good));
    }
    run(core.clone(), watch::channel(true).1).await;
    let mut applied = core.applied();
    let all = async {
        while core.world().incidents.len() < SENSORS {
            applied.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("all of them");
}
