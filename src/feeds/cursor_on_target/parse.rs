//! One Cursor-on-Target event (MITRE, "Cursor on Target Message Router User's Guide", schema `Event.xsd` 2.0) as what it says of a unit.

use crate::feeds::outbox::{Doubt, Reason, Unusable};
use crate::model::cot::{CotTypes, UnitKind};
use crate::model::unit::{Unit, UnitState};
use chrono::{DateTime, Utc};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Details longer than this are cut, bytes.
const DETAILS_BYTES_MAX: usize = 4 << 10;
/// Elements looked at in one event.
const ELEMENTS_MAX: usize = 10_000;

/// What an event says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Unit(Unit),
    /// The unit of this id is to be shown no longer (`t-x-d-d`).
    Gone {
        id: String,
        at: DateTime<Utc>,
    },
    /// A ping or the server's word on itself.
    Heartbeat,
}

/// # Errors
/// [`Unusable`]: no event, a kind that is no unit's, a place or a time that can't be.
pub(super) fn event(feed: &str, types: &CotTypes, xml: &[u8]) -> Result<Said, Unusable> {
    let unreadable = |why: String| Unusable::Rejected(Reason::Unreadable, why);
    let text = std::str::from_utf8(xml).map_err(|_| unreadable("an event that is not UTF-8".into()))?;
    let read = read(text).map_err(unreadable)?;
    let kind = read.head("type")?;
    if kind.starts_with("t-x-c") || kind.starts_with("t-x-takp") {
        return Ok(Said::Heartbeat);
    }
    let uid = read.head("uid")?;
    let rejected = |reason, why: String| Unusable::Rejected(reason, format!("{uid}: {why}"));
    let time = instant(read.head("time")?).ok_or_else(|| rejected(Reason::OutOfRange, "time is no time".into()))?;
    if kind == "t-x-d-d" {
        let uid = read.linked.as_deref().ok_or_else(|| rejected(Reason::Incomplete, "a deletion that links to nothing".into()))?;
        return Ok(Said::Gone { id: format!("{feed}/{uid}"), at: time });
    }
    let UnitKind { kind, domain } =
        types.of(kind).ok_or_else(|| rejected(Reason::Unsupported, format!("type {kind:?} is no unit; name its prefix under types")))?;
    let coordinate = |name: &str| read.point.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.trim().parse::<f64>().ok());
    let (lon, lat) = coordinate("lon").zip(coordinate("lat")).ok_or_else(|| rejected(Reason::Incomplete, "no point".into()))?;
    if !(lon.abs() <= 180.0 && lat.abs() <= 90.0) {
        return Err(rejected(Reason::OutOfRange, format!("{lon}, {lat} is no place on Earth")));
    }
    if lon == 0.0 && lat == 0.0 {
        return Err(Unusable::Quarantined(Doubt::Place, format!("{uid}: is at 0, 0, where a receiver without a fix says it is")));
    }
    let heading_deg = read.course.filter(|c| c.is_finite()).unwrap_or(0.0).rem_euclid(360.0);
    Ok(Said::Unit(Unit {
        id: format!("{feed}/{uid}"),
        call_sign: read.call_sign.clone().unwrap_or_else(|| uid.to_owned()),
        domain,
        kind,
        state: UnitState::Available,
        lon,
        lat,
        heading_deg,
        seen_at: time,
        stale_at: read.attributes.iter().find(|(n, _)| n == "stale").and_then(|(_, v)| instant(v)),
        details: read.details.clone(),
    }))
}

type Attributes = Vec<(String, String)>;

#[derive(Default)]
struct Read {
    attributes: Attributes,
    point: Attributes,
    call_sign: Option<String>,
    course: Option<f64>,
    linked: Option<String>,
    /// Everything inside of `detail`, as it is written.
    details: Option<String>,
}

impl Read {
    fn head(&self, name: &str) -> Result<&str, Unusable> {
        let found = self.attributes.iter().find(|(n, v)| n == name && !v.trim().is_empty());
        found.map(|(_, v)| v.as_str()).ok_or_else(|| Unusable::Rejected(Reason::Incomplete, format!("an event without {name}")))
    }
}

fn read(text: &str) -> Result<Read, String> {
    let mut reader = Reader::from_str(text);
    let mut read = Read::default();
    let mut details_from = None;
    for count in 0.. {
        if count > ELEMENTS_MAX {
            return Err(format!("an event of more than {ELEMENTS_MAX} elements"));
        }
        let before = reader.buffer_position() as usize;
        let event = reader.read_event().map_err(|e| format!("not XML: {e}"))?;
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                let name = tag.local_name();
                match name.as_ref() {
                    b"event" if count == 0 || read.attributes.is_empty() => read.attributes = attributes(tag)?,
                    _ if read.attributes.is_empty() => return Err("no Cursor-on-Target event".into()),
                    b"point" if read.point.is_empty() => read.point = attributes(tag)?,
                    b"detail" if details_from.is_none() && matches!(event, Event::Start(_)) => {
                        details_from = Some(reader.buffer_position() as usize);
                    }
                    b"contact" => read.call_sign = value(tag, "callsign")?.filter(|c| !c.trim().is_empty()).or(read.call_sign),
                    b"track" => read.course = value(tag, "course")?.and_then(|c| c.trim().parse().ok()),
                    b"link" => read.linked = value(tag, "uid")?.or(read.linked),
                    _ => {}
                }
            }
            Event::End(tag) if tag.local_name().as_ref() == b"detail" => {
                let inside = details_from.and_then(|from| text.get(from..before)).map(str::trim).filter(|d| !d.is_empty());
                read.details = inside.map(shortened).or(read.details);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if read.attributes.is_empty() { Err("no Cursor-on-Target event".into()) } else { Ok(read) }
}

fn attributes(tag: &BytesStart) -> Result<Attributes, String> {
    let each = tag.attributes().map(|attribute| {
        let attribute = attribute.map_err(|e| format!("not XML: {e}"))?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| format!("not XML: {e}"))?;
        Ok((String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned(), value.into_owned()))
    });
    each.collect()
}

fn value(tag: &BytesStart, name: &str) -> Result<Option<String>, String> {
    Ok(attributes(tag)?.into_iter().find(|(n, _)| n == name).map(|(_, v)| v))
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text.trim()).ok().map(|t| t.with_timezone(&Utc))
}

fn shortened(text: &str) -> String {
    if text.len() <= DETAILS_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=DETAILS_BYTES_MAX).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::incident::Domain;
    use proptest::prelude::*;

    const ATAK: &str = r#"<event version="2.0" uid="ANDROID-1" type="a-f-G-U-C" how="m-g" time="2026-05-01T01:00:00.000Z"
        start="2026-05-01T01:00:00Z" stale="2026-05-01T01:02:00Z"><point lat="33.95" lon="118.3" hae="20" ce="9.9" le="9999999.0"/>
        <detail><takv device="X" os="29"/><contact endpoint="*:-1:stcp" callsign="红 &amp; 1"/><track speed="1.2" course="-90"/></detail></event>"#;

    fn parse(xml: &str) -> Result<Said, Unusable> {
        event("tak", &CotTypes::default(), xml.as_bytes())
    }

    #[test]
    fn a_position_report_is_a_unit_with_its_stale_time_and_all_details() {
        let Ok(Said::Unit(unit)) = parse(ATAK) else { panic!() };
        assert_eq!((unit.id.as_str(), unit.call_sign.as_str(), unit.lon, unit.lat), ("tak/ANDROID-1", "红 & 1", 118.3, 33.95));
        assert_eq!((unit.heading_deg, unit.domain, unit.kind.as_str()), (270.0, Domain::Emergency, "officer"));
        assert_eq!(unit.stale_at.unwrap() - unit.seen_at, chrono::TimeDelta::minutes(2));
        let details = unit.details.unwrap();
        assert!(details.starts_with("<takv device=\"X\"") && details.ends_with("course=\"-90\"/>"), "{details}");
        let long = ATAK.replace("<takv", &format!("<remarks>{}</remarks><takv", "路".repeat(DETAILS_BYTES_MAX)));
        let Ok(Said::Unit(unit)) = parse(&long) else { panic!() };
        assert!(unit.details.unwrap().len() <= DETAILS_BYTES_MAX + 3);
    }

    #[test]
    fn pings_and_deletions_are_no_units_and_the_rest_says_what_is_wrong() {
        assert_eq!(parse(&ATAK.replace("a-f-G-U-C", "t-x-c-t-r")), Ok(Said::Heartbeat));
        let gone = ATAK.replace("a-f-G-U-C", "t-x-d-d").replace("<takv", "<link uid=\"B\" relation=\"none\"/><takv");
        assert!(matches!(parse(&gone), Ok(Said::Gone { id, .. }) if id == "tak/B"));
        let why = |from: &str, to: &str| match parse(&ATAK.replace(from, to)) {
            Err(Unusable::Rejected(_, why) | Unusable::Quarantined(_, why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(why("a-f-G-U-C", "b-m-p-s-p-i").contains("no unit"));
        assert!(why("uid=", "id=").contains("without uid"));
        assert!(why("lat=\"33.95\"", "lat=\"NaN\"").contains("no place on Earth"));
        assert!(why("lat=\"33.95\" lon=\"118.3\"", "lat=\"0.0\" lon=\"0\"").contains("without a fix"));
        assert!(why("time=\"2026-05-01T01:00:00.000Z\"", "time=\"now\"").contains("no time"));
        assert!(why("</detail>", "").contains("not XML"));
        assert!(why("<event version", "<html version").contains("Cursor-on-Target"));
    }

    proptest! {
        #[test]
        fn no_change_of_its_bytes_makes_it_panic(at in 0usize..600, byte in any::<u8>(), cut in 0usize..600) {
            let mut bytes = ATAK.as_bytes().to_vec();
            if let Some(b) = bytes.get_mut(at) { *b = byte }
            bytes.truncate(cut.max(1));
            let _ = event("tak", &CotTypes::default(), &bytes);
        }
    }
}
