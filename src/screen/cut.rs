//! What is cut away, from the shared view to this screen's city.

use super::session::Session;
use crate::model::clip::ClipRegion;
use crate::render::camera::SceneFrame;
use crate::render::clip::CityClip;
use bevy::prelude::*;

/// What this screen was started with; `None` follows the shared view.
#[derive(Resource, Clone, Debug, Default)]
pub struct OwnClip(pub Option<ClipRegion>);

/// What is cut away now.
pub fn shown<'a>(own: &'a OwnClip, session: &'a Session) -> Option<&'a ClipRegion> {
    own.0.as_ref().or(session.world.view.as_ref().and_then(|v| v.clip.as_ref()))
}

/// Hands it on.
pub fn cut(own: Res<OwnClip>, session: Res<Session>, frame: Res<SceneFrame>, mut city: ResMut<CityClip>) {
    let to = shown(&own, &session).map_or_else(CityClip::default, |region| CityClip::new(region, &frame.0));
    city.set_if_neq(to);
}
