use super::*;
use crate::model::category::Categories;
use crate::model::incident::{Domain, Incident, IncidentState, Severity};
use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A library's sample of the standard's own example (a call that is transferred), and one with an incident, written by the standard.
const CALL: &str = include_str!("../../../tests/data/eido/call-transfer.json");
const CRASH: &str = include_str!("../../../tests/data/eido/crash.json");

fn issuer() -> Issuer {
    Issuer { element: "screen.suqian.example".into(), agency: "suqian.example".into() }
}

fn incident(severity: Severity, state: IncidentState) -> Incident {
    let time = DateTime::parse_from_rfc3339("2026-07-25T14:05:00.250+08:00").unwrap().to_utc();
    Incident {
        id: "311/7 井盖".into(),
        version: 3,
        domain: Domain::Traffic,
        category: "traffic/accident/injury".into(),
        severity,
        state,
        title: "追尾 <两车>".into(),
        title_en: "Rear-end collision".into(),
        description: "两人受伤 & 一人被困".into(),
        lon: 118.275_123_456,
        lat: 33.963,
        area: None,
        source: "screen".into(),
        reported_at: time,
        updated_at: time,
        due_at: None,
        acknowledged: None,
        unit: None,
        held: false,
        held_since: None,
        extensions: 0,
        bounces: 0,
    }
}

#[test]
fn what_we_write_we_read_again() {
    for severity in [Severity::Critical, Severity::Major, Severity::Minor, Severity::Info] {
        for (state, over) in
            [(IncidentState::Reported, false), (IncidentState::EnRoute, false), (IncidentState::Closed, true), (IncidentState::Void, true)]
        {
            let incident = incident(severity, state);
            let eido = read(&write(&incident, &issuer())).unwrap();
            let report = eido.report(eido.internal_id.clone().unwrap()).unwrap();
            assert_eq!((report.id, report.domain, report.category), (incident.id, incident.domain, incident.category));
            assert_eq!((report.severity, report.title, report.lon, report.lat), (severity, incident.title, incident.lon, incident.lat));
            assert_eq!((eido.is_over(), report.reported_at), (over, Some(incident.updated_at)));
            assert_eq!(report.description, "Rear-end collision\n两人受伤 & 一人被困");
        }
    }
}

#[test]
fn what_we_write_has_what_the_standard_demands_and_the_same_identifiers_each_time() {
    let eido = write(&incident(Severity::Major, IncidentState::Dispatched), &issuer());
    let components = ["incidentComponent", "agencyComponent", "locationComponent", "notesComponent"];
    let all = components.iter().flat_map(|c| match &eido[*c] {
        Value::Array(list) => list.iter().collect::<Vec<_>>(),
        one => vec![one],
    });
    for component in all.chain([&eido]) {
        for required in ["$id", "lastUpdateTimeStamp", "updatedByAgencyReference"] {
            assert!(component.get(required).is_some(), "{required} of {component}");
        }
    }
    let id = eido["$id"].as_str().unwrap();
    assert!(id.starts_with("urn:emergency:uid:incidentid:") && id.ends_with(":screen.suqian.example"), "{id}");
    assert_eq!(eido["incidentComponent"]["incidentStatusCommonRegistryText"], json!(["Active", "ResourcesAssigned"]));
    assert_eq!(eido, write(&incident(Severity::Major, IncidentState::Dispatched), &issuer()));
}

#[test]
fn an_incident_of_another_centre_is_read_with_its_place_type_and_notes() {
    let eido = read(&serde_json::from_str(CRASH).unwrap()).unwrap();
    assert_eq!(eido.id, "urn:emergency:uid:incidentid:a56e556d871:bcf.state.pa.us");
    let report = eido.report("x".into()).unwrap();
    assert_eq!(
        (report.domain, report.category.as_str(), report.severity),
        (Domain::Traffic, "traffic/accident/injury", Severity::Critical)
    );
    assert_eq!((report.lon, report.lat, report.title.as_str()), (-75.55, 39.74, "Crash, persons trapped"));
    assert_eq!(report.description, "Two cars & a truck\nDE Wilmington W Front Street 42");
    assert!(!eido.is_over());
}

#[test]
fn where_the_caller_is_counts_before_where_the_call_was_routed_by() {
    let mut eido: Value = serde_json::from_str(CRASH).unwrap();
    // As a call taker's program writes it that knows of no other place: first the location for routing, then the caller's.
    let caller = eido["locationComponent"][0].clone();
    let mut mast = caller.clone();
    mast["locationByValue"] = json!(caller["locationByValue"].as_str().unwrap().replace("39.74", "39.9"));
    eido["locationComponent"] = json!([mast, caller]);
    let references = ["mast", "caller"].map(|id| json!({"$ref": id}));
    for (i, (id, kind)) in [("mast", "RoutingLocation"), ("caller", "Caller")].into_iter().enumerate() {
        let location = &mut eido["locationComponent"][i];
        (location["$id"], location["locationTypeDescriptionRegistryText"]) = (json!(id), json!(kind));
    }
    eido["incidentComponent"]["locationReference"] = json!(references);
    assert_eq!(read(&eido).unwrap().place.unwrap().lat, 39.74);
    eido["incidentComponent"]["locationReference"] = json!(references[..1]);
    assert_eq!(read(&eido).unwrap().place.unwrap().lat, 39.9);
}

#[test]
fn a_call_alone_is_no_incident_and_what_is_missing_is_named() {
    let why = |change: &dyn Fn(&mut Value)| {
        let mut eido: Value = serde_json::from_str(CRASH).unwrap();
        change(&mut eido);
        read(&eido).and_then(|e| e.place.map(|p| format!("{p:?}"))).unwrap_err()
    };
    let call: Value = serde_json::from_str(CALL).unwrap();
    assert!(is_of_calls_alone(&call) && !is_of_calls_alone(&serde_json::from_str(CRASH).unwrap()));
    assert!(read(&call).unwrap_err().contains("a call alone is no incident"));
    assert!(why(&|e| e["$id"] = json!(7)).contains("without $id"));
    assert!(why(&|e| e["incidentComponent"]["incidentTypeCommonRegistryText"] = json!("")).contains("no incidentTypeCommonRegistryText"));
    assert!(why(&|e| e["locationComponent"][0]["locationByValue"] = json!("<a/>")).contains("no point"));
    assert!(why(&|e| e["locationComponent"][0]["locationByValue"] = json!("gone")).contains("not XML"));
    assert!(why(&|e| drop(e["locationComponent"][0].as_object_mut().unwrap().remove("locationByValue"))).contains("by reference"));
}

#[test]
fn every_type_is_filed_in_our_trees() {
    let codes = [
        "MVA", "MVAINJY", "DISVEH", "PARKING", "DUI", "GASLEAK", "HAZMAT", "BLDCLPSE", "HAZ", "DROWN", "MCI", "CARDIAC", "NOISE", "DMPX",
        "PUBWKS", "CRWD", "FIGHT", "LARCENY", "FRAUD", "PERMISS", "CITASST", "FIREWRKS", "FAM", "FBRUSH", "MAYDAY", "",
    ];
    for code in codes {
        let filing = filing(code, Severity::Minor);
        assert!(Categories::bundled().has(&filing.category), "{code}: {}", filing.category);
    }
    assert!(!Categories::bundled().has("traffic/nothing") && !Categories::bundled().has("nothing"));
    assert_eq!(filing("FBRUSH", Severity::Minor).category, "emergency/accident/fire");
}

#[test]
fn notifications_and_lists_are_opened_and_the_last_status_counts() {
    let one: Value = serde_json::from_str(CRASH).unwrap();
    for (message, count) in [(json!([one, one]), 2), (json!({"event": {"notification": [one]}}), 1), (one.clone(), 1)] {
        assert_eq!(objects(&message).len(), count);
        assert!(objects(&message).iter().all(|e| read(e).is_ok()));
    }
    let over = |statuses: Value| {
        let mut eido = one.clone();
        eido["incidentComponent"]["incidentStatusCommonRegistryText"] = statuses;
        read(&eido).unwrap().is_over()
    };
    assert!(over(json!(["Active", "Closed"])) && over(json!("Cancelled")) && over(json!(["Closed", "StructureCleared"])));
    assert!(!over(json!(["Closed", "ReOpened"])) && !over(json!([])));
}

#[test]
fn shapes_of_callers_give_a_point() {
    let place = |shape: &str| {
        let mut eido: Value = serde_json::from_str(CRASH).unwrap();
        eido["locationComponent"][0]["locationByValue"] = json!(format!("<p><location-info>{shape}</location-info></p>"));
        read(&eido).unwrap().place.map(|p| (p.lat, p.lon))
    };
    assert_eq!(place("<Circle><pos>33.5 118.25</pos><radius>850</radius></Circle>"), Ok((33.5, 118.25)));
    let corners = "<exterior><LinearRing><pos>33 118</pos><pos>33 119</pos><pos>34 119</pos><pos>34 118</pos><pos>33 118</pos></LinearRing></exterior>";
    assert_eq!(place(&format!("<Polygon>{corners}</Polygon>")), Ok((33.5, 118.5)));
    assert_eq!(place("<Polygon><posList>33 118 33 119 34 119 34 118 33 118</posList></Polygon>"), Ok((33.5, 118.5)));
    assert!(place("<Point><pos>133 18</pos></Point>").is_err() && place("<Point><pos>x</pos></Point>").is_err());
}

proptest! {
    #[test]
    fn no_change_of_an_eido_makes_it_panic(at in 0usize..3000, len in 0usize..30, put in "[\\[{\"<>/a-z:,0-9 }\\]]{0,12}") {
        let chars: Vec<char> = CRASH.chars().collect();
        let (start, end) = (at.min(chars.len()), (at + len).min(chars.len()));
        let text: String = chars[..start].iter().collect::<String>() + &put + &chars[end..].iter().collect::<String>();
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            for eido in objects(&value) {
                let _ = read(eido).map(|e| e.report("x".into()));
            }
        }
    }
}
