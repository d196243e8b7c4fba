//! Tables that an earlier version has made.

use super::*;
use conformance::mean;

/// Rows of before are of instants; a hub that still writes as before, and one that knows spans, may write side by side.
pub(super) async fn tables_of_before_there_were_spans_get_their_column(servers: &[&Process], cluster: Option<&str>) {
    let history = ClickHouse::open(config(servers, "before", cluster)).await.unwrap();
    let datastreams = vec![datastream("a", "pm2_5", 118.0, 34.0), datastream("b", "pm2_5", 118.1, 34.0)];
    let old = vec![reading("a", 10, 10, 1.0), reading("b", 10, 10, 2.0)];
    history.append(Batch { datastreams, readings: old.clone(), ..Batch::default() }).await.unwrap();
    let Names { database, .. } = history.names.clone();
    for table in ["observations", "keyframes"] {
        let both = std::iter::once(history.names.local(table)).chain(cluster.map(|_| format!("{database}.{table}")));
        for table in both {
            history.servers.everywhere(&format!("ALTER TABLE {table} DROP COLUMN start")).await.unwrap();
        }
    }
    assert!(history.latest(Select::all()).await.is_err(), "the column is gone");
    let history = ClickHouse::open(config(servers, "before", cluster)).await.unwrap();
    assert_eq!(all_readings(&history).await, old, "what was of an instant still is");
    let new = mean("a", (20, 60), 60, 3.0);
    history.append(Batch { readings: vec![new.clone()], ..Batch::default() }).await.unwrap();
    let row = "INSERT INTO {} (day, property, series, cell, time, received, value, suspect) \
               SELECT day, property, series, cell, time + 80000000, received, value, suspect FROM {} WHERE value = 2";
    history.servers.tell_one(0, &row.replace("{}", &history.names.table("observations"))).await.unwrap();
    let told = all_readings(&history).await;
    assert_eq!((told.len(), &told[2], told[3].observation.phenomenon_start), (4, &new, None));
    let newest = history.latest(Select::all()).await.unwrap();
    assert_eq!(newest.samples.iter().map(|s| s.start).collect::<Vec<_>>(), [new.observation.phenomenon_start, None]);
}
