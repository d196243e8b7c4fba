//! `yiping desk`: the medium screen.

use super::cache::CacheArgs;
use super::header::HeaderArgs;
use super::quality::QualityArg;
use super::size;
use crate::hub::default_data;
use crate::link::Identity;
use crate::model::protocol::{Role, ScreenClass};
use crate::screen::app::{Canvas, Pump, Quality};
use crate::screen::light::OwnLight;
use crate::screen::start::{self, From, Setup};
use crate::screen::styling::OwnStyling;
use crate::tiles::{CacheOptions, Headers};
use anyhow::{Context, bail};
use bevy::math::UVec2;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The medium screen: the city with panels, on an analyst's or duty officer's desk.
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
    /// Data folder; what is exported goes into exports/ below it [default: ~/.local/share/yiping]
    #[arg(long, env = "YIPING_DATA")]
    data: Option<PathBuf>,
    /// Name of this screen, unique at the hub.
    #[arg(long, default_value = "desk-1")]
    screen: String,
    /// Name of the person, as written into incidents.
    #[arg(long, env = "USER", default_value = "值班员")]
    actor: String,
    #[arg(long, value_parser = size::parse, default_value = "1600x900")]
    size: (u32, u32),
    #[arg(long, value_enum, default_value_t)]
    quality: QualityArg,
    /// Draw without a window, save what the desk shows to this PNG once it is complete, and leave.
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
    let size = UVec2::new(args.size.0, args.size.1);
    let canvas = match args.picture {
        Some(_) => Canvas::Picture { size },
        None => Canvas::Window { title: "Yiping 一屏".to_owned(), size, position: None, borderless: false },
    };
    if args.picture.is_none() && !has_display() {
        bail!(
            "there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set); draw a picture with --picture desk.png, or open a remote desktop"
        );
    }
    let identity = Identity { screen: args.screen, class: ScreenClass::Medium, role: Role::Officer, actor: args.actor, token: args.token };
    let loaded = start::load(From::Hub { url: &args.hub, identity })?;
    let data = args.data.unwrap_or_else(default_data);
    let setup = setup(canvas, args.quality.into(), data, args.header.headers()?, args.cache.options(), args.cache.tile_memory());
    let mut app = start::screen(loaded, &setup)?;
    let Some(out) = args.picture else {
        return Ok(if app.run().is_error() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    };
    settled_picture(Pump::new(app), &out, Duration::from_secs(args.settle), Duration::from_secs(args.limit))?;
    Ok(ExitCode::SUCCESS)
}

/// A desk window on a hub of this machine; returns when it is closed.
pub fn window(hub: &str, data: PathBuf, size: (u32, u32), quality: Quality) -> anyhow::Result<ExitCode> {
    let size = UVec2::new(size.0, size.1);
    let actor = std::env::var("USER").unwrap_or_else(|_| "值班员".to_owned());
    let identity = Identity { screen: "desk-1".to_owned(), class: ScreenClass::Medium, role: Role::Officer, actor, token: None };
    let loaded = start::load(From::Hub { url: hub, identity })?;
    let canvas = Canvas::Window { title: "Yiping 一屏".to_owned(), size, position: None, borderless: false };
    let setup = setup(canvas, quality, data, Headers::default(), Some(CacheOptions::default()), None);
    let mut app = start::screen(loaded, &setup)?;
    Ok(if app.run().is_error() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// All panels, the scene's own look.
fn setup(
    canvas: Canvas,
    quality: Quality,
    data: PathBuf,
    headers: Headers,
    cache: Option<CacheOptions>,
    tile_memory: Option<usize>,
) -> Setup {
    Setup {
        canvas,
        quality,
        class: ScreenClass::Medium,
        light: OwnLight::default(),
        styling: OwnStyling::default(),
        clip: None,
        camera: None,
        pose: None,
        wall: None,
        probe: None,
        panels: true,
        signs: true,
        data,
        headers,
        cache,
        tile_memory,
    }
}

/// Whether a window can be opened at all.
pub fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    set("DISPLAY") || set("WAYLAND_DISPLAY") || cfg!(not(target_os = "linux"))
}

/// Draws until everything is there and `settle` has passed, then saves the picture.
pub fn settled_picture(mut pump: Pump, out: &std::path::Path, settle: Duration, limit: Duration) -> anyhow::Result<()> {
    pump.until_ready(4, limit);
    let until = Instant::now() + settle;
    while Instant::now() < until {
        pump.frame();
    }
    let complete = pump.until_ready(4, limit);
    let picture = pump.picture().map_err(anyhow::Error::msg)?;
    picture.save(out).with_context(|| format!("can't write {}", out.display()))?;
    if !complete {
        bail!("{}: the view was not complete after {} s; the picture shows what was there", out.display(), limit.as_secs());
    }
    println!("{}", out.display());
    Ok(())
}
