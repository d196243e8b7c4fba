// Sky, and the plain ground that runs on beyond the data into the haze: no edge of the world.
#import bevy_pbr::mesh_view_bindings::view
#import yiping::environment::{Environment, sky_colour, glow, clearness, shown}

@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> env: Environment;

struct Varying {
    @builtin(position) position: vec4<f32>,
    @location(0) direction: vec3<f32>,
};

@vertex
fn vertex(@location(0) position: vec3<f32>) -> Varying {
    var out: Varying;
    // Reverse z: 0 is infinitely far, so everything else is in front.
    out.position = vec4<f32>(position.xy, 0.0, 1.0);
    let far = view.world_from_clip * vec4<f32>(position.xy, 1e-4, 1.0);
    out.direction = far.xyz / far.w - view.world_position;
    return out;
}

// Moved by up to half a step of 8-bit colour, by pixel: a dark gradient over a whole wall would show its steps. A step in linear light is about
// 2 sqrt(light) / 255.
fn dithered(colour: vec3<f32>, at: vec2<f32>) -> vec3<f32> {
    let noise = fract(52.9829189 * fract(dot(at, vec2<f32>(0.06711056, 0.00583715)))) - 0.5;
    return colour + sqrt(max(colour, vec3<f32>(0.0))) * (noise * 2.0 / 255.0);
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let direction = normalize(in.direction);
    let eye = view.world_position;
    var sky = env;
    // The ground bends away as -r^2 / 2R; solve eye + t direction on it.
    let r2 = env.ground.y;
    let a = dot(direction.xz, direction.xz) / r2;
    let b = direction.y + 2.0 * dot(eye.xz, direction.xz) / r2;
    let c = eye.y - env.ground.x + dot(eye.xz, eye.xz) / r2;
    let under = b * b - 4.0 * a * c;
    if b < 0.0 && under > 0.0 && c > 0.0 {
        let t = 2.0 * c / (-b + sqrt(under));
        let at = eye + direction * t;
        let light = env.sun_colour.rgb * (env.sun.w * max(env.sun.y, 0.0)) + env.sky_light.rgb;
        let through = clearness(env.horizon.w * view.exposure, env.detail.w, t, eye.y, at.y);
        let haze = env.horizon.rgb + glow(env.sun, env.sun_colour, direction, 0.0);
        return vec4<f32>(dithered(shown(mix(haze, env.land.rgb * light, through)), in.position.xy), 1.0);
    }
    return vec4<f32>(dithered(shown(sky_colour(&sky, direction)), in.position.xy), 1.0);
}
