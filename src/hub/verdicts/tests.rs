use super::*;
use crate::model::incident::{Domain, Severity};
use crate::model::rule::Condition;
use chrono::DateTime;
use std::time::Duration;

fn rule() -> Arc<AlertRule> {
    Arc::new(AlertRule {
        id: "r".into(),
        name: "r".into(),
        name_en: String::new(),
        observed_property: "level".into(),
        when: Condition::Above { value: 1.0, close: None },
        for_s: 0.0,
        close_after_s: 0.0,
        bounds: None,
        area: None,
        domain: Domain::Emergency,
        category: "emergency/natural_disaster/flood".into(),
        severity: Severity::Major,
    })
}

fn close(id: &str) -> Verdict {
    Verdict::Close { id: id.into(), at: DateTime::UNIX_EPOCH, last: None }
}

fn ids(said: Vec<(Arc<AlertRule>, Verdict)>) -> Vec<String> {
    said.iter().map(|(_, verdict)| verdict.incident().to_owned()).collect()
}

#[test]
fn verdicts_come_in_their_order_and_no_two_of_one_incident_together() {
    let (verdicts, rule) = (Verdicts::default(), rule());
    ["a", "b", "c", "b", "d"].into_iter().for_each(|id| verdicts.say(&rule, close(id)));
    assert_eq!(ids(verdicts.take(2)), ["a", "b"]);
    assert_eq!(ids(verdicts.take(9)), ["c", "b", "d"]);
    ["a", "a"].into_iter().for_each(|id| verdicts.say(&rule, close(id)));
    assert_eq!((ids(verdicts.take(9)), ids(verdicts.take(9)), ids(verdicts.take(9))), (vec!["a".into()], vec!["a".into()], vec![]));
}

#[tokio::test]
async fn feeds_wait_while_too_many_verdicts_do_and_nothing_is_dropped() {
    let (verdicts, rule) = (Arc::new(Verdicts::default()), rule());
    let all: Vec<String> = (0..WAITING_MAX + 500).map(|n| n.to_string()).collect();
    verdicts.room().await;
    all.iter().for_each(|id| verdicts.say(&rule, close(id)));
    assert!(!verdicts.has_room());
    assert_eq!(verdicts.held_back(), None, "what is over soon is nobody's news");
    verdicts.waiting().full_since = Instant::now().checked_sub(SAID_AFTER);
    assert!(verdicts.held_back().is_some_and(|why| why.contains("wait")));
    let waits = tokio::spawn({
        let verdicts = verdicts.clone();
        async move { verdicts.room().await }
    });
    tokio::task::yield_now().await;
    let mut told = ids(verdicts.next(1_000).await);
    assert!(!waits.is_finished() && !verdicts.has_room());
    while told.len() < all.len() {
        told.extend(ids(verdicts.next(1_000).await));
    }
    assert_eq!(told, all);
    tokio::time::timeout(Duration::from_secs(10), waits).await.unwrap().unwrap();
    assert!(verdicts.has_room() && verdicts.held_back().is_none());
}
