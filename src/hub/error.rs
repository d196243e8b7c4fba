use crate::history::HistoryError;
use crate::store::StoreError;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a hub does not start.
#[derive(thiserror::Error, Debug)]
pub enum HubError {
    #[error("{file}: can't be read ({why}); name a scene file with --scene, e.g. scenes/suqian.toml")]
    SceneFile { file: PathBuf, why: std::io::Error },
    /// `toml`'s message names line and column and shows the line.
    #[error("{file}: not a scene:\n{why}\nmend that line; the keys a scene knows stand in docs/scenes.md")]
    SceneToml { file: PathBuf, why: Box<toml::de::Error> },
    #[error("{file}: {why}")]
    SceneSense { file: PathBuf, why: String },
    #[error("{dir}: the data folder can't be made ({why}); name another with --data or YIPING_DATA")]
    Data { dir: PathBuf, why: std::io::Error },
    #[error("{addr} is already in use, probably by another hub; stop it, or choose another address with --listen")]
    InUse { addr: SocketAddr },
    #[error("{addr}: can't listen there: {why}")]
    Listen { addr: SocketAddr, why: std::io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("the hub's runtime did not start: {0}")]
    Runtime(std::io::Error),
}
