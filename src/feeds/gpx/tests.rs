//! Files of devices and programs, and one that grows.

use super::read::trails;
use super::{Place, Trail, course_deg};
use crate::feeds::tests::{Heard, listen, quick, serve};
use crate::feeds::{FeedEvent, spawn_tuned};
use crate::model::feed::FeedConfig;
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

fn gpx(points: &[(f64, &str)]) -> String {
    let points: String = points.iter().map(|(lon, t)| format!("<trkpt lat=\"33.9\" lon=\"{lon}\"><time>{t}</time></trkpt>")).collect();
    format!(
        "<?xml version=\"1.0\"?><gpx version=\"1.1\" creator=\"t\" xmlns=\"http://www.topografix.com/GPX/1/1\">\
         <wpt lat=\"33.8\" lon=\"118.1\"><time>2026-05-01T00:00:00Z</time><name>W</name></wpt>\
         <trk><name>Car</name><trkseg>{points}</trkseg></trk></gpx>"
    )
}

#[test]
fn each_track_and_named_waypoint_is_a_trail_in_order_of_time() {
    let text = gpx(&[(118.3, "2026-05-01T00:00:02Z"), (118.2, "2026-05-01T08:00:01+08:00")]);
    let read = trails(text.as_bytes()).unwrap();
    let units: Vec<_> = read.iter().map(|t| (t.unit.as_str(), t.places.iter().map(|p| p.lon).collect::<Vec<_>>())).collect();
    assert_eq!(units, [("Car", vec![118.2, 118.3]), ("W", vec![118.1])]);
    assert_eq!(course_deg(read[0].places[0], read[0].places[1]), Some(90.0));
    assert!(trails(b"<html>").unwrap_err().contains("not GPX"));
}

fn sample(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gpx").join(name)
}

#[test]
fn files_of_devices_and_programs_are_read() {
    let read = |name: &str| trails(&std::fs::read(sample(name)).unwrap()).unwrap();
    let at = |time: &str, lon: f64, lat: f64| Place { time: time.parse().unwrap(), lon, lat };
    let trail = |unit: &str, places: &[Place]| Trail { unit: unit.into(), places: places.to_vec(), untimed: 0 };
    // Two days of a plan; several points of one time stay in their order.
    let days = read("caltopo.gpx");
    assert_eq!(days.iter().map(|d| (d.unit.as_str(), d.places.len())).collect::<Vec<_>>(), [("Day 01", 3), ("Day 02", 3)]);
    assert_eq!(days[0].places[2], at("2019-08-12T23:45:00Z", -118.17107004113495, 36.448330180719495));
    assert_eq!(days[1].places[2], at("2019-08-13T21:46:00Z", -118.33698051050305, 36.49673483334482));
    let accuracy = [
        at("2017-04-12T17:00:36Z", 3.779642, 51.120586),
        at("2017-04-12T17:00:37Z", 3.772442, 51.120654),
        at("2017-04-12T17:00:38Z", 3.773967, 51.130122),
    ];
    assert_eq!(read("accuracy.gpx"), [trail("Cycling", &accuracy)]);
    let with_mark = [b"\xEF\xBB\xBF", std::fs::read(sample("accuracy.gpx")).unwrap().as_slice()].concat();
    assert_eq!(trails(&with_mark), Ok(vec![trail("Cycling", &accuracy)]));
    // Without a name, with a zone and parts of a second.
    let run = [at("2015-12-11T14:43:13Z", 9.992872, 57.011456), at("2015-12-11T14:43:13.994Z", 9.992874, 57.01147)];
    assert_eq!(read("nike.gpx"), [trail("1", &run)]);
    // GPX 1.0 with every field, one time without a zone; routes are plans and no units.
    let all = read("gpx-1.0.gpx");
    assert_eq!(all[0], trail("example name t", &[at("2013-01-01T12:00:04Z", -20.2, 10.1)]));
    assert_eq!(all.last(), Some(&trail("example name", &[at("2013-01-02T02:03:00Z", 45.6, 12.3)])));
    // A drawn line says nothing of now.
    assert_eq!(read("viking.gpx"), [Trail { unit: "Trace".into(), places: vec![], untimed: 5 }]);
}

#[tokio::test]
async fn a_cars_track_is_where_the_car_was_last_and_goes_where_it_went() {
    let text = format!("kind = \"gpx\"\nid = \"g\"\nurl = {:?}\ndomain = \"traffic\"", sample("car-etrex.gpx").display().to_string());
    let (tx, mut rx) = mpsc::channel(100);
    let _feed = spawn_tuned(&toml::from_str(&text).unwrap(), quick(), tx);
    let unit = loop {
        match rx.recv().await.unwrap() {
            FeedEvent::Unit(unit) => break unit,
            FeedEvent::Status(status) => assert!(status.balances()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((unit.id.as_str(), unit.lon, unit.lat), ("g/2020-12-18 07:24:29", 13.7139970623, 45.2733349521));
    assert_eq!(unit.seen_at, "2020-12-18T06:24:24Z".parse::<DateTime<Utc>>().unwrap());
    // Its last step is of less than a metre; the one before went north-west.
    assert!((unit.heading_deg - 314.7).abs() < 0.1, "{}", unit.heading_deg);
}

#[tokio::test]
async fn what_is_added_to_a_track_is_news_and_what_was_there_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gpx");
    let write = |points: &[(f64, &str)]| {
        // As a tracker does it: whole, in one step.
        std::fs::write(dir.path().join("new"), gpx(points)).unwrap();
        std::fs::rename(dir.path().join("new"), &path).unwrap();
    };
    let all = [
        (118.1, "2026-05-01T00:00:01Z"),
        (118.2, "2026-05-01T00:00:02Z"),
        (118.3, "2026-05-01T00:00:03Z"),
        (118.4, "2026-05-01T00:00:04Z"),
    ];
    write(&all[..2]);
    let (tx, mut rx) = mpsc::channel(100);
    let config: FeedConfig =
        toml::from_str(&format!("kind = \"gpx\"\nid = \"g\"\nurl = \"{}\"\ndomain = \"traffic\"", path.display())).unwrap();
    let _feed = spawn_tuned(&config, quick(), tx);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.units.len() == 2).await;
    write(&all);
    listen(&mut rx, &mut heard, |h| h.units["g/Car"] == 3).await;
    std::fs::write(&path, "<gpx").unwrap();
    listen(&mut rx, &mut heard, |h| h.status.last_error.as_ref().is_some_and(|e| e.contains("not GPX"))).await;
    write(&all);
    listen(&mut rx, &mut heard, |h| h.status.connected).await;
    assert_eq!((heard.units["g/Car"], heard.units["g/W"], heard.status.stored), (3, 1, 4));
}

#[tokio::test]
async fn a_place_of_the_future_is_counted_once_and_hides_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gpx");
    let write = |points: &[(f64, &str)]| {
        std::fs::write(dir.path().join("new"), gpx(points)).unwrap();
        std::fs::rename(dir.path().join("new"), &path).unwrap();
    };
    let all = [(118.1, "2026-05-01T00:00:01Z"), (118.5, "2999-01-01T00:00:00Z"), (118.6, "2999-01-01T00:00:01Z")];
    write(&all[..2]);
    let (tx, mut rx) = mpsc::channel(100);
    let config: FeedConfig =
        toml::from_str(&format!("kind = \"gpx\"\nid = \"g\"\nurl = \"{}\"\ndomain = \"traffic\"", path.display())).unwrap();
    let _feed = spawn_tuned(&config, quick(), tx);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.units.len() == 2 && h.status.quarantined > 0).await;
    // Many rounds later.
    write(&[all[0], (118.2, "2026-05-01T00:00:02Z"), all[1]]);
    listen(&mut rx, &mut heard, |h| h.units["g/Car"] == 2).await;
    write(&[all[0], (118.2, "2026-05-01T00:00:02Z"), all[1], all[2], (118.3, "2026-05-01T00:00:03Z")]);
    listen(&mut rx, &mut heard, |h| h.units["g/Car"] == 3 && h.status.stored == 4).await;
    assert_eq!((heard.status.quarantined, heard.status.received), (2, 6), "{:?}", heard.status);
}

#[tokio::test]
async fn over_http_what_has_not_changed_is_not_sent_again_and_what_is_added_is_news() {
    let all = [(118.1, "2026-05-01T00:00:01Z"), (118.2, "2026-05-01T00:00:02Z"), (118.3, "2026-05-01T00:00:03Z")];
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = calls.clone();
    let answer = move |headers: HeaderMap| async move {
        let call = seen.fetch_add(1, Ordering::SeqCst);
        let tag = if call < 5 { "\"early\"" } else { "\"late\"" };
        match headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false if call == 5 => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")], "").into_response(),
            false => ([(header::ETAG, tag)], gpx(&all[..if call < 5 { 2 } else { 3 }])).into_response(),
        }
    };
    let address = serve(Router::new().route("/live.gpx", get(answer))).await;
    let (tx, mut rx) = mpsc::channel(100);
    let text = format!("kind = \"gpx\"\nid = \"g\"\nurl = \"http://{address}/live.gpx\"\ndomain = \"traffic\"");
    let config: FeedConfig = toml::from_str(&text).unwrap();
    let _feed = spawn_tuned(&config, quick(), tx);
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.units.len() == 2 && h.status.skew_ms.is_some()).await;
    listen(&mut rx, &mut heard, |h| h.units["g/Car"] == 2 && h.status.connected).await;
    while calls.load(Ordering::SeqCst) < 10 {
        let _ = tokio::time::timeout(Duration::from_millis(20), listen(&mut rx, &mut heard, |_| false)).await;
    }
    assert_eq!((heard.units["g/Car"], heard.units["g/W"], heard.status.received), (2, 1, 3));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(at in 0usize..400, byte in any::<u8>(), cut in 1usize..500) {
        let mut bytes = gpx(&[(118.3, "2026-05-01T00:00:02Z")]).into_bytes();
        if let Some(b) = bytes.get_mut(at) { *b = byte }
        bytes.truncate(cut);
        let _ = trails(&bytes);
    }
}
