use super::*;
use crate::feeds::Kept;
use crate::model::alert::Alert;
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

#[tokio::test]
async fn an_alert_that_is_kept_is_again_as_its_source_had_it() {
    for coordinates in [Coordinates::Wgs84, Coordinates::Cgcs2000, Coordinates::Gcj02, Coordinates::Bd09] {
        let (mut outbox, mut rx) = outbox(coordinates, 4);
        let alert: Alert =
            serde_json::from_value(serde_json::json!({"id": "a", "feed": "f", "sender": "s", "sent": "2026-05-01T00:00:00Z",
            "status": "actual", "severity": "minor", "event": "rain", "effective": "2026-05-01T00:00:00Z", "expires": null,
            "areas": [{"polygons": [[[118.3, 33.9], [118.4, 33.9], [118.4, 34.0], [118.3, 33.9]]], "circles": [[118.35, 33.95, 500.0]]}]}))
            .unwrap();
        outbox.deliver(FeedEvent::Alert(alert.clone())).await.unwrap();
        let Ok(FeedEvent::Alert(kept)) = rx.try_recv() else { panic!() };
        assert_eq!(kept == alert, shifted(coordinates).is_none(), "{coordinates:?}");
        let again = &Kept { alerts: vec![kept], ..Kept::default() }.in_coordinates_of_its_source(coordinates).alerts[0];
        let ([x, y], [_, _, radius_m]) = (again.areas[0].polygons[0][1], again.areas[0].circles[0]);
        assert!((x - 118.4).abs() < 1e-8 && (y - 33.9).abs() < 1e-8 && radius_m == 500.0, "{coordinates:?}: {again:?}");
    }
}

#[test]
fn reasons_are_cut_to_size() {
    assert_eq!(shortened("路".repeat(REASON_MAX + 5)).chars().count(), REASON_MAX + 1);
    assert_eq!(shortened("short".into()), "short");
}
