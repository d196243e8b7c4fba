//! Readings that stand for a span of time: its start is kept and told with them, and is corrected with them.

use super::{append, reading, second, three};
use crate::history::{At, History, Reading, ReadingsQuery, Sample, Select};
use chrono::TimeDelta;

/// A reading of a span of time, whose start is as [`reading`]'s time.
pub fn mean(datastream: &str, (from_s, to_s): (i64, i64), received_s: i64, value: f64) -> Reading {
    let mut reading = reading(datastream, to_s, received_s, value);
    reading.observation.phenomenon_start = Some(second(from_s).into());
    reading
}

/// Ids and starts, as seconds of the day of [`second`].
pub(super) async fn starts<H: History>(history: &H, at: At) -> Vec<(String, Option<i64>)> {
    let state = history.latest_at(at, Select::all()).await.expect("an instant");
    let start = |s: &Sample| s.start.map(|start| (start.time() - second(0)).num_seconds());
    let mut starts: Vec<_> = state.iter().map(|(d, s)| (d.id.clone(), start(s))).collect();
    starts.sort();
    starts
}

pub(super) async fn are_kept_with_their_readings<H: History>(history: &H) {
    history.append(three()).await.expect("descriptions are kept");
    // "a" is corrected twice: its span, then that it is an instant. "b" has microseconds and crosses a midnight; "c" has none.
    let mut fine = mean("b", (-3600, 0), 1, 2.0);
    fine.observation.phenomenon_start = Some((second(-3600) + TimeDelta::microseconds(1)).into());
    let readings = vec![mean("a", (0, 3600), 3700, 1.0), fine.clone(), reading("c", 60, 61, 50.0)];
    append(history, readings.clone()).await;
    let begun = |a: Option<i64>| vec![("a".to_owned(), a), ("b".to_owned(), Some(-3599)), ("c".to_owned(), None)];
    let everything = |known_by| {
        let (from, to) = (second(-86_400), second(86_400));
        ReadingsQuery { select: Select::all(), from, to, newest_first: false, skip: 0, limit: 100, known_by }
    };
    for when in ["of readings", "once it is settled"] {
        let told = history.readings(everything(None)).await.expect("readings");
        assert_eq!(told.rows, [readings[1].clone(), readings[2].clone(), readings[0].clone()], "as they were, {when}");
        assert_eq!(starts(history, At::as_it_happened(second(7200))).await, begun(Some(0)), "{when}");
        history.settle().await.expect("partitions are made");
    }
    let corrected = mean("a", (1800, 3600), 4000, 1.0);
    append(history, vec![corrected.clone()]).await;
    assert_eq!(starts(history, At::as_it_happened(second(7200))).await, begun(Some(1800)), "a correction may change the start");
    append(history, vec![reading("a", 3600, 5000, 1.0)]).await;
    // A later hour of the property, so that the newest readings before it may be kept apart.
    append(history, vec![reading("c", 90_000, 90_001, 51.0), mean("b", (86_400, 90_000), 90_001, 3.0)]).await;
    for when in ["of readings", "once it is settled"] {
        let knew = |by| At { time: second(7200), known_by: Some(second(by)) };
        assert_eq!(starts(history, At::as_it_happened(second(7200))).await, begun(None), "or take it away, {when}");
        assert_eq!(starts(history, knew(4000)).await, begun(Some(1800)), "what we knew then, {when}");
        assert_eq!(starts(history, knew(3999)).await, begun(Some(0)), "what we knew at first, {when}");
        let told = history.readings(everything(Some(second(4000)))).await.expect("readings");
        assert_eq!(told.rows, [fine.clone(), readings[2].clone(), corrected.clone()], "what we knew then, one by one, {when}");
        let later = starts(history, At::as_it_happened(second(90_000))).await;
        assert_eq!(later, [("a".to_owned(), None), ("b".to_owned(), Some(86_400)), ("c".to_owned(), None)], "{when}");
        history.settle().await.expect("partitions are made");
    }
    let latest = history.latest(Select::datastream("b")).await.expect("latest");
    let newest: Vec<Reading> = latest.readings().collect();
    assert_eq!(newest, [mean("b", (86_400, 90_000), 90_001, 3.0)], "and the newest of all");
}
