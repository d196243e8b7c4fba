use super::City;
use crate::screen::{PATIENCE, accepted};
use serde_json::Value;
use yiping::model::incident::Action;

/// An open stream and what of it was not yet taken apart.
struct Listener<'a> {
    city: &'a City,
    response: reqwest::Response,
    rest: String,
}

impl Listener<'_> {
    fn open<'a>(city: &'a City, path: &str, last_event_id: Option<&str>) -> Listener<'a> {
        let request = city.http.get(city.url(path));
        let request =
            last_event_id.map_or_else(|| request.try_clone().unwrap(), |id| request.try_clone().unwrap().header("last-event-id", id));
        let response = city.runtime.block_on(request.send()).unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Listener { city, response, rest: String::new() }
    }

    /// The next event: its id and its Feature.
    fn next(&mut self) -> (Option<String>, Value) {
        loop {
            if let Some((event, rest)) = self.rest.clone().split_once("\n\n") {
                self.rest = rest.to_owned();
                let of = |field: &str| event.lines().find_map(|l| l.strip_prefix(field)).map(|v| v.trim_start().to_owned());
                if let Some(data) = of("data:") {
                    return (of("id:"), serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let chunk = self.city.runtime.block_on(async { tokio::time::timeout(PATIENCE, self.response.chunk()).await });
            self.rest += std::str::from_utf8(&chunk.expect("nothing came").unwrap().expect("the stream ended")).unwrap();
        }
    }

    fn ids(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next().1["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_new_listener_hears_all_open_incidents_and_then_each_change() {
    let mut city = City::open();
    let url = city.hub.url();
    let mut listener = Listener::open(&city, "/stream/incidents", None);
    assert_eq!(listener.ids(3), ["i0", "i1", "i2"]);
    let mut other = crate::screen::Screen::open(&url, "other", yiping::model::protocol::Role::Officer);
    accepted(other.act("i1", 1, Action::Verify));
    let (id, feature) = listener.next();
    assert_eq!(
        (&feature["id"], &feature["properties"]["state"], &feature["properties"]["kind"]),
        (&"i1".into(), &"verifying".into(), &"incident".into())
    );
    let id = id.unwrap();
    accepted(other.act("i2", 1, Action::Void));
    assert_eq!(listener.next().1["properties"]["state"], "void", "also that one has ended");
    drop(listener);
    let mut resumed = Listener::open(&city, "/stream/incidents", Some(&id));
    assert_eq!(resumed.next().1["id"], "i2", "from where it was, and nothing twice");
    drop(resumed);
    let mut stranger = Listener::open(&city, "/stream/incidents", Some("another-hub-3"));
    assert_eq!(stranger.ids(2), ["i0", "i1"], "a place in another hub's stream means nothing here");
    drop(stranger);
    city.desk.until("the void", |s| s.world.incidents["i2"].state.is_ended());
}

#[test]
fn who_was_cut_off_amid_the_first_ones_hears_them_all_again() {
    let city = City::open();
    let mut listener = Listener::open(&city, "/stream/incidents", None);
    let heard: Vec<Option<String>> = (0..3).map(|_| listener.next().0).collect();
    assert!(heard[0].is_none() && heard[1].is_none() && heard[2].is_some(), "only the last of them is a place to go on from");
    drop(listener);
    let mut listener = Listener::open(&city, "/stream/incidents", None);
    assert_eq!(listener.ids(3).len(), 3);
}

#[test]
fn units_come_by_place_and_property() {
    let city = City::open();
    assert_eq!(Listener::open(&city, "/stream/units", None).ids(3), ["u0", "u1", "u2"]);
    assert_eq!(Listener::open(&city, "/stream/units?domain=traffic&bbox=118.2,33,118.26,34", None).ids(1), ["u1"]);
    let feature = Listener::open(&city, "/stream/units", None).next().1;
    assert_eq!((&feature["properties"]["kind"], &feature["properties"]["unit_kind"]), (&"unit".into(), &"patrol_car".into()));
    assert_eq!(city.get("/stream/units?colour=red").status, 400);
}
