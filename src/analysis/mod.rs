//! Questions to the city's geometry: how far, how high, how large, seen or not, in the sun or not, what a section shows. Floor 3, no Bevy, no GPU.
//!
//! Data flows one way: a package -> [`gather`] (the finest tiles of an extent) -> [`Kernel`] (triangles in a BVH) -> one file a tool ->
//! [`ToolResult`] -> GeoJSON, CSV, [`crate::model::derived::DerivedAttributes`] or signs on a desk.
//!
//! World = WGS 84; the kernel works in an east-north-up frame around the middle of what was gathered, f32 beside its origin.
//! Never here: what a result looks like, a file, an idea of now.

mod clip;
mod error;
mod export;
mod facade;
mod gather;
mod kernel;
mod measure;
mod section;
mod sight;
mod spot;
mod sun;
#[cfg(test)]
mod test_city;
mod tool;
mod viewshed;

pub use clip::inside;
pub use error::AnalysisError;
pub use export::{to_csv, to_geojson};
pub use gather::{Extent, Gathered, MEMORY_BYTES, gather};
pub use kernel::{CityObject, Hit, Kernel, KernelBuilder, Surfaces};
pub use measure::{AreaResult, DistanceResult, HeightResult, ObjectHeight, area, distance, height};
pub use section::{Crossed, SectionInput, SectionResult, SectionSample, section};
pub use sight::{Obstacle, SightResult, line_of_sight};
pub use spot::{Place, Spot};
pub use sun::{ObjectSun, SunInput, SunResult, SunSample, sun_hours};
pub use tool::{Asked, Report, Stage, ToolInput, ToolResult, run};
pub use viewshed::{SeenObject, ViewCell, ViewshedInput, ViewshedResult, viewshed};
