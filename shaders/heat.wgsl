// A heat layer's field by inverse distance weighting over all sensors (Shepard 1968); held to `heat::Idw` by a test.
struct Field {
    // West, south, width, height: metres from the anchor.
    extent: vec4<f32>,
    // x: exponent, y: reach in metres.
    scale: vec4<f32>,
    // Ends of the classes, rising: one more than there are.
    bounds: array<vec4<f32>, 3>,
    classes: u32,
    count: u32,
    // Sensors that are left out follow the others in `samples`.
    left_out: u32,
    size: u32,
    // Heights of the levels as distances count them; they lie beside each other, `side` a row, `cells` by `cells` each.
    ups: array<vec4<f32>, 3>,
    levels: u32,
    side: u32,
    cells: u32,
};

struct Sample {
    at: vec2<f32>,
    value: f32,
    up: f32,
};

@group(0) @binding(0) var<uniform> field: Field;
@group(0) @binding(1) var<storage, read> samples: array<Sample>;
// r: value on the ramp 0..1; g: how well informed, 1 near a sensor, 0.5 at the end of its reach, 0 at twice that;
// b: 1 where the nearest sensor is one that is left out.
@group(0) @binding(2) var field_texture: texture_storage_2d<rgba16float, write>;

const NEAR_M = 1.0;

fn bound(i: u32) -> f32 {
    return field.bounds[i / 4u][i % 4u];
}

// `model::scale::Scale::on_ramp`: straight within a class, every class takes the same part.
fn on_ramp(value: f32) -> f32 {
    var place = 0u;
    for (var i = 1u; i < field.classes; i++) {
        place += u32(value > bound(i));
    }
    let within = (value - bound(place)) / max(bound(place + 1u) - bound(place), 1e-9);
    return clamp((f32(place) + within) / f32(max(field.classes, 1u)), 0.0, 1.0);
}

@compute @workgroup_size(8, 8)
fn interpolate(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= field.size || id.y >= field.size {
        return;
    }
    let column = id.xy / field.cells;
    let level = column.y * field.side + column.x;
    if max(column.x, column.y) >= field.side || level >= field.levels {
        textureStore(field_texture, id.xy, vec4<f32>(0.0));
        return;
    }
    let flat = field.extent.xy + (vec2<f32>(id.xy % field.cells) + 0.5) / f32(field.cells) * field.extent.zw;
    let place = vec3<f32>(flat, field.ups[level / 4u][level % 4u]);
    var sum = 0.0;
    var weights = 0.0;
    var nearest = 1e30;
    for (var i = 0u; i < field.count; i++) {
        let s = samples[i];
        let d = max(distance(place, vec3<f32>(s.at, s.up)), NEAR_M);
        let w = pow(d, -field.scale.x);
        sum += w * s.value;
        weights += w;
        nearest = min(nearest, d);
    }
    var absent = 1e30;
    for (var i = field.count; i < field.count + field.left_out; i++) {
        absent = min(absent, distance(place, vec3<f32>(samples[i].at, samples[i].up)));
    }
    let value = sum / max(weights, 1e-30);
    let reach = field.scale.y;
    let informed = clamp(1.0 - 0.5 * nearest / reach, 0.0, 1.0) * f32(field.count > 0u);
    let left_out = select(0.0, smoothstep(0.0, 0.2, 1.0 - absent / nearest), absent <= reach);
    textureStore(field_texture, id.xy, vec4<f32>(on_ramp(value), informed, left_out, 1.0));
}
