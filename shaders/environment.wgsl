// Light, air and colours everything is drawn in; the Rust twin is `render::environment::Environment`.
#define_import_path yiping::environment

struct Environment {
    // xyz: towards the sun or moon (unit, Bevy axes: x east, y up, z south); w: its strength.
    sun: vec4<f32>,
    sun_colour: vec4<f32>,
    // Fill light from above and from the ground; linear RGB.
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
    // x: shown (0 or 1), y: opacity on the ground, z: on walls, w: number of legend steps.
    heat: vec4<f32>,
    // x: height of the ground beyond the data at the anchor, metres; y: twice the Earth's radius; z: radians a pixel spans; w: saturation of the city.
    ground: vec4<f32>,
};

// Colour of the sky in a direction (unit).
fn sky_colour(env: Environment, direction: vec3<f32>) -> vec3<f32> {
    let up = max(direction.y, 0.0);
    let base = mix(env.horizon.rgb, env.zenith.rgb, 1.0 - exp(-up * env.zenith.w));
    // A wide soft glow on the light's side of the horizon: tells directions apart without a disc.
    let towards = max(dot(normalize(vec3<f32>(direction.x, 0.0, direction.z) + vec3<f32>(0.0, 1e-4, 0.0)), normalize(vec3<f32>(env.sun.x, 0.0, env.sun.z))), 0.0);
    return base + env.sun_colour.rgb * (0.012 * towards * towards * exp(-up * 7.0));
}

// Exponential haze that thins with height; `eye` and `at` in metres, y up.
fn hazed(env: Environment, colour: vec3<f32>, eye: vec3<f32>, at: vec3<f32>) -> vec3<f32> {
    let ray = at - eye;
    let distance = length(ray);
    let scale = env.detail.w;
    // Mean density along the ray: the integral of exp(-y / scale) between the two heights.
    let a = max(eye.y, 0.0) / scale;
    let b = max(at.y, 0.0) / scale;
    let mean = select((exp(-a) - exp(-b)) / (b - a), exp(-a), abs(b - a) < 1e-3);
    // The second factor hides the end of the ground itself, however high the eye stands.
    let end = distance / 45000.0;
    let through = exp(-env.horizon.w * distance * mean - end * end);
    return mix(sky_colour(env, vec3<f32>(ray.x, 0.0, ray.z) / max(distance, 1e-3)), colour, through);
}

// One number in 0..1 from two integers (PCG, Jarzynski and Olano 2020).
fn hash(a: u32, b: u32) -> f32 {
    var h = a * 747796405u + b * 2891336453u + 277803737u;
    h = ((h >> ((h >> 28u) + 4u)) ^ h) * 277803737u;
    h = (h >> 22u) ^ h;
    return f32(h & 0xffffffu) / 16777216.0;
}
