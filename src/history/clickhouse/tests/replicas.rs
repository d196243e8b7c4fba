//! Two replicas of one shard, as docs/history.md says: `Distributed` writes to each.

use super::*;

fn batch(ids: std::ops::Range<u32>, time_s: i64) -> Batch {
    let ids: Vec<String> = ids.map(|i| i.to_string()).collect();
    let datastreams = ids.iter().map(|id| datastream(id, "pm2_5", 118.0, 34.0)).collect();
    Batch { datastreams, readings: ids.iter().map(|id| reading(id, time_s, time_s, 1.0)).collect(), ..Batch::default() }
}

#[test]
fn with_one_replica_of_two_reading_goes_on_and_nothing_is_acknowledged_that_only_one_would_have() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let replicas = servers(folder.path(), "");
    let (first, second) = (replicas[0].start(), replicas[1].start());
    runtime().block_on(async {
        let history = open(&[&first, &second], "replicas", Some("city"));
        history.append(batch(0..20, 10)).await.unwrap();
        history.settle().await.unwrap();
        for replica in [&first, &second] {
            assert_eq!(alone(replica, "SELECT count() FROM replicas.observations_local").await, 20, "each has all");
            assert_eq!(alone(replica, "SELECT count() FROM replicas.rollup_1m_local").await, 20, "and all roll-ups");
        }
        history.append(batch(0..20, 7200)).await.unwrap();
        // The hub asks the second first; then it is gone.
        let history = open(&[&second, &first], "replicas", Some("city"));
        drop(second);
        assert_eq!(all_readings(&history).await.len(), 20, "reading goes on");
        assert_eq!(history.latest(Select::all()).await.unwrap().samples.len(), 20);
        let refused = history.append(batch(0..20, 20)).await;
        assert!(refused.as_ref().is_err_and(HistoryError::may_pass), "one replica would have it alone: {refused:?}");
        assert!(history.settle().await.is_err(), "nor are roll-ups made that only one would have");
        assert_eq!(alone(&first, "SELECT count() FROM replicas.derived_local WHERE state > 0 AND hour % 24 = 2").await, 0);
        assert_eq!(history.latest(Select::all()).await.unwrap().samples.len(), 20, "reading still goes on");
        let second = replicas[1].start();
        until_kept(&history, batch(0..20, 20)).await;
        history.settle().await.unwrap();
        let counted = "SELECT uniqExact(series, time) FROM replicas.observations_local";
        assert_eq!((alone(&first, counted).await, alone(&second, counted).await), (60, 60), "both have what was acknowledged");
        assert_eq!(all_readings(&history).await.len(), 40, "what was sent again counts once");
    });
}
