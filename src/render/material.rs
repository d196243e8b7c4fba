//! The city's own material: one pipeline for every tile, one storage buffer for every feature's state.

use super::environment::Environment;
use bevy::asset::{Handle, uuid_handle};
use bevy::mesh::{MeshVertexAttribute, MeshVertexBufferLayoutRef};
use bevy::pbr::{Material, MaterialPipeline, MaterialPipelineKey, MaterialPlugin};
use bevy::prelude::*;
use bevy::render::render_resource::{AsBindGroup, RenderPipelineDescriptor, SpecializedMeshPipelineError, VertexFormat};
use bevy::render::storage::ShaderBuffer;
use bevy::shader::ShaderRef;

/// Normal (three snorm8) with the surface kind in the top byte, then the feature id within the tile.
pub const ATTRIBUTE_PACKED: MeshVertexAttribute = MeshVertexAttribute::new("CityPacked", 0x5961_6e01, VertexFormat::Uint32x2);
/// Metres along the wall and above the building's lowest point.
pub const ATTRIBUTE_FACADE: MeshVertexAttribute = MeshVertexAttribute::new("CityFacade", 0x5961_6e02, VertexFormat::Float32x2);
/// Base colour, linear, as the tile gives it.
pub const ATTRIBUTE_COLOUR: MeshVertexAttribute = MeshVertexAttribute::new("CityColour", 0x5961_6e03, VertexFormat::Unorm8x4);

const ENVIRONMENT_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a01");
const CITY_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a02");
const SKY_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a03");

/// Draws tiles; see `shaders/city.wgsl`. All tiles share one asset of it, so that they batch.
#[derive(Asset, TypePath, AsBindGroup, Clone, Debug)]
pub struct CityMaterial {
    #[uniform(0)]
    pub environment: Environment,
    #[storage(1, read_only)]
    pub features: Handle<ShaderBuffer>,
    #[texture(2)]
    #[sampler(3)]
    pub heat_field: Handle<Image>,
    #[texture(4)]
    #[sampler(5)]
    pub heat_ramp: Handle<Image>,
}

impl Material for CityMaterial {
    fn vertex_shader() -> ShaderRef {
        CITY_SHADER.into()
    }

    fn fragment_shader() -> ShaderRef {
        CITY_SHADER.into()
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
        _: MaterialPipelineKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        descriptor.vertex.buffers = vec![layout.0.get_layout(&[
            Mesh::ATTRIBUTE_POSITION.at_shader_location(0),
            ATTRIBUTE_PACKED.at_shader_location(1),
            ATTRIBUTE_FACADE.at_shader_location(2),
            ATTRIBUTE_COLOUR.at_shader_location(3),
        ])?];
        // Others' models don't always wind their faces outwards.
        descriptor.primitive.cull_mode = None;
        Ok(())
    }
}

/// Where a vertex is on its picture; only tiles that wear any have it.
pub const ATTRIBUTE_TEXTURE: MeshVertexAttribute = MeshVertexAttribute::new("CityTexture", 0x5961_6e04, VertexFormat::Float32x2);
/// Which picture a vertex wears and how, see [`crate::tiles::Wear`].
pub const ATTRIBUTE_WEAR: MeshVertexAttribute = MeshVertexAttribute::new("CityWear", 0x5961_6e05, VertexFormat::Uint32);

/// Draws tiles that wear pictures: the same shader with `TEXTURED` defined, so that tiles without any pay nothing for it.
///
/// Each such tile has an asset of its own. Light and colours are in a buffer that all share: it changes with every move of the camera.
#[derive(Asset, TypePath, AsBindGroup, Clone, Debug)]
pub struct TexturedMaterial {
    /// One [`Environment`].
    #[storage(0, read_only)]
    pub environment: Handle<ShaderBuffer>,
    #[storage(1, read_only)]
    pub features: Handle<ShaderBuffer>,
    #[texture(2)]
    #[sampler(3)]
    pub heat_field: Handle<Image>,
    #[texture(4)]
    #[sampler(5)]
    pub heat_ramp: Handle<Image>,
    /// The tile's pictures, a layer each.
    #[texture(6, dimension = "2d_array")]
    #[sampler(7)]
    pub pictures: Handle<Image>,
}

impl Material for TexturedMaterial {
    fn vertex_shader() -> ShaderRef {
        CITY_SHADER.into()
    }

    fn fragment_shader() -> ShaderRef {
        CITY_SHADER.into()
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
        _: MaterialPipelineKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        descriptor.vertex.shader_defs.push("TEXTURED".into());
        if let Some(fragment) = &mut descriptor.fragment {
            fragment.shader_defs.push("TEXTURED".into());
        }
        descriptor.vertex.buffers = vec![layout.0.get_layout(&[
            Mesh::ATTRIBUTE_POSITION.at_shader_location(0),
            ATTRIBUTE_PACKED.at_shader_location(1),
            ATTRIBUTE_FACADE.at_shader_location(2),
            ATTRIBUTE_COLOUR.at_shader_location(3),
            ATTRIBUTE_TEXTURE.at_shader_location(4),
            ATTRIBUTE_WEAR.at_shader_location(5),
        ])?];
        descriptor.primitive.cull_mode = None;
        Ok(())
    }
}

/// Draws sky and the ground beyond the data behind everything; see `shaders/sky.wgsl`.
#[derive(Asset, TypePath, AsBindGroup, Clone, Debug)]
pub struct SkyMaterial {
    #[uniform(0)]
    pub environment: Environment,
}

impl Material for SkyMaterial {
    fn vertex_shader() -> ShaderRef {
        SKY_SHADER.into()
    }

    fn fragment_shader() -> ShaderRef {
        SKY_SHADER.into()
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
        _: MaterialPipelineKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        descriptor.vertex.buffers = vec![layout.0.get_layout(&[Mesh::ATTRIBUTE_POSITION.at_shader_location(0)])?];
        descriptor.primitive.cull_mode = None;
        if let Some(depth) = &mut descriptor.depth_stencil {
            depth.depth_write_enabled = Some(false);
        }
        Ok(())
    }
}

/// Registers the shaders, which are part of the binary so that a copied program still draws, and both materials.
pub struct CityMaterialPlugin;

impl Plugin for CityMaterialPlugin {
    fn build(&self, app: &mut App) {
        let mut shaders = app.world_mut().resource_mut::<Assets<Shader>>();
        let sources = [
            (&ENVIRONMENT_SHADER, include_str!("../../shaders/environment.wgsl"), "shaders/environment.wgsl"),
            (&CITY_SHADER, include_str!("../../shaders/city.wgsl"), "shaders/city.wgsl"),
            (&SKY_SHADER, include_str!("../../shaders/sky.wgsl"), "shaders/sky.wgsl"),
        ];
        for (handle, source, path) in sources {
            if let Err(e) = shaders.insert(handle, Shader::from_wgsl(source, path)) {
                tracing::error!("{path}: {e}");
            }
        }
        app.add_plugins((
            MaterialPlugin::<CityMaterial>::default(),
            MaterialPlugin::<TexturedMaterial>::default(),
            MaterialPlugin::<SkyMaterial>::default(),
        ));
    }
}
