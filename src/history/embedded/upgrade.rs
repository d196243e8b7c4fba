//! Folders of earlier versions: partitions without the column `start`.

use super::super::conformance::{datastream, mean, reading, second};
use super::columns::properties;
use super::folder::{Draft, Kind, Name};
use super::*;
use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;

/// Writes every partition of readings anew as it was before readings had spans; how many these are.
fn take_starts_away(folder: &Path) -> usize {
    let mut files = Vec::new();
    let mut folders = vec![folder.join(Kind::Observations.folder()), folder.join(Kind::Keyframes.folder())];
    while let Some(one) = folders.pop() {
        for path in std::fs::read_dir(one).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for path in &files {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
        let rows: Vec<RecordBatch> = reader.map(|rows| rows.unwrap().project(&[0, 1, 2, 3, 4]).unwrap()).collect();
        let schema = rows[0].schema();
        let mut draft = Draft::new(path.parent().unwrap(), schema.clone(), properties(&schema)).unwrap();
        rows.iter().for_each(|rows| draft.write(rows).unwrap());
        let name = Name::parse(path.file_name().unwrap().to_str().unwrap()).unwrap();
        std::fs::remove_file(path).unwrap();
        draft.publish(|hash| Name { hash, ..name }.file_name()).unwrap();
    }
    files.len()
}

/// Two hours of "a", each with a partition, and a keyframe before the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn partitions_of_before_there_were_spans_are_read_merged_and_asked_in_sql() {
    let folder = tempfile::tempdir().unwrap();
    let batch = |readings: Vec<Reading>| Batch { datastreams: vec![datastream("a", "pm2_5", 118.0, 34.0)], readings, ..Batch::default() };
    let old = vec![reading("a", 60, 61, 1.0), reading("a", 3700, 3701, 2.0)];
    let history = Embedded::open(folder.path()).unwrap();
    history.append(batch(old.clone())).await.unwrap();
    history.settle().await.unwrap();
    drop(history);
    assert_eq!(take_starts_away(folder.path()), 3);

    let history = Embedded::open(folder.path()).unwrap();
    let everything = || ReadingsQuery {
        select: Select::all(),
        from: second(-100_000),
        to: second(100_000),
        newest_first: false,
        skip: 0,
        limit: 100,
        known_by: None,
    };
    assert_eq!(history.readings(everything()).await.unwrap(), Told { rows: old.clone(), missing: vec![] });
    let state = history.latest_at(At::as_it_happened(second(3650)), Select::all()).await.unwrap();
    assert_eq!((state.readings().collect::<Vec<_>>(), state.missing), (old[..1].to_vec(), vec![]), "by its keyframe");
    // Enough new files beside the old one that they are merged.
    let mut all = old;
    for i in 0..8 {
        let one = mean("a", (100 * i, 100 * i + 100), 4000 + i, i as f64);
        history.append(batch(vec![one.clone()])).await.unwrap();
        history.settle().await.unwrap();
        all.push(one);
    }
    all.sort_by_key(|r| r.observation.phenomenon_time);
    drop(history);
    let history = Embedded::open(folder.path()).unwrap();
    assert_eq!(history.readings(everything()).await.unwrap(), Told { rows: all, missing: vec![] });
    #[cfg(feature = "sql")]
    {
        drop(history);
        take_starts_away(folder.path());
        let history = Embedded::open(folder.path()).unwrap();
        history.append(batch(vec![mean("a", (5000, 5100), 5200, 9.0)])).await.unwrap();
        let answer = history.sql("SELECT count(*), count(start), max(time - start) FROM observations").await.unwrap();
        let count = |column: usize| answer[0].column(column).as_any().downcast_ref::<arrow::array::Int64Array>().unwrap().value(0);
        assert_eq!((count(0), count(1)), (11, 1), "old rows have no start");
    }
}
