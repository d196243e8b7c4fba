//! Where answers come from, which no answer shows: roll-ups while they hold, readings otherwise.

use super::*;
use crate::history::{Bucket, SeriesQuery};
use chrono::TimeDelta;

const HOUR: i64 = 3600;

/// Readings of one datastream each minute of two hours.
fn two_hours() -> Batch {
    let readings = (0..120).map(|minute| reading("a", minute * 60, minute * 60 + 1, minute as f64)).collect();
    Batch { datastreams: vec![datastream("a", "pm2_5", 118.27, 33.96)], readings, ..Batch::default() }
}

async fn chart(history: &ClickHouse) -> Vec<Bucket> {
    let (from, to, step) = (second(0), second(2 * HOUR), TimeDelta::hours(1));
    history.series(SeriesQuery { datastream: "a".into(), from, to, step, known_by: None }).await.unwrap().rows
}

fn counts(chart: &[Bucket]) -> Vec<(u64, Option<f64>)> {
    chart.iter().map(|b| (b.count, b.max)).collect()
}

async fn everywhere(history: &ClickHouse, statement: &str) {
    history.servers.everywhere(statement).await.unwrap();
}

async fn rows_of(history: &ClickHouse, table: &str) -> u64 {
    let question = format!("SELECT count() FROM {}", history.names.table(table));
    history.rows(&question, |row| row.u64()).await.unwrap()[0]
}

/// Readings are taken away behind the history's back: what still answers is a roll-up.
pub(super) async fn roll_ups_answer_where_they_hold(servers: &[&Process], cluster: Option<&str>) {
    let history = open(servers, "hold", cluster);
    history.append(two_hours()).await.unwrap();
    history.settle().await.unwrap();
    let whole = chart(&history).await;
    assert_eq!(counts(&whole), [(60, Some(59.0)), (60, Some(119.0))]);
    history.settle().await.unwrap();
    assert_eq!(rows_of(&history, "rollup_1h").await, 2, "what holds is not made again");
    everywhere(&history, &format!("ALTER TABLE {} DROP PARTITION '2026-11-25'", history.names.local("observations"))).await;
    assert_eq!(chart(&history).await, whole, "from roll-ups");
    let late = Batch { readings: vec![reading("a", HOUR + 5, 3 * HOUR, 500.0)], ..Batch::default() };
    history.append(late).await.unwrap();
    assert_eq!(counts(&chart(&history).await), [(60, Some(59.0)), (1, Some(500.0))], "what was touched is read again, the rest is not");
}

/// As a hub that runs for hours: its keeper waits until an hour is quiet, makes it anew when something came, and forgets what it replaced.
pub(super) async fn quiet_hours_are_made_by_themselves(servers: &[&Process], cluster: Option<&str>) {
    let history = open(servers, "quiet", cluster);
    history.append(two_hours()).await.unwrap();
    history.derive_quiet().await.unwrap();
    assert_eq!(rows_of(&history, "derived").await, 0, "readings may still be on their way");
    let hour = second(0).timestamp() / HOUR;
    let long_ago = |token: u64| {
        format!(
            "INSERT INTO {} (day, property, hour, slot, token) SELECT toDate('2026-11-25'), 'pm2_5', {hour}, 7, {token}",
            history.names.table("touches")
        )
    };
    let forget = format!("ALTER TABLE {} DROP PARTITION '2026-11-25'", history.names.local("touches"));
    everywhere(&history, &forget).await;
    history.servers.ask_one(0, "SELECT 1").await.unwrap();
    history.servers.tell_one(0, &long_ago(11)).await.unwrap();
    history.derive_quiet().await.unwrap();
    assert_eq!(rows_of(&history, "rollup_1h").await, 1, "the hour that is quiet");
    let before = chart(&history).await;
    history.servers.tell_one(0, &long_ago(12)).await.unwrap();
    let times = second(0).timestamp_micros()..second(HOUR).timestamp_micros();
    let mut known = history.hours_of(&times, "pm2_5").await.unwrap().remove(&hour).unwrap();
    assert_eq!(known.whole(), None, "touched again");
    let old = known.marks[0].token;
    known.marks.iter_mut().for_each(|m| m.slot = 0);
    let (of, now) = (super::super::rollups::HourOf { property: "pm2_5", hour }, history.slot().await.unwrap());
    history.derive_anew(of, &known, now).await.unwrap();
    let again = history.hours_of(&times, "pm2_5").await.unwrap().remove(&hour).unwrap();
    assert!(again.whole().is_some_and(|(token, gone)| token != old && !gone), "made anew: {again:?}");
    assert_eq!(chart(&history).await, before);
    let begun = Instant::now();
    while rows_of(&history, "rollup_1m").await > 60 || rows_of(&history, "cells_15m").await > 4 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the old ones go in the background");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(chart(&history).await, before);
}
