//! The real programs as child processes, a small city, and screens that are links.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use yiping::link::{Identity, Link, LinkEvent, WorldState};
use yiping::model::protocol::{Role, ScreenClass};

/// Long enough for a machine that compiles beside the tests; nothing here waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn yiping() -> Command {
    Command::new(env!("CARGO_BIN_EXE_yiping"))
}

/// Runs to the end; panics with what it said when it fails.
pub fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    output
}

/// A program that serves; killed when dropped.
pub struct Server {
    child: Child,
    /// The first line it said.
    pub said: String,
}

impl Server {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let read = BufReader::new(child.stdout.take().unwrap()).read_line(&mut said);
        let server = Self { child, said: said.trim().to_owned() };
        assert!(read.is_ok() && !server.said.is_empty(), "{command:?} has said nothing");
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Data folder with `city` and `package`: 300 buildings, made once for all tests by the program itself.
pub fn data() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    DATA.get_or_init(|| {
        // One folder a source tree, made anew each time: a static is never dropped, and should not leave more behind each run.
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).file_name().unwrap_or_default();
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("end_to_end").join(tree);
        let _ = std::fs::remove_dir_all(&dir);
        let (city, package) = (dir.join("city"), dir.join("package"));
        run(yiping().args(["demo-city", "--buildings", "300", "--out"]).arg(&city));
        let models = ["buildings.city.json", "surfaces.city.json"].map(|f| city.join(f));
        run(yiping()
            .arg("build")
            .args(models)
            .arg("--terrain")
            .arg(city.join("terrain.tif"))
            .args(["--heights", "ellipsoidal", "--out"])
            .arg(&package));
        dir
    })
}

/// `yiping replay` of the small city.
pub struct Platform {
    _server: Server,
    pub addresses: serde_json::Value,
}

impl Platform {
    pub fn start() -> Self {
        let mut command = yiping();
        command.args(["replay", "--json", "--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data"]).arg(data().join("city"));
        let server = Server::start(&mut command);
        let addresses = serde_json::from_str(&server.said).unwrap();
        Self { _server: server, addresses }
    }

    /// An address it has told, e.g. `sensorthings`.
    pub fn at(&self, what: &str) -> &str {
        self.addresses[what].as_str().unwrap_or_else(|| panic!("the platform told no {what}: {}", self.addresses))
    }

    /// Its three feeds as a scene names them.
    pub fn feeds(&self) -> String {
        let [sta, mqtt, incidents, units] = ["sensorthings", "mqtt", "incidents", "units"].map(|what| self.at(what));
        format!(
            "[[feed]]\nkind = \"sensorthings\"\nid = \"sensors\"\nurl = {sta:?}\nmqtt = {mqtt:?}\n\
             [[feed]]\nkind = \"geojson_sse\"\nid = \"incidents\"\nurl = {incidents:?}\n\
             [[feed]]\nkind = \"geojson_sse\"\nid = \"units\"\nurl = {units:?}\n"
        )
    }
}

/// `yiping hub` with a scene of these feeds and a state of its own.
pub struct Hub {
    _server: Server,
    _state: tempfile::TempDir,
    pub url: String,
}

impl Hub {
    pub fn start(feeds: &str) -> Self {
        Self::with_package(feeds, &data().join("package"))
    }

    pub fn with_package(feeds: &str, package: &Path) -> Self {
        let state = tempfile::tempdir().unwrap();
        let scene = state.path().join("test.toml");
        let text = format!(
            "name = \"试验\"\nname_en = \"Test\"\npackage = {package:?}\ncity_data = \"city\"\n{feeds}\
             [[heat]]\nid = \"pm2_5\"\nname = \"细颗粒物\"\nname_en = \"fine particles\"\nobserved_property = \"pm2_5\"\n\
             unit = \"µg/m³\"\nrange = [0.0, 150.0]\nreach_m = 1800.0\nshown = true\n\
             [[camera]]\nid = \"centre\"\nname = \"中心\"\nname_en = \"centre\"\n\
             pose = {{ lon = 118.2545, lat = 33.9858, height_m = 40.0, heading_deg = 318.0, pitch_deg = 25.0, distance_m = 2500 }}\n"
        );
        std::fs::write(&scene, text).unwrap();
        let mut command = yiping();
        command.args(["hub", "--listen", "127.0.0.1:0", "--scene"]).arg(&scene).arg("--data").arg(data());
        command
            .arg("--state")
            .arg(state.path().join("hub.redb"))
            .arg("--history")
            .arg(state.path().join("history"))
            .arg("--web")
            .arg(web().join("dist"));
        let server = Server::start(&mut command);
        let url = server.said.strip_prefix("yiping hub: ").unwrap_or_else(|| panic!("the hub said {:?}", server.said)).to_owned();
        Self { _server: server, _state: state, url }
    }
}

pub fn web() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web")
}

/// A screen without pixels: what wall and desk know.
pub struct Screen {
    pub name: &'static str,
    link: Link,
    pub world: WorldState,
}

impl Screen {
    pub fn open(hub: &Hub, name: &'static str, class: ScreenClass) -> Self {
        let me = Identity { screen: name.into(), class, role: Role::Officer, actor: name.into(), token: None };
        let mut screen = Self { name, link: Link::connect(&hub.url, me).unwrap(), world: WorldState::default() };
        screen.until("the hub's state", |w| w.view.is_some());
        screen
    }

    /// Listens until it is so.
    pub fn until(&mut self, what: &str, so: impl Fn(&WorldState) -> bool) {
        let last = Instant::now() + PATIENCE;
        while !so(&self.world) {
            match self.link.receiver().recv_timeout(last.saturating_duration_since(Instant::now())) {
                Ok(event) => self.world.apply(&event),
                Err(_) => panic!("{} has waited in vain for {what}; it knows {} incidents", self.name, self.world.incidents.len()),
            }
        }
    }

    /// Sends a command and waits for its answer.
    pub fn ask(&mut self, command: yiping::model::protocol::Command) -> yiping::model::protocol::Outcome {
        let asked = self.link.send(command);
        loop {
            let event = self.link.receiver().recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{} got no answer", self.name));
            self.world.apply(&event);
            if let LinkEvent::Reply { id, outcome } = event
                && id == asked
            {
                return outcome;
            }
        }
    }
}

/// Whether this may be left out: said on a person's machine, an error where everything should be there.
pub fn left_out(test: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test}: {why}");
    eprintln!("{test}: LEFT OUT: {why}");
}
