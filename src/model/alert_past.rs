//! Public warnings as they were: each word of a source in the order it came, folded up to any instant. Pure; the clock is an argument.

use super::alert::Alert;
use super::view::Known;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// A word is forgotten so long after it came and its alert was over; as long as incidents are told of.
pub const KEPT: TimeDelta = TimeDelta::days(92);
/// Words remembered, and about how many bytes of them: some dozens come a day, of a kilobyte or two; a province's border has hundreds.
const WORDS_MAX: usize = 20_000;
const BYTES_MAX: usize = 64 << 20;

/// What a source said of an alert, and when the hub heard of it. An alert that was cancelled or replaced says so, and by which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertWord {
    pub received_at: DateTime<Utc>,
    pub alert: Alert,
}

/// All that was said, bounded; the oldest make room.
#[derive(Clone, Debug, Default)]
pub struct AlertPast {
    /// In the order they came.
    words: VecDeque<AlertWord>,
    bytes: usize,
}

impl AlertPast {
    /// Takes a word that came after all before it; whether it says anything new. A source that is read from its beginning again says
    /// what was cancelled once more.
    pub fn hear(&mut self, word: AlertWord) -> bool {
        let before = self.words.iter().rev().find(|w| w.alert.id == word.alert.id).map(|w| &w.alert);
        let is_old =
            |before: &Alert| *before == word.alert || (before.cancelled && !word.alert.cancelled && before.sent >= word.alert.sent);
        let is_new = !before.is_some_and(is_old);
        if is_new {
            self.push(word);
        }
        is_new
    }

    /// Takes a word as it was kept.
    pub fn push(&mut self, word: AlertWord) {
        self.bytes += weight(&word.alert);
        self.words.push_back(word);
        while self.words.len() > WORDS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.words.pop_front() else { break };
            self.bytes -= weight(&oldest.alert);
        }
    }

    pub fn words(&self) -> impl Iterator<Item = &AlertWord> {
        self.words.iter()
    }

    pub fn has(&self, alert: &str) -> bool {
        self.words.iter().any(|w| w.alert.id == alert)
    }

    /// Alerts that stood at `time`, real or exercises, in the order of their ids: by when they were sent, or by when the hub had heard
    /// of them. One that was to begin later had been announced.
    pub fn at(&self, time: DateTime<Utc>, known: Known) -> Vec<Alert> {
        let mut first_sent: HashMap<&str, DateTime<Utc>> = HashMap::new();
        for word in &self.words {
            first_sent.entry(&word.alert.id).or_insert(word.alert.sent);
        }
        let mut state: BTreeMap<&str, &Alert> = BTreeMap::new();
        for word in self.words.iter().filter(|w| said_at(w, known, &first_sent) <= time) {
            state.insert(&word.alert.id, &word.alert);
        }
        state.into_values().filter(|alert| alert.is_shown(time)).cloned().collect()
    }

    /// Forgets what is older than is kept at `now`; whether there was any.
    pub fn forget_old(&mut self, now: DateTime<Utc>) -> bool {
        let before = self.words.len();
        let since = now - KEPT;
        self.words.retain(|w| w.received_at >= since || (!w.alert.cancelled && w.alert.expires.is_none_or(|end| end >= since)));
        self.bytes = self.words.iter().map(|w| weight(&w.alert)).sum();
        self.words.len() < before
    }
}

/// When a word was said: when the hub had it, or when its message was sent, which a clock that is ahead can't make later. Of the end of an
/// alert that was kept before ends had a date, the date of the alert that took its place is known, else its arrival.
fn said_at(word: &AlertWord, known: Known, first_sent: &HashMap<&str, DateTime<Utc>>) -> DateTime<Utc> {
    let sent = match (known, word.alert.cancelled) {
        (Known::AsWeKnewIt, _) => None,
        (Known::AsItHappened, false) => Some(word.alert.sent),
        (Known::AsItHappened, true) => {
            word.alert.ended_at.or_else(|| word.alert.replaced_by.as_deref().and_then(|by| first_sent.get(by)).copied())
        }
    };
    sent.map_or(word.received_at, |sent| sent.min(word.received_at))
}

/// About how many bytes an alert takes.
fn weight(alert: &Alert) -> usize {
    let texts = [&alert.headline, &alert.headline_en, &alert.description, &alert.instruction, &alert.event];
    let points: usize = alert.areas.iter().flat_map(|a| &a.polygons).map(Vec::len).sum();
    size_of::<AlertWord>() + texts.iter().map(|t| t.len()).sum::<usize>() + points * size_of::<[f64; 2]>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn word(id: &str, sent: i64, received: i64, expires: i64) -> AlertWord {
        let alert = json!({"id": id, "feed": "f", "sender": "s", "sent": at(sent), "status": "actual", "severity": "minor", "event": "rain",
            "areas": [], "effective": at(sent + 30), "expires": at(expires)});
        AlertWord { received_at: at(received), alert: serde_json::from_value(alert).unwrap() }
    }

    fn over(word: AlertWord, received: i64, replaced_by: Option<&str>) -> AlertWord {
        let alert = Alert { cancelled: true, replaced_by: replaced_by.map(str::to_owned), ..word.alert };
        AlertWord { received_at: at(received), alert }
    }

    fn shown(past: &AlertPast, minute: i64, known: Known) -> Vec<String> {
        past.at(at(minute), known).into_iter().map(|a| a.id).collect()
    }

    #[test]
    fn a_warning_stands_from_when_it_was_sent_to_when_it_was_over_cancelled_or_replaced() {
        let mut past = AlertPast::default();
        past.push(word("a", 10, 15, 1000));
        past.push(word("b", 20, 20, 100));
        // "c" takes the place of "a", sent at 50 and here at 60; "b" is over by itself, "c" is cancelled.
        past.push(over(word("a", 10, 15, 1000), 60, Some("c")));
        past.push(word("c", 50, 60, 1000));
        past.push(over(word("c", 50, 60, 1000), 200, None));
        let happened = |minute| shown(&past, minute, Known::AsItHappened);
        let knew = |minute| shown(&past, minute, Known::AsWeKnewIt);
        assert_eq!((happened(9), happened(10), knew(10), knew(15)), (vec![], vec!["a".into()], vec![], vec!["a".to_owned()]));
        assert_eq!((happened(49), happened(50)), (vec!["a".to_owned(), "b".into()], vec!["b".to_owned(), "c".into()]));
        assert_eq!((knew(59), knew(60)), (vec!["a".to_owned(), "b".into()], vec!["b".to_owned(), "c".into()]));
        assert_eq!(
            (happened(99), happened(100), happened(199)),
            (vec!["b".to_owned(), "c".into()], vec!["c".into()], vec!["c".to_owned()])
        );
        assert_eq!((happened(200), knew(200)), (vec![], vec![]));
    }

    #[test]
    fn a_cancellation_that_comes_late_ends_a_warning_from_when_it_was_sent() {
        let mut past = AlertPast::default();
        past.push(word("a", 10, 10, 1000));
        let AlertWord { received_at, alert } = over(word("a", 10, 10, 1000), 90, None);
        past.push(AlertWord { received_at, alert: Alert { ended_at: Some(at(60)), ..alert } });
        let shown_at = |minute, known| shown(&past, minute, known).len();
        assert_eq!([59, 60, 89, 90].map(|minute| shown_at(minute, Known::AsItHappened)), [1, 0, 0, 0]);
        assert_eq!([59, 60, 89, 90].map(|minute| shown_at(minute, Known::AsWeKnewIt)), [1, 1, 1, 0]);
    }

    #[test]
    fn what_is_said_again_after_its_end_does_not_stand_again() {
        let mut past = AlertPast::default();
        let first = word("a", 10, 10, 1000);
        assert!(past.hear(first.clone()) && past.hear(over(first.clone(), 50, None)));
        let again = AlertWord { received_at: at(300), ..first.clone() };
        assert!(!past.hear(again.clone()) && !past.hear(over(again, 301, None)));
        assert_eq!((shown(&past, 49, Known::AsItHappened), shown(&past, 200, Known::AsItHappened)), (vec!["a".to_owned()], vec![]));
        // A later message of the same id is another thing.
        assert!(past.hear(word("a", 400, 400, 1000)));
        assert_eq!(shown(&past, 400, Known::AsWeKnewIt), ["a"]);
    }

    #[test]
    fn what_is_long_over_is_forgotten_and_what_still_stands_is_not() {
        let mut past = AlertPast::default();
        let day = 24 * 60;
        past.push(word("over", 0, 0, 100));
        past.push(word("stands", 0, 0, 1000 * day));
        past.push(word("young", 50 * day, 50 * day, 50 * day + 1));
        assert!(past.forget_old(at(100 * day)) && !past.forget_old(at(100 * day)));
        assert_eq!(past.words().map(|w| w.alert.id.as_str()).collect::<Vec<_>>(), ["stands", "young"]);
        (0..WORDS_MAX as i64).for_each(|n| past.push(word(&n.to_string(), n, n, n + 1)));
        assert!(past.words().count() == WORDS_MAX && !past.has("stands"));
    }
}
