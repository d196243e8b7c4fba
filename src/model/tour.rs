//! Tours 巡演: a timed camera path with captions.

use super::view::CameraPose;
use serde::{Deserialize, Serialize};

/// Keyframes in the order of time; the first is at 0 s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tour {
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    #[serde(rename = "keyframe")]
    pub keyframes: Vec<Keyframe>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyframe {
    /// Seconds from the start.
    pub at_s: f64,
    pub pose: CameraPose,
    /// Shown from here until the next keyframe that has a caption; an empty one clears it.
    #[serde(default)]
    pub caption: Option<Caption>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caption {
    pub zh: String,
    #[serde(default)]
    pub en: String,
}

impl Tour {
    /// Time of the last keyframe, seconds.
    pub fn length_s(&self) -> f64 {
        self.keyframes.last().map_or(0.0, |k| k.at_s)
    }

    /// The caption that stands at `position_s`.
    pub fn caption(&self, position_s: f64) -> Option<&Caption> {
        let past = self.keyframes.iter().take_while(|k| k.at_s <= position_s);
        past.filter_map(|k| k.caption.as_ref()).last().filter(|c| !c.zh.is_empty() || !c.en.is_empty())
    }

    /// The camera at `position_s`, clamped to the tour's ends: C1-continuous through every keyframe.
    ///
    /// Monotone cubic Hermite (Fritsch and Carlson 1980) on each coordinate: smooth, and never over- or undershoots
    /// a keyframe, so a path whose keyframes stay above ground can't dip below the lower of two neighbours.
    /// Headings go the short way round. `None` for a tour without keyframes.
    pub fn pose(&self, position_s: f64) -> Option<CameraPose> {
        let first = self.keyframes.first()?;
        let t = position_s.clamp(first.at_s, self.length_s());
        let after = self.keyframes.iter().position(|k| k.at_s > t);
        let Some(i) = after.map(|i| i - 1) else { return self.keyframes.last().map(|k| k.pose) };
        let near = i.saturating_sub(1)..(i + 3).min(self.keyframes.len());
        let at: Vec<f64> = self.keyframes[near.clone()].iter().map(|k| k.at_s).collect();
        let here = i - near.start;
        let along = |of: &dyn Fn(&CameraPose) -> f64| {
            let values: Vec<f64> = self.keyframes[near.clone()].iter().map(|k| of(&k.pose)).collect();
            monotone_cubic(&at, &values, here, t)
        };
        let mut unwrapped: Vec<f64> = self.keyframes[near.clone()].iter().map(|k| k.pose.heading_deg).collect();
        for j in 1..unwrapped.len() {
            let turn = (unwrapped[j] - unwrapped[j - 1] + 180.0).rem_euclid(360.0) - 180.0;
            unwrapped[j] = unwrapped[j - 1] + turn;
        }
        Some(CameraPose {
            lon: along(&|p| p.lon),
            lat: along(&|p| p.lat),
            height_m: along(&|p| p.height_m),
            heading_deg: monotone_cubic(&at, &unwrapped, here, t).rem_euclid(360.0),
            pitch_deg: along(&|p| p.pitch_deg),
            distance_m: along(&|p| p.distance_m),
        })
    }
}

/// Value at `t` between `at[i]` and `at[i + 1]`.
fn monotone_cubic(at: &[f64], values: &[f64], i: usize, t: f64) -> f64 {
    let slope = |j: usize| (values[j + 1] - values[j]) / (at[j + 1] - at[j]).max(f64::EPSILON);
    let tangent = |j: usize| {
        if j == 0 || j + 1 == values.len() {
            return 0.0; // Eases in and out at the tour's ends.
        }
        let (a, b) = (slope(j - 1), slope(j));
        // The harmonic mean keeps |tangent| <= 3 min(|a|, |b|), Fritsch and Carlson's sufficient condition.
        if a * b <= 0.0 { 0.0 } else { 2.0 * a * b / (a + b) }
    };
    let h = (at[i + 1] - at[i]).max(f64::EPSILON);
    let u = (t - at[i]) / h;
    let (u2, u3) = (u * u, u * u * u);
    values[i] * (2.0 * u3 - 3.0 * u2 + 1.0)
        + h * tangent(i) * (u3 - 2.0 * u2 + u)
        + values[i + 1] * (3.0 * u2 - 2.0 * u3)
        + h * tangent(i + 1) * (u3 - u2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(at_s: f64, lon: f64, heading_deg: f64) -> Keyframe {
        let pose = CameraPose { lon, lat: 34.0, height_m: 20.0, heading_deg, pitch_deg: 40.0, distance_m: 800.0 };
        Keyframe { at_s, pose, caption: None }
    }

    fn tour() -> Tour {
        Tour {
            name: String::new(),
            name_en: String::new(),
            keyframes: vec![key(0.0, 0.0, 350.0), key(10.0, 1.0, 10.0), key(15.0, 5.0, 30.0)],
        }
    }

    #[test]
    fn it_passes_through_its_keyframes_and_stays_at_the_ends() {
        let t = tour();
        for k in &t.keyframes {
            assert!((t.pose(k.at_s).unwrap().lon - k.pose.lon).abs() < 1e-12);
        }
        assert_eq!(t.pose(-5.0).unwrap().lon, 0.0);
        assert_eq!(t.pose(99.0).unwrap().lon, 5.0);
    }

    #[test]
    fn it_never_jumps_and_turns_the_short_way() {
        let t = tour();
        let mut before = t.pose(0.0).unwrap();
        for i in 1..=1500 {
            let now = t.pose(f64::from(i) * 0.01).unwrap();
            assert!(now.lon >= before.lon - 1e-12 && now.lon - before.lon < 0.02);
            let turn = (now.heading_deg - before.heading_deg + 180.0).rem_euclid(360.0) - 180.0;
            assert!((-1e-9..0.2).contains(&turn), "turned {turn} at {i}");
            before = now;
        }
    }
}
