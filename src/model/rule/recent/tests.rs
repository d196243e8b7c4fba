//! What is dropped changes no verdict: each watch beside one that keeps all.

use super::super::{AlertRule, Verdict, Watch, tests};
use super::*;
use chrono::TimeDelta;
use proptest::prelude::*;

/// Readings kept in the tests of laws: what two spans of slices take, and the dozen shown as evidence.
const FEW: usize = 144;

fn rule(when: Condition, for_s: f64) -> AlertRule {
    AlertRule { for_s, ..tests::rule(when) }
}

fn above(for_s: f64) -> AlertRule {
    rule(Condition::Above { value: 10.0, close: None }, for_s)
}

fn rise(within_s: f64) -> AlertRule {
    rule(Condition::Rise { by: 30.0, within_s, close: None }, 0.0)
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
}

/// Like [`Watch::new`], with room for so many readings a sensor.
fn watch(rule: AlertRule, recent_max: usize) -> Watch {
    let mut watch = Watch::new(rule);
    watch.recent_max = recent_max;
    watch
}

fn take(watch: &mut Watch, ms: i64, value: f64) -> Vec<Verdict> {
    watch.take("f", "a", [118.0, 33.0], at(ms), value)
}

/// Whether an incident begins, is over or is taken back; which; and when.
fn told(verdicts: &[Verdict]) -> Vec<(char, &str, Option<DateTime<Utc>>)> {
    let one = |verdict| match verdict {
        &Verdict::Open { ref id, at, .. } => ('o', id.as_str(), Some(at)),
        &Verdict::Close { ref id, at, .. } => ('c', id.as_str(), Some(at)),
        Verdict::Retract { id, .. } => ('r', id.as_str(), None),
        other @ Verdict::OpenFeed { .. } => panic!("{other:?}"),
    };
    verdicts.iter().map(one).collect()
}

/// The first verdict, of readings every so many ms: its letter, incident and time in ms.
fn first(rule: AlertRule, step_ms: usize, value: impl Fn(i64) -> f64) -> Option<(char, String, i64)> {
    let mut watch = Watch::new(rule);
    let said = (0..8_000_000).step_by(step_ms).find_map(|ms| Some(take(&mut watch, ms, value(ms))).filter(|said| !said.is_empty()))?;
    told(&said).first().and_then(|(letter, id, at)| Some((*letter, (*id).to_owned(), (*at)?.timestamp_millis())))
}

#[test]
fn a_limit_that_must_hold_for_minutes_opens_at_any_rate() {
    let opened = |ms| Some(('o', "rule/r/a/0".to_owned(), ms));
    assert_eq!(first(above(300.0), 1_000, |_| 20.0), opened(300_000));
    assert_eq!(first(above(120.0), 100, |_| 20.0), opened(120_000));
    assert_eq!(first(above(7_200.0), 100, |_| 20.0), opened(7_200_000));
    let below = rule(Condition::Below { value: 2.0, close: None }, 300.0);
    assert_eq!(first(below, 1_000, |ms| if ms < 500_000 { 5.0 } else { 1.0 }), Some(('o', "rule/r/a/500000".into(), 800_000)));
    assert_eq!(first(above(300.0), 1_000, |ms| if ms % 290_000 == 0 { 9.0 } else { 20.0 }), None, "it never holds for so long");
}

#[test]
fn a_rise_over_an_hour_opens_at_any_rate() {
    // 30 in 59 minutes, from a low that lasts one. Since when is known to a slice, 112.5 s.
    let slope = |ms: i64| (ms - 60_000).max(0) as f64 * 30.0 / 3_540_000.0;
    for step_ms in [1_000, 100] {
        assert_eq!(first(rise(3_600.0), step_ms, slope), Some(('o', "rule/r/a/60000".to_owned(), 3_600_000)), "{step_ms}");
    }
    let fall = rule(Condition::Fall { by: 30.0, within_s: 3_600.0, close: None }, 0.0);
    assert!(matches!(first(fall, 1_000, |ms| -slope(ms)), Some(('o', _, 3_600_000))));
    assert_eq!(first(rise(3_600.0), 1_000, |ms| ms as f64 / 121_000.0), None, "it takes longer for that");
}

#[test]
fn memory_is_bounded_and_the_newest_are_kept_as_they_came() {
    for rule in [above(300.0), rise(3_600.0), rise(0.5), rule(Condition::Silent { for_s: 60.0 }, 0.0)] {
        let mut recent = Recent::default();
        for n in 0..80_000 {
            recent.keep((at(n * 100), (n % 977) as f64), rule.when, RECENT_MAX);
        }
        assert_eq!(recent.readings.len(), RECENT_MAX, "{:?}", rule.when);
        let newest: Vec<_> = recent.iter().rev().take(120).map(|(t, _)| t.timestamp_millis()).collect();
        assert_eq!(newest, (0..120).map(|n| 7_999_900 - n * 100).collect::<Vec<_>>(), "{:?}", rule.when);
    }
}

#[test]
fn what_comes_late_or_is_corrected_after_it_was_dropped_breaks_the_run_that_it_was_of() {
    let ran = |late: &dyn Fn(&mut Watch)| {
        let mut watch = Watch::new(above(300.0));
        (0..290).for_each(|s| assert_eq!(take(&mut watch, s * 1_000, 20.0), []));
        late(&mut watch);
        (290..800).find(|s| !take(&mut watch, s * 1_000, 20.0).is_empty())
    };
    assert_eq!(ran(&|_| ()), Some(300));
    assert_eq!(ran(&|watch| drop(take(watch, 5_000, 30.0))), Some(300), "still beyond the limit");
    assert_eq!(ran(&|watch| drop(take(watch, -5_000, 3.0))), Some(300), "of before it");
    let from_what_is_there = ran(&|watch| drop(take(watch, 5_000, 3.0)));
    assert_eq!(from_what_is_there, Some(334), "the oldest that was not dropped is the one of second 34");
    assert_eq!(ran(&|watch| drop(watch.doubt("a", at(0), 20.0))), Some(334), "the first of it was no evidence");
    assert_eq!(ran(&|watch| drop(watch.doubt("a", at(5_000), 20.0))), Some(300), "it goes on without that one");
    assert_eq!(ran(&|watch| drop(take(watch, 100_000, 3.0))), Some(401), "one that is still there");
}

#[test]
fn the_time_it_has_held_for_begins_after_what_opened_one_that_is_over() {
    let mut watch = Watch::new(above(300.0));
    watch.resume("rule/r/a/0", at(310_000), true);
    let opened = (0..2_000).find_map(|s| take(&mut watch, s * 1_000, 20.0).pop());
    assert_eq!(told(opened.as_slice()), [('o', "rule/r/a/311000", Some(at(611_000)))]);
}

/// The readings of an hour and more, once a second, with a rise of 40 in one step at its end.
fn risen(watch: &mut Watch, low: i64) -> String {
    (0..4_000).for_each(|s| assert_eq!(take(watch, s * 1_000, if s == low { 0.0 } else { 20.0 }), []));
    let opened = take(watch, 4_000_000, 45.0);
    let [Verdict::Open { id, .. }] = &opened[..] else { panic!("{opened:?}") };
    (4_001..4_050).for_each(|s| assert_eq!(take(watch, s * 1_000, 45.0), []));
    id.clone()
}

#[test]
fn a_long_rise_is_taken_back_when_what_it_rose_to_is_corrected_and_stands_where_that_can_t_be_told() {
    let taken_back = |id: &str, said: Vec<Verdict>| assert_eq!(told(&said), [('r', id, None)]);
    let mut watch = Watch::new(rise(3_600.0));
    let id = risen(&mut watch, 2_000);
    assert_eq!(take(&mut watch, 4_000_000, 31.0), [], "still risen by so much");
    taken_back(&id, take(&mut watch, 4_000_000, 29.0));
    let mut watch = Watch::new(rise(3_600.0));
    let id = risen(&mut watch, 2_000);
    taken_back(&id, watch.doubt("a", at(4_000_000), 45.0));
    // What it rose from, with all of its slice still there; and where others of its slice may be as low.
    let mut watch = Watch::new(rise(3_600.0));
    let id = risen(&mut watch, 3_990);
    taken_back(&id, watch.doubt("a", at(3_990_000), 0.0));
    let mut watch = Watch::new(rise(3_600.0));
    risen(&mut watch, 2_000);
    assert_eq!(watch.doubt("a", at(2_000_000), 0.0), []);
}

#[test]
fn what_is_thinned_out_is_known_not_to_be_whole() {
    let (mut recent, when) = (Recent::default(), rise(60.0).when);
    for i in 0..1_200 {
        recent.keep((at(i * 100), (i % 7) as f64), when, RECENT_MAX);
    }
    let tells = |from: i64, corrected: i64| recent.tells(when.rate().unwrap(), at(from), at(119_900), at(corrected));
    assert!(!recent.is_whole_since(at(0)) && recent.is_whole_since(at(119_900)));
    assert!(!tells(0, 30_000), "its slice has lost readings");
    assert!(tells(70_000, 119_900), "the end of the rise is there");
}

/// Steps in ms from one reading to the next, and where in its range each value lies; what stays beyond a limit for long is common.
fn readings() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let runs = prop::collection::vec((100..1_500_i64, 1..400_usize, 0..4_u8, 0.0..40.0_f64), 1..8);
    (runs, prop::collection::vec(0.0..1.0_f64, 997)).prop_map(|(runs, noise)| {
        let (mut ms, mut all) = (0, Vec::new());
        for (step, many, kind, level) in runs {
            for n in 0..many {
                ms += step;
                let noise = noise[all.len() % 997];
                let value = match kind {
                    0 => level,
                    1 => level + 8.0 * noise,
                    2 => level * n as f64 / many as f64 + noise,
                    _ => 40.0 * noise,
                };
                all.push((ms, value));
            }
        }
        all
    })
}

/// The same readings, some of which come late by so many places, 19 at most.
fn late(readings: &[(i64, f64)], places: usize) -> Vec<(i64, f64)> {
    let mut all = readings.to_vec();
    for n in (0..all.len()).step_by(20) {
        let until = (n + 1 + places).min(all.len());
        all[n..until].rotate_left(1);
    }
    all
}

/// The same, and some come twice, the first time with another value.
fn disturbed(readings: &[(i64, f64)], seed: usize) -> Vec<(i64, f64)> {
    let twice =
        |(n, (ms, value)): (usize, &(i64, f64))| [(*ms, value + 7.0), (*ms, *value)].into_iter().skip(usize::from(n % 17 != seed % 5));
    let all: Vec<_> = readings.iter().enumerate().flat_map(twice).collect();
    late(&all, seed % 20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_limit_is_judged_as_if_all_were_kept(
        readings in readings(), max in 16..200_usize, for_s in 0.0..200.0_f64, close_after_s in 0.0..30.0_f64, limit in 1.0..30.0_f64, below: bool
    ) {
        let (above, below) = (Condition::Above { value: limit, close: Some(limit - 2.0) }, below.then_some(Condition::Below { value: limit, close: Some(limit + 2.0) }));
        let rule = AlertRule { close_after_s, ..rule(below.unwrap_or(above), for_s) };
        let (mut few, mut all) = (watch(rule.clone(), max), watch(rule, usize::MAX));
        for (ms, value) in readings {
            // With their evidence.
            prop_assert_eq!(take(&mut few, ms, value), take(&mut all, ms, value));
        }
    }

    #[test]
    fn since_when_a_limit_is_passed_is_known_as_if_all_were_kept_also_when_some_come_late_or_twice(
        readings in readings(), max in 64..200_usize, limit in 1.0..30.0_f64, seed in 0..1_000_usize
    ) {
        let (mut few, mut all, when) = (Recent::default(), Recent::default(), Condition::Above { value: limit, close: None });
        for (ms, value) in disturbed(&readings, seed) {
            prop_assert_eq!(few.keep((at(ms), value), when, max), all.keep((at(ms), value), when, usize::MAX));
            let [since, wanted] = [&mut few, &mut all].map(|recent| recent.run(when, |_| true).map(|(since, _)| since));
            prop_assert_eq!(since, wanted);
        }
    }

    #[test]
    fn a_change_is_judged_by_all_but_what_may_be_missing_of_one_slice(readings in readings(), within_s in 1.0..400.0_f64, fall: bool, seed in 0..1_000_usize) {
        let (by, close) = (1.0, None);
        let when = if fall { Condition::Fall { by, within_s, close } } else { Condition::Rise { by, within_s, close } };
        let rate = when.rate().unwrap();
        let shorter = Rate { within_s: within_s * (1.0 - 1.0 / SLICES), ..rate };
        let (mut few, mut all) = (Recent::default(), Recent::default());
        for (ms, value) in late(&readings, seed % 20) {
            few.keep((at(ms), value), when, FEW);
            all.keep((at(ms), value), when, usize::MAX);
            let now = few.newest().unwrap().0;
            prop_assert_eq!(few.newest(), all.newest());
            let [told, most, least] = [few.changed(now, rate), all.changed(now, rate), all.changed(now, shorter)];
            prop_assert!(least <= told && told <= most, "{:?} {:?} {:?}", least, told, most);
            let first = |recent: &Recent| recent.within(now, within_s).next().unwrap().0;
            prop_assert!((first(&few) - first(&all)).as_seconds_f64() <= within_s / SLICES);
        }
    }

    #[test]
    fn a_rise_opens_within_a_slice_of_when_it_would_if_all_were_kept(readings in readings(), within_s in 1.0..400.0_f64, by in 2.0..39.0_f64) {
        let when = |within_s| rule(Condition::Rise { by, within_s, close: None }, 0.0);
        let opened = |within_s, max| {
            let mut watch = watch(when(within_s), max);
            readings.iter().find_map(|(ms, value)| take(&mut watch, *ms, *value).pop().map(|_| *ms)).unwrap_or(i64::MAX)
        };
        let (told, first, last) = (opened(within_s, FEW), opened(within_s, usize::MAX), opened(within_s * (1.0 - 1.0 / SLICES), usize::MAX));
        prop_assert!(first <= told && told <= last, "{} {} {}", first, told, last);
    }
}
