use super::City;
use crate::screen::PATIENCE;
use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

#[test]
fn all_eight_sets_are_there_and_link_to_each_other() {
    let city = City::open();
    let root = city.json("/sta/v1.1");
    assert_eq!(root["value"].as_array().unwrap().len(), 8);
    let sets = [("Things", 3), ("Locations", 3), ("HistoricalLocations", 3), ("Datastreams", 6), ("Sensors", 2), ("ObservedProperties", 2)];
    for (set, count) in sets.into_iter().chain([("Observations", 6), ("FeaturesOfInterest", 3)]) {
        let url = root["value"].as_array().unwrap().iter().find(|s| s["name"] == set).unwrap()["url"].as_str().unwrap();
        let page = city.json(&format!("{url}?$count=true"));
        assert_eq!((page["@iot.count"].as_u64(), page["value"].as_array().unwrap().len()), (Some(count), count as usize), "{set}");
        let first = &page["value"][0];
        let own = first["@iot.selfLink"].as_str().unwrap();
        assert_eq!(city.json(own)["@iot.id"], first["@iot.id"]);
        for (key, link) in first.as_object().unwrap().iter().filter(|(k, _)| k.ends_with("@iot.navigationLink")) {
            assert_eq!(city.get(link.as_str().unwrap()).status, 200, "{own} {key}");
        }
    }
}

#[test]
fn queries_are_answered_and_wrong_ones_refused_in_words() {
    let city = City::open();
    let noisy = city.json("/sta/v1.1/Datastreams?$filter=ObservedProperty/name eq 'noise' and startswith(Thing/name,'站')&$expand=Observations($top=1;$orderby=phenomenonTime desc),Thing($expand=Locations)&$orderby=id desc");
    assert_eq!(noisy["value"].as_array().unwrap().len(), 3);
    assert_eq!(noisy["value"][0]["@iot.id"], "air/5");
    assert_eq!(noisy["value"][0]["Observations"][0]["result"], 50.0);
    assert_eq!(noisy["value"][0]["Thing"]["Locations"][0]["location"]["coordinates"][0], 118.29);
    let recent =
        "/sta/v1.1/Observations?$filter=phenomenonTime gt now() sub duration'PT1H' and result ge 30&$resultFormat=dataArray&$select=result";
    assert_eq!(city.json(recent)["value"].as_array().unwrap().len(), 3);
    assert_eq!(city.json("/sta/v1.1/Observations?$filter=phenomenonTime lt now() sub duration'PT1H'")["value"], json!([]));
    let here =
        "/sta/v1.1/Locations?$filter=st_within(location,geography'POLYGON((118.24 33.9,118.28 33.9,118.28 34,118.24 34,118.24 33.9))')";
    assert_eq!(city.json(here)["value"].as_array().unwrap().len(), 2);
    let latest = city.json("/sta/v1.1/Datastreams('air/3')/Observations")["value"][0]["@iot.selfLink"].as_str().unwrap().to_owned();
    assert_eq!(city.get(&format!("{latest}/result/$value")).text, "30.0");
    let refused = city.get("/sta/v1.1/Things?$filter=name equals 'x'");
    assert_eq!((refused.status, refused.json()["message"].as_str().unwrap().contains("character 6")), (400, true));
    assert_eq!((city.get("/sta/v1.1/Gadgets").status, city.get("/sta/v1.1/Things('x')").status), (404, 404));
    assert_eq!(city.post("/sta/v1.1/Things", "{}", &[]).status, 405, "it is read only");
}

#[test]
fn pages_follow_each_other_to_the_end() {
    let city = City::open();
    let (mut next, mut seen) = (Some("/sta/v1.1/Observations?$top=2&$orderby=phenomenonTime desc".to_owned()), Vec::new());
    while let Some(url) = next {
        let page = city.json(&url);
        seen.extend(super::ids(&page["value"], "@iot.selfLink"));
        next = page["@iot.nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(seen.len(), 6);
    seen.dedup();
    assert_eq!(seen.len(), 6);
}

#[test]
fn readings_of_the_past_are_served_with_the_latest_and_found_by_id_and_time() {
    let city = City::open();
    let at = |minutes: i64| (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Millis, true);
    let rows: Vec<Value> = (1..=30).map(|n| json!([at(10 * n), n])).collect();
    let array = json!([{"Datastream": {"@iot.id": 0}, "components": ["phenomenonTime", "result"], "dataArray": rows}]);
    let posted = city.post("/feeds/air", &array.to_string(), &[]);
    assert_eq!((posted.status, posted.json()["accepted"].as_u64()), (200, Some(30)), "{}", posted.text);
    let of = "/sta/v1.1/Datastreams('air/0')/Observations";
    let (mut next, mut results) = (Some(format!("{of}?$orderby=phenomenonTime desc&$top=7&$count=true")), Vec::new());
    while let Some(url) = next {
        let page = city.json(&url);
        assert_eq!(page["@iot.count"], 31);
        results.extend(page["value"].as_array().unwrap().iter().map(|o| o["result"].as_f64().unwrap()));
        next = page["@iot.nextLink"].as_str().map(str::to_owned);
    }
    // The latest is what the city was opened with.
    assert_eq!(results, [0.0].into_iter().chain((1..=30).map(f64::from)).collect::<Vec<_>>());
    let hour =
        city.json(&format!("{of}?$filter=phenomenonTime gt now() sub duration'PT65M' and phenomenonTime lt now() sub duration'PT35M'"));
    let hour: Vec<f64> = hour["value"].as_array().unwrap().iter().map(|o| o["result"].as_f64().unwrap()).collect();
    assert_eq!(hour, [6.0, 5.0, 4.0]);
    let one = city.json(&format!("{of}?$filter=result eq 30"))["value"][0].clone();
    assert_eq!(city.json(one["@iot.selfLink"].as_str().unwrap())["result"], 30.0);
    assert_eq!(city.json("/sta/v1.1/Observations?$count=true&$top=1")["@iot.count"], 36);
}

fn validator() -> Option<PathBuf> {
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let name = "sensorthings-validator";
    let installed = [cache.join("yiping/peers/bin"), PathBuf::from(std::env::var_os("HOME")?).join(".cargo/bin")];
    installed.into_iter().map(|dir| dir.join(name)).find(|f| f.is_file())
}

/// Sets of other parts of the standard, which a hub does not have: multi-datastreams (an extension) and tasking (part 2).
const NOT_OURS: [&str; 3] = ["MultiDatastreams", "TaskingCapabilities", "Tasks"];

/// `cargo install sensorthings-validator --root ~/.cache/yiping/peers`; `YIPING_STA_VALIDATOR=1 scripts/test` does.
#[test]
fn the_validator_of_the_standard_finds_nothing_wrong() {
    let Some(validator) = validator() else {
        return eprintln!("skipped: sensorthings-validator is not installed; YIPING_STA_VALIDATOR=1 scripts/test installs it");
    };
    let city = City::open();
    let dir = tempfile::tempdir().unwrap();
    let (host, port) = ("127.0.0.1", city.hub.addr.port().to_string());
    let mut child = Command::new(validator)
        .args(["--host", host, "--port", &port, "--prefix", "sta/v1.1", "--check-optional", "--check-queries"])
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "the validator does not come to an end");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let result: Value = serde_json::from_slice(&std::fs::read(dir.path().join("validation_result.json")).unwrap()).unwrap();
    let read = result["read"]["results"].as_array().unwrap();
    let ours: Vec<&Value> = read.iter().filter(|r| !NOT_OURS.iter().any(|n| r["name"] == *n)).collect();
    assert_eq!((read.len(), ours.len()), (10, 7));
    for r in ours {
        let missing = [&r["missing_required"], &r["missing_optional"]].map(|m| m.as_array().unwrap().len());
        assert!(r["path_ok"] == true && r["body_ok"] == true && missing == [0, 0], "{r}");
    }
    let mut checked = 0;
    for part in ["navigation", "filtering", "query_options"] {
        for r in result["query"][part].as_array().unwrap() {
            assert_eq!(r["ok"], true, "{part}: {r}");
            checked += 1;
        }
    }
    assert!(checked >= 50, "only {checked} checks of queries were made");
}
