use super::super::{Journals, PlayReport};
use super::*;
use crate::model::observation::{Datastream, Observation, SpanStart};
use chrono::TimeDelta;
use std::fs::File;

fn at(second: i64) -> DateTime<Utc> {
    "2026-05-01T23:59:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(second)
}

fn datastream() -> FeedEvent {
    let (id, feed, sensor) = ("a/1".to_owned(), "a".to_owned(), "S".to_owned());
    let (observed_property, unit) = ("noise".to_owned(), "dB".to_owned());
    FeedEvent::Datastream(Datastream { id, feed, sensor, observed_property, unit, lon: 118.0, lat: 33.0, height_m: 0.0 })
}

fn reading(second: i64) -> FeedEvent {
    let (datastream, value) = ("a/1".to_owned(), second as f64);
    FeedEvent::Observation(Observation {
        datastream,
        phenomenon_time: at(second),
        phenomenon_start: span(second),
        value,
        quality: Default::default(),
    })
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    files
}

/// Of each second whose number is even, a mean of the minute before it.
fn span(second: i64) -> Option<SpanStart> {
    (second % 2 == 0).then(|| at(second - 60).into())
}

/// Seconds of all readings played from the start.
fn played(files: &[PathBuf], from: Option<DateTime<Utc>>) -> (Vec<i64>, Vec<i64>, PlayReport) {
    let mut report = PlayReport::default();
    let (mut journals, there) = Journals::open(files, from, &mut report).unwrap();
    let second = |e: &Entry| match &e.what {
        What::Observation(o) => {
            assert_eq!(o.phenomenon_start, span(o.value as i64), "a span is played as it was");
            Some(o.value as i64)
        }
        _ => None,
    };
    let known = there.iter().filter_map(second).collect();
    let rest = std::iter::from_fn(|| journals.due(DateTime::<Utc>::MAX_UTC, &mut report)).collect::<Vec<_>>();
    (known, rest.iter().filter_map(second).collect(), report)
}

#[test]
fn a_day_or_a_size_begins_a_new_file_that_needs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { frame_bytes: 400, ..Limits::default() };
    let recorder = Recorder::start(&dir.path().join("j"), "a/b", limits).unwrap();
    recorder.take(&datastream(), at(0));
    (0..120).for_each(|s| recorder.take(&reading(s), at(s)));
    assert_eq!(recorder.trouble(), (0, None));
    drop(recorder);
    let files = files(&dir.path().join("j"));
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files[0].file_name().unwrap().to_str().unwrap().starts_with("a_b.20260501T235900.000Z"));
    let (known, rest, report) = played(&files, None);
    assert_eq!((known, rest, report.bad_lines), (vec![], (0..120).collect(), 0));
    // From the middle, with what was known then and nothing of it again.
    let (known, rest, _) = played(&files, Some(at(30)));
    assert_eq!((known, rest), (vec![30], (31..120).collect()));
    let (known, rest, _) = played(&files, Some(at(90)));
    assert_eq!((known, rest), (vec![90], (91..120).collect()));
    // The second file by itself knows the last reading of the first.
    let (known, rest, _) = played(&files[1..], None);
    assert_eq!((known, rest), (vec![59], (60..120).collect()));
}

#[test]
fn a_torn_end_costs_one_frame() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(dir.path(), "a", Limits { frame_bytes: 1, ..Limits::default() }).unwrap();
    recorder.take(&datastream(), at(0));
    (0..20).for_each(|s| recorder.take(&reading(s), at(s)));
    drop(recorder);
    let file = files(dir.path()).remove(0);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 5]).unwrap();
    let (_, rest, report) = played(&[file], None);
    assert_eq!((rest, report.bad_lines), ((0..19).collect::<Vec<_>>(), 1));
    assert!(report.told[0].contains("rest of the file"), "{:?}", report.told);
}

#[test]
fn a_full_disk_costs_entries_that_are_counted_and_then_it_goes_on() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let tries = AtomicU64::new(0);
    let open: Open = Box::new(move |path: &Path| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(Box::new(Full)),
        _ => Ok(Box::new(File::create(path)?)),
    });
    let limits = Limits { frame_bytes: 1, retry_after: Duration::from_millis(200), ..Limits::default() };
    let recorder = Recorder::start_with(dir.path(), "a", limits, open).unwrap();
    recorder.take(&datastream(), at(0));
    (0..10).for_each(|s| recorder.take(&reading(s), at(s)));
    let begun = Instant::now();
    while recorder.trouble().0 < 11 && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (lost, why) = recorder.trouble();
    assert!(lost >= 11 && why.as_ref().is_some_and(|w| w.contains("a.20260501")), "{lost} {why:?}");
    std::thread::sleep(limits.retry_after);
    (10..20).for_each(|s| recorder.take(&reading(s), at(s)));
    drop(recorder);
    // The new file begins with what was known though it could not be written.
    let (known, rest, _) = played(&files(dir.path()), None);
    assert_eq!((known, rest), (vec![9], (10..20).collect()));
}

#[test]
fn the_oldest_files_make_room() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { file_bytes: 1, frame_bytes: 1, all_bytes: 2000, ..Limits::default() };
    let recorder = Recorder::start(dir.path(), "a", limits).unwrap();
    (0..60).for_each(|s| recorder.take(&reading(s), at(s)));
    drop(recorder);
    let files = files(dir.path());
    assert!(files.len() > 2 && files.len() < 20, "{}", files.len());
    assert_eq!(played(&files, None).1.last(), Some(&59));
}
