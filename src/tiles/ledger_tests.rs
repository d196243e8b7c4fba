//! Who gets room, who waits, and who goes first.

use super::*;
use std::pin::pin;

macro_rules! waits {
    ($future:expr) => {
        assert!(futures_util::poll!(&mut $future).is_pending())
    };
}

fn picture() -> Claim {
    Claim::new(Need::Picture, None)
}

fn bytes(ledger: &Ledger) -> (usize, usize, usize) {
    let now = ledger.standing();
    (now.in_flight, now.picture.bytes, now.stand_ins.bytes)
}

#[tokio::test]
async fn whoever_finds_no_room_waits_until_there_is_and_is_forgotten_when_it_goes() {
    let ledger = Ledger::new(1000);
    let claim = picture();
    let mut first = ledger.reserve(&claim).await;
    let share = ledger.join();
    assert_eq!(bytes(&ledger), (500, 0, 0));
    assert_eq!(first.decoded(100, 300), Ok(()));
    assert_eq!(first.decoded(100, 900), Ok(()), "by itself it may take all there is");
    let mut second = pin!(ledger.reserve(&claim));
    waits!(second);
    assert_eq!(bytes(&ledger), (900, 500, 0), "it took 1000, and a guess is half of all at most");
    drop(first);
    assert!(futures_util::poll!(&mut second).is_ready());
    share.set_resident(950);
    {
        let mut third = pin!(ledger.reserve(&claim));
        waits!(third);
    }
    let mut fourth = Reservation { ledger: ledger.clone(), bytes: 0, need: Need::StandIn, known: false };
    assert_eq!((fourth.fetched(60), fourth.decoded(60, 51), fourth.decoded(60, 50)), (Err(NoRoom(500)), Err(NoRoom(51)), Ok(())));
    drop(fourth);
    assert_eq!(bytes(&ledger), (0, 0, 0), "the second is done with, the third was given up");
}

#[tokio::test]
async fn the_last_part_is_for_stand_ins_and_they_go_first() {
    let ledger = Ledger::new(800);
    let share = ledger.join();
    assert_eq!(ledger.reserve(&picture()).await.decoded(10, 90), Ok(()));
    share.set_resident(650);
    let [detail, coarse, soon] = [Need::Picture, Need::StandIn, Need::Later].map(|need| Claim::new(need, Some(100)));
    let (mut a, mut b, mut c) = (pin!(ledger.reserve(&detail)), pin!(ledger.reserve(&coarse)), pin!(ledger.reserve(&soon)));
    waits!(c);
    assert!(!ledger.standing().is_short(), "what is only for later puts nobody under pressure");
    waits!(a);
    assert!(ledger.standing().is_short());
    assert!(futures_util::poll!(&mut b).is_ready());
    // What waits for the picture may turn out to be a stand-in.
    share.set_resident(750);
    waits!(a);
    detail.set_need(Need::StandIn);
    share.set_resident(750);
    waits!(a);
    assert_eq!(bytes(&ledger), (0, 0, 100));
    share.set_resident(550);
    waits!(c);
    assert!(futures_util::poll!(&mut a).is_ready());
    assert!(detail.is_admitted() && !soon.is_admitted());
}
