// What is cut out of the city: a polygon seen from above, one side of planes, and the ground over what lies below it.
#define_import_path yiping::clip
#import yiping::place::{TERRAIN, LAND}

// The Rust twin is `render::clip::ClipUniform`.
struct Clip {
    // x: 1 with a polygon, y: 1 keeps what is inside instead, z: 1 cuts the ground too, w: 1 where the ground is thinned out to see below it.
    how: vec4<f32>,
    // What lies on the side of the normal (xyz, Bevy's axes) beyond w metres; no normal, no plane.
    planes: array<vec4<f32>, 2>,
    // Of the picture of distances: west, north (Bevy's x and z, metres), 1 / width, 1 / height.
    extent: vec4<f32>,
};

@group(#{MATERIAL_BIND_GROUP}) @binding(8) var<uniform> clip: Clip;
// Metres to the polygon's border, below 0 inside: one look instead of a walk around the corners for each pixel, which made llvmpipe (Mesa 22)
// fail in depth passes besides.
@group(#{MATERIAL_BIND_GROUP}) @binding(9) var clip_distances: texture_2d<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(10) var clip_sampler: sampler;

fn is_cut(world: vec3<f32>, surface: u32, pixel: vec2<f32>) -> bool {
    let ground = surface >= TERRAIN && surface <= LAND;
    // Three pixels of four go: what lies under the ground is seen through it.
    let at = vec2<u32>(pixel) & vec2<u32>(1u);
    let thinned = clip.how.w > 0.5 && ground && at.x + at.y > 0u;
    let uv = (world.xz - clip.extent.xy) * clip.extent.zw;
    let beside = any(uv < vec2<f32>(0.0)) || any(uv > vec2<f32>(1.0));
    let inside = !beside && textureSampleLevel(clip_distances, clip_sampler, uv, 0.0).r < 0.0;
    let polygon = clip.how.x > 0.5;
    let first = dot(clip.planes[0].xyz, clip.planes[0].xyz) > 0.5;
    let second = dot(clip.planes[1].xyz, clip.planes[1].xyz) > 0.5;
    // What all of polygon and planes name goes.
    let named = (!polygon || inside != (clip.how.y > 0.5))
        && (!first || dot(clip.planes[0].xyz, world) > clip.planes[0].w)
        && (!second || dot(clip.planes[1].xyz, world) > clip.planes[1].w);
    return thinned || ((polygon || first || second) && named && (!ground || clip.how.z > 0.5));
}
