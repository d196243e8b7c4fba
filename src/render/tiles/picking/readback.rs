//! The picture of a pick, back from the graphics device with the very frame that draws it.
//!
//! Bevy's own way back asks each frame whether a picture is there and has it three frames later. Here the frame of a pick waits until it is drawn,
//! which costs that one frame what others do meanwhile, and its answer is there when the next begins.

use bevy::prelude::*;
use bevy::render::extract_resource::{ExtractResource, ExtractResourcePlugin};
use bevy::render::render_asset::RenderAssets;
use bevy::render::render_resource::{
    BufferDescriptor, BufferUsages, CommandEncoderDescriptor, Extent3d, MapMode, PollType, TexelCopyBufferInfo, TexelCopyBufferLayout,
};
use bevy::render::renderer::{RenderDevice, RenderQueue};
use bevy::render::texture::GpuImage;
use bevy::render::{Render, RenderApp, RenderSystems};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A device that has not drawn a frame by then has hung.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Of `Rgba8Unorm`.
const PIXEL_BYTES: u32 = 4;

/// The picture to bring back of the frame that is drawn next.
#[derive(Resource, ExtractResource, Clone, Default)]
pub(super) struct Wanted(pub(super) Option<AssetId<Image>>);

/// The last picture that came back: rows one after the other, each a multiple of 256 bytes. Both worlds have the same one.
#[derive(Resource, Clone, Default)]
pub(super) struct Answer(Arc<Mutex<Option<Vec<u8>>>>);

impl Answer {
    pub(super) fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, bytes: Vec<u8>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }
}

pub(super) struct ReadbackPlugin;

impl Plugin for ReadbackPlugin {
    fn build(&self, app: &mut App) {
        let answer = Answer::default();
        app.init_resource::<Wanted>().insert_resource(answer.clone()).add_plugins(ExtractResourcePlugin::<Wanted>::default());
        if let Some(render) = app.get_sub_app_mut(RenderApp) {
            // Once everything of the frame is with the device.
            render.insert_resource(answer).add_systems(Render, bring_back.in_set(RenderSystems::Cleanup));
        }
    }
}

fn bring_back(
    wanted: Option<ResMut<Wanted>>,
    (answer, images): (Res<Answer>, Res<RenderAssets<GpuImage>>),
    (device, queue): (Res<RenderDevice>, Res<RenderQueue>),
) {
    let Some(mut wanted) = wanted else { return };
    let Some(image) = wanted.0.and_then(|id| images.get(id)) else { return };
    wanted.0 = None;
    match read(image, &device, &queue) {
        Ok(bytes) => answer.put(bytes),
        Err(why) => tracing::warn!(why, "the picture that features are picked from does not come back"),
    }
}

fn read(image: &GpuImage, device: &RenderDevice, queue: &RenderQueue) -> Result<Vec<u8>, String> {
    let Extent3d { width, height, .. } = image.texture_descriptor.size;
    let row = RenderDevice::align_copy_bytes_per_row((width * PIXEL_BYTES) as usize) as u32;
    let size = u64::from(row) * u64::from(height);
    let usage = BufferUsages::COPY_DST | BufferUsages::MAP_READ;
    let buffer = device.create_buffer(&BufferDescriptor { label: Some("pick"), size, usage, mapped_at_creation: false });
    let mut encoder = device.create_command_encoder(&CommandEncoderDescriptor { label: Some("pick") });
    let layout = TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: None };
    let to = TexelCopyBufferInfo { buffer: &buffer, layout };
    encoder.copy_texture_to_buffer(image.texture.as_image_copy(), to, image.texture_descriptor.size);
    let submission = queue.submit([encoder.finish()]);
    let (done, mapped) = std::sync::mpsc::channel();
    let slice = buffer.slice(..);
    // The other end waits below or has gone.
    device.map_buffer(&slice, MapMode::Read, move |result| drop(done.send(result)));
    device.poll(PollType::Wait { submission_index: Some(submission), timeout: Some(WAIT_MAX) }).map_err(|e| e.to_string())?;
    mapped.try_recv().map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    let bytes = slice.get_mapped_range().to_vec();
    buffer.unmap();
    Ok(bytes)
}
