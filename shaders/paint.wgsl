// What a feature is painted with before any light: of its kind, its own colour, and what the state buffer says of it. Once a vertex.
#define_import_path yiping::paint
#import bevy_pbr::mesh_functions
#import yiping::environment::hash
#import yiping::draped::env
#import yiping::place::{Vertex, feature_of, surface_of, is_building, OTHER, WALL, ROOF, TERRAIN, WATER, ROAD, GREEN, LAND, BRIDGE, FLAG_SELECTED, SEED_SHIFT, TAG_STATES}

// Per-feature state: x = tint RGBA8 (alpha: how much), y = low 16 bits height of the building in 0.1 m, then flags.
@group(#{MATERIAL_BIND_GROUP}) @binding(1) var<storage, read> features: array<vec2<u32>>;
// Tints right of the line of comparison; a few zeros while nothing is compared.
@group(#{MATERIAL_BIND_GROUP}) @binding(11) var<storage, read> right_tints: array<u32>;

// In what a vertex wears: whether that is a picture at all.
const WEAR_TEXTURED = 0x10000u;
const SELECTED_COLOUR = vec3<f32>(0.10, 0.62, 1.0);

struct Painted {
    base: vec3<f32>,
    // By attribute or selection; w: how much of it.
    tint: vec4<f32>,
#ifdef COMPARED
    right_tint: vec4<f32>,
#endif
    // The state's second word.
    state: u32,
    // Share of its windows that are lit.
    share: f32,
}

fn painted(in: Vertex) -> Painted {
    var out: Painted;
    let surface = surface_of(in);
    let feature = (mesh_functions::get_tag(in.instance_index) & TAG_STATES) + feature_of(in);
    let state = features[min(feature, arrayLength(&features) - 1u)];
    let seed = state.y >> SEED_SHIFT;
    let selected = (state.y & FLAG_SELECTED) != 0u;
#ifdef TEXTURED
    out.base = paint(select(surface, OTHER, (in.wear & WEAR_TEXTURED) != 0u), in.colour.rgb, seed);
#else
    out.base = paint(surface, in.colour.rgb, seed);
#endif
    var subdued = 1.0;
    if env.focus.x > 0.5 && is_building(surface) && !selected {
        // They step back: darker, nearer to the ground's colour.
        out.base = mix(env.land.rgb, out.base, 0.35);
        subdued = 0.35;
    }
    out.tint = chosen(state.x, selected, subdued);
#ifdef COMPARED
    out.right_tint = chosen(right_tints[min(feature, arrayLength(&right_tints) - 1u)], selected, subdued);
#endif
    out.state = state.y;
    out.share = env.window.w * (0.4 + 1.2 * hash(seed, 5u));
    return out;
}

// What a feature is painted with, as roots so that dark colours keep their steps, and the share of its windows that are lit.
fn packed_paint(base: vec3<f32>, share: f32) -> u32 {
    return pack4x8unorm(vec4<f32>(sqrt(base), share));
}

fn unpacked_paint(paint: u32) -> vec4<f32> {
    let p = unpack4x8unorm(paint);
    return vec4<f32>(p.rgb * p.rgb, p.a);
}

fn chosen(tint: u32, selected: bool, subdued: f32) -> vec4<f32> {
    return select(unpack4x8unorm(tint), vec4<f32>(SELECTED_COLOUR, 0.8), selected) * vec4<f32>(1.0, 1.0, 1.0, subdued);
}

// What a surface is painted with before any light.
fn paint(surface: u32, colour: vec3<f32>, seed: u32) -> vec3<f32> {
    var base = colour;
    switch surface {
        case WALL: { base = env.wall.rgb * mix(vec3<f32>(1.0), colour * 2.0, 0.5); }
        case ROOF: { base = env.roof.rgb * mix(vec3<f32>(1.0), colour * 2.0, 0.35); }
        case TERRAIN: { base = env.land.rgb; }
        case LAND: { base = env.land.rgb * 1.12; }
        case GREEN: { base = env.green.rgb; }
        case ROAD, BRIDGE: { base = env.road.rgb * (colour * 2.0); }
        case WATER: { base = env.water.rgb; }
        default: {}
    }
    if surface == WALL || surface == ROOF {
        // Hue and value vary a little from building to building.
        let warm = 0.07 * (hash(seed, 2u) - 0.5);
        base *= (1.0 + 0.16 * (hash(seed, 1u) - 0.5)) * vec3<f32>(1.0 + warm, 1.0, 1.0 - warm);
    }
    // With a layer over it the city goes less saturated.
    return mix(vec3<f32>(dot(base, vec3<f32>(0.2126, 0.7152, 0.0722))), base, env.ground.w);
}

// Windows of a wall where none is told from the next: x = how much they darken it, y = share of light from lit ones.
fn windows_in_the_mean(share: f32) -> vec2<f32> {
    return vec2<f32>(0.32 * env.detail.x, 0.1 * share);
}
