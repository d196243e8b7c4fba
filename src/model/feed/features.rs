//! The mapping of a GeoJSON feed: each Feature is a record, and there are no topics.

use crate::model::mapping::{Mapping, Piece, Term};
use serde::{Deserialize, Deserializer};

/// None, or one that can be meant for Features.
///
/// # Errors
/// In words: more than one, or something that Features don't have.
pub(super) fn mapping<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Mapping>, D::Error> {
    let mappings = Vec::<Mapping>::deserialize(from)?;
    match wrong(&mappings) {
        Some(why) => Err(serde::de::Error::custom(why)),
        None => Ok(mappings),
    }
}

fn wrong(mappings: &[Mapping]) -> Option<String> {
    let mapping = match mappings {
        [] => return None,
        [mapping] => mapping,
        several => return Some(format!("{} mappings: a GeoJSON feed has one; give each layer a feed of its own", several.len())),
    };
    if let Some(topic) = &mapping.topic {
        return Some(format!("topic = {topic:?} in the mapping of a GeoJSON feed: Features have no topics; leave it out"));
    }
    if let Some(records) = &mapping.records {
        return Some(format!("records = {records:?} in the mapping of a GeoJSON feed: its records are the Features; leave it out"));
    }
    if mapping.lon.is_some() != mapping.lat.is_some() {
        return Some("lon without lat, or lat without lon: give both, or neither, and Features are where their geometry is".into());
    }
    let with_part = terms(mapping).into_iter().find(|t| t.pieces().iter().any(|p| matches!(p, Piece::Part(_))));
    with_part
        .map(|t| format!("{:?} in the mapping of a GeoJSON feed: it names a part of a topic, and Features have no topics", t.written()))
}

fn terms(mapping: &Mapping) -> Vec<&Term> {
    let Mapping { id, time, lon, lat, height_m, sequence, quality, sensor, observations, unit, incident, .. } = mapping;
    let own = [time, lon, lat, height_m, sequence, quality, sensor].into_iter().flatten();
    let observed = observations.iter().flat_map(|o| [Some(&o.value), Some(&o.observed_property), o.unit.as_ref(), o.quality.as_ref()]);
    let of_unit =
        unit.iter().flat_map(|u| [Some(&u.domain), u.call_sign.as_ref(), u.kind.as_ref(), u.state.as_ref(), u.heading_deg.as_ref()]);
    let of_incident = incident.iter().flat_map(|i| {
        let texts = [&i.title_en, &i.description, &i.area, &i.state].into_iter().map(Option::as_ref);
        [&i.domain, &i.category, &i.severity, &i.title].into_iter().map(Some).chain(texts).collect::<Vec<_>>()
    });
    let all = std::iter::once(id).chain(own).map(Some).chain(observed).chain(of_unit).chain(of_incident);
    all.flatten().collect()
}

#[cfg(test)]
mod tests {
    use crate::model::feed::{FeedConfig, Source};

    const QUAKES: &str = "kind = \"geojson\"\nid = \"q\"\nurl = \"http://x/q.geojson\"\n[[mapping]]\nid = \"/id\"\n\
        observations = [{ value = \"/properties/mag\", observed_property = \"magnitude\" }]\n";

    #[test]
    fn a_mapping_of_features_is_written_as_that_of_messages_and_read_again_the_same() {
        for text in [QUAKES.to_owned(), QUAKES.replace("\"geojson\"", "\"geojson_sse\"")] {
            let feed: FeedConfig = toml::from_str(&text).unwrap();
            let (Source::Geojson { mapping, .. } | Source::GeojsonSse { mapping, .. }) = &feed.source else { panic!("{feed:?}") };
            assert_eq!(mapping.len(), 1);
            assert_eq!(toml::from_str::<FeedConfig>(&toml::to_string(&feed).unwrap()).unwrap(), feed);
        }
    }

    #[test]
    fn what_features_do_not_have_is_refused_in_words() {
        let why = |text: &str| toml::from_str::<FeedConfig>(text).unwrap_err().to_string();
        let with = |line: &str| QUAKES.replace("id = \"/id\"", &format!("id = \"/id\"\n{line}"));
        assert!(why(&with("topic = \"a/#\"")).contains("Features have no topics; leave it out"));
        assert!(why(&with("records = \"/features\"")).contains("its records are the Features"));
        assert!(why(&with("lon = \"/properties/x\"")).contains("give both, or neither"));
        assert!(why(&with("sensor = \"{/properties/name} {2}\"")).contains("names a part of a topic"));
        assert!(why(&QUAKES.replace("\"magnitude\"", "\"{1}\"")).contains("\"{1}\""));
        let (_, mapping) = QUAKES.split_once("[[mapping]]").unwrap();
        assert!(why(&format!("{QUAKES}[[mapping]]{mapping}")).contains("2 mappings"));
    }
}
