//! `--time HH:MM` or an instant: when the city is lit.

use crate::geo::Geodetic;
use crate::screen::light::zone_hours;
use chrono::{DateTime, NaiveTime, Utc};

/// When a picture is lit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TimeArg {
    /// Today, by the clocks of the place.
    Today(NaiveTime),
    Instant(DateTime<Utc>),
}

/// # Errors
/// In words, for clap.
pub fn parse(text: &str) -> Result<TimeArg, String> {
    if let Ok(time) = NaiveTime::parse_from_str(text, "%H:%M") {
        return Ok(TimeArg::Today(time));
    }
    DateTime::parse_from_rfc3339(text).map(|t| TimeArg::Instant(t.to_utc())).map_err(|_| {
        format!("{text:?} is no time: write HH:MM (today, by the place's clocks) or an instant like 2026-06-21T19:30:00+08:00")
    })
}

impl TimeArg {
    /// The instant meant at a place.
    pub fn at(self, place: Geodetic) -> DateTime<Utc> {
        match self {
            Self::Instant(time) => time,
            Self::Today(time) => {
                let zone = zone_hours(place.lon_deg());
                ((Utc::now() + zone).date_naive().and_time(time) - zone).and_utc()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_by_the_places_clocks() {
        let suqian = Geodetic::from_degrees(118.275, 33.963, 0.0);
        let noon = parse("12:00").unwrap().at(suqian);
        assert_eq!(noon.time(), NaiveTime::from_hms_opt(4, 0, 0).unwrap());
        assert_eq!(parse("2026-06-21T12:00:00+08:00").unwrap().at(suqian).to_rfc3339(), "2026-06-21T04:00:00+00:00");
        assert!(parse("noon").unwrap_err().contains("HH:MM"));
    }
}
