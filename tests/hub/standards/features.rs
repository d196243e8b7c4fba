use super::{City, ids};
use serde_json::Value;

const ITEMS: &str = "/ogc/features/collections/incidents/items";

fn rel<'a>(page: &'a Value, rel: &str) -> Option<&'a str> {
    page["links"].as_array()?.iter().find(|l| l["rel"] == rel)?["href"].as_str()
}

#[test]
fn the_landing_page_leads_to_everything() {
    let city = City::open();
    let landing = city.json("/ogc/features");
    let conformance = city.json(rel(&landing, "conformance").unwrap());
    assert!(conformance["conformsTo"].as_array().unwrap().contains(&"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core".into()));
    let api = city.get(rel(&landing, "service-desc").unwrap());
    assert_eq!(api.header("content-type"), "application/vnd.oai.openapi+json;version=3.0");
    let api = api.json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.0"));
    for path in
        ["/", "/conformance", "/collections", "/collections/incidents", "/collections/units/items", "/collections/areas/items/{featureId}"]
    {
        assert!(api["paths"][path]["get"]["responses"]["200"].is_object(), "{path}");
    }
    let collections = city.json(rel(&landing, "data").unwrap());
    assert_eq!(ids(&collections["collections"], "id"), ["incidents", "units", "alerts", "areas", "sensors"]);
    for collection in collections["collections"].as_array().unwrap() {
        assert_eq!(&city.json(rel(collection, "self").unwrap()), collection);
        let items = city.get(rel(collection, "items").unwrap());
        assert_eq!((items.status, items.header("content-type")), (200, "application/geo+json"));
        // There is no alert.
        assert_eq!(
            collection["extent"]["spatial"]["bbox"][0].as_array().map(Vec::len),
            (collection["id"] != "alerts").then_some(4),
            "{collection}"
        );
    }
    assert_eq!(collections["collections"][0]["extent"]["temporal"]["interval"][0][1], Value::Null, "open incidents go on");
}

#[test]
fn pages_follow_each_other_by_next_and_prev() {
    let city = City::open();
    let first = city.json(&format!("{ITEMS}?limit=3"));
    assert_eq!((&first["numberMatched"], &first["numberReturned"], rel(&first, "prev")), (&4.into(), &3.into(), None));
    let second = city.json(rel(&first, "next").unwrap());
    assert_eq!(
        (ids(&first["features"], "id"), ids(&second["features"], "id")),
        (vec!["i0".into(), "i1".into(), "i2".into()], vec!["i3".to_owned()])
    );
    assert!(rel(&second, "next").is_none());
    assert_eq!(city.json(rel(&second, "prev").unwrap())["features"], first["features"]);
}

#[test]
fn place_time_and_properties_choose() {
    let city = City::open();
    let chosen = |query: &str| ids(&city.json(&format!("{ITEMS}?{query}"))["features"], "id");
    assert_eq!(chosen("bbox=118.2,33.9,118.3,34"), ["i0", "i1"]);
    assert_eq!(chosen("domain=traffic&severity=major"), ["i0"]);
    assert_eq!(chosen("state=void"), ["i3"]);
    assert_eq!(chosen("datetime=../2020-01-01T00:00:00Z").len(), 0);
    assert_eq!(chosen("datetime=2020-01-01T00:00:00Z/..").len(), 4);
    assert_eq!(chosen("datetime=2999-01-01T00:00:00Z"), ["i0", "i1", "i2"], "open ones go on, the ended one does not");
    let areas = |query: &str| ids(&city.json(&format!("/ogc/features/collections/areas/items?{query}"))["features"], "id");
    assert_eq!(areas("bbox=118.28,33.96,118.281,33.961"), ["3213", "321302", "321302001003"]);
    assert_eq!(areas("level=county"), ["321302"]);
    let sensors = city.json("/ogc/features/collections/sensors/items?observed_property=noise&bbox=118.26,33.9,118.28,34");
    assert_eq!((&sensors["numberMatched"], &sensors["features"][0]["properties"]["value"]), (&1.into(), &30.0.into()));
    assert_eq!(city.json("/ogc/features/collections/units/items?domain=emergency")["features"][0]["properties"]["call_sign"], "宿0");
}

#[test]
fn one_feature_is_found_by_its_id_and_what_is_not_there_is_said() {
    let city = City::open();
    let one = city.get(&format!("{ITEMS}/i0"));
    assert_eq!(
        (one.header("content-type"), one.header("content-crs")),
        ("application/geo+json", "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>")
    );
    assert_eq!(one.json()["properties"]["title"], "井盖缺损 i0");
    assert_eq!(city.json(rel(&one.json(), "self").unwrap()), one.json());
    assert_eq!(city.json("/ogc/features/collections/sensors/items/air/3")["id"], "air/3", "an id with a slash");
    for (path, status) in [
        (&*format!("{ITEMS}/none"), 404),
        ("/ogc/features/collections/dragons", 404),
        ("/ogc/features/collections/dragons/items", 404),
        (&*format!("{ITEMS}?bbox=1,2,3"), 400),
        (&*format!("{ITEMS}?limit=0"), 400),
        (&*format!("{ITEMS}?colour=red"), 400),
        ("/ogc/features?x=1", 400),
    ] {
        let got = city.get(path);
        assert_eq!((got.status, got.header("content-type")), (status, "application/problem+json"), "{path}");
        assert!(!got.json()["detail"].as_str().unwrap().is_empty());
    }
}
