//! Fields out of points: what sensors and events say about the places between them, and how far that can be trusted.
//!
//! Everything here is a function of its inputs. [`Idw`] (one value a sensor, weighed by distance) and [`Kriging`] (weighed by how
//! alike readings are at that distance, with an error of its own) estimate; [`density`] counts events per km²; [`patches`] rolls up by area
//! or by hexagon. All fill a [`Raster`], in parallel on rayon's threads, each block of cells by itself: run it inside a pool of one thread for one core.
//! `shaders/heat.wgsl` is held to [`Idw`] by a test. Never here: clocks, sockets, pictures, which sensors a layer takes.

mod by_patch;
mod dense;
pub mod density;
mod grid;
pub mod hexagons;
mod idw;
mod index;
mod kriging;
mod layer;
mod levels;
pub mod patches;
mod roll_call;
mod sample;
mod texels;
mod variogram;

pub use grid::{Grid, Raster};
pub use idw::{Idw, NEAR_M};
pub use index::{Index, Near};
pub use kriging::{Kriging, KrigingError, NEIGHBOURS_MAX};
pub use layer::{Input, Layer, OVER_ALL_MAX, Point};
pub use levels::{LEVELS_MAX, Levels};
pub use roll_call::{LeftOut, RollCall};
use sample::one_of;
pub use sample::{Distinct, Estimate, Sample, Share, distinct};
pub use texels::Texel;
pub use variogram::{Bin, Family, Variogram, VariogramError, experimental};
