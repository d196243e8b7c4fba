//! `EXT_mesh_gpu_instancing`: one mesh in many places.

use super::accessor::Buffers;
use super::error::Fault;
use super::face_metadata::IdSet;
use super::features::FeatureReader;
use super::glb::{Notes, PLACED_MAX, normalised};
use super::gltf_json::Node;
use glam::{DMat4, DQuat, DVec3, DVec4};
use std::sync::Arc;

/// The instances of a node.
pub struct Instances {
    /// Matrix and feature of each.
    pub places: Vec<(DMat4, Option<u32>)>,
    /// All sets of their ids, where they have several.
    pub sets: Option<Arc<[IdSet]>>,
}

/// The node's instances; one identity for a plain node.
pub fn of(node: &Node, buffers: &Buffers<'_>, features: &mut FeatureReader<'_>, notes: &mut Notes) -> Result<Instances, Fault> {
    let Some(instancing) = &node.extensions.instancing else {
        return Ok(Instances { places: vec![(DMat4::IDENTITY, None)], sets: None });
    };
    let attribute = |name: &str| instancing.attributes.get(name).copied();
    let translations = attribute("TRANSLATION").map(|i| buffers.vectors::<3>(i)).transpose()?;
    let rotations = attribute("ROTATION").map(|i| buffers.vectors::<4>(i)).transpose()?;
    let scales = attribute("SCALE").map(|i| buffers.vectors::<3>(i)).transpose()?;
    let lengths = [translations.as_ref().map(Vec::len), rotations.as_ref().map(Vec::len), scales.as_ref().map(Vec::len)];
    let count = lengths.into_iter().flatten().min().unwrap_or(0);
    if count > PLACED_MAX {
        return Err(Fault::unsupported(format!("more than {PLACED_MAX} instances in a tile"), "divide the tile"));
    }
    let ids = match &node.extensions.features {
        Some(sets) => features.of_instances(sets, &instancing.attributes, count)?,
        None => Vec::new(),
    };
    let given = node.extensions.features.as_ref();
    let sets = given.and_then(|sets| features.instance_sets(sets, &instancing.attributes, count, notes));
    let wide = |v: &[f32; 3]| DVec3::from(v.map(f64::from));
    let instance = |i: usize| {
        let translation = translations.as_ref().map_or(DVec3::ZERO, |t| wide(&t[i]));
        let rotation = rotations.as_ref().map_or(DQuat::IDENTITY, |r| DQuat::from_vec4(normalised(DVec4::from(r[i].map(f64::from)))));
        let scale = scales.as_ref().map_or(DVec3::ONE, |s| wide(&s[i]));
        (DMat4::from_scale_rotation_translation(scale, rotation, translation), ids.get(i).copied())
    };
    Ok(Instances { places: (0..count).map(instance).collect(), sets })
}
