//! The hub as screens see it, in this process on a free port; `killed.rs` has it as a real process that is killed.

mod clickhouse;
mod door;
mod faults;
mod kept;
mod killed;
mod live;
mod screen;
mod slow;
mod spans;
mod standards;
mod told;

use screen::{Screen, accepted, config, data, hub, rejected, report};
use yiping::hub::Hub;
use yiping::link::LinkEvent;
use yiping::model::incident::{Action, IncidentState};
use yiping::model::protocol::{Command, Outcome, Role};
use yiping::model::view::{CameraPose, TourMove, TourState, ViewPatch};

#[test]
fn what_one_screen_acknowledges_all_see_at_the_same_revision() {
    let data = data();
    let hub = hub(data.path());
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    let mut phone = Screen::open(&hub.url(), "phone", Role::Field);
    accepted(phone.ask(report("a")));
    let (version, revision) = accepted(phone.act("a", 1, Action::Acknowledge));
    assert_eq!((version, phone.world.revision), (2, revision), "who hears 'accepted' has already been sent the change");
    desk.until("the acknowledgement", |s| s.world.revision >= revision);
    assert_eq!(desk.world.revision, revision);
    assert_eq!(desk.world.incidents, phone.world.incidents);
    let stamp = desk.world.incidents["a"].acknowledged.clone().unwrap();
    assert_eq!((stamp.actor.as_str(), stamp.screen.as_str()), ("actor of phone", "phone"));
    let late = Screen::open(&hub.url(), "wall", Role::Viewer);
    assert_eq!((late.world.revision, &late.world.incidents), (revision, &desk.world.incidents), "a screen that comes later sees the same");
}

#[test]
fn who_decided_on_an_old_version_hears_of_the_conflict() {
    let data = data();
    let hub = hub(data.path());
    let mut first = Screen::open(&hub.url(), "first", Role::Officer);
    let mut second = Screen::open(&hub.url(), "second", Role::Officer);
    accepted(first.ask(report("a")));
    second.until("the report", |s| s.world.incidents.contains_key("a"));
    accepted(first.act("a", 1, Action::Verify));
    let Outcome::Conflict { current } = second.act("a", 1, Action::Void) else { panic!("an old version was accepted") };
    assert_eq!((current.version, current.state), (2, IncidentState::Verifying));
    assert!(rejected(&second.act("a", 2, Action::Close)).contains("verifying"), "a move against the rules is refused in words");
    assert!(rejected(&second.act("b", 1, Action::Verify)).contains("no incident b"));
    assert_eq!(second.world.incidents["a"].version, 2);
}

#[test]
fn a_report_that_comes_twice_is_one_incident() {
    let data = data();
    let hub = hub(data.path());
    let mut phone = Screen::open(&hub.url(), "phone", Role::Field);
    let first = accepted(phone.ask(report("a")));
    assert_eq!(accepted(phone.ask(report("a"))), first);
    let Command::Report { report: mut other } = report("a") else { unreachable!() };
    other.lon += 0.1;
    assert!(rejected(&phone.ask(Command::Report { report: other })).contains("already"));
    assert_eq!(phone.world.incidents.len(), 1);
}

#[test]
fn only_who_may_lead_moves_the_view_and_only_one_at_a_time() {
    let data = data();
    let hub = hub(data.path());
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    let mut wall = Screen::open(&hub.url(), "wall", Role::Presenter);
    let mut phone = Screen::open(&hub.url(), "phone", Role::Field);
    assert!(desk.world.view.as_ref().unwrap().layers["air"]);
    let camera = CameraPose { lon: 118.3, lat: 33.9, height_m: 10.0, heading_deg: 90.0, pitch_deg: 30.0, distance_m: 500.0 };
    let look = |camera| Command::View { patch: ViewPatch { camera: Some(camera), ..ViewPatch::default() } };
    rejected(&phone.ask(look(camera)));
    let (_, revision) = accepted(desk.ask(look(camera)));
    wall.until("the camera", |s| s.world.revision >= revision);
    assert_eq!((wall.world.view.as_ref().unwrap().camera, wall.world.leads("desk")), (camera, true));
    let tour = |m| Command::View { patch: ViewPatch { tour: Some(m), ..ViewPatch::default() } };
    assert!(rejected(&wall.ask(tour(TourMove::Play))).contains("desk leads"));
    accepted(wall.ask(Command::TakeLead));
    accepted(wall.ask(tour(TourMove::Seek { position_s: 1e9 })));
    assert_eq!(wall.world.view.as_ref().unwrap().tour, TourState::Paused { position_s: 100.0 }, "a tour ends where it ends");
    // Who is connected is told once in a while: without waiting for it here, a wall not yet heard of would count as gone below.
    desk.until("the wall to be seen", |s| s.world.leads("wall") && s.world.screens.iter().any(|i| i.screen == "wall"));
    drop(wall);
    desk.until("the wall to go", |s| s.world.screens.iter().all(|i| i.screen != "wall"));
    accepted(desk.ask(look(camera)));
    assert!(desk.world.leads("desk"), "who moves the view after the leader has gone leads");
    rejected(&desk.ask(look(CameraPose { lat: 91.0, ..camera })));
}

#[test]
fn after_a_break_a_screen_resumes_where_it_was() {
    let data = data();
    let first = hub(data.path());
    let port = first.addr.port();
    let mut desk = Screen::open(&first.url(), "desk", Role::Officer);
    accepted(desk.ask(report("a")));
    let before = desk.world.clone();
    first.stop();
    desk.until("the break", |s| s.world.stale_since.is_some());
    assert_eq!(desk.world.incidents, before.incidents, "the picture stays");
    assert!(rejected(&desk.ask(report("b"))).contains("no connection"), "nothing is done later than it was asked");
    desk.heard.clear();
    let second = Hub::start(config(data.path(), port)).unwrap();
    desk.until("the hub", |s| s.world.connected);
    accepted(desk.ask(report("c")));
    assert!(desk.heard.iter().all(|e| !matches!(e, LinkEvent::Snapshot(_) | LinkEvent::Gap { .. })), "deltas were enough");
    assert_eq!(desk.world.incidents.len(), 2);
    second.stop();
}

#[test]
fn another_hub_at_the_same_address_is_noticed() {
    let (one, other) = (data(), data());
    let first = hub(one.path());
    let port = first.addr.port();
    let mut desk = Screen::open(&first.url(), "desk", Role::Officer);
    accepted(desk.ask(report("a")));
    first.stop();
    desk.until("the break", |s| s.world.stale_since.is_some());
    let _second = Hub::start(config(other.path(), port)).unwrap();
    desk.until("the other hub's state", |s| s.world.connected && s.world.incidents.is_empty());
}

#[test]
fn a_tour_that_has_come_to_its_end_is_held_there() {
    let data = data();
    let hub = hub(data.path());
    let mut wall = Screen::open(&hub.url(), "wall", Role::Presenter);
    for tour in [TourMove::Seek { position_s: 99.9 }, TourMove::Play] {
        accepted(wall.ask(Command::View { patch: ViewPatch { tour: Some(tour), ..ViewPatch::default() } }));
    }
    wall.until("the end", |s| s.world.view.as_ref().is_some_and(|v| v.tour == TourState::Paused { position_s: 100.0 }));
}
