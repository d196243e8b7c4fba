//! `yiping hub`: the server.

use crate::hub::{HistoryPlace, Hub, HubConfig, default_data};
use anyhow::Context;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Serve a scene to all screens: feeds in, incidents and view kept, city and web app out.
#[derive(clap::Args)]
pub struct Args {
    /// Scene file.
    #[arg(long, default_value = "scenes/suqian.toml")]
    scene: PathBuf,
    /// Data folder; paths in the scene are relative to it [default: ~/.local/share/yiping]
    #[arg(long, env = "YIPING_DATA")]
    data: Option<PathBuf>,
    /// Address to listen on; 0.0.0.0:8080 lets phones on the network in.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder of the built web app [default: web/dist, here or where the program was built]
    #[arg(long)]
    web: Option<PathBuf>,
    /// State file [default: hub.redb in the data folder]
    #[arg(long)]
    state: Option<PathBuf>,
    /// Folder of past readings and positions, or `off` [default: history in the data folder]
    #[arg(long, value_parser = history)]
    history: Option<HistoryPlace>,
    /// Screens must bring this word.
    #[arg(long, env = "YIPING_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let token = args.token.filter(|t| !t.is_empty());
    let open_to_all = token.is_none() && !args.listen.ip().is_loopback();
    let config = HubConfig {
        data: args.data.unwrap_or_else(default_data),
        listen: args.listen,
        web: args.web.or_else(default_web),
        state: args.state,
        token,
        history: args.history.unwrap_or_default(),
        ..HubConfig::new(args.scene)
    };
    if let Err(e) = crate::hub::allow_many_connections() {
        tracing::warn!("the number of open files could not be raised ({e}); at most a thousand screens fit in");
    }
    let hub = Hub::start(config)?;
    println!("yiping hub: {}", hub.url());
    if open_to_all {
        println!("anyone on this network may open it; --token WORD asks screens for a word");
    }
    hub.wait_for_signal().context("can't wait for ctrl-c")?;
    Ok(ExitCode::SUCCESS)
}

fn history(value: &str) -> Result<HistoryPlace, String> {
    match value {
        "" => Err("give a folder, or off".into()),
        "off" | "none" => Ok(HistoryPlace::Nowhere),
        folder => Ok(HistoryPlace::Folder(folder.into())),
    }
}

/// `web/dist` in the current folder, or beside the sources this program was built from.
pub fn default_web() -> Option<PathBuf> {
    let here = PathBuf::from("web/dist");
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist");
    Some(if here.is_dir() || !built.is_dir() { here } else { built })
}
