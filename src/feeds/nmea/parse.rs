//! NMEA 0183 sentences as fixes: RMC has all, GGA lacks date and course.

use crate::feeds::outbox::{Doubt, Reason, Unusable};
use ::nmea::sentences::FixType;
use ::nmea::sentences::rmc::RmcStatusOfFix;
use ::nmea::{Error, ParseResult};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

/// A position as a receiver gives it, WGS 84 degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fix {
    pub(super) time: DateTime<Utc>,
    /// Whether the sentence says the day; else it is a guess.
    pub(super) dated: bool,
    pub(super) lon: f64,
    pub(super) lat: f64,
    /// Degrees clockwise from north, where the receiver moves.
    pub(super) course_deg: Option<f64>,
}

/// The fix of a sentence, `None` for one that has none by its kind (satellites, speeds and so on). One without a date is on the day that
/// brings it nearest to `near`.
///
/// # Errors
/// [`Unusable`]: damaged on its way, or a receiver that has no fix.
pub(super) fn fix(line: &[u8], near: DateTime<Utc>) -> Result<Option<Fix>, Unusable> {
    let unreadable = |why: String| Unusable::Rejected(Reason::Unreadable, format!("NMEA: {why}"));
    let text = std::str::from_utf8(line).map_err(|_| unreadable("a line that is not text".into()))?.trim();
    // A receiver's log may begin each line with a time or a tag of its own.
    let sentence = text.find('$').map(|at| &text[at..]).ok_or_else(|| unreadable(format!("no sentence in {:?}", start(text))))?;
    if sentence.starts_with("$P") {
        // Proprietary: a maker's own.
        return Ok(None);
    }
    let no_fix = || Unusable::Quarantined(Doubt::Place, "a receiver without a fix".into());
    let (time, date, place, course) = match ::nmea::parse_str(sentence) {
        Ok(ParseResult::RMC(rmc)) => {
            if rmc.status_of_fix == RmcStatusOfFix::Invalid {
                return Err(no_fix());
            }
            (rmc.fix_time, rmc.fix_date, rmc.lon.zip(rmc.lat), rmc.true_course)
        }
        Ok(ParseResult::GGA(gga)) => {
            if gga.fix_type.is_none_or(|f| f == FixType::Invalid) {
                return Err(no_fix());
            }
            (gga.fix_time, None, gga.longitude.zip(gga.latitude), None)
        }
        Ok(_) | Err(Error::DisabledSentence | Error::Unsupported(_) | Error::Unknown(_)) => return Ok(None),
        Err(Error::ChecksumMismatch { .. }) => return Err(unreadable(format!("wrong checksum: {:?}", start(sentence)))),
        Err(_) => return Err(unreadable(format!("not understood: {:?}", start(sentence)))),
    };
    let (lon, lat) = place.ok_or_else(no_fix)?;
    let time = time.ok_or_else(|| Unusable::Rejected(Reason::Incomplete, "NMEA: a fix without time".into()))?;
    if !(lon.abs() <= 180.0 && lat.abs() <= 90.0) {
        return Err(Unusable::Rejected(Reason::OutOfRange, format!("NMEA: {lon}, {lat} is no place on Earth")));
    }
    let dated = date.is_some();
    let time = date.map_or_else(|| nearest(time, near), |date| date.and_time(time).and_utc());
    Ok(Some(Fix { time, dated, lon, lat, course_deg: course.map(f64::from).filter(|c| c.is_finite()) }))
}

/// A time of day without a date: on the day that brings it nearest to another time.
pub(super) fn nearest(time: NaiveTime, near: DateTime<Utc>) -> DateTime<Utc> {
    let today = near.date_naive().and_time(time).and_utc();
    match today - near {
        ahead if ahead > TimeDelta::hours(12) => today - TimeDelta::days(1),
        behind if behind < -TimeDelta::hours(12) => today + TimeDelta::days(1),
        _ => today,
    }
}

fn start(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RMC: &str = "$GPRMC,225446.33,A,4916.45,N,12311.12,W,000.5,054.7,191194,020.3,E*68";

    fn now() -> DateTime<Utc> {
        "2026-05-01T00:00:10Z".parse().unwrap()
    }

    #[test]
    fn rmc_has_date_and_course_and_gga_takes_the_nearest_day() {
        let rmc = fix(with_checksum(RMC).as_bytes(), now()).unwrap().unwrap();
        assert_eq!(rmc.time, "1994-11-19T22:54:46.330Z".parse::<DateTime<Utc>>().unwrap());
        assert!((rmc.lat - (49.0 + 16.45 / 60.0)).abs() < 1e-9 && (rmc.lon + (123.0 + 11.12 / 60.0)).abs() < 1e-9, "{rmc:?}");
        assert!((rmc.course_deg.unwrap() - 54.7).abs() < 1e-4);
        let gga = with_checksum("$GNGGA,235959.00,3357.0,N,11818.0,E,1,08,0.9,545.4,M,46.9,M,,*00");
        let gga = fix(gga.as_bytes(), now()).unwrap().unwrap();
        assert_eq!(gga.time, "2026-04-30T23:59:59Z".parse::<DateTime<Utc>>().unwrap());
    }

    fn with_checksum(sentence: &str) -> String {
        let inside = sentence.trim_start_matches('$').split('*').next().unwrap();
        format!("${inside}*{:02X}", inside.bytes().fold(0, |a, b| a ^ b))
    }

    #[test]
    fn damaged_lines_and_receivers_without_a_fix_are_told_apart() {
        let good = with_checksum(RMC);
        let why = |line: &str| match fix(line.as_bytes(), now()) {
            Err(Unusable::Rejected(_, why) | Unusable::Quarantined(_, why)) => why,
            other => panic!("{line}: {other:?}"),
        };
        assert!(why(&good.replace("4916", "4917")).contains("checksum"));
        assert!(why("hello").contains("no sentence"));
        assert!(why(&good[..30]).contains("not understood"));
        assert!(why(&with_checksum(&RMC.replace(",A,", ",V,"))).contains("without a fix"));
        assert_eq!(fix(with_checksum("$GPGSV,1,1,01,01,40,083,46").as_bytes(), now()), Ok(None));
        assert!(fix(format!("1714521600 {good}\r").as_bytes(), now()).unwrap().is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut line in proptest::collection::vec(any::<u8>(), 0..120), at in 0usize..80, byte in any::<u8>()) {
            let _ = fix(&line, now());
            line = with_checksum(RMC).into_bytes();
            if let Some(b) = line.get_mut(at) { *b = byte }
            let _ = fix(&line, now());
            let _ = fix(with_checksum(&String::from_utf8_lossy(&line)).as_bytes(), now());
        }
    }
}
