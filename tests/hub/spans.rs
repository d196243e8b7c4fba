//! Readings that stand for a span of time: posted and polled, corrected, kept, and told again as intervals.

use crate::live::{Platform, scene};
use crate::screen::{SCENE, Screen, config, data};
use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use serde_json::{Value, json};
use yiping::hub::{Hub, HubHandle};
use yiping::model::protocol::Role;

fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn hub(dir: &tempfile::TempDir) -> HubHandle {
    scene(dir, "");
    Hub::start(config(dir.path(), 0)).unwrap()
}

/// Phenomenon times of an answer, in its order.
fn times(page: &Value) -> Vec<&str> {
    let all = page["value"].as_array().unwrap_or_else(|| panic!("{page}"));
    all.iter().map(|o| o["phenomenonTime"].as_str().unwrap()).collect()
}

#[test]
fn an_hourly_mean_is_an_interval_on_its_whole_way_also_after_a_restart() {
    let dir = data();
    let first = hub(&dir);
    let platform = Platform::new(&first);
    platform.describe(1);
    let now = Utc::now().trunc_subsecs(0);
    let at = |minutes: i64| now + TimeDelta::minutes(minutes);
    let span = |from: i64, to: i64| format!("{}/{}", iso(at(from)), iso(at(to)));
    let years = span(-2 * 366 * 24 * 60, -45);
    let rows = [json!([span(-120, -60), 10.0]), json!([span(-50, -55), 11.0]), json!([years, 12.0]), json!([iso(at(-30)), 13.0])];
    let rows = json!([{"Datastream": {"@iot.id": 1}, "components": ["phenomenonTime", "result"], "dataArray": rows}]);
    let (status, taken) = platform.post(rows.to_string());
    assert_eq!((status, &taken["accepted"], &taken["rejected"]), (200, &2.into(), &2.into()), "{taken}");
    assert!(taken["why"].as_str().is_some_and(|why| why.contains("ends before it starts") || why.contains("366 days")), "{taken}");
    let one = |from: i64| json!({"Datastream": {"@iot.id": 1}, "phenomenonTime": span(from, 0), "result": 20.0}).to_string();
    // The second corrects when its span began; the third says nothing new.
    for from in [-60, -20, -20] {
        assert_eq!(platform.post(one(from)).1["accepted"], 1);
    }
    let ledger = platform.ledger(7);
    assert!(ledger.balances(), "{ledger:?}");
    assert_eq!((ledger.received, ledger.stored, ledger.rejected, ledger.conflated), (7, 4, 2, 1), "{ledger:?}");

    let expected = [span(-120, -60), iso(at(-30)), span(-20, 0)];
    let of = "/sta/v1.1/Datastreams('platform/1')/Observations?$orderby=phenomenonTime";
    let told_by = |platform: &Platform, screen: &Screen| {
        assert_eq!(times(&platform.get(of)), expected);
        let later = platform.get(&format!("{of} desc&$filter=phenomenonTime gt {}&$resultFormat=dataArray", iso(at(-25))));
        assert_eq!(later["value"][0]["dataArray"][0][1], expected[2], "found by its end: {later}");
        assert_eq!(times(&platform.get(&format!("{of}&$filter=phenomenonTime le {}", iso(at(-60))))), expected[..1]);
        let past = platform.past(at(-45), "as_it_happened").observations;
        assert_eq!(past[0].phenomenon_start.unwrap().time(), at(-120), "{past:?}");
        let features = platform.get("/ogc/features/collections/sensors/items");
        let start = features["features"][0]["properties"]["phenomenon_start"].as_str().unwrap();
        assert_eq!(start.parse::<DateTime<Utc>>().unwrap(), at(-20), "{features}");
        assert_eq!(screen.world.observations["platform/1"].phenomenon_start.unwrap().time(), at(-20));
    };
    let desk = Screen::open(&first.url(), "desk", Role::Viewer);
    told_by(&platform, &desk);
    drop(desk);
    first.stop();

    let second = hub(&dir);
    told_by(&Platform::new(&second), &Screen::open(&second.url(), "desk", Role::Viewer));
    // Another hub asks this one over SensorThings.
    let (reader_data, url) = (data(), second.url());
    let feed = format!("[[feed]]\nkind = \"sensorthings\"\nid = \"first\"\nurl = \"{url}/sta/v1.1\"\n[[camera]]");
    std::fs::write(reader_data.path().join("test.toml"), SCENE.replacen("[[camera]]", &feed, 1)).unwrap();
    let reader = Hub::start(config(reader_data.path(), 0)).unwrap();
    let mut screen = Screen::open(&reader.url(), "desk", Role::Viewer);
    screen.until("what the first hub has", |s| s.world.observations.contains_key("first/platform/1"));
    let polled = &screen.world.observations["first/platform/1"];
    assert_eq!((polled.phenomenon_time, polled.phenomenon_start.unwrap().time(), polled.value), (at(0), at(-20), 20.0));
}
