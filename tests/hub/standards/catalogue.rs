use super::City;
use serde_json::Value;

fn resource<'a>(catalogue: &'a Value, group: &str, id: &str) -> &'a Value {
    let group = catalogue["groups"].as_array().unwrap().iter().find(|g| g["id"] == group).unwrap();
    let found = group["resources"].as_array().unwrap().iter().find(|r| r["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {group}"))
}

#[test]
fn the_catalogue_lists_all_in_four_groups_with_schema_extent_freshness_and_licence() {
    let city = City::open();
    let catalogue = city.json("/catalogue");
    let groups: Vec<&str> = catalogue["groups"].as_array().unwrap().iter().map(|g| g["id"].as_str().unwrap()).collect();
    assert_eq!(groups, ["geospatial", "thematic", "sensing", "online"]);
    let areas = resource(&catalogue, "geospatial", "areas");
    assert_eq!((&areas["count"], &areas["licence"]), (&3.into(), &"CC0-1.0".into()));
    assert_eq!(areas["extent"]["bbox"], serde_json::json!([118.0, 33.5, 118.8, 34.3]));
    let noise = resource(&catalogue, "sensing", "sensors/noise");
    assert_eq!(
        (&noise["count"], &noise["freshness"]["pace"], &noise["licence"]),
        (&3.into(), &"live".into(), &"CC BY 4.0, © 环境局".into())
    );
    assert!(noise["freshness"]["age_s"].as_i64().unwrap() >= 55 && noise["extent"]["time"][0].is_string());
    assert_eq!(city.json(noise["links"][0]["href"].as_str().unwrap())["value"].as_array().unwrap().len(), 3);
    let traffic = resource(&catalogue, "thematic", "incidents/traffic");
    assert!(
        traffic["count"] == 2 && traffic["schema"].as_array().unwrap().iter().any(|f| f["name"] == "severity" && f["type"] == "string")
    );
    assert_eq!(city.json(traffic["links"][0]["href"].as_str().unwrap())["numberMatched"], 2);
    assert_eq!(traffic["licence"], "CC BY 4.0");
    let air = resource(&catalogue, "online", "feeds/air");
    assert_eq!((&air["freshness"]["pace"], &air["licence"]), (&"live".into(), &"CC BY 4.0, © 环境局".into()));
    assert_eq!(resource(&catalogue, "online", "feeds/units")["licence"], "CC BY 4.0");
    assert_eq!(resource(&catalogue, "online", "services/open311")["links"][0]["type"], "application/json");
    assert!(resource(&catalogue, "online", "feeds/air")["description"].as_str().unwrap().ends_with("POST /feeds/air"));
}

#[test]
fn the_catalogue_lists_the_scenes_tilesets_and_what_can_be_asked_of_the_past() {
    let city = City::open();
    let catalogue = city.json("/catalogue");
    let mesh = resource(&catalogue, "geospatial", "tilesets/harbour");
    assert_eq!((&mesh["title_zh"], &mesh["licence"]), (&"港区实景".into(), &"CC BY-SA 4.0".into()));
    let west = mesh["extent"]["bbox"][0].as_f64().unwrap();
    assert!((west - 118.0).abs() < 1e-3 && mesh["freshness"]["newest"].is_string(), "{mesh}");
    assert_eq!(city.json(mesh["links"][0]["href"].as_str().unwrap())["asset"]["version"], "1.1");
    let first_link = |id: &str| city.json(resource(&catalogue, "online", &format!("services/{id}"))["links"][0]["href"].as_str().unwrap());
    assert!(first_link("at")["incidents"].as_array().is_some_and(|i| i.len() == 4));
    assert!(first_link("events")["events"].as_array().is_some_and(|e| !e.is_empty()));
    assert!(first_link("series")["points"].is_array() && first_link("hexagons")["buckets"].is_array());
    assert!(first_link("means")["means"].as_array().is_some_and(|m| m.len() == 3));
}

#[test]
fn every_link_of_the_catalogue_is_answered() {
    let city = City::open();
    let catalogue = city.json("/catalogue.json");
    for group in catalogue["groups"].as_array().unwrap() {
        for link in group["resources"].as_array().unwrap().iter().flat_map(|r| r["links"].as_array().unwrap()) {
            let stream = link["type"] == "text/event-stream";
            let href = link["href"].as_str().unwrap();
            // A stream has no end: a parameter that it does not know shows that it is there.
            let href = if stream { format!("{href}{}nothing=1", if href.contains('?') { '&' } else { '?' }) } else { href.to_owned() };
            assert_eq!(city.get(&href).status, if stream { 400 } else { 200 }, "{href}");
        }
    }
}

#[test]
fn people_get_a_page_in_both_languages_without_script() {
    let city = City::open();
    let page = city.ask("/catalogue", &[("accept", "text/html,application/xhtml+xml")]);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.text, page.text.replace("<script", ""));
    for said in ["试验场景", "Test scene", "时空基础", "Sensing", "CC BY 4.0", "<svg", "noise"] {
        assert!(page.text.contains(said), "{said}");
    }
    assert_eq!(city.get("/catalogue.html").text.matches("<article>").count(), page.text.matches("<article>").count());
    assert!(city.get("/catalogue").header("content-type").starts_with("application/json"));
}
