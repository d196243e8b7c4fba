use super::super::conformance::{self, datastream, reading, second};
use super::*;
use crate::history::Memory;
use crate::model::observation::{Datastream, Quality};
use chrono::TimeDelta;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A history in a folder that goes with it, all of it in partitions after each append where `settles`.
struct InFolder {
    history: Embedded,
    settles: bool,
    _folder: tempfile::TempDir,
}

impl InFolder {
    fn new(settles: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { history: Embedded::open(folder.path()).unwrap(), settles, _folder: folder }
    }
}

impl History for InFolder {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), HistoryError>> {
        Box::pin(async move {
            self.history.append(batch).await?;
            if self.settles { self.history.settle().await } else { Ok(()) }
        })
    }
    fn catalogue(&self) -> BoxFuture<'_, Result<Arc<Catalogue>, HistoryError>> {
        self.history.catalogue()
    }
    fn latest(&self, select: Select) -> BoxFuture<'_, Result<State, HistoryError>> {
        self.history.latest(select)
    }
    fn latest_at(&self, at: At, select: Select) -> BoxFuture<'_, Result<State, HistoryError>> {
        self.history.latest_at(at, select)
    }
    fn series(&self, query: SeriesQuery) -> BoxFuture<'_, Result<Told<Bucket>, HistoryError>> {
        self.history.series(query)
    }
    fn charts(&self, query: ChartsQuery) -> BoxFuture<'_, Result<Told<Chart>, HistoryError>> {
        self.history.charts(query)
    }
    fn readings(&self, query: ReadingsQuery) -> BoxFuture<'_, Result<Told<Reading>, HistoryError>> {
        self.history.readings(query)
    }
    fn hexagons(&self, query: HexagonQuery) -> BoxFuture<'_, Result<Told<Hexagon>, HistoryError>> {
        self.history.hexagons(query)
    }
    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Told<IncidentEvent>, HistoryError>> {
        self.history.events(query)
    }
    fn incidents_at(&self, at: At) -> BoxFuture<'_, Result<Told<IncidentEvent>, HistoryError>> {
        self.history.incidents_at(at)
    }
    fn health(&self) -> BoxFuture<'_, Result<Health, HistoryError>> {
        self.history.health()
    }
    fn settle(&self) -> BoxFuture<'_, Result<(), HistoryError>> {
        self.history.settle()
    }
    fn retain(&self, policy: Retention, now: DateTime<Utc>) -> BoxFuture<'_, Result<Retained, HistoryError>> {
        self.history.retain(policy, now)
    }
}

#[test]
fn it_keeps_what_every_history_must_keep_while_all_is_in_the_journal() {
    runtime().block_on(conformance::all(|| InFolder::new(false)));
}

#[test]
fn it_keeps_what_every_history_must_keep_when_all_is_in_partitions() {
    runtime().block_on(conformance::all(|| InFolder::new(true)));
}

#[test]
fn roll_ups_outlive_their_readings() {
    for settles in [false, true] {
        runtime().block_on(conformance::roll_ups_outlive_their_readings(&InFolder::new(settles)));
    }
}

fn batch(readings: Vec<Reading>) -> Batch {
    let datastreams = ["a", "b", "c"].iter().zip(["pm2_5", "pm2_5", "noise"]).enumerate();
    let datastreams = datastreams.map(|(i, (id, property))| datastream(id, property, 118.2 + i as f64 / 20.0, 33.9)).collect();
    Batch { datastreams, readings, ..Batch::default() }
}

fn everything() -> ReadingsQuery {
    let (from, to) = (second(-10 * 86_400), second(10 * 86_400));
    ReadingsQuery { select: Select::all(), from, to, newest_first: false, skip: 0, limit: 10_000, known_by: None }
}

async fn values(history: &Embedded) -> Vec<f64> {
    let told = history.readings(everything()).await.unwrap();
    assert_eq!(told.missing, [""; 0]);
    told.rows.iter().map(|r| r.observation.value).collect()
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill_at_any_point_of_the_journal() {
    let rt = runtime();
    let folder = tempfile::tempdir().unwrap();
    let history = Embedded::open(folder.path()).unwrap();
    let mut lengths = Vec::new();
    let journal = journal::segment_path(&folder.path().join("journal"), 1);
    for i in 0..6 {
        rt.block_on(history.append(batch(vec![reading("a", i, i, i as f64)]))).unwrap();
        lengths.push(std::fs::metadata(&journal).unwrap().len() as usize);
    }
    let bytes = std::fs::read(&journal).unwrap();
    for cut in (0..=bytes.len()).filter(|cut| cut % 13 == 0 || lengths.contains(cut) || lengths.contains(&(cut + 1))) {
        let killed = tempfile::tempdir().unwrap();
        std::fs::create_dir(killed.path().join("journal")).unwrap();
        std::fs::write(journal::segment_path(&killed.path().join("journal"), 1), &bytes[..cut]).unwrap();
        let again = Embedded::open(killed.path()).unwrap();
        let acknowledged = lengths.iter().filter(|l| **l <= cut).count();
        let expected: Vec<f64> = (0..acknowledged).map(|i| i as f64).collect();
        assert_eq!(rt.block_on(values(&again)), expected, "cut at {cut} of {}", bytes.len());
        rt.block_on(again.append(batch(vec![reading("b", 100, 100, 9.0)]))).unwrap();
        rt.block_on(again.settle()).unwrap();
        drop(again);
        let third = Embedded::open(killed.path()).unwrap();
        assert_eq!(rt.block_on(values(&third)).len(), acknowledged + 1, "cut at {cut}, and opened again");
    }
}

#[test]
fn a_seal_that_was_cut_off_is_done_again_and_counts_nothing_twice() {
    let rt = runtime();
    let folder = tempfile::tempdir().unwrap();
    let history = Embedded::open(folder.path()).unwrap();
    rt.block_on(history.append(batch((0..50).map(|i| reading("a", i * 100, i * 100, i as f64)).collect()))).unwrap();
    let journal = journal::segment_path(&folder.path().join("journal"), 1);
    let before = std::fs::read(&journal).unwrap();
    rt.block_on(history.settle()).unwrap();
    drop(history);
    // As if it had been killed after the partitions were written and before the journal was removed; one file was not finished.
    std::fs::write(&journal, before).unwrap();
    let day = folder.path().join("observations/day=2026-11-25/property=pm2_5");
    std::fs::write(day.join(".draft-7"), b"half a file").unwrap();
    let again = Embedded::open(folder.path()).unwrap();
    assert_eq!(rt.block_on(values(&again)).len(), 50);
    rt.block_on(again.settle()).unwrap();
    assert_eq!(rt.block_on(values(&again)).len(), 50);
    assert_eq!(rt.block_on(again.health()).unwrap().readings, 50, "each row is on disk once");
    assert!(!day.join(".draft-7").exists());
}

#[test]
fn a_damaged_partition_is_named_and_left_out_and_the_rest_answers() {
    let rt = runtime();
    let folder = tempfile::tempdir().unwrap();
    let history = Embedded::open(folder.path()).unwrap();
    let readings = vec![reading("a", 100, 100, 1.0), reading("a", 4000, 4000, 2.0), reading("c", 100, 100, 3.0)];
    rt.block_on(history.append(batch(readings))).unwrap();
    rt.block_on(history.settle()).unwrap();
    let index = Index::clone(&history.shared.index());
    drop(history);
    let victim = index.properties["pm2_5"].values().next().unwrap().raw[0].path.clone();
    let mut bytes = std::fs::read(&victim).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0x40;
    std::fs::write(&victim, bytes).unwrap();
    let again = Embedded::open(folder.path()).unwrap();
    let told = rt.block_on(again.readings(everything())).unwrap();
    assert_eq!(told.rows.iter().map(|r| r.observation.value).collect::<Vec<_>>(), [3.0, 2.0], "the rest answers");
    assert!(told.missing.len() == 1 && told.missing[0].contains("h00"), "the answer says what it misses: {:?}", told.missing);
    drop(again);
    let again = Embedded::open(folder.path()).unwrap();
    let unreadable = rt.block_on(again.health()).unwrap().unreadable;
    assert_eq!(unreadable.iter().map(|(path, _)| path).collect::<Vec<_>>(), [&victim], "it is told at every start");
    rt.block_on(again.append(batch(vec![reading("a", 5000, 5000, 2.5)]))).unwrap();
    rt.block_on(again.settle()).unwrap();
    let state = rt.block_on(again.latest_at(At::as_it_happened(second(4500)), Select::property("pm2_5"))).unwrap();
    assert_eq!(state.samples.iter().map(|s| s.value).collect::<Vec<_>>(), [2.0]);
    drop(again);
    // A copy put back under its name is read again.
    let mut aside = victim.clone().into_os_string();
    aside.push(".damaged");
    let mut bytes = std::fs::read(&aside).unwrap();
    bytes[middle] ^= 0x40;
    std::fs::write(&victim, bytes).unwrap();
    std::fs::remove_file(aside).unwrap();
    let again = Embedded::open(folder.path()).unwrap();
    assert_eq!(rt.block_on(values(&again)), [1.0, 3.0, 2.0, 2.5]);
}

#[test]
fn two_hubs_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = Embedded::open(folder.path()).unwrap();
    assert_eq!(Embedded::open(folder.path()).err(), Some(HistoryError::InUse { folder: folder.path().to_owned() }));
    drop(first);
    assert!(Embedded::open(folder.path()).is_ok());
}

#[test]
fn many_writers_share_a_sync_and_all_are_kept() {
    let rt = runtime();
    let folder = tempfile::tempdir().unwrap();
    let history = Embedded::open(folder.path()).unwrap();
    rt.block_on(async {
        let appends = (0..200).map(|i| history.append(batch(vec![reading("a", i, i, i as f64)])));
        futures_util::future::try_join_all(appends).await.unwrap();
    });
    drop(history);
    let again = Embedded::open(folder.path()).unwrap();
    assert_eq!(rt.block_on(values(&again)).len(), 200);
}

#[test]
fn numbers_and_descriptions_survive_and_another_property_is_another_series() {
    let rt = runtime();
    let folder = tempfile::tempdir().unwrap();
    let history = Embedded::open(folder.path()).unwrap();
    rt.block_on(history.append(batch(vec![reading("a", 1, 1, 1.0)]))).unwrap();
    rt.block_on(history.settle()).unwrap();
    let moved = Datastream { lon: 118.5, ..datastream("a", "pm2_5", 118.2, 33.9) };
    let turned = datastream("c", "temperature", 118.3, 33.9);
    rt.block_on(history.append(Batch { datastreams: vec![moved.clone(), turned.clone()], ..Batch::default() })).unwrap();
    rt.block_on(history.append(Batch { readings: vec![reading("c", 2, 2, 20.0)], ..Batch::default() })).unwrap();
    let before = rt.block_on(history.catalogue()).unwrap();
    drop(history);
    let again = Embedded::open(folder.path()).unwrap();
    assert_eq!(*rt.block_on(again.catalogue()).unwrap(), *before);
    rt.block_on(again.settle()).unwrap();
    drop(again);
    let third = Embedded::open(folder.path()).unwrap();
    let catalogue = rt.block_on(third.catalogue()).unwrap();
    assert_eq!(*catalogue, *before);
    assert_eq!((catalogue.len(), catalogue.current().count()), (4, 3));
    let state = rt.block_on(third.latest(Select::all())).unwrap();
    let told: Vec<_> = state.iter().map(|(d, s)| (d.id.as_str(), d.observed_property.as_str(), d.lon, s.value)).collect();
    assert_eq!(told, [("a", "pm2_5", 118.5, 1.0), ("c", "temperature", 118.3, 20.0)]);
}

#[cfg(feature = "sql")]
#[test]
fn questions_in_sql_see_files_and_memory() {
    use super::super::conformance::event;
    use crate::model::incident::IncidentState;
    let rt = runtime();
    let folder = tempfile::tempdir().unwrap();
    let history = Embedded::open(folder.path()).unwrap();
    rt.block_on(history.append(batch(vec![reading("a", 1, 1, 1.0), reading("c", 1, 1, 5.0)]))).unwrap();
    rt.block_on(history.settle()).unwrap();
    let events = vec![event("i", 1, 5, 5, IncidentState::Reported)];
    rt.block_on(history.append(Batch { events, ..batch(vec![reading("a", 2, 2, 2.0)]) })).unwrap();
    let question = "SELECT d.observed_property, count(*) AS n, sum(o.value) AS s FROM observations o JOIN datastreams d USING (series) \
                    GROUP BY 1 ORDER BY 1";
    let answer = rt.block_on(history.sql(question)).unwrap();
    let text = datafusion::arrow::util::pretty::pretty_format_batches(&answer).unwrap().to_string();
    assert!(text.contains("| noise             | 1 | 5.0 |") && text.contains("| pm2_5             | 2 | 3.0 |"), "{text}");
    let events = rt.block_on(history.sql("SELECT state FROM events")).unwrap();
    assert_eq!(events.iter().map(|b| b.num_rows()).sum::<usize>(), 1);
    for change in ["DROP TABLE observations", "INSERT INTO events SELECT * FROM events", "COPY events TO '/tmp/x.parquet'"] {
        assert!(rt.block_on(history.sql(change)).is_err(), "{change}");
    }
}

#[test]
fn retention_never_removes_what_the_policy_keeps_and_charts_live_on_in_roll_ups() {
    let rt = runtime();
    let folder = tempfile::tempdir().unwrap();
    let history = Embedded::open(folder.path()).unwrap();
    let day = 86_400;
    // "b" is heard once, at the beginning, and never again.
    let mut readings: Vec<_> = (0..6 * 48).map(|i| reading("a", i * 1800, i * 1800, i as f64)).collect();
    readings.push(reading("b", 5, 5, 7.0));
    rt.block_on(history.append(batch(readings))).unwrap();
    let chart =
        |step| SeriesQuery { datastream: "a".into(), from: second(0), to: second(6 * day), step: TimeDelta::hours(step), known_by: None };
    let before = rt.block_on(history.series(chart(1))).unwrap();
    let now = second(5 * day + 100);
    for raw_days in [4, 2, 2, 1] {
        rt.block_on(history.retain(Retention { raw_days, rollup_days: 6 }, now)).unwrap();
        let left = rt.block_on(history.readings(ReadingsQuery { select: Select::datastream("a"), ..everything() })).unwrap();
        let first = (6 - i64::from(raw_days)) * day;
        assert_eq!(left.rows.len() as i64, i64::from(raw_days) * 48, "{raw_days} days are kept whole");
        assert_eq!(left.rows[0].observation.phenomenon_time, second(first));
        assert_eq!(rt.block_on(history.series(chart(1))).unwrap(), before, "the chart is what it was");
        let state = rt.block_on(history.latest_at(At::as_it_happened(second(first + 10)), Select::datastream("b"))).unwrap();
        assert_eq!(state.samples.iter().map(|s| s.value).collect::<Vec<_>>(), [7.0], "a silent sensor is still known by its last reading");
    }
    // A late reading of a day that is gone does not make the silent sensor be forgotten.
    rt.block_on(history.append(batch(vec![reading("a", 50, 5 * day, 1.0)]))).unwrap();
    rt.block_on(history.retain(Retention { raw_days: 1, rollup_days: 2 }, now)).unwrap();
    let state = rt.block_on(history.latest_at(At::as_it_happened(now), Select::all())).unwrap();
    assert_eq!(state.samples.iter().map(|s| s.value).collect::<Vec<_>>(), [240.0, 7.0]);
    let left = rt.block_on(history.series(chart(24))).unwrap();
    assert_eq!(left.rows.iter().map(|b| (b.start, b.count)).collect::<Vec<_>>(), [(second(4 * day), 48), (second(5 * day), 48)]);
}

#[test]
fn sensors_of_a_property_that_has_gone_silent_altogether_are_known_after_a_restart_too() {
    let rt = runtime();
    let folder = tempfile::tempdir().unwrap();
    let day = 86_400;
    let history = Embedded::open(folder.path()).unwrap();
    // "c" is the only one of its property.
    let readings = vec![reading("c", 5, 5, 7.0), reading("c", 8000, 8000, 8.0), reading("a", 9 * day, 9 * day, 1.0)];
    rt.block_on(history.append(batch(readings))).unwrap();
    for _ in 0..2 {
        rt.block_on(history.retain(Retention { raw_days: 1, rollup_days: 2 }, second(9 * day + 60))).unwrap();
    }
    drop(history);
    let again = Embedded::open(folder.path()).unwrap();
    let state = rt.block_on(again.latest(Select::property("noise"))).unwrap();
    assert_eq!(state.samples.iter().map(|s| s.value).collect::<Vec<_>>(), [8.0]);
    let left = rt.block_on(again.readings(ReadingsQuery { select: Select::property("noise"), ..everything() })).unwrap();
    assert_eq!(left.rows.len(), 1, "its last hour, and nothing before");
}

/// One step of a random life.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<(u8, i32, i32, u8, bool)>),
    Settle,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Times over 5 hours in half minutes, so that doublings occur; arrivals up to two hours late; few values.
    let reading = (0..3_u8, 0..600_i32, 0..240_i32, 0..6_u8, prop::bool::weighted(0.1));
    let step = prop_oneof![
        4 => prop::collection::vec(reading, 1..30).prop_map(Step::Append),
        2 => Just(Step::Settle),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..10)
}

/// Two readings that are received at one time have no order; the reference then takes the one appended last, which we may not.
fn distinct(readings: Vec<Reading>, seen: &mut BTreeMap<(String, i64, i64), ()>) -> Vec<Reading> {
    let key = |r: &Reading| (r.observation.datastream.clone(), r.observation.phenomenon_time.timestamp(), r.received_at.timestamp());
    readings.into_iter().filter(|r| seen.insert(key(r), ()).is_none()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn it_agrees_with_the_reference_over_late_doubled_and_flagged_readings(steps in steps(), probes in prop::collection::vec((0..700_i64, 0..800_i64), 6)) {
        let rt = runtime();
        let folder = tempfile::tempdir().unwrap();
        let mut history = Embedded::open(folder.path()).unwrap();
        let reference = Memory::default();
        let mut seen = BTreeMap::new();
        for step in steps {
            match step {
                Step::Append(rows) => {
                    let readings = rows.into_iter().map(|(d, time, late, value, flagged)| {
                        let (time, late) = (i64::from(time) * 30 - 3600, i64::from(late) * 30);
                        let mut one = reading(["a", "b", "c"][d as usize], time, time + late, f64::from(value));
                        one.observation.quality = if flagged { Quality::Suspect } else { Quality::Good };
                        one.observation.phenomenon_start = (value % 2 == 1).then(|| second(time - 60 * i64::from(value)).into());
                        one
                    });
                    let batch = batch(distinct(readings.collect(), &mut seen));
                    rt.block_on(reference.append(batch.clone())).unwrap();
                    rt.block_on(history.append(batch)).unwrap();
                }
                Step::Settle => rt.block_on(history.settle()).unwrap(),
                Step::Reopen => {
                    drop(history);
                    history = Embedded::open(folder.path()).unwrap();
                }
            }
        }
        for (time, known) in probes {
            let time = second(time * 30 - 3600);
            for known_by in [None, Some(second(known * 30 - 3600)), Some(time)] {
                let at = At { time, known_by };
                let (ours, theirs) = (rt.block_on(history.latest_at(at, Select::all())).unwrap(), rt.block_on(reference.latest_at(at, Select::all())).unwrap());
                prop_assert_eq!(ours.samples, theirs.samples, "latest at {:?}", at);
            }
            for step in [TimeDelta::seconds(90), TimeDelta::minutes(1), TimeDelta::minutes(15), TimeDelta::hours(2)] {
                let query = SeriesQuery { datastream: "a".into(), from: second(-3600), to: time, step, known_by: None };
                let (ours, theirs) = (rt.block_on(history.series(query.clone())).unwrap(), rt.block_on(reference.series(query)).unwrap());
                prop_assert_eq!(ours, theirs);
            }
        }
        prop_assert_eq!(rt.block_on(history.readings(everything())).unwrap(), rt.block_on(reference.readings(everything())).unwrap());
        let query = HexagonQuery { property: "pm2_5".into(), from: second(-7200), to: second(86_400), bucket: TimeDelta::minutes(15), resolution: 6 };
        prop_assert_eq!(rt.block_on(history.hexagons(query.clone())).unwrap().rows, rt.block_on(reference.hexagons(query)).unwrap().rows);
        let newest = |s: State| s.samples;
        prop_assert_eq!(newest(rt.block_on(history.latest(Select::all())).unwrap()), newest(rt.block_on(reference.latest(Select::all())).unwrap()));
    }
}
