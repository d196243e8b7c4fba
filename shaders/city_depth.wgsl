// Depth alone: for shadows, and before the picture in the tier `full`.
#import bevy_pbr::mesh_functions
#import bevy_pbr::mesh_view_bindings::view
#import yiping::environment::Environment
#import yiping::place::{Vertex, local, feature_of, surface_of, placed, WATER, ROAD, GREEN, LAND, SEED_SHIFT, TAG_STATES}
#ifdef FADING
#import yiping::place::is_others
#endif
#ifdef CLIPPED
#import yiping::clip::is_cut
#endif

#ifdef TEXTURED
@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<storage, read> env: Environment;
@group(#{MATERIAL_BIND_GROUP}) @binding(6) var pictures: texture_2d_array<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(7) var picture_sampler: sampler;
#else
@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> env: Environment;
#endif
@group(#{MATERIAL_BIND_GROUP}) @binding(1) var<storage, read> features: array<vec2<u32>>;

struct Varying {
    @invariant @builtin(position) position: vec4<f32>,
    @location(0) world: vec3<f32>,
    @location(1) @interpolate(flat) surface: u32,
#ifdef TEXTURED
    @location(2) texture_uv: vec2<f32>,
    @location(3) @interpolate(flat) wear: u32,
#endif
#ifdef FADING
    @location(4) @interpolate(flat) tag: u32,
#endif
};

@vertex
fn vertex(in: Vertex) -> Varying {
    var out: Varying;
    let world_from_local = mesh_functions::get_world_from_local(in.instance_index);
    let world = (world_from_local * vec4<f32>(local(in), 1.0)).xyz;
    let surface = surface_of(in);
    let tag = mesh_functions::get_tag(in.instance_index);
    let feature = (tag & TAG_STATES) + feature_of(in);
    let state = features[min(feature, arrayLength(&features) - 1u)];
    out.world = world;
    out.surface = surface;
    out.position = placed(world, surface, state.y, env.focus);
    // Seen from the sun, whose view has no perspective, ribbons on the ground would shade the ground below them.
    let from_sun = view.clip_from_view[3].w == 1.0;
    let ribbon = surface == WATER || surface == ROAD || surface == GREEN || surface == LAND;
    if from_sun && ribbon {
        out.position = vec4<f32>(0.0, 0.0, -1.0, 1.0);
    }
#ifdef TEXTURED
    out.texture_uv = in.texture_uv;
    out.wear = in.wear;
#endif
#ifdef FADING
    out.tag = tag;
#endif
    return out;
}

@fragment
fn fragment(in: Varying) {
#ifdef TEXTURED
    let shown = textureSample(pictures, picture_sampler, in.texture_uv, in.wear & 0xffffu);
    if (in.wear & 0x10000u) != 0u && shown.a * 255.0 < f32(in.wear >> 24u) - 0.5 {
        discard;
    }
#endif
#ifdef CLIPPED
    if is_cut(in.world, in.surface, in.position.xy) {
        discard;
    }
#endif
#ifdef FADING
    if is_others(in.tag, in.position.xy) {
        discard;
    }
#endif
}
