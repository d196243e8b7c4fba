//! Puts a native screen together: the scene from a hub or a file, the city, signs, panels.

use super::app::{self, Canvas, Quality, Ready, ScreenOptions};
use super::light::{self, OwnLight};
use super::overlay::course;
use super::overlay::labels::{Labels, Sources};
use super::session::{self, SceneInfo, Session};
use super::style::TextSizes;
use super::styling::{self, OwnStyling};
use super::ui::{self, Heads, PickedHere, ScreenLook};
use super::{cut, follow, group, heat, layers, mini_map, pick, preview, tools};
use crate::geo::Geodetic;
use crate::hub::LoadedScene;
use crate::link::{self, Identity, Link};
use crate::model::clip::ClipRegion;
use crate::model::heat::HeatConfig;
use crate::model::layout::{Panel, Placement};
use crate::model::protocol::ScreenClass;
use crate::model::scene::{NamedCamera, Scene, TilesetConfig};
use crate::model::view::CameraPose;
use crate::model::wall::{Output, Wall};
use crate::render::camera::{CameraPlaced, FOV_Y_RAD, OrbitCamera, Tangents};
use crate::render::inset::{Inset, InsetState};
use crate::render::tiles::picking::Picking;
use crate::render::tiles::{CityTiles, TileMemory, Tileset, TilesetSystems, WholeWall};
use crate::tiles::{CacheOptions, Headers, MemoryBudget};
use bevy::prelude::*;
use bevy_egui::EguiPrimaryContextPass;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Why a screen can't start, in words with the mend.
#[derive(thiserror::Error, Debug)]
pub enum StartError {
    #[error("{0}")]
    Scene(#[from] crate::hub::HubError),
    #[error("the hub at {url} gives no usable scene: {why}")]
    Hub { url: String, why: String },
    #[error("no city package at {place}: {why}; build it with `yiping build`, or run scripts/demo")]
    Package { place: String, why: String },
    #[error("the scene has no camera {name:?}; it has {known}")]
    Camera { name: String, known: String },
    #[error("no graphics: {0}")]
    Graphics(String),
}

/// Where the scene comes from.
pub enum From<'a> {
    Hub { url: &'a str, identity: Identity },
    File { scene: &'a Path, data: &'a Path },
}

/// A scene with all that is read once.
pub struct Loaded {
    pub info: SceneInfo,
    /// Folder or address of the tileset.
    pub package: String,
    /// Those shown beside it, each with its folder or address.
    tilesets: Vec<(TilesetConfig, String)>,
    names: Sources,
    course: Vec<[f64; 2]>,
    link: Option<Link>,
    identity: Option<Identity>,
    phone: Option<String>,
}

/// This machine answers itself at once, or not at all.
const PHONE_WAIT: std::time::Duration = std::time::Duration::from_millis(300);

/// The fields the hub adds to a scene.
#[derive(Deserialize)]
struct Described {
    id: String,
    package_url: String,
    anchor: Option<Anchor>,
}

#[derive(Deserialize, Clone, Copy)]
struct Anchor {
    lon_deg: f64,
    lat_deg: f64,
}

/// Reads the scene and what it names; connects when it comes from a hub.
///
/// # Errors
/// [`StartError`], in words.
pub fn load(from: From) -> Result<Loaded, StartError> {
    match from {
        From::Hub { url, identity } => from_hub(url, identity),
        From::File { scene, data } => from_file(scene, data),
    }
}

fn from_hub(url: &str, identity: Identity) -> Result<Loaded, StartError> {
    let fail = |why: String| StartError::Hub { url: url.to_owned(), why };
    let link = Link::connect(url, identity.clone()).map_err(|e| fail(e.to_string()))?;
    let get = |path: &str| link::fetch(url, path).map_err(|e| fail(e.to_string()));
    let mut scene: serde_json::Value = serde_json::from_slice(&get("/api/scene")?).map_err(|e| fail(e.to_string()))?;
    let described: Described = serde_json::from_value(scene.clone()).map_err(|e| fail(e.to_string()))?;
    if let Some(map) = scene.as_object_mut() {
        ["id", "package_url", "anchor", "city", "tour_length_s"].iter().for_each(|key| drop(map.remove(*key)));
        let heats = map.get_mut("heat").and_then(serde_json::Value::as_array_mut).into_iter().flatten();
        heats.filter_map(serde_json::Value::as_object_mut).for_each(HeatConfig::forget_explanation);
    }
    let scene: Scene = serde_json::from_value(scene).map_err(|e| fail(e.to_string()))?;
    let local = !described.package_url.starts_with("http");
    let package = if local { format!("{}{}tileset.json", url.trim_end_matches('/'), described.package_url) } else { described.package_url };
    let tilesets = scene.tilesets.iter().map(|t| (t.clone(), t.address_at(url))).collect();
    let anchor = anchor(described.anchor, &scene);
    let names = Sources::read(|file| get(&format!("/api/city/{file}")).ok());
    let course = get("/api/city/marathon.gpx").ok().map(|b| read_course(&b)).unwrap_or_default();
    let course = if scene.tour.is_some() { course } else { Vec::new() };
    let info = SceneInfo { id: described.id, scene, anchor };
    let phone = phone_address(url);
    Ok(Loaded { info, package, tilesets, names, course, link: Some(link), identity: Some(identity), phone })
}

fn from_file(scene: &Path, data: &Path) -> Result<Loaded, StartError> {
    let loaded = LoadedScene::load(scene, data)?;
    let anchor_of_city = serde_json::from_value(loaded.city().get("anchor").cloned().unwrap_or_default()).ok();
    let anchor = anchor(anchor_of_city, &loaded.scene);
    let package = loaded.package_dir().map_or_else(|| loaded.scene.package.clone(), |dir| dir.join("tileset.json").display().to_string());
    let tilesets = loaded.scene.tilesets.iter().map(|t| (t.clone(), loaded.tileset_address(t))).collect();
    let read = |name: &str| loaded.city_data_dir().and_then(|dir| std::fs::read(dir.join(name)).ok());
    let names = Sources::read(read);
    let course = read("marathon.gpx").filter(|_| loaded.scene.tour.is_some()).map(|b| read_course(&b)).unwrap_or_default();
    let info = SceneInfo { id: loaded.id.clone(), scene: loaded.scene, anchor };
    Ok(Loaded { info, package, tilesets, names, course, link: None, identity: None, phone: None })
}

/// The package's anchor, else the first camera's target.
fn anchor(anchor: Option<Anchor>, scene: &Scene) -> Geodetic {
    let first = scene.cameras.first().map(|c| (c.pose.lon, c.pose.lat));
    let (lon, lat) = anchor.map(|a| (a.lon_deg, a.lat_deg)).or(first).unwrap_or((0.0, 0.0));
    Geodetic::from_degrees(lon, lat, 0.0)
}

fn read_course(bytes: &[u8]) -> Vec<[f64; 2]> {
    course::read(bytes).unwrap_or_else(|e| {
        tracing::error!("{e}; no course is shown");
        Vec::new()
    })
}

/// The hub's address as a phone on the same network reaches it; `None` when the hub listens to this machine alone.
fn phone_address(hub: &str) -> Option<String> {
    let mut url = url::Url::parse(hub).ok()?;
    let host = url.host_str()?;
    if !["127.0.0.1", "localhost", "0.0.0.0", "[::1]"].contains(&host) {
        return Some(hub.to_owned());
    }
    let ip = local_ip_address::local_ip().ok()?;
    let there = std::net::SocketAddr::new(ip, url.port_or_known_default()?);
    std::net::TcpStream::connect_timeout(&there, PHONE_WAIT).ok()?;
    url.set_host(Some(&ip.to_string())).ok()?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// What a screen looks like beside its scene.
pub struct Setup {
    pub canvas: Canvas,
    pub quality: Quality,
    pub class: ScreenClass,
    pub light: OwnLight,
    /// How the buildings are shown, where it is not as the shared view says.
    pub styling: OwnStyling,
    /// What is cut away, where it is not as the shared view says.
    pub clip: Option<ClipRegion>,
    /// Name of a camera of the scene; the first when not given.
    pub camera: Option<String>,
    /// Where to look from instead.
    pub pose: Option<CameraPose>,
    /// A wall and which of its outputs this is.
    pub wall: Option<(Wall, Output)>,
    /// Where a heat layer is asked for its value.
    pub probe: Option<Geodetic>,
    pub panels: bool,
    pub signs: bool,
    /// The data folder; what is exported goes below it.
    pub data: PathBuf,
    /// Sent to the tileset's server.
    pub headers: Headers,
    /// Where its files are kept, if anywhere.
    pub cache: Option<CacheOptions>,
    /// What tiles may take, bytes; a quarter of the machine's memory when not given.
    pub tile_memory: Option<usize>,
}

/// Builds the app of a native screen.
///
/// # Errors
/// [`StartError`], in words.
pub fn screen(loaded: Loaded, setup: &Setup) -> Result<App, StartError> {
    let scene = &loaded.info.scene;
    let named = camera(&scene.cameras, setup.camera.as_deref(), loaded.info.anchor)?;
    let camera = setup.pose.unwrap_or(named);
    let wall = setup.wall.as_ref().map(|(wall, output)| parts(wall, output));
    let options = ScreenOptions {
        canvas: setup.canvas.clone(),
        anchor: loaded.info.anchor,
        theme: setup.light.theme.unwrap_or(scene.theme),
        camera,
        output: wall.map(|(_, part)| part),
        quality: setup.quality,
    };
    let mut app = app::build(&options).map_err(StartError::Graphics)?;
    let package = |why: String| StartError::Package { place: loaded.package.clone(), why };
    let memory = setup.tile_memory.map_or_else(TileMemory::default, |bytes| TileMemory(MemoryBudget::new(bytes)));
    let city = Tileset {
        headers: setup.headers.clone(),
        cache: setup.cache.clone(),
        select: layers::how_fine(setup),
        ..Tileset::at(&loaded.package)
    };
    let city = city.open(&memory).map_err(|e| package(e.to_string()))?;
    let (screen, role) =
        loaded.identity.as_ref().map_or(("here".to_owned(), crate::model::protocol::Role::Viewer), |i| (i.screen.clone(), i.role));
    let look = ScreenLook {
        text: text_sizes(setup),
        placements: if setup.panels { placements(scene, setup) } else { Vec::new() },
        interactive: setup.class == ScreenClass::Medium && setup.panels,
        course: loaded.course,
        wall,
        phone: loaded.phone.and_then(with_code),
        signs: setup.signs,
        exports: setup.data.join("exports"),
    };
    let outputs = setup.wall.iter().flat_map(|(wall, _)| wall.outputs.iter().map(|o| parts(wall, o).1)).collect();
    let picture = matches!(setup.canvas, Canvas::Picture { .. });
    app.insert_resource(heat::HeatAreas(loaded.names.areas.clone()));
    app.insert_resource(Labels::new(loaded.names, loaded.info.scene.labels, outputs, picture));
    if let Some((wall, output)) = &setup.wall {
        let lines = f64::from(output.height_px) * wall.size_mm().1 / output.height_mm;
        app.insert_resource(WholeWall { height_px: lines, fovy_rad: FOV_Y_RAD });
    }
    let budget = memory.0.clone();
    app.insert_resource(memory);
    let package = app.world_mut().spawn(city).id();
    if look.placements.iter().any(|p| p.panel == Panel::MiniMap) {
        mini_map::spawn(app.world_mut(), &look.text, package);
    }
    if look.interactive && look.placements.iter().any(|p| p.panel == Panel::Layers) {
        preview::spawn(app.world_mut(), &look.text);
    }
    layers::spawn(app.world_mut(), &loaded.tilesets, &loaded.package, setup);
    app.insert_resource(Session::new(loaded.link, screen, role))
        .insert_resource(loaded.info)
        .insert_resource(look)
        .insert_resource(setup.light)
        .insert_resource(setup.styling.clone())
        .insert_resource(cut::OwnClip(setup.clip.clone()))
        .init_resource::<styling::DerivedHere>()
        .init_resource::<follow::Followed>()
        .init_resource::<heat::ShownHeat>()
        .init_resource::<heat::HeatWork>()
        .init_resource::<heat::Seen>()
        .insert_resource(heat::HeatProbe::at(setup.probe))
        .init_resource::<PickedHere>()
        .init_resource::<Heads>()
        .init_resource::<group::Group>()
        .insert_resource(tools::Tools::new(loaded.package, setup.headers.clone(), budget))
        .add_systems(
            Update,
            (session::receive, follow::follow, ui::keys, group::mark, pick::click, (pick::answered, group::answered))
                .chain()
                .before(CameraPlaced),
        )
        .add_systems(
            Update,
            ((heat::feed, heat::probe).chain(), layers::show, pick::show_selection, light::shine, styling::style, cut::cut, ready)
                .after(session::receive),
        )
        .add_systems(Update, (mini_map::follow.after(session::receive), preview::follow).before(TilesetSystems::Look))
        .add_systems(EguiPrimaryContextPass, (ui::draw, tools::draw).chain());
    Ok(app)
}

/// Whether the picture shows everything; snapshots wait for it.
fn ready(
    city: Res<CityTiles>,
    session: Res<Session>,
    camera: Res<OrbitCamera>,
    (tools, heat, picking): (Res<tools::Tools>, Res<heat::HeatWork>, Option<Res<Picking>>),
    (map, insets): (Option<Res<mini_map::MiniMap>>, Query<(&Inset, &InsetState)>),
    mut ready: ResMut<Ready>,
    mut frames: Local<u32>,
) {
    *frames += 1;
    let nothing_asked = tools.is_quiet() && heat.is_quiet() && picking.is_none_or(|p| p.is_quiet());
    ready.0 = *frames > 3 && city.is_settled() && session.is_ready() && !camera.is_moving() && nothing_asked;
    ready.0 &= mini_map::is_whole(map.as_deref(), &insets);
}

fn camera(cameras: &[NamedCamera], name: Option<&str>, anchor: Geodetic) -> Result<CameraPose, StartError> {
    let above =
        CameraPose { lon: anchor.lon_deg(), lat: anchor.lat_deg(), height_m: 0.0, heading_deg: 0.0, pitch_deg: 40.0, distance_m: 4_000.0 };
    match name {
        None => Ok(cameras.first().map_or(above, |c| c.pose)),
        Some(name) => {
            let found = cameras.iter().find(|c| c.id == name || c.name == name);
            let known = || cameras.iter().map(|c| c.id.as_str()).collect::<Vec<_>>().join(", ");
            found.map(|c| c.pose).ok_or_else(|| StartError::Camera { name: name.to_owned(), known: known() })
        }
    }
}

/// Tangents of the whole wall and of one output.
pub fn parts(wall: &Wall, output: &Output) -> (Tangents, Tangents) {
    let (width, height) = wall.size_mm();
    let whole = Tangents::symmetric(FOV_Y_RAD, width / height);
    let [left, top, right, bottom] = wall.part(output);
    let part = Tangents {
        left: whole.left + left * whole.width(),
        right: whole.left + right * whole.width(),
        top: whole.top - top * whole.height(),
        bottom: whole.top - bottom * whole.height(),
    };
    (whole, part)
}

fn text_sizes(setup: &Setup) -> TextSizes {
    match (&setup.wall, &setup.canvas) {
        (Some((wall, output)), _) => TextSizes::wall(wall.character_px(output, 25.0) as f32, wall.character_px(output, 20.0) as f32),
        (None, Canvas::Window { size, .. } | Canvas::Picture { size }) => TextSizes::desk(size.y as f32),
    }
}

/// The panels that stand on this screen; on a wall, those of this output.
fn placements(scene: &Scene, setup: &Setup) -> Vec<Placement> {
    match (&setup.wall, setup.class) {
        (Some((wall, output)), _) => super::wall::placements(wall, output, &scene.layout.large),
        (None, ScreenClass::Large) => scene.layout.large.clone(),
        (None, _) => scene.layout.medium.clone(),
    }
}

/// The address and its QR code.
fn with_code(address: String) -> Option<(String, Vec<Vec<bool>>)> {
    let code = qrcode::QrCode::new(&address).ok()?;
    let width = code.width();
    let colours = code.to_colors();
    let rows = colours.chunks(width).map(|row| row.iter().map(|c| *c == qrcode::Color::Dark).collect()).collect();
    Some((address, rows))
}
