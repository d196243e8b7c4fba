//! Public warnings as the Common Alerting Protocol has them (OASIS CAP 1.2): what threatens whom, where, until when.

use super::incident::Severity;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// An alert in force or announced; updated and cancelled by its source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// CAP `identifier`, unique together with its sender.
    pub id: String,
    pub feed: String,
    pub sender: String,
    pub sent: DateTime<Utc>,
    pub status: AlertStatus,
    /// CAP's own word: `Extreme`, `Severe` and so on are mapped to the four of incidents.
    pub severity: Severity,
    /// CAP `event`, in the language of the first info block.
    pub event: String,
    #[serde(default)]
    pub headline: String,
    /// Headline of an English info block, where there is one.
    #[serde(default)]
    pub headline_en: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub instruction: String,
    pub areas: Vec<AlertArea>,
    /// When it begins to hold; `sent` where the source doesn't say.
    pub effective: DateTime<Utc>,
    /// When what it warns of is expected to begin.
    #[serde(default)]
    pub onset: Option<DateTime<Utc>>,
    /// From here on it is shown as past.
    pub expires: Option<DateTime<Utc>>,
    /// Cancelled by its source, or replaced.
    #[serde(default)]
    pub cancelled: bool,
    /// The alert that has taken its place.
    #[serde(default)]
    pub replaced_by: Option<String>,
    /// When its source sent the word that it is over: the `sent` of the Cancel or Update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// CAP `status`. Only `Actual` is ever shown as real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    Actual,
    /// 演练: for exercises only, always marked so.
    Exercise,
    System,
    Test,
    Draft,
}

/// One area of an alert, WGS 84 degrees.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertArea {
    #[serde(default)]
    pub name: String,
    /// Rings of longitude and latitude, closed; each one a polygon of its own.
    #[serde(default)]
    pub polygons: Vec<Vec<[f64; 2]>>,
    /// Longitude, latitude, radius in metres.
    #[serde(default)]
    pub circles: Vec<[f64; 3]>,
    /// Name of a system of area codes, and a code of it.
    #[serde(default)]
    pub geocodes: Vec<[String; 2]>,
}

impl AlertStatus {
    /// Whether screens show it at all: what is real, and exercises (marked as such).
    pub fn is_shown(self) -> bool {
        matches!(self, Self::Actual | Self::Exercise)
    }
}

impl Alert {
    /// Whether screens show it at `now`: real or an exercise, not over, not cancelled. One that begins later is announced.
    pub fn is_shown(&self, now: DateTime<Utc>) -> bool {
        self.status.is_shown() && !self.cancelled && self.expires.is_none_or(|end| now < end)
    }

    /// Whether it holds at `now`: begun, not over, not cancelled.
    pub fn in_force(&self, now: DateTime<Utc>) -> bool {
        !self.cancelled && self.effective <= now && self.expires.is_none_or(|end| now < end)
    }
}

/// Corners a circle is drawn with; at 10 km radius the straight sides are 12 m off the arc.
const CIRCLE_CORNERS: usize = 64;
const EARTH_RADIUS_M: f64 = 6_371_008.8;

impl AlertArea {
    /// Longitude and latitude of each corner and each middle, to be changed.
    pub fn each_place(&mut self, mut change: impl FnMut(&mut f64, &mut f64)) {
        self.polygons.iter_mut().flatten().for_each(|[lon, lat]| change(lon, lat));
        self.circles.iter_mut().for_each(|[lon, lat, _]| change(lon, lat));
    }

    /// Everything the area covers as closed rings of longitude and latitude; a circle as a polygon.
    pub fn rings(&self) -> impl Iterator<Item = Vec<[f64; 2]>> {
        self.polygons.iter().cloned().chain(self.circles.iter().filter(|c| c[2] > 0.0).map(circle))
    }
}

fn circle([lon, lat, radius_m]: &[f64; 3]) -> Vec<[f64; 2]> {
    let (lat_rad, angle) = (lat.to_radians(), radius_m / EARTH_RADIUS_M);
    // On the sphere (great circle of a bearing), so that a wide circle is right as well.
    let corner = |i: usize| {
        let bearing = (i % CIRCLE_CORNERS) as f64 / CIRCLE_CORNERS as f64 * std::f64::consts::TAU;
        let sin_lat = lat_rad.sin() * angle.cos() + lat_rad.cos() * angle.sin() * bearing.cos();
        let east = (bearing.sin() * angle.sin() * lat_rad.cos()).atan2(angle.cos() - lat_rad.sin() * sin_lat);
        [lon + east.to_degrees(), sin_lat.clamp(-1.0, 1.0).asin().to_degrees()]
    };
    (0..=CIRCLE_CORNERS).map(corner).collect()
}

/// Whether a ring goes round a place (even-odd rule); both in longitude and latitude.
pub fn is_inside(ring: &[[f64; 2]], [lon, lat]: [f64; 2]) -> bool {
    let crosses = |side: &&[[f64; 2]]| {
        let ([x1, y1], [x2, y2]) = (side[0], side[1]);
        (y1 > lat) != (y2 > lat) && lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1
    };
    ring.windows(2).filter(crosses).count() % 2 == 1
}

/// A place inside a ring for its label: halfway along the longest piece of the parallel through its middle.
pub fn label_place(ring: &[[f64; 2]]) -> Option<[f64; 2]> {
    let (low, high) = ring.iter().fold((f64::MAX, f64::MIN), |(low, high), p| (low.min(p[1]), high.max(p[1])));
    // Beside the middle by a little, so that it meets no corner of a regular shape.
    let lat = low + (high - low) * 0.500_001;
    let mut crossings: Vec<f64> = ring
        .windows(2)
        .filter(|s| (s[0][1] > lat) != (s[1][1] > lat))
        .map(|s| s[0][0] + (s[1][0] - s[0][0]) * (lat - s[0][1]) / (s[1][1] - s[0][1]))
        .collect();
    crossings.sort_by(f64::total_cmp);
    let longest = crossings.chunks_exact(2).max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
    Some([(longest[0] + longest[1]) / 2.0, lat])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_becomes_a_ring_of_its_radius() {
        let area = AlertArea { circles: vec![[118.275, 33.963, 12_500.0], [1.0, 1.0, 0.0]], ..AlertArea::default() };
        let rings: Vec<_> = area.rings().collect();
        assert_eq!((rings.len(), rings[0].len(), rings[0][0]), (1, CIRCLE_CORNERS + 1, rings[0][CIRCLE_CORNERS]));
        let degrees = 12_500.0 / EARTH_RADIUS_M;
        let (north, east) = (rings[0][0], rings[0][CIRCLE_CORNERS / 4]);
        assert!(((north[1] - 33.963).to_radians() - degrees).abs() < 1e-9);
        assert!(((east[0] - 118.275).to_radians() * 33.963f64.to_radians().cos() - degrees).abs() < 1e-6);
        assert!(is_inside(&rings[0], [118.3, 33.97]) && !is_inside(&rings[0], [118.5, 33.97]));
    }

    #[test]
    fn a_label_stands_inside_also_in_a_bent_area() {
        // A U: its middle is outside of it.
        let u = [[0.0, 0.0], [3.0, 0.0], [3.0, 3.0], [2.0, 3.0], [2.0, 1.0], [1.0, 1.0], [1.0, 3.0], [0.0, 3.0], [0.0, 0.0]];
        let place = label_place(&u).unwrap();
        assert!(is_inside(&u, place) && !is_inside(&u, [1.5, 2.0]), "{place:?}");
        assert_eq!(label_place(&[[1.0, 1.0]]), None);
    }
}
