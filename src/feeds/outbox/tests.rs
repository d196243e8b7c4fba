use super::*;
use crate::model::incident::Domain;
use crate::model::unit::{Unit, UnitState};
use tokio::sync::mpsc;

fn position(id: &str, heading_deg: f64) -> FeedEvent {
    let (call_sign, kind, seen_at) = (id.to_owned(), "officer".to_owned(), DateTime::UNIX_EPOCH);
    let (domain, state) = (Domain::Traffic, UnitState::Available);
    FeedEvent::Unit(Unit {
        id: id.into(),
        call_sign,
        domain,
        kind,
        state,
        lon: 118.3,
        lat: 33.9,
        heading_deg,
        seen_at,
        stale_at: None,
        details: None,
    })
}

fn outbox(coordinates: Coordinates, room: usize) -> (Outbox, mpsc::Receiver<FeedEvent>) {
    let (tx, rx) = mpsc::channel(room);
    (Outbox::new("f", "test", coordinates, tx, Duration::ZERO), rx)
}

#[test]
fn a_full_channel_conflates_per_entity_and_the_ledger_balances() {
    let (mut outbox, mut rx) = outbox(Coordinates::Wgs84, 1);
    for i in 0..10 {
        outbox.offer("a", position("a", f64::from(i))).unwrap();
        outbox.offer("b", position("b", f64::from(i))).unwrap();
        assert!(outbox.status().balances());
    }
    outbox.reject(Reason::Unreadable, "no".into());
    let mut got = Vec::new();
    for _ in 0..5 {
        while let Ok(event) = rx.try_recv() {
            if let FeedEvent::Unit(u) = event {
                got.push((u.id, u.heading_deg));
            }
        }
        outbox.flush().unwrap();
    }
    assert_eq!(got, [("a".into(), 0.0), ("b".into(), 9.0), ("a".into(), 9.0)]);
    let s = outbox.status();
    assert_eq!((s.received, s.stored, s.conflated, s.rejected), (21, 3, 17, 1));
    assert!(s.balances() && s.conflated_by["replaced"] == 17 && s.rejected_for["unreadable"] == 1);
}

#[test]
fn shifted_coordinates_come_out_as_wgs84() {
    let (mut outbox, mut rx) = outbox(Coordinates::Gcj02, 4);
    let (lon, lat) = Shifted::Gcj02.forward(118.3, 33.9);
    let FeedEvent::Unit(mut unit) = position("a", 0.0) else { unreachable!() };
    (unit.lon, unit.lat) = (lon, lat);
    outbox.offer("a", FeedEvent::Unit(unit)).unwrap();
    let Ok(FeedEvent::Unit(unit)) = rx.try_recv() else { panic!() };
    assert!((unit.lon - 118.3).abs() < 1e-7 && (unit.lat - 33.9).abs() < 1e-7, "{unit:?}");
    assert!((lon - 118.3).abs() > 1e-3, "the shift is some hundred metres");
}

#[test]
fn reasons_are_cut_to_size() {
    assert_eq!(shortened("路".repeat(REASON_MAX + 5)).chars().count(), REASON_MAX + 1);
    assert_eq!(shortened("short".into()), "short");
}
