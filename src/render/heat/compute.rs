//! The field's texture: computed on the device, or written as it comes, once for each change, not each frame.

use super::ramp::ramp_bytes;
use super::{FIELD_SIZE, Field, HeatLayer, HeatTextures, SAMPLES_MAX};
use crate::heat::{Sample, Texel};
use crate::model::styling::Ramp;
use bevy::asset::{Handle, uuid_handle};
use bevy::core_pipeline::schedule::camera_driver;
use bevy::math::DVec3;
use bevy::prelude::*;
use bevy::render::extract_resource::{ExtractResource, ExtractResourcePlugin};
use bevy::render::render_asset::RenderAssets;
use bevy::render::render_resource::binding_types::{storage_buffer_read_only, texture_storage_2d, uniform_buffer};
use bevy::render::render_resource::*;
use bevy::render::renderer::{RenderContext, RenderDevice, RenderGraph, RenderQueue};
use bevy::render::texture::GpuImage;
use bevy::render::{Render, RenderApp, RenderStartup, RenderSystems};
use std::borrow::Cow;
use std::sync::Arc;

const HEAT_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a04");
const WORKGROUP_SIZE: u32 = 8;

/// Twin of `Field` in `shaders/heat.wgsl`.
#[derive(Clone, Copy, Debug, Default, ShaderType)]
struct GpuField {
    extent: Vec4,
    scale: Vec4,
    bounds: [Vec4; 3],
    classes: u32,
    count: u32,
    left_out: u32,
    size: u32,
    /// Heights of the levels as distances count them; how many there are, beside each other along a side, cells of each.
    ups: [Vec4; 3],
    levels: u32,
    side: u32,
    cells: u32,
}

#[derive(Clone, Copy, Debug, Default, ShaderType)]
struct GpuSample {
    at: Vec2,
    value: f32,
    up: f32,
}

/// What the render world needs of the layer; `version` grows with each change.
#[derive(Resource, Clone, Default, ExtractResource)]
struct FieldInput {
    field: GpuField,
    samples: Vec<GpuSample>,
    /// The field itself, where it comes computed.
    texels: Option<Arc<Vec<Texel>>>,
    ramp: Ramp,
    texture: Handle<Image>,
    ramp_texture: Handle<Image>,
    version: u64,
}

#[derive(Resource)]
struct FieldPipeline {
    layout: BindGroupLayoutDescriptor,
    id: CachedComputePipelineId,
}

/// Ready to run for `version`, and which version the texture holds.
#[derive(Resource, Default)]
struct FieldWork {
    bind_group: Option<(u64, BindGroup)>,
    done: u64,
    ramp: Option<Ramp>,
}

pub(super) fn build(app: &mut App) {
    let shader = Shader::from_wgsl(include_str!("../../../shaders/heat.wgsl"), "shaders/heat.wgsl");
    if let Err(e) = app.world_mut().resource_mut::<Assets<Shader>>().insert(&HEAT_SHADER, shader) {
        tracing::error!("shaders/heat.wgsl: {e}");
    }
    app.init_resource::<FieldInput>().add_systems(PostUpdate, take_layer).add_plugins(ExtractResourcePlugin::<FieldInput>::default());
    let Some(render_app) = app.get_sub_app_mut(RenderApp) else { return };
    render_app
        .init_resource::<FieldWork>()
        .add_systems(RenderStartup, init_pipeline)
        .add_systems(Render, prepare.in_set(RenderSystems::PrepareBindGroups))
        .add_systems(RenderGraph, interpolate.before(camera_driver));
}

fn take_layer(layer: Res<HeatLayer>, textures: Res<HeatTextures>, mut input: ResMut<FieldInput>) {
    if !layer.is_changed() {
        return;
    }
    let (o, s) = (layer.origin_m.as_vec2(), layer.size_m.as_vec2());
    input.field = GpuField { extent: Vec4::new(o.x, o.y, s.x, s.y), size: FIELD_SIZE, ..default() };
    let ups: Vec<f32> = layer.levels.ups_m().map(|up| up as f32).collect();
    input.field.ups = std::array::from_fn(|v| Vec4::from_array(std::array::from_fn(|i| ups.get(4 * v + i).copied().unwrap_or(0.0))));
    (input.field.levels, input.field.side, input.field.cells) = (ups.len() as u32, layer.levels.side(), layer.levels.cells());
    input.samples.clear();
    input.texels = match &layer.field {
        Field::Texels(texels) => Some(texels.clone()),
        Field::Samples { samples, left_out_m, power, reach_m } => {
            take_samples(&mut input, samples, left_out_m);
            input.field.scale = Vec4::new(*power, reach_m.max(1.0), 0.0, 0.0);
            let bounds = layer.scale.bounds();
            let bound = |i: usize| bounds.get(i).copied().unwrap_or(f32::MAX);
            input.field.bounds = std::array::from_fn(|v| Vec4::from_array(std::array::from_fn(|i| bound(4 * v + i))));
            input.field.classes = layer.scale.classes() as u32;
            None
        }
    };
    input.ramp = layer.ramp;
    (input.texture, input.ramp_texture) = (textures.field.clone(), textures.ramp.clone());
    input.version += 1;
}

/// Samples first, then those left out, as many as the device takes.
fn take_samples(input: &mut FieldInput, samples: &[Sample], left_out_m: &[DVec3]) {
    let present = samples.iter().map(|s| GpuSample { at: s.at_m.as_vec2(), value: s.value as f32, up: s.up_m as f32 });
    input.samples.extend(present.take(SAMPLES_MAX));
    input.field.count = input.samples.len() as u32;
    let absent = left_out_m.iter().map(|p| GpuSample { at: p.truncate().as_vec2(), up: p.z as f32, ..default() });
    input.samples.extend(absent.take(SAMPLES_MAX - input.samples.len()));
    input.field.left_out = input.samples.len() as u32 - input.field.count;
}

fn init_pipeline(mut commands: Commands, pipelines: Res<PipelineCache>) {
    let layout = BindGroupLayoutDescriptor::new(
        "heat field",
        &BindGroupLayoutEntries::sequential(
            ShaderStages::COMPUTE,
            (
                uniform_buffer::<GpuField>(false),
                storage_buffer_read_only::<Vec<GpuSample>>(false),
                texture_storage_2d(TextureFormat::Rgba16Float, StorageTextureAccess::WriteOnly),
            ),
        ),
    );
    let id = pipelines.queue_compute_pipeline(ComputePipelineDescriptor {
        label: Some("heat field".into()),
        layout: vec![layout.clone()],
        shader: HEAT_SHADER,
        entry_point: Some(Cow::from("interpolate")),
        ..default()
    });
    commands.insert_resource(FieldPipeline { layout, id });
}

fn prepare(
    input: Res<FieldInput>,
    pipeline: Res<FieldPipeline>,
    pipelines: Res<PipelineCache>,
    images: Res<RenderAssets<GpuImage>>,
    device: Res<RenderDevice>,
    queue: Res<RenderQueue>,
    mut work: ResMut<FieldWork>,
) {
    if input.version == work.done || work.bind_group.as_ref().is_some_and(|(v, _)| *v == input.version) {
        return;
    }
    let Some(texture) = images.get(&input.texture) else { return };
    if let Some(ramp) = images.get(&input.ramp_texture).filter(|_| work.ramp != Some(input.ramp)) {
        write(&queue, ramp, &ramp_bytes(input.ramp), 4);
        work.ramp = Some(input.ramp);
    }
    if let Some(texels) = &input.texels {
        let half = |v: f32| half::f16::from_f32(v).to_le_bytes();
        let bytes: Vec<u8> =
            texels.iter().flat_map(|t| [half(t.on_ramp), half(t.informed), half(t.left_out), half(1.0)]).flatten().collect();
        write(&queue, texture, &bytes, 8);
        work.done = input.version;
        work.bind_group = None;
        return;
    }
    let mut field = UniformBuffer::from(input.field);
    field.write_buffer(&device, &queue);
    // A storage buffer can't be empty; the count says how many are meant.
    let mut samples = StorageBuffer::from(if input.samples.is_empty() { vec![GpuSample::default()] } else { input.samples.clone() });
    samples.write_buffer(&device, &queue);
    let group = device.create_bind_group(
        "heat field",
        &pipelines.get_bind_group_layout(&pipeline.layout),
        &BindGroupEntries::sequential((&field, &samples, &texture.texture_view)),
    );
    work.bind_group = Some((input.version, group));
}

/// Writes all texels of a texture; of another size nothing is written.
fn write(queue: &RenderQueue, image: &GpuImage, bytes: &[u8], texel_bytes: u32) {
    let size = image.texture.size();
    if bytes.len() as u32 == size.width * size.height * texel_bytes {
        let layout = TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(size.width * texel_bytes), rows_per_image: None };
        queue.write_texture(image.texture.as_image_copy(), bytes, layout, size);
    }
}

fn interpolate(mut context: RenderContext, pipeline: Res<FieldPipeline>, pipelines: Res<PipelineCache>, mut work: ResMut<FieldWork>) {
    let Some((version, group)) = &work.bind_group else { return };
    let Some(compute) = pipelines.get_compute_pipeline(pipeline.id) else { return };
    let mut pass = context.command_encoder().begin_compute_pass(&ComputePassDescriptor::default());
    pass.set_pipeline(compute);
    pass.set_bind_group(0, group, &[]);
    let groups = FIELD_SIZE.div_ceil(WORKGROUP_SIZE);
    pass.dispatch_workgroups(groups, groups, 1);
    drop(pass);
    work.done = *version;
    work.bind_group = None;
}
