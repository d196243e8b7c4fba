// The city: buildings, terrain, water, roads and green in one pass with one material (DESIGN section 5).
// What a feature has as a whole is computed once a vertex; a pixel adds windows, light, heat and haze. Far tiles: `far.wgsl`.
#import bevy_pbr::mesh_functions
#import bevy_pbr::mesh_view_bindings::view
#import yiping::environment::{sky_colour, glow, clearness, shown, hash}
#import yiping::draped::{env, heated}
#import yiping::paint::{painted, packed_paint, unpacked_paint, windows_in_the_mean, SELECTED_COLOUR, WEAR_TEXTURED}
#import yiping::place::{Vertex, local, surface_of, facade_of, placed, OTHER, WALL, ROOF, TERRAIN, WATER, LAND, UNLIT, FLAG_SELECTED, SEED_SHIFT}
#ifdef FADING
#import yiping::place::is_others
#endif
#ifdef CLIPPED
#import yiping::clip::is_cut
#endif
#ifdef FULL
#import yiping::full::{sunlit, open_to_sky}
#endif

#ifdef TEXTURED
@group(#{MATERIAL_BIND_GROUP}) @binding(6) var pictures: texture_2d_array<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(7) var picture_sampler: sampler;
#endif
// What a vertex wears, see `tiles::Wear`: the layer below, how the picture goes on beyond 0..1, above 24 bits where holes begin.
const WEAR_CLAMP_U = 0x20000u;
const WEAR_CLAMP_V = 0x40000u;
const WEAR_MIRROR_U = 0x80000u;
const WEAR_MIRROR_V = 0x100000u;

struct Varying {
    @invariant @builtin(position) position: vec4<f32>,
    @location(0) world: vec3<f32>,
    // What a face and its feature have as a whole, packed: a rasteriser in software pays for each vector of each triangle.
    // x: see `packed_paint`, y: tint by attribute or selection, z: the state's second word, w: normal as three snorm8 and the surface.
    @location(1) @interpolate(flat) face: vec4<u32>,
    // xy: facade, z: sunlight, w: part of the sky above.
    @location(2) facade_light: vec4<f32>,
#ifdef TEXTURED
    @location(3) texture_uv: vec2<f32>,
    @location(4) @interpolate(flat) wear: u32,
#endif
#ifdef FADING
    @location(5) @interpolate(flat) tag: u32,
#endif
#ifdef COMPARED
    // The tint right of the line of comparison.
    @location(6) @interpolate(flat) right_tint: u32,
#endif
};

@vertex
fn vertex(in: Vertex) -> Varying {
    var out: Varying;
    let world_from_local = mesh_functions::get_world_from_local(in.instance_index);
    let world = (world_from_local * vec4<f32>(local(in), 1.0)).xyz;
    let surface = surface_of(in);
    let own = painted(in);
    // Tile frames are rigid but for one scale, so the upper 3x3 turns normals as it turns points.
    let up = normalize((world_from_local * vec4<f32>(unpack4x8snorm(in.packed).xyz, 0.0)).xyz);
    let turned = (pack4x8snorm(vec4<f32>(up, 0.0)) & 0xffffffu) | (surface << 24u);
    out.world = world;
    out.face = vec4<u32>(packed_paint(own.base, own.share), pack4x8unorm(own.tint), own.state, turned);
    out.facade_light = vec4<f32>(facade_of(in), max(dot(up, env.sun.xyz), 0.0) * env.sun.w, up.y * 0.5 + 0.5);
    out.position = placed(world, surface, own.state, env.focus);
#ifdef TEXTURED
    out.texture_uv = in.texture_uv;
    out.wear = in.wear;
#endif
#ifdef COMPARED
    out.right_tint = pack4x8unorm(own.right_tint);
#endif
#ifdef FADING
    out.tag = mesh_functions::get_tag(in.instance_index);
#endif
    return out;
}

// Window rhythm of a wall: x = darkening by glass and floor lines, y = share of light from lit windows.
fn windows(facade: vec2<f32>, seed: u32, share: f32, height: f32, pixel: f32) -> vec2<f32> {
    // Far away: the mean of what is near, so that the value of a wall does not change with distance.
    let mean = windows_in_the_mean(share);
    // How many cells a pixel spans; the rhythm fades before it can shimmer.
    let near = clamp(2.0 - pixel / 1.8, 0.0, 1.0);
    if near <= 0.0 {
        return mean;
    }
    let bay = 3.3 + 1.4 * hash(seed, 11u);
    let storey = 3.0;
    let cell = vec2<f32>(facade.x / bay, facade.y / storey);
    let at = fract(cell);
    let id = vec2<i32>(floor(cell));
    let soft = vec2<f32>(pixel / bay, pixel / storey);
    let low = vec2<f32>(0.20, 0.28);
    let high = vec2<f32>(0.80, 0.82);
    let inside = smoothstep(low - soft, low + soft, at) * (1.0 - smoothstep(high - soft, high + soft, at));
    // No window on the ground floor's lowest metre, none above the eaves.
    let glass = inside.x * inside.y * step(0.6, facade.y) * step(facade.y, max(height - 1.0, 2.6));
    // Rooms differ: some behind curtains, some bright.
    let room = hash(seed + u32(id.x) * 7919u, u32(id.y));
    let lit = step(1.0 - share, room) * mix(0.45, 1.15, fract(room * 61.7));
    let line = (1.0 - smoothstep(0.02, 0.02 + soft.y * 1.5 + 0.03, at.y)) * env.detail.y;
    return mix(mean, vec2<f32>(max(glass * env.detail.x, line), glass * lit), near);
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

#ifdef WET
// Small ripples, so that light on water breaks up instead of standing as one white pool; they fade before they can shimmer.
fn ripples(at: vec2<f32>, pixel: f32) -> vec3<f32> {
    let strength = 0.035 * clamp(1.5 - pixel * 0.5, 0.0, 1.0);
    let a = sin(at.x * 0.41 + at.y * 0.23) + sin(at.x * 0.17 - at.y * 0.53 + 1.3);
    let b = sin(at.y * 0.37 - at.x * 0.29 + 0.7) + sin(at.x * 0.61 + at.y * 0.11 + 2.1);
    return normalize(vec3<f32>(a * strength, 1.0, b * strength));
}

fn water(base: vec3<f32>, world: vec3<f32>, look: vec3<f32>, pixel: f32, sunlight: f32) -> vec3<f32> {
    let normal = ripples(world.xz, pixel);
    let mirrored = reflect(look, normal);
    let fresnel = 0.03 + 0.6 * pow(1.0 - max(-look.y, 0.0), 5.0);
    let glint = pow(max(dot(mirrored, env.sun.xyz), 0.0), 240.0) * sunlight;
    let above = vec3<f32>(mirrored.x, max(mirrored.y, 0.02), mirrored.z);
    let sky = sky_colour(env.horizon, env.zenith, env.sun, env.sun_colour, above);
    return mix(base, sky, fresnel) + env.sun_colour.rgb * (glint * 0.35);
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
    let picture = textureSample(pictures, picture_sampler, on_picture, in.wear & 0xffffu);
    if worn && picture.a * 255.0 < f32(in.wear >> 24u) - 0.5 {
        discard;
    }
#else
    let worn = false;
#endif
    let surface = in.face.w >> 24u;
    let seed = in.face.z >> SEED_SHIFT;
    let selected = (in.face.z & FLAG_SELECTED) != 0u;
    let normal = unpack4x8snorm(in.face.w).xyz;
    let facade = in.facade_light.xy;
    // A map looks straight down without perspective: through no haze, and it compares nothing.
    let is_map = view.clip_from_view[3].w == 1.0;
#ifdef COMPARED
    let is_left = (env.swipe.x < 0.0) | (in.position.x < env.swipe.x) | is_map;
    let own_tint = unpack4x8unorm(select(in.right_tint, in.face.y, is_left));
#else
    let own_tint = unpack4x8unorm(in.face.y);
#endif
    let paint = unpacked_paint(in.face.x);
#ifdef CLIPPED
    if is_cut(in.world, surface, in.position.xy) {
        discard;
    }
#endif
#ifdef FADING
    if is_others(in.tag, in.position.xy) {
        discard;
    }
#endif
    let eye = view.world_position;
    let to_eye = eye - in.world;
    let distance = length(to_eye);
    let look = select(to_eye * (-1.0 / distance), vec3<f32>(0.0, -1.0, 0.0), is_map);
    let height = f32(in.face.z & 0xffffu) * 0.1;
    // Metres a pixel covers here, ignoring slant.
    let pixel = select(distance, 1.0, is_map) * (2.0 / (view.clip_from_view[1].y * view.viewport.w));

    var base = paint.rgb;
    var lamps = vec3<f32>(0.0);
    var sky_part = 1.0;
    var sunlight = in.facade_light.z;
    var edge = 0.0;
    // A photograph has its own windows and shades.
    if surface == WALL && !worn {
        let w = windows(facade, seed, paint.a, height, pixel / max(0.35, abs(dot(normal, look))));
        base *= 1.0 - w.x;
        lamps = env.window.rgb * (w.y * mix(0.7, 1.3, hash(seed, 3u)));
        // Contact shade: the lowest 6 m darken.
        sky_part = mix(0.62, 1.0, smoothstep(0.0, 6.0, facade.y));
        sunlight *= sky_part;
        if height > 2.0 {
            // A lighter line along eaves near the camera, one pixel wide however slanted the wall is seen.
            let from_top = (height - facade.y) / max(fwidth(facade.y), 0.01);
            edge = (1.0 - smoothstep(0.6, 1.6, abs(from_top - 0.8))) * clamp(1.4 - pixel / 1.2, 0.0, 1.0) * env.detail.z;
        }
    }
#ifdef TEXTURED
    if worn {
        base *= picture.rgb * select(exposure(surface), 1.0, surface == UNLIT);
    }
#endif
    base = mix(base, own_tint.rgb, own_tint.w);
    lamps *= 1.0 - own_tint.w;
#ifdef FULL
    sunlight *= sunlit(in.world, normalize(normal), in.position, in.facade_light.z);
    sky_part *= open_to_sky(in.position, distance, pixel);
#endif
    let sky = mix(env.ground_light.rgb, env.sky_light.rgb, in.facade_light.w) * sky_part;
    // Without light of its own a surface is as bright as it says.
    let light = select(env.sun_colour.rgb * sunlight + sky, vec3<f32>(1.0), surface == UNLIT);
    var colour = base * light;
#ifdef WET
    if surface == WATER && !worn {
        colour = water(colour, in.world, look, pixel, sunlight);
    }
#endif
    colour += env.roof.rgb * edge;
#ifdef HEATED
    let wall = surface == WALL || (surface == OTHER && abs(normal.y) < 0.5);
#ifdef COMPARED
    let with_heat = select(env.swipe.z, env.swipe.y, is_left) < 0.5;
#else
    let with_heat = true;
#endif
    if (env.heat.x > 0.5) & (surface != WATER) & with_heat {
        // Walls know how high they are, roofs how high the building is; all else lies on the ground.
        let above = select(select(0.0, height, surface == ROOF), facade.y, wall);
        colour = heated(colour, in.world, above, wall, pixel);
    }
#endif
    colour += lamps;
    if selected {
        // The selected is live, and only what is live is bright.
        colour += SELECTED_COLOUR * 0.22;
    }
    let through = select(clearness(env.horizon.w * view.exposure, env.detail.w, distance, eye.y, in.world.y), 1.0, is_map);
    let haze = env.horizon.rgb + glow(env.sun, env.sun_colour, look, 0.0);
    colour = shown(mix(haze, colour, through));
#ifdef COMPARED
    if (env.swipe.x >= 0.0) & (abs(in.position.x - env.swipe.x) < 1.0) & !is_map {
        colour = vec3<f32>(0.85);
    }
#endif
    return vec4<f32>(colour, 1.0);
}
