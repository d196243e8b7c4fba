//! Moving means 滑动平均 over hours, as air quality is judged by, and how much data they need. Pure; the clock is an argument.
//!
//! Source of the needs: GB 3095-2012 table 4. A mean over an hour needs 45 minutes of sampling, over 8 hours six hourly means, over 24 hours
//! twenty. A period's mean is that of its hourly means, each counted once.

use super::view::Known;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Means move on in such steps, and an hour is looked at by its quarters.
pub const STEP: TimeDelta = TimeDelta::minutes(15);
/// Quarters of the longest period.
const QUARTERS: usize = 96;

/// Over what time a mean is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Period {
    Hour,
    EightHours,
    Day,
}

impl TryFrom<u8> for Period {
    type Error = String;

    fn try_from(hours: u8) -> Result<Self, String> {
        match hours {
            1 => Ok(Self::Hour),
            8 => Ok(Self::EightHours),
            24 => Ok(Self::Day),
            _ => Err(format!("{hours}: standards of air quality know means over 1, 8 and 24 hours")),
        }
    }
}

impl From<Period> for u8 {
    fn from(period: Period) -> Self {
        period.hours()
    }
}

impl Period {
    pub const fn hours(self) -> u8 {
        match self {
            Self::Hour => 1,
            Self::EightHours => 8,
            Self::Day => 24,
        }
    }

    /// Hourly means without which there is no mean (GB 3095-2012 table 4).
    pub const fn needed(self) -> u8 {
        match self {
            Self::Hour => 1,
            Self::EightHours => 6,
            Self::Day => 20,
        }
    }

    /// Chinese and English, for legends.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Hour => ("1小时平均", "1 h mean"),
            Self::EightHours => ("8小时平均", "8 h mean"),
            Self::Day => ("24小时平均", "24 h mean"),
        }
    }
}

/// Up to when the means are that are told at `now`: the last full quarter of an hour, so that all who ask are told the same.
pub fn until(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(STEP).unwrap_or(now)
}

/// From when on readings are needed to tell means up to `until`: a day, by which is seen how often a source speaks.
pub fn from(until: DateTime<Utc>) -> DateTime<Utc> {
    until.checked_sub_signed(STEP * QUARTERS as i32).unwrap_or(until)
}

/// Good readings of one sensor in one quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quarter {
    pub start: DateTime<Utc>,
    pub count: u64,
    pub mean: f64,
}

/// A sensor's mean, and how much it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorMean {
    pub datastream: String,
    /// In the datastream's unit; `None`: not enough data.
    pub value: Option<f64>,
    /// Hourly means that count; no more than the period has hours.
    pub valid: u8,
    /// Quarters of the period's hours with good readings; 0: nothing was heard of it.
    pub heard: u8,
}

/// What a hub tells of a property's means (`GET /api/means?property=…&hours=…`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Means {
    pub property: String,
    pub hours: Period,
    /// The end of the period.
    pub until: DateTime<Utc>,
    pub known: Known,
    /// Hourly means without which there is no value.
    pub needed: u8,
    /// One a sensor that the hub knows, in the order of their ids.
    pub means: Vec<SensorMean>,
    /// What could not be told, in words.
    pub missing: Vec<String>,
}

/// The mean over the `period` before `until`, of the day's `quarters` before it.
///
/// An hour counts when readings lie in three of its quarters, which is 45 minutes. A source that never speaks twice in a quarter tells means
/// itself: its hour counts with three quarters of what it tells in its best hour, that of an hourly source with its one reading.
pub fn mean(datastream: &str, quarters: &[Quarter], until: DateTime<Utc>, period: Period) -> SensorMean {
    let mut day: [Option<Quarter>; QUARTERS] = [None; QUARTERS];
    for quarter in quarters.iter().filter(|q| q.count > 0 && q.mean.is_finite()) {
        // The first one is the last before `until`.
        let back = (until - quarter.start).num_seconds() - 1;
        let place = usize::try_from(back / STEP.num_seconds()).ok().filter(|_| back >= 0);
        if let Some(slot) = place.and_then(|place| day.get_mut(place)) {
            *slot = Some(*quarter);
        }
    }
    let heard = |hour: &[Option<Quarter>]| hour.iter().flatten().count();
    let speaks_often = day.iter().flatten().any(|q| q.count > 1);
    let best = day.chunks(4).map(heard).max().unwrap_or(0);
    let needed = if speaks_often { 3 } else { (best * 3).div_ceil(4).max(1) };
    let hours = || day.chunks(4).take(usize::from(period.hours()));
    let hourly: Vec<f64> =
        hours().filter(|h| heard(h) >= needed).map(|h| h.iter().flatten().map(|q| q.mean).sum::<f64>() / heard(h) as f64).collect();
    let enough = hourly.len() >= usize::from(period.needed());
    let value = enough.then(|| hourly.iter().sum::<f64>() / hourly.len() as f64);
    let heard = hours().map(heard).sum::<usize>() as u8;
    SensorMean { datastream: datastream.to_owned(), value, valid: hourly.len() as u8, heard }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(9) + TimeDelta::minutes(minute)
    }

    /// One reading or several in the quarters that begin at these minutes before the end, each of the value of its hour back.
    fn quarters(minutes: impl IntoIterator<Item = i64>, count: u64) -> Vec<Quarter> {
        minutes.into_iter().map(|m| Quarter { start: at(-m), count, mean: ((m - 1) / 60) as f64 }).collect()
    }

    fn told(quarters: &[Quarter], period: Period) -> (Option<f64>, u8) {
        let SensorMean { value, valid, .. } = mean("d", quarters, at(0), period);
        (value, valid)
    }

    #[test]
    fn a_period_has_the_mean_of_its_hours_and_nothing_before_it() {
        let all = quarters((1..=200).map(|n| n * 15), 20);
        assert_eq!(told(&all, Period::Hour), (Some(0.0), 1));
        assert_eq!(told(&all, Period::EightHours), (Some(3.5), 8));
        assert_eq!(told(&all, Period::Day), (Some(11.5), 24));
        // What comes after the end is of the next one.
        let after = [Quarter { start: at(0), count: 9, mean: 1e6 }, Quarter { start: at(15), count: 9, mean: 1e6 }];
        assert_eq!(told(&[&after[..], &all].concat(), Period::Hour), (Some(0.0), 1));
    }

    #[test]
    fn twenty_hours_of_a_day_and_six_of_eight_are_enough_and_one_less_is_not() {
        let hours = |n: i64| quarters((1..=n * 4).map(|q| q * 15), 20);
        assert_eq!((told(&hours(20), Period::Day), told(&hours(19), Period::Day)), ((Some(9.5), 20), (None, 19)));
        assert_eq!((told(&hours(6), Period::EightHours), told(&hours(5), Period::EightHours)), ((Some(2.5), 6), (None, 5)));
        assert_eq!(told(&[], Period::Hour), (None, 0));
    }

    #[test]
    fn an_hour_counts_with_forty_five_minutes_or_with_all_that_a_slow_source_says() {
        // Each minute, but for half an hour.
        assert_eq!(told(&quarters([15, 30], 15), Period::Hour), (None, 0));
        assert_eq!(told(&quarters([15, 30, 60], 15), Period::Hour), (Some(0.0), 1));
        // Each hour one reading.
        let hourly = quarters((1..=24).map(|h| h * 60), 1);
        assert_eq!(told(&hourly, Period::Day), (Some(11.5), 24));
        // Each half an hour: both of them, since one of two is less than three quarters.
        let half_hourly = quarters((1..=48).map(|h| h * 30), 1);
        assert_eq!(told(&half_hourly, Period::Day), (Some(11.5), 24));
        assert_eq!(told(&half_hourly[1..], Period::Hour), (None, 0));
    }

    #[test]
    fn all_who_ask_within_a_quarter_of_an_hour_are_told_the_same() {
        assert_eq!((until(at(0)), until(at(14)), until(at(15))), (at(0), at(0), at(15)));
        assert_eq!(until(at(0)) - from(until(at(7))), TimeDelta::hours(24));
        assert!(Period::try_from(3).unwrap_err().contains("1, 8 and 24"));
    }
}
