//! Native screens: desk, wall and pictures without a window. Floor 4.

pub mod app;
