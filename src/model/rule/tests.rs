use super::*;
use chrono::{DateTime, TimeDelta, Utc};

pub(super) fn rule(when: Condition) -> AlertRule {
    AlertRule {
        id: "r".into(),
        name: "超标".into(),
        name_en: String::new(),
        observed_property: "pm2_5".into(),
        when,
        for_s: 0.0,
        close_after_s: 0.0,
        bounds: None,
        area: None,
        domain: Domain::UrbanManagement,
        category: "urban_management/appearance/smoke".into(),
        severity: Severity::Major,
    }
}

fn at(s: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(s)
}

/// A letter a verdict: open, close, retract, nothing.
fn letters(watch: &mut Watch, readings: &[(i64, f64)]) -> String {
    let letter = |v: Vec<Verdict>| match &v[..] {
        [Verdict::Open { .. } | Verdict::OpenFeed { .. }] => 'o',
        [Verdict::Close { .. }] => 'c',
        [Verdict::Retract { .. }] => 'r',
        [] => '.',
        more => panic!("{more:?}"),
    };
    readings.iter().map(|(s, value)| letter(watch.take("f", "a", [118.0, 33.0], at(*s), *value))).collect()
}

#[test]
fn between_the_two_limits_nothing_flutters() {
    let mut watch = Watch::new(rule(Condition::Above { value: 150.0, close: Some(115.0) }));
    assert_eq!(
        letters(&mut watch, &[(0, 149.0), (1, 151.0), (2, 140.0), (3, 152.0), (4, 115.5), (5, 114.0), (6, 140.0), (7, 160.0)]),
        ".o...c.o"
    );
    let mut below = Watch::new(rule(Condition::Below { value: 2.0, close: Some(3.0) }));
    assert_eq!(letters(&mut below, &[(0, 2.5), (1, 1.9), (2, 2.9), (3, 3.1)]), ".o.c");
}

#[test]
fn it_opens_and_closes_only_after_having_held_for_so_long() {
    let mut watch = Watch::new(AlertRule { for_s: 60.0, close_after_s: 30.0, ..rule(Condition::Above { value: 10.0, close: None }) });
    let readings = [(0, 11.0), (30, 12.0), (40, 9.0), (50, 11.0), (80, 11.0), (110, 11.0), (120, 9.0), (130, 11.0), (140, 9.0), (170, 9.0)];
    assert_eq!(letters(&mut watch, &readings), ".....o...c");
}

#[test]
fn a_quick_sensor_opens_a_rule_of_minutes_and_of_an_hour() {
    // The second in which it opens.
    fn opens(mut watch: Watch, readings: impl IntoIterator<Item = (i64, f64)>) -> Option<i64> {
        let time = |ms| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms);
        let first = readings.into_iter().find(|(ms, value)| !watch.take("f", "a", [118.0, 33.0], time(*ms), *value).is_empty());
        first.map(|(ms, _)| ms / 1_000)
    }
    let above = |for_s| Watch::new(AlertRule { for_s, ..rule(Condition::Above { value: 10.0, close: None }) });
    assert_eq!(opens(above(300.0), (0..400).map(|s| (s * 1_000, 11.0))), Some(300), "once a second");
    assert_eq!(opens(above(120.0), (0..4_000).map(|i| (i * 100, 11.0))), Some(120), "ten times a second");
    let broken = (0..4_000).map(|i| (i * 100, if i == 1_000 { 9.0 } else { 11.0 }));
    assert_eq!(opens(above(120.0), broken), Some(220), "from the last break on");
    let rise = || Watch::new(rule(Condition::Rise { by: 36.0, within_s: 3_600.0, close: None }));
    assert_eq!(opens(rise(), (0..5_000).map(|s| (s * 1_000, s as f64 * 0.01 + 1e-6))), Some(3_600), "slowly over an hour");
    assert_eq!(opens(rise(), (0..9_000).map(|s| (s * 1_000, s as f64 * 0.009))), None, "too slowly");
}

#[test]
fn a_corrected_reading_takes_the_incident_back() {
    let mut watch = Watch::new(rule(Condition::Above { value: 10.0, close: None }));
    let opened = watch.take("f", "a", [118.0, 33.0], at(0), 99.0);
    let [Verdict::Open { id, evidence, lon, .. }] = &opened[..] else { panic!("{opened:?}") };
    assert_eq!((id.as_str(), evidence[0].value, *lon), ("rule/r/a/0", 99.0, 118.0));
    assert_eq!(watch.take("f", "a", [118.0, 33.0], at(5), 12.0), []);
    let corrected = Evidence { datastream: "a".into(), time: at(0), value: 9.9 };
    assert_eq!(watch.take("f", "a", [118.0, 33.0], at(0), 9.9), [Verdict::Retract { id: id.clone(), corrected, flagged: false }]);
    // A correction that is still beyond the limit changes nothing.
    assert_eq!(letters(&mut watch, &[(10, 50.0), (10, 40.0)]), "o.");
}

/// The ids of what is taken back.
fn retracted(verdicts: Vec<Verdict>) -> Vec<String> {
    let id = |v| match v {
        Verdict::Retract { id, .. } => id,
        other => panic!("{other:?}"),
    };
    verdicts.into_iter().map(id).collect()
}

#[test]
fn a_correction_that_comes_when_it_is_over_takes_it_back_as_well() {
    let mut watch = Watch::new(rule(Condition::Above { value: 10.0, close: None }));
    assert_eq!(letters(&mut watch, &[(0, 99.0), (5, 3.0), (10, 50.0), (15, 2.0)]), "ococ");
    // Still beyond the limit, then not; the one that was not corrected stays.
    assert_eq!(letters(&mut watch, &[(0, 40.0)]), ".");
    assert_eq!(retracted(watch.take("f", "a", [118.0, 33.0], at(0), 4.0)), ["rule/r/a/0"]);
    assert_eq!(letters(&mut watch, &[(0, 3.0), (5, 2.0)]), "..", "once");
    // A rise, whose ground is the low reading as well as the high one.
    let mut watch = Watch::new(rule(Condition::Rise { by: 30.0, within_s: 60.0, close: None }));
    assert_eq!(letters(&mut watch, &[(0, 0.0), (30, 40.0), (100, 41.0)]), ".oc");
    assert_eq!(retracted(watch.take("f", "a", [118.0, 33.0], at(0), 35.0)), ["rule/r/a/0"]);
}

#[test]
fn a_run_that_a_correction_breaks_is_taken_back_though_its_evidence_shows_only_the_end() {
    let mut watch = Watch::new(AlertRule { for_s: 300.0, ..rule(Condition::Above { value: 10.0, close: None }) });
    let run: Vec<(i64, f64)> = (0..=30).map(|n| (n * 10, 20.0)).collect();
    assert_eq!(letters(&mut watch, &run), format!("{}o", ".".repeat(30)));
    assert_eq!(retracted(watch.take("f", "a", [118.0, 33.0], at(20), 5.0)), ["rule/r/a/0"]);
}

#[test]
fn one_over_many_sensors_is_taken_back_with_the_ground_for_it() {
    let take = |watch: &mut Watch, sensor: &str, s: i64, value: f64| watch.take("f", sensor, [118.0, 33.0], at(s), value);
    for is_over in [false, true] {
        let mut watch = Watch::new(rule(Condition::Many { above: 50.0, sensors: 3, close: None }));
        for (s, sensor) in ["a", "b", "c", "d"].into_iter().enumerate() {
            take(&mut watch, sensor, s as i64, 60.0);
        }
        if is_over {
            assert_eq!(take(&mut watch, "a", 20, 10.0), []);
            assert!(matches!(&take(&mut watch, "b", 21, 10.0)[..], [Verdict::Close { .. }]));
        }
        // The fourth was not needed to open it; each of the others was.
        assert_eq!(take(&mut watch, "d", 3, 7.0), []);
        assert_eq!(take(&mut watch, "c", 2, 51.0), [], "still above");
        assert_eq!(retracted(take(&mut watch, "c", 2, 7.0)), ["rule/r//2000"], "over: {is_over}");
    }
}

#[test]
fn a_reading_that_its_source_flags_afterwards_is_no_longer_evidence() {
    let mut watch = Watch::new(rule(Condition::Above { value: 10.0, close: None }));
    assert_eq!(letters(&mut watch, &[(0, 99.0), (5, 3.0)]), "oc");
    assert_eq!(watch.doubt("a", at(5), 3.0), []);
    let corrected = Evidence { datastream: "a".into(), time: at(0), value: 99.0 };
    assert_eq!(watch.doubt("a", at(0), 99.0), [Verdict::Retract { id: "rule/r/a/0".into(), corrected, flagged: true }]);
    // One of a run that goes on without it for as long as it must changes nothing.
    let mut watch = Watch::new(AlertRule { for_s: 60.0, ..rule(Condition::Above { value: 10.0, close: None }) });
    assert_eq!(letters(&mut watch, &[(0, 20.0), (30, 20.0), (60, 20.0), (90, 20.0)]), "..o.");
    assert_eq!(watch.doubt("a", at(60), 20.0), []);
    assert_eq!(retracted(watch.doubt("a", at(90), 20.0).into_iter().chain(watch.doubt("a", at(0), 20.0)).collect()), ["rule/r/a/0"]);
    // Of many sensors.
    let mut watch = Watch::new(rule(Condition::Many { above: 50.0, sensors: 2, close: None }));
    ["a", "b"].iter().for_each(|sensor| drop(watch.take("f", sensor, [118.0, 33.0], at(0), 60.0)));
    assert_eq!(retracted(watch.doubt("a", at(0), 60.0)), ["rule/r//0"]);
    assert_eq!(watch.doubt("nobody", at(0), 60.0), []);
}

#[test]
fn after_a_restart_a_correction_of_what_an_incident_rested_on_takes_it_back() {
    let resumed = |is_over| {
        let mut watch = Watch::new(AlertRule { for_s: 60.0, ..rule(Condition::Above { value: 10.0, close: None }) });
        watch.resume("rule/r/a/0", at(60), is_over);
        watch
    };
    for is_over in [false, true] {
        let mut watch = resumed(is_over);
        assert_eq!(letters(&mut watch, &[(60, 20.0)]), ".", "sent again as it was");
        assert_eq!(retracted(watch.take("f", "a", [118.0, 33.0], at(30), 5.0)), ["rule/r/a/0"]);
        // Later ones are nothing it rested on.
        assert_eq!(resumed(true).take("f", "a", [118.0, 33.0], at(90), 5.0), []);
        assert_eq!(resumed(is_over).doubt("a", at(30), 20.0), [], "what is left of it is not known");
    }
    // What was over is not opened again by what opened it, and does not keep the next one from being opened.
    let mut watch = Watch::new(rule(Condition::Above { value: 10.0, close: None }));
    watch.resume("rule/r/a/0", at(0), true);
    assert_eq!(letters(&mut watch, &[(0, 20.0)]), ".");
    assert!(matches!(&watch.take("f", "a", [118.0, 33.0], at(9), 20.0)[..], [Verdict::Open { id, .. }] if id == "rule/r/a/9000"));
    assert_eq!(letters(&mut resumed(true), &[(100, 20.0), (160, 20.0)]), ".o");
    let mut watch = Watch::new(rule(Condition::Above { value: 10.0, close: None }));
    watch.resume("rule/r/a/0", at(0), false);
    assert_eq!(retracted(watch.doubt("a", at(0), 20.0)), ["rule/r/a/0"]);
    assert_eq!(letters(&mut watch, &[(100, 20.0)]), "o");
}

#[test]
fn after_a_restart_a_rise_and_one_over_many_are_taken_back_with_what_was_kept_of_them() {
    let said = |datastream: &str, s: i64, value: f64| Evidence { datastream: datastream.into(), time: at(s), value };
    let take = |watch: &mut Watch, sensor: &str, s: i64, value: f64| watch.take("f", sensor, [118.0, 33.0], at(s), value);
    for is_over in [false, true] {
        let mut watch = Watch::new(rule(Condition::Rise { by: 30.0, within_s: 60.0, close: None }));
        watch.resume("rule/r/f/a/0", at(50), is_over);
        let said_now = take(&mut watch, "f/a", 50, 5.0);
        assert!(!said_now.iter().any(|v| matches!(v, Verdict::Retract { .. })), "what it rested on is not known yet: {said_now:?}");
        let mut watch = Watch::new(rule(Condition::Rise { by: 30.0, within_s: 60.0, close: None }));
        watch.resume("rule/r/f/a/0", at(50), is_over);
        assert_eq!(watch.needs("rule/r/f/a/0", at(50)), Some(Needed::Of { datastream: "f/a".into(), from: at(-10), to: at(50) }));
        watch.remember("rule/r/f/a/0", vec![said("f/a", 0, 0.0), said("f/a", 50, 40.0)]);
        assert_eq!(take(&mut watch, "f/a", 0, 9.0), []);
        assert_eq!(retracted(take(&mut watch, "f/a", 0, 20.0)), ["rule/r/f/a/0"], "over: {is_over}");
        let mut watch = Watch::new(rule(Condition::Many { above: 50.0, sensors: 2, close: None }));
        watch.resume("rule/r//0", at(0), is_over);
        assert!(matches!(watch.needs("rule/r//0", at(0)), Some(Needed::Latest { at: then, .. }) if then == at(0)));
        watch.remember("rule/r//0", vec![said("f/a", 0, 60.0), said("f/b", -5, 70.0), said("f/c", -9, 10.0)]);
        assert_eq!(take(&mut watch, "f/c", -9, 5.0), [], "the others, not heard of since, are still above");
        let flagged = watch.doubt("f/b", at(-5), 70.0);
        assert_eq!(retracted(flagged), ["rule/r//0"], "over: {is_over}");
    }
    // What is kept is not enough for it (it was corrected while nobody looked): it is left to people.
    let mut watch = Watch::new(rule(Condition::Many { above: 50.0, sensors: 2, close: None }));
    watch.resume("rule/r//0", at(0), true);
    watch.remember("rule/r//0", vec![said("f/a", 0, 60.0), said("f/b", 0, 7.0)]);
    assert_eq!(take(&mut watch, "f/a", 0, 7.0), []);
    assert_eq!(Watch::new(rule(Condition::Silent { for_s: 1.0 })).needs("rule/r/f/a/0", at(0)), None);
}

#[test]
fn a_quick_rise_is_seen_and_a_slow_one_is_not() {
    let mut watch = Watch::new(rule(Condition::Rise { by: 30.0, within_s: 60.0, close: None }));
    assert_eq!(letters(&mut watch, &[(0, 0.0), (60, 20.0), (120, 40.0), (150, 71.0), (210, 72.0)]), "...oc");
}

#[test]
fn a_quick_fall_is_seen_until_it_has_all_but_ended_and_shows_what_it_fell_from() {
    let fall = |close| Condition::Fall { by: 30.0, within_s: 60.0, close };
    let mut watch = Watch::new(rule(fall(None)));
    // Slow by 20 a minute; then 31 in half a minute; half of that is still falling, less is over. A rise is none.
    assert_eq!(letters(&mut watch, &[(0, 90.0), (60, 70.0), (120, 50.0), (150, 19.0), (200, 4.0), (270, 3.0), (280, 60.0)]), "...o.c.");
    let mut watch = Watch::new(rule(fall(Some(5.0))));
    assert_eq!(letters(&mut watch, &[(0, 40.0), (30, 10.0), (60, 4.0), (100, -2.0), (150, -4.0)]), ".o..c");
    // At one reading a second the first of them is older than the newest dozen.
    let mut watch = Watch::new(rule(fall(None)));
    let opened = (0..40).find_map(|s| watch.take("f", "a", [118.0, 33.0], at(s), 100.0 - s as f64).pop());
    let Some(Verdict::Open { id, at: when, evidence, .. }) = opened else { panic!("{opened:?}") };
    assert_eq!((id.as_str(), when, evidence.len()), ("rule/r/a/0", at(30), 12));
    assert_eq!((evidence[0].value, evidence[1].value, evidence[11].value), (100.0, 80.0, 70.0));
    // Its ground is what it fell from as well as what it fell to.
    assert_eq!(watch.take("f", "a", [118.0, 33.0], at(30), 69.0), []);
    assert_eq!(retracted(watch.take("f", "a", [118.0, 33.0], at(30), 99.0)), ["rule/r/a/0"]);
    assert_eq!(rule(fall(Some(31.0))).check().unwrap_err(), "rule \"r\": by and within_s must be above 0, and close not above by");
}

#[test]
fn a_scene_names_a_fall_as_it_names_a_rise() {
    let when: Condition = serde_json::from_str(r#"{"fall": {"by": 2.5, "within_s": 600}}"#).unwrap();
    assert_eq!(when, Condition::Fall { by: 2.5, within_s: 600.0, close: None });
}

#[test]
fn a_sensor_that_falls_silent_is_an_incident_until_it_speaks() {
    let mut watch = Watch::new(rule(Condition::Silent { for_s: 600.0 }));
    assert_eq!(letters(&mut watch, &[(0, 1.0)]), ".");
    assert!(watch.tick(at(599)).is_empty());
    let silent = watch.tick(at(600));
    assert!(matches!(silent.as_slice(), [Verdict::Open { id, .. }] if id == "rule/r/a/0"), "{silent:?}");
    assert!(watch.tick(at(700)).is_empty(), "once");
    assert_eq!(letters(&mut watch, &[(800, 1.0)]), "c");
}

/// What a tick says: `o` a sensor, `F` a feed, `c` over.
fn ticked(watch: &mut Watch, s: i64) -> String {
    let mut said: Vec<String> = watch
        .tick(at(s))
        .into_iter()
        .map(|v| match v {
            Verdict::Open { id, .. } => format!("o {id}"),
            Verdict::OpenFeed { id, sensors, evidence, .. } => format!("F {id} {sensors} {}", evidence.len()),
            Verdict::Close { id, .. } => format!("c {id}"),
            Verdict::Retract { id, .. } => format!("r {id}"),
        })
        .collect();
    said.sort();
    said.join(", ")
}

fn speak(watch: &mut Watch, feed: &str, sensors: std::ops::Range<i64>, s: i64) {
    for n in sensors {
        watch.take(feed, &format!("{feed}/{n}"), [118.0, 33.0], at(s), 1.0);
    }
}

#[test]
fn a_feed_that_goes_away_is_one_incident_and_none_for_each_of_its_sensors() {
    let mut watch = Watch::new(rule(Condition::Silent { for_s: 600.0 }));
    for s in [0, 60, 120] {
        // They don't all speak at the same moment.
        (0..50).for_each(|n| speak(&mut watch, "f", n..n + 1, s + n));
        speak(&mut watch, "g", 0..3, s);
    }
    (240..3_600).step_by(60).for_each(|s| speak(&mut watch, "g", 0..3, s));
    let begun: Vec<String> = (0..200).map(|n| ticked(&mut watch, 170 + n * 5)).filter(|said| !said.is_empty()).collect();
    assert_eq!(begun, ["F rule/r/feed:f/169000 50 12"], "one, with the number of its sensors and the last of some");
    // It comes back one after the other: over, and nobody is silent who has had no time to speak.
    speak(&mut watch, "f", 0..1, 3_600);
    assert_eq!(ticked(&mut watch, 3_601), "c rule/r/feed:f/169000");
    speak(&mut watch, "f", 0..49, 3_630);
    (3_660..4_260).step_by(60).for_each(|s| speak(&mut watch, "f", 0..49, s));
    speak(&mut watch, "g", 0..3, 4_200);
    assert_eq!(ticked(&mut watch, 4_199), "");
    // The one that has not come back is then known to be the one that is broken.
    assert_eq!(ticked(&mut watch, 4_200), "o rule/r/f/49/169000");
}

#[test]
fn one_silent_sensor_of_a_feed_that_speaks_is_an_incident_of_its_own() {
    let mut watch = Watch::new(rule(Condition::Silent { for_s: 600.0 }));
    speak(&mut watch, "f", 0..3, 0);
    (60..=600).step_by(60).for_each(|s| speak(&mut watch, "f", 0..2, s));
    assert_eq!(ticked(&mut watch, 599), "");
    assert_eq!(ticked(&mut watch, 600), "o rule/r/f/2/0");
    // Then the rest of the feed goes as well: that is news, and the first one stays what it was.
    assert_eq!(ticked(&mut watch, 1_199), "");
    assert_eq!(ticked(&mut watch, 1_200), "F rule/r/feed:f/600000 3 3");
    assert_eq!(ticked(&mut watch, 9_999), "", "once");
}

#[test]
fn after_a_restart_a_silent_feed_is_over_with_its_first_word() {
    let mut watch = Watch::new(rule(Condition::Silent { for_s: 600.0 }));
    watch.resume("rule/r/feed:f/169000", at(169), false);
    assert_eq!(ticked(&mut watch, 5_000), "", "it is not opened twice");
    speak(&mut watch, "f", 0..2, 5_001);
    assert_eq!(ticked(&mut watch, 5_002), "c rule/r/feed:f/169000");
    assert_eq!(ticked(&mut watch, 5_601), "F rule/r/feed:f/5001000 2 2");
}

#[test]
fn many_sensors_at_once_make_one_incident_in_their_middle() {
    let mut watch = Watch::new(rule(Condition::Many { above: 50.0, sensors: 3, close: Some(40.0) }));
    for (i, sensor) in ["a", "b"].iter().enumerate() {
        assert_eq!(watch.take("f", sensor, [118.0 + i as f64, 33.0], at(i as i64), 60.0), []);
    }
    let opened = watch.take("f", "c", [120.0, 36.0], at(10), 60.0);
    assert!(
        matches!(&opened[..], [Verdict::Open { lon, lat, evidence, .. }] if (*lon - 119.0).abs() < 1e-9 && (*lat - 34.0).abs() < 1e-9 && evidence.len() == 3),
        "{opened:?}"
    );
    assert_eq!(watch.take("f", "a", [118.0, 33.0], at(20), 45.0), [], "above the milder limit");
    assert!(matches!(watch.take("f", "a", [118.0, 33.0], at(30), 39.0)[..], [Verdict::Close { .. }]));
}

#[test]
fn after_a_restart_an_open_incident_goes_on() {
    let mut watch = Watch::new(rule(Condition::Above { value: 10.0, close: None }));
    watch.resume("rule/r/a/0", at(0), false);
    watch.resume("rule/other/a/0", at(0), false);
    assert_eq!(letters(&mut watch, &[(100, 20.0), (110, 5.0)]), ".c", "it is not opened twice");
}

#[test]
fn what_makes_no_sense_is_said() {
    assert!(rule(Condition::Above { value: 10.0, close: Some(20.0) }).check().unwrap_err().contains("close"));
    assert!(AlertRule { id: "a/b".into(), ..rule(Condition::Silent { for_s: 1.0 }) }.check().unwrap_err().contains("id"));
    assert!(AlertRule { category: "traffic/x".into(), ..rule(Condition::Silent { for_s: 1.0 }) }.check().unwrap_err().contains("category"));
    assert_eq!(rule(Condition::Many { above: 1.0, sensors: 2, close: None }).check(), Ok(()));
    let text = "id='x'\nname='x'\nobserved_property='no2'\nwhen={above={value=200.0,close=150.0}}\nfor_s=300.0\ndomain='urban_management'\ncategory='urban_management/appearance/smoke'\nseverity='minor'";
    let read: AlertRule = toml::from_str(text).unwrap();
    assert_eq!(read.when, Condition::Above { value: 200.0, close: Some(150.0) });
}

#[test]
fn sensors_of_before_a_restart_have_their_time_to_speak_and_are_missed_when_they_don_t() {
    let mut watch = Watch::new(rule(Condition::Silent { for_s: 600.0 }));
    watch.resume("rule/r/f/2/0", at(600), false);
    for n in 0..3 {
        watch.know("f", &format!("f/{n}"), [118.0, 33.0], (at(n), 1.0), at(10_000));
    }
    assert_eq!(ticked(&mut watch, 10_599), "", "the hub was away, not they");
    (10_060..=10_600).step_by(60).for_each(|s| speak(&mut watch, "f", 0..1, s));
    assert_eq!(ticked(&mut watch, 10_600), "o rule/r/f/1/1000", "died meanwhile; the third was silent before and is not opened twice");
    // And a feed of which nothing comes any more.
    let mut gone = Watch::new(rule(Condition::Silent { for_s: 600.0 }));
    (0..3).for_each(|n| gone.know("g", &format!("g/{n}"), [118.0, 33.0], (at(n), 1.0), at(10_000)));
    assert_eq!((ticked(&mut gone, 10_599), ticked(&mut gone, 10_600)), (String::new(), "F rule/r/feed:g/10000000 3 3".into()));
}

#[test]
fn a_feed_that_was_silent_before_a_restart_is_over_with_its_first_word_also_when_its_sensors_are_known() {
    let mut watch = Watch::new(rule(Condition::Silent { for_s: 600.0 }));
    watch.resume("rule/r/feed:f/2000", at(602), false);
    (0..3).for_each(|n| watch.know("f", &format!("f/{n}"), [118.0, 33.0], (at(n), 1.0), at(10_000)));
    assert_eq!(ticked(&mut watch, 10_700), "", "it is not opened twice, nor are its sensors");
    speak(&mut watch, "f", 0..3, 10_800);
    assert_eq!(ticked(&mut watch, 10_801), "c rule/r/feed:f/2000");
}

#[test]
fn only_sensors_in_the_rules_area_make_incidents_also_when_one_moves_in() {
    let square = serde_json::json!({"type": "Polygon", "coordinates": [[[118, 33], [119, 33], [119, 34], [118, 34], [118, 33]]]});
    let area = RuleArea::Border(Border::of(&square).unwrap().into());
    let mut watch = Watch::new(AlertRule { area: Some(area), ..rule(Condition::Above { value: 10.0, close: None }) });
    let mut opens = |s: i64, lon: f64| watch.take("f", "a", [lon, 33.5], at(s), 20.0).len();
    assert_eq!([opens(0, 117.5), opens(1, 117.5), opens(2, 118.5), opens(3, 118.5)], [0, 0, 1, 0]);
}

#[test]
fn a_rectangle_and_an_area_contradict_each_other_and_a_code_without_its_border_covers_nothing() {
    let code = AlertRule { area: Some(RuleArea::Code("321302".into())), ..rule(Condition::Silent { for_s: 1.0 }) };
    assert!(code.check().is_ok() && !code.covers(118.5, 33.5));
    let both = AlertRule { bounds: Some([118.0, 33.0, 119.0, 34.0]), ..code.clone() };
    assert!(both.check().unwrap_err().contains("not both"));
    let turned = AlertRule { bounds: Some([119.0, 33.0, 118.0, 34.0]), area: None, ..code };
    assert!(turned.check().unwrap_err().contains("west, south, east, north"));
}
