//! What the hub has kept of the sensors behind a place: their last hours, also of a time when this screen was not on.

use super::Seen;
use crate::link::LinkError;
use crate::model::view::Known;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use crossbeam_channel::{Receiver, TryRecvError};
use serde::Deserialize;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use url::form_urlencoded::byte_serialize;

/// Points asked for: more than a card has pixels for.
const STEPS: i64 = 120;
/// What the hub told is asked for anew after this, or sooner when the shared clock has moved by more.
const FRESH: TimeDelta = TimeDelta::seconds(30);
/// However fast the past plays, a sensor is asked for at most this often.
const PAUSE: Duration = Duration::from_secs(1);
/// An answer that has not come by then is no longer waited for.
const PATIENCE: Duration = Duration::from_secs(10);

type Answer = Receiver<Result<Vec<u8>, LinkError>>;
type Readings = Vec<(DateTime<Utc>, f64)>;

/// Series of the sensors behind the place that is pointed at, by datastream.
#[derive(Default)]
pub struct Told {
    sensors: HashMap<String, OfSensor>,
    /// How far back a series goes.
    span: TimeDelta,
}

#[derive(Default)]
struct OfSensor {
    readings: Readings,
    /// Until when it was asked for, and as of which knowledge.
    asked_to: Option<(DateTime<Utc>, Known)>,
    asked: Option<Instant>,
    answer: Option<Answer>,
}

#[derive(Deserialize)]
struct Series {
    points: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Bucket {
    start: DateTime<Utc>,
    mean: Option<f64>,
}

impl Told {
    /// Asks for what is not known yet of these sensors, over the `span` up to `now` of the shared clock and as of what was `known` then, and takes answers
    /// in; forgets all others. True if something was learnt. It is `moment` on this machine; `fetch` asks the hub for a path.
    pub fn follow(
        &mut self,
        sensors: &[&str],
        (now, known): (DateTime<Utc>, Known),
        span: TimeDelta,
        moment: Instant,
        fetch: impl Fn(&str) -> Option<Answer>,
    ) -> bool {
        if self.span != span {
            // The series of another layer.
            *self = Self { sensors: HashMap::new(), span };
        }
        self.sensors.retain(|id, _| sensors.contains(&id.as_str()));
        let mut learnt = false;
        for id in sensors {
            let of = self.sensors.entry((*id).to_owned()).or_default();
            learnt |= of.hear();
            let moved = of.asked_to.is_none_or(|(to, by)| by != known || (now - to).abs() >= FRESH);
            let pause = if of.answer.is_some() { PATIENCE } else { PAUSE };
            if moved && of.asked.is_none_or(|asked| moment.duration_since(asked) >= pause) {
                (of.asked_to, of.asked) = (Some((now, known)), Some(moment));
                of.answer = fetch(&path(id, now, span, known));
            }
        }
        learnt
    }

    /// The series of a datastream up to `now`, oldest first: what the hub told, and after that what this screen has seen since.
    pub fn of(&self, datastream: &str, now: DateTime<Utc>, seen: &Seen) -> Readings {
        let told = self.sensors.get(datastream).map_or(&[][..], |of| &of.readings);
        let told: Readings = told.iter().copied().filter(|(at, _)| *at <= now && *at > now - self.span).collect();
        let last = told.last().map(|(at, _)| *at);
        let since = seen.of(datastream).filter(|(at, _)| last.is_none_or(|last| *at > last));
        told.iter().copied().chain(since).collect()
    }
}

impl OfSensor {
    fn hear(&mut self) -> bool {
        let heard = match self.answer.as_ref().map(|answer| answer.try_recv()) {
            None | Some(Err(TryRecvError::Empty)) => return false,
            Some(Err(TryRecvError::Disconnected)) => None,
            // A hub without a history has nothing to tell; the screen shows what it has seen.
            Some(Ok(answer)) => answer.ok().and_then(|body| serde_json::from_slice::<Series>(&body).ok()),
        };
        self.answer = None;
        let Some(series) = heard else { return false };
        self.readings = series.points.iter().filter_map(|b| Some((b.start, b.mean.filter(|v| v.is_finite())?))).collect();
        true
    }
}

fn path(datastream: &str, to: DateTime<Utc>, span: TimeDelta, known: Known) -> String {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let id: String = byte_serialize(datastream.as_bytes()).collect();
    let known_by = if known == Known::AsWeKnewIt { format!("&known_by={}", time(to)) } else { String::new() };
    format!("/api/series?datastream={id}&from={}&to={}&step_s={}{known_by}", time(to - span), time(to), span.num_seconds() / STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    const SPAN: TimeDelta = TimeDelta::hours(4);

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(36_000 + second)
    }

    #[test]
    fn the_hub_is_asked_once_for_each_sensor_and_again_when_time_has_gone_on_or_back() {
        let (mut told, paths) = (Told::default(), RefCell::new(Vec::new()));
        let fetch = |body: Option<&str>| {
            let body = body.map(|b| b.as_bytes().to_vec());
            let paths = &paths;
            move |path: &str| {
                paths.borrow_mut().push(path.to_owned());
                let (tell, answer) = crossbeam_channel::bounded(1);
                if let Some(body) = body.clone() {
                    tell.send(Ok(body)).unwrap();
                    return Some(answer);
                }
                // Nobody ever answers.
                std::mem::forget(tell);
                Some(answer)
            }
        };
        let body = r#"{"points": [{"start": "1970-01-01T09:59:00Z", "mean": 3.0}, {"start": "1970-01-01T09:59:30Z", "mean": null},
            {"start": "1970-01-01T09:59:40Z", "mean": 5.0}], "missing": []}"#;
        let (start, of_a) = (Instant::now(), ["a/1 é"]);
        let tick = |seconds| start + Duration::from_secs(seconds);
        assert!(!told.follow(&of_a, (at(0), Known::AsItHappened), SPAN, tick(0), fetch(Some(body))));
        assert!(told.follow(&of_a, (at(1), Known::AsItHappened), SPAN, tick(1), fetch(Some(body))), "the answer is here");
        assert_eq!(
            paths.take(),
            ["/api/series?datastream=a%2F1+%C3%A9&from=1970-01-01T06:00:00.000Z&to=1970-01-01T10:00:00.000Z&step_s=120"]
        );
        assert_eq!(told.of("a/1 é", at(1), &Seen::default()), [(at(-60), 3.0), (at(-20), 5.0)]);
        assert_eq!(told.of("a/1 é", at(-40), &Seen::default()), [(at(-60), 3.0)], "nothing of what comes after");
        told.follow(&of_a, (at(31), Known::AsItHappened), SPAN, tick(2), fetch(None));
        told.follow(&of_a, (at(62), Known::AsItHappened), SPAN, tick(4), fetch(None));
        assert_eq!(paths.take().len(), 1, "asked anew, and waited for");
        assert_eq!(told.of("a/1 é", at(62), &Seen::default()).len(), 2, "what is known stays while it waits");
        told.follow(&of_a, (at(62), Known::AsItHappened), SPAN, tick(15), fetch(None));
        assert_eq!(paths.take().len(), 1, "for no longer than ten seconds");
        told.follow(&of_a, (at(62), Known::AsWeKnewIt), SPAN, tick(26), fetch(None));
        assert!(paths.take()[0].ends_with("&known_by=1970-01-01T10:01:02.000Z"), "the same time as we knew it is another question");
        told.follow(&["b"], (at(62), Known::AsItHappened), SPAN, tick(27), fetch(None));
        assert!(told.of("a/1 é", at(62), &Seen::default()).is_empty(), "another place");
        told.follow(&["b"], (at(62), Known::AsItHappened), TimeDelta::hours(24), tick(28), fetch(None));
        let paths = paths.take();
        assert!(paths[1].contains("&from=1969-12-31T10:01:02.000Z&") && paths[1].ends_with("&step_s=720"), "a layer of means over a day");
    }
}
