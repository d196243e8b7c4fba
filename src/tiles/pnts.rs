//! `pnts`: a cloud of points with colours and attributes.
//!
//! Source: 3D Tiles 1.0, "Point Cloud".

use super::content::{DecodeContext, TileContent};
use super::error::{Fault, TileError};
use super::features::too_many;
use super::i3dm::{positions, vectors};
use super::legacy::unit_from_oct;
use super::mesh::{Piece, Placed, merge};
use super::picture::linear;
use super::shapes;
use crate::ogc::{FEATURES_MAX, FeatureTable, NO_FEATURE, Packed, PointCloud, Semantics, Table, unwrap_pnts};
use glam::{DMat4, DVec3};

/// Reads a `pnts`; points become small solids, see [`shapes::points`].
pub fn decode_pnts(bytes: &[u8], context: &DecodeContext<'_>) -> Result<TileContent, TileError> {
    let cloud = unwrap_pnts(bytes).map_err(|f| f.at(context.url))?;
    decode(cloud, &context.transform).map_err(|f| f.at(context.url))
}

fn decode(cloud: PointCloud<'_>, tile_to_world: &DMat4) -> Result<TileContent, Fault> {
    let features = &cloud.features;
    let count = features.count("POINTS_LENGTH").ok_or_else(|| Fault::bad("pnts feature table POINTS_LENGTH", "it is missing"))?;
    shapes::room_for_points(count as usize)?;
    let n = count as usize;
    let positions = positions(features, n)?;
    let (min, max) = positions.iter().fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(min, max), p| (min.min(*p), max.max(*p)));
    let middle = if count == 0 { DVec3::ZERO } else { (min + max) * 0.5 };
    let mut table = FeatureTable::default();
    let piece = Piece {
        positions: positions.iter().map(|p| (*p - middle).as_vec3().to_array()).collect(),
        normals: normals(features, n)?,
        feature_ids: feature_ids(cloud.features.ids("BATCH_ID", n)?, &cloud, n, &mut table)?,
        surfaces: vec![0; n],
        colours: colours(features, n)?,
        indices: (0..count).collect(),
        ..Piece::default()
    };
    let rtc = features.numbers::<3>("RTC_CENTER")?.map_or(DVec3::ZERO, DVec3::from);
    let to_world = *tile_to_world * DMat4::from_translation(rtc + middle);
    let placed = Placed { piece: 0, to_world, feature_id: None, instance: None };
    let mesh = merge(&[shapes::points(piece)?], &[placed], tile_to_world, None)?;
    Ok(TileContent {
        meshes: mesh.into_iter().collect(),
        features: table.into(),
        notes: vec![shapes::POINTS_NOTE.to_owned()],
        ..TileContent::default()
    })
}

fn normals(features: &Semantics<'_>, count: usize) -> Result<Vec<[f32; 3]>, Fault> {
    let plain = |n: DVec3| n.normalize_or(DVec3::Z).as_vec3().to_array();
    if let Some(normals) = vectors(features, "NORMAL", count)? {
        return Ok(normals.into_iter().map(plain).collect());
    }
    let packed = features.list("NORMAL_OCT16P", count, 2, Packed::U8)?.unwrap_or_default();
    Ok(packed.as_chunks::<2>().0.iter().map(|xy| plain(unit_from_oct(*xy, 255.0))).collect())
}

/// Linear, as [`super::TileMesh`] has them; the file's are sRGB.
fn colours(features: &Semantics<'_>, count: usize) -> Result<Vec<[u8; 4]>, Fault> {
    let byte = |v: f64| (linear(v as f32 / 255.0) * 255.0).round() as u8;
    if let Some(rgba) = features.list("RGBA", count, 4, Packed::U8)? {
        return Ok(rgba.as_chunks::<4>().0.iter().map(|[r, g, b, a]| [byte(*r), byte(*g), byte(*b), *a as u8]).collect());
    }
    if let Some(rgb) = features.list("RGB", count, 3, Packed::U8)? {
        return Ok(rgb.as_chunks::<3>().0.iter().map(|[r, g, b]| [byte(*r), byte(*g), byte(*b), 255]).collect());
    }
    if let Some(short) = features.list("RGB565", count, 1, Packed::U16)? {
        let part = |bits: u16, max: u16| byte(f64::from(bits & max) / f64::from(max) * 255.0);
        return Ok(short.into_iter().map(|v| v as u16).map(|v| [part(v >> 11, 31), part(v >> 5, 63), part(v, 31), 255]).collect());
    }
    let constant = features.packed_numbers::<4>("CONSTANT_RGBA", Packed::U8)?;
    Ok(vec![constant.map_or([255; 4], |[r, g, b, a]| [byte(r), byte(g), byte(b), a as u8]); count])
}

/// Features are batches where points name them, else points that have attributes.
fn feature_ids(batch_ids: Option<Vec<u32>>, cloud: &PointCloud<'_>, count: usize, table: &mut FeatureTable) -> Result<Vec<u32>, Fault> {
    let rows = Some(Table::Batch(cloud.table.clone()));
    if let Some(ids) = batch_ids {
        let batches = cloud.features.count("BATCH_LENGTH").map(|n| n.min(FEATURES_MAX));
        let batches = batches.ok_or_else(|| Fault::bad("pnts feature table BATCH_LENGTH", "points with a BATCH_ID need it"))?;
        let base = table.push(batches, rows).ok_or_else(too_many)?;
        return Ok(ids.into_iter().map(|id| if id < batches { base + id } else { NO_FEATURE }).collect());
    }
    if cloud.table.is_empty() {
        return Ok(vec![NO_FEATURE; count]);
    }
    let base = table.push(count as u32, rows).ok_or_else(too_many)?;
    Ok((base..base + count as u32).collect())
}
