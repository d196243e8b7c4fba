//! A message of the Common Alerting Protocol (OASIS CAP 1.2, and 1.1 and 1.0, which differ in nothing that is read here).

use crate::feeds::outbox::Reason;
use crate::model::alert::{Alert, AlertArea, AlertStatus};
use crate::model::feed::AlertScope;
use crate::model::incident::Severity;
use crate::model::xml::Element;
use chrono::{DateTime, TimeDelta, Utc};

/// How long an alert holds whose source doesn't say; the standard leaves it to whoever receives it (3.2.2, "expires").
pub const HOLDS: TimeDelta = TimeDelta::hours(24);
/// Of all areas of a message. A province's border in full detail has some ten thousand.
const POINTS_MAX: usize = 50_000;
const AREAS_MAX: usize = 2_000;
/// Between a message's id and the number of its second info block and those after it.
pub const BLOCK: char = '#';
/// Characters of an identifier or a sender, of a headline, and of a longer text.
const ID_MAX: usize = 160;
const HEADLINE_MAX: usize = 300;
const TEXT_MAX: usize = 4_000;

/// What identifies a message: identifiers are the sender's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub sender: String,
    pub identifier: String,
}

impl Key {
    /// As the first alert of the message is called.
    pub fn id(&self) -> String {
        format!("{}/{}", self.sender, self.identifier)
    }
}

/// CAP `msgType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Alert,
    Update,
    Cancel,
    Ack,
    Error,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub key: Key,
    pub sent: DateTime<Utc>,
    pub status: AlertStatus,
    pub kind: Kind,
    pub scope: AlertScope,
    pub references: Vec<Key>,
    /// One an info block of the language that is shown.
    pub alerts: Vec<Alert>,
}

/// What can't be used, and why in words.
pub type Fault = (Reason, String);

/// The alerts in a document: the document itself, or those within a feed or an envelope (EDXL-DE, Atom content).
pub fn alerts_in(document: &Element) -> Vec<&Element> {
    let is_alert =
        |e: &&Element| e.name == "alert" && (e.namespace.is_empty() || e.namespace.contains(":cap:") || e.namespace.contains("/cap/"));
    document.with_descendants().filter(is_alert).collect()
}

/// Reads one `alert` element.
///
/// # Errors
/// Which element is missing or wrong.
pub fn message(feed: &str, alert: &Element) -> Result<Message, Fault> {
    let identifier = required(alert, "identifier").map_err(|why| (Reason::Incomplete, format!("an alert: {why}")))?;
    let fail = |why: String| (Reason::Incomplete, format!("alert {}: {why}", cut(identifier, ID_MAX)));
    let sender = required(alert, "sender").map_err(fail)?;
    if identifier.chars().count().max(sender.chars().count()) > ID_MAX {
        return Err((Reason::TooLarge, format!("an alert's identifier or sender is longer than {ID_MAX} characters")));
    }
    let head = Head {
        feed,
        id: Key { sender: sender.to_owned(), identifier: identifier.to_owned() }.id(),
        sender,
        sent: time(alert, "sent").map_err(fail)?.ok_or_else(|| fail("no sent".into()))?,
        status: word(alert, "status", &STATUSES).map_err(fail)?,
    };
    let kind = word(alert, "msgType", &KINDS).map_err(fail)?;
    let alerts = match kind {
        Kind::Alert | Kind::Update => infos(alert, &head)?,
        Kind::Cancel | Kind::Ack | Kind::Error => Vec::new(),
    };
    Ok(Message {
        key: Key { sender: sender.to_owned(), identifier: identifier.to_owned() },
        sent: head.sent,
        status: head.status,
        kind,
        // Version 1.0 and many senders leave it out; a warning that nobody has restricted is public.
        scope: if alert.child("scope").is_some() { word(alert, "scope", &SCOPES).map_err(fail)? } else { AlertScope::Public },
        references: references(alert.text_of("references").unwrap_or_default()),
        alerts,
    })
}

const STATUSES: [(&str, AlertStatus); 5] = [
    ("Actual", AlertStatus::Actual),
    ("Exercise", AlertStatus::Exercise),
    ("System", AlertStatus::System),
    ("Test", AlertStatus::Test),
    ("Draft", AlertStatus::Draft),
];
const KINDS: [(&str, Kind); 5] =
    [("Alert", Kind::Alert), ("Update", Kind::Update), ("Cancel", Kind::Cancel), ("Ack", Kind::Ack), ("Error", Kind::Error)];
const SCOPES: [(&str, AlertScope); 3] =
    [("Public", AlertScope::Public), ("Restricted", AlertScope::Restricted), ("Private", AlertScope::Private)];

/// What all info blocks share.
struct Head<'a> {
    feed: &'a str,
    id: String,
    sender: &'a str,
    sent: DateTime<Utc>,
    status: AlertStatus,
}

/// One alert an info block of the language shown: Chinese where there is one, else the message's first. The English blocks lend their
/// headlines in the same order.
fn infos(alert: &Element, head: &Head) -> Result<Vec<Alert>, Fault> {
    let fail = |why: String| (Reason::Incomplete, format!("alert {}: {why}", head.id));
    let all: Vec<&Element> = alert.all("info").collect();
    let first = all.first().ok_or_else(|| fail("no info".into()))?;
    let of = |tongue: &str| all.iter().copied().filter(|i| language(i) == tongue).collect::<Vec<_>>();
    let shown = if all.iter().any(|i| language(i) == "zh") { "zh".to_owned() } else { language(first) };
    let (infos, english) = (of(&shown), if shown == "en" { Vec::new() } else { of("en") });
    let mut points = 0;
    infos
        .iter()
        .enumerate()
        .map(|(i, info)| {
            let id = if i == 0 { head.id.clone() } else { format!("{}{BLOCK}{}", head.id, i + 1) };
            let pair = english.get(i).copied();
            let mut areas = areas(info, &mut points)?;
            // A translation may leave out what the other has said.
            if areas.is_empty()
                && let Some(pair) = pair
            {
                areas = self::areas(pair, &mut points)?;
            }
            let effective = time(info, "effective").map_err(fail)?.unwrap_or(head.sent);
            let expires = time(info, "expires").map_err(fail)?.unwrap_or(effective.max(head.sent) + HOLDS);
            let event = info.text_of("event").unwrap_or_default();
            let headline = |i: &Element| i.text_of("headline").or(i.text_of("event")).map(|t| cut(t, HEADLINE_MAX)).unwrap_or_default();
            Ok(Alert {
                id,
                feed: head.feed.to_owned(),
                sender: info.text_of("senderName").map_or_else(|| head.sender.to_owned(), |t| cut(t, HEADLINE_MAX)),
                sent: head.sent,
                status: head.status,
                severity: severity(info.text_of("severity").unwrap_or_default()),
                event: cut(event, HEADLINE_MAX),
                headline: headline(info),
                headline_en: pair.map(headline).unwrap_or_default(),
                description: info.text_of("description").map(|t| cut(t, TEXT_MAX)).unwrap_or_default(),
                instruction: info.text_of("instruction").map(|t| cut(t, TEXT_MAX)).unwrap_or_default(),
                areas,
                effective,
                onset: time(info, "onset").map_err(fail)?,
                expires: Some(expires),
                cancelled: false,
                replaced_by: None,
                ended_at: None,
            })
        })
        .collect()
}

/// The main part of an info block's language; English where it doesn't say (3.2.2).
fn language(info: &Element) -> String {
    let tag = info.text_of("language").unwrap_or("en-US").to_lowercase();
    tag.split(['-', '_']).next().unwrap_or_default().to_owned()
}

/// The four levels of CAP on our four. China's colours are the same four: red, orange, yellow, blue.
fn severity(word: &str) -> Severity {
    match word {
        "Extreme" => Severity::Critical,
        "Severe" => Severity::Major,
        "Moderate" => Severity::Minor,
        _ => Severity::Info,
    }
}

fn areas(info: &Element, points: &mut usize) -> Result<Vec<AlertArea>, Fault> {
    let mut areas = Vec::new();
    for area in info.all("area") {
        if areas.len() >= AREAS_MAX {
            return Err((Reason::TooLarge, format!("an alert of more than {AREAS_MAX} areas")));
        }
        let wrong = |why: String| (Reason::OutOfRange, format!("area {:?}: {why}", cut(area.text_of("areaDesc").unwrap_or_default(), 40)));
        let geocode = |g: &Element| Some([cut(g.text_of("valueName")?, ID_MAX), cut(g.text_of("value")?, ID_MAX)]);
        areas.push(AlertArea {
            name: cut(area.text_of("areaDesc").unwrap_or_default(), HEADLINE_MAX),
            polygons: area.all("polygon").map(|p| polygon(&p.text)).collect::<Result<_, _>>().map_err(wrong)?,
            circles: area.all("circle").map(|c| circle(&c.text)).collect::<Result<_, _>>().map_err(wrong)?,
            geocodes: area.all("geocode").take(AREAS_MAX).filter_map(geocode).collect(),
        });
        *points += areas.last().map_or(0, |a| a.polygons.iter().map(Vec::len).sum::<usize>() + a.circles.len());
        if *points > POINTS_MAX {
            return Err((Reason::TooLarge, format!("an alert whose areas have more than {POINTS_MAX} points")));
        }
    }
    Ok(areas)
}

/// `latitude,longitude` pairs, at least four, the last the same as the first (closed here where it is not), as longitude, latitude.
fn polygon(text: &str) -> Result<Vec<[f64; 2]>, String> {
    let mut ring = text.split_whitespace().map(place).collect::<Result<Vec<_>, _>>()?;
    if ring.first() != ring.last() {
        ring.extend(ring.first().copied());
    }
    if ring.len() < 4 { Err(format!("a polygon of {} points", ring.len())) } else { Ok(ring) }
}

/// `latitude,longitude radius` with the radius in kilometres, as longitude, latitude, metres.
fn circle(text: &str) -> Result<[f64; 3], String> {
    let mut parts = text.split_whitespace();
    let [lon, lat] = place(parts.next().unwrap_or_default())?;
    let radius_km: f64 = parts.next().and_then(|r| r.parse().ok()).ok_or_else(|| format!("{:?} is no circle", cut(text, 40)))?;
    // Half the way round the Earth.
    if (0.0..=20_040.0).contains(&radius_km) { Ok([lon, lat, radius_km * 1000.0]) } else { Err(format!("a radius of {radius_km} km")) }
}

fn place(pair: &str) -> Result<[f64; 2], String> {
    let mut numbers = pair.split(',').map(|n| n.trim().parse::<f64>());
    let (Some(Ok(lat)), Some(Ok(lon))) = (numbers.next(), numbers.next()) else {
        return Err(format!("{:?} is no latitude,longitude", cut(pair, 40)));
    };
    if lat.abs() <= 90.0 && lon.abs() <= 180.0 { Ok([lon, lat]) } else { Err(format!("{lat},{lon} is no place on Earth")) }
}

/// `sender,identifier,sent` between spaces; what is no such triple is passed over.
fn references(text: &str) -> Vec<Key> {
    let key = |triple: &str| {
        let (sender, rest) = triple.split_once(',')?;
        let identifier = rest.rsplit_once(',').map_or(rest, |(identifier, _)| identifier);
        (!identifier.is_empty()).then(|| Key { sender: sender.to_owned(), identifier: identifier.to_owned() })
    };
    text.split_whitespace().filter_map(key).take(AREAS_MAX).collect()
}

fn required<'a>(element: &'a Element, name: &str) -> Result<&'a str, String> {
    element.text_of(name).ok_or_else(|| format!("no {name}"))
}

fn word<T: Copy>(element: &Element, name: &str, words: &[(&str, T)]) -> Result<T, String> {
    let text = required(element, name)?;
    words.iter().find(|(w, _)| *w == text).map(|(_, t)| *t).ok_or_else(|| format!("{name} is {:?}", cut(text, 40)))
}

fn time(element: &Element, name: &str) -> Result<Option<DateTime<Utc>>, String> {
    let Some(text) = element.text_of(name) else { return Ok(None) };
    let time =
        DateTime::parse_from_rfc3339(text).map_err(|_| format!("{name} is {:?}, not a time like 2026-01-01T00:00:00+08:00", cut(text, 40)));
    time.map(|t| Some(t.with_timezone(&Utc)))
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
