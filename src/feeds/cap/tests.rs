//! The standard's own samples (OASIS CAP 1.2, appendix A), lives of alerts, and servers and sources of them.

use super::parse::{self, Key, Kind, Message};
use super::register::{Register, Verdict};
use super::write;
use crate::feeds::tests::{quick, serve};
use crate::feeds::{FeedEvent, FeedHandle, spawn_tuned};
use crate::model::alert::{Alert, AlertStatus};
use crate::model::feed::{AlertScope, FeedConfig, FeedStatus, Source};
use crate::model::incident::Severity;
use crate::model::xml;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};
use tower_http::set_header::SetResponseHeaderLayer;

const HOMELAND: &str = include_str!("../../../tests/data/cap/a1-homeland-security.xml");
const THUNDERSTORM: &str = include_str!("../../../tests/data/cap/a2-thunderstorm.xml");
const EARTHQUAKE: &str = include_str!("../../../tests/data/cap/a3-earthquake-update.xml");
const AMBER: &str = include_str!("../../../tests/data/cap/a4-amber-multilingual.xml");
const RAINSTORM: &str = include_str!("../../../tests/data/cap/rainstorm-zh-en.xml");

fn message(text: &str) -> Result<Message, parse::Fault> {
    let document = xml::parse(text.as_bytes()).unwrap();
    parse::message("f", parse::alerts_in(&document)[0])
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn the_samples_of_the_standard_are_read() {
    let homeland = message(HOMELAND).unwrap();
    let alert = &homeland.alerts[0];
    assert_eq!((alert.id.as_str(), alert.severity, alert.status), ("hsas@dhs.gov/43b080713727", Severity::Major, AlertStatus::Actual));
    assert_eq!((alert.headline.as_str(), alert.areas[0].polygons.len()), ("Homeland Security Sets Code ORANGE", 0));
    assert_eq!((alert.effective, alert.expires), (time("2003-04-02T19:39:01Z"), Some(time("2003-04-03T19:39:01Z"))));

    let storm = &message(THUNDERSTORM).unwrap().alerts[0];
    assert_eq!((storm.areas[0].polygons[0].len(), storm.areas[0].polygons[0][0]), (5, [-120.14, 38.47]));
    assert_eq!((storm.areas[0].geocodes.len(), storm.areas[0].geocodes[1].clone()), (3, ["SAME".into(), "006009".into()]));
    assert_eq!((storm.expires, storm.event.as_str()), (Some(time("2003-06-17T23:00:00Z")), "SEVERE THUNDERSTORM"));

    let quake = message(EARTHQUAKE).unwrap();
    assert_eq!(quake.references, [Key { sender: "trinet@caltech.edu".into(), identifier: "TRI13970876.1".into() }]);
    assert_eq!((quake.kind, quake.alerts[0].areas[0].circles[0]), (Kind::Update, [-115.5527, 32.9525, 0.0]));

    let amber = message(AMBER).unwrap();
    assert_eq!((amber.alerts.len(), amber.alerts[0].event.as_str()), (1, "Child Abduction"));
}

#[test]
fn chinese_is_shown_with_the_english_headline_and_a_circle_is_in_metres() {
    let message = message(RAINSTORM).unwrap();
    let alert = &message.alerts[0];
    assert_eq!((alert.headline.as_str(), alert.headline_en.as_str()), ("宿迁市发布暴雨红色预警", "Rainstorm red warning for Suqian"));
    assert_eq!(
        (alert.severity, alert.onset, alert.status),
        (Severity::Critical, Some(time("2026-07-25T08:00:00Z")), AlertStatus::Exercise)
    );
    assert_eq!((alert.areas[0].circles[0], alert.areas[0].polygons[0].len()), ([118.275, 33.963, 12_500.0], 5));
    assert!(alert.in_force(time("2026-07-25T06:10:00Z")) && !alert.in_force(time("2026-07-25T14:00:00Z")));
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let why = |from: &str, to: &str| message(&THUNDERSTORM.replacen(from, to, 1)).unwrap_err().1;
    assert!(why("<identifier>KSTO1055887203</identifier>", "").contains("no identifier"));
    assert!(why("<status>Actual", "<status>Perhaps").contains("status is \"Perhaps\""));
    assert!(why("2003-06-17T14:57:00-07:00", "yesterday").contains("sent is \"yesterday\""));
    assert!(why("38.47,-120.14 ", "138.47,-120.14 ").contains("no place on Earth"));
    assert!(why("38.47,-120.14 38.34,-119.95 38.52,-119.74 38.62,-119.89", "").contains("a polygon of 1 points"));
    assert!(why("<polygon>", "<circle>1,2</circle><polygon>").contains("is no circle"));
    assert!(
        why(&format!("<info>{}</info>", THUNDERSTORM.split("<info>").nth(1).unwrap().split("</info>").next().unwrap()), "")
            .contains("no info")
    );
}

#[test]
fn what_is_written_is_read_as_the_same_alert() {
    let mut alerts: Vec<Alert> =
        [HOMELAND, THUNDERSTORM, EARTHQUAKE, AMBER, RAINSTORM].iter().flat_map(|t| message(t).unwrap().alerts).collect();
    let odd =
        Alert { id: "s/x#2".into(), headline: "<a> & \u{1}b".into(), headline_en: "c".into(), event: "d".into(), ..alerts[1].clone() };
    let read = message(&write::alert(&odd, &[])).unwrap();
    assert_eq!(read.alerts, [Alert { headline: "<a> & b".into(), ..odd.clone() }], "what XML forbids is left out");
    alerts.push(Alert { headline: "e".into(), ..odd });
    for alert in &alerts {
        let read = message(&write::alert(alert, &[])).unwrap();
        assert_eq!((&read.alerts[..], read.kind, read.status), (std::slice::from_ref(alert), Kind::Alert, alert.status));
        // Its update and its end find it by its id.
        let next = Alert { id: "s/next".into(), ..alert.clone() };
        for (text, kind) in
            [(write::alert(&next, std::slice::from_ref(alert)), Kind::Update), (write::cancel(alert, alert.sent), Kind::Cancel)]
        {
            let read = message(&text).unwrap();
            assert_eq!(
                (read.kind, read.references.iter().map(Key::id).collect::<Vec<_>>(), read.status),
                (kind, vec![alert.id.clone()], alert.status)
            );
        }
    }
}

/// A message of `kind` about `references`, with the status of exercises when `exercise`.
fn said(identifier: &str, kind: Kind, references: &[&str], exercise: bool) -> Message {
    let mut message = message(if exercise { RAINSTORM } else { THUNDERSTORM }).unwrap();
    let key = |identifier: &str| Key { sender: "s".into(), identifier: identifier.into() };
    message.alerts.iter_mut().for_each(|a| a.id = identifier.into());
    if kind == Kind::Cancel {
        message.alerts.clear();
    }
    Message { key: key(identifier), kind, references: references.iter().map(|r| key(r)).collect(), ..message }
}

/// Ids of what changes, with a mark at what is over.
fn changes(verdict: Verdict) -> Vec<String> {
    let Verdict::Changed(alerts) = verdict else { return vec![format!("{verdict:?}")] };
    alerts.iter().map(|a| format!("{}{}", a.id, if a.cancelled { "×" } else { "" })).collect()
}

#[test]
fn what_is_over_is_dated_by_the_message_that_ended_it() {
    let mut register = Register::default();
    let came = time("2003-06-17T22:00:00Z");
    let mut take = |message: Message, sent: &str| match register.take(Message { sent: time(sent), ..message }, came) {
        Verdict::Changed(alerts) => alerts.iter().map(|a| a.ended_at).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(take(said("a", Kind::Alert, &[], false), "2003-06-17T21:00:00Z"), [None]);
    let updated = take(said("b", Kind::Update, &["a"], false), "2003-06-17T21:10:00Z");
    assert_eq!(updated, [Some(time("2003-06-17T21:10:00Z")), None]);
    assert_eq!(take(said("c", Kind::Cancel, &["b"], false), "2003-06-17T21:20:00Z"), [Some(time("2003-06-17T21:20:00Z"))]);
}

#[test]
fn an_update_takes_the_place_of_what_it_refers_to_and_a_cancel_ends_it() {
    let mut register = Register::default();
    let mut take = |message| changes(register.take(message, time("2003-06-17T22:00:00Z")));
    assert_eq!(take(said("a", Kind::Alert, &[], false)), ["a"]);
    assert_eq!(take(said("a", Kind::Alert, &[], false)), ["Repeated"]);
    assert_eq!(take(said("b", Kind::Update, &["a"], false)), ["a×", "b"]);
    assert_eq!(take(said("a", Kind::Alert, &[], false)), ["Superseded"]);
    assert_eq!(take(said("c", Kind::Cancel, &["a", "b"], false)), ["b×"]);
    assert_eq!(take(said("c", Kind::Cancel, &["a", "b"], false)), ["NothingToCancel"]);
}

#[test]
fn what_was_kept_over_a_restart_is_updated_and_cancelled_as_before() {
    let now = time("2003-06-17T22:00:00Z");
    let mut before = Register::default();
    let mut kept: std::collections::BTreeMap<String, Alert> = Default::default();
    // One of two info blocks, and one whose identifier has a mark of its own.
    let mut two = said("a", Kind::Alert, &[], false);
    two.alerts = ["s/a", "s/a#2"].map(|id| Alert { id: id.into(), ..two.alerts[0].clone() }).to_vec();
    let named = |identifier: &str, kind, references: &[&str]| {
        let mut message = said(identifier, kind, references, false);
        message.alerts.iter_mut().for_each(|a| a.id = format!("s/{identifier}"));
        message
    };
    for message in [two.clone(), named("b#7", Kind::Alert, &[]), named("c", Kind::Alert, &[]), named("d", Kind::Update, &["c"])] {
        let Verdict::Changed(alerts) = before.take(message, now) else { panic!() };
        kept.extend(alerts.into_iter().map(|a| (a.id.clone(), a)));
    }
    let mut register = Register::resumed(kept.into_values().collect());
    let mut take = |message| changes(register.take(message, now));
    assert_eq!(take(two), ["Repeated"]);
    assert_eq!(take(named("c", Kind::Alert, &[])), ["Superseded"], "it does not come back");
    assert_eq!(take(named("e", Kind::Update, &["a"])), ["s/a×", "s/a#2×", "s/e"]);
    assert_eq!(take(named("f", Kind::Cancel, &["b#7", "d"])), ["s/b#7×", "s/d×"]);
}

#[test]
fn messages_that_come_in_the_wrong_order_end_alike() {
    let mut register = Register::default();
    let mut take = |message| changes(register.take(message, time("2003-06-17T22:00:00Z")));
    assert_eq!(take(said("c", Kind::Update, &["b"], false)), ["c"]);
    assert_eq!(take(said("a", Kind::Alert, &[], false)), ["a"], "nobody has said yet that it is over");
    assert_eq!(take(said("b", Kind::Update, &["a"], false)), ["a×"], "it is over itself, and so is what it has replaced");
    assert_eq!(take(said("d", Kind::Cancel, &["e"], false)), ["NothingToCancel"]);
    assert_eq!(take(said("e", Kind::Alert, &[], false)), ["Superseded"]);
}

#[test]
fn an_exercise_never_ends_a_real_alert() {
    let mut register = Register::default();
    let mut take = |message| changes(register.take(message, time("2003-06-17T22:00:00Z")));
    assert_eq!(take(said("a", Kind::Alert, &[], false)), ["a"]);
    assert_eq!(take(said("x", Kind::Cancel, &["a"], true)), ["NothingToCancel"]);
    assert_eq!(take(said("b", Kind::Cancel, &["a"], false)), ["a×"]);
}

/// What a feed says until `enough`, within 20 s; every ledger on the way must balance.
async fn hear(rx: &mut Receiver<FeedEvent>, enough: impl Fn(&[Alert], &FeedStatus) -> bool) -> (Vec<Alert>, FeedStatus) {
    let (mut alerts, mut status) = (Vec::new(), FeedStatus::default());
    let until = async {
        while !enough(&alerts, &status) {
            match rx.recv().await.expect("the feed has ended") {
                FeedEvent::Alert(alert) => alerts.push(alert),
                FeedEvent::Barrier(barrier) => barrier.reached(),
                FeedEvent::Status(s) => {
                    assert!(s.balances(), "{s:?}");
                    status = s;
                }
                other => panic!("{other:?}"),
            }
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(20), until).await;
    assert!(done.is_ok(), "not heard in time: {status:?}");
    (alerts, status)
}

fn feed(url: Option<String>) -> (FeedHandle, Receiver<FeedEvent>) {
    let (tx, rx) = mpsc::channel(100);
    let source = Source::Cap { url, scopes: vec![AlertScope::Public], poll_s: 0.04, token_env: None };
    (spawn_tuned(&FeedConfig::new("f", source), quick(), tx), rx)
}

#[tokio::test]
async fn an_index_is_followed_conditionally_and_an_entry_that_fails_is_tried_again_and_then_given_up() {
    #[derive(Default)]
    struct Server {
        index: AtomicUsize,
        unchanged: AtomicUsize,
        storm: AtomicUsize,
        lost: AtomicUsize,
    }
    async fn index(State(server): State<Arc<Server>>, headers: HeaderMap) -> impl IntoResponse {
        let call = server.index.fetch_add(1, Ordering::SeqCst);
        if headers.get(header::IF_NONE_MATCH).is_some_and(|v| v == "\"1\"") {
            server.unchanged.fetch_add(1, Ordering::SeqCst);
            return StatusCode::NOT_MODIFIED.into_response();
        }
        if call == 0 {
            return (StatusCode::SERVICE_UNAVAILABLE, "<html>Wartung</html>").into_response();
        }
        let entry = |at: &str| format!("<entry><id>{at}</id><link type='application/cap+xml' href='{at}'/></entry>");
        let feed = ["storm", "quake", "rubbish", "lost"].map(entry).concat();
        ([(header::ETAG, "\"1\"")], format!("<feed xmlns='http://www.w3.org/2005/Atom'>{feed}</feed>")).into_response()
    }
    async fn storm(State(server): State<Arc<Server>>) -> (StatusCode, &'static str) {
        let failing = server.storm.fetch_add(1, Ordering::SeqCst) == 0;
        (if failing { StatusCode::BAD_GATEWAY } else { StatusCode::OK }, THUNDERSTORM)
    }
    async fn lost(State(server): State<Arc<Server>>) -> StatusCode {
        server.lost.fetch_add(1, Ordering::SeqCst);
        StatusCode::NOT_FOUND
    }
    let server = Arc::new(Server::default());
    let router = Router::new()
        .route("/index", get(index))
        .route("/storm", get(storm))
        .route("/quake", get(|| async { EARTHQUAKE }))
        .route("/rubbish", get(|| async { "<alert><identifier>x</identifier>" }))
        .route("/lost", get(lost));
    let years_ahead = HeaderValue::from_static("Thu, 01 Jan 2032 00:00:00 GMT");
    let router = router.layer(SetResponseHeaderLayer::overriding(header::DATE, years_ahead));
    let address = serve(router.with_state(server.clone())).await;
    let (_feed, mut rx) = feed(Some(format!("http://{address}/index")));
    let (alerts, status) = hear(&mut rx, |alerts, s| alerts.len() == 2 && s.gaps == 1 && s.connected).await;
    let ids: Vec<&str> = alerts.iter().map(|a| a.id.as_str()).collect();
    assert_eq!(ids, ["trinet@caltech.edu/TRI13970876.2", "KSTO@NWS.NOAA.GOV/KSTO1055887203"]);
    assert_eq!((status.stored, status.rejected, status.rejected_for["unreadable"]), (2, 1, 1), "{status:?}");
    assert!(status.skew_ms.is_some_and(|ms| ms > 1e9), "its clock is years ahead: {:?}", status.skew_ms);
    while server.unchanged.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((server.lost.load(Ordering::SeqCst), server.storm.load(Ordering::SeqCst)), (3, 2));
}

#[tokio::test]
async fn what_is_posted_is_answered_and_only_what_is_real_or_an_exercise_goes_on() {
    let (feed, mut rx) = feed(None);
    let inlet = feed.inlet.clone().unwrap();
    let posts = tokio::spawn(async move {
        let post = async |body: &str| inlet.post("application/cap+xml".into(), body.as_bytes().to_vec()).await;
        let both = format!("<x>{}{}</x>", &HOMELAND[HOMELAND.find("<alert").unwrap()..], &RAINSTORM[RAINSTORM.find("<alert").unwrap()..]);
        let taken = post(&both).await.unwrap();
        assert_eq!((taken.received, taken.accepted), (2, 2));
        for (from, to) in [("Actual", "Test"), ("Actual", "Draft"), ("Actual", "System"), (">Alert<", ">Ack<"), ("Public", "Private")] {
            assert_eq!(post(&THUNDERSTORM.replace(from, to)).await.unwrap().left_out, 1, "{to}");
        }
        assert!(post("{}").await.unwrap_err().to_string().contains("no element"));
        assert!(post("<a/>").await.unwrap_err().to_string().contains("no CAP alert"));
    });
    let (alerts, status) = hear(&mut rx, |_, s| s.received == 9).await;
    posts.await.unwrap();
    assert_eq!(alerts.iter().map(|a| a.status).collect::<Vec<_>>(), [AlertStatus::Actual, AlertStatus::Exercise]);
    let left_out: Vec<_> = status.conflated_by.iter().map(|(why, n)| (why.as_ref(), *n)).collect();
    assert_eq!(left_out, [("acknowledgement", 1), ("out_of_scope", 1), ("test_or_draft", 3)]);
    assert_eq!((status.rejected, status.rejected_for["unsupported"]), (2, 1));
}

proptest! {
    #[test]
    fn nothing_within_an_alert_makes_it_panic(at in 0usize..2000, len in 0usize..40, put in "[<>/a-z0-9 ,.:+-]{0,20}") {
        let chars: Vec<char> = RAINSTORM.chars().collect();
        let (start, end) = (at.min(chars.len()), (at + len).min(chars.len()));
        let text: String = chars[..start].iter().collect::<String>() + &put + &chars[end..].iter().collect::<String>();
        if let Ok(document) = xml::parse(text.as_bytes()) {
            for alert in parse::alerts_in(&document) {
                let _ = parse::message("f", alert);
            }
        }
    }
}
