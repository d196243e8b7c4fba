//! A hub with its data, and screens that talk to it.

use chrono::Utc;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};
use yiping::hub::{Hub, HubConfig, HubHandle};
use yiping::link::{Identity, Link, LinkEvent, WorldState};
use yiping::model::incident::{Action, Domain, Report, Severity};
use yiping::model::protocol::{Command, Outcome, Revision, Role, ScreenClass};

/// Longest a test waits for anything before it fails: far above what it takes, so that a busy machine fails nothing.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const SCENE: &str = r#"
name = "试验场景"
name_en = "Test scene"
package = "package"
city_data = "city"
[[camera]]
id = "home"
name = "全城"
pose = { lon = 118.275, lat = 33.963, height_m = 20, heading_deg = 0, pitch_deg = 45, distance_m = 3000 }
[[heat]]
id = "air"
name = "空气"
observed_property = "pm2_5"
unit = "µg/m³"
range = [0, 150]
reach_m = 2000
shown = true
[tour]
name = "巡演"
[[tour.keyframe]]
at_s = 0
pose = { lon = 118.2, lat = 33.9, height_m = 20, heading_deg = 0, pitch_deg = 45, distance_m = 3000 }
[[tour.keyframe]]
at_s = 100
pose = { lon = 118.3, lat = 33.9, height_m = 20, heading_deg = 0, pitch_deg = 45, distance_m = 3000 }
"#;

/// A data folder with a scene and a little package; the hub's state lies in it too.
pub fn data() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("test.toml"), SCENE).unwrap();
    for folder in ["package", "city"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("package/tileset.json"), r#"{"asset":{"version":"1.1"}}"#).unwrap();
    let city = "name = \"x\"\n[anchor]\nlon_deg = 118.2\nlat_deg = 33.9\nheight_m = 1.0\n";
    std::fs::write(dir.path().join("package/city.toml"), city).unwrap();
    std::fs::write(dir.path().join("city/areas.geojson"), r#"{"type":"FeatureCollection","features":[]}"#).unwrap();
    dir
}

pub fn config(data: &Path, port: u16) -> HubConfig {
    let listen = SocketAddr::from(([127, 0, 0, 1], port));
    HubConfig { data: data.to_owned(), listen, ..HubConfig::new(data.join("test.toml")) }
}

pub fn hub(data: &Path) -> HubHandle {
    Hub::start(config(data, 0)).unwrap()
}

pub fn me(screen: &str, role: Role) -> Identity {
    Identity { screen: screen.into(), class: ScreenClass::Medium, role, actor: format!("actor of {screen}"), token: None }
}

/// A screen: a link and what it knows, with the events it has heard.
pub struct Screen {
    pub link: Link,
    pub world: WorldState,
    pub heard: Vec<LinkEvent>,
}

impl Screen {
    pub fn open(url: &str, screen: &str, role: Role) -> Self {
        let mut screen = Self::begin(url, me(screen, role));
        screen.until("a snapshot", |s| s.world.view.is_some());
        screen
    }

    pub fn begin(url: &str, me: Identity) -> Self {
        Self { link: Link::connect(url, me).unwrap(), world: WorldState::default(), heard: Vec::new() }
    }

    /// Takes events until `done`.
    pub fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            let event = self.link.receiver().recv_deadline(end);
            let event = event.unwrap_or_else(|_| panic!("waited in vain for {what}; heard {:?}", self.heard));
            self.world.apply(&event);
            self.heard.push(event);
        }
    }

    pub fn ask(&mut self, command: Command) -> Outcome {
        let id = self.link.send(command);
        self.answer(&id)
    }

    pub fn answer(&mut self, id: &str) -> Outcome {
        let reply = |e: &LinkEvent| match e {
            LinkEvent::Reply { id: of, outcome } if of == id => Some(outcome.clone()),
            _ => None,
        };
        self.until("an answer", |s| s.heard.iter().any(|e| reply(e).is_some()));
        self.heard.iter().find_map(reply).unwrap()
    }

    pub fn act(&mut self, incident: &str, expected_version: u64, action: Action) -> Outcome {
        let incident = incident.to_owned();
        self.ask(Command::Incident { incident, expected_version, action, reason: None, device_time: Utc::now() })
    }
}

pub fn report(id: &str) -> Command {
    Command::Report {
        report: Report {
            id: id.into(),
            domain: Domain::UrbanManagement,
            category: "urban_management/public_utility/manhole".into(),
            severity: Severity::Major,
            title: format!("井盖缺损 {id}"),
            title_en: "Missing manhole cover".into(),
            description: String::new(),
            lon: 118.28,
            lat: 33.96,
            area: None,
            reported_at: None,
        },
    }
}

pub fn accepted(outcome: Outcome) -> (u64, Revision) {
    match outcome {
        Outcome::Accepted { version, revision } => (version, revision),
        other => panic!("not accepted: {other:?}"),
    }
}

pub fn rejected(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Rejected { rule, rule_zh } if !rule_zh.is_empty() => rule,
        other => panic!("not rejected in both languages: {other:?}"),
    }
}

/// A `yiping hub` process and its URL; killed when dropped.
pub struct Server(Child, pub String);

impl Server {
    pub fn start(data: &Path, listen: &str) -> Self {
        let mut child = Process::new(env!("CARGO_BIN_EXE_yiping"))
            .args(["hub", "--listen", listen, "--scene"])
            .arg(data.join("test.toml"))
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("yiping hub: ").unwrap_or_else(|| panic!("the hub said {line:?}")).to_owned();
        Self(child, url)
    }

    /// The address it listens on, to start another one there.
    pub fn listen(&self) -> String {
        self.1.trim_start_matches("http://").to_owned()
    }

    /// SIGKILL: no good-bye, no last write.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
