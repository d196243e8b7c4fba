//! Plain serde types and pure rules everyone shares: floor 1, no I/O, no clock.

pub mod alert;
pub mod area;
pub mod category;
pub mod chronicle;
pub mod city;
pub mod clip;
pub mod cluster;
pub mod cot;
pub mod derived;
pub mod eido;
pub mod feed;
pub mod incident;
pub mod layout;
pub mod lifecycle;
pub mod mapping;
pub mod observation;
pub mod protocol;
pub mod rule;
pub mod scene;
pub mod styling;
pub mod tour;
pub mod transport;
pub mod unit;
pub mod view;
pub mod wall;
pub mod xml;
