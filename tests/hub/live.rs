//! Readings through the hub: posted, kept, judged by rules, and shown again as they were.

use crate::screen::{PATIENCE, SCENE, Screen, accepted, config, data, me, report};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::time::Instant;
use yiping::hub::{Hub, HubHandle};
use yiping::link::Identity;
use yiping::model::feed::FeedStatus;
use yiping::model::incident::IncidentState;
use yiping::model::protocol::{Command, PastWorld, Role, ScreenClass};
use yiping::model::view::{Clock, Known, ViewPatch};

const FEED: &str = r#"
[[feed]]
kind = "sensorthings_in"
id = "platform"
[[rule]]
id = "smoke"
name = "PM2.5 超标"
name_en = "PM2.5 high"
observed_property = "pm2_5"
when = { above = { value = 150.0, close = 115.0 } }
domain = "urban_management"
category = "urban_management/appearance/smoke"
severity = "major"
"#;

fn hub(dir: &tempfile::TempDir) -> HubHandle {
    scene(dir, "");
    Hub::start(config(dir.path(), 0)).unwrap()
}

/// A scene with a feed that takes posts, and `more`.
pub fn scene(dir: &tempfile::TempDir, more: &str) {
    let (head, rest) = SCENE.split_once("[[camera]]").unwrap();
    std::fs::write(dir.path().join("test.toml"), format!("{head}{FEED}{more}[[camera]]{rest}")).unwrap();
}

pub struct Platform {
    http: reqwest::Client,
    url: String,
    runtime: tokio::runtime::Runtime,
}

impl Platform {
    pub fn new(hub: &HubHandle) -> Self {
        yiping::feeds::install_tls();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { http: reqwest::Client::new(), url: hub.url(), runtime }
    }

    pub fn post(&self, body: String) -> (u16, Value) {
        self.runtime.block_on(async {
            let end = Instant::now() + PATIENCE;
            loop {
                let answer = self.http.post(format!("{}/feeds/platform", self.url)).body(body.clone()).send().await.unwrap();
                // The feed's adapter starts beside the hub.
                if answer.status() == 404 && Instant::now() < end {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    continue;
                }
                return (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null));
            }
        })
    }

    pub fn get(&self, path: &str) -> Value {
        self.runtime.block_on(async { self.http.get(format!("{}{path}", self.url)).send().await.unwrap().json().await.unwrap() })
    }

    pub fn describe(&self, id: u32) {
        let place = json!({"type": "Point", "coordinates": [118.28, 33.96]});
        let stream = json!({"@iot.id": id, "ObservedProperty": {"name": "PM2.5"}, "unitOfMeasurement": {"symbol": "µg/m³"},
            "Thing": {"name": "观测点", "Locations": [{"location": place}]}});
        assert_eq!(self.post(stream.to_string()).0, 200);
    }

    pub fn say(&self, id: u32, time: DateTime<Utc>, value: f64) -> Value {
        let time = time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let rows = json!([{"Datastream": {"@iot.id": id}, "components": ["phenomenonTime", "result"], "dataArray": [[time, value]]}]);
        let (status, taken) = self.post(rows.to_string());
        assert_eq!(status, 200, "{taken}");
        taken
    }

    pub fn past(&self, time: DateTime<Utc>, known: &str) -> PastWorld {
        let time = time.to_rfc3339_opts(SecondsFormat::Millis, true);
        serde_json::from_value(self.get(&format!("/api/at?time={time}&known={known}"))).unwrap()
    }

    /// The ledger once it has counted so many; it is told once a second.
    pub fn ledger(&self, received: u64) -> FeedStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            let all: Vec<FeedStatus> = serde_json::from_value(self.get("/api/feeds")).unwrap();
            match all.into_iter().find(|f| f.feed == "platform") {
                Some(ledger) if ledger.received >= received => return ledger,
                ledger => assert!(Instant::now() < end, "{ledger:?}"),
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

#[test]
fn what_was_posted_is_told_again_as_it_happened_and_as_we_knew_it_also_after_a_restart() {
    let dir = data();
    let first = hub(&dir);
    let platform = Platform::new(&first);
    platform.describe(1);
    let now = Utc::now();
    let ago = |minutes| now - TimeDelta::minutes(minutes);
    platform.say(1, ago(60), 10.0);
    platform.say(1, ago(20), 30.0);
    // Late: what happened in between comes last.
    platform.say(1, ago(40), 20.0);
    let values = |time, known: &str, p: &Platform| p.past(time, known).observations.iter().map(|o| o.value).collect::<Vec<_>>();
    for (minutes, value) in [(61, vec![]), (59, vec![10.0]), (39, vec![20.0]), (19, vec![30.0])] {
        assert_eq!(values(ago(minutes), "as_it_happened", &platform), value, "{minutes} minutes ago");
    }
    assert_eq!(values(ago(30), "as_we_knew_it", &platform), Vec::<f64>::new(), "nothing had reached us by then");
    let chart = platform.get("/api/series?datastream=platform/1&step_s=60");
    assert_eq!(chart["points"].as_array().unwrap().iter().map(|p| p["last"].as_f64().unwrap()).collect::<Vec<_>>(), [20.0, 30.0]);
    first.stop();
    let second = hub(&dir);
    assert_eq!(values(ago(39), "as_it_happened", &Platform::new(&second)), [20.0], "it was on disk");
}

#[test]
fn every_posted_message_has_one_fate_and_the_ledger_says_which() {
    let dir = data();
    let hub = hub(&dir);
    let platform = Platform::new(&hub);
    platform.describe(1);
    let now = Utc::now();
    assert_eq!(platform.say(1, now, 1.0), json!({"received": 1, "accepted": 1, "rejected": 0, "left_out": 0, "why": null}));
    platform.say(1, now, 1.0);
    assert_eq!(platform.say(7, now, 1.0)["left_out"], 1, "nobody has described 7");
    assert_eq!(platform.say(1, now + TimeDelta::hours(3), 1.0)["left_out"], 1, "a clock that is ahead");
    assert_eq!(platform.post("<html>".into()).0, 400);
    let bad = json!([{"Datastream": {"@iot.id": 1}, "components": ["phenomenonTime", "result"], "dataArray": [["soon", 1], [null, null]]}]);
    assert_eq!(platform.post(bad.to_string()).1["rejected"], 2);
    let ledger = platform.ledger(7);
    assert!(ledger.balances(), "{ledger:?}");
    assert_eq!((ledger.received, ledger.stored, ledger.rejected, ledger.conflated, ledger.quarantined), (7, 1, 3, 1, 2), "{ledger:?}");
    assert_eq!(ledger.conflated_by["repeated"], 1);
    assert_eq!((ledger.quarantined_for["unknown_sensor"], ledger.quarantined_for["clock_ahead"]), (1, 1));
    assert!(ledger.last_error.is_some() && ledger.lag.is_some());
}

#[test]
fn a_rule_makes_an_incident_with_its_evidence_and_corrected_data_takes_it_back() {
    let dir = data();
    let hub = hub(&dir);
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    let platform = Platform::new(&hub);
    platform.describe(1);
    let now = Utc::now();
    platform.say(1, now, 151.0);
    desk.until("the rule's incident", |s| !s.world.incidents.is_empty());
    let id = desk.world.incidents.keys().next().unwrap().clone();
    let incident = &desk.world.incidents[&id];
    assert_eq!((incident.source.as_str(), incident.lon), ("rules", 118.28));
    assert!(incident.title.contains("151") && incident.description.contains("观测点"), "{incident:?}");
    platform.say(1, now, 15.1);
    desk.until("it to be taken back", |s| s.world.incidents[&id].state == IncidentState::Void);
    let events = platform.get(&format!("/api/incidents/{id}"));
    let reason = events["events"].as_array().unwrap().last().unwrap()["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("corrected"), "everybody sees why: {reason}");
    // Over without a correction: people still see it, marked.
    platform.say(1, now + TimeDelta::seconds(10), 160.0);
    platform.say(1, now + TimeDelta::seconds(20), 100.0);
    desk.until("the second to be over", |s| s.world.incidents.values().any(|i| i.title.starts_with("已恢复") && !i.state.is_ended()));
}

#[test]
fn corrected_data_takes_an_incident_back_that_is_over_and_one_of_before_a_restart() {
    let dir = data();
    let (now, state) =
        (Utc::now(), |s: &Screen, n: usize| s.world.incidents.values().nth(n).map(|i| (i.state, i.title.starts_with("已恢复"))));
    {
        let hub = hub(&dir);
        let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
        let platform = Platform::new(&hub);
        platform.describe(1);
        platform.say(1, now, 151.0);
        platform.say(1, now + TimeDelta::seconds(10), 100.0);
        desk.until("it to be over", |s| state(s, 0) == Some((IncidentState::Reported, true)));
        platform.say(1, now + TimeDelta::seconds(20), 160.0);
        desk.until("the second", |s| state(s, 1) == Some((IncidentState::Reported, false)));
        platform.say(1, now, 15.1);
        desk.until("the first to be taken back", |s| state(s, 0).unwrap().0 == IncidentState::Void);
        hub.stop();
    }
    let hub = hub(&dir);
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    let platform = Platform::new(&hub);
    platform.describe(1);
    platform.say(1, now + TimeDelta::seconds(20), 16.0);
    desk.until("the second to be taken back", |s| state(s, 1).unwrap().0 == IncidentState::Void);
}

#[test]
fn the_shared_clock_takes_all_screens_into_the_past_and_back() {
    let dir = data();
    let hub = hub(&dir);
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    let mut wall = Screen::open(&hub.url(), "wall", Role::Presenter);
    let time = Utc::now() - TimeDelta::hours(1);
    let go = |clock| Command::View { patch: ViewPatch { clock: Some(clock), ..ViewPatch::default() } };
    accepted(desk.ask(go(Clock::At { time, known: Known::AsWeKnewIt })));
    let clock = |s: &Screen| s.world.view.as_ref().unwrap().clock;
    wall.until("the past", |s| clock(s) == Clock::At { time, known: Known::AsWeKnewIt });
    let asked = Clock::Playing { time, at: time, speed: 60.0, known: Known::AsItHappened };
    accepted(desk.ask(go(asked)));
    wall.until("it to play", |s| matches!(clock(s), Clock::Playing { .. }));
    let Clock::Playing { at, speed, .. } = clock(&wall) else { unreachable!() };
    assert!((Utc::now() - at).num_seconds() < 20 && speed == 60.0, "stamped by the hub");
    let too_fast = Clock::Playing { time, at: time, speed: 1e9, known: Known::AsItHappened };
    crate::screen::rejected(&desk.ask(go(too_fast)));
    accepted(desk.ask(go(Clock::Live)));
    wall.until("now", |s| clock(s).is_live());
}

#[test]
fn a_screen_hears_what_its_viewport_holds_and_what_a_new_one_brings() {
    let dir = data();
    let hub = hub(&dir);
    let platform = Platform::new(&hub);
    platform.describe(1);
    let mut near = Screen::open(&hub.url(), "near", Role::Viewer);
    let mut far = Screen::open(&hub.url(), "far", Role::Officer);
    far.link.subscribe(Some([0.0, 0.0, 1.0, 1.0]));
    // Messages of a screen are taken in their order: once this is answered, the viewport is known.
    accepted(far.ask(report("a")));
    platform.say(1, Utc::now(), 7.0);
    near.until("the reading", |s| s.world.observations.contains_key("platform/1"));
    accepted(far.ask(report("b")));
    assert!(!far.world.observations.contains_key("platform/1"), "told before the answer, if at all");
    far.link.subscribe(None);
    far.until("what the wider view holds", |s| s.world.observations.get("platform/1").is_some_and(|o| o.value == 7.0));
}

#[test]
fn a_phone_hears_how_many_screens_there_are_and_a_desk_which() {
    let dir = data();
    let hub = hub(&dir);
    let mut desk = Screen::open(&hub.url(), "desk", Role::Viewer);
    let mut phone = Screen::begin(&hub.url(), Identity { class: ScreenClass::Small, ..me("phone", Role::Field) });
    phone.until("how many there are", |s| s.world.screens_total == 2);
    assert!(phone.world.screens.is_empty(), "{:?}", phone.world.screens);
    desk.until("the phone", |s| s.world.screens.iter().any(|i| i.screen == "phone"));
}
