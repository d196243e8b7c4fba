use super::City;
use crate::screen::accepted;
use serde_json::Value;
use yiping::model::eido::read;
use yiping::model::incident::{Action, Severity};

/// The hub's own ids of a page.
fn ids(page: &Value) -> Vec<String> {
    page.as_array().unwrap().iter().map(|eido| read(eido).unwrap().internal_id.unwrap()).collect()
}

#[test]
fn an_incident_is_told_as_eido_by_its_id_and_by_the_id_of_its_eido() {
    let mut city = City::open();
    let got = city.get("/eido/incidents/i0");
    assert_eq!((got.status, got.header("content-type")), (200, "application/emergency.eido+json"));
    let eido = read(&got.json()).unwrap();
    let report = eido.report("x".into()).unwrap();
    assert_eq!(
        (report.severity, report.category.as_str(), report.lon, report.lat),
        (Severity::Major, "traffic/accident/collision", 118.28, 33.96)
    );
    assert!(eido.id.ends_with(":hub.suqian.example"), "the scene names the centre: {}", eido.id);
    assert_eq!(city.json(&format!("/eido/incidents/{}", eido.id)), got.json(), "others know it by this id only");
    accepted(city.desk.act("i0", 1, Action::Void));
    assert!(read(&city.json("/eido/incidents/i0")).unwrap().is_over());
    let missing = city.get("/eido/incidents/nowhere");
    assert_eq!((missing.status, missing.header("content-type")), (404, "application/problem+json"));
    assert!(missing.json()["detail"].as_str().unwrap().contains("nowhere"));
    assert_eq!((city.post("/eido/incidents", "{}", &[]).status, city.get("/eido/incidents?page=2").status), (405, 400));
}

#[test]
fn all_incidents_are_listed_in_pages_and_by_state_and_domain() {
    let city = City::open();
    assert_eq!(ids(&city.json("/eido/incidents?status=open")), ["i0", "i1", "i2"]);
    assert_eq!(ids(&city.json("/eido/incidents?status=closed")), ["i3"]);
    assert_eq!(ids(&city.json("/eido/incidents?domain=traffic&updated_after=2026-01-01T00:00:00Z")), ["i0", "i1"]);
    let (mut next, mut pages) = (Some("/eido/incidents?limit=2&status=open".to_owned()), Vec::new());
    while let Some(path) = next {
        let got = city.get(&path);
        pages.push(ids(&got.json()));
        next = got.header("link").strip_prefix('<').and_then(|l| l.strip_suffix(">; rel=\"next\"")).map(str::to_owned);
    }
    assert_eq!(pages, [vec!["i0".to_owned(), "i1".into()], vec!["i2".into()]], "no page after the last");
}
