//! wip
use bevy::prelude::*;
/// Ground heights.
#[derive(Resource, Default)]
pub struct GroundBelow {
    pub eye_m: Option<f64>,
    pub target_m: Option<f64>,
}
pub struct CityTilesPlugin;
impl Plugin for CityTilesPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<GroundBelow>();
    }
}
