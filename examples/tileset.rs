//! 3D Tiles in a Bevy program of one's own: Bevy's plugins, ours, a camera and a [`Tileset`].
//!
//!     cargo run --example tileset -- ADDRESS LON LAT     # folder, tileset.json, .3tz or http(s); where to look, degrees

use bevy::prelude::*;
use yiping::geo::{Geodetic, LocalFrame};
use yiping::model::scene::Theme;
use yiping::model::view::CameraPose;
use yiping::render::CityRenderPlugins;
use yiping::render::camera::{FrustumProjection, OrbitCamera, SceneFrame, city_camera};
use yiping::render::environment::Environment;
use yiping::render::tiles::{TileFailed, Tileset, TilesetFailed, TilesetLoaded, TilesetProgress};

fn main() -> AppExit {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, lon, lat] = &arguments[..] else { return usage() };
    let (Ok(lon), Ok(lat)) = (lon.parse(), lat.parse()) else { return usage() };
    let pose = CameraPose { lon, lat, height_m: 0.0, heading_deg: 330.0, pitch_deg: 30.0, distance_m: 2_500.0 };
    let tileset = Tileset::at(address);
    App::new()
        .add_plugins(DefaultPlugins)
        // Where the scene's origin stands on Earth, what the camera looks at, and the light.
        .insert_resource(SceneFrame(LocalFrame::new(Geodetic::from_degrees(lon, lat, 0.0))))
        .insert_resource(OrbitCamera::new(pose))
        .insert_resource(Environment::of(Theme::Day))
        .add_plugins(CityRenderPlugins)
        .add_systems(Startup, move |mut commands: Commands| {
            commands.spawn((city_camera(), Projection::custom(FrustumProjection::window()), Msaa::Off));
            commands.spawn(tileset.clone());
        })
        .add_systems(Update, tell)
        .run()
}

fn usage() -> AppExit {
    eprintln!("usage: tileset ADDRESS LON LAT");
    AppExit::from_code(2)
}

/// What becomes of the tileset, in words.
fn tell(
    mut loaded: MessageReader<TilesetLoaded>,
    mut failed: MessageReader<TilesetFailed>,
    mut tiles_failed: MessageReader<TileFailed>,
    progress: Query<&TilesetProgress, Changed<TilesetProgress>>,
    mut was_settled: Local<bool>,
) {
    for TilesetLoaded { sphere, .. } in loaded.read() {
        println!("loaded: {:.0} m around {:.0}", sphere.radius_m, sphere.centre);
    }
    for error in failed.read().map(|m| &m.error).chain(tiles_failed.read().map(|m| &m.error)) {
        println!("failed: {error}");
    }
    for progress in &progress {
        if progress.is_settled && !*was_settled {
            println!("all in view is here: {} tiles, {} triangles", progress.drawn_tiles, progress.drawn_triangles);
        }
        *was_settled = progress.is_settled;
    }
}
