// What the tier `full` adds: shadows of the sun, and shade where little of the sky is seen.
#define_import_path yiping::full
#import bevy_pbr::mesh_view_bindings::view
#import bevy_pbr::mesh_view_bindings as view_bindings
#import bevy_pbr::shadows::fetch_directional_shadow
#import bevy_pbr::prepass_utils::prepass_depth
#import bevy_pbr::mesh_types

// Part of the sun that reaches a point, 0..1.
fn sunlit(world: vec3<f32>, normal: vec3<f32>, position: vec4<f32>, facing: f32) -> f32 {
    if facing <= 0.0 || view_bindings::lights.n_directional_lights == 0u {
        return 1.0;
    }
    let view_z = dot(vec4<f32>(view.view_from_world[0].z, view.view_from_world[1].z, view.view_from_world[2].z, view.view_from_world[3].z), vec4<f32>(world, 1.0));
    return fetch_directional_shadow(0u, vec4<f32>(world, 1.0), normal, view_z, position.xy);
}

// Depth along the view axis, metres, of the nearest thing at a pixel; our projection is infinite reverse z, so depth is near / distance.
fn depth_at(at: vec2<f32>, near: f32) -> f32 {
    return near / max(prepass_depth(vec4<f32>(at, 0.0, 0.0), 0u), 1e-7);
}

// Part of the sky seen from a point, 0..1: how much of what is around it in the picture stands nearer to the eye, within a street's width.
fn open_to_sky(position: vec4<f32>, distance: f32, pixel: f32) -> f32 {
    let near = view.clip_from_view[3].z;
    let here = near / max(position.z, 1e-7);
    // 12 m around, as pixels; nothing where that is less than two.
    let reach = min(12.0 / max(pixel, 1e-4), 60.0);
    if reach < 2.0 {
        return 1.0;
    }
    let fade = clamp((reach - 2.0) / 6.0, 0.0, 1.0);
    let turn = 6.2831853 * fract(52.9829189 * fract(dot(floor(position.xy), vec2<f32>(0.06711056, 0.00583715))));
    let size = view.viewport.zw - vec2<f32>(1.0);
    var shade = 0.0;
    for (var i = 0; i < 16; i++) {
        let angle = turn + f32(i) * 2.3999632;
        let r = sqrt((f32(i) + 0.5) / 16.0) * reach;
        let at = clamp(position.xy + r * vec2<f32>(cos(angle), sin(angle)), vec2<f32>(0.0), size);
        let above = here - depth_at(at, near);
        // What is in front by centimetres is the same wall; what is in front by much more is another street.
        shade += smoothstep(0.3, 2.0, above) * (1.0 - smoothstep(14.0, 30.0, above));
    }
    return 1.0 - 0.75 * fade * min(shade / 16.0 * 1.6, 1.0);
}
