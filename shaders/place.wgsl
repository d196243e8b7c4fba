// Where a vertex of the city lands, the same in the picture, in its depth and in shadows.
#define_import_path yiping::place
#import bevy_pbr::mesh_functions
#import bevy_pbr::mesh_view_bindings::view

const OTHER = 0u;
const WALL = 1u;
const ROOF = 2u;
const TERRAIN = 4u;
const WATER = 5u;
const ROAD = 6u;
const GREEN = 7u;
const LAND = 8u;
const BRIDGE = 9u;
// `tiles::UNLIT`: light is in its colours already.
const UNLIT = 10u;

const FLAG_HIDDEN = 0x10000u;
const FLAG_SELECTED = 0x20000u;
// Above the flags: what windows and tints of a feature are drawn from, the same in every process.
const SEED_SHIFT = 18u;

// A tile's tag: where its states begin, and above that its share of the pixels while it fades (`tiles::fade`).
const TAG_STATES = 0x3ffffffu;
const TAG_SHARE_SHIFT = 26u;
const TAG_SHARE_MAX = 31u;
const TAG_OUT = 0x80000000u;

// Whether a pixel is the other tile's, of two that take over from one another.
fn is_others(tag: u32, at: vec2<f32>) -> bool {
    let share = f32((tag >> TAG_SHARE_SHIFT) & TAG_SHARE_MAX) / f32(TAG_SHARE_MAX + 1u);
    if share == 0.0 {
        return false;
    }
    // Interleaved gradient noise: Jimenez 2014.
    let noise = fract(52.9829189 * fract(dot(floor(at), vec2<f32>(0.06711056, 0.00583715))));
    return (noise < share) == ((tag & TAG_OUT) != 0u);
}

struct Vertex {
    @builtin(instance_index) instance_index: u32,
#ifdef COMPACT
    // xyz: steps of the mesh's scale from its lowest corner; w: feature id within the tile.
    @location(0) place: vec4<u32>,
    // Along the wall, and above the building's lowest point, in steps of 2 cm.
    @location(2) facade_steps: vec2<i32>,
#else
    @location(0) position: vec3<f32>,
    @location(4) feature_id: u32,
    // The same in metres.
    @location(2) facade_m: vec2<f32>,
#endif
    // Normal as three snorm8 and the surface kind.
    @location(1) packed: u32,
    @location(3) colour: vec4<f32>,
#ifdef TEXTURED
    @location(5) texture_uv: vec2<f32>,
    @location(6) wear: u32,
#endif
};

fn local(in: Vertex) -> vec3<f32> {
#ifdef COMPACT
    return vec3<f32>(in.place.xyz);
#else
    return in.position;
#endif
}

fn feature_of(in: Vertex) -> u32 {
#ifdef COMPACT
    return in.place.w;
#else
    return in.feature_id;
#endif
}

fn surface_of(in: Vertex) -> u32 {
    return in.packed >> 24u;
}

// Metres along the wall, and above the building's lowest point.
fn facade_of(in: Vertex) -> vec2<f32> {
#ifdef COMPACT
    return vec2<f32>(in.facade_steps) * 0.02;
#else
    return in.facade_m;
#endif
}

fn is_building(surface: u32) -> bool {
    return surface <= ROOF || surface == UNLIT;
}

// Clip space of a point of the world. `focus` as in `Environment`.
fn placed(world: vec3<f32>, surface: u32, state: u32, focus: vec4<f32>) -> vec4<f32> {
    var clip = view.clip_from_world * vec4<f32>(world, 1.0);
    // Ribbons on the ground are pulled a little towards the eye: terrain is meshed within an error bound and would poke through them far away.
    var pull = 0.0;
    if surface == WATER { pull = 0.0010; }
    if surface == GREEN || surface == LAND { pull = 0.0005; }
    if surface == ROAD || surface == BRIDGE { pull = 0.0020; }
    clip.z *= 1.0 + pull;
    let selected = (state & FLAG_SELECTED) != 0u;
    if selected && focus.y > 0.5 {
        // Seen through others: the nearest tenth of the depth is its own.
        clip.z = mix(clip.w * 0.9, clip.w, clamp(clip.z / clip.w, 0.0, 1.0));
    }
    let gone = focus.x > 1.5 && is_building(surface) && !selected;
    if (state & FLAG_HIDDEN) != 0u || gone {
        clip = vec4<f32>(0.0, 0.0, -1.0, 1.0);
    }
    return clip;
}
