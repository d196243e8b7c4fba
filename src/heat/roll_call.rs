//! Which sensors inform a field, which are left out, and why.

use crate::model::average::SensorMean;
use crate::model::observation::{Observation, Quality};
use chrono::{DateTime, TimeDelta, Utc};

/// Why a sensor is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftOut {
    /// Its source doubts the reading.
    Flagged,
    /// Its last reading is too old.
    Stale,
    /// It has never been heard.
    Silent,
    /// It was heard too little for a mean.
    Scarce,
}

/// How many sensors were called and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RollCall {
    pub present: usize,
    pub flagged: usize,
    pub stale: usize,
    pub silent: usize,
    pub scarce: usize,
    /// Phenomenon time of the newest reading taken.
    pub newest: Option<DateTime<Utc>>,
}

impl RollCall {
    /// The value of a sensor's last reading at `now`, or why it is left out. A reading from the future by no more than `stale_after` is one of a fast
    /// clock and counts.
    ///
    /// # Errors
    /// Why it is left out; counted.
    pub fn call(&mut self, reading: Option<&Observation>, now: DateTime<Utc>, stale_after: TimeDelta) -> Result<f64, LeftOut> {
        let answer = match reading {
            None => Err(LeftOut::Silent),
            Some(o) if o.quality != Quality::Good || !o.value.is_finite() => Err(LeftOut::Flagged),
            Some(o) if (now - o.phenomenon_time).abs() > stale_after => Err(LeftOut::Stale),
            Some(o) => Ok(o),
        };
        self.count(answer.map(|o| (o.value, o.phenomenon_time)))
    }

    /// The same of a sensor's mean over the time that ends at `until`.
    ///
    /// # Errors
    /// Why it is left out; counted.
    pub fn call_mean(&mut self, mean: Option<&SensorMean>, until: DateTime<Utc>) -> Result<f64, LeftOut> {
        let answer = match mean {
            None => Err(LeftOut::Silent),
            Some(m) => m.value.filter(|v| v.is_finite()).ok_or(if m.heard == 0 { LeftOut::Silent } else { LeftOut::Scarce }),
        };
        self.count(answer.map(|value| (value, until)))
    }

    fn count(&mut self, answer: Result<(f64, DateTime<Utc>), LeftOut>) -> Result<f64, LeftOut> {
        match answer {
            Ok((value, time)) => {
                self.present += 1;
                self.newest = self.newest.max(Some(time));
                Ok(value)
            }
            Err(why) => {
                *match why {
                    LeftOut::Flagged => &mut self.flagged,
                    LeftOut::Stale => &mut self.stale,
                    LeftOut::Silent => &mut self.silent,
                    LeftOut::Scarce => &mut self.scarce,
                } += 1;
                Err(why)
            }
        }
    }

    pub fn left_out(&self) -> usize {
        self.flagged + self.stale + self.silent + self.scarce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sensor_called_is_present_or_left_out_for_one_reason() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(9);
        let reading = |age_min: i64, value: f64, quality: Quality| Observation {
            datastream: "d".into(),
            phenomenon_time: now - TimeDelta::minutes(age_min),
            phenomenon_start: None,
            value,
            quality,
        };
        let mut roll = RollCall::default();
        let mut call = |o: Option<Observation>| roll.call(o.as_ref(), now, TimeDelta::minutes(60));
        assert_eq!(call(Some(reading(60, 7.0, Quality::Good))), Ok(7.0));
        assert_eq!(call(Some(reading(-4, 8.0, Quality::Good))), Ok(8.0));
        assert_eq!(call(Some(reading(61, 7.0, Quality::Good))), Err(LeftOut::Stale));
        assert_eq!(call(Some(reading(-61, 7.0, Quality::Good))), Err(LeftOut::Stale));
        assert_eq!(call(Some(reading(90, 7.0, Quality::Suspect))), Err(LeftOut::Flagged));
        assert_eq!(call(Some(reading(0, f64::NAN, Quality::Good))), Err(LeftOut::Flagged));
        assert_eq!(call(None), Err(LeftOut::Silent));
        assert_eq!((roll.present, roll.flagged, roll.stale, roll.silent, roll.left_out()), (2, 2, 2, 1, 5));
        assert_eq!(roll.newest, Some(now + TimeDelta::minutes(4)));
    }

    #[test]
    fn of_means_those_with_too_little_data_are_told_from_those_that_were_never_heard() {
        let until = DateTime::UNIX_EPOCH + TimeDelta::days(9);
        let mean = |value, heard| SensorMean { datastream: "d".into(), value, valid: heard / 4, heard };
        let mut roll = RollCall::default();
        let mut call = |m: Option<SensorMean>| roll.call_mean(m.as_ref(), until);
        assert_eq!([call(Some(mean(Some(7.0), 84))), call(Some(mean(None, 3)))], [Ok(7.0), Err(LeftOut::Scarce)]);
        assert_eq!([call(Some(mean(None, 0))), call(None)], [Err(LeftOut::Silent), Err(LeftOut::Silent)]);
        assert_eq!((roll.present, roll.scarce, roll.silent, roll.left_out(), roll.newest), (1, 1, 2, 3, Some(until)));
    }
}
