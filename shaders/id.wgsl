// Which feature is seen where: its number as the four bytes of a pixel, 0 where there is none. Placed and cut as the city itself is.
#import bevy_pbr::mesh_functions
#import yiping::place::{placed, TAG_STATES}
#ifdef CLIPPED
#import yiping::clip::is_cut
#endif

struct Look {
    // As in `Environment`.
    focus: vec4<f32>,
    // x: added to every number.
    base: vec4<u32>,
};

@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> look: Look;
@group(#{MATERIAL_BIND_GROUP}) @binding(1) var<storage, read> features: array<vec2<u32>>;

// As `place::Vertex`.
struct IdVertex {
    @builtin(instance_index) instance_index: u32,
#ifdef COMPACT
    @location(0) place: vec4<u32>,
#else
    @location(0) position: vec3<f32>,
    @location(4) feature_id: u32,
#endif
    @location(1) packed: u32,
};

struct Varying {
    @builtin(position) position: vec4<f32>,
    @location(0) world: vec3<f32>,
    @location(1) @interpolate(flat) surface: u32,
    @location(2) @interpolate(flat) id: u32,
};

@vertex
fn vertex(in: IdVertex) -> Varying {
    var out: Varying;
    let world_from_local = mesh_functions::get_world_from_local(in.instance_index);
#ifdef COMPACT
    let local = vec3<f32>(in.place.xyz);
    let feature = in.place.w;
#else
    let local = in.position;
    let feature = in.feature_id;
#endif
    let world = (world_from_local * vec4<f32>(local, 1.0)).xyz;
    let surface = in.packed >> 24u;
    let index = (mesh_functions::get_tag(in.instance_index) & TAG_STATES) + feature;
    let state = features[min(index, arrayLength(&features) - 1u)];
    out.world = world;
    out.surface = surface;
    out.id = index + 1u + look.base.x;
    out.position = placed(world, surface, state.y, look.focus);
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
#ifdef CLIPPED
    if is_cut(in.world, in.surface, in.position.xy) {
        discard;
    }
#endif
    return unpack4x8unorm(in.id);
}
