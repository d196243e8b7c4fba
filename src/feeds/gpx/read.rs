//! Tracks and waypoints of a GPX file (1.0 and 1.1). Only what names, places and times need is read, so that nothing else in a file can
//! cost it: a device's own fields, a field that a list of fields has forgotten, a `fix` that is none.

use super::{Place, Trail};
use crate::model::xml;
use chrono::{DateTime, NaiveDateTime, Utc};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Deepest nesting; a point's time is the fifth level, extensions go a little further.
const DEPTH_MAX: usize = 64;
/// Characters of a name; it becomes a unit's id.
const NAME_MAX: usize = 200;

/// # Errors
/// In words, when it is no GPX or ends too early.
pub(super) fn trails(bytes: &[u8]) -> Result<Vec<Trail>, String> {
    // A name in another encoding must not cost the places.
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes));
    let mut reader = Reader::from_str(&text);
    reader.config_mut().allow_dangling_amp = true;
    let mut file = File::default();
    loop {
        let at = reader.buffer_position();
        let fail = |why: String| format!("not GPX: at byte {at}: {why}");
        match reader.read_event().map_err(|e| fail(e.to_string()))? {
            Event::Start(start) => file.begin(&start).map_err(fail)?,
            Event::Empty(start) => {
                file.begin(&start).map_err(fail)?;
                file.end();
            }
            Event::End(_) => file.end(),
            Event::Text(text) => file.say(&text.xml10_content().map_err(|e| fail(e.to_string()))?),
            Event::CData(text) => file.say(&text.decode().map_err(|e| fail(e.to_string()))?),
            Event::GeneralRef(reference) => file.say(&xml::resolved(&reference)),
            Event::Eof => return file.finished(),
            _ => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Gpx,
    Track,
    TrackPoint,
    Waypoint,
    Name,
    Number,
    Time,
    Other,
}

#[derive(Default)]
struct File {
    /// From the root to where the reader is.
    path: Vec<Part>,
    is_gpx: bool,
    tracks: Vec<Trail>,
    waypoints: Vec<Trail>,
    track: Option<Track>,
    point: Point,
}

#[derive(Default)]
struct Track {
    name: String,
    number: String,
    trail: Trail,
}

#[derive(Default)]
struct Point {
    lon: Option<f64>,
    lat: Option<f64>,
    name: String,
    time: String,
}

impl File {
    fn begin(&mut self, start: &BytesStart) -> Result<(), String> {
        let part = match start.local_name().as_ref() {
            b"gpx" => Part::Gpx,
            b"trk" => Part::Track,
            b"trkpt" => Part::TrackPoint,
            b"wpt" => Part::Waypoint,
            b"name" => Part::Name,
            b"number" => Part::Number,
            b"time" => Part::Time,
            _ => Part::Other,
        };
        if self.path.is_empty() && part != Part::Gpx {
            return Err(format!("<{}> and not <gpx>", String::from_utf8_lossy(start.name().as_ref())));
        }
        if self.path.len() >= DEPTH_MAX {
            return Err(format!("elements nested more than {DEPTH_MAX} deep"));
        }
        match part {
            Part::Gpx => self.is_gpx = true,
            Part::Track => self.track = Some(Track::default()),
            Part::TrackPoint | Part::Waypoint => {
                let number = |name: &str| {
                    let value = start.try_get_attribute(name).ok().flatten()?.value;
                    std::str::from_utf8(&value).ok()?.trim().parse().ok()
                };
                self.point = Point { lon: number("lon"), lat: number("lat"), ..Point::default() };
            }
            _ => {}
        }
        self.path.push(part);
        Ok(())
    }

    fn say(&mut self, text: &str) {
        let place = match (self.path.as_slice(), &mut self.track) {
            ([.., Part::Track, Part::Name], Some(track)) => &mut track.name,
            ([.., Part::Track, Part::Number], Some(track)) => &mut track.number,
            ([.., Part::Waypoint, Part::Name], _) => &mut self.point.name,
            ([.., Part::Waypoint | Part::TrackPoint, Part::Time], _) => &mut self.point.time,
            _ => return,
        };
        place.extend(text.chars().take(NAME_MAX.saturating_sub(place.len())));
    }

    fn end(&mut self) {
        match (self.path.pop(), &mut self.track) {
            (Some(Part::TrackPoint), Some(track)) => std::mem::take(&mut self.point).end(&mut track.trail),
            (Some(Part::Waypoint), _) => {
                let point = std::mem::take(&mut self.point);
                let mut trail = Trail { unit: point.name.trim().to_owned(), ..Trail::default() };
                // A place without a name or a time is one on the map and no unit.
                if !trail.unit.is_empty() && !point.time.trim().is_empty() {
                    point.end(&mut trail);
                    self.waypoints.push(trail);
                }
            }
            (Some(Part::Track), _) => {
                let Some(Track { name, number, mut trail }) = self.track.take() else { return };
                let named = [name.trim(), number.trim()].into_iter().find(|n| !n.is_empty()).map(str::to_owned);
                trail.unit = named.unwrap_or_else(|| (self.tracks.len() + 1).to_string());
                trail.places.sort_by_key(|p| p.time);
                self.tracks.push(trail);
            }
            _ => {}
        }
    }

    fn finished(mut self) -> Result<Vec<Trail>, String> {
        if !self.is_gpx || !self.path.is_empty() {
            return Err("not GPX: it ends before its end".into());
        }
        self.tracks.append(&mut self.waypoints);
        Ok(self.tracks)
    }
}

impl Point {
    fn end(self, trail: &mut Trail) {
        match (time(self.time.trim()), self.lon, self.lat) {
            (Some(time), Some(lon), Some(lat)) if lon.abs() <= 180.0 && lat.abs() <= 90.0 => trail.places.push(Place { time, lon, lat }),
            _ => trail.untimed += 1,
        }
    }
}

/// `xsd:dateTime`; without a zone it is UTC, as all times of GPX are meant.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|t| t.with_timezone(&Utc));
    zoned.ok().or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|t| t.and_utc()))
}
