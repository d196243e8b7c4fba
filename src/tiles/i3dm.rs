//! `i3dm`: one model in many places, with a feature each.
//!
//! Source: 3D Tiles 1.0, "Instanced 3D Model".

use super::content::{DecodeContext, TileContent};
use super::error::{Fault, TileError};
use super::fetch::resolve;
use super::glb::{Instance, PLACED_MAX, Wrapping, decode_any, decode_wrapped};
use super::legacy::unit_from_oct;
use super::volume::orthonormal;
use crate::geo::{Ecef, LocalFrame, ecef_to_geodetic};
use crate::ogc::{Batches, FEATURES_MAX, Instanced, Model, Packed, Semantics, unwrap_i3dm};
use glam::{DMat3, DMat4, DVec3};

/// Reads an `i3dm`, with the model inside it or beside it.
pub fn decode_i3dm(bytes: &[u8], context: &DecodeContext<'_>) -> Result<TileContent, TileError> {
    let fault = |f: Fault| f.at(context.url);
    let Instanced { features, table, model } = unwrap_i3dm(bytes).map_err(fault)?;
    let places = places(&features, &context.transform).map_err(fault)?;
    let ids = features.ids("BATCH_ID", places.len()).map_err(fault)?.unwrap_or_else(|| (0..places.len() as u32).collect());
    // Those beyond belong to no feature.
    let count = ids.iter().max().map_or(0, |id| id.saturating_add(1)).min(FEATURES_MAX);
    let instances = places.into_iter().zip(ids).map(|(place, batch)| Instance { place, batch: Some(batch) }).collect();
    let wrapping = Wrapping { batches: Some(Batches { count, table }), instances: Some(instances) };
    match model {
        Model::Glb(glb) => decode_wrapped(glb, context, wrapping),
        Model::Uri(uri) => {
            let url = resolve(context.url, &uri).map_err(fault)?;
            let bytes = (context.external)(&url)?;
            decode_any(&bytes, &DecodeContext { url: &url, ..*context }, wrapping)
        }
    }
}

/// Tile (z-up) from model, one matrix an instance.
fn places(features: &Semantics<'_>, tile_to_world: &DMat4) -> Result<Vec<DMat4>, Fault> {
    let count =
        features.count("INSTANCES_LENGTH").ok_or_else(|| Fault::bad("i3dm feature table INSTANCES_LENGTH", "it is missing"))? as usize;
    if count > PLACED_MAX {
        return Err(Fault::unsupported(format!("more than {PLACED_MAX} instances in a tile"), "divide the tile"));
    }
    let rtc = features.numbers::<3>("RTC_CENTER")?.map_or(DVec3::ZERO, DVec3::from);
    let positions = positions(features, count)?;
    let rotations = Rotations::read(features, count)?;
    let even = features.list("SCALE", count, 1, Packed::F32)?;
    let uneven = vectors(features, "SCALE_NON_UNIFORM", count)?;
    let place = |(i, position): (usize, DVec3)| {
        let position = position + rtc;
        let scale = even.as_ref().map_or(1.0, |s| s[i]) * uneven.as_ref().map_or(DVec3::ONE, |s| s[i]);
        let turned = rotations.at(i, position, tile_to_world) * DMat3::from_diagonal(scale);
        DMat4::from_translation(position) * DMat4::from_mat3(turned)
    };
    Ok(positions.into_iter().enumerate().map(place).collect())
}

/// Positions of instances or points, before `RTC_CENTER`. Shared with `pnts`.
pub fn positions(features: &Semantics<'_>, count: usize) -> Result<Vec<DVec3>, Fault> {
    if let Some(positions) = vectors(features, "POSITION", count)? {
        return Ok(positions);
    }
    let quantised = features.list("POSITION_QUANTIZED", count, 3, Packed::U16)?;
    let quantised = quantised.ok_or_else(|| Fault::bad("feature table", "there is neither POSITION nor POSITION_QUANTIZED"))?;
    let volume = |name: &str| {
        let given = features.numbers::<3>(name)?;
        given.map(DVec3::from).ok_or_else(|| Fault::bad(format!("feature table {name}"), "quantised positions need it"))
    };
    let (offset, scale) = (volume("QUANTIZED_VOLUME_OFFSET")?, volume("QUANTIZED_VOLUME_SCALE")?);
    Ok(quantised.as_chunks::<3>().0.iter().map(|q| DVec3::from(*q) / 65_535.0 * scale + offset).collect())
}

/// Vectors of floats, one for each of `count`.
pub fn vectors(features: &Semantics<'_>, name: &str, count: usize) -> Result<Option<Vec<DVec3>>, Fault> {
    Ok(features.list(name, count, 3, Packed::F32)?.map(|flat| flat.as_chunks::<3>().0.iter().map(|v| DVec3::from(*v)).collect()))
}

/// How instances are turned.
enum Rotations {
    None,
    /// The model's z-up axes lie east, north and up where the instance stands.
    EastNorthUp,
    /// Where the model's y (up) and x (right) axes point, tile axes.
    UpRight(Vec<DVec3>, Vec<DVec3>),
}

impl Rotations {
    fn read(features: &Semantics<'_>, count: usize) -> Result<Self, Fault> {
        let either = |name: &str| match vectors(features, name, count)? {
            Some(given) => Ok(Some(given)),
            None => {
                let packed = features.list(&format!("{name}_OCT32P"), count, 2, Packed::U16)?;
                Ok::<_, Fault>(packed.map(|p| p.as_chunks::<2>().0.iter().map(|xy| unit_from_oct(*xy, 65_535.0)).collect()))
            }
        };
        Ok(match (either("NORMAL_UP")?, either("NORMAL_RIGHT")?) {
            (Some(up), Some(right)) => Self::UpRight(up, right),
            (None, None) if features.is("EAST_NORTH_UP") => Self::EastNorthUp,
            (None, None) => Self::None,
            _ => return Err(Fault::bad("i3dm feature table", "of NORMAL_UP and NORMAL_RIGHT one is missing")),
        })
    }

    /// Of instance `i`, which stands at `position` in the tile.
    fn at(&self, i: usize, position: DVec3, tile_to_world: &DMat4) -> DMat3 {
        match self {
            Self::None => DMat3::IDENTITY,
            Self::EastNorthUp => {
                let here = ecef_to_geodetic(Ecef(tile_to_world.transform_point3(position)));
                let world = DMat3::from_mat4(LocalFrame::new(here).ecef_from_enu());
                orthonormal(DMat3::from_mat4(*tile_to_world)).transpose() * world
            }
            Self::UpRight(up, right) => {
                let (up, right) = (up[i].normalize_or(DVec3::Y), right[i].normalize_or(DVec3::X));
                DMat3::from_cols(right, up, right.cross(up).normalize_or(DVec3::Z))
            }
        }
    }
}
