// Sky, and the plain ground that runs on beyond the data into the haze: no edge of the world.
#import bevy_pbr::mesh_view_bindings::view
#import yiping::environment::{sky_colour, glow, clearness, shown}
#import yiping::draped::{env, heated}

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

#ifdef FULL
// Clear air over the city: scattering and absorption a metre at ground level (Rayleigh; Mie of haze; ozone), heights over which air and haze thin by e.
// Source: Bruneton and Neyret 2008, table of coefficients; ozone: Hillaire 2020.
const RAYLEIGH = vec3<f32>(5.802e-6, 13.558e-6, 33.1e-6);
const MIE = 3.996e-6;
const MIE_LOST = 4.44e-6;
const OZONE = vec3<f32>(0.650e-6, 1.881e-6, 0.085e-6);
const AIR_SCALE_M = 8000.0;
const HAZE_SCALE_M = 1200.0;
const EARTH_M = 6371000.0;
const AIR_TOP_M = 60000.0;
// What of the light a clear noon's sky sends down is as bright as the theme's.
const EXPOSURE = 15.0;

// Air between a height and space along a slanted way, in metres of air at ground level. Source: Schueler 2012 (GPU Pro 3), approximation of Chapman's function.
fn air_above(height: f32, scale: f32, slant: f32) -> f32 {
    let x = (EARTH_M + height) / scale;
    let c = sqrt(1.5707963 * x);
    let density = exp(-height / scale);
    if slant >= 0.0 {
        return scale * density * c / ((c - 1.0) * slant + 1.0);
    }
    // Below the horizontal: down to where the way is level, and from there on.
    let level = (EARTH_M + height) * sqrt(max(1.0 - slant * slant, 0.0)) - EARTH_M;
    if level < 0.0 {
        return 1e9;
    }
    return scale * (2.0 * c * exp(-level / scale) - density * c / ((c - 1.0) * -slant + 1.0));
}

// Sunlight that air scatters into a view, once. Source: Nishita et al. 1993.
fn air_light(direction: vec3<f32>, sun: vec3<f32>) -> vec3<f32> {
    let b = EARTH_M * direction.y;
    let far = -b + sqrt(max(b * b + 2.0 * EARTH_M * AIR_TOP_M + AIR_TOP_M * AIR_TOP_M, 0.0));
    var through = vec2<f32>(0.0);
    var rayleigh = vec3<f32>(0.0);
    var mie = vec3<f32>(0.0);
    var before = 0.0;
    for (var i = 1; i <= 12; i++) {
        let part = f32(i) / 12.0;
        let t = far * part * part;
        let step = t - before;
        let at = vec3<f32>(0.0, EARTH_M, 0.0) + direction * (0.5 * (t + before));
        before = t;
        let r = length(at);
        let height = max(r - EARTH_M, 0.0);
        let density = exp(vec2<f32>(-height / AIR_SCALE_M, -height / HAZE_SCALE_M)) * step;
        let slant = dot(at, sun) / r;
        let lost = through + 0.5 * density + vec2<f32>(air_above(height, AIR_SCALE_M, slant), air_above(height, HAZE_SCALE_M, slant));
        through += density;
        // Ozone lies higher than the rest; along the way of the sun's light it counts as air does.
        let clear = exp(-(RAYLEIGH + OZONE) * lost.x - vec3<f32>(MIE_LOST * lost.y));
        rayleigh += clear * density.x;
        mie += clear * density.y;
    }
    let turn = dot(direction, sun);
    let g = 0.76;
    let phase_rayleigh = 0.0596831 * (1.0 + turn * turn);
    let phase_mie = 0.1193662 * (1.0 - g * g) * (1.0 + turn * turn) / ((2.0 + g * g) * pow(1.0 + g * g - 2.0 * g * turn, 1.5));
    return EXPOSURE * (rayleigh * RAYLEIGH * phase_rayleigh + mie * MIE * phase_mie);
}
#endif

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let direction = normalize(in.direction);
    let eye = view.world_position;
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
        var land = env.land.rgb * light;
#ifdef HEATED
        // Where no terrain is drawn, the heat layer lies on this ground.
        let is_left = (env.swipe.x < 0.0) | (in.position.x < env.swipe.x);
        if (env.heat.x > 0.5) & (select(env.swipe.z, env.swipe.y, is_left) < 0.5) {
            land = heated(land, at, 0.0, false, t * (2.0 / (view.clip_from_view[1].y * view.viewport.w)));
        }
#endif
        return vec4<f32>(dithered(shown(mix(haze, land, through)), in.position.xy), 1.0);
    }
    var colour = sky_colour(env.horizon, env.zenith, env.sun, env.sun_colour, direction);
#ifdef FULL
    // The horizon stays the theme's: haze fades to it.
    let air = env.sky_light.w * smoothstep(0.0, 0.18, direction.y);
    if air > 0.0 {
        colour = mix(colour, air_light(direction, env.sun.xyz), air);
    }
#endif
    return vec4<f32>(dithered(shown(colour), in.position.xy), 1.0);
}
