// The heat layer over whatever stands or lies there, and the light that it is seen in: of the city's materials and of the ground beyond the data.
#define_import_path yiping::draped
#import yiping::environment::Environment

#ifdef TEXTURED
// One buffer for all textured tiles, so that a moving camera does not rebuild the bindings of each.
@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<storage, read> env: Environment;
#else
@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> env: Environment;
#endif
@group(#{MATERIAL_BIND_GROUP}) @binding(2) var heat_field: texture_2d<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(3) var heat_sampler: sampler;
@group(#{MATERIAL_BIND_GROUP}) @binding(4) var heat_ramp: texture_2d<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(5) var ramp_sampler: sampler;

const HATCH_COLOUR = vec3<f32>(0.20, 0.24, 0.30);

// 60 m stripes in world space stay where they are when the camera moves.
fn hatch(world: vec3<f32>, pixel: f32) -> f32 {
    let across = fract((world.x - world.z) / 84.0);
    let edge = clamp(pixel / 60.0, 0.02, 0.5);
    return smoothstep(0.42 - edge, 0.42 + edge, across) * (1.0 - smoothstep(0.58 - edge, 0.58 + edge, across));
}

// Texels along a side of the field's texture: `render::heat::FIELD_SIZE`.
const FIELD_TEXELS = 512.0;

// One level of the field; they lie beside each other, as `heat::Levels` has it.
fn level_at(uv: vec2<f32>, level: u32, side: u32) -> vec4<f32> {
    let cells = floor(FIELD_TEXELS / f32(side));
    let corner = vec2<f32>(f32(level % side), f32(level / side)) * cells;
    let texel = corner + clamp(uv * cells, vec2<f32>(0.5), vec2<f32>(cells - 0.5));
    return textureSampleLevel(heat_field, heat_sampler, texel / FIELD_TEXELS, 0.0);
}

// The field `above` metres over the ground, straight between two levels.
//
// No branch and no loop hangs on uniforms alone: Mesa 22's lavapipe would compile the shader anew for each draw and keep every one. Levels that are not there
// stand out of reach.
fn field_at(uv: vec2<f32>, above: f32) -> vec4<f32> {
    let side = max(u32(ceil(sqrt(env.heat.x) - 0.001)), 1u);
    let one = vec4<f32>(1.0);
    let reached = dot(step(env.heat_levels[0], one * above), one) + dot(step(env.heat_levels[1], one * above), one) + step(env.heat_levels[2].x, above);
    let below = u32(clamp(reached - 1.0, 0.0, max(env.heat.x - 2.0, 0.0)));
    let low = env.heat_levels[below / 4u][below % 4u];
    let high = env.heat_levels[(below + 1u) / 4u][(below + 1u) % 4u];
    let part = clamp((above - low) / max(high - low, 0.01), 0.0, 1.0);
    let here = level_at(uv, below, side);
    if part < 0.002 {
        return here;
    }
    return mix(here, level_at(uv, below + 1u, side), part);
}

// The heat layer's colour over what stands there; the field says how well sensors inform the place (g) and where one was left out (b).
fn heated(colour: vec3<f32>, world: vec3<f32>, above: f32, wall: bool, pixel: f32) -> vec3<f32> {
    let uv = (vec2<f32>(world.x, -world.z) - env.heat_extent.xy) * env.heat_extent.zw;
    if any(uv < vec2<f32>(0.0)) || any(uv > vec2<f32>(1.0)) {
        return colour;
    }
    let field = field_at(uv, above);
    let value = clamp(field.r, 0.0, 1.0);
    let opacity = select(env.heat.y, env.heat.z, wall);
    if field.g <= 0.004 {
        return colour;
    }
    if field.g < 0.5 {
        // No sensor informs this place: hatched, not coloured.
        let shown = smoothstep(0.0, 0.25, field.g);
        return mix(colour, HATCH_COLOUR, hatch(world, pixel) * mix(0.16, 0.30, field.b) * shown);
    }
    let ramp = textureSampleLevel(heat_ramp, ramp_sampler, vec2<f32>(value, 0.5), 0.0).rgb;
    // A thin contour at each class's end, one and a half pixels wide.
    let steps = value * env.heat.w;
    let to_step = abs(fract(steps + 0.5) - 0.5);
    // Where nothing changes (an area, an end of the ramp) no line runs.
    let slope = fwidth(steps);
    let contour = (1.0 - smoothstep(0.5, 1.5, to_step / max(slope, 1e-5))) * select(0.35, 0.0, wall || slope < 2e-5);
    let lit = clamp(dot(colour, vec3<f32>(3.0)), 0.55, 1.25);
    // Low values let the city through: what is ordinary should not shout.
    let strength = opacity * mix(0.10, 1.0, smoothstep(0.15, 0.65, value));
    let heat = mix(colour, ramp * lit + vec3<f32>(contour * 0.25), strength * smoothstep(0.5, 0.75, field.g));
    // A sensor that is left out stands here: the colour comes from others farther away, and is hatched.
    return mix(heat, HATCH_COLOUR, hatch(world, pixel) * 0.30 * field.b);
}
