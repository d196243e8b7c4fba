//! What Bevy's plugin for materials makes ready at every start, and no screen of ours has: atmosphere, light probes, ambient occlusion, lamps sorted by a
//! graphics device. It can't be told to leave them out, so their programs are replaced by empty ones: a software rasteriser, which compiles as a driver
//! would, is spared the time and 8 MiB.
//!
//! Whoever wants one of these effects takes its line out of [`UNUSED`].

use bevy::asset::io::embedded::EmbeddedAssetRegistry;
use bevy::light::cluster::GlobalClusterSettings;
use bevy::prelude::*;
use std::path::{Path, PathBuf};

/// Shaders, and the entry points by which Bevy knows them.
const UNUSED: [(&str, &[&str]); 9] = [
    ("bevy_pbr/atmosphere/transmittance_lut.wgsl", &["main"]),
    ("bevy_pbr/atmosphere/multiscattering_lut.wgsl", &["main"]),
    ("bevy_pbr/atmosphere/sky_view_lut.wgsl", &["main"]),
    ("bevy_pbr/atmosphere/aerial_view_lut.wgsl", &["main"]),
    ("bevy_pbr/atmosphere/environment.wgsl", &["main"]),
    ("bevy_pbr/light_probe/environment_filter.wgsl", &["generate_radiance_map", "generate_irradiance_map"]),
    ("bevy_pbr/light_probe/copy.wgsl", &["copy"]),
    ("bevy_pbr/ssao/preprocess_depth.wgsl", &["preprocess_depth"]),
    ("bevy_pbr/ssao/spatial_denoise.wgsl", &["spatial_denoise"]),
];

/// Add it anywhere beside Bevy's default plugins.
pub struct LeaveOutUnused;

impl Plugin for LeaveOutUnused {
    fn build(&self, app: &mut App) {
        app.add_systems(PreStartup, no_lamps_on_the_device);
    }

    /// After all plugins have said which shaders they have, and before the first of them is read.
    fn cleanup(&self, app: &mut App) {
        let Some(embedded) = app.world().get_resource::<EmbeddedAssetRegistry>() else { return };
        for (path, entries) in UNUSED {
            let empty: String = entries.iter().map(|entry| format!("@compute @workgroup_size(1) fn {entry}() {{}}\n")).collect();
            embedded.insert_asset(PathBuf::new(), Path::new(path), empty.into_bytes());
        }
    }
}

/// A city has one light, and sorting lamps into the picture's blocks takes six draws and dispatches a view and frame.
fn no_lamps_on_the_device(settings: Option<ResMut<GlobalClusterSettings>>) {
    if let Some(mut settings) = settings {
        settings.gpu_clustering = None;
    }
}
