//! What is cut out of the city: a polygon seen from above, one side of a plane, the ground over what lies below it.
//!
//! Insert or change [`CityClip`]; shadows are cut with what casts them.

use super::material::{CityMaterial, TexturedMaterial};
use crate::geo::{Geodetic, LocalFrame};
use crate::model::clip::ClipRegion;
use bevy::math::{DVec2, DVec3, Vec4};
use bevy::prelude::*;
use bevy::render::render_resource::ShaderType;

/// Corners of the polygon, at most; the rest is left out and said in the log.
pub const CORNERS_MAX: usize = 64;

/// A cut through the city, east-north-up metres of the scene's frame. Of polygon and planes, what all name goes; see [`ClipRegion`].
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub struct CityClip {
    /// Corners in order; fewer than three: no polygon.
    pub polygon_m: Vec<DVec2>,
    /// Keeps what is inside the polygon and cuts the rest.
    pub keep_inside: bool,
    /// Cuts ground, water and roads too, not buildings alone.
    pub with_ground: bool,
    /// What lies beyond a distance (metres) from the origin along a unit normal goes; two at most.
    pub planes: Vec<(DVec3, f64)>,
    /// The ground is thinned out, so that what lies below it is seen.
    pub see_below_ground: bool,
}

impl CityClip {
    /// The region in a frame.
    pub fn new(region: &ClipRegion, frame: &LocalFrame) -> Self {
        let enu = |lon: f64, lat: f64, h: f64| frame.geodetic_to_enu(Geodetic::from_degrees(lon, lat, h));
        let mut planes = Vec::new();
        if let Some(above) = region.above_m {
            planes.push((DVec3::Z, above - frame.origin().height_m));
        }
        if let Some(plane) = region.plane {
            let normal = DVec3::from(plane.normal).normalize_or_zero();
            planes.push((normal, normal.dot(enu(plane.lon, plane.lat, plane.height_m))));
        }
        Self {
            polygon_m: region.polygon.iter().map(|p| enu(p[0], p[1], 0.0).truncate()).collect(),
            keep_inside: region.keep_inside,
            with_ground: region.with_ground,
            planes,
            see_below_ground: region.see_below_ground,
        }
    }

    /// Whether anything is cut at all.
    pub fn is_active(&self) -> bool {
        self.polygon_m.len() > 2 || !self.planes.is_empty() || self.see_below_ground
    }
}

/// Twin of `Clip` in `shaders/clip.wgsl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, ShaderType)]
pub struct ClipUniform {
    how: Vec4,
    planes: [Vec4; 2],
    area: [Vec4; CORNERS_MAX / 2],
}

impl From<&CityClip> for ClipUniform {
    fn from(clip: &CityClip) -> Self {
        let flag = |on: bool| f32::from(u8::from(on));
        let corners = if clip.polygon_m.len() < 3 { &[] } else { &clip.polygon_m[..clip.polygon_m.len().min(CORNERS_MAX)] };
        // Bevy's axes: x east, y up, z south.
        let xz = |p: &DVec2| (p.x as f32, -p.y as f32);
        let mut area = [Vec4::ZERO; CORNERS_MAX / 2];
        for (two, of) in area.iter_mut().zip(corners.chunks(2)) {
            let (a, b) = (xz(&of[0]), of.get(1).map_or((0.0, 0.0), xz));
            *two = Vec4::new(a.0, a.1, b.0, b.1);
        }
        let mut planes = [Vec4::ZERO; 2];
        for (to, (n, distance)) in planes.iter_mut().zip(&clip.planes) {
            *to = Vec4::new(n.x as f32, n.z as f32, -n.y as f32, *distance as f32);
        }
        Self {
            how: Vec4::new(corners.len() as f32, flag(clip.keep_inside), flag(clip.with_ground), flag(clip.see_below_ground)),
            planes,
            area,
        }
    }
}

/// Hands the cut to the materials of all tiles.
pub struct ClipPlugin;

impl Plugin for ClipPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<CityClip>().add_systems(PostUpdate, cut);
    }
}

fn cut(clip: Res<CityClip>, mut plain: ResMut<Assets<CityMaterial>>, mut textured: ResMut<Assets<TexturedMaterial>>) {
    if !clip.is_changed() {
        return;
    }
    if clip.polygon_m.len() > CORNERS_MAX {
        tracing::warn!("the cut has {} corners; the first {CORNERS_MAX} count", clip.polygon_m.len());
    }
    let (uniform, active) = (ClipUniform::from(&*clip), clip.is_active());
    for (_, material) in plain.iter_mut() {
        (material.clip, material.clipped) = (uniform, active);
    }
    for (_, material) in textured.iter_mut() {
        (material.clip, material.clipped) = (uniform, active);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_and_plane_stand_in_bevys_axes_and_two_corners_are_no_polygon() {
        let square = vec![DVec2::new(0.0, 0.0), DVec2::new(10.0, 0.0), DVec2::new(10.0, 20.0)];
        let clip = CityClip { polygon_m: square, planes: vec![(DVec3::Y, 5.0)], ..default() };
        let u = ClipUniform::from(&clip);
        assert_eq!((u.how.x, u.area[0], u.area[1]), (3.0, Vec4::new(0.0, 0.0, 10.0, 0.0), Vec4::new(10.0, -20.0, 0.0, 0.0)));
        assert_eq!(u.planes[0], Vec4::new(0.0, 0.0, -1.0, 5.0));
        let line = CityClip { polygon_m: vec![DVec2::ZERO, DVec2::X], ..default() };
        assert!(!line.is_active() && ClipUniform::from(&line).how.x == 0.0);
    }
}
