use super::{City, ids};
use crate::screen::accepted;
use quick_xml::events::Event;
use yiping::model::incident::Action;

const POST: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const FORM: &str = "service_code=urban_management.appearance.rubbish&lat=33.96&long=118.28&description=%E5%9E%83%E5%9C%BE+%3C3&attribute[severity]=major&email=a@example.com";

/// Text of each element `name` of an XML document, which must be well formed.
fn texts(xml: &str, name: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut out, mut inside) = (Vec::new(), false);
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e} in {xml}")) {
            Event::Start(e) if e.name().as_ref() == name.as_bytes() => {
                inside = true;
                out.push(String::new());
            }
            Event::End(e) if e.name().as_ref() == name.as_bytes() => inside = false,
            Event::Text(t) if inside => out.last_mut().unwrap().push_str(&t.decode().unwrap()),
            Event::GeneralRef(r) if inside => {
                let name = r.decode().unwrap();
                out.last_mut().unwrap().push_str(quick_xml::escape::resolve_predefined_entity(&name).unwrap());
            }
            Event::Eof => return out,
            _ => {}
        }
    }
}

#[test]
fn services_are_the_category_trees_in_json_and_xml() {
    let city = City::open();
    let services = city.json("/open311/v2/services.json");
    let codes = ids(&services, "service_code");
    assert!(codes.len() > 40 && codes.contains(&"traffic.accident.collision".to_owned()));
    let xml = city.get("/open311/v2/services.xml");
    assert_eq!(xml.header("content-type"), "text/xml; charset=utf-8");
    assert_eq!(texts(&xml.text, "service_code"), codes);
    let definition = city.json("/open311/v2/services/traffic.accident.collision.json");
    assert_eq!(
        (&definition["service_code"], &definition["attributes"][0]["code"]),
        (&"traffic.accident.collision".into(), &"severity".into())
    );
    assert_eq!(texts(&city.get("/open311/v2/services/traffic.accident.collision.xml").text, "key"), ["critical", "major", "minor", "info"]);
    let discovery = city.json("/open311/discovery.json");
    let endpoint = discovery["endpoints"][0]["url"].as_str().unwrap();
    assert_eq!(city.get(&format!("{endpoint}/services.json")).status, 200);
    assert_eq!(texts(&city.get("/open311/discovery.xml").text, "format"), ["application/json", "text/xml"]);
}

#[test]
fn requests_are_incidents_open_or_closed_with_filters_and_pages() {
    let mut city = City::open();
    let chosen = |city: &City, query: &str| ids(&city.json(&format!("/open311/v2/requests.json?{query}")), "service_request_id");
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(sorted(chosen(&city, "")), ["i0", "i1", "i2", "i3"]);
    assert_eq!(chosen(&city, "status=closed"), ["i3"]);
    assert_eq!(sorted(chosen(&city, "service_code=traffic.accident.collision&status=open")), ["i0", "i1"]);
    assert_eq!(chosen(&city, "lat=33.96&long=118.28&radius=500"), ["i0"]);
    assert_eq!(chosen(&city, "end_date=2020-01-01T00:00:00Z").len(), 0);
    let pages: Vec<String> = (1..=3).flat_map(|n| chosen(&city, &format!("page_size=2&page={n}"))).collect();
    assert_eq!(pages, chosen(&city, ""), "pages together are the whole, the newest first");
    let one = city.json("/open311/v2/requests/i0.json")[0].clone();
    assert_eq!((&one["status"], &one["lat"], &one["status_notes"]), (&"open".into(), &33.96.into(), &"上报 reported".into()));
    assert!(one["expected_datetime"].as_str() > one["requested_datetime"].as_str());
    accepted(city.desk.act("i0", 1, Action::Void));
    assert_eq!(city.json("/open311/v2/requests/i0.json")[0]["status"], "closed");
    assert_eq!(texts(&city.get("/open311/v2/requests.xml?status=closed").text, "status").len(), 2);
    for (path, status) in
        [("requests.json?status=shut", 400), ("requests/none.json", 404), ("nothing.json", 404), ("requests.json?x=1", 400)]
    {
        let got = city.get(&format!("/open311/v2/{path}"));
        assert_eq!((got.status, got.json()[0]["code"].as_u64()), (status, Some(u64::from(status))), "{path}");
    }
    assert_eq!(texts(&city.get("/open311/v2/requests/none.xml").text, "code"), ["404"]);
}

#[test]
fn a_posted_request_is_an_incident_on_every_screen_before_it_is_answered() {
    let mut city = City::open();
    let made = city.post("/open311/v2/requests.json", FORM, &[POST]);
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()[0]["service_request_id"].as_str().unwrap().to_owned();
    city.desk.until("the incident", |s| s.world.incidents.contains_key(&id));
    let incident = &city.desk.world.incidents[&id];
    assert_eq!((incident.source.as_str(), incident.title.as_str(), incident.description.as_str()), ("open311", "暴露垃圾", "垃圾 <3"));
    assert_eq!((incident.area.as_deref(), incident.due_at.is_some()), (Some("321302001003"), true), "the smallest area it lies in");
    assert!(!serde_json::to_string(incident).unwrap().contains("example.com"), "who reports is not kept");
    assert_eq!(city.json(&format!("/open311/v2/tokens/{id}.json"))[0]["service_request_id"], *id);
    let xml = city.get(&format!("/open311/v2/requests/{id}.xml"));
    assert_eq!(texts(&xml.text, "description"), ["暴露垃圾: 垃圾 <3"]);
    let xml = city.post("/open311/v2/requests.xml", FORM, &[POST]);
    assert_eq!((xml.status, texts(&xml.text, "service_request_id").len()), (201, 1));
}

#[test]
fn a_request_that_lacks_something_or_may_not_come_in_is_refused_and_changes_nothing() {
    let mut city = City::with(Some("key"));
    let with = |form: &str| format!("{form}&api_key=key");
    for (form, status, said) in [
        (FORM.to_owned(), 403, "api_key"),
        (with(&FORM.replace("rubbish", "dragons")), 404, "services.json"),
        (with(&FORM.replace("lat=33.96", "lat=north")), 400, "lat"),
        (with(&FORM.replace("lat=33.96", "lat=333")), 400, "latitude 333"),
        (with(&FORM.replace("&lat=33.96", "&address_string=x")), 400, "address"),
        (with(&FORM.replace("=major", "=mild")), 400, "severity"),
        (with("description=x"), 400, "service_code"),
    ] {
        let got = city.post("/open311/v2/requests.json", &form, &[POST]);
        assert_eq!(got.status, status, "{form}: {}", got.text);
        assert!(got.json()[0]["description"].as_str().unwrap().contains(said), "{}", got.text);
    }
    assert_eq!(
        city.post("/open311/v2/requests.json", "{}", &[("content-type", "application/json"), ("authorization", "Bearer key")]).status,
        415
    );
    assert_eq!(city.post("/open311/v2/requests.json", &"x".repeat(200_000), &[POST, ("authorization", "Bearer key")]).status, 413);
    assert_eq!(city.post("/open311/v2/requests.json", &with(FORM), &[POST]).status, 201);
    city.desk.until("the one that was right", |s| s.world.incidents.len() == 5);
}

#[test]
fn without_a_token_a_page_of_another_server_may_not_report() {
    let city = City::open();
    let post = |origin: &str| city.post("/open311/v2/requests.json", FORM, &[POST, ("origin", origin)]).status;
    assert_eq!((post("https://elsewhere.example"), post("http://localhost:5173"), post(&city.hub.url())), (403, 201, 201));
}
