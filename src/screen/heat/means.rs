//! The means that the hub tells of a layer's sensors, where the layer shows means and not latest readings.

use crate::link::LinkError;
use crate::model::average::{self, Means, Period, SensorMean};
use crate::model::heat::HeatConfig;
use crate::model::view::Known;
use chrono::{DateTime, SecondsFormat, Utc};
use crossbeam_channel::{Receiver, TryRecvError};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use url::form_urlencoded::byte_serialize;

/// Late readings change means: what was told is asked for anew after this.
const ANEW_AFTER: Duration = Duration::from_secs(60);
/// After a failure the hub is left alone for so long.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// An answer that has not come by then is no longer waited for: a large city's means take seconds to make.
const PATIENCE: Duration = Duration::from_secs(30);

type Answer = Receiver<Result<Vec<u8>, LinkError>>;

/// Which means: a property's over so many hours, up to a time, by what was known.
type Question = (String, Period, DateTime<Utc>, Known);

/// What the hub told last, and what it was asked.
#[derive(Default)]
pub struct HeatMeans {
    told: Option<Told>,
    asked: Option<(Question, Instant)>,
    answer: Option<Answer>,
    trouble: Option<String>,
}

/// The means of a property's sensors.
pub struct Told {
    of: Question,
    by_datastream: HashMap<String, SensorMean>,
    missing: Option<String>,
}

impl Told {
    pub fn until(&self) -> DateTime<Utc> {
        self.of.2
    }

    pub fn of(&self, datastream: &str) -> Option<&SensorMean> {
        self.by_datastream.get(datastream)
    }
}

impl HeatMeans {
    /// Asks for what the layer needs at `now` of the shared clock by what was `known`, and takes an answer in. It is `moment` on this
    /// machine; `fetch` asks the hub for a path, and has no answer where there is no hub.
    pub fn follow(
        &mut self,
        config: &HeatConfig,
        (now, known): (DateTime<Utc>, Known),
        moment: Instant,
        fetch: impl FnOnce(&str) -> Option<Answer>,
    ) {
        let Some(hours) = config.mean_h else { return };
        self.hear();
        let wanted = (config.observed_property.clone(), hours, average::until(now), known);
        // Another layer's say nothing of this one; those of a quarter of an hour ago stand until the new ones are there.
        let is_same = |of: &Question| (&of.0, of.1) == (&wanted.0, wanted.1);
        self.told.take_if(|told| !is_same(&told.of));
        if self.asked.as_ref().is_some_and(|(asked, _)| !is_same(asked)) {
            self.trouble = None;
        }
        let pause = match (&self.answer, &self.trouble) {
            (Some(_), _) => PATIENCE,
            (None, Some(_)) => RETRY_AFTER,
            (None, None) => ANEW_AFTER,
        };
        let is_another = self.asked.as_ref().is_none_or(|(asked, _)| *asked != wanted) && self.answer.is_none();
        if is_another || self.asked.as_ref().is_none_or(|(_, at)| moment.duration_since(*at) >= pause) {
            self.answer = fetch(&path(&wanted));
            self.asked = Some((wanted, moment));
            if self.answer.is_none() {
                self.trouble = Some("没有连接中枢，无平均值 no hub, which makes the means".into());
            }
        }
    }

    /// What was told of this layer.
    pub fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// Whether there is an answer, good or bad.
    pub fn is_answered(&self) -> bool {
        self.told.is_some() || self.trouble.is_some()
    }

    /// Why there are no means, or not all, in words.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref().or_else(|| self.told.as_ref()?.missing.as_deref())
    }

    fn hear(&mut self) {
        let heard = match self.answer.as_ref().map(|answer| answer.try_recv()) {
            None | Some(Err(TryRecvError::Empty)) => return,
            Some(Err(TryRecvError::Disconnected)) => Err("the hub was not heard".to_owned()),
            Some(Ok(Err(e))) => Err(e.to_string()),
            Some(Ok(Ok(body))) => serde_json::from_slice::<Means>(&body).map_err(|e| e.to_string()),
        };
        self.answer = None;
        match heard {
            Ok(means) => {
                let of = (means.property, means.hours, means.until, means.known);
                let by_datastream = means.means.into_iter().map(|m| (m.datastream.clone(), m)).collect();
                self.told = Some(Told { of, by_datastream, missing: means.missing.into_iter().next() });
                self.trouble = None;
            }
            Err(why) => self.trouble = Some(format!("无平均值 no means: {why}")),
        }
    }
}

fn path((property, hours, until, known): &Question) -> String {
    let property: String = byte_serialize(property.as_bytes()).collect();
    let known = match known {
        Known::AsItHappened => "as_it_happened",
        Known::AsWeKnewIt => "as_we_knew_it",
    };
    let time = until.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("/api/means?property={property}&hours={}&time={time}&known={known}", hours.hours())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use std::cell::RefCell;

    fn layer(property: &str) -> HeatConfig {
        toml::from_str(&format!("id = 'h'\nname = 'h'\nobserved_property = '{property}'\nrange = [0, 1]\nmean_h = 24")).unwrap()
    }

    fn answer(means: &Means) -> Answer {
        let (tell, answer) = crossbeam_channel::bounded(1);
        tell.send(Ok(serde_json::to_vec(means).unwrap())).unwrap();
        answer
    }

    #[test]
    fn means_are_asked_for_with_each_quarter_of_an_hour_and_stand_until_the_next_are_there() {
        let (mut means, paths, start) = (HeatMeans::default(), RefCell::new(Vec::new()), Instant::now());
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::hours(9) + TimeDelta::minutes(minutes);
        let tick = |s| start + Duration::from_secs(s);
        let told = |value| Means {
            property: "a b".into(),
            hours: Period::Day,
            until: at(0),
            known: Known::AsItHappened,
            needed: 20,
            means: vec![SensorMean { datastream: "d".into(), value: Some(value), valid: 24, heard: 96 }],
            missing: vec![],
        };
        let fetch = |with: Option<Answer>| {
            let paths = &paths;
            move |path: &str| {
                paths.borrow_mut().push(path.to_owned());
                with
            }
        };
        let value = |means: &HeatMeans| means.told().and_then(|t| t.of("d")).and_then(|m| m.value);
        let now = |minutes| (at(minutes), Known::AsItHappened);
        means.follow(&layer("a b"), now(3), tick(0), fetch(Some(answer(&told(5.0)))));
        assert_eq!(paths.take(), ["/api/means?property=a+b&hours=24&time=1970-01-01T09:00:00Z&known=as_it_happened"]);
        assert!(!means.is_answered());
        means.follow(&layer("a b"), now(9), tick(1), |_| panic!("within the same quarter it is asked once"));
        assert_eq!((value(&means), means.told().map(Told::until)), (Some(5.0), Some(at(0))));
        let never = crossbeam_channel::bounded(1);
        means.follow(&layer("a b"), now(16), tick(2), fetch(Some(never.1)));
        assert_eq!((paths.take().len(), value(&means)), (1, Some(5.0)), "the old ones stand while it waits");
        means.follow(&layer("a b"), now(17), tick(31), |_| panic!("it waits for half a minute"));
        means.follow(&layer("a b"), now(18), tick(33), fetch(None));
        assert!(paths.take()[0].contains("T09:15:00Z") && means.trouble().is_some_and(|why| why.contains("no hub")));
        means.follow(&layer("c"), now(18), tick(34), fetch(None));
        assert!(value(&means).is_none(), "another property's means are not this one's");
    }
}
