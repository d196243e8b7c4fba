//! kill -9: what was accepted is there.

use crate::screen::{Screen, Server, accepted, data, report};
use yiping::link::LinkEvent;
use yiping::model::protocol::{Outcome, Role};

#[test]
fn nothing_accepted_is_lost_when_the_hub_is_killed() {
    let data = data();
    let mut server = Server::start(data.path(), "127.0.0.1:0");
    let listen = server.listen();
    let mut accepted_ids = Vec::new();
    for round in 0..3 {
        let mut phone = Screen::open(&server.1, &format!("phone-{round}"), Role::Field);
        // A stream of commands; the kill comes while many are on their way.
        let ids: Vec<_> = (0..120).map(|i| format!("{round}-{i}")).map(|i| (phone.link.send(report(&i)), i)).collect();
        phone.answer(&ids[20].0);
        server.kill();
        phone.until("the break", |s| s.world.stale_since.is_some());
        let was = |e: &LinkEvent, of: &str| matches!(e, LinkEvent::Reply { id, outcome: Outcome::Accepted { .. } } if id == of);
        accepted_ids.extend(ids.into_iter().filter(|(id, _)| phone.heard.iter().any(|e| was(e, id))).map(|(_, incident)| incident));
        drop(phone);
        server = Server::start(data.path(), &listen);
    }
    let after = Screen::open(&server.1, "after", Role::Viewer);
    assert!(accepted_ids.len() >= 60);
    for id in accepted_ids {
        assert!(after.world.incidents.contains_key(&id), "{id} was accepted and is gone");
    }
}

#[test]
fn a_command_cut_off_by_a_kill_is_sent_again_and_done_once() {
    let data = data();
    let mut server = Server::start(data.path(), "127.0.0.1:0");
    let listen = server.listen();
    let mut desk = Screen::open(&server.1, "desk", Role::Officer);
    accepted(desk.ask(report("a")));
    let ids: Vec<_> = (0..50).map(|i| desk.link.send(report(&format!("r{i}")))).collect();
    server.kill();
    let _server = Server::start(data.path(), &listen);
    let outcomes: Vec<_> = ids.iter().map(|id| desk.answer(id)).collect();
    for (i, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Outcome::Accepted { version, .. } => assert_eq!((version, desk.world.incidents[&format!("r{i}")].version), (1, 1)),
            // Given after the link had noticed the break.
            Outcome::Rejected { rule, .. } => assert!(rule.contains("no connection"), "{rule}"),
            other => panic!("{other:?}"),
        }
    }
}
