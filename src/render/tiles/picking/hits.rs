//! Features' numbers in a picture to features, and to places on them.

use super::{PickedFeature, UnderWay};
use crate::geo::{Ecef, ecef_to_geodetic};
use crate::render::camera::SceneFrame;
use crate::render::tiles::city::{CityTiles, TileRef};
use crate::tiles::{NO_FEATURE, TileId};
use serde_json::Value;
use std::collections::HashMap;

impl UnderWay {
    pub(super) fn hits(&self, city: &CityTiles, frame: &SceneFrame, bytes: &[u8]) -> Vec<PickedFeature> {
        let mut counts: HashMap<(TileRef, u32), u32> = HashMap::new();
        for (number, pixels) in self.cutout.count(&self.request.region, bytes) {
            if let Some(of) = number.checked_sub(self.offset + 1).and_then(|state| self.feature_of(state)) {
                *counts.entry(of).or_default() += pixels;
            }
        }
        let mut hits: Vec<PickedFeature> =
            counts.into_iter().filter_map(|((tile, place), pixels)| self.hit(city, frame, tile, place, pixels)).collect();
        hits.sort_by(|a, b| b.pixels.cmp(&a.pixels).then(a.tile.cmp(&b.tile)).then(a.feature.cmp(&b.feature)));
        hits
    }

    /// The tile that has a state, and its place in the tile's range.
    fn feature_of(&self, state: u32) -> Option<(TileRef, u32)> {
        let after = self.ranges.partition_point(|r| r.0 <= state);
        let (first, states, tile) = *self.ranges.get(after.checked_sub(1)?)?;
        (state - first < states).then_some((tile, state - first))
    }

    /// `None` if the tile went meanwhile.
    fn hit(&self, city: &CityTiles, frame: &SceneFrame, tile: TileRef, place: u32, pixels: u32) -> Option<PickedFeature> {
        let resident = city.resident(tile)?;
        // The last state of a tile is for faces without a feature.
        let drawn = if place < resident.styled.features.count() { place } else { NO_FEATURE };
        let building = resident.styled.stands.get(place as usize).copied().unwrap_or(false);
        let engine = &city.streams.get(&tile.tileset)?.engine;
        let met = self.ray.and_then(|(origin, direction)| {
            let (origin, direction) = (frame.0.to_ecef(origin).0, frame.0.ecef_from_enu().transform_vector3(direction));
            let same = |t: TileId, f: u32| t == tile.tile && f == drawn;
            engine.pick_where(origin, direction, same)
        });
        let feature = met.map_or(drawn, |hit| hit.feature_id);
        let attributes = resident.styled.features.attributes(feature);
        let id = attributes.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let metadata = met.map_or_else(Vec::new, |hit| engine.place_metadata(&hit));
        let position = met.map(|hit| ecef_to_geodetic(Ecef(hit.position)));
        Some(PickedFeature { tile, feature, id, attributes, metadata, building, position, pixels })
    }
}
