//! Sources that go away and come back with all they have kept meanwhile.

use super::platform::{Platform, SENSORS};
use super::{Asker, Broker, feed, mqtt_feed, peers::Wire, quick, reading, scene, until};
use crate::screen::{PATIENCE, Screen, config, data};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use std::path::Path;
use std::time::{Duration, Instant};
use yiping::hub::{Hub, HubConfig, HubHandle};
use yiping::model::protocol::Role;

/// Ten minutes, a reading a second.
const AWAY_S: u64 = 600;
/// Readings that a platform has before it goes away, seconds.
const BEFORE_S: i64 = 3;

fn hub(data: &Path) -> HubHandle {
    Hub::start(HubConfig { tuning: quick(), ..config(data, 0) }).unwrap()
}

/// Where a feed's first look began the platform told each sensor's latest; from there on none may be missing, and none twice.
fn all_is_there(hub: &Asker, begin: DateTime<Utc>) {
    let back = (begin + TimeDelta::seconds(AWAY_S as i64)).to_rfc3339_opts(SecondsFormat::Millis, true);
    for sensor in 0..SENSORS {
        let of = format!("Datastream/id eq 'air/s{sensor}' and phenomenonTime le {back}");
        let oldest = hub.get(&format!("/sta/v1.1/Observations?$filter={of}&$orderby=phenomenonTime asc&$top=1"));
        let oldest = oldest["value"][0]["result"].as_f64().unwrap_or_else(|| panic!("{sensor}: {oldest}")) as u64;
        assert!(oldest < AWAY_S / 2, "the first look was at the beginning");
        let all = AWAY_S + 1 - oldest;
        let end = Instant::now() + PATIENCE;
        while hub.kept(&of) < all {
            assert!(Instant::now() < end, "sensor {sensor}: {} of {all} from second {oldest} on", hub.kept(&of));
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(hub.kept(&of), all, "sensor {sensor}: each once");
    }
}

#[test]
fn after_ten_minutes_outage_of_a_platform_all_it_has_kept_is_read_once_and_screens_are_told() {
    let data = data();
    let begin = Utc::now() - TimeDelta::seconds(AWAY_S as i64 + 30);
    let before = Platform::start("127.0.0.1:0".parse().unwrap(), begin, BEFORE_S);
    let address = before.address;
    scene(data.path(), &format!("[[feed]]\nkind = \"sensorthings\"\nid = \"air\"\nurl = \"{}\"", before.url()));
    let hub = hub(data.path());
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    until(&mut desk, "air", "the first readings", |f| f.connected && f.stored >= SENSORS as u64);
    let first = Asker::new(&hub.url());
    drop(before);
    let told = until(&mut desk, "air", "the platform to be lost", |f| !f.connected);
    assert!(told.last_error.is_some_and(|why| why.contains(&address.to_string())), "screens say why");
    assert_eq!(desk.world.observations.len(), SENSORS as usize, "the last that was known stays, with its time");
    let _after = Platform::start(address, begin, BEFORE_S + AWAY_S as i64);
    let back = until(&mut desk, "air", "it to be back", |f| {
        f.connected && f.newest.is_some_and(|t| t >= begin + TimeDelta::seconds(AWAY_S as i64))
    });
    assert_eq!((back.rejected, back.quarantined), (0, 0), "{back:?}");
    all_is_there(&first, begin);
    assert!(feed(&desk, "air").unwrap().stored >= SENSORS as u64 * AWAY_S);
}

#[test]
fn after_an_outage_of_the_hub_itself_a_platform_is_asked_for_what_came_meanwhile() {
    let data = data();
    let begin = Utc::now() - TimeDelta::seconds(AWAY_S as i64 + 30);
    let before = Platform::start("127.0.0.1:0".parse().unwrap(), begin, BEFORE_S);
    let address = before.address;
    scene(data.path(), &format!("[[feed]]\nkind = \"sensorthings\"\nid = \"air\"\nurl = \"{}\"", before.url()));
    let first = hub(data.path());
    let mut desk = Screen::open(&first.url(), "desk", Role::Officer);
    until(&mut desk, "air", "the first readings", |f| f.connected && f.stored >= SENSORS as u64);
    drop(desk);
    first.stop();
    drop(before);
    let _after = Platform::start(address, begin, BEFORE_S + AWAY_S as i64);
    let second = hub(data.path());
    let mut desk = Screen::open(&second.url(), "desk", Role::Officer);
    until(&mut desk, "air", "what came meanwhile", |f| f.connected && f.stored >= SENSORS as u64 * AWAY_S);
    all_is_there(&Asker::new(&second.url()), begin);
}

#[test]
fn a_connection_dead_at_its_other_end_is_told_as_lost_and_ten_minutes_of_readings_come_at_once_after_it() {
    let data = data();
    let ask = Asker::new("");
    let broker = Broker::start(&ask.runtime);
    let wire = ask.runtime.block_on(Wire::to(broker.port));
    scene(data.path(), &mqtt_feed(wire.port));
    let hub = hub(data.path());
    let ask = Asker { url: hub.url(), ..ask };
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    let begin = Utc::now() - TimeDelta::seconds(AWAY_S as i64 + 10);
    let sensors = |from: u64, to: u64| {
        let of = move |s: u64| (0..10).map(move |n| (s, n));
        (from..to).flat_map(of).map(|(s, n)| reading(&format!("s{n}"), s, (begin + TimeDelta::seconds(s as i64)).timestamp_millis()))
    };
    until(&mut desk, "air", "the broker", |f| f.connected);
    broker.publish(&ask.runtime, sensors(0, 10));
    until(&mut desk, "air", "the first", |f| f.stored == 100);
    wire.cut();
    broker.publish(&ask.runtime, sensors(10, AWAY_S + 10));
    // Noticed and dialled again within a second: then screens hear of the break by its reason.
    until(&mut desk, "air", "the dead connection to be noticed", |f| {
        f.last_error.as_ref().is_some_and(|e| e.contains("no longer answers"))
    });
    let all = 10 * (AWAY_S + 10);
    let back = until(&mut desk, "air", "the burst", |f| f.connected && f.stored == all);
    assert_eq!((back.gaps, back.rejected, back.quarantined), (0, 0, 0), "{back:?}");
    ask.until_kept(all);
}

#[test]
fn a_broker_that_is_started_anew_loses_nothing_and_repetitions_disorder_and_rubbish_have_their_fates() {
    let data = data();
    let ask = Asker::new("");
    let mut broker = Broker::start(&ask.runtime);
    scene(data.path(), &mqtt_feed(broker.port));
    let hub = hub(data.path());
    let ask = Asker { url: hub.url(), ..ask };
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    let begin = Utc::now().timestamp_millis() - 60_000;
    let say = |n: u64| reading("a", n, begin + n as i64 * 100);
    until(&mut desk, "air", "the broker", |f| f.connected);
    broker.publish(&ask.runtime, (0..50).map(say));
    until(&mut desk, "air", "the first", |f| f.stored == 50);
    broker.stop();
    until(&mut desk, "air", "the broker to be lost", |f| !f.connected && f.last_error.is_some());
    broker.again(&ask.runtime);
    // 60 and 61 never come; 55 comes late, 70 twice.
    let order = (50..55).chain(56..60).chain([55]).chain(62..71).chain([70]);
    let rubbish = ["<html>", "{\"s\":", r#"{"s": "a", "n": 71}"#].map(str::to_owned);
    broker.publish(&ask.runtime, order.map(say).chain(rubbish));
    let ledger = until(&mut desk, "air", "all of it", |f| f.connected && f.received == 50 + 20 + 3);
    assert_eq!((ledger.stored, ledger.gaps, ledger.rejected, ledger.conflated_by["repeated"]), (69, 2, 3, 1), "{ledger:?}");
    ask.until_kept(69);
    assert_eq!(desk.world.observations.values().map(|o| o.value).collect::<Vec<_>>(), [70.0], "the newest counts");
}
