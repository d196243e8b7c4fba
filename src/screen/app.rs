//! One Bevy app for every native screen: a desk window, a wall output or a picture without a window.

use crate::geo::{Geodetic, LocalFrame};
use crate::model::scene::Theme;
use crate::model::view::CameraPose;
use crate::render::CityRenderPlugins;
use crate::render::camera::{FrustumProjection, OrbitCamera, SceneFrame, Tangents, city_camera};
use crate::render::direct::DirectDrawing;
use crate::render::environment::{self, Environment};
use crate::render::light::FullTier;
use crate::render::material::SHADERS;
use crate::render::tiles::{FarTiles, TileFade};
use crate::render::unused::LeaveOutUnused;
use bevy::app::PluginsState;
use bevy::asset::RenderAssetUsages;
use bevy::camera::RenderTarget;
use bevy::pbr::PbrPlugin;
use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::render::render_resource::{Extent3d, PollType, TextureDimension, TextureFormat, TextureUsages};
use bevy::render::renderer::{RenderAdapterInfo, RenderDevice};
use bevy::render::settings::{MemoryHints, RenderCreation, WgpuSettings};
use bevy::render::view::screenshot::{Screenshot, ScreenshotCaptured};
use bevy::window::{ExitCondition, MonitorSelection, WindowMode, WindowPosition, WindowResolution};
use bevy::winit::WinitPlugin;
use bevy_egui::{EguiGlobalSettings, EguiPlugin, EguiPrimaryContextPass, PrimaryEguiContext};

/// Where a screen draws.
#[derive(Clone, Debug)]
pub enum Canvas {
    Window { title: String, size: UVec2, position: Option<IVec2>, borderless: bool },
    Picture { size: UVec2 },
}

/// How good a picture is asked for (DESIGN section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Quality {
    /// Chosen from the adapter: a software rasteriser gets `Lean`.
    #[default]
    Auto,
    /// No multisampling.
    Lean,
    /// Four samples a pixel.
    Full,
}

/// What every screen needs to start.
#[derive(Clone, Debug)]
pub struct ScreenOptions {
    pub canvas: Canvas,
    pub anchor: Geodetic,
    pub theme: Theme,
    pub camera: CameraPose,
    /// One output of a wall; `None` draws the whole picture.
    pub output: Option<Tangents>,
    pub quality: Quality,
}

/// What draws, in words, whether it is a processor, and whether it draws the tier `full`.
#[derive(Resource, Clone, Debug)]
pub struct Adapter {
    pub name: String,
    pub software: bool,
    pub full: bool,
}

/// The image a windowless screen draws into.
#[derive(Resource, Clone)]
pub struct PictureTarget(pub Handle<Image>);

/// Whether the picture shows everything it should: set by whoever still waits for something, asked by snapshots.
#[derive(Resource, Default, Clone, Copy)]
pub struct Ready(pub bool);

/// Memory is asked of the graphics driver in blocks of so much; what is larger has a block of its own.
const BLOCK_BYTES: u64 = 8 << 20;

/// Builds the app; the caller adds panels and runs it ([`App::run`] for a window, [`pump`] for a picture).
///
/// # Errors
/// In words, when there is no graphics adapter at all.
pub fn build(options: &ScreenOptions) -> Result<App, String> {
    draws()?;
    let mut app = App::new();
    // Blocks of 8 MiB in place of 128, that don't double either: what no tile fills is not taken, and what tiles leave goes back.
    let memory_hints = MemoryHints::Manual { suballocated_device_memory_block_size: BLOCK_BYTES..BLOCK_BYTES };
    let settings = WgpuSettings { memory_hints, ..default() };
    let render = RenderPlugin {
        synchronous_pipeline_compilation: matches!(options.canvas, Canvas::Picture { .. }),
        render_creation: RenderCreation::Automatic(Box::new(settings)),
        ..default()
    };
    let pbr = PbrPlugin { add_default_deferred_lighting_plugin: false, ..default() };
    let plugins = DefaultPlugins
        .set(window_plugin(&options.canvas))
        .set(render)
        .set(pbr)
        .add_after::<RenderPlugin>(DirectDrawing)
        .add_after::<PbrPlugin>(LeaveOutUnused);
    match options.canvas {
        Canvas::Window { .. } => app.add_plugins(plugins),
        // Without a display winit would panic; the caller pumps frames itself.
        Canvas::Picture { .. } => {
            app.add_plugins(plugins.disable::<WinitPlugin>().disable::<bevy::render::pipelined_rendering::PipelinedRenderingPlugin>())
        }
    };
    app.insert_resource(SceneFrame(LocalFrame::new(options.anchor)))
        .insert_resource(OrbitCamera::new(options.camera))
        .insert_resource(Environment::of(options.theme))
        .insert_resource(Ready(true))
        .add_plugins(CityRenderPlugins)
        .add_plugins(EguiPlugin::default())
        // bevy_egui fails a frame whose schedule has no system yet.
        .init_schedule(EguiPrimaryContextPass);
    app.world_mut().resource_mut::<EguiGlobalSettings>().auto_create_primary_context = false;
    if let Canvas::Picture { size } = options.canvas {
        let mut target = Image::new_uninit(
            Extent3d { width: size.x, height: size.y, depth_or_array_layers: 1 },
            TextureDimension::D2,
            TextureFormat::Rgba8UnormSrgb,
            RenderAssetUsages::RENDER_WORLD,
        );
        target.texture_descriptor.usage |= TextureUsages::RENDER_ATTACHMENT | TextureUsages::COPY_SRC;
        let handle = app.world_mut().resource_mut::<Assets<Image>>().add(target);
        app.insert_resource(PictureTarget(handle));
    }
    look_from_disk(&mut app);
    let (output, quality) = (options.output, options.quality);
    app.add_systems(Startup, move |commands: Commands, target: Option<Res<PictureTarget>>, adapter: Res<RenderAdapterInfo>| {
        spawn_camera(commands, target.as_deref(), &adapter, output, quality);
    });
    Ok(app)
}

/// Whether there is anything that draws: Bevy itself panics where there is nothing.
fn draws() -> Result<(), String> {
    let found = bevy::tasks::block_on(wgpu::Instance::default().request_adapter(&wgpu::RequestAdapterOptions::default()));
    let mend = "install the graphics card's Vulkan driver, or Mesa's that draws in software (Debian: apt install mesa-vulkan-drivers)";
    found.map(drop).map_err(|e| format!("no graphics driver is found ({e}); {mend}"))
}

/// For those who work on the look: with `YIPING_LOOK` set to the repository, shaders and themes come from its files instead of from the program.
fn look_from_disk(app: &mut App) {
    let Some(root) = std::env::var_os("YIPING_LOOK").map(std::path::PathBuf::from) else { return };
    let mut shaders = app.world_mut().resource_mut::<Assets<Shader>>();
    for (handle, file, _) in SHADERS {
        let path = root.join("shaders").join(file);
        match std::fs::read_to_string(&path) {
            Ok(text) => drop(shaders.insert(&handle, Shader::from_wgsl(text, path.display().to_string()))),
            Err(e) => tracing::error!("YIPING_LOOK: {}: {e}; the program's own stays", path.display()),
        }
    }
    environment::replace_themes(|name| std::fs::read_to_string(root.join("assets/themes").join(name)).ok());
}

fn window_plugin(canvas: &Canvas) -> WindowPlugin {
    let Canvas::Window { title, size, position, borderless } = canvas else {
        return WindowPlugin { primary_window: None, exit_condition: ExitCondition::DontExit, ..default() };
    };
    WindowPlugin {
        primary_window: Some(Window {
            title: title.clone(),
            resolution: WindowResolution::new(size.x, size.y).with_scale_factor_override(1.0),
            position: position.map_or(WindowPosition::Centered(MonitorSelection::Primary), WindowPosition::At),
            decorations: !borderless,
            mode: WindowMode::Windowed,
            ..default()
        }),
        ..default()
    }
}

/// Tiles take over from one another within this, in windows of the tier `full`: long enough to be soft, short enough not to be waited for.
const FADE_S: f32 = 0.3;

fn spawn_camera(
    mut commands: Commands,
    target: Option<&PictureTarget>,
    adapter: &RenderAdapterInfo,
    output: Option<Tangents>,
    quality: Quality,
) {
    let software = format!("{:?}", adapter.device_type) == "Cpu";
    let full = quality == Quality::Full || (quality == Quality::Auto && !software);
    let tier = if full { "full" } else { "lean" };
    tracing::info!("drawing with {} ({:?}, {:?}), tier {tier}", adapter.name, adapter.device_type, adapter.backend);
    commands.insert_resource(Adapter { name: format!("{} ({:?})", adapter.name, adapter.backend), software, full });
    if full {
        commands.insert_resource(FarTiles::NONE);
    }
    // Pictures are taken of what stands; on a software rasteriser both tiles of a fade would cost a frame each.
    if full && !software && target.is_none() {
        commands.insert_resource(TileFade { seconds: FADE_S });
    }
    let projection = output.map_or_else(FrustumProjection::window, FrustumProjection::output);
    let mut camera = commands.spawn((city_camera(), Projection::custom(projection), PrimaryEguiContext));
    // Lean draws without smoothing: on a software rasteriser FXAA alone took 150 ms of a 1280x720 frame, more than the city.
    camera.insert(if full { Msaa::Sample4 } else { Msaa::Off });
    if full {
        camera.insert(FullTier);
    }
    if let Some(target) = target {
        camera.insert(RenderTarget::Image(target.0.clone().into()));
    }
}

/// Draws frames of a windowless app, each finished before the next begins.
pub struct Pump {
    app: App,
}

impl Pump {
    /// Waits until every plugin is ready.
    pub fn new(mut app: App) -> Self {
        while app.plugins_state() == PluginsState::Adding {
            bevy::tasks::tick_global_task_pools_on_main_thread();
        }
        app.finish();
        app.cleanup();
        Self { app }
    }

    /// One frame, waiting for the graphics device.
    pub fn frame(&mut self) {
        self.app.update();
        let device = self.app.world().resource::<RenderDevice>();
        if let Err(e) = device.poll(PollType::wait_indefinitely()) {
            tracing::warn!("the graphics device did not finish a frame: {e}");
        }
    }

    pub fn world(&self) -> &World {
        self.app.world()
    }

    pub fn world_mut(&mut self) -> &mut World {
        self.app.world_mut()
    }

    /// Frames until [`Ready`] holds and `still` more have passed, or `limit` has.
    ///
    /// Returns whether it got ready.
    pub fn until_ready(&mut self, still: u32, limit: std::time::Duration) -> bool {
        let start = std::time::Instant::now();
        let mut quiet = 0;
        while start.elapsed() < limit {
            self.frame();
            quiet = if self.world().resource::<Ready>().0 { quiet + 1 } else { 0 };
            if quiet > still {
                return true;
            }
            if quiet == 0 {
                // Loading runs on other threads; on two cores drawing at full speed would starve them.
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
        false
    }

    /// The picture of the next frame.
    ///
    /// # Errors
    /// In words, when the device gives no picture back.
    pub fn picture(&mut self) -> Result<image::RgbImage, String> {
        let target = self.world().get_resource::<PictureTarget>().ok_or("this screen draws into a window")?.0.clone();
        let taken = std::sync::Arc::new(std::sync::Mutex::new(None));
        let to = taken.clone();
        self.world_mut().spawn(Screenshot::image(target)).observe(move |shot: On<ScreenshotCaptured>| {
            if let Ok(mut to) = to.lock() {
                *to = Some(shot.image.clone());
            }
        });
        // The copy comes back a few frames later.
        const FRAMES_MAX: u32 = 60;
        for _ in 0..FRAMES_MAX {
            self.frame();
            if let Some(image) = taken.lock().ok().and_then(|mut t| t.take()) {
                return image.try_into_dynamic().map(|i| i.to_rgb8()).map_err(|e| e.to_string());
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        Err("the graphics device gave no picture back".to_owned())
    }
}
