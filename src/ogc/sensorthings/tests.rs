use super::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

const ROOT: &str = "http://h/sta/v1.1";
/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600_000;

/// Six datastreams of three stations, an observation a minute of each; as strict about what is wanted as a source may be.
struct Strict {
    catalogue: Catalogue,
    readings: Vec<Reading>,
    /// Whether it gives no more than is wanted.
    sparing: bool,
}

impl Source for Strict {
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn observations(&self, wanted: &Wanted) -> Result<Vec<Reading>, Refusal> {
        let of = |r: &&Reading| wanted.streams.as_ref().is_none_or(|s| s.contains(&r.stream)) && wanted.covers(r.time_ms);
        if !self.sparing {
            return Ok(self.readings.iter().filter(|r| wanted.streams.as_ref().is_none_or(|s| s.contains(&r.stream))).copied().collect());
        }
        let mut all: Vec<Reading> = self.readings.iter().filter(of).copied().collect();
        all.sort_by_key(|r| if wanted.newest_first { -r.time_ms } else { r.time_ms });
        all.truncate(wanted.most.unwrap_or(usize::MAX));
        Ok(all)
    }

    fn count(&self, wanted: &Wanted) -> Option<usize> {
        let of = |r: &&Reading| wanted.streams.as_ref().is_none_or(|s| s.contains(&r.stream)) && wanted.covers(r.time_ms);
        self.sparing.then(|| self.readings.iter().filter(of).count())
    }

    fn observation(&self, id: &Id) -> Option<Reading> {
        self.readings.iter().find(|r| self.observation_id(r) == *id).copied()
    }

    fn observation_id(&self, r: &Reading) -> Id {
        Id::Text(format!("{}@{}", self.catalogue.stream(r.stream).unwrap().key, r.time_ms))
    }

    fn rank(&self, r: &Reading) -> Rank {
        (r.stream, r.time_ms as u64)
    }

    fn rank_of(&self, id: &Id) -> Option<Rank> {
        self.observation(id).map(|r| self.rank(&r))
    }

    fn span(&self, stream: u32) -> Option<(i64, i64)> {
        let times = self.readings.iter().filter(|r| r.stream == stream).map(|r| r.time_ms);
        Some((times.clone().min()?, times.max()?))
    }
}

fn source(sparing: bool) -> Strict {
    let mut catalogue = Catalogue::new(Naming::Keys, Some(NOW - 86_400_000));
    for i in 0..6 {
        let (station, observed_property) = (i / 2, if i % 2 == 0 { "pm2_5" } else { "noise" }.to_owned());
        let unit = if i % 2 == 0 { "µg/m³" } else { "dB" }.to_owned();
        let [key, thing] = [format!("f/{i}"), format!("站 {station}")];
        let lon = 118.2 + f64::from(station) * 0.1;
        catalogue.learn(Stream { key, feed: "f".into(), thing, observed_property, unit, lon, lat: 33.9, height_m: 3.0 });
    }
    let reading = |i: u32| Reading {
        stream: i % 6,
        time_ms: NOW - 3_600_000 + i64::from(i / 6) * 60_000,
        lasted_ms: if i % 6 == 5 { 60_000 } else { 0 },
        value: f64::from(i % 7),
        suspect: i.is_multiple_of(20),
        number: 0,
    };
    Strict { catalogue, readings: (0..360).map(reading).collect(), sparing }
}

fn get(source: &Strict, path_and_query: &str) -> Result<Json, Refusal> {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    match (Answerer { source, root: ROOT, now_ms: NOW }).answer(path, query)? {
        Answer::Json(json) => Ok(json),
        Answer::Text(text) => Ok(text.into()),
    }
}

fn walk(source: &Strict, first: &str) -> Vec<String> {
    let (mut ids, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(url) = next {
        let page = get(source, &url).unwrap();
        ids.extend(page["value"].as_array().unwrap().iter().map(|e| e["@iot.id"].as_str().unwrap().to_owned()));
        next = page["@iot.nextLink"].as_str().map(|l| l.strip_prefix(ROOT).unwrap().trim_start_matches('/').to_owned());
    }
    ids
}

#[test]
fn a_source_that_reads_only_what_is_wanted_gives_the_same_pages() {
    let (sparing, generous) = (source(true), source(false));
    for (url, want) in [
        ("Observations?$top=7", 360),
        ("Observations?$orderby=phenomenonTime desc&$top=1", 360),
        ("Observations?$orderby=result desc,phenomenonTime&$top=11", 360),
        ("Observations?$skip=350&$top=3", 10),
        ("Observations?$filter=phenomenonTime gt now() sub duration'PT30M'&$top=5&$orderby=phenomenonTime desc", 174),
        ("Observations?$filter=Datastream/id eq 'f/3' and phenomenonTime le 2025-12-31T23:30:00Z&$top=4", 31),
        ("Observations?$filter=result gt 5&$top=9", 51),
        ("Observations?$filter=st_within(FeatureOfInterest/feature,geography'POLYGON((118 33,118.25 33,118.25 34,118 34,118 33))')", 120),
        ("Datastreams('f/4')/Observations?$orderby=phenomenonTime desc&$top=8", 60),
        ("FeaturesOfInterest('f/2')/Observations?$top=8", 120),
    ] {
        let ids = walk(&sparing, url);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), want, "{url}");
        assert_eq!(ids, walk(&generous, url), "{url}");
        let counted = url.to_owned() + if url.contains('?') { "&$count=true" } else { "?$count=true" };
        let counts = [&sparing, &generous].map(|s| get(s, &counted).unwrap()["@iot.count"].as_u64().unwrap());
        assert_eq!(counts[0], counts[1], "{url}");
        let second = get(&generous, &counted).unwrap()["@iot.nextLink"].as_str().map(|l| l.strip_prefix(ROOT).unwrap().to_owned());
        let second = second.map(|l| get(&generous, l.trim_start_matches('/')).unwrap()["@iot.count"].as_u64().unwrap());
        assert!(second.is_none_or(|n| n == counts[1]), "{url}: every page tells the same number");
    }
}

#[test]
fn every_entity_has_its_links_and_every_link_leads_somewhere() {
    let s = source(true);
    for (set, name) in set::SETS {
        let first = get(&s, &format!("{name}?$top=1")).unwrap()["value"][0].clone();
        let own = first["@iot.selfLink"].as_str().unwrap();
        let path = own.strip_prefix(ROOT).unwrap();
        assert_eq!(get(&s, path).unwrap()["@iot.id"], first["@iot.id"], "{path}");
        for (link, _, many) in set.links() {
            assert_eq!(first[format!("{link}@iot.navigationLink")], format!("{own}/{link}"));
            let there = get(&s, &format!("{path}/{link}")).unwrap();
            let one = if *many { &there["value"][0] } else { &there };
            assert!(one["@iot.id"].is_string(), "{path}/{link}: {there}");
            assert_eq!(first[*link]["@iot.id"].is_string(), !many, "single links name what they lead to");
            let expanded = get(&s, &format!("{name}?$top=1&$expand={link}")).unwrap()["value"][0].clone();
            let inside = if *many { &expanded[*link][0] } else { &expanded[*link] };
            assert_eq!(inside["@iot.selfLink"], one["@iot.selfLink"], "{name} {link}");
            assert!(expanded.get(format!("{link}@iot.navigationLink")).is_none());
        }
    }
}

#[test]
fn observations_come_as_arrays_when_asked() {
    let s = source(true);
    let page = get(&s, "Observations?$resultFormat=dataArray&$top=12&$count=true").unwrap();
    assert_eq!((page["@iot.count"].as_u64(), page["value"].as_array().unwrap().len()), (Some(360), 6));
    let one = &page["value"][1];
    assert_eq!(one["Datastream@iot.navigationLink"], "http://h/sta/v1.1/Datastreams('f/1')");
    assert_eq!(one["components"], json!(["id", "phenomenonTime", "resultTime", "result", "resultQuality"]));
    assert_eq!(one["dataArray"][0], json!(["f/1@1767222000000", "2025-12-31T23:00:00.000Z", "2025-12-31T23:00:00.000Z", 1.0, null]));
    assert_eq!(one["dataArray@iot.count"], 2);
    assert!(page["@iot.nextLink"].as_str().unwrap().contains("dataArray"));
    let picked = get(&s, "Datastreams('f/0')/Observations?$resultFormat=dataArray&$select=result&$top=1").unwrap();
    assert_eq!((&picked["value"][0]["components"], &picked["value"][0]["dataArray"]), (&json!(["result"]), &json!([[0.0]])));
    assert!(matches!(get(&s, "Things?$resultFormat=dataArray"), Err(Refusal::Bad(_))));
}

#[test]
fn a_reading_of_a_span_is_told_as_an_interval_and_found_by_its_end() {
    let s = source(true);
    let first = "phenomenonTime ge 2025-12-31T23:00:00Z and phenomenonTime le 2025-12-31T23:01:00Z";
    let page = get(&s, &format!("Datastreams('f/5')/Observations?$filter={first}&$orderby=phenomenonTime desc")).unwrap();
    let times: Vec<_> = page["value"].as_array().unwrap().iter().map(|o| o["phenomenonTime"].as_str().unwrap()).collect();
    assert_eq!(times, ["2025-12-31T23:00:00.000Z/2025-12-31T23:01:00.000Z", "2025-12-31T22:59:00.000Z/2025-12-31T23:00:00.000Z"]);
    assert_eq!(page["value"][0]["resultTime"], "2025-12-31T23:01:00.000Z");
    let (id, of) = ("Observations('f/5@1767222000000')", Reading { time_ms: 60_000, lasted_ms: 60_000, ..s.readings[0] });
    assert_eq!(get(&s, &format!("{id}/phenomenonTime/$value")).unwrap(), times[1]);
    assert_eq!(of.phenomenon_time(), "1970-01-01T00:00:00.000Z/1970-01-01T00:01:00.000Z");
    let arrays = get(&s, "Datastreams('f/5')/Observations?$resultFormat=dataArray&$top=1").unwrap();
    assert_eq!(arrays["value"][0]["dataArray"][0][1], times[1]);
    assert_eq!(walk(&s, "Datastreams('f/5')/Observations?$orderby=phenomenonTime&$top=7").len(), 60);
}

#[test]
fn ids_of_text_with_slashes_and_quotes_are_followed() {
    let s = source(true);
    assert_eq!(get(&s, "Datastreams('f/3')/Thing/name/$value").unwrap(), "站 1");
    assert_eq!(get(&s, "Observations('f/3@1767222000000')/result").unwrap()["result"], 3.0);
    assert_eq!(get(&s, "Things('f/2')/Datastreams('f/3')/ObservedProperty").unwrap()["@iot.id"], "noise");
    assert_eq!(get(&s, "Datastreams('f/3')").unwrap()["unitOfMeasurement"]["definition"], "http://qudt.org/vocab/unit/DeciB");
    for missing in ["Datastreams('f/9')", "Things('f/3')", "Things('f/0')/Datastreams('f/3')", "Datastreams('f/3", "Datastreams(3)"] {
        assert!(matches!(get(&s, missing), Err(Refusal::NotFound(_))), "{missing}");
    }
    let answerer = Answerer { source: &s, root: ROOT, now_ms: NOW };
    let (topic, json) = answerer.publication(Entity::Observation(s.readings[3])).unwrap();
    assert!(topic == "Datastreams('f/3')/Observations" && json.contains("\"result\":3.0"), "{topic} {json}");
}

#[test]
fn the_service_root_names_the_sets_and_what_is_met() {
    let s = source(true);
    let root = Answerer { source: &s, root: ROOT, now_ms: NOW }.service_root(&["x/y"]);
    assert_eq!(root["value"].as_array().unwrap().len(), 8);
    assert_eq!(root["value"][3], json!({"name": "Datastreams", "url": "http://h/sta/v1.1/Datastreams"}));
    let conformance = root["serverSettings"]["conformance"].as_array().unwrap();
    assert!(conformance.contains(&"http://www.opengis.net/spec/iot_sensing/1.1/req/x/y".into()) && conformance.len() > 20);
}
