//! One Yiping feeds another.

use super::City;
use crate::screen::{SCENE, Screen, config, data};
use yiping::hub::Hub;
use yiping::model::protocol::Role;

#[test]
fn a_second_hub_reads_the_first_as_sensorthings_geojson_and_eido() {
    let city = City::open();
    let first = city.hub.url();
    let second_data = data();
    let feeds = format!(
        "[[feed]]\nkind = \"sensorthings\"\nid = \"sensors\"\nurl = \"{first}/sta/v1.1\"\n\
         [[feed]]\nkind = \"geojson_sse\"\nid = \"incidents\"\nurl = \"{first}/stream/incidents\"\n\
         [[feed]]\nkind = \"geojson_sse\"\nid = \"units\"\nurl = \"{first}/stream/units\"\n\
         [[feed]]\nkind = \"eido\"\nid = \"centre\"\nurl = \"{first}/eido/incidents?limit=2\"\n[[camera]]"
    );
    std::fs::write(second_data.path().join("test.toml"), SCENE.replacen("[[camera]]", &feeds, 1)).unwrap();
    let second = Hub::start(config(second_data.path(), 0)).unwrap();
    let mut screen = Screen::open(&second.url(), "screen", Role::Viewer);
    screen.until("all of the first hub", |s| {
        let w = &s.world;
        w.incidents.len() == 6 && w.units.len() == 3 && w.datastreams.len() == 6 && w.observations.len() == 6
    });
    let incident = &screen.world.incidents["i0"];
    assert_eq!((incident.source.as_str(), incident.title.as_str(), incident.lon), ("incidents", "井盖缺损 i0", 118.28));
    let told = screen.world.incidents.values().find(|i| i.source == "centre" && i.title == "井盖缺损 i0").unwrap();
    assert_eq!((told.category.as_str(), told.lon), (incident.category.as_str(), 118.28), "as EIDO, page by page");
    let stream = &screen.world.datastreams["sensors/air/3"];
    assert_eq!((stream.sensor.as_str(), stream.observed_property.as_str(), stream.unit.as_str()), ("站 1", "noise", "dB"));
    assert_eq!(screen.world.observations["sensors/air/3"].value, 30.0);
    assert_eq!(screen.world.units["u0"].kind, "patrol_car");
    screen.until("news", |s| s.world.feeds.values().filter(|f| f.connected && f.rejected == 0).count() == 4);
    drop(screen);
    second.stop();
}
