use super::*;
use crate::model::incident::{Domain, Severity};
use proptest::prelude::*;
use serde_json::json;

const AIR: &str = r#"
    records = "/readings"
    id = "{2}-{/n}"
    sensor = "^/name"
    time = "/t"
    time_format = "epoch_s"
    lon = "^/at/0"
    lat = "^/at/1"
    sequence = "/seq"
    quality = "/flag"
    words = { "0" = "good" }
    observations = [
        { value = "/pm", observed_property = "PM2.5", unit = "µg/m³" },
        { value = "/db", observed_property = "noise", unit = "dB", quality = "good" },
    ]"#;

fn said(mapping: &str, message: &Value) -> Vec<Result<Said, Unusable>> {
    let mapping: Mapping = toml::from_str(mapping).unwrap();
    let arrived = DateTime::UNIX_EPOCH;
    let all = records(&mapping, message).unwrap();
    let one = |record| {
        let r = Record { feed: "f", parts: &["air", "mast"], message, record, geometry: None, arrived };
        identity(&mapping, r).map_or_else(|why| vec![Err(why)], |(id, _)| read(&mapping, &id, r))
    };
    all.iter().flat_map(one).collect()
}

#[test]
fn a_record_gives_one_reading_a_value_with_place_time_and_quality() {
    let message = json!({"name": "Mast 1", "at": [118.3, "33.9"], "readings": [
        {"n": 7, "t": 1.5, "seq": 3, "pm": 12, "db": "60.5", "flag": 0}, {"n": 8, "t": 2, "pm": 1, "flag": "drift"}]});
    let said: Vec<_> = said(AIR, &message).into_iter().map(Result::unwrap).collect();
    let streams: Vec<_> = said
        .iter()
        .map(|s| match s {
            Said::Reading { datastream: d, observation: o } => {
                assert_eq!((d.sensor.as_str(), d.lon, d.lat), ("Mast 1", 118.3, 33.9));
                (d.id.as_str(), d.unit.as_str(), o.value, o.quality, o.phenomenon_time.timestamp_millis())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        streams,
        [
            ("f/mast-7/pm2_5", "µg/m³", 12.0, Quality::Good, 1500),
            ("f/mast-7/noise", "dB", 60.5, Quality::Good, 1500),
            ("f/mast-8/pm2_5", "µg/m³", 1.0, Quality::Suspect, 2000),
        ]
    );
}

#[test]
fn a_time_that_is_an_interval_is_the_span_of_the_reading_and_the_end_of_anything_else() {
    let by = |time: &str| {
        format!("id = \"a\"\nlon = 118.3\nlat = 33.9\ntime = \"{time}\"\nobservations = [{{ value = \"/v\", observed_property = \"x\" }}]")
    };
    let message =
        json!({"v": 1, "t": "2026-01-01T00:00:00Z/2026-01-01T01:00:00Z", "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z"});
    for mapping in [by("/t"), by("{/from}/{/to}")] {
        let [Ok(Said::Reading { observation: o, .. })] = &said(&mapping, &message)[..] else { panic!("{mapping}") };
        assert_eq!((o.lasted_ms(), o.phenomenon_time.timestamp()), (3_600_000, 1_767_229_200), "{mapping}");
    }
    let [Err(Unusable::Rejected(reason, why))] = &said(&by("{/to}/{/from}"), &message)[..] else { panic!() };
    assert!(*reason == Reason::OutOfRange && why.ends_with("ends before it starts"), "{why}");
    let [Ok(Said::Reading { observation: o, .. })] = &said(&by("/to"), &message)[..] else { panic!() };
    assert_eq!(o.phenomenon_start, None);
}

#[test]
fn units_and_incidents_are_made_with_the_sources_words() {
    let unit = r#"
        id = "/car"
        lon = "/x"
        lat = "/y"
        words = { busy = "on_scene" }
        unit = { domain = "traffic", kind = "patrol_car", state = "/s", heading_deg = "/h" }"#;
    let [Ok(Said::Unit(u))] = &said(unit, &json!({"car": 5, "x": 1.0, "y": 2.0, "s": "busy", "h": -90}))[..] else { panic!() };
    assert_eq!((u.id.as_str(), u.call_sign.as_str(), u.state, u.heading_deg), ("f/5", "5", UnitState::OnScene, 270.0));
    let incident = r#"
        id = "/id"
        time = "/at"
        places = { a = [118.0, 33.0, 2.5] }
        words = { "红" = "critical" }
        incident = { domain = "emergency", category = "emergency/fire", severity = "/level", title = "火情 {/id}" }"#;
    let [Ok(Said::Incident(i))] = &said(incident, &json!({"id": "a", "at": "2026-01-01T08:00:00+08:00", "level": "红"}))[..] else {
        panic!()
    };
    assert_eq!((i.title.as_str(), i.severity, i.domain, i.lon), ("火情 a", Severity::Critical, Domain::Emergency, 118.0));
}

#[test]
fn what_a_record_lacks_is_said_in_words() {
    let why = |message: Value| match said(AIR, &message).remove(0).unwrap_err() {
        Unusable::Rejected(reason, why) => (Some(reason), why),
        Unusable::Quarantined(_, why) => (None, why),
    };
    let with = |record: Value, at: Value| json!({"at": at, "readings": [record]});
    let at = json!([118.3, 33.9]);
    assert_eq!(why(with(json!({"t": 1, "pm": 1}), at.clone())), (Some(Reason::Incomplete), "no id at {2}-{/n}".into()));
    assert!(why(with(json!({"n": 1, "pm": 1}), at.clone())).1.contains("no time"));
    assert!(why(with(json!({"n": 1, "t": "soon", "pm": 1}), at.clone())).1.contains("seconds since 1970"));
    assert!(why(with(json!({"n": 1, "t": 1e300, "pm": 1}), at.clone())).1.contains("seconds since 1970"));
    assert!(why(with(json!({"n": 1, "t": 1}), at.clone())).1.contains("none of the values"));
    assert!(why(with(json!({"n": 1, "t": 1, "pm": "much"}), at)).1.contains("no finite number"));
    assert_eq!(why(with(json!({"n": 1, "t": 1, "pm": 1}), json!([]))).0, None);
    assert!(why(with(json!({"n": 1, "t": 1, "pm": 1}), json!([0, 0]))).1.contains("without a fix"));
    assert!(why(with(json!({"n": 1, "t": 1, "pm": 1}), json!([500, 0]))).1.contains("no place on Earth"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    let keys = prop_oneof![Just("n"), Just("t"), Just("pm"), Just("at"), Just("readings"), Just("flag"), Just("seq")];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        let map = proptest::collection::vec((keys.clone(), inner.clone()), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Value::from),
            map.prop_map(|m| m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<serde_json::Map<_, _>>().into())
        ]
    })
}

#[test]
fn pointers_point_where_serde_says() {
    let value = json!({"a": [10, {"b": 1, "": 2, "x~y": 3, "m/n": 4}], "": {"": 5}, "01": 6});
    for pointer in
        ["/a/0", "/a/1/b", "/a/1/", "/a/1/x~0y", "/a/1/m~1n", "/", "//", "/01", "/a/00", "/a/+1", "/a/2", "/a/1/b/0", "/a/-", "/z"]
    {
        assert_eq!(pointed(&value, pointer), value.pointer(pointer), "{pointer}");
    }
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(message in any_json()) {
        let mapping: Mapping = toml::from_str(AIR).unwrap();
        for record in records(&mapping, &message).unwrap_or_default().iter().chain([&message]) {
            let r = Record { feed: "f", parts: &["air"], message: &message, record, geometry: None, arrived: DateTime::UNIX_EPOCH };
            let (id, _) = identity(&mapping, r).unwrap_or_default();
            prop_assert!(!read(&mapping, &id, r).is_empty());
        }
    }
}
