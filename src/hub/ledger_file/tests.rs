use super::*;

fn ledger(feed: &str, stored: u64, rejected: u64) -> FeedStatus {
    FeedStatus {
        feed: feed.into(),
        kind: "mqtt".into(),
        connected: true,
        since: Some(DateTime::UNIX_EPOCH),
        received: stored + rejected,
        stored,
        rejected,
        rejected_for: if rejected > 0 { [("rule".into(), rejected)].into() } else { Default::default() },
        gaps: 3,
        last_error: Some("gone".into()),
        ..FeedStatus::default()
    }
}

#[tokio::test]
async fn counts_are_there_again_also_of_a_feed_that_says_nothing_now_and_nothing_else_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("hub.redb");
    let first = LedgerFile::beside(&state);
    let new = first.before("air", DateTime::UNIX_EPOCH).await;
    assert_eq!((new.received, new.since), (0, Some(DateTime::UNIX_EPOCH)));
    first.write(vec![ledger("air", 5, 2), ledger("cars", 1, 0)]).await.unwrap();
    let second = LedgerFile::beside(&state);
    second.write(vec![ledger("air", 9, 2)]).await.unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left lying about");
    let third = LedgerFile::beside(&state);
    let [air, cars] = [third.before("air", Utc::now()).await, third.before("cars", Utc::now()).await];
    assert_eq!(air, ledger("air", 9, 2).counts());
    assert_eq!((cars.stored, cars.gaps, cars.since), (1, 3, Some(DateTime::UNIX_EPOCH)));
    assert_eq!((air.connected, air.last_error, air.kind.as_str()), (false, None, ""));
}

#[tokio::test]
async fn a_ledger_that_does_not_balance_begins_anew_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("hub.redb");
    let file = dir.path().join("hub.feeds.json");
    let (good, wrong) = (ledger("air", 5, 2), FeedStatus { received: 6, ..ledger("cars", 5, 2) });
    let huge = FeedStatus { feed: "boats".into(), received: u64::MAX, stored: u64::MAX, ..FeedStatus::default() };
    std::fs::write(&file, serde_json::to_vec(&[good, wrong, huge]).unwrap()).unwrap();
    let ledgers = LedgerFile::beside(&state);
    let now = Utc::now();
    for (feed, received, since) in [("air", 7, DateTime::UNIX_EPOCH), ("cars", 0, now), ("boats", 0, now)] {
        let before = ledgers.before(feed, now).await;
        assert_eq!((before.received, before.since), (received, Some(since)), "{feed}");
    }
    std::fs::write(&file, "[{").unwrap();
    assert_eq!(LedgerFile::beside(&state).before("air", now).await.received, 0);
    assert!(dir.path().join("hub.feeds.unreadable").exists());
}

#[tokio::test]
async fn what_could_not_be_written_goes_with_the_next_try() {
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone");
    let ledgers = LedgerFile::beside(&gone.join("hub.redb"));
    let tried = ledgers.write(vec![ledger("air", 1, 0)]).await;
    assert!(tried.unwrap_err().to_string().contains("hub.feeds.json"));
    std::fs::create_dir(&gone).unwrap();
    ledgers.write(vec![ledger("air", 1, 0)]).await.unwrap();
    assert_eq!(LedgerFile::beside(&gone.join("hub.redb")).before("air", Utc::now()).await.received, 1);
}
