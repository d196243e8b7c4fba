//! `yiping wall`: the large screen, one process an output.

use super::cache::CacheArgs;
use super::desk::{has_display, settled_picture};
use super::header::HeaderArgs;
use super::quality::QualityArg;
use crate::hub::default_data;
use crate::link::Identity;
use crate::model::protocol::{Role, ScreenClass};
use crate::model::wall::Wall;
use crate::screen::app::{Canvas, Pump};
use crate::screen::start::{self, From, Setup};
use anyhow::{Context, bail};
use bevy::math::{IVec2, UVec2};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

/// The large screen: one output of a video wall, or with --spawn all of them on this machine.
#[derive(clap::Args)]
pub struct Args {
    /// Hub to join.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    hub: String,
    #[arg(long, env = "YIPING_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    header: HeaderArgs,
    #[command(flatten)]
    cache: CacheArgs,
    /// COLUMNSxROWS of 55-inch Full HD panels, or a wall file (TOML) with places and sizes in mm.
    #[arg(long, default_value = "2x1")]
    layout: String,
    /// Which output this process draws, by its id (1, 2, ... in a grid).
    #[arg(long)]
    output: Option<String>,
    /// Start a process for each output, and end when they end.
    #[arg(long, conflicts_with = "output")]
    spawn: bool,
    /// Name of the wall; its screens are NAME/1, NAME/2, ...
    #[arg(long, default_value = "wall")]
    name: String,
    /// Draw every output at this share of its pixels, to try a wall on one desk.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    #[arg(long, value_enum, default_value_t)]
    quality: QualityArg,
    /// Draw without windows and save each output as PNG; with --spawn, put them together as the wall hangs.
    #[arg(long)]
    picture: Option<PathBuf>,
    /// Seconds of live data before the picture is taken.
    #[arg(long, default_value_t = 4)]
    settle: u64,
    /// Seconds to wait for a complete view.
    #[arg(long, default_value_t = 180)]
    limit: u64,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let wall = read_wall(&args.layout)?;
    if !(0.05..=4.0).contains(&args.scale) {
        bail!("--scale {}: must lie between 0.05 and 4", args.scale);
    }
    if args.picture.is_none() && !has_display() {
        bail!("there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set); draw a picture with --picture wall.png");
    }
    // Told before the first process starts.
    args.header.headers()?;
    if args.spawn { spawn(&args, &wall) } else { one(&args, wall.scaled(args.scale)) }
}

fn read_wall(layout: &str) -> anyhow::Result<Wall> {
    let file = Path::new(layout);
    let wall = if file.is_file() {
        let text = std::fs::read_to_string(file).with_context(|| format!("can't read {layout}"))?;
        toml::from_str(&text).with_context(|| format!("{layout} is no wall file"))?
    } else {
        Wall::grid(layout)?
    };
    wall.check().with_context(|| layout.to_owned())?;
    Ok(wall)
}

fn one(args: &Args, wall: Wall) -> anyhow::Result<ExitCode> {
    let ids = || wall.outputs.iter().map(|o| o.id.as_str()).collect::<Vec<_>>().join(", ");
    let Some(id) = &args.output else { bail!("say which output this process draws (--output {}), or --spawn all", ids()) };
    let Some(index) = wall.outputs.iter().position(|o| o.id == *id) else { bail!("the wall has no output {id:?}; it has {}", ids()) };
    let output = wall.outputs[index].clone();
    let size = UVec2::new(output.width_px, output.height_px);
    let canvas = match args.picture {
        Some(_) => Canvas::Picture { size },
        None => {
            // Side by side as they hang, unless the wall file says where.
            let px_per_mm = f64::from(output.width_px) / output.width_mm;
            let beside = [(output.left_mm * px_per_mm) as i32, (output.top_mm * px_per_mm) as i32];
            let [x, y] = output.window_px.unwrap_or(beside);
            Canvas::Window { title: format!("Yiping {}/{id}", args.name), size, position: Some(IVec2::new(x, y)), borderless: true }
        }
    };
    let identity = Identity {
        screen: format!("{}/{id}", args.name),
        class: ScreenClass::Large,
        role: Role::Viewer,
        actor: args.name.clone(),
        token: args.token.clone(),
    };
    let loaded = start::load(From::Hub { url: &args.hub, identity })?;
    let setup = Setup {
        canvas,
        quality: args.quality.into(),
        class: ScreenClass::Large,
        light: crate::screen::light::OwnLight::default(),
        styling: crate::screen::styling::OwnStyling::default(),
        clip: None,
        pose: None,
        camera: None,
        wall: Some((wall, output)),
        probe: None,
        panels: true,
        signs: true,
        // A wall has no hand that exports.
        data: default_data(),
        headers: args.header.headers()?,
        cache: args.cache.options(),
        tile_memory: args.cache.tile_memory(),
    };
    let mut app = start::screen(loaded, &setup)?;
    match &args.picture {
        None => Ok(if app.run().is_error() { ExitCode::FAILURE } else { ExitCode::SUCCESS }),
        Some(out) => {
            settled_picture(Pump::new(app), out, Duration::from_secs(args.settle), Duration::from_secs(args.limit))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A child that ends with this process.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(args: &Args, wall: &Wall) -> anyhow::Result<ExitCode> {
    let program = std::env::current_exe().context("can't find this program's file")?;
    let part = |id: &str| args.picture.as_ref().map(|p| p.with_extension(format!("{id}.png")));
    let mut nodes = Vec::new();
    for output in &wall.outputs {
        let mut command = Command::new(&program);
        command.args(["wall", "--hub", &args.hub, "--layout", &args.layout, "--output", &output.id, "--name", &args.name]);
        command.args(["--scale", &args.scale.to_string(), "--settle", &args.settle.to_string(), "--limit", &args.limit.to_string()]);
        command.args(["--quality", args.quality.name()]);
        if let Some(token) = &args.token {
            command.env("YIPING_TOKEN", token);
        }
        args.header.pass_on(&mut command);
        args.cache.pass_on(&mut command);
        if let Some(picture) = part(&output.id) {
            command.arg("--picture").arg(picture);
        }
        nodes.push(Node(command.spawn().with_context(|| format!("can't start output {}", output.id))?));
    }
    // The first that ends ends the wall when windows are open; pictures are waited for.
    let mut good = true;
    for node in &mut nodes {
        good &= node.0.wait().is_ok_and(|s| s.success());
        if args.picture.is_none() {
            break;
        }
    }
    if let (Some(out), true) = (&args.picture, good) {
        let parts: Vec<PathBuf> = wall.outputs.iter().filter_map(|o| part(&o.id)).collect();
        let pictures = parts.iter().map(|p| Ok(image::open(p).with_context(|| format!("can't read {}", p.display()))?.to_rgb8()));
        let pictures = pictures.collect::<anyhow::Result<Vec<_>>>()?;
        let px_per_mm = f64::from(pictures[0].width()) / wall.outputs[0].width_mm;
        crate::screen::wall::compose(wall, &pictures, px_per_mm).save(out).with_context(|| format!("can't write {}", out.display()))?;
        println!("{}", out.display());
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
