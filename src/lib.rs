//! Yiping (一屏): a whole city on one picture, shared by video wall, desk and phone.
//!
//! # The map
//! A module uses only floors below its own; modules on one floor don't know each other.
//! `tests/architecture.rs` reads the `use` lines and fails with the sentence that was broken.
//! ```text
//! 5 main.rs, cli/            argument parsing, one file a command; no logic
//! 4 screen/                  wall (geometry, frame plane), desk (panels), snapshot; layouts
//! 3 hub/        render/    analysis/   server (axum) | Bevy plugins: tiles, material, heat, markers, labels, sky, camera, picking
//!                             | measuring, sight, sun hours, sections: rays through a BVH on the CPU
//! 2 city/  tiles/  feeds/  heat/  store/  history/  link/   formats in, tiler out | 3D Tiles reading and selection | feed adapters | interpolation
//!                             | StateStore backends | observations and incident events that were, in columns | client of the hub
//! 1 model/        ogc/        plain serde types and pure rules: incident lifecycle, scene, view state, layout, wall geometry, areas, protocol messages
//!                             | what builder and engine share of 3D Tiles' formats: .3tz archives, subtrees, property and batch tables;
//!                             | the read side of SensorThings, which hub and replay platform share
//! 0 geo/                     coordinate systems, local frame, bounding volumes
//! ```
//! # Invariants, as sentences about what is absent
//! - `geo` to `link`, `hub` and `analysis` never import Bevy.
//! - `render` never opens a socket or a file: bytes and messages reach it over crossbeam channels.
//! - `model` and `geo` never do I/O and never ask for the time; what they need is an argument.
//! - tokio lives in `hub`, `feeds`, `link` and `tiles` (fetch), on its own runtime thread; never in `render` or `screen`.
//!   `store` and `history` use its channels and blocking threads (a watcher is a tokio broadcast), and `cli` waits for ctrl-c with it.
//! - Commands reach the store by one road only: screen -> `link` -> `hub` -> `store`.
//!
//! `docs/architecture.md` follows one building from file to pixel and one acknowledgement from thumb to wall.

pub mod geo;

pub mod model;
pub mod ogc;

pub mod city;
pub mod feeds;
pub mod heat;
pub mod history;
pub mod link;
pub mod store;
pub mod tiles;

pub mod analysis;
pub mod hub;
#[cfg(feature = "screen")]
pub mod render;

#[cfg(feature = "screen")]
pub mod screen;

pub mod cli;
