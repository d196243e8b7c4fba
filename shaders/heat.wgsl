// A heat layer's field by inverse distance weighting (Shepard 1968); held to `heat::Idw` by a test.
struct Field {
    // West, south, width, height: metres from the anchor.
    extent: vec4<f32>,
    // Values at the two ends of the ramp, exponent, reach in metres.
    scale: vec4<f32>,
    count: u32,
    size: u32,
};

struct Sample {
    at: vec2<f32>,
    value: f32,
    spare: f32,
};

@group(0) @binding(0) var<uniform> field: Field;
@group(0) @binding(1) var<storage, read> samples: array<Sample>;
// r: value on the ramp 0..1; g: how well informed, 1 near a sensor, 0.5 at the end of its reach, 0 at twice that.
@group(0) @binding(2) var field_texture: texture_storage_2d<rgba16float, write>;

const NEAR_M = 1.0;

@compute @workgroup_size(8, 8)
fn interpolate(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= field.size || id.y >= field.size {
        return;
    }
    let place = field.extent.xy + (vec2<f32>(id.xy) + 0.5) / f32(field.size) * field.extent.zw;
    var sum = 0.0;
    var weights = 0.0;
    var nearest = 1e30;
    for (var i = 0u; i < field.count; i++) {
        let s = samples[i];
        let d = max(distance(place, s.at), NEAR_M);
        let w = pow(d, -field.scale.z);
        sum += w * s.value;
        weights += w;
        nearest = min(nearest, d);
    }
    let value = sum / max(weights, 1e-30);
    let on_ramp = (value - field.scale.x) / max(field.scale.y - field.scale.x, 1e-6);
    let informed = clamp(1.0 - 0.5 * nearest / field.scale.w, 0.0, 1.0) * f32(field.count > 0u);
    textureStore(field_texture, id.xy, vec4<f32>(clamp(on_ramp, 0.0, 1.0), informed, 0.0, 1.0));
}
