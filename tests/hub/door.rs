//! Who and what may come in, what is served, and what a hub says that can't start.

use crate::screen::{PATIENCE, SCENE, Screen, accepted, config, data, hub, me, report};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use yiping::hub::{Hub, HubConfig, HubError};
use yiping::link::{self, Identity, LinkError};
use yiping::model::incident::Action;
use yiping::model::protocol::Role;
use yiping::ogc::archive::ArchiveWriter;

/// A bare WebSocket, for what no honest screen would say: all the hub says until it closes.
async fn raw(url: &str, first: Message) -> Vec<String> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url.replacen("http", "ws", 1) + "/ws").await.unwrap();
    let _ = socket.send(first).await;
    let mut said = Vec::new();
    while let Ok(Some(Ok(message))) = tokio::time::timeout(PATIENCE, socket.next()).await {
        if let Message::Text(text) = message {
            said.push(text.to_string());
        }
    }
    said
}

fn hello(version: u32) -> Message {
    let hello =
        serde_json::json!({ "type": "hello", "version": version, "screen": "raw", "class": "small", "role": "viewer", "actor": "x" });
    Message::text(hello.to_string())
}

#[test]
fn rubbish_gets_a_bye_and_hurts_nobody() {
    let data = data();
    let hub = hub(data.path());
    let mut desk = Screen::open(&hub.url(), "desk", Role::Officer);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let rubbish = [
        Message::text("rubbish"),
        Message::text(r#"{"type":"ping","sent_ms":1}"#),
        Message::binary(vec![0xff; 100]),
        Message::text("[".repeat(100_000)),
        hello(99),
    ];
    for first in rubbish {
        let said = runtime.block_on(raw(&hub.url(), first));
        assert!(said.len() == 1 && said[0].contains("bye"), "{said:?}");
    }
    let too_large = runtime.block_on(raw(&hub.url(), Message::text("x".repeat(1_000_000))));
    assert!(too_large.iter().all(|m| m.contains("bye")));
    assert!(desk.link.is_connected());
    accepted(desk.ask(report("a")));
}

#[test]
fn a_hub_with_a_token_lets_in_only_who_brings_it() {
    let data = data();
    let hub = Hub::start(HubConfig { token: Some("open sesame".into()), ..config(data.path(), 0) }).unwrap();
    let mut stranger = Screen::begin(&hub.url(), me("stranger", Role::Officer));
    stranger.until("a refusal", |s| s.world.why_stale.as_ref().is_some_and(|why| why.contains("token")));
    let known = Identity { token: Some("open sesame".into()), ..me("known", Role::Officer) };
    let mut known = Screen::begin(&hub.url(), known);
    known.until("a snapshot", |s| s.world.view.is_some());
    assert!(matches!(link::fetch(&hub.url(), "/api/incidents"), Err(LinkError::Status { status: 401, .. })));
    assert!(link::fetch(&hub.url(), "/api/incidents?token=open%20sesame").is_ok());
    assert!(known.link.fetch("/api/incidents").recv_timeout(PATIENCE).unwrap().is_ok());
}

#[test]
fn a_package_in_one_file_is_served_like_a_folder() {
    let data = data();
    let mut writer = ArchiveWriter::create(&data.path().join("city.3tz")).unwrap();
    for (name, bytes) in [
        ("city.toml", "name = \"x\"\n[anchor]\nlon_deg = 118.2\nlat_deg = 33.9\nheight_m = 1.0\n"),
        ("tileset.json", "{}"),
        ("a/宿 迁.glb", "glTF"),
    ] {
        writer.add(name, bytes.as_bytes().to_vec()).unwrap();
    }
    writer.finish().unwrap();
    std::fs::write(data.path().join("test.toml"), SCENE.replace("\"package\"", "\"city.3tz\"")).unwrap();
    let hub = hub(data.path());
    let get = |path: &str| link::fetch(&hub.url(), path);
    let scene: serde_json::Value = serde_json::from_slice(&get("/api/scene").unwrap()).unwrap();
    assert_eq!(scene["anchor"]["lon_deg"], 118.2);
    assert_eq!(get("/package/tileset.json").unwrap(), b"{}");
    assert_eq!(get("/package/a/%E5%AE%BF%20%E8%BF%81.glb").unwrap(), b"glTF");
    for path in ["/package/none.glb", "/package/../test.toml", "/package/%2e%2e/test.toml"] {
        assert!(get(path).is_err(), "{path}");
    }
}

#[test]
fn scene_package_and_city_data_are_served_and_nothing_beside_them() {
    let data = data();
    let hub = hub(data.path());
    let json = |path: &str| serde_json::from_slice::<serde_json::Value>(&link::fetch(&hub.url(), path).unwrap()).unwrap();
    let scene = json("/api/scene");
    assert_eq!((&scene["id"], &scene["anchor"]["lon_deg"], &scene["tour_length_s"]), (&"test".into(), &118.2.into(), &100.0.into()));
    assert_eq!(json("/api/health")["ok"], true);
    let scenes = json("/api/scenes");
    assert_eq!((&scenes[0]["id"], &scenes[0]["current"]), (&"test".into(), &true.into()));
    assert_eq!(json("/package/tileset.json")["asset"]["version"], "1.1");
    assert_eq!(json("/api/city/areas.geojson")["type"], "FeatureCollection");
    let mut phone = Screen::open(&hub.url(), "phone", Role::Officer);
    accepted(phone.ask(report("城/1")));
    accepted(phone.act("城/1", 1, Action::Acknowledge));
    let incident = json("/api/incidents/%E5%9F%8E/1");
    assert_eq!((incident["events"].as_array().unwrap().len(), &incident["events"][1]["action"]["action"]), (2, &"acknowledge".into()));
    for path in ["/package/../hub.redb", "/package/%2e%2e/hub.redb", "/package/%2fetc/passwd", "/api/city/none", "/", "/nothing"] {
        let answer = link::fetch(&hub.url(), path);
        assert!(matches!(&answer, Err(LinkError::Status { status: 404 | 400, body, .. }) if !body.is_empty()), "{path}: {answer:?}");
    }
}

#[test]
fn a_hub_that_can_not_start_says_why() {
    let data = data();
    let first = hub(data.path());
    let port_taken = Hub::start(HubConfig { state: Some(data.path().join("b.redb")), ..config(data.path(), first.addr.port()) });
    assert!(matches!(port_taken, Err(HubError::InUse { .. })));
    assert!(Hub::start(config(data.path(), 0)).err().unwrap().to_string().contains("another program has this state file open"));
    let scene = |text: String| {
        std::fs::write(data.path().join("bad.toml"), text).unwrap();
        let bad = HubConfig { scene: data.path().join("bad.toml"), ..config(data.path(), 0) };
        Hub::start(bad).err().unwrap().to_string()
    };
    let unknown_key = scene(SCENE.replace("package =", "pakage ="));
    assert!(unknown_key.contains("bad.toml") && unknown_key.contains("line 4") && unknown_key.contains("pakage"), "{unknown_key}");
    assert!(scene(SCENE.replace("at_s = 100", "at_s = 0")).contains("keyframe 2"));
    std::fs::write(data.path().join("cut.redb"), "cut off").unwrap();
    let cut = Hub::start(HubConfig { state: Some(data.path().join("cut.redb")), ..config(data.path(), 0) });
    assert!(cut.err().unwrap().to_string().contains("not a readable state file"));
}
