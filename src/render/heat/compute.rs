//! The compute pass behind a heat layer: runs once for each change of the samples, not each frame.

use super::{FIELD_SIZE, HeatLayer, HeatTextures, SAMPLES_MAX};
use bevy::asset::{Handle, uuid_handle};
use bevy::core_pipeline::schedule::camera_driver;
use bevy::prelude::*;
use bevy::render::extract_resource::{ExtractResource, ExtractResourcePlugin};
use bevy::render::render_asset::RenderAssets;
use bevy::render::render_resource::binding_types::{storage_buffer_read_only, texture_storage_2d, uniform_buffer};
use bevy::render::render_resource::*;
use bevy::render::renderer::{RenderContext, RenderDevice, RenderGraph, RenderQueue};
use bevy::render::texture::GpuImage;
use bevy::render::{Render, RenderApp, RenderStartup, RenderSystems};
use std::borrow::Cow;

const HEAT_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a04");
const WORKGROUP_SIZE: u32 = 8;

/// Twin of `Field` in `shaders/heat.wgsl`.
#[derive(Clone, Copy, Debug, Default, ShaderType)]
struct Field {
    extent: Vec4,
    scale: Vec4,
    count: u32,
    size: u32,
}

#[derive(Clone, Copy, Debug, Default, ShaderType)]
struct GpuSample {
    at: Vec2,
    value: f32,
    spare: f32,
}

/// What the render world needs of the layer; `version` grows with each change.
#[derive(Resource, Clone, Default, ExtractResource)]
struct FieldInput {
    field: Field,
    samples: Vec<GpuSample>,
    texture: Handle<Image>,
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
    if layer.samples.len() > SAMPLES_MAX {
        tracing::warn!("a heat layer has {} samples; the first {SAMPLES_MAX} are used", layer.samples.len());
    }
    let samples: Vec<_> =
        layer.samples.iter().take(SAMPLES_MAX).map(|s| GpuSample { at: s.at_m.as_vec2(), value: s.value as f32, spare: 0.0 }).collect();
    let (o, s) = (layer.origin_m.as_vec2(), layer.size_m.as_vec2());
    input.field = Field {
        extent: Vec4::new(o.x, o.y, s.x, s.y),
        scale: Vec4::new(layer.range[0], layer.range[1], layer.power, layer.reach_m.max(1.0)),
        count: samples.len() as u32,
        size: FIELD_SIZE,
    };
    input.samples = samples;
    input.texture = textures.field.clone();
    input.version += 1;
}

fn init_pipeline(mut commands: Commands, pipelines: Res<PipelineCache>) {
    let layout = BindGroupLayoutDescriptor::new(
        "heat field",
        &BindGroupLayoutEntries::sequential(
            ShaderStages::COMPUTE,
            (
                uniform_buffer::<Field>(false),
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
