//! A feed that sends rubbish costs nobody else anything.

use crate::programs::{Hub, Platform, Screen};
use std::io::{Read, Write};
use std::net::TcpListener;
use yiping::model::protocol::ScreenClass;

/// Things no feed should send: no JSON, JSON of something else, places that are none, an endless word, a line that is cut off.
const RUBBISH: [&str; 7] = [
    "data: {\"type\":\"Feature\",\"geometry\":{\n\n",
    "data: <html>502 Bad Gateway</html>\n\n",
    "data: [1,2,3]\n\n",
    "data: {\"type\":\"Feature\",\"id\":\"a\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[1e300,-999]},\"properties\":{\"kind\":\"incident\"}}\n\n",
    "data: {\"type\":\"Feature\",\"id\":\"b\",\"geometry\":null,\"properties\":null}\n\n",
    "\u{0}\u{1}\u{fffd} nothing of this is an event\n\n",
    "data: {\"type\":\"Feature\",\"id\":",
];

/// A server of rubbish on a free port; ends with the tests.
fn rubbish() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/incidents/stream", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(RUBBISH.concat().as_bytes()));
        }
    });
    url
}

#[test]
fn a_feed_that_sends_rubbish_is_named_and_the_good_ones_go_on() {
    let platform = Platform::start();
    let bad = format!("[[feed]]\nkind = \"geojson_sse\"\nid = \"bad\"\nurl = {:?}\n", rubbish());
    let hub = Hub::start(&(bad + &platform.feeds()));
    let mut desk = Screen::open(&hub, "desk-1", ScreenClass::Medium);
    desk.until("the bad feed's ledger", |w| w.feeds.get("bad").is_some_and(|f| f.rejected + f.quarantined >= 4 && f.last_error.is_some()));
    desk.until("incidents, units and readings of the good feeds", |w| {
        !w.incidents.is_empty() && !w.units.is_empty() && !w.observations.is_empty()
    });
    desk.until("the good feeds to be well", |w| {
        ["sensors", "incidents", "units"].iter().all(|id| w.feeds.get(*id).is_some_and(|f| f.connected && f.stored > 0))
    });
    let bad = &desk.world.feeds["bad"];
    assert_eq!(bad.stored, 0, "{bad:?}");
    assert_eq!(bad.received, bad.stored + bad.rejected + bad.conflated + bad.quarantined, "{bad:?}");
    assert!(desk.world.incidents.values().all(|i| i.source != "bad"));
}
