//! Previews of the scene's cameras on a desk: what a view shows, before anybody takes all screens there.

use super::style::TextSizes;
use crate::model::view::CameraPose;
use crate::render::inset::{Inset, InsetState, Looks, inset_camera};
use bevy::math::UVec2;
use bevy::prelude::*;
use bevy_egui::egui::TextureId;
use bevy_egui::{EguiTextureHandle, EguiUserTextures};

/// Width and height, in heights of body text: 320 x 180 where that is 16.
pub const PREVIEW_EM: [f32; 2] = [20.0, 11.25];
/// Its view group: a person waits for it, so it goes before the mini-map; the picture goes before both.
const GROUP: &str = "preview";
const WEIGHT: f64 = 0.5;
/// Its camera's rendering layer; 2 is the mini-map's.
const RENDER_LAYER: usize = 3;
/// Drawn with so many pixels for one that is shown, along each side.
const FINER: f32 = 2.0;
/// Tiles of a view that the pointer has left are kept for so long, seconds: it often comes back.
const KEEP_S: f32 = 2.0;

/// The preview of this screen: of one pose at a time.
#[derive(Resource)]
pub struct Preview {
    texture: TextureId,
    inset: Entity,
    /// What the pointer is on in this frame.
    wanted: Option<CameraPose>,
    /// Seconds since it was on anything.
    idle_s: f32,
}

/// What is shown of a pose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PreviewShown {
    pub pose: CameraPose,
    /// `None` while its tiles are on their way.
    pub texture: Option<TextureId>,
}

impl Preview {
    /// Has a pose shown as long as it is asked for in every frame.
    pub fn want(&mut self, pose: CameraPose) {
        self.wanted = Some(pose);
    }
}

/// Gives the screen its preview.
pub fn spawn(world: &mut World, text: &TextSizes) {
    let size = UVec2::from_array(PREVIEW_EM.map(|em| (em * text.body * FINER).round() as u32));
    let camera = inset_camera(&mut world.resource_mut::<Assets<Image>>(), GROUP, WEIGHT, RENDER_LAYER, size);
    let inset = world.spawn((Name::new(GROUP), camera)).id();
    let Some(image) = world.get::<Inset>(inset).map(|i| i.image.clone()) else { return };
    let texture = world.resource_mut::<EguiUserTextures>().add_image(EguiTextureHandle::Strong(image));
    world.insert_resource(Preview { texture, inset, wanted: None, idle_s: 0.0 });
}

/// Turns the preview to what is pointed at, and lets go of it a while after.
pub fn follow(time: Res<Time>, preview: Option<ResMut<Preview>>, mut insets: Query<&mut Inset>) {
    let Some(mut preview) = preview else { return };
    let Ok(mut inset) = insets.get_mut(preview.inset) else { return };
    let wanted = preview.wanted.take().map(Looks::From);
    preview.idle_s = if wanted.is_some() { 0.0 } else { preview.idle_s + time.delta_secs() };
    let to = wanted.or(inset.looks.filter(|_| preview.idle_s < KEEP_S));
    if inset.looks != to {
        inset.looks = to;
    }
}

/// What the panels show.
pub fn shown(preview: &Preview, insets: &Query<(&Inset, &InsetState)>) -> Option<PreviewShown> {
    let (inset, state) = insets.get(preview.inset).ok()?;
    let Some(Looks::From(pose)) = inset.looks else { return None };
    Some(PreviewShown { pose, texture: state.is_drawn().then_some(preview.texture) })
}
