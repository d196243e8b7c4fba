//! View state 视图状态: what all screens share.

use super::clip::ClipRegion;
use super::scene::Theme;
use super::styling::Styling;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Shared by all screens of one scene; every accepted change gets a revision from the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewState {
    /// Scene id (file stem in `scenes/`).
    pub scene: String,
    pub camera: CameraPose,
    /// Layer id -> shown.
    pub layers: BTreeMap<String, bool>,
    pub selection: Option<Selection>,
    pub clock: Clock,
    pub tour: TourState,
    /// How the city is lit, where it is not as the scene says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Theme>,
    #[serde(default)]
    pub styling: Styling,
    /// What is cut away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<ClipRegion>,
    /// Screen id of the one that leads; others follow. `None`: nobody has led yet, anyone may.
    pub leader: Option<String>,
}

/// An orbit camera: it looks at `target` from `distance_m` away.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CameraPose {
    pub lon: f64,
    pub lat: f64,
    /// Height of the target above the ellipsoid or the package's datum, metres.
    pub height_m: f64,
    /// Direction of view, degrees clockwise from north.
    pub heading_deg: f64,
    /// Degrees below the horizon: 0 level, 90 straight down.
    pub pitch_deg: f64,
    pub distance_m: f64,
}

/// The selected thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Selection {
    Incident {
        id: String,
    },
    /// A city object by its source id.
    Feature {
        id: String,
    },
    Sensor {
        id: String,
    },
    Unit {
        id: String,
    },
}

impl Selection {
    pub fn id(&self) -> &str {
        match self {
            Self::Incident { id } | Self::Feature { id } | Self::Sensor { id } | Self::Unit { id } => id,
        }
    }
}

/// The scene's time, the same on all screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Clock {
    #[default]
    Live,
    /// Held at one instant of the past.
    At {
        time: DateTime<Utc>,
        #[serde(default)]
        known: Known,
    },
    /// The past, played: it was `time` when the hub's clock was `at`, and goes on `speed` times as fast.
    Playing {
        time: DateTime<Utc>,
        at: DateTime<Utc>,
        speed: f64,
        #[serde(default)]
        known: Known,
    },
}

/// Whose past is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// 实际发生: by when things happened, with everything that was learnt since.
    #[default]
    AsItHappened,
    /// 当时所知: only what had reached the hub by then.
    AsWeKnewIt,
}

/// Slowest and fastest play of the past, seconds of it a second.
pub const PLAY_SPEEDS: std::ops::RangeInclusive<f64> = 1.0..=600.0;

impl Clock {
    /// The scene's time when the hub's clock is `now`; never later than that. `None` while it is live.
    pub fn past(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match *self {
            Self::Live => None,
            Self::At { time, .. } => Some(time.min(now)),
            Self::Playing { time, at, speed, .. } => {
                let ms = (now - at).num_milliseconds().max(0) as f64 * speed;
                // A clock that has run into the present stays there; a view of 100 years ago at 600x is no overflow either.
                let gone = chrono::TimeDelta::try_milliseconds(ms as i64).unwrap_or(chrono::TimeDelta::MAX);
                Some(time.checked_add_signed(gone).unwrap_or(now).min(now))
            }
        }
    }

    pub fn known(&self) -> Known {
        match *self {
            Self::Live => Known::default(),
            Self::At { known, .. } | Self::Playing { known, .. } => known,
        }
    }

    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live)
    }
}

/// Where the tour is: a position at an instant of the hub's clock, so that any screen computes the same position at any later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TourState {
    #[default]
    Off,
    /// At `position_s` when the hub's clock was `at`.
    Playing {
        position_s: f64,
        at: DateTime<Utc>,
    },
    Paused {
        position_s: f64,
    },
}

impl TourState {
    /// Seconds into the tour at hub time `now`; `None` when off.
    pub fn position_s(&self, now: DateTime<Utc>) -> Option<f64> {
        match *self {
            TourState::Off => None,
            TourState::Paused { position_s } => Some(position_s),
            TourState::Playing { position_s, at } => Some(position_s + (now - at).as_seconds_f64().max(0.0)),
        }
    }
}

/// A change of the view state; `None` leaves a part as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ViewPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraPose>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub layers: BTreeMap<String, bool>,
    /// `Some(None)` (JSON `null`) clears the selection.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub selection: Option<Option<Selection>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tour: Option<TourMove>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theme: Option<Theme>,
    /// All of it, as it is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub styling: Option<Styling>,
    /// `Some(None)` (JSON `null`) makes the city whole again.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub clip: Option<Option<ClipRegion>>,
}

/// What a person does to the tour; the hub turns it into a [`TourState`] with its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "move", rename_all = "snake_case")]
pub enum TourMove {
    /// From the start, or on from where it was paused.
    Play,
    Pause,
    Leave,
    /// Jump to a position, seconds.
    Seek {
        position_s: f64,
    },
}

/// Tells an absent field (no change) from `null` (clear).
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(d).map(Some)
}

impl ViewState {
    /// Applies `patch` as of hub time `now`. `tour_length_s` bounds tour positions (0 when the scene has no tour: tour moves do nothing).
    pub fn apply(&mut self, patch: &ViewPatch, now: DateTime<Utc>, tour_length_s: f64) {
        if let Some(camera) = patch.camera {
            self.camera = camera;
        }
        self.layers.extend(patch.layers.iter().map(|(k, v)| (k.clone(), *v)));
        if let Some(selection) = &patch.selection {
            self.selection = selection.clone();
        }
        if let Some(clock) = patch.clock {
            // Stamped with the hub's clock, so that all screens play from the same instant.
            self.clock = match clock {
                Clock::Playing { time, speed, known, .. } => Clock::Playing { time, at: now, speed, known },
                still => still,
            };
        }
        if let Some(theme) = patch.theme {
            self.theme = Some(theme);
        }
        if let Some(styling) = &patch.styling {
            self.styling = styling.clone();
        }
        if let Some(clip) = &patch.clip {
            self.clip = clip.clone();
        }
        if let Some(tour_move) = patch.tour {
            self.tour = self.tour.after(tour_move, now, tour_length_s);
        }
    }
}

impl TourState {
    /// The state after a person's move.
    pub fn after(self, tour_move: TourMove, now: DateTime<Utc>, length_s: f64) -> TourState {
        if length_s <= 0.0 {
            return TourState::Off;
        }
        let here = self.position_s(now).map(|p| p.clamp(0.0, length_s));
        match (tour_move, here) {
            (TourMove::Leave, _) => TourState::Off,
            (TourMove::Pause, None) => TourState::Off,
            (TourMove::Pause, Some(position_s)) => TourState::Paused { position_s },
            // Play at the end starts again.
            (TourMove::Play, here) => TourState::Playing { position_s: here.filter(|p| *p < length_s).unwrap_or(0.0), at: now },
            (TourMove::Seek { position_s }, _) => {
                let position_s = if position_s.is_finite() { position_s.clamp(0.0, length_s) } else { 0.0 };
                match self {
                    TourState::Playing { .. } => TourState::Playing { position_s, at: now },
                    _ => TourState::Paused { position_s },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_tour_plays_pauses_goes_on_and_leaves() {
        let t0 = DateTime::<Utc>::UNIX_EPOCH;
        let at = |s| t0 + TimeDelta::seconds(s);
        let tour = TourState::Off.after(TourMove::Play, at(0), 120.0);
        assert_eq!(tour.position_s(at(30)), Some(30.0));
        let tour = tour.after(TourMove::Pause, at(30), 120.0);
        assert_eq!(tour.position_s(at(90)), Some(30.0));
        let tour = tour.after(TourMove::Play, at(90), 120.0);
        assert_eq!(tour.position_s(at(100)), Some(40.0));
        assert_eq!(tour.after(TourMove::Leave, at(101), 120.0), TourState::Off);
        assert_eq!(TourState::Off.after(TourMove::Play, t0, 0.0), TourState::Off);
    }

    #[test]
    fn a_played_past_goes_on_at_its_speed_and_never_beyond_the_present() {
        let t0 = DateTime::<Utc>::UNIX_EPOCH;
        let at = |s| t0 + TimeDelta::seconds(s);
        let known = Known::default();
        assert_eq!(Clock::Live.past(at(5)), None);
        assert_eq!(Clock::At { time: at(100), known }.past(at(1000)), Some(at(100)));
        let playing = Clock::Playing { time: at(100), at: at(1000), speed: 60.0, known };
        assert_eq!((playing.past(at(1000)), playing.past(at(1010))), (Some(at(100)), Some(at(700))));
        assert_eq!(playing.past(at(1100)), Some(at(1100)), "it has caught up with the present");
        assert_eq!(playing.past(at(900)), Some(at(100)), "a screen's clock a little behind shows the start");
        let old: Clock = serde_json::from_str(r#"{"mode":"at","time":"1970-01-01T00:00:00Z"}"#).unwrap();
        assert_eq!(old, Clock::At { time: t0, known });
    }

    #[test]
    fn an_absent_selection_is_kept_and_null_clears_it() {
        let keep: ViewPatch = serde_json::from_str("{}").unwrap();
        let clear: ViewPatch = serde_json::from_str(r#"{"selection":null}"#).unwrap();
        assert_eq!(keep.selection, None);
        assert_eq!(clear.selection, Some(None));
    }
}
