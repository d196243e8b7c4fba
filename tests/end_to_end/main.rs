//! The programs as people run them: a platform, a hub, two screens and the page in a browser, that all say the same.
//!
//! That nothing acknowledged is lost when a hub is killed is in `tests/hub/killed.rs`.

#[cfg(feature = "screen")]
mod pictures;
mod programs;
mod rubbish;

use chrono::Utc;
use programs::{Hub, Platform, Screen, left_out, run, web};
use std::path::Path;
use std::process::Command;
use yiping::model::incident::Action;
use yiping::model::protocol::{self, Outcome, ScreenClass};

/// What the page's test needs and this machine lacks.
fn lacks_a_browser() -> Option<String> {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into());
    let needs =
        [(chromium.as_str(), "apt install chromium"), ("web/dist", "npm run build in web/"), ("web/node_modules", "npm ci in web/")];
    let there = |place: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(place).exists();
    let missing = needs.iter().find(|(place, _)| !there(place)).map(|(place, mend)| format!("there is no {place} ({mend})"));
    let node = Command::new("node").arg("--version").output().is_ok_and(|o| o.status.success());
    missing.or_else(|| (!node).then(|| "there is no node (apt install nodejs)".to_owned()))
}

#[test]
fn what_the_page_acknowledges_wall_and_desk_see_at_the_same_revision() {
    if let Some(why) = lacks_a_browser() {
        return left_out("the page in a browser", &why);
    }
    let platform = Platform::start();
    let hub = Hub::start(&platform.feeds());
    let mut wall = Screen::open(&hub, "wall/1", ScreenClass::Large);
    let mut desk = Screen::open(&hub, "desk-1", ScreenClass::Medium);
    // The same things from three feeds: incidents, units that move, readings that go on.
    desk.until("live incidents", |w| w.incidents.values().any(|i| i.acknowledged.is_none() && !i.state.is_ended()));
    desk.until("units and readings", |w| !w.units.is_empty() && !w.observations.is_empty());
    let open = |screen: &Screen| {
        let mut open = screen.world.incidents.values().filter(|i| i.acknowledged.is_none() && !i.state.is_ended());
        open.next().map(|i| i.id.clone())
    };
    let incident = open(&desk).unwrap();

    let page = run(Command::new("node").arg(web().join("test/acknowledge.mjs")).args([
        "--url",
        &hub.url,
        "--incident",
        &incident,
        "--name",
        "李工",
    ]));
    let page: serde_json::Value = serde_json::from_slice(&page.stdout).unwrap();
    assert_eq!((page["outcome"].as_str(), page["incident"].as_str()), (Some("accepted"), Some(incident.as_str())), "{page}");
    let revision = page["revision"].as_u64().unwrap();

    // Events are taken one by one, so each screen stands at the very revision that brought the acknowledgement.
    for screen in [&mut wall, &mut desk] {
        screen.until("the acknowledgement", |w| w.incidents.get(&incident).is_some_and(|i| i.acknowledged.is_some()));
        assert_eq!(screen.world.revision.0, revision, "{} and the page disagree", screen.name);
        let stamp = screen.world.incidents[&incident].acknowledged.clone().unwrap();
        assert_eq!((stamp.actor.as_str(), stamp.screen.as_str()), ("李工", "phone-test"), "{}", screen.name);
    }
    assert_eq!(wall.world.incidents, desk.world.incidents);
    assert_eq!(wall.world.view, desk.world.view);

    // And back: the version that the page made is the one the desk goes on from.
    let version = desk.world.incidents[&incident].version;
    let verify = protocol::Command::Incident {
        incident: incident.clone(),
        expected_version: version,
        action: Action::Verify,
        reason: None,
        device_time: Utc::now(),
    };
    let Outcome::Accepted { version: next, revision } = desk.ask(verify) else { panic!("the desk could not go on from version {version}") };
    assert_eq!(next, version + 1);
    wall.until("the desk's move", |w| w.revision >= revision);
    assert_eq!(wall.world.incidents[&incident].version, next);
}
