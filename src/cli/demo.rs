//! `yiping demo`: hub and desk in one, on the bundled scene.

use super::hub::default_web;
use super::quality::QualityArg;
use super::{desk, size};
use crate::hub::{Hub, HubConfig, default_data};
use anyhow::bail;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Hub and desk together on one machine, on the bundled scene.
#[derive(clap::Args)]
pub struct Args {
    #[arg(long, default_value = "scenes/suqian.toml")]
    scene: PathBuf,
    /// Data folder; paths in the scene are relative to it [default: ~/.local/share/yiping]
    #[arg(long, env = "YIPING_DATA")]
    data: Option<PathBuf>,
    /// Where the hub listens; 0.0.0.0:8080 lets phones on the network in.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[arg(long, value_parser = size::parse, default_value = "1600x900")]
    size: (u32, u32),
    #[arg(long, value_enum, default_value_t)]
    quality: QualityArg,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if !desk::has_display() {
        bail!("there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set); scripts/demo draws pictures instead");
    }
    let mut config = HubConfig::new(args.scene);
    config.data = args.data.unwrap_or_else(default_data);
    config.listen = args.listen;
    config.web = default_web();
    let data = config.data.clone();
    let hub = Hub::start(config)?;
    println!("yiping hub: {} (phones: start with --listen 0.0.0.0:8080)", hub.url());
    let done = desk::window(&hub.url(), data, args.size, args.quality.into());
    hub.stop();
    done
}
