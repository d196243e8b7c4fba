//! What every backend must hold, as checks that take any [`StateStore`]. Each panics with the promise that was broken.

use super::{Entry, Expect, Revision, Seen, StateStore, StoreError, VALUE_BYTES_MAX, Watch};

/// Runs every check, each on a fresh store that keeps (about) as many log rows as asked for.
pub async fn all<S: StateStore>(mut fresh: impl FnMut(u64) -> S) {
    a_put_is_there_at_the_next_revision(&fresh(1000)).await;
    only_what_is_expected_is_replaced(&fresh(1000)).await;
    many_writers_get_an_unbroken_order(&fresh(1000)).await;
    a_watcher_sees_what_is_there_and_what_comes(&fresh(1000)).await;
    a_watcher_goes_on_from_the_log(&fresh(1000)).await;
    a_watcher_hears_of_a_gap(&fresh(4)).await;
    a_trimmed_log_says_so(&fresh(4)).await;
    what_is_too_large_is_refused(&fresh(1000)).await;
}

async fn put<S: StateStore>(store: &S, key: &str, value: &str) -> Revision {
    store.put(key, value.as_bytes().to_vec(), Expect::Any, "test").await.expect("a put without condition is accepted")
}

async fn a_put_is_there_at_the_next_revision<S: StateStore>(store: &S) {
    assert!(store.get("a").await.expect("get").is_none(), "an empty store holds nothing");
    let first = put(store, "a", "1").await;
    let second = put(store, "b", "2").await;
    assert!(second > first, "revisions grow");
    let entry = store.get("a").await.expect("get").expect("what was put is there");
    assert_eq!((entry.value.as_slice(), entry.revision, entry.actor.as_str()), (b"1".as_slice(), first, "test"));
    assert_eq!(store.health().await.expect("health").revision, second, "health tells the newest revision");
}

async fn only_what_is_expected_is_replaced<S: StateStore>(store: &S) {
    let first = store.put("a", b"1".to_vec(), Expect::Absent, "x").await.expect("an absent key takes a first value");
    let refused = store.put("a", b"2".to_vec(), Expect::Absent, "y").await;
    assert!(matches!(refused, Err(StoreError::Conflict { current: Some(c) }) if c.revision == first), "a conflict tells what is there");
    let second = store.put("a", b"2".to_vec(), Expect::At(first), "x").await.expect("the named revision is replaced");
    assert!(store.put("a", b"3".to_vec(), Expect::At(first), "y").await.is_err(), "an old revision is not replaced");
    assert!(store.put("b", b"3".to_vec(), Expect::At(first), "y").await.is_err(), "nothing is not a revision");
    let entry = store.get("a").await.expect("get").expect("value");
    assert_eq!((entry.value.as_slice(), entry.revision), (b"2".as_slice(), second), "a refused put changes nothing");
    assert_eq!(store.health().await.expect("health").revision, second, "a refused put takes no revision");
}

async fn many_writers_get_an_unbroken_order<S: StateStore>(store: &S) {
    let writers = (0..40).map(|i| async move { store.put("one", vec![i], Expect::Absent, "w").await });
    let outcomes = futures_util::future::join_all(writers).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "of many who expect nothing, one wins");
    let from = store.health().await.expect("health").revision;
    let puts = (0..100).map(|i| async move { store.put(&format!("k/{i}"), vec![i], Expect::Any, "w").await.expect("put") });
    let mut revisions = futures_util::future::join_all(puts).await;
    revisions.sort();
    let log = store.log(Revision(from.0 + 1)..=revisions[99]).await.expect("log");
    assert_eq!(log.iter().map(|e| e.revision).collect::<Vec<_>>(), revisions, "the log holds every accepted change once, in order");
}

/// Entries up to and without the next `Live` or `Gap`, and that.
async fn told(watch: &mut Box<dyn Watch>) -> (Vec<Entry>, Seen) {
    let mut entries = Vec::new();
    loop {
        match watch.next().await.expect("a watch goes on") {
            Seen::Entry(entry) => entries.push(entry),
            other => return (entries, other),
        }
    }
}

fn values(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|e| std::str::from_utf8(&e.value).expect("text")).collect()
}

async fn a_watcher_sees_what_is_there_and_what_comes<S: StateStore>(store: &S) {
    put(store, "x/1", "old").await;
    put(store, "x/1", "a").await;
    put(store, "y/1", "other").await;
    let now = put(store, "x/2", "b").await;
    let mut watch = store.watch("x/", None).await.expect("watch");
    let (entries, end) = told(&mut watch).await;
    assert_eq!(values(&entries), ["a", "b"], "a snapshot holds the newest value of each key under the prefix");
    assert_eq!(end, Seen::Live(now));
    put(store, "y/2", "other").await;
    let news = put(store, "x/1", "c").await;
    let Seen::Entry(entry) = watch.next().await.expect("news") else { panic!("news is an entry") };
    assert_eq!((entry.revision, entry.value.as_slice()), (news, b"c".as_slice()), "news is told once, without other prefixes");
}

async fn a_watcher_goes_on_from_the_log<S: StateStore>(store: &S) {
    let seen = put(store, "x/1", "a").await;
    put(store, "x/1", "b").await;
    let now = put(store, "x/1", "c").await;
    let mut watch = store.watch("x/", Some(seen)).await.expect("watch");
    let (entries, end) = told(&mut watch).await;
    assert_eq!((values(&entries), end), (vec!["b", "c"], Seen::Live(now)), "going on tells every change since, and no other");
}

async fn a_watcher_hears_of_a_gap<S: StateStore>(store: &S) {
    let seen = put(store, "x/0", "first").await;
    for i in 0..20 {
        put(store, &format!("x/{}", i % 3), &i.to_string()).await;
    }
    let mut watch = store.watch("x/", Some(seen)).await.expect("watch");
    let (entries, gap) = told(&mut watch).await;
    assert!(entries.is_empty() && matches!(gap, Seen::Gap { from, .. } if from.0 == seen.0 + 1), "what the log no longer holds is a gap");
    let (mut entries, live) = told(&mut watch).await;
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(values(&entries), ["18", "19", "17"], "a snapshot follows the gap");
    assert!(matches!(live, Seen::Live(_)));
    let mut from_elsewhere = store.watch("x/", Some(Revision(u64::MAX - 1))).await.expect("watch");
    assert!(matches!(told(&mut from_elsewhere).await.1, Seen::Gap { .. }), "a revision this store never had is a gap");
}

async fn a_trimmed_log_says_so<S: StateStore>(store: &S) {
    let mut last = Revision(0);
    for i in 0..20 {
        last = put(store, "a", &i.to_string()).await;
    }
    assert!(matches!(store.log(Revision(1)..=last).await, Err(StoreError::Trimmed { .. })));
    let from = store.health().await.expect("health").log_from.expect("the log holds the newest changes");
    let log = store.log(from..=last).await.expect("what health names is in the log");
    assert_eq!(log.last().map(|e| e.revision), Some(last));
}

async fn what_is_too_large_is_refused<S: StateStore>(store: &S) {
    assert!(matches!(store.put("", vec![], Expect::Any, "x").await, Err(StoreError::Key { .. })));
    let large = store.put("a", vec![0; VALUE_BYTES_MAX + 1], Expect::Any, "x").await;
    assert!(matches!(large, Err(StoreError::TooLarge { .. })));
    assert!(store.get("a").await.expect("get").is_none());
}
