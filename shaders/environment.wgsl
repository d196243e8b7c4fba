// Light, air and colours everything is drawn in; the Rust twin is `render::environment::Environment`.
#define_import_path yiping::environment

struct Environment {
    // xyz: towards the sun or moon (unit, Bevy axes: x east, y up, z south); w: its strength.
    sun: vec4<f32>,
    // w: glow of the sky around it.
    sun_colour: vec4<f32>,
    // Fill light from above and from the ground; linear RGB. sky_light.w: part of the sky that is the air's own light in the tier full.
    sky_light: vec4<f32>,
    ground_light: vec4<f32>,
    // Sky seen by the eye; zenith.w = where the gradient bends.
    zenith: vec4<f32>,
    // w: haze per metre at ground level.
    horizon: vec4<f32>,
    wall: vec4<f32>,
    roof: vec4<f32>,
    land: vec4<f32>,
    green: vec4<f32>,
    water: vec4<f32>,
    road: vec4<f32>,
    // rgb: light from a lit window; w: share of windows that are lit.
    window: vec4<f32>,
    // x: darkness of glass, y: floor line strength, z: roof edge strength, w: height over which haze thins by e, metres.
    detail: vec4<f32>,
    // Heat field over the ground: west, south (metres from the anchor), 1 / width, 1 / height.
    heat_extent: vec4<f32>,
    // x: levels (0: nothing is shown), y: opacity on the ground, z: on walls, w: number of legend steps.
    heat: vec4<f32>,
    // Heights above ground of the levels, rising, metres; out of reach where there is none.
    heat_levels: array<vec4<f32>, 3>,
    // x: height of the ground beyond the data at the anchor, metres; y: twice the Earth's radius; w: saturation of the city.
    ground: vec4<f32>,
    // x: what becomes of buildings that are not selected: 0 nothing, 1 they step back, 2 they go; y: 1 where the selected is seen through others.
    focus: vec4<f32>,
    // x: pixel column left of which buildings have their first tint and right of which their second one, below 0 the first everywhere;
    // y, z: 1 where the heat layer is left out left and right of it.
    swipe: vec4<f32>,
};

// Colour of the sky in a direction (unit); the others are of `Environment`.
fn sky_colour(horizon: vec4<f32>, zenith: vec4<f32>, sun: vec4<f32>, sun_colour: vec4<f32>, direction: vec3<f32>) -> vec3<f32> {
    let up = max(direction.y, 0.0);
    let base = mix(horizon.rgb, zenith.rgb, 1.0 - exp(-up * zenith.w));
    return base + glow(sun, sun_colour, direction, up);
}

// A wide soft glow on the light's side of the horizon: tells directions apart without a disc.
fn glow(sun: vec4<f32>, sun_colour: vec4<f32>, direction: vec3<f32>, up: f32) -> vec3<f32> {
    return sun_colour.rgb * (sun_glow(sun, sun_colour, direction) * exp(-up * 7.0));
}

// The same on the horizon, in parts of the light's own colour.
fn sun_glow(sun: vec4<f32>, sun_colour: vec4<f32>, direction: vec3<f32>) -> f32 {
    let flat = direction.xz * inverseSqrt(max(dot(direction.xz, direction.xz), 1e-8));
    let towards = max(dot(flat, sun.xz) * inverseSqrt(max(dot(sun.xz, sun.xz), 1e-8)), 0.0);
    return sun_colour.w * sun.w * towards * towards;
}

// How much of a thing is seen through haze that thins with height, 0..1; `eye_y` and `at_y` in metres, y up.
fn clearness(density: f32, scale: f32, distance: f32, eye_y: f32, at_y: f32) -> f32 {
    return exp(-haze_depth(density, scale, distance, eye_y, at_y));
}

// How deep in haze it lies: what is seen of it is e to the power of minus that.
fn haze_depth(density: f32, scale: f32, distance: f32, eye_y: f32, at_y: f32) -> f32 {
    // Mean density along the ray: the integral of exp(-y / scale) between the two heights.
    let a = max(eye_y, 0.0) / scale;
    let b = max(at_y, 0.0) / scale;
    let mean = select((exp(-a) - exp(-b)) / (b - a), exp(-a), abs(b - a) < 1e-3);
    // The second term hides the end of the ground itself, however high the eye stands: from 16 km on it moves away with the camera, whose
    // haze halves what is 3.2 times as far off as what it looks at, so that of a whole prefecture the far third fades too.
    let end = distance * min(1.0 / 32000.0, density / 0.433);
    return density * distance * mean + end * end;
}

// Light of a scene to light of a screen: as it is up to 0.7, then bent towards 1, so that sunlit roofs keep their colour instead of going white.
fn shown(colour: vec3<f32>) -> vec3<f32> {
    let over = max(colour - vec3<f32>(0.7), vec3<f32>(0.0));
    return min(colour, vec3<f32>(0.7)) + 0.3 * (vec3<f32>(1.0) - exp(over * (-1.0 / 0.3)));
}

// One number in 0..1 from two integers (PCG, Jarzynski and Olano 2020).
fn hash(a: u32, b: u32) -> f32 {
    var h = a * 747796405u + b * 2891336453u + 277803737u;
    h = ((h >> ((h >> 28u) + 4u)) ^ h) * 277803737u;
    h = (h >> 22u) ^ h;
    return f32(h & 0xffffffu) / 16777216.0;
}
