// What is cut out of the city: a polygon seen from above, one side of a plane, and the ground over what lies below it.
#define_import_path yiping::clip
#import yiping::place::{is_building, TERRAIN, LAND, WATER, GREEN, ROAD}

// The Rust twin is `render::clip::ClipUniform`.
struct Clip {
    // x: number of corners, y: 1 keeps what is inside instead, z: 1 cuts the ground too, w: 1 where the ground is thinned out to see below it.
    how: vec4<f32>,
    // What lies on the side of the normal (xyz, Bevy's axes) beyond w metres; no normal, no plane.
    planes: array<vec4<f32>, 2>,
    // Corners of the polygon, x and z in metres, two in each.
    area: array<vec4<f32>, 32>,
};

@group(#{MATERIAL_BIND_GROUP}) @binding(8) var<uniform> clip: Clip;

fn corner(i: u32) -> vec2<f32> {
    let two = clip.area[i / 2u];
    return select(two.xy, two.zw, (i & 1u) == 1u);
}

// Source: W. R. Franklin, PNPOLY: a ray to one side crosses the border an odd number of times from inside.
fn within(at: vec2<f32>) -> bool {
    let corners = u32(clip.how.x);
    var inside = false;
    var before = corner(corners - 1u);
    for (var i = 0u; i < corners; i++) {
        let here = corner(i);
        if (here.y > at.y) != (before.y > at.y) && at.x < (before.x - here.x) * (at.y - here.y) / (before.y - here.y) + here.x {
            inside = !inside;
        }
        before = here;
    }
    return inside;
}

fn is_cut(world: vec3<f32>, surface: u32, pixel: vec2<f32>) -> bool {
    let ground = surface >= TERRAIN && surface <= LAND;
    if clip.how.w > 0.5 && ground {
        // Three pixels of four go: what lies under the ground is seen through it.
        let at = vec2<u32>(pixel) & vec2<u32>(1u);
        if at.x + at.y > 0u { return true; }
    }
    if ground && clip.how.z < 0.5 { return false; }
    // What all of polygon and planes name goes.
    let polygon = clip.how.x > 2.5;
    var cuts = polygon;
    for (var i = 0; i < 2; i++) {
        let plane = clip.planes[i];
        if dot(plane.xyz, plane.xyz) > 0.5 {
            if dot(plane.xyz, world) <= plane.w { return false; }
            cuts = true;
        }
    }
    return cuts && (!polygon || within(world.xz) != (clip.how.y > 0.5));
}
