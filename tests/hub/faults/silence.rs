//! A whole feed falls silent under a rule that watches each of its sensors.

use super::{Asker, scene};
use crate::screen::{Screen, config, data};
use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use yiping::hub::Hub;
use yiping::model::protocol::Role;

const SENSORS: u32 = 12;
const FEED_AND_RULE: &str = r#"
[[feed]]
kind = "sensorthings_in"
id = "platform"
[[rule]]
id = "silent"
name = "传感器失联"
name_en = "Sensor silent"
observed_property = "pm2_5"
when = { silent = { for_s = 3.0 } }
domain = "urban_management"
category = "urban_management/appearance/smoke"
severity = "minor"
"#;

fn stream(n: u32) -> Value {
    let place = json!({"type": "Point", "coordinates": [118.2 + f64::from(n) * 0.01, 33.96]});
    json!({"@iot.id": n, "ObservedProperty": {"name": "PM2.5"}, "Thing": {"name": format!("站 {n}"), "Locations": [{"location": place}]}})
}

fn all_speak(ask: &Asker) {
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let said: Value = (0..SENSORS).map(|n| json!({"phenomenonTime": now, "result": n, "Datastream": {"@iot.id": n}})).collect();
    assert_eq!(ask.post("/feeds/platform", &said).1["accepted"], SENSORS);
}

#[test]
fn a_feed_that_goes_away_makes_one_incident_which_is_over_when_it_is_back() {
    let data = data();
    scene(data.path(), FEED_AND_RULE);
    let hub = Hub::start(config(data.path(), 0)).unwrap();
    let ask = Asker::new(&hub.url());
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    assert_eq!(ask.post("/feeds/platform", &(0..SENSORS).map(stream).collect()).0, 200);
    all_speak(&ask);
    desk.until("the feed's incident", |s| !s.world.incidents.is_empty());
    let incident = desk.world.incidents.values().next().unwrap().clone();
    assert!(incident.title.contains("platform") && incident.title.contains("12 个传感器"), "{}", incident.title);
    assert_eq!(incident.title_en, "Sensor silent: feed platform is silent, 12 sensors");
    assert!(incident.description.contains("nothing comes") && incident.description.contains("站 3"), "{}", incident.description);
    assert!((incident.lon - 118.255).abs() < 1e-6, "in the middle of its sensors");
    all_speak(&ask);
    desk.until("it to be over", |s| s.world.incidents[&incident.id].title.starts_with("已恢复"));
    assert_eq!(desk.world.incidents.len(), 1, "its sensors made none of their own");
}
