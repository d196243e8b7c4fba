//! Draws features' numbers instead of their looks; see `shaders/id.wgsl`.

use crate::render::clip::ClipUniform;
use crate::render::material::{ID_SHADER, place_attributes};
use bevy::math::{UVec4, Vec4};
use bevy::mesh::MeshVertexBufferLayoutRef;
use bevy::pbr::{Material, MaterialPipeline, MaterialPipelineKey};
use bevy::prelude::*;
use bevy::render::render_resource::{AsBindGroup, Face, RenderPipelineDescriptor, ShaderType, SpecializedMeshPipelineError};
use bevy::render::storage::ShaderBuffer;
use bevy::shader::ShaderRef;

/// Twin of `Look` in `shaders/id.wgsl`.
#[derive(Clone, Copy, Debug, Default, ShaderType)]
pub struct IdLook {
    pub focus: Vec4,
    /// x: added to every number.
    pub base: UVec4,
}

/// What chooses its pipeline.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdKey {
    clipped: bool,
    two_sided: bool,
}

/// One for all tiles whose faces are seen from the front, one for those seen from both sides. Holes in pictures count as faces.
#[derive(Asset, TypePath, AsBindGroup, Clone, Debug)]
#[bind_group_data(IdKey)]
pub struct IdMaterial {
    #[uniform(0)]
    pub look: IdLook,
    #[storage(1, read_only)]
    pub features: Handle<ShaderBuffer>,
    #[uniform(8)]
    pub clip: ClipUniform,
    #[texture(9)]
    #[sampler(10)]
    pub clip_picture: Handle<Image>,
    pub clipped: bool,
    pub two_sided: bool,
}

impl From<&IdMaterial> for IdKey {
    fn from(m: &IdMaterial) -> Self {
        Self { clipped: m.clipped, two_sided: m.two_sided }
    }
}

impl Material for IdMaterial {
    fn vertex_shader() -> ShaderRef {
        ID_SHADER.into()
    }

    fn fragment_shader() -> ShaderRef {
        ID_SHADER.into()
    }

    fn enable_prepass() -> bool {
        false
    }

    fn enable_shadows() -> bool {
        false
    }

    fn specialize(
        _: &MaterialPipeline,
        descriptor: &mut RenderPipelineDescriptor,
        layout: &MeshVertexBufferLayoutRef,
        key: MaterialPipelineKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        let places = place_attributes(descriptor, layout);
        descriptor.vertex.buffers = vec![layout.0.get_layout(&places)?];
        let IdKey { clipped, two_sided } = key.bind_group_data;
        let defs = || clipped.then(|| "CLIPPED".into());
        descriptor.vertex.shader_defs.extend(defs());
        if let Some(fragment) = &mut descriptor.fragment {
            fragment.shader_defs.extend(defs());
            // Numbers are not mixed.
            fragment.targets.iter_mut().flatten().for_each(|t| t.blend = None);
        }
        descriptor.primitive.cull_mode = (!two_sided && !clipped).then_some(Face::Back);
        Ok(())
    }
}
