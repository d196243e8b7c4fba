//! Native screens: desk, wall and pictures without a window. Floor 4.

pub mod app;
pub mod bench;
pub mod cut;
pub mod follow;
pub mod group;
pub mod heat;
mod layers;
pub mod light;
pub mod mini_map;
pub mod overlay;
pub mod panels;
mod past;
pub mod pick;
pub mod preview;
pub mod session;
pub mod start;
pub mod style;
pub mod styling;
pub mod tools;
pub mod ui;
pub mod wall;
