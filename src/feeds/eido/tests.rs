//! Another centre that posts, and one that is asked.

use crate::feeds::tests::{Heard, listen, quick, serve};
use crate::feeds::{FeedEvent, FeedHandle, Kept, resume, spawn_tuned};
use crate::model::feed::{FeedConfig, Source};
use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use chrono::Utc;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Receiver};

const CRASH: &str = include_str!("../../../tests/data/eido/crash.json");
const CALL: &str = include_str!("../../../tests/data/eido/call-transfer.json");
const ID: &str = "110/urn:emergency:uid:incidentid:a56e556d871:bcf.state.pa.us";

fn feed(url: Option<String>) -> (FeedHandle, Receiver<FeedEvent>) {
    let (tx, rx) = mpsc::channel(100);
    (spawn_tuned(&FeedConfig::new("110", Source::Eido { url, poll_s: 0.03, token_env: None }), quick(), tx), rx)
}

#[tokio::test]
async fn posted_incidents_are_taken_once_in_order_and_end_when_their_centre_says_so() {
    let (feed, mut rx) = feed(None);
    let inlet = feed.inlet.clone().unwrap();
    let changed = |minute: u32, status: &str| {
        let mut eido: Value = serde_json::from_str(CRASH).unwrap();
        eido["lastUpdateTimeStamp"] = json!(format!("2021-04-30T15:{minute:02}:00-04:00"));
        eido["incidentComponent"]["incidentStatusCommonRegistryText"] = json!([status]);
        eido
    };
    let posts = tokio::spawn(async move {
        let post = async |body: String| inlet.post("application/json".into(), body.into_bytes()).await;
        assert_eq!(post(CRASH.into()).await.unwrap().accepted, 1);
        assert_eq!(post(CRASH.into()).await.unwrap().left_out, 1);
        assert_eq!(post(json!([changed(30, "Active"), changed(20, "Active")]).to_string()).await.unwrap().left_out, 1);
        let closing = json!({"event": {"notification": [changed(40, "Closed")]}});
        assert_eq!(post(closing.to_string()).await.unwrap().accepted, 1);
        assert_eq!(post(changed(50, "Closed").to_string()).await.unwrap().left_out, 1);
        // The standard's call transfer, as it is and as a conveyance server notifies of it (NENA-STA-024.1a).
        assert_eq!(post(CALL.into()).await.unwrap().left_out, 1);
        let call: Value = serde_json::from_str(CALL).unwrap();
        let notification = json!({"event": {"subscriptionId": "sub1234", "transactionId": "f894@192.168.2.1", "notification": [call]}});
        assert_eq!(post(notification.to_string()).await.unwrap().left_out, 1);
        let mut ahead = changed(0, "Active");
        ahead["lastUpdateTimeStamp"] = json!("2999-01-01T00:00:00Z");
        assert_eq!(post(ahead.to_string()).await.unwrap().left_out, 1);
        assert!(post("<eido/>".into()).await.is_err());
    });
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.status.received == 10).await;
    posts.await.unwrap();
    assert_eq!(heard.incidents, [ID.to_owned(), ID.to_owned(), format!("{ID}×")]);
    assert_eq!((heard.status.rejected, heard.status.quarantined, heard.status.conflated), (1, 1, 5), "{:?}", heard.status);
    assert_eq!(heard.status.conflated_by["call_only"], 2);
}

#[tokio::test]
async fn an_incident_that_was_closed_while_we_were_away_is_ended() {
    let mut eido: Value = serde_json::from_str(CRASH).unwrap();
    eido["incidentComponent"]["incidentStatusCommonRegistryText"] = json!(["Closed"]);
    let address = serve(Router::new().route("/eido", get(move || async move { eido.to_string() }))).await;
    for (open, ends) in [(vec![ID.to_owned()], 1), (vec![], 0)] {
        let (tx, mut rx) = mpsc::channel(100);
        let source = Source::Eido { url: Some(format!("http://{address}/eido")), poll_s: 0.03, token_env: None };
        let _feed = resume(&FeedConfig::new("110", source), quick(), Kept { open, ..Kept::default() }, tx);
        let mut heard = Heard::default();
        listen(&mut rx, &mut heard, |h| h.status.received == 1 && h.status.connected).await;
        assert_eq!((heard.incidents.len(), heard.status.stored, heard.status.conflated), (ends, ends as u64, 1 - ends as u64));
        assert!(heard.incidents.iter().all(|id| *id == format!("{ID}×")));
    }
}

#[tokio::test]
async fn a_centre_is_asked_and_what_has_not_changed_is_no_news() {
    let address = serve(Router::new().route("/eido", get(|| async { CRASH }))).await;
    let (_feed, mut rx) = feed(Some(format!("http://{address}/eido")));
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents.len() == 1 && h.status.connected && h.status.stored == 1).await;
    assert_eq!((heard.incidents[0].as_str(), heard.status.received), (ID, 1));
}

#[tokio::test]
async fn pages_are_followed_to_their_end_also_behind_one_that_has_not_changed() {
    let page = |query: RawQuery| async move {
        let at: usize = query.0.and_then(|q| q.strip_prefix("after=")?.parse().ok()).unwrap_or(0);
        let mut eido: Value = serde_json::from_str(CRASH).unwrap();
        // The last page is another one each time.
        let minute = if at == 2 { Utc::now().timestamp_subsec_micros() / 20_000 } else { 0 };
        eido["$id"] = json!(format!("urn:emergency:uid:incidentid:{at}:x"));
        eido["incidentComponent"]["incidentTypeInternalText"] = json!(format!("{at} {minute}"));
        let next = format!("</eido?after={}>; rel=\"next\"", at + 1);
        ([("link", if at < 2 { next } else { "<https://elsewhere.example/eido>; rel=next".into() })], json!([eido]).to_string())
    };
    let address = serve(Router::new().route("/eido", get(page))).await;
    let (_feed, mut rx) = feed(Some(format!("http://{address}/eido")));
    let mut heard = Heard::default();
    listen(&mut rx, &mut heard, |h| h.incidents.len() >= 6).await;
    let ends = heard.incidents.iter().map(|id| id.split(':').nth_back(1).unwrap()).collect::<String>();
    assert!(ends.starts_with("012222"), "{ends}");
    listen(&mut rx, &mut heard, |h| h.status.connected).await;
}
