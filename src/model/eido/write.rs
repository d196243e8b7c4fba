//! An incident of ours as an EIDO.

use super::types::{priority, registry_type, statuses};
use super::{COMPONENT_URN, INCIDENT_URN};
use crate::model::incident::Incident;
use chrono::{DateTime, SecondsFormat, Utc};
use quick_xml::escape::escape;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

/// Who says it: names as NENA-STA-010 2.1 has them, e.g. `screen.suqian.example` and `suqian.example`.
#[derive(Clone, Debug, PartialEq)]
pub struct Issuer {
    /// The system that wrote the EIDO.
    pub element: String,
    /// The agency that owns the incident.
    pub agency: String,
}

/// What identifies an incident in the names of its EIDO: these may have letters and digits only.
fn unique(incident: &str) -> String {
    format!("{:016x}", xxh3_64(incident.as_bytes()))
}

impl Issuer {
    /// `$id` of the EIDO of an incident of ours.
    pub fn incident_urn(&self, incident: &str) -> String {
        format!("{INCIDENT_URN}{}:{}", unique(incident), self.element)
    }
}

/// The incident as an EIDO. The same incident has the same identifiers each time, as section 2.1 demands.
pub fn write(incident: &Incident, issuer: &Issuer) -> Value {
    let at = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let unique = unique(&incident.id);
    let component = |what: &str| format!("{COMPONENT_URN}{unique}{what}:{}", issuer.agency);
    let agency = json!({ "$ref": issuer.agency });
    let prologue = |id: String| json!({ "$id": id, "lastUpdateTimeStamp": at(incident.updated_at), "updatedByAgencyReference": agency });
    let with = |id: String, more: Value| merged(prologue(id), more);
    let notes = [&incident.title_en, &incident.description].into_iter().filter(|n| !n.is_empty());
    let notes: Vec<Value> = notes
        .enumerate()
        .map(|(i, n)| with(component(&format!("note{i}")), json!({ "notesActionComments": escape(n.as_str()) })))
        .collect();
    let note_references: Vec<Value> = notes.iter().map(|n| json!({ "$ref": n["$id"] })).collect();
    let location = with(
        component("location"),
        json!({ "locationTypeDescriptionRegistryText": "CurrentIncident", "locationByValue": presence(incident, issuer) }),
    );
    let about = with(
        component("incident"),
        json!({
            "incidentTypeInternalCode": incident.category,
            "incidentTypeInternalText": incident.title,
            "incidentTypeCommonRegistryText": registry_type(incident.domain, &incident.category),
            "incidentStatusInternalText": [incident.state],
            "incidentStatusCommonRegistryText": statuses(incident.state),
            "internalIncidentId": incident.id,
            "incidentCommonPriorityNumber": priority(incident.severity),
            "locationReference": [{ "$ref": location["$id"] }],
            "notesReference": note_references,
        }),
    );
    let owner = with(
        issuer.agency.clone(),
        json!({ "agencyRoleDescriptionRegistryText": ["Dispatching"], "agencyType": ["other"], "incidentOwningAgencyIndicator": true }),
    );
    with(
        issuer.incident_urn(&incident.id),
        json!({
            "eidoVersion": "1.0",
            "issuingElementIdentification": issuer.element,
            "incidentComponent": about,
            "agencyComponent": [owner],
            "locationComponent": [location],
            "notesComponent": notes,
        }),
    )
}

fn merged(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}

/// PIDF-LO with a point (RFC 5491).
fn presence(incident: &Incident, issuer: &Issuer) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
         xmlns:gp=\"urn:ietf:params:xml:ns:pidf:geopriv10\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:gml=\"http://www.opengis.net/gml\" entity=\"pres:{}\"><dm:device id=\"incident\"><gp:geopriv><gp:location-info>\
         <gml:Point srsName=\"urn:ogc:def:crs:EPSG::4326\"><gml:pos>{} {}</gml:pos></gml:Point></gp:location-info><gp:usage-rules/>\
         <gp:method>Manual</gp:method></gp:geopriv></dm:device></presence>",
        escape(issuer.element.as_str()),
        incident.lat,
        incident.lon
    )
}
