//! When a reading was, as sources write it: an instant, or the span of time that it stands for.

use crate::model::observation::SpanStart;
use crate::ogc::sensorthings::duration_ms;
use chrono::{DateTime, TimeDelta, Utc};

/// A reading of a longer span is none: a mean of a leap year is the longest that anybody makes.
const SPAN_MAX: TimeDelta = TimeDelta::days(366);

/// An instant, or a span by its two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Phenomenon {
    /// Before [`Self::end`]; `None` for an instant.
    pub start: Option<SpanStart>,
    pub end: DateTime<Utc>,
}

impl Phenomenon {
    pub fn instant(end: DateTime<Utc>) -> Self {
        Self { start: None, end }
    }

    /// A span without length is an instant.
    ///
    /// # Errors
    /// In words: it ends before it starts, or is longer than [`SPAN_MAX`].
    pub fn span(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Self, String> {
        match end - start {
            length if length < TimeDelta::zero() => Err("ends before it starts".into()),
            length if length > SPAN_MAX => Err(format!("is a span of more than {} days", SPAN_MAX.num_days())),
            length => Ok(Self { start: (length > TimeDelta::zero()).then(|| start.into()), end }),
        }
    }

    /// An instant or an ISO 8601 interval: `start/end`, `start/duration` (`PT1H`), `duration/end`. One whose start is open (`../end`) is
    /// its end. `instant` reads one time as this kind of source writes it. `None`: that is no time.
    ///
    /// # Errors
    /// As [`Self::span`].
    pub fn read(text: &str, instant: impl Fn(&str) -> Option<DateTime<Utc>>) -> Result<Option<Self>, String> {
        let Some((start, end)) = text.split_once('/').map(|(start, end)| (start.trim(), end.trim())) else {
            return Ok(instant(text.trim()).map(Self::instant));
        };
        let ends = match (length(start), length(end)) {
            (None, None) if matches!(start, "" | "..") => return Ok(instant(end).map(Self::instant)),
            (None, None) => instant(start).zip(instant(end)),
            (Some(length), None) => instant(end).and_then(|end| Some((end.checked_sub_signed(length)?, end))),
            (None, Some(length)) => instant(start).and_then(|start| Some((start, start.checked_add_signed(length)?))),
            (Some(_), Some(_)) => None,
        };
        ends.map(|(start, end)| Self::span(start, end)).transpose()
    }
}

/// Of a duration as ISO 8601 writes it.
fn length(text: &str) -> Option<TimeDelta> {
    text.starts_with('P').then(|| duration_ms(text).map(TimeDelta::milliseconds)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn instant(text: &str) -> Option<DateTime<Utc>> {
        text.parse().ok()
    }

    /// Start and end.
    fn read(text: &str) -> Result<Option<(Option<String>, String)>, String> {
        let iso = |t: DateTime<Utc>| t.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        Ok(Phenomenon::read(text, instant)?.map(|p| (p.start.map(|s| iso(s.time())), iso(p.end))))
    }

    #[test]
    fn an_interval_in_any_form_is_its_end_and_when_it_began() {
        let hour = (Some("2026-01-01T00:00:00Z".to_owned()), "2026-01-01T01:00:00Z".to_owned());
        for text in [
            "2026-01-01T00:00:00Z/2026-01-01T01:00:00Z",
            "2026-01-01T00:00:00Z / 2026-01-01T02:00:00+01:00",
            "2026-01-01T00:00:00Z/PT1H",
            "PT60M/2026-01-01T01:00:00Z",
        ] {
            assert_eq!(read(text), Ok(Some(hour.clone())), "{text}");
        }
        for text in
            ["2026-01-01T01:00:00Z", "2026-01-01T01:00:00Z/2026-01-01T01:00:00Z", "../2026-01-01T01:00:00Z", "/2026-01-01T01:00:00Z"]
        {
            assert_eq!(read(text), Ok(Some((None, hour.1.clone()))), "{text}");
        }
    }

    #[test]
    fn a_span_that_runs_backwards_or_for_years_is_refused_in_words() {
        for (text, why) in [
            ("2026-01-01T01:00:00Z/2026-01-01T00:00:00Z", "ends before it starts"),
            ("2024-01-01T00:00:00Z/2025-01-01T00:00:01Z", "is a span of more than 366 days"),
            ("P400D/2026-01-01T01:00:00Z", "is a span of more than 366 days"),
        ] {
            assert_eq!(read(text), Err(why.to_owned()), "{text}");
        }
        let hour = "2026-01-01T01:00:00Z";
        for text in [format!("{hour}/.."), format!("soon/{hour}"), format!("{hour}/"), "PT1H/PT1H".into(), format!("P1Y/{hour}"), "".into()]
        {
            assert_eq!(read(&text), Ok(None), "{text}");
        }
        assert!(read("2024-01-01T00:00:00Z/2025-01-01T00:00:00Z").is_ok(), "a leap year is a span");
    }

    proptest! {
        #[test]
        fn what_is_read_begins_before_it_ends(a in any::<i64>(), length in any::<i64>(), text in "[-PTHDMWSZ0-9:./ ]{0,40}") {
            let _ = Phenomenon::read(&text, instant);
            let (start, end) = (DateTime::from_timestamp_micros(a), DateTime::from_timestamp_micros(a.saturating_add(length)));
            if let Some((start, end)) = start.zip(end) && let Ok(read) = Phenomenon::span(start, end) {
                prop_assert!(end - start <= SPAN_MAX && read.start.is_none_or(|s| s.time() < read.end));
            }
        }
    }
}
