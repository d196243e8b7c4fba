//! Journals played again.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_plays_again_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("journal.jsonl");
    let first = Platform::start(Options { record: Some(file.clone()), ..options(ANY.parse().unwrap(), false) }).unwrap();
    let (tx, mut rx) = mpsc::channel(1000);
    let feed = spawn_tuned(&sensorthings(&first), quick(), tx);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.observations.values().any(|o| o.len() > 4)).await;
    drop((feed, first));
    let again = Options { city: None, journals: vec![file], start: None, ..options(ANY.parse().unwrap(), false) };
    let second = Platform::start(again).unwrap();
    let (tx, mut rx) = mpsc::channel(1000);
    let _feed = spawn_tuned(&sensorthings(&second), quick(), tx);
    let mut replayed = Heard::default();
    listen(&mut rx, &mut replayed, |h| h.observations.values().any(|o| o.len() > 3)).await;
    assert_eq!(replayed.datastreams, heard.datastreams);
    let before: BTreeSet<String> = heard.observations.values().flatten().map(|o| format!("{o:?}")).collect();
    assert!(replayed.observations.values().flatten().filter(|o| before.contains(&format!("{o:?}"))).count() > 12);
    assert_eq!(second.report().bad_lines, 0);
}

/// A journal as the hub writes it: 100 readings, reports at 10 and 80 s, a unit that moves, an alert from 20 to 60 s.
fn record(dir: &std::path::Path, at: impl Fn(i64) -> chrono::DateTime<Utc>) {
    use crate::feeds::journal::{Limits, Recorder};
    let recorder = Recorder::start(dir, "all", Limits { frame_bytes: 2000, file_bytes: 2000, ..Limits::default() }).unwrap();
    let city = fixture::city();
    let mut stream = city.sensors[0].clone();
    stream.id = "all/s0".into();
    recorder.take(&FeedEvent::Datastream(stream), at(0));
    for s in 0..100 {
        let observation = crate::model::observation::Observation {
            datastream: "all/s0".into(),
            phenomenon_time: at(s),
            phenomenon_start: None,
            value: s as f64,
            quality: Default::default(),
        };
        recorder.take(&FeedEvent::Observation(observation), at(s));
        let mut unit = city.units[0].clone();
        (unit.seen_at, unit.lon) = (at(s), 118.0 + s as f64 * 1e-3);
        recorder.take(&FeedEvent::Unit(unit), at(s));
        if s == 10 || s == 80 {
            let mut report = city.incidents[0].report("x", at(s));
            report.id = format!("i{s}");
            recorder.take(&FeedEvent::Incident(report), at(s));
        }
        if s == 20 {
            let alert: Alert = serde_json::from_value(serde_json::json!({"id": "rain", "feed": "all", "sender": "s", "sent": at(20),
                "status": "actual", "severity": "minor", "event": "rain", "areas": [], "effective": at(20), "expires": at(60)}))
            .unwrap();
            recorder.take(&FeedEvent::Alert(alert), at(s));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_serves_what_was_known_then_and_fires_nothing_again() {
    let dir = tempfile::tempdir().unwrap();
    let begun: chrono::DateTime<Utc> = "2026-05-01T00:00:00Z".parse().unwrap();
    let at = move |s: i64| begun + TimeDelta::seconds(s);
    record(dir.path(), at);
    assert!(std::fs::read_dir(dir.path()).unwrap().count() > 2, "rotated");
    let (start, speed) = (Some(at(50)), 0.1);
    let journals = vec![dir.path().to_owned()];
    let platform = Platform::start(Options { city: None, journals, start, speed, ..options(ANY.parse().unwrap(), false) }).unwrap();
    let base = format!("http://{}", platform.http);
    let http = crate::feeds::http::client().unwrap();
    let caller = crate::feeds::http::Caller::new(&base, None).unwrap();
    let get = async |path: &str| -> serde_json::Value {
        serde_json::from_slice(&caller.get_dated(&format!("{base}{path}")).await.unwrap().body).unwrap()
    };
    let ids = |v: serde_json::Value| -> Vec<String> {
        v["features"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap().to_owned()).collect()
    };
    let latest = async || get("/v1.1/Observations?$orderby=phenomenonTime%20desc&$top=1").await["value"][0]["result"].as_f64();
    let control = async |body: &str| {
        let answer = http.post(format!("{base}/control")).body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(control(r#"{"paused": true}"#).await.0, 200);
    assert_eq!((ids(get("/incidents").await), ids(get("/alerts").await)), (vec!["i10".to_owned()], vec!["rain".to_owned()]));
    let first = latest().await.unwrap();
    assert!((50.0..=52.0).contains(&first), "{first}");
    // A hub that listens all the while.
    let (tx, mut rx) = mpsc::channel(1000);
    let _feed = spawn_tuned(
        &FeedConfig::new("x", Source::GeojsonSse { url: format!("{base}/incidents/stream"), token_env: None, mapping: vec![] }),
        quick(),
        tx,
    );
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents == ["i10"]).await;
    // Forwards over the second report and the end of the alert.
    let (status, said) = control(&format!(r#"{{"seek": "{}"}}"#, at(90).to_rfc3339())).await;
    assert!(status == 200 && said.contains("2026-05-01T00:01:30Z") && said.contains("\"paused\":true"), "{said}");
    assert_eq!((latest().await, ids(get("/alerts").await)), (Some(90.0), vec![]));
    let unit = get("/units").await["features"][0].clone();
    assert_eq!(unit["geometry"]["coordinates"][0].as_f64(), Some(118.09));
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 2).await;
    assert_eq!(heard.incidents, ["i10", "i80"], "the first one is not fired again");
    // Backwards, before either.
    control(&format!(r#"{{"seek": "{}"}}"#, at(5).to_rfc3339())).await;
    assert_eq!((ids(get("/incidents").await), latest().await), (vec![], Some(5.0)));
    // Played on from there, each once.
    control(r#"{"paused": false, "speed": 1000}"#).await;
    for _ in 0..200 {
        if latest().await == Some(99.0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((latest().await, ids(get("/incidents").await)), (Some(99.0), vec!["i10".to_owned(), "i80".to_owned()]));
    for wrong in [r#"{"speed": 5000}"#, r#"{"sped": 5}"#, "x"] {
        assert_eq!(control(wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(platform.report().bad_lines, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_ended_ends_again_when_its_journal_is_played() {
    use crate::feeds::journal::{Limits, Recorder};
    let dir = tempfile::tempdir().unwrap();
    let begun: chrono::DateTime<Utc> = "2026-05-01T00:00:00Z".parse().unwrap();
    let at = move |s: i64| begun + TimeDelta::seconds(s);
    let recorder = Recorder::start(dir.path(), "all", Limits::default()).unwrap();
    for (second, id) in [(10, "a"), (12, "b")] {
        let mut report = fixture::city().incidents[0].report("x", at(second));
        report.id = id.into();
        recorder.take(&FeedEvent::Incident(report), at(second));
    }
    recorder.take(&FeedEvent::Ended { incident: "a".into(), why: "处置完成".into() }, at(40));
    drop(recorder);
    let journals = vec![dir.path().to_owned()];
    let start = Some(at(20));
    let platform = Platform::start(Options { city: None, journals, start, speed: 0.1, ..options(ANY.parse().unwrap(), false) }).unwrap();
    let base = format!("http://{}", platform.http);
    let (tx, mut rx) = mpsc::channel(1000);
    let _feed = spawn_tuned(
        &FeedConfig::new("x", Source::GeojsonSse { url: format!("{base}/incidents/stream"), token_env: None, mapping: vec![] }),
        quick(),
        tx,
    );
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents == ["a", "b"]).await;
    let http = crate::feeds::http::client().unwrap();
    assert!(http.post(format!("{base}/control")).body(r#"{"speed": 1000}"#).send().await.unwrap().status().is_success());
    let why = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            match rx.recv().await.expect("the feed has ended") {
                FeedEvent::Ended { incident, why } => return (incident, why),
                FeedEvent::Status(s) => assert!(s.balances(), "{s:?}"),
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(why.await.unwrap(), ("a".to_owned(), "处置完成".to_owned()));
    let left = http.get(format!("{base}/incidents")).send().await.unwrap().bytes().await.unwrap();
    let left: serde_json::Value = serde_json::from_slice(&left).unwrap();
    assert_eq!(left["features"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(platform.report().bad_lines, 0);
}

/// The next `count` words on alerts.
async fn alerts(rx: &mut Receiver<FeedEvent>, count: usize) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let until = async {
        while alerts.len() < count {
            match rx.recv().await.expect("the feed has ended") {
                FeedEvent::Alert(alert) => alerts.push(alert),
                FeedEvent::Barrier(barrier) => barrier.reached(),
                FeedEvent::Status(s) => assert!(s.balances(), "{s:?}"),
                other => panic!("{other:?}"),
            }
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), until).await.is_ok(), "only {alerts:?}");
    alerts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_alerts_are_served_again_with_their_updates_and_ends_and_an_exercise_stays_one() {
    use crate::feeds::journal::{Limits, Recorder};
    let cap = |url| Source::Cap { url, scopes: vec![crate::model::feed::AlertScope::Public], poll_s: 0.04, token_env: None };
    let actual = include_str!("../../../tests/data/cap/a2-thunderstorm.xml");
    let exercise = include_str!("../../../tests/data/cap/rainstorm-zh-en.xml");
    let of =
        |text: &str, name: &str| text.split(&format!("<{name}>")).nth(1).unwrap().split(&format!("</{name}>")).next().unwrap().to_owned();
    let about = |text: &str, kind: &str, own: &str| {
        let references = format!("{},{},{}", of(text, "sender"), of(text, "identifier"), of(text, "sent"));
        let said = text.replacen(&of(text, "identifier"), own, 1).replacen(&of(text, "msgType"), kind, 1);
        said.replacen("</scope>", &format!("</scope><references>{references}</references>"), 1)
    };
    let update = about(actual, "Update", "next").replacen("SEVERE THUNDERSTORM", "TORNADO &amp; HAIL", 1);
    let posts = [actual.to_owned(), exercise.to_owned(), update.clone(), about(&update, "Cancel", "end")];
    let (tx, mut rx) = mpsc::channel(100);
    let feed = spawn_tuned(&FeedConfig::new("f", cap(None)), quick(), tx);
    let inlet = feed.inlet.clone().unwrap();
    tokio::spawn(async move {
        for post in posts {
            inlet.post("application/cap+xml".into(), post.into_bytes()).await.unwrap();
        }
    });
    let recorded = alerts(&mut rx, 5).await;
    let state = |alerts: &[Alert]| alerts.iter().map(|a| (a.cancelled, a.replaced_by.is_some(), a.status.is_shown())).collect::<Vec<_>>();
    assert_eq!(
        state(&recorded),
        [(false, false, true), (false, false, true), (true, true, true), (false, false, true), (true, false, true)]
    );

    let dir = tempfile::tempdir().unwrap();
    // When all of them held.
    let begun = recorded[0].sent;
    let at = |s: i64| begun + TimeDelta::seconds(s);
    let recorder = Recorder::start(dir.path(), "f", Limits::default()).unwrap();
    for (alert, second) in recorded.iter().zip([0, 10, 20, 20, 40]) {
        recorder.take(&FeedEvent::Alert(alert.clone()), at(second));
    }
    drop(recorder);
    let (journals, start) = (vec![dir.path().to_owned()], Some(at(5)));
    let platform = Platform::start(Options { city: None, journals, start, speed: 0.1, ..options(ANY.parse().unwrap(), false) }).unwrap();
    let index = format!("http://{}/cap", platform.http);
    let (tx, mut rx) = mpsc::channel(100);
    let _feed = spawn_tuned(&FeedConfig::new("f", cap(Some(index.clone()))), quick(), tx);
    assert_eq!(alerts(&mut rx, 1).await, recorded[..1], "what was known at the start");
    let http = crate::feeds::http::client().unwrap();
    let control = async |body: String| {
        assert!(http.post(format!("http://{}/control", platform.http)).body(body).send().await.unwrap().status().is_success());
    };
    control(r#"{"speed": 1000}"#.into()).await;
    assert_eq!(alerts(&mut rx, 4).await, recorded[1..], "word for word, in their order");
    assert_eq!(recorded[1].status, crate::model::alert::AlertStatus::Exercise);
    // At another instant: what held then, and no ends.
    control(format!(r#"{{"seek": "{}", "paused": true}}"#, at(30).to_rfc3339())).await;
    let there = http.get(&index).send().await.unwrap().text().await.unwrap();
    assert_eq!(there.matches("<entry>").count(), 2, "{there}");
    assert_eq!(platform.report().bad_lines, 0);
}
