//! `yiping snapshot`: a picture of a scene without a window.

use super::cache::CacheArgs;
use super::header::HeaderArgs;
use super::quality::QualityArg;
use super::size;
use crate::link::Identity;
use crate::model::protocol::{Role, ScreenClass};
use crate::model::scene::Theme;
use crate::model::styling::{Styling, Swipe};
use crate::screen::app::{Canvas, Pump};
use crate::screen::light::OwnLight;
use crate::screen::start::{self, From, Setup};
use crate::screen::styling::{DERIVED, OwnStyling};
use anyhow::{Context, bail};
use bevy::math::UVec2;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Draw a scene off-screen to a PNG.
#[derive(clap::Args)]
pub struct Args {
    /// Scene file; with --hub, the hub's scene is drawn.
    #[arg(long, default_value = "scenes/suqian.toml")]
    scene: PathBuf,
    /// Take scene, live incidents and readings from this hub.
    #[arg(long)]
    hub: Option<String>,
    #[arg(long, env = "YIPING_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    header: HeaderArgs,
    #[command(flatten)]
    cache: CacheArgs,
    /// Data folder; paths in the scene are relative to it [default: ~/.local/share/yiping]
    #[arg(long, env = "YIPING_DATA")]
    data: Option<PathBuf>,
    #[arg(long, value_parser = size::parse, default_value = "1920x1080")]
    size: (u32, u32),
    #[arg(long)]
    out: PathBuf,
    /// A camera of the scene, by id or name [default: the first]
    #[arg(long)]
    camera: Option<String>,
    /// When the city is lit: HH:MM (today, by the place's clocks) or an instant like 2026-06-21T19:30:00+08:00.
    #[arg(long, value_parser = super::time_of_day::parse, conflicts_with = "theme")]
    time: Option<super::time_of_day::TimeArg>,
    /// Look of the city [default: the scene's]
    #[arg(long, value_enum)]
    theme: Option<super::theme::ThemeArg>,
    /// Colour the buildings by this rule of the scene.
    #[arg(long)]
    style: Option<String>,
    /// Show only the buildings that this filter of the scene lets through; may be given several times.
    #[arg(long)]
    filter: Vec<String>,
    /// Colour the picture up to this share of its width from the left, and leave the rest as it is.
    #[arg(long)]
    swipe: Option<f32>,
    /// Colour the rest of a --swipe by this rule of the scene.
    #[arg(long, requires = "swipe")]
    right_style: Option<String>,
    /// Lay the heat layer over both sides of a --swipe, not over the left one alone.
    #[arg(long, requires = "swipe")]
    right_heat: bool,
    /// Cut away what this file says: a GeoJSON polygon, or a clip as `yiping analyse --clip` takes it.
    #[arg(long)]
    clip: Option<PathBuf>,
    /// Look from here instead of a camera of the scene: longitude,latitude,height,heading,pitch,distance
    #[arg(long, value_parser = super::pose::parse, allow_hyphen_values = true, conflicts_with = "camera")]
    pose: Option<crate::model::view::CameraPose>,
    /// Show the answer to the question in this JSON file, as `yiping analyse file` takes it.
    #[arg(long)]
    tool: Option<PathBuf>,
    /// Ask the heat layer for its value at longitude,latitude[,height], as a click on a desk does.
    #[arg(long, value_parser = super::pose::place, allow_hyphen_values = true)]
    probe: Option<crate::geo::Geodetic>,
    /// Pick what is seen at this pixel of the picture (x,y from its upper left corner), as a click on a desk does; --panels shows its card.
    #[arg(long, value_parser = super::size::pixel)]
    pick: Option<(u32, u32)>,
    /// Panels beside the map, as a desk shows them.
    #[arg(long)]
    panels: bool,
    /// Nothing over the city: no markers, no names.
    #[arg(long)]
    bare: bool,
    #[arg(long, value_enum, default_value_t = QualityArg::Full)]
    quality: QualityArg,
    /// Seconds to wait for the whole view.
    #[arg(long, default_value_t = 180)]
    limit: u64,
    /// Seconds of live data to wait for, with --hub.
    #[arg(long, default_value_t = 3)]
    settle: u64,
    #[arg(long)]
    json: bool,
}

impl Args {
    /// What was asked for; `None` follows the hub.
    fn styling(&self, loaded: &start::Loaded) -> anyhow::Result<Option<Styling>> {
        let scene = &loaded.info.scene;
        let known = |ids: Vec<&str>, wish: &str, what: &str| match ids.contains(&wish) {
            true => Ok(()),
            false => bail!("the scene has no {what} {wish:?}; it has {}", if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }),
        };
        // What a tool computes is not of the scene.
        for id in self.style.iter().chain(&self.right_style).filter(|id| !id.starts_with(DERIVED)) {
            known(scene.styles.iter().map(|s| s.id.as_str()).collect(), id, "style")?;
        }
        self.filter.iter().try_for_each(|id| known(scene.filters.iter().map(|f| f.id.as_str()).collect(), id, "filter"))?;
        let swipe = self.swipe.map(|share| Swipe { share, rule: self.right_style.clone(), heat: [true, self.right_heat] });
        let any = self.style.is_some() || !self.filter.is_empty() || swipe.is_some();
        Ok(any.then(|| Styling { rule: self.style.clone(), filters: self.filter.clone(), swipe, ..Styling::default() }))
    }

    fn light(&self, loaded: &start::Loaded) -> OwnLight {
        match self.time {
            Some(time) => OwnLight { theme: Some(Theme::Clock), at: Some(time.at(loaded.info.anchor)) },
            None => OwnLight { theme: self.theme.map(Theme::from), at: None },
        }
    }
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let data = args.data.clone().unwrap_or_else(crate::hub::default_data);
    let identity = Identity {
        screen: format!("snapshot-{}", std::process::id()),
        class: ScreenClass::Medium,
        role: Role::Viewer,
        actor: "snapshot".to_owned(),
        token: args.token.clone(),
    };
    let loaded = match &args.hub {
        Some(url) => start::load(From::Hub { url, identity })?,
        None => start::load(From::File { scene: &args.scene, data: &data })?,
    };
    let live = args.hub.is_some();
    let setup = Setup {
        canvas: Canvas::Picture { size: UVec2::new(args.size.0, args.size.1) },
        quality: args.quality.into(),
        class: ScreenClass::Medium,
        light: args.light(&loaded),
        styling: OwnStyling(args.styling(&loaded)?),
        clip: args.clip.as_deref().map(super::analyse::clip).transpose()?,
        camera: args.camera.clone(),
        pose: args.pose,
        wall: None,
        probe: args.probe,
        panels: args.panels,
        signs: !args.bare,
        data,
        headers: args.header.headers()?,
        cache: args.cache.options(),
        tile_memory: args.cache.tile_memory(),
    };
    let mut app = start::screen(loaded, &setup)?;
    if let Some(file) = &args.tool {
        app.world_mut().resource_mut::<crate::screen::tools::Tools>().ask(super::analyse::read(file)?);
    }
    let mut pump = Pump::new(app);
    let limit = Duration::from_secs(args.limit);
    let mut settled = pump.until_ready(4, limit);
    if live {
        let until = Instant::now() + Duration::from_secs(args.settle);
        while Instant::now() < until {
            pump.frame();
        }
        settled = pump.until_ready(4, limit);
    }
    if let Some((x, y)) = args.pick.filter(|_| settled) {
        crate::screen::pick::ask_at(pump.world_mut(), UVec2::new(x, y).as_vec2() + 0.5);
        settled = pump.until_ready(4, limit);
    }
    let picture = pump.picture().map_err(anyhow::Error::msg)?;
    picture.save(&args.out).with_context(|| format!("can't write {}", args.out.display()))?;
    let city = pump.world().resource::<crate::render::tiles::CityTiles>();
    if args.json {
        let figures = serde_json::json!({
            "out": args.out, "width": args.size.0, "height": args.size.1, "settled": settled, "tiles": city.drawn_tiles,
            "triangles": city.drawn_triangles, "failed_tiles": city.progress.failed, "seconds": begun.elapsed().as_secs_f64(),
            "adapter": pump.world().get_resource::<crate::screen::app::Adapter>().map(|a| a.name.clone()),
        });
        println!("{figures}");
    } else {
        println!(
            "{}: {} tiles, {} triangles, {:.1} s",
            args.out.display(),
            city.drawn_tiles,
            city.drawn_triangles,
            begun.elapsed().as_secs_f64()
        );
    }
    if !settled {
        bail!("the view was not complete after {} s; the picture shows what was there", args.limit);
    }
    Ok(ExitCode::SUCCESS)
}
