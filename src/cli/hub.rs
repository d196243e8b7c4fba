//! `yiping hub`: the server.

use crate::history::ClickHouseConfig;
use crate::hub::{HistoryPlace, Hub, HubConfig, default_data};
use anyhow::Context;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Holds the password of the user that `--history clickhouse://USER@…` names: on the command line everybody on the machine would see it.
const CLICKHOUSE_PASSWORD: &str = "YIPING_CLICKHOUSE_PASSWORD";

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
    /// Folder of past readings and positions, `off`, or clickhouse://USER@HOST:8123,HOST2:8123/DATABASE?cluster=NAME with its password in
    /// YIPING_CLICKHOUSE_PASSWORD [default: history in the data folder]
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
        history: with_password(args.history.unwrap_or_default(), std::env::var(CLICKHOUSE_PASSWORD).ok()),
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
        address if address.starts_with("clickhouse:") => {
            address.parse::<ClickHouseConfig>().map(HistoryPlace::ClickHouse).map_err(|e| e.to_string())
        }
        address if address.contains("://") => {
            Err("this is no folder; a ClickHouse is written clickhouse://USER@HOST:8123/DATABASE?cluster=NAME".into())
        }
        folder => Ok(HistoryPlace::Folder(folder.into())),
    }
}

fn with_password(place: HistoryPlace, password: Option<String>) -> HistoryPlace {
    match (place, password.filter(|p| !p.is_empty())) {
        (HistoryPlace::ClickHouse(config), Some(password)) => HistoryPlace::ClickHouse(config.with_password(password)),
        (place, _) => place,
    }
}

/// `web/dist` in the current folder, or beside the sources this program was built from.
pub fn default_web() -> Option<PathBuf> {
    let here = PathBuf::from("web/dist");
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist");
    Some(if here.is_dir() || !built.is_dir() { here } else { built })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_a_folder_a_clickhouse_or_off() {
        assert_eq!(history("off"), Ok(HistoryPlace::Nowhere));
        assert_eq!(history("/srv/past"), Ok(HistoryPlace::Folder("/srv/past".into())));
        let place = history("clickhouse://hub@ch:8123/city").unwrap();
        let HistoryPlace::ClickHouse(config) = with_password(place.clone(), Some("word".into())) else { panic!("{place:?}") };
        assert_eq!(config.user, Some(("hub".to_owned(), "word".to_owned())));
        assert_eq!(with_password(place.clone(), Some(String::new())), place);
        assert!(history("http://ch:8123").unwrap_err().contains("clickhouse://"), "an address is never made a folder");
        assert!(history("clickhouse://hub:word@ch/city").unwrap_err().contains(CLICKHOUSE_PASSWORD));
    }
}
