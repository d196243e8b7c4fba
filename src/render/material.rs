//! The city's own material: one pipeline for every tile, one storage buffer for every feature's state.

use super::clip::ClipUniform;
use super::environment::Environment;
use bevy::asset::{Handle, uuid_handle};
use bevy::mesh::{MeshVertexAttribute, MeshVertexBufferLayoutRef, VertexAttributeDescriptor};
use bevy::pbr::{Material, MaterialPipeline, MaterialPipelineKey, MaterialPlugin, MeshPipelineKey};
use bevy::prelude::*;
use bevy::render::render_resource::{AsBindGroup, Face, RenderPipelineDescriptor, SpecializedMeshPipelineError, VertexFormat};
use bevy::render::storage::ShaderBuffer;
use bevy::shader::{ShaderDefVal, ShaderRef};

/// Normal (three snorm8) with the surface kind in the top byte.
pub const ATTRIBUTE_PACKED: MeshVertexAttribute = MeshVertexAttribute::new("CityPacked", 0x5961_6e01, VertexFormat::Uint32);
/// Metres along the wall and above the building's lowest point.
pub const ATTRIBUTE_FACADE: MeshVertexAttribute = MeshVertexAttribute::new("CityFacade", 0x5961_6e02, VertexFormat::Float32x2);
/// The same in steps of 2 cm ([`crate::tiles::FACADE_STEPS_PER_M`]).
pub const ATTRIBUTE_FACADE_STEPS: MeshVertexAttribute = MeshVertexAttribute::new("CityFacadeSteps", 0x5961_6e06, VertexFormat::Sint16x2);
/// Feature id within the tile.
pub const ATTRIBUTE_FEATURE: MeshVertexAttribute = MeshVertexAttribute::new("CityFeature", 0x5961_6e07, VertexFormat::Uint32);
/// Steps along x, y, z from the mesh's lowest corner, and the feature id: in place of a position where [`crate::tiles::TileMesh::steps`] can be told.
pub const ATTRIBUTE_PLACE: MeshVertexAttribute = MeshVertexAttribute::new("CityPlace", 0x5961_6e08, VertexFormat::Uint16x4);
/// Base colour, linear, as the tile gives it.
pub const ATTRIBUTE_COLOUR: MeshVertexAttribute = MeshVertexAttribute::new("CityColour", 0x5961_6e03, VertexFormat::Unorm8x4);

const ENVIRONMENT_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a01");
const CITY_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a02");
const FAR_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a20");
const PAINT_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a21");
const DRAPED_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a19");
const SKY_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a03");
const PLACE_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a14");
const CLIP_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a15");
const FULL_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a16");
const DEPTH_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a17");

/// Drawn with by `tiles::picking`.
pub(super) const ID_SHADER: Handle<Shader> = uuid_handle!("6b1e7a52-5a0c-4c0e-9a5e-3d8f7c1b0a18");

/// Every shader with the file it is written in.
pub const SHADERS: [(Handle<Shader>, &str, &str); 11] = [
    (ENVIRONMENT_SHADER, "environment.wgsl", include_str!("../../shaders/environment.wgsl")),
    (DRAPED_SHADER, "draped.wgsl", include_str!("../../shaders/draped.wgsl")),
    (PLACE_SHADER, "place.wgsl", include_str!("../../shaders/place.wgsl")),
    (CLIP_SHADER, "clip.wgsl", include_str!("../../shaders/clip.wgsl")),
    (FULL_SHADER, "full.wgsl", include_str!("../../shaders/full.wgsl")),
    (PAINT_SHADER, "paint.wgsl", include_str!("../../shaders/paint.wgsl")),
    (CITY_SHADER, "city.wgsl", include_str!("../../shaders/city.wgsl")),
    (FAR_SHADER, "far.wgsl", include_str!("../../shaders/far.wgsl")),
    (DEPTH_SHADER, "city_depth.wgsl", include_str!("../../shaders/city_depth.wgsl")),
    (ID_SHADER, "id.wgsl", include_str!("../../shaders/id.wgsl")),
    (SKY_SHADER, "sky.wgsl", include_str!("../../shaders/sky.wgsl")),
];

/// What of a tile's material chooses its pipeline.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CityKey {
    /// Without a cut, pixels are not asked whether they are cut.
    clipped: bool,
    /// Faces of closed bodies are drawn from the front alone, which spares half of them.
    two_sided: bool,
    /// Only of tiles that fade, pixels are asked whether they are left out.
    fading: bool,
    /// A software rasteriser works out what a pixel might be, whatever it is: what nothing shows is left out of the shader.
    heated: bool,
    compared: bool,
    wet: bool,
    far: bool,
}

impl From<&CityMaterial> for CityKey {
    fn from(m: &CityMaterial) -> Self {
        let (heated, compared) = (m.environment.is_heated(), m.environment.is_compared());
        // Cuts are rare, and run through near tiles most of all.
        let far = m.far && !m.clipped;
        Self { clipped: m.clipped, two_sided: m.two_sided, fading: m.fading, heated, compared, wet: m.wet, far }
    }
}

impl From<&TexturedMaterial> for CityKey {
    fn from(m: &TexturedMaterial) -> Self {
        let (heated, compared) = (m.heated, m.compared);
        Self { clipped: m.clipped, two_sided: m.two_sided, fading: m.fading, heated, compared, wet: m.wet, far: false }
    }
}

/// What of the sky's material chooses its pipeline.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SkyKey {
    heated: bool,
}

impl From<&SkyMaterial> for SkyKey {
    fn from(m: &SkyMaterial) -> Self {
        Self { heated: m.environment.is_heated() }
    }
}

/// Vertices of a tile: twin of `Vertex` in `shaders/place.wgsl`, in the layout that the mesh has.
fn lay_out(
    descriptor: &mut RenderPipelineDescriptor,
    layout: &MeshVertexBufferLayoutRef,
    more: Vec<VertexAttributeDescriptor>,
) -> Result<(), SpecializedMeshPipelineError> {
    let compact = place_attributes(descriptor, layout);
    let facade = if layout.0.contains(ATTRIBUTE_PLACE) { ATTRIBUTE_FACADE_STEPS } else { ATTRIBUTE_FACADE };
    let look = [facade.at_shader_location(2), ATTRIBUTE_COLOUR.at_shader_location(3)];
    let all: Vec<VertexAttributeDescriptor> = compact.into_iter().chain(look).chain(more).collect();
    descriptor.vertex.buffers = vec![layout.0.get_layout(&all)?];
    Ok(())
}

/// Where a vertex is and what it belongs to, in the layout that the mesh has; defines `COMPACT` for it.
pub(super) fn place_attributes(
    descriptor: &mut RenderPipelineDescriptor,
    layout: &MeshVertexBufferLayoutRef,
) -> Vec<VertexAttributeDescriptor> {
    let packed = ATTRIBUTE_PACKED.at_shader_location(1);
    if !layout.0.contains(ATTRIBUTE_PLACE) {
        return vec![Mesh::ATTRIBUTE_POSITION.at_shader_location(0), packed, ATTRIBUTE_FEATURE.at_shader_location(4)];
    }
    descriptor.vertex.shader_defs.push("COMPACT".into());
    // Modules that both stages import are read as one: the fragment stage must see the same vertex.
    if let Some(fragment) = &mut descriptor.fragment {
        fragment.shader_defs.push("COMPACT".into());
    }
    vec![ATTRIBUTE_PLACE.at_shader_location(0), packed]
}

/// Shader definitions of both materials: `CLIPPED` where something is cut, `FADING` where tiles take over from one another, `HEATED` where a heat layer
/// is shown, `COMPARED` where a line divides the picture, `WET` where a tile has water, `FULL` where depth was drawn first.
fn define(descriptor: &mut RenderPipelineDescriptor, key: CityKey, mesh: MeshPipelineKey, textured: bool) {
    let mut defs: Vec<ShaderDefVal> = Vec::new();
    if key.clipped {
        defs.push("CLIPPED".into());
    }
    if key.fading {
        defs.push("FADING".into());
    }
    if key.heated {
        defs.push("HEATED".into());
    }
    if key.compared {
        defs.push("COMPARED".into());
    }
    if key.wet {
        defs.push("WET".into());
    }
    if mesh.contains(MeshPipelineKey::DEPTH_PREPASS) {
        defs.push("FULL".into());
    }
    if textured {
        defs.push("TEXTURED".into());
    }
    // Shadows and ambient shade are a pixel's own, whatever the tile's material says.
    if key.far && !mesh.contains(MeshPipelineKey::DEPTH_PREPASS) {
        descriptor.vertex.shader = FAR_SHADER;
        descriptor.fragment.iter_mut().for_each(|fragment| fragment.shader = FAR_SHADER);
    }
    descriptor.vertex.shader_defs.extend(defs.iter().cloned());
    if let Some(fragment) = &mut descriptor.fragment {
        fragment.shader_defs.extend(defs);
    }
    // Cut bodies are open: one looks at their walls from within.
    descriptor.primitive.cull_mode = if key.two_sided || key.clipped { None } else { Some(Face::Back) };
}

/// Draws tiles; see `shaders/city.wgsl`. All tiles share one asset of it, so that they batch.
#[derive(Asset, TypePath, AsBindGroup, Clone, Debug)]
#[bind_group_data(CityKey)]
pub struct CityMaterial {
    #[uniform(0)]
    pub environment: Environment,
    #[storage(1, read_only)]
    pub features: Handle<ShaderBuffer>,
    /// A tint a feature right of the line of comparison.
    #[storage(11, read_only)]
    pub right_tints: Handle<ShaderBuffer>,
    #[texture(2)]
    #[sampler(3)]
    pub heat_field: Handle<Image>,
    #[texture(4)]
    #[sampler(5)]
    pub heat_ramp: Handle<Image>,
    #[uniform(8)]
    pub clip: ClipUniform,
    #[texture(9)]
    #[sampler(10)]
    pub clip_picture: Handle<Image>,
    /// Whether `clip` cuts anything.
    pub clipped: bool,
    /// Whether faces are seen from behind too.
    pub two_sided: bool,
    /// Whether its tile takes over from another or gives way ([`super::tiles::TileFade`]).
    pub fading: bool,
    /// Whether its tile has water.
    pub wet: bool,
    /// Whether its tile is so far that pixels need no detail of their own (`shaders/far.wgsl`).
    pub far: bool,
}

impl Material for CityMaterial {
    fn vertex_shader() -> ShaderRef {
        CITY_SHADER.into()
    }

    fn fragment_shader() -> ShaderRef {
        CITY_SHADER.into()
    }

    fn prepass_vertex_shader() -> ShaderRef {
        DEPTH_SHADER.into()
    }

    fn prepass_fragment_shader() -> ShaderRef {
        DEPTH_SHADER.into()
    }

    /// Where pixels may be left out, depth has to ask for each.
    fn alpha_mode(&self) -> AlphaMode {
        if self.clipped || self.fading { AlphaMode::Mask(0.5) } else { AlphaMode::Opaque }
    }

    fn specialize(
        _: &MaterialPipeline,
        descriptor: &mut RenderPipelineDescriptor,
        layout: &MeshVertexBufferLayoutRef,
        key: MaterialPipelineKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        lay_out(descriptor, layout, Vec::new())?;
        define(descriptor, key.bind_group_data, key.mesh_key, false);
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
#[bind_group_data(CityKey)]
pub struct TexturedMaterial {
    /// One [`Environment`].
    #[storage(0, read_only)]
    pub environment: Handle<ShaderBuffer>,
    #[storage(1, read_only)]
    pub features: Handle<ShaderBuffer>,
    /// A tint a feature right of the line of comparison.
    #[storage(11, read_only)]
    pub right_tints: Handle<ShaderBuffer>,
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
    #[uniform(8)]
    pub clip: ClipUniform,
    #[texture(9)]
    #[sampler(10)]
    pub clip_picture: Handle<Image>,
    /// Whether `clip` cuts anything.
    pub clipped: bool,
    /// Whether faces are seen from behind too.
    pub two_sided: bool,
    /// Whether its tile takes over from another or gives way ([`super::tiles::TileFade`]).
    pub fading: bool,
    /// Whether the pictures have holes.
    pub holes: bool,
    /// Whether its tile has water.
    pub wet: bool,
    /// Whether a heat layer is shown.
    pub heated: bool,
    /// Whether a line divides the picture.
    pub compared: bool,
}

impl Material for TexturedMaterial {
    fn vertex_shader() -> ShaderRef {
        CITY_SHADER.into()
    }

    fn fragment_shader() -> ShaderRef {
        CITY_SHADER.into()
    }

    fn prepass_vertex_shader() -> ShaderRef {
        DEPTH_SHADER.into()
    }

    fn prepass_fragment_shader() -> ShaderRef {
        DEPTH_SHADER.into()
    }

    /// Where pixels may be left out, depth has to ask for each.
    fn alpha_mode(&self) -> AlphaMode {
        if self.clipped || self.fading || self.holes { AlphaMode::Mask(0.5) } else { AlphaMode::Opaque }
    }

    fn specialize(
        _: &MaterialPipeline,
        descriptor: &mut RenderPipelineDescriptor,
        layout: &MeshVertexBufferLayoutRef,
        key: MaterialPipelineKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        lay_out(descriptor, layout, vec![ATTRIBUTE_TEXTURE.at_shader_location(5), ATTRIBUTE_WEAR.at_shader_location(6)])?;
        define(descriptor, key.bind_group_data, key.mesh_key, true);
        Ok(())
    }
}

/// Draws sky and the ground beyond the data behind everything; see `shaders/sky.wgsl`.
#[derive(Asset, TypePath, AsBindGroup, Clone, Debug)]
#[bind_group_data(SkyKey)]
pub struct SkyMaterial {
    #[uniform(0)]
    pub environment: Environment,
    #[texture(2)]
    #[sampler(3)]
    pub heat_field: Handle<Image>,
    #[texture(4)]
    #[sampler(5)]
    pub heat_ramp: Handle<Image>,
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
        key: MaterialPipelineKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        if let Some(fragment) = &mut descriptor.fragment {
            let defs = [(key.mesh_key.contains(MeshPipelineKey::DEPTH_PREPASS), "FULL"), (key.bind_group_data.heated, "HEATED")];
            fragment.shader_defs.extend(defs.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.into()));
        }
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
        for (handle, file, source) in SHADERS {
            let path = format!("shaders/{file}");
            if let Err(e) = shaders.insert(&handle, Shader::from_wgsl(source, path.clone())) {
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
