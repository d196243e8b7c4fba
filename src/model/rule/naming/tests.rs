use super::super::{Condition, Verdict, Watch, tests};
use super::*;
use chrono::TimeDelta;

fn at(s: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(s)
}

/// The ids of what these readings open.
fn opened(watch: &mut Watch, readings: &[(i64, f64)]) -> Vec<String> {
    let verdicts = readings.iter().flat_map(|(s, value)| watch.take("f", "a", [118.0, 33.0], at(*s), *value));
    let open = |verdict| match verdict {
        Verdict::Open { id, .. } => Some(id),
        _ => None,
    };
    verdicts.collect::<Vec<_>>().into_iter().filter_map(open).collect()
}

fn rise() -> Watch {
    Watch::new(tests::rule(Condition::Rise { by: 30.0, within_s: 60.0, close: None }))
}

#[test]
fn a_second_rise_within_the_span_of_the_first_is_an_incident_of_its_own_and_the_same_one_when_judged_again() {
    let readings = [(0, 0.0), (10, 40.0), (12, 0.0), (20, 40.0), (22, 0.0), (30, 40.0), (200, 0.0), (210, 40.0)];
    let ids = ["rule/r/a/0", "rule/r/a/0~2", "rule/r/a/0~3", "rule/r/a/200000"];
    assert_eq!(opened(&mut rise(), &readings), ids);
    assert_eq!(opened(&mut rise(), &readings), ids, "from a replay");
    // After a restart the first is over, or closed by people and not known: nothing is opened under another id than before.
    let mut watch = rise();
    watch.resume("rule/r/a/0", at(10), true);
    assert_eq!(opened(&mut watch, &readings), ids[1..]);
    let mut watch = rise();
    watch.resume("rule/r/a/0~2", at(20), true);
    assert_eq!(opened(&mut watch, &readings), ids[2..]);
    let mut watch = rise();
    watch.resume("rule/r/a/0~2", at(20), false);
    assert_eq!(opened(&mut watch, &readings[4..]), ["rule/r/a/22000", "rule/r/a/200000"], "it was open, and over at 22");
}

#[test]
fn what_begins_again_with_a_reading_of_one_that_was_taken_back_has_another_id() {
    // For 60 s above 10; the reading that opened it is flagged, and the rest goes on.
    let mut watch = Watch::new(super::super::AlertRule { for_s: 60.0, ..tests::rule(Condition::Above { value: 10.0, close: None }) });
    assert_eq!(opened(&mut watch, &[(0, 20.0), (30, 20.0), (60, 20.0)]), ["rule/r/a/0"]);
    assert!(matches!(&watch.doubt("a", at(60), 20.0)[..], [Verdict::Retract { id, .. }] if id == "rule/r/a/0"));
    assert_eq!(opened(&mut watch, &[(90, 20.0)]), ["rule/r/a/0~2"]);
    // Many sensors, all of whose readings are of one time.
    let mut watch = Watch::new(tests::rule(Condition::Many { above: 50.0, sensors: 2, close: None }));
    let said = [("a", 60.0), ("b", 60.0), ("b", 7.0), ("c", 60.0)];
    let verdicts: Vec<_> = said.iter().flat_map(|(sensor, value)| watch.take("f", sensor, [118.0, 33.0], at(0), *value)).collect();
    let ids: Vec<_> = verdicts.iter().map(Verdict::incident).collect();
    assert_eq!(ids, ["rule/r//0", "rule/r//0", "rule/r//0~2"]);
}

#[test]
fn an_id_tells_its_sensor_and_since_when() {
    assert_eq!(parts("r", "rule/r/f/a/9000~2"), Some(("f/a", at(9), 2)));
    assert_eq!(parts("r", "rule/r/f/a/-9000"), Some(("f/a", at(-9), 1)));
    for other in ["rule/other/f/a/9000", "rule/r/f/a/9000~", "rule/r/f/a/x", "110/7"] {
        assert_eq!(parts("r", other), None, "{other}");
    }
}
