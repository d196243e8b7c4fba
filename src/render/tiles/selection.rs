//! Which objects are lit up: the one that all screens share, and several of this screen's own.

use super::city::{CityTiles, TileRef};
use super::features::{FLAG_SELECTED, FeatureStates};
use crate::geo::{Ecef, Geodetic, ecef_to_geodetic};
use crate::tiles::FeatureTable;
use bevy::math::DVec3;
use bevy::prelude::*;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Which object is lit up; set from the shared view state.
#[derive(Resource, Default, PartialEq, Clone, Debug)]
pub struct SelectedFeature(pub Option<String>);

/// Which objects are lit up beside it, by their source ids, on this screen alone.
#[derive(Resource, Default, PartialEq, Clone, Debug)]
pub struct SelectedGroup(pub BTreeSet<String>);

/// Features whose source id is one of `ids`. Reads one attribute, not all.
pub(super) fn named(features: &FeatureTable, ids: &HashSet<String>) -> Vec<u32> {
    if ids.is_empty() {
        return Vec::new();
    }
    let is_one = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).is_some_and(|id| ids.contains(id));
    (0..).zip(features.values("id")).filter(|(_, id)| is_one(id)).map(|(feature, _)| feature).collect()
}

impl CityTiles {
    /// Where features of a tile in memory stand: the middle of the box around each one's faces.
    pub fn places_of(&self, tile: TileRef, wanted: &HashSet<u32>) -> HashMap<u32, Geodetic> {
        let mut boxes: HashMap<u32, (DVec3, DVec3)> = HashMap::new();
        for mesh in self.kept(tile).into_iter().flat_map(|kept| &kept.meshes) {
            for (vertex, corners) in (0..mesh.triangles()).filter_map(|face| mesh.triangle(face)) {
                let (feature, _) = mesh.about(vertex);
                if !wanted.contains(&feature) {
                    continue;
                }
                let around = boxes.entry(feature).or_insert((DVec3::INFINITY, DVec3::NEG_INFINITY));
                let world = corners.map(|c| mesh.to_world.transform_point3(c));
                *around = world.iter().fold(*around, |(min, max), p| (min.min(*p), max.max(*p)));
            }
        }
        boxes.into_iter().map(|(feature, (min, max))| (feature, ecef_to_geodetic(Ecef((min + max) * 0.5)))).collect()
    }
}

/// Lights up what is selected in every tile that holds it.
pub(super) fn select(mut city: ResMut<CityTiles>, one: Res<SelectedFeature>, group: Res<SelectedGroup>, mut states: ResMut<FeatureStates>) {
    let is_new = one.is_changed() || group.is_changed();
    if !is_new {
        return;
    }
    let wanted: HashSet<String> = one.0.iter().chain(&group.0).filter(|id| !id.is_empty()).cloned().collect();
    if city.selected == wanted {
        return;
    }
    let gone: HashSet<String> = city.selected.difference(&wanted).cloned().collect();
    let come: HashSet<String> = wanted.difference(&city.selected).cloned().collect();
    for (_, resident) in city.residents() {
        for (ids, on) in [(&gone, false), (&come, true)] {
            named(&resident.styled.features, ids).into_iter().for_each(|f| states.set_flag(resident.first_state + f, FLAG_SELECTED, on));
        }
    }
    city.selected = wanted;
}
