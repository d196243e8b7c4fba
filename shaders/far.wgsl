// Tiles of which each pixel covers several metres: no window, line or ripple is seen there, so all but the air is worked out once a vertex.
//
// A rasteriser in software works out a pixel's shader for each block of 4 by 4 that a face touches, masked or not, and pays for each number that a face
// hands to it: far away, where faces are as small as that, this takes a fraction of the time of `city.wgsl`, which draws what is nearer. Where
// `render::tiles::detail` changes from one to the other both show the same.
#import bevy_pbr::mesh_functions
#import bevy_pbr::mesh_view_bindings::view
#import yiping::environment::{sky_colour, sun_glow, haze_depth, shown, hash}
#import yiping::draped::env
#import yiping::paint::{painted, packed_paint, unpacked_paint, windows_in_the_mean, SELECTED_COLOUR}
#import yiping::place::{Vertex, local, surface_of, facade_of, placed, OTHER, WALL, ROOF, WATER, UNLIT, FLAG_SELECTED, SEED_SHIFT}
#ifdef HEATED
#import yiping::draped::heated
#endif
#ifdef FADING
#import yiping::place::is_others
#endif

struct Varying {
    @invariant @builtin(position) position: vec4<f32>,
    // rgb: its light; w: how deep in haze it lies.
    @location(0) seen: vec4<f32>,
#ifdef WET
    // From the eye's mirror image under level water, metres.
    @location(1) mirrored: vec3<f32>,
    // x: glow of the haze before it, in parts of the sun's colour; y: sunlight on water, 0 on all else.
    @location(2) glow_glint: vec2<f32>,
#else
    @location(1) glow: f32,
#endif
#ifdef HEATED
    // Its place in the world; w: metres over the ground that the heat layer is asked for.
    @location(3) place: vec4<f32>,
    // x: light of its own, which heat does not cover, and above that one of the constants below; y: that light right of the line of comparison.
    @location(4) @interpolate(flat) lamps: vec2<u32>,
#endif
#ifdef FADING
    @location(5) @interpolate(flat) tag: u32,
#endif
#ifdef COMPARED
    // Its light right of the line of comparison.
    @location(6) right: vec3<f32>,
#endif
};

#ifdef HEATED
// What the heat layer takes a surface for.
const LIES = 0u;
const STANDS = 1u;
const IS_LEFT_OUT = 2u;
#endif

// Contact shade of a wall, whose lowest 6 m darken: straight from foot to eaves, in the mean what `city.wgsl` has.
fn contact_shade(above: f32, height: f32) -> f32 {
    let part = max(height, 0.1) / 6.0;
    let eaves = smoothstep(0.0, 1.0, part);
    // Integral of the smooth step over the wall.
    let mean = select(part * part * (1.0 - 0.5 * part), 1.0 - 0.5 / part, part > 1.0);
    return mix(0.62, 1.0, mix(max(2.0 * mean - eaves, 0.0), eaves, clamp(above / (part * 6.0), 0.0, 1.0)));
}

#ifdef WET
// Water without ripples and without the sun itself in it: `water` of `city.wgsl`.
fn reflecting(base: vec3<f32>, look: vec3<f32>, mirrored: vec3<f32>) -> vec3<f32> {
    let fresnel = 0.03 + 0.6 * pow(1.0 - max(-look.y, 0.0), 5.0);
    return mix(base, sky_colour(env.horizon, env.zenith, env.sun, env.sun_colour, mirrored), fresnel);
}
#endif

@vertex
fn vertex(in: Vertex) -> Varying {
    var out: Varying;
    let world_from_local = mesh_functions::get_world_from_local(in.instance_index);
    let world = (world_from_local * vec4<f32>(local(in), 1.0)).xyz;
    let up = normalize((world_from_local * vec4<f32>(unpack4x8snorm(in.packed).xyz, 0.0)).xyz);
    let surface = surface_of(in);
    let facade = facade_of(in);
    let own = painted(in);

    var base = own.base;
    var lamps = vec3<f32>(0.0);
    var sunlight = max(dot(up, env.sun.xyz), 0.0) * env.sun.w;
    var sky_part = 1.0;
    let height = f32(own.state & 0xffffu) * 0.1;
    if surface == WALL {
        let windows = windows_in_the_mean(own.share);
        base *= 1.0 - windows.x;
        lamps = env.window.rgb * (windows.y * mix(0.7, 1.3, hash(own.state >> SEED_SHIFT, 3u)));
        sky_part = contact_shade(facade.y, height);
        sunlight *= sky_part;
    }
    let sky = mix(env.ground_light.rgb, env.sky_light.rgb, up.y * 0.5 + 0.5) * sky_part;
    let light = select(env.sun_colour.rgb * sunlight + sky, vec3<f32>(1.0), surface == UNLIT);
    let live = select(vec3<f32>(0.0), SELECTED_COLOUR * 0.22, (own.state & FLAG_SELECTED) != 0u);
    var colour = mix(base, own.tint.rgb, own.tint.w) * light;
    let own_lamps = lamps * (1.0 - own.tint.w) + live;
#ifdef COMPARED
    var right = mix(base, own.right_tint.rgb, own.right_tint.w) * light;
    let right_lamps = lamps * (1.0 - own.right_tint.w) + live;
#endif

    let from_eye = world - view.world_position;
    let distance = length(from_eye);
    // A map looks straight down without perspective, and through no haze.
    let is_map = view.clip_from_view[3].w == 1.0;
    let look = select(from_eye * (1.0 / distance), vec3<f32>(0.0, -1.0, 0.0), is_map);
    let glow = sun_glow(env.sun, env.sun_colour, look);
#ifdef WET
    let mirrored = vec3<f32>(look.x, max(-look.y, 0.02), look.z);
    if surface == WATER {
        colour = reflecting(colour, look, mirrored);
#ifdef COMPARED
        right = reflecting(right, look, mirrored);
#endif
    }
    out.mirrored = mirrored * select(distance, 1.0, is_map);
    out.glow_glint = vec2<f32>(glow, select(0.0, sunlight * 0.35, surface == WATER));
#else
    out.glow = glow;
#endif
#ifdef HEATED
    let stands = surface == WALL || (surface == OTHER && abs(up.y) < 0.5);
    // Walls know how high they are, roofs how high the building is; all else lies on the ground.
    out.place = vec4<f32>(world, select(select(0.0, height, surface == ROOF), facade.y, stands));
    let takes = select(select(LIES, STANDS, stands), IS_LEFT_OUT, surface == WATER);
    out.lamps.x = (packed_paint(own_lamps, 0.0) & 0xffffffu) | (takes << 24u);
#ifdef COMPARED
    out.lamps.y = packed_paint(right_lamps, 0.0);
#endif
#else
    colour += own_lamps;
#ifdef COMPARED
    right += right_lamps;
#endif
#endif
#ifdef COMPARED
    out.right = right;
#endif
    let depth = haze_depth(env.horizon.w * view.exposure, env.detail.w, distance, view.world_position.y, world.y);
    out.seen = vec4<f32>(colour, select(depth, 0.0, is_map));
    out.position = placed(world, surface, own.state, env.focus);
#ifdef FADING
    out.tag = mesh_functions::get_tag(in.instance_index);
#endif
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
#ifdef FADING
    if is_others(in.tag, in.position.xy) {
        discard;
    }
#endif
#ifdef COMPARED
    // A map compares nothing.
    let has_line = (env.swipe.x >= 0.0) & (view.clip_from_view[3].w != 1.0);
    let is_left = !has_line | (in.position.x < env.swipe.x);
    var colour = select(in.right, in.seen.rgb, is_left);
#else
    var colour = in.seen.rgb;
#endif
#ifdef WET
    let glow = in.glow_glint.x;
    // The sun on water is smaller than faces are.
    colour += env.sun_colour.rgb * (pow(max(dot(normalize(in.mirrored), env.sun.xyz), 0.0), 240.0) * in.glow_glint.y);
#else
    let glow = in.glow;
#endif
#ifdef HEATED
#ifdef COMPARED
    let lamps = select(in.lamps.y, in.lamps.x, is_left);
    let with_heat = select(env.swipe.z, env.swipe.y, is_left) < 0.5;
#else
    let lamps = in.lamps.x;
    let with_heat = true;
#endif
    let takes = in.lamps.x >> 24u;
    if (env.heat.x > 0.5) & (takes != IS_LEFT_OUT) & with_heat {
        let is_map = view.clip_from_view[3].w == 1.0;
        let distance = select(length(in.place.xyz - view.world_position), 1.0, is_map);
        let pixel = distance * (2.0 / (view.clip_from_view[1].y * view.viewport.w));
        colour = heated(colour, in.place.xyz, in.place.w, takes == STANDS, pixel);
    }
    colour += unpacked_paint(lamps).rgb;
#endif
    let haze = env.horizon.rgb + env.sun_colour.rgb * glow;
    colour = shown(mix(haze, colour, exp(-in.seen.w)));
#ifdef COMPARED
    if has_line & (abs(in.position.x - env.swipe.x) < 1.0) {
        colour = vec3<f32>(0.85);
    }
#endif
    return vec4<f32>(colour, 1.0);
}
