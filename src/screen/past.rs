//! The past on a screen: while the shared clock stands there, what was takes the place of what is; what is goes on behind it.

use crate::link::{LinkError, WorldState};
use crate::model::protocol::PastWorld;
use crate::model::view::Known;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use crossbeam_channel::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// While the past plays, a new picture of it is asked for this often.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// After a failure the hub is left alone for so long.
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// An answer that has not come by then is no longer waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The hub keeps the past to a tenth of a second; a clock held still is asked for once.
const SAME: TimeDelta = TimeDelta::milliseconds(100);

type Answer = Receiver<Result<Vec<u8>, LinkError>>;

/// What is needed to show the past. At rest while the clock is live.
#[derive(Default)]
pub struct Past {
    /// What is now, while something else is shown.
    live: Option<Box<WorldState>>,
    /// Of which instant the picture is.
    shown: Option<(DateTime<Utc>, Known)>,
    /// The last question, until it is answered, and when it was asked.
    asked: Option<(Option<Answer>, Instant)>,
    trouble: Option<String>,
    failed: bool,
}

impl Past {
    /// The world that follows the hub: behind the past while one is shown, else `shown` itself.
    pub fn live_mut<'a>(&'a mut self, shown: &'a mut WorldState) -> &'a mut WorldState {
        self.live.as_deref_mut().unwrap_or(shown)
    }

    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Goes where the shared clock is at `now`; `fetch` asks the hub for a path.
    pub fn follow(&mut self, shown: &mut WorldState, now: DateTime<Utc>, fetch: impl Fn(&str) -> Answer) {
        let clock = self.live_mut(shown).view.as_ref().map(|v| v.clock).unwrap_or_default();
        let Some(time) = clock.past(now) else { return self.leave(shown) };
        match &self.live {
            None => self.live = Some(Box::new(shown.clone())),
            // What is shared, and who is there, is as of now on all screens.
            Some(live) => {
                shown.revision = live.revision;
                shown.view.clone_from(&live.view);
                if shown.feeds != live.feeds || shown.screens != live.screens {
                    (shown.feeds, shown.screens) = (live.feeds.clone(), live.screens.clone());
                    shown.screens_total = live.screens_total;
                }
                (shown.connected, shown.stale_since) = (live.connected, live.stale_since);
                shown.why_stale.clone_from(&live.why_stale);
                if shown.datastreams.len() != live.datastreams.len() {
                    shown.datastreams.clone_from(&live.datastreams);
                }
            }
        }
        self.hear(shown);
        let known = clock.known();
        let is_there = self.shown.is_some_and(|(at, by)| by == known && (at - time).abs() < SAME);
        let pause = match &self.asked {
            Some((Some(_), _)) => ANSWER_WITHIN,
            _ if self.failed => RETRY_AFTER,
            _ => ASK_EVERY,
        };
        if !is_there && self.asked.as_ref().is_none_or(|(_, at)| at.elapsed() >= pause) {
            let word = match known {
                Known::AsItHappened => "as_it_happened",
                Known::AsWeKnewIt => "as_we_knew_it",
            };
            let path = format!("/api/at?time={}&known={word}", time.to_rfc3339_opts(SecondsFormat::Millis, true));
            self.asked = Some((Some(fetch(&path)), Instant::now()));
        }
    }

    /// Takes an answer in.
    fn hear(&mut self, shown: &mut WorldState) {
        let Some((Some(answer), _)) = &self.asked else { return };
        let heard = match answer.try_recv() {
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            Ok(Err(e)) => Err(e.to_string()),
            Ok(Ok(body)) => serde_json::from_slice::<PastWorld>(&body).map_err(|e| e.to_string()),
        };
        if let Some((answer, _)) = &mut self.asked {
            *answer = None;
        }
        self.failed = heard.is_err();
        match heard {
            Ok(past) => {
                shown.show_past(&past);
                self.shown = Some((past.time, past.known));
                self.trouble = past.missing.first().cloned();
            }
            Err(why) => self.trouble = Some(why),
        }
    }

    /// Back to what is now.
    fn leave(&mut self, shown: &mut WorldState) {
        if let Some(live) = self.live.take() {
            *shown = *live;
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::unit::{Unit, UnitState};
    use crate::model::view::{CameraPose, Clock, TourState, ViewState};

    fn world(clock: Clock) -> WorldState {
        let camera = CameraPose { lon: 118.3, lat: 33.9, height_m: 0.0, heading_deg: 0.0, pitch_deg: 45.0, distance_m: 900.0 };
        let view = ViewState {
            scene: "s".into(),
            camera,
            layers: Default::default(),
            selection: None,
            clock,
            tour: TourState::Off,
            theme: None,
            styling: Default::default(),
            clip: None,
            leader: None,
        };
        let units = [("u".to_owned(), unit(1.0))].into();
        WorldState { view: Some(view), units, ..WorldState::default() }
    }

    fn unit(lon: f64) -> Unit {
        let domain = crate::model::incident::Domain::Traffic;
        let (id, call_sign, kind) = ("u".into(), "u".into(), "officer".into());
        let (state, seen_at) = (UnitState::Available, DateTime::UNIX_EPOCH);
        Unit { id, call_sign, domain, kind, state, lon, lat: 0.0, heading_deg: 0.0, seen_at, stale_at: None, details: None }
    }

    fn answer(lon: f64, time: DateTime<Utc>) -> Answer {
        let (tell, answer) = crossbeam_channel::bounded(1);
        let past = PastWorld { time, units: vec![unit(lon)], ..PastWorld::default() };
        tell.send(Ok(serde_json::to_vec(&past).unwrap())).unwrap();
        answer
    }

    #[test]
    fn the_past_is_shown_while_the_clock_is_there_and_the_present_goes_on_behind_it() {
        let then = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let now = then + TimeDelta::hours(5);
        let mut shown = world(Clock::At { time: then, known: Known::default() });
        let mut past = Past::default();
        let ask = |path: &str| {
            assert_eq!(path, "/api/at?time=1970-01-01T01:00:00.000Z&known=as_it_happened");
            answer(9.0, then)
        };
        past.follow(&mut shown, now, ask);
        past.follow(&mut shown, now, ask);
        assert_eq!(shown.units["u"].lon, 9.0);
        past.live_mut(&mut shown).units.insert("u".into(), unit(2.0));
        past.follow(&mut shown, now, |_| panic!("a clock that stands is asked for once"));
        assert_eq!(shown.units["u"].lon, 9.0);
        past.live_mut(&mut shown).view.as_mut().unwrap().clock = Clock::Live;
        past.follow(&mut shown, now, |_| panic!("nothing is asked for while it is live"));
        assert_eq!(shown.units["u"].lon, 2.0, "what came meanwhile is there");
    }
}
