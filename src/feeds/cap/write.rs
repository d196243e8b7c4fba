//! An alert as a message of the Common Alerting Protocol (OASIS CAP 1.2), as [`super::parse`] reads it: the same alert comes out.

use crate::model::alert::{Alert, AlertArea, AlertStatus};
use crate::model::incident::Severity;
use chrono::{DateTime, SecondsFormat, Utc};
use quick_xml::escape::escape;
use std::fmt::Write;

/// An alert; an Update where it takes the place of others.
pub fn alert(alert: &Alert, replaced: &[Alert]) -> String {
    let kind = if replaced.is_empty() { "Alert" } else { "Update" };
    let mut out = head(alert, &identifier(alert).1, alert.sent, kind, replaced);
    info(&mut out, alert, tongue(alert), &alert.headline, true);
    if !alert.headline_en.is_empty() {
        info(&mut out, alert, "en-US", &alert.headline_en, false);
    }
    out + "</alert>"
}

/// The word that an alert is over, said when its source said it, else at `now`.
pub fn cancel(ended: &Alert, now: DateTime<Utc>) -> String {
    let own = format!("{}-cancelled", identifier(ended).1);
    head(ended, &own, ended.ended_at.unwrap_or(now), "Cancel", std::slice::from_ref(ended)) + "</alert>"
}

/// Sender and identifier: what an alert's id was made of.
fn identifier(alert: &Alert) -> (String, String) {
    // What separates the parts of a reference; the standard allows it in neither.
    let token = |text: &str| text.replace(|c: char| c.is_whitespace() || c == ',', "_");
    let (sender, identifier) = alert.id.split_once('/').unwrap_or((&alert.sender, &alert.id));
    (token(sender), token(identifier))
}

fn head(about: &Alert, own: &str, sent: DateTime<Utc>, kind: &str, references: &[Alert]) -> String {
    let mut out = r#"<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">"#.to_owned();
    put(&mut out, "identifier", own);
    put(&mut out, "sender", &identifier(about).0);
    put(&mut out, "sent", &time(sent));
    put(&mut out, "status", status(about.status));
    put(&mut out, "msgType", kind);
    put(&mut out, "scope", "Public");
    let reference = |a: &Alert| {
        let (sender, identifier) = identifier(a);
        format!("{sender},{identifier},{}", time(a.sent))
    };
    put(&mut out, "references", &references.iter().map(reference).collect::<Vec<_>>().join(" "));
    out
}

/// `is_all`: else only what a translation says beside it.
fn info(out: &mut String, alert: &Alert, language: &str, headline: &str, is_all: bool) {
    out.push_str("<info>");
    put(out, "language", language);
    // What the standard demands and an alert of ours does not keep.
    put(out, "category", "Other");
    put(out, "event", if alert.event.is_empty() { headline } else { &alert.event });
    put(out, "urgency", "Unknown");
    put(out, "severity", severity(alert.severity));
    put(out, "certainty", "Unknown");
    put(out, "effective", &time(alert.effective));
    put(out, "onset", &alert.onset.map(time).unwrap_or_default());
    put(out, "expires", &alert.expires.map(time).unwrap_or_default());
    put(out, "senderName", &alert.sender);
    put(out, "headline", headline);
    if is_all {
        put(out, "description", &alert.description);
        put(out, "instruction", &alert.instruction);
        alert.areas.iter().for_each(|a| area(out, a));
    }
    out.push_str("</info>");
}

fn area(out: &mut String, area: &AlertArea) {
    out.push_str("<area>");
    // Also without a name: the standard demands it.
    let _ = write!(out, "<areaDesc>{}</areaDesc>", escaped(&area.name));
    for ring in &area.polygons {
        let places: Vec<_> = ring.iter().map(|[lon, lat]| format!("{lat},{lon}")).collect();
        put(out, "polygon", &places.join(" "));
    }
    for [lon, lat, radius_m] in &area.circles {
        put(out, "circle", &format!("{lat},{lon} {}", radius_m / 1000.0));
    }
    for [name, value] in &area.geocodes {
        let _ = write!(out, "<geocode><valueName>{}</valueName><value>{}</value></geocode>", escaped(name), escaped(value));
    }
    out.push_str("</area>");
}

/// Language of the first block: an alert doesn't keep it, and a translation must not come before what it translates.
fn tongue(alert: &Alert) -> &'static str {
    let is_chinese = |text: &str| text.chars().any(|c| ('\u{3400}'..='\u{9fff}').contains(&c));
    match [&alert.headline, &alert.event].into_iter().any(|text| is_chinese(text)) {
        true => "zh-CN",
        false if alert.headline_en.is_empty() => "en-US",
        false => "und",
    }
}

fn status(status: AlertStatus) -> &'static str {
    match status {
        AlertStatus::Actual => "Actual",
        AlertStatus::Exercise => "Exercise",
        AlertStatus::System => "System",
        AlertStatus::Test => "Test",
        AlertStatus::Draft => "Draft",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Extreme",
        Severity::Major => "Severe",
        Severity::Minor => "Moderate",
        Severity::Info => "Minor",
    }
}

/// As the standard writes times: whole seconds, and never `Z`.
fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// An element, where there is something to say.
fn put(out: &mut String, name: &str, text: &str) {
    if !text.is_empty() {
        let _ = write!(out, "<{name}>{}</{name}>", escaped(text));
    }
}

/// Characters that XML forbids are left out.
pub fn escaped(text: &str) -> String {
    let allowed: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r')).collect();
    escape(allowed.as_str()).into_owned()
}
