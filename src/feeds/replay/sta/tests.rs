use super::Store;
use crate::feeds::replay::fixture;
use crate::model::observation::{Observation, Quality};
use crate::ogc::sensorthings::{Answer, Answerer, Refusal};
use chrono::{DateTime, TimeDelta};
use serde_json::Value as Json;
use std::collections::BTreeSet;

const ROOT: &str = "http://h/v1.1";

fn observe(store: &mut Store, stream: usize, second: i64) {
    let phenomenon_time = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
    // Of the last sensor, means of a minute.
    let phenomenon_start = (stream == 11).then(|| (phenomenon_time - TimeDelta::minutes(1)).into());
    let (datastream, value) = (format!("s{stream}"), (second % 7) as f64);
    let o = Observation { datastream, phenomenon_time, phenomenon_start, value, quality: Quality::Good };
    store.keep(&o).unwrap();
}

/// 12 sensors, 60 observations of each.
fn store() -> Store {
    let mut store = Store::default();
    fixture::city().sensors.into_iter().for_each(|s| store.learn(s));
    (0..720).for_each(|i| observe(&mut store, i % 12, i as i64));
    store
}

fn get(store: &Store, path_and_query: &str) -> Result<Json, Refusal> {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    match (Answerer { source: store, root: ROOT, now_ms: 0 }).answer(path, query)? {
        Answer::Json(json) => Ok(json),
        Answer::Text(text) => Ok(text.into()),
    }
}

fn walk(store: &mut Store, first: &str, mut between: impl FnMut(&mut Store)) -> Vec<u64> {
    let (mut ids, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(url) = next {
        let page = get(store, &url).unwrap();
        ids.extend(page["value"].as_array().unwrap().iter().map(|e| e["@iot.id"].as_u64().unwrap()));
        next = page["@iot.nextLink"].as_str().map(|l| l.strip_prefix(ROOT).unwrap().trim_start_matches('/').to_owned());
        between(store);
    }
    ids
}

#[test]
fn paging_walks_everything_exactly_once_while_news_come_in() {
    let mut s = store();
    for (url, want) in [
        ("Things?$top=5", 12),
        ("Observations", 720),
        ("Observations?$orderby=result desc,phenomenonTime&$top=50", 720),
        ("Observations?$orderby=phenomenonTime desc&$top=99&$expand=Datastream", 720),
        ("Datastreams(3)/Observations?$top=7&$orderby=phenomenonTime desc", 60),
        ("Observations?$filter=Datastream/id eq 2 and result gt 3&$top=2", 26),
    ] {
        let mut s = store();
        let mut second = 5_000;
        let ids = walk(&mut s, url, |s| {
            observe(s, 0, second);
            second += 1;
        });
        let old: Vec<u64> = ids.iter().copied().filter(|id| *id <= 720).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{url}: something twice");
        assert_eq!(old.len(), want, "{url}");
    }
    assert_eq!(walk(&mut s, "Observations?$skip=700&$top=15", |_| {}).len(), 20);
}

#[test]
fn navigation_expansion_and_selection() {
    let s = store();
    let d = get(
        &s,
        "Datastreams(1)?$expand=Thing($expand=Locations),ObservedProperty,Sensor,Observations($top=1;$orderby=phenomenonTime desc)",
    )
    .unwrap();
    assert_eq!(d["Thing"]["Locations"][0]["location"]["type"], "Point");
    assert_eq!(d["ObservedProperty"]["name"], "pm2_5");
    assert_eq!(d["Observations"][0]["phenomenonTime"], "1970-01-01T00:11:48.000Z");
    assert!(
        d["Observations@iot.nextLink"]
            .as_str()
            .unwrap()
            .starts_with("http://h/v1.1/Datastreams(1)/Observations?$top=1&$orderby=phenomenonTime%20desc")
    );
    assert_eq!(get(&s, "Observations(5)/Datastream/Thing/name/$value").unwrap(), "Sensor 4");
    assert_eq!(get(&s, "Things(2)/Locations?$count=true").unwrap()["@iot.count"], 1);
    assert_eq!(get(&s, "ObservedProperties(1)/Datastreams?$count=true&$top=0").unwrap()["@iot.count"], 4);
    assert_eq!(get(&s, "HistoricalLocations").unwrap()["value"], Json::Array(vec![]));
    let o = get(&s, "Observations?$select=id,result&$top=1&$expand=Datastream($select=name)").unwrap();
    assert_eq!(o["value"][0].as_object().unwrap().keys().collect::<Vec<_>>(), ["@iot.id", "result", "Datastream"]);
    assert_eq!(o["value"][0]["Datastream"].as_object().unwrap().len(), 1);
    assert_eq!(get(&s, "Datastreams?$filter=ObservedProperty/name eq 'noise'&$count=true").unwrap()["@iot.count"], 4);
    assert_eq!(get(&s, "Datastreams(1)").unwrap()["Thing@iot.navigationLink"], "http://h/v1.1/Datastreams(1)/Thing");
}

#[test]
fn time_filters_give_the_interval_and_nothing_else() {
    let s = store();
    let url = "Observations?$count=true&$filter=phenomenonTime ge 1970-01-01T00:00:10Z and phenomenonTime lt 1970-01-01T00:00:20Z";
    let page = get(&s, url).unwrap();
    assert_eq!(page["@iot.count"], 10);
    assert_eq!(page["value"][0]["phenomenonTime"], "1970-01-01T00:00:10.000Z");
}

#[test]
fn a_mean_is_served_again_with_its_span_and_filtered_by_its_end() {
    let s = store();
    let page = get(&s, "Datastreams(12)/Observations?$count=true&$filter=phenomenonTime lt 1970-01-01T00:00:12Z").unwrap();
    let times = (&page["@iot.count"], &page["value"][0]["phenomenonTime"], &page["value"][0]["resultTime"]);
    assert_eq!(times, (&1.into(), &"1969-12-31T23:59:11.000Z/1970-01-01T00:00:11.000Z".into(), &"1970-01-01T00:00:11.000Z".into()));
}

#[test]
fn what_is_not_there_is_404_and_what_is_unclear_400() {
    let s = store();
    for missing in
        ["Datastreams(99)", "Gadgets", "Datastreams(1)/Gadget", "Datastreams(x)", "Datastreams/3", "Observations(99999)", "Things(0)"]
    {
        assert!(matches!(get(&s, missing), Err(Refusal::NotFound(_))), "{missing}");
    }
    let Err(Refusal::Bad(why)) = get(&s, "Observations?$filter=result ist 5") else { panic!() };
    assert!(why.contains("character 8"), "{why}");
    assert!(matches!(get(&s, "Observations?$top=-1"), Err(Refusal::Bad(_))));
}
