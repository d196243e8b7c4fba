//! Times and durations as filters write them.

use crate::ogc::sensorthings::value::Value;
use chrono::{DateTime, NaiveDate, NaiveTime, Timelike};

/// An instant, a date (its first instant, UTC), or a time of day (as the duration since midnight).
pub fn literal(text: &str) -> Option<Value> {
    if let Ok(t) = DateTime::parse_from_rfc3339(text) {
        return Some(Value::Time(t.timestamp_millis()));
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(Value::Time(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis()));
    }
    let of_day = NaiveTime::parse_from_str(text, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M"));
    of_day.ok().map(|t| Value::Duration(since_midnight_ms(&t)))
}

pub fn since_midnight_ms(time: &impl Timelike) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * 1000 + i64::from(time.nanosecond() / 1_000_000)
}

/// An ISO 8601 duration of weeks, days, hours, minutes and seconds, in milliseconds. Months and years have no fixed length.
pub fn duration_ms(text: &str) -> Option<i64> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (days, times) = rest.strip_prefix('P')?.split_once('T').map_or((rest.strip_prefix('P')?, ""), |(d, t)| (d, t));
    if days.is_empty() && times.is_empty() {
        return None;
    }
    let total = amounts(days, &[('W', 604_800_000.0), ('D', 86_400_000.0)])?
        + amounts(times, &[('H', 3_600_000.0), ('M', 60_000.0), ('S', 1000.0)])?;
    (total < 1e15).then_some(if negative { -total } else { total } as i64)
}

/// `1D` or `2H30M`: numbers, each before one of `units` in their order.
fn amounts(mut text: &str, units: &[(char, f64)]) -> Option<f64> {
    let mut total = 0.0;
    for (unit, ms) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            total += number.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)? * ms;
            text = rest;
        }
    }
    text.is_empty().then_some(total)
}
