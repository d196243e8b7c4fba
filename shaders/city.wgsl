// The city: buildings, terrain, water, roads and green in one pass with one material (DESIGN section 5).
#import bevy_pbr::mesh_functions
#import bevy_pbr::mesh_view_bindings::view
#import yiping::environment::{Environment, sky_colour, hazed, hash}

#ifdef TEXTURED
// One buffer for all textured tiles, so that a moving camera does not rebuild the bindings of each.
@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<storage, read> env: Environment;
@group(#{MATERIAL_BIND_GROUP}) @binding(6) var pictures: texture_2d_array<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(7) var picture_sampler: sampler;
#else
@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> env: Environment;
#endif
// Per-feature state: x = tint RGBA8 (alpha: how much), y = low 16 bits height of the building in 0.1 m, then flags.
@group(#{MATERIAL_BIND_GROUP}) @binding(1) var<storage, read> features: array<vec2<u32>>;
@group(#{MATERIAL_BIND_GROUP}) @binding(2) var heat_field: texture_2d<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(3) var heat_sampler: sampler;
@group(#{MATERIAL_BIND_GROUP}) @binding(4) var heat_ramp: texture_2d<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(5) var ramp_sampler: sampler;

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

// What a vertex wears, see `tiles::Wear`: the layer below, how the picture goes on beyond 0..1, above 24 bits where holes begin.
const WEAR_TEXTURED = 0x10000u;
const WEAR_CLAMP_U = 0x20000u;
const WEAR_CLAMP_V = 0x40000u;
const WEAR_MIRROR_U = 0x80000u;
const WEAR_MIRROR_V = 0x100000u;

struct Vertex {
    @builtin(instance_index) instance_index: u32,
    @location(0) position: vec3<f32>,
    // x: normal as three snorm8 and the surface kind; y: feature id within the tile.
    @location(1) packed: vec2<u32>,
    // Metres: along the wall, and above the building's lowest point.
    @location(2) facade: vec2<f32>,
    @location(3) colour: vec4<f32>,
#ifdef TEXTURED
    @location(4) texture_uv: vec2<f32>,
    @location(5) wear: u32,
#endif
};

struct Varying {
    @builtin(position) position: vec4<f32>,
    @location(0) world: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) facade: vec2<f32>,
    @location(3) @interpolate(flat) colour: vec4<f32>,
    // x: surface, y: seed, z: tint, w: height in 0.1 m and flags
    @location(4) @interpolate(flat) kind: vec4<u32>,
#ifdef TEXTURED
    @location(5) texture_uv: vec2<f32>,
    @location(6) @interpolate(flat) wear: u32,
#endif
};

@vertex
fn vertex(in: Vertex) -> Varying {
    var out: Varying;
    let world_from_local = mesh_functions::get_world_from_local(in.instance_index);
    let world = (world_from_local * vec4<f32>(in.position, 1.0)).xyz;
    let unpacked = unpack4x8snorm(in.packed.x);
    let surface = in.packed.x >> 24u;
    let first = mesh_functions::get_tag(in.instance_index);
    let feature = first + in.packed.y;
    let state = features[min(feature, arrayLength(&features) - 1u)];
    out.world = world;
    // Tile frames are rigid, so the upper 3x3 turns normals as it turns points.
    out.normal = (world_from_local * vec4<f32>(unpacked.xyz, 0.0)).xyz;
    out.facade = in.facade;
    out.colour = in.colour;
#ifdef TEXTURED
    out.texture_uv = in.texture_uv;
    out.wear = in.wear;
#endif
    out.kind = vec4<u32>(surface, state.y >> SEED_SHIFT, state.x, state.y);
    var clip = view.clip_from_world * vec4<f32>(world, 1.0);
    // Ribbons on the ground are pulled a little towards the eye: terrain is meshed within an error bound and would poke through them far away.
    var pull = 0.0;
    if surface == WATER { pull = 0.0010; }
    if surface == GREEN || surface == LAND { pull = 0.0005; }
    if surface == ROAD || surface == BRIDGE { pull = 0.0020; }
    clip.z *= 1.0 + pull;
    if (state.y & FLAG_HIDDEN) != 0u {
        clip = vec4<f32>(0.0, 0.0, -1.0, 1.0);
    }
    out.position = clip;
    return out;
}

// Window rhythm of a wall: x = darkening by glass and floor lines, y = share of light from lit windows.
fn windows(facade: vec2<f32>, seed: u32, height: f32, pixel: f32) -> vec2<f32> {
    let bay = 3.3 + 1.4 * hash(seed, 11u);
    let storey = 3.0;
    let cell = vec2<f32>(facade.x / bay, facade.y / storey);
    // How many cells a pixel spans; the rhythm fades before it can shimmer.
    let near = clamp(2.0 - pixel / 1.8, 0.0, 1.0);
    let at = fract(cell);
    let id = vec2<i32>(floor(cell));
    let share = env.window.w * (0.4 + 1.2 * hash(seed, 5u));
    if near <= 0.0 {
        // Far away: the mean of what is near, so that the value of a wall does not change with distance.
        return vec2<f32>(0.30 * env.detail.x, 0.09 * share);
    }
    let soft = vec2<f32>(pixel / bay, pixel / storey);
    let low = vec2<f32>(0.20, 0.28);
    let high = vec2<f32>(0.80, 0.82);
    let inside = smoothstep(low - soft, low + soft, at) * (1.0 - smoothstep(high - soft, high + soft, at));
    // No window on the ground floor's lowest metre, none above the eaves.
    let glass = inside.x * inside.y * step(0.6, facade.y) * step(facade.y, max(height - 1.0, 2.6));
    let lit = step(1.0 - share, hash(seed + u32(id.x) * 7919u, u32(id.y)));
    let line = (1.0 - smoothstep(0.02, 0.02 + soft.y * 1.5 + 0.03, at.y)) * env.detail.y;
    let shade = mix(0.30 * env.detail.x, max(glass * env.detail.x, line), near);
    return vec2<f32>(shade, mix(0.09 * share, glass * lit, near));
}

// The heat layer's colour over what stands there; the field's alpha says how well sensors inform the place.
fn heated(colour: vec3<f32>, world: vec3<f32>, wall: bool, pixel: f32) -> vec3<f32> {
    let uv = (vec2<f32>(world.x, -world.z) - env.heat_extent.xy) * env.heat_extent.zw;
    if any(uv < vec2<f32>(0.0)) || any(uv > vec2<f32>(1.0)) {
        return colour;
    }
    let field = textureSampleLevel(heat_field, heat_sampler, uv, 0.0);
    let value = clamp(field.r, 0.0, 1.0);
    let opacity = select(env.heat.y, env.heat.z, wall);
    if field.g <= 0.004 {
        return colour;
    }
    if field.g < 0.5 {
        // No sensor informs this place: hatched, not coloured. 60 m stripes in world space stay where they are when the camera moves.
        let across = fract((world.x - world.z) / 84.0);
        let edge = clamp(pixel / 60.0, 0.02, 0.5);
        let stripe = smoothstep(0.42 - edge, 0.42 + edge, across) * (1.0 - smoothstep(0.58 - edge, 0.58 + edge, across));
        let shown = smoothstep(0.0, 0.25, field.g);
        return mix(colour, vec3<f32>(0.20, 0.24, 0.30), stripe * 0.16 * shown);
    }
    let ramp = textureSampleLevel(heat_ramp, ramp_sampler, vec2<f32>(value, 0.5), 0.0).rgb;
    // A thin contour at each legend step, one and a half pixels wide.
    let steps = value * env.heat.w;
    let to_step = abs(fract(steps + 0.5) - 0.5);
    let slope = max(fwidth(steps), 1e-5);
    let contour = (1.0 - smoothstep(0.5, 1.5, to_step / slope)) * select(0.35, 0.0, wall);
    let lit = clamp(dot(colour, vec3<f32>(3.0)), 0.55, 1.25);
    // Low values let the city through: what is ordinary should not shout.
    let strength = opacity * mix(0.10, 1.0, smoothstep(0.15, 0.65, value));
    return mix(colour, ramp * lit + vec3<f32>(contour * 0.25), strength * smoothstep(0.5, 0.75, field.g));
}

#ifdef TEXTURED
// A texture coordinate within the picture; a repeating one is left to the sampler.
fn within(at: f32, half_pixel: f32, clamps: bool, mirrors: bool) -> f32 {
    if mirrors { return 1.0 - abs(fract(at * 0.5) * 2.0 - 1.0); }
    if clamps { return clamp(at, half_pixel, 1.0 - half_pixel); }
    return at;
}

// Brightness of a photograph in this theme: as light as the walls beside it, on the ground nearer to how dark the land is.
fn exposure(surface: u32) -> f32 {
    let grey = vec3<f32>(0.2126, 0.7152, 0.0722);
    let walls = dot(env.wall.rgb, grey);
    let lies = surface >= TERRAIN && surface <= LAND;
    return 2.0 * select(walls, mix(dot(env.land.rgb, grey), walls, 0.35), lies);
}
#endif

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
#ifdef TEXTURED
    let worn = (in.wear & WEAR_TEXTURED) != 0u;
    let half_pixel = 0.5 / vec2<f32>(textureDimensions(pictures));
    let on_picture = vec2<f32>(
        within(in.texture_uv.x, half_pixel.x, (in.wear & WEAR_CLAMP_U) != 0u, (in.wear & WEAR_MIRROR_U) != 0u),
        within(in.texture_uv.y, half_pixel.y, (in.wear & WEAR_CLAMP_V) != 0u, (in.wear & WEAR_MIRROR_V) != 0u),
    );
    // Before any branch: the level of detail comes from the pixels around.
    let shown = textureSample(pictures, picture_sampler, on_picture, in.wear & 0xffffu);
    if worn && shown.a * 255.0 < f32(in.wear >> 24u) - 0.5 {
        discard;
    }
#else
    let worn = false;
#endif
    let eye = view.world_position;
    let to_eye = eye - in.world;
    let distance = length(to_eye);
    let surface = in.kind.x;
    let seed = in.kind.y;
    let height = f32(in.kind.w & 0xffffu) * 0.1;
    let normal = normalize(in.normal);
    // Metres a pixel covers here, ignoring slant.
    let pixel = distance * env.ground.z;
    if surface == UNLIT {
        var plain = in.colour.rgb;
#ifdef TEXTURED
        plain *= select(vec3<f32>(1.0), shown.rgb, worn);
#endif
        let over = unpack4x8unorm(in.kind.z);
        plain = mix(plain, over.rgb, over.a);
        plain = mix(plain, vec3<f32>(0.10, 0.62, 1.0), select(0.0, 0.72, (in.kind.w & FLAG_SELECTED) != 0u));
        return vec4<f32>(hazed(env, plain, eye, in.world), 1.0);
    }
    let wall = surface == WALL || (surface == OTHER && abs(normal.y) < 0.5);

    var base = in.colour.rgb;
    var glow = vec3<f32>(0.0);
    var contact = 1.0;
    // A photograph has its own windows and shades.
    switch select(surface, OTHER, worn) {
        case WALL: {
            let w = windows(in.facade, seed, height, pixel / max(0.35, abs(dot(normal, to_eye)) / distance));
            base = mix(env.wall.rgb, env.wall.rgb * (in.colour.rgb * 2.0), 0.5) * (1.0 - w.x);
            glow = env.window.rgb * w.y * mix(0.7, 1.3, hash(seed, 3u));
            // Contact shade: the lowest 6 m darken.
            contact = mix(0.62, 1.0, smoothstep(0.0, 6.0, in.facade.y));
        }
        case ROOF: {
            base = env.roof.rgb * mix(vec3<f32>(1.0), in.colour.rgb * 2.0, 0.35);
        }
        case TERRAIN: { base = env.land.rgb; }
        case LAND: { base = env.land.rgb * 1.12; }
        case GREEN: { base = env.green.rgb; }
        case ROAD, BRIDGE: { base = env.road.rgb * (in.colour.rgb * 2.0); }
        case WATER: { base = env.water.rgb; }
        default: {}
    }
#ifdef TEXTURED
    if worn {
        base = shown.rgb * in.colour.rgb * exposure(surface);
    }
#endif
    if (surface == WALL || surface == ROOF) && !worn {
        // Hue and value vary a little from building to building.
        let v = hash(seed, 1u) - 0.5;
        let warm = hash(seed, 2u) - 0.5;
        base *= 1.0 + 0.16 * v;
        base *= vec3<f32>(1.0 + 0.07 * warm, 1.0, 1.0 - 0.07 * warm);
    }
    let sun = max(dot(normal, env.sun.xyz), 0.0) * env.sun.w;
    let sky = mix(env.ground_light.rgb, env.sky_light.rgb, normal.y * 0.5 + 0.5);
    var colour = base * (env.sun_colour.rgb * sun + sky) * contact;

    if surface == WATER && !worn {
        let look = -to_eye / distance;
        let reflected = reflect(look, vec3<f32>(0.0, 1.0, 0.0));
        let fresnel = 0.03 + 0.75 * pow(1.0 - max(-look.y, 0.0), 4.0);
        let glint = pow(max(dot(reflected, env.sun.xyz), 0.0), 60.0) * env.sun.w;
        colour = mix(colour, sky_colour(env, reflected), fresnel) + env.sun_colour.rgb * glint * 0.25;
    }
    // A lighter line along eaves near the camera, one pixel wide.
    if surface == WALL && height > 2.0 && !worn {
        let from_top = (height - in.facade.y) / max(pixel, 0.01);
        let line = (1.0 - smoothstep(0.6, 1.6, abs(from_top - 0.8))) * clamp(1.4 - pixel / 1.2, 0.0, 1.0);
        colour += env.roof.rgb * (line * env.detail.z);
    }
    if env.ground.w < 1.0 {
        let grey = dot(colour, vec3<f32>(0.2126, 0.7152, 0.0722));
        colour = mix(vec3<f32>(grey), colour, env.ground.w);
    }
    if env.heat.x > 0.5 && surface != WATER {
        colour = heated(colour, in.world, wall, pixel);
    }
    let tint = unpack4x8unorm(in.kind.z);
    colour = mix(colour, tint.rgb * (0.35 + 0.65 * (sun + 0.3)), tint.a);
    if (in.kind.w & FLAG_SELECTED) != 0u {
        colour = mix(colour, vec3<f32>(0.10, 0.62, 1.0) * (0.45 + 0.6 * sun + 0.3 * sky), 0.72);
    }
    return vec4<f32>(hazed(env, colour + glow, eye, in.world), 1.0);
}
