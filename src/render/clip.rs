//! What is cut out of the city: a polygon seen from above, one side of a plane, the ground over what lies below it.
//!
//! Insert or change [`CityClip`]; shadows are cut with what casts them.

use super::material::{CityMaterial, TexturedMaterial};
use crate::geo::{Geodetic, LocalFrame};
use crate::model::clip::ClipRegion;
use bevy::asset::RenderAssetUsages;
use bevy::image::ImageSampler;
use bevy::math::{DVec2, DVec3, Vec4};
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, ShaderType, TextureDimension, TextureFormat};

/// Corners a person clicks together, at most.
pub const CORNERS_MAX: usize = 64;
/// Texels along each side of the picture of distances: 2 m for a polygon of a kilometre; between them straight borders stay straight.
const SIDE: usize = 512;

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

    fn has_polygon(&self) -> bool {
        self.polygon_m.len() > 2
    }

    /// South-west corner and size of what the picture of distances covers, metres: the polygon with a margin, so that its border lies within.
    fn extent(&self) -> (DVec2, DVec2) {
        let start = (DVec2::INFINITY, DVec2::NEG_INFINITY);
        let (low, high) = self.polygon_m.iter().fold(start, |(l, h), p| (l.min(*p), h.max(*p)));
        if !self.has_polygon() {
            return (DVec2::ZERO, DVec2::ONE);
        }
        let margin = (high - low) * 0.02 + 1.0;
        (low - margin, high - low + 2.0 * margin)
    }

    /// Whether anything is cut at all.
    pub fn is_active(&self) -> bool {
        self.has_polygon() || !self.planes.is_empty() || self.see_below_ground
    }
}

/// Twin of `Clip` in `shaders/clip.wgsl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, ShaderType)]
pub struct ClipUniform {
    how: Vec4,
    planes: [Vec4; 2],
    extent: Vec4,
}

impl From<&CityClip> for ClipUniform {
    fn from(clip: &CityClip) -> Self {
        let flag = |on: bool| f32::from(u8::from(on));
        // Bevy's axes: x east, y up, z south.
        let mut planes = [Vec4::ZERO; 2];
        for (to, (n, distance)) in planes.iter_mut().zip(&clip.planes) {
            *to = Vec4::new(n.x as f32, n.z as f32, -n.y as f32, *distance as f32);
        }
        let (low, size) = clip.extent();
        Self {
            how: Vec4::new(flag(clip.has_polygon()), flag(clip.keep_inside), flag(clip.with_ground), flag(clip.see_below_ground)),
            planes,
            extent: Vec4::new(low.x as f32, -(low.y + size.y) as f32, 1.0 / size.x as f32, 1.0 / size.y as f32),
        }
    }
}

/// The picture of distances that all tiles look at.
#[derive(Resource, Clone)]
pub struct ClipPicture(pub Handle<Image>);

/// Metres from the middles of texels to the polygon's border, negative inside; rows from north to south.
fn distances(clip: &CityClip) -> Vec<f32> {
    if !clip.has_polygon() {
        return vec![f32::MAX];
    }
    let (low, size) = clip.extent();
    let at = |x: usize, y: usize| {
        let part = DVec2::new((x as f64 + 0.5) / SIDE as f64, 1.0 - (y as f64 + 0.5) / SIDE as f64);
        to_border(&clip.polygon_m, low + part * size) as f32
    };
    (0..SIDE * SIDE).map(|i| at(i % SIDE, i / SIDE)).collect()
}

/// Distance to a polygon, negative inside. Source: I. Quilez, "distance functions", polygon.
fn to_border(polygon: &[DVec2], p: DVec2) -> f64 {
    let (mut nearest, mut inside) = (f64::INFINITY, false);
    let mut before = polygon.last().copied().unwrap_or_default();
    for &corner in polygon {
        let (edge, to) = (before - corner, p - corner);
        let along = (to.dot(edge) / edge.length_squared().max(1e-12)).clamp(0.0, 1.0);
        nearest = nearest.min((to - edge * along).length_squared());
        if (corner.y > p.y) != (before.y > p.y) && p.x < edge.x * (p.y - corner.y) / edge.y + corner.x {
            inside = !inside;
        }
        before = corner;
    }
    if inside { -nearest.sqrt() } else { nearest.sqrt() }
}

fn picture(clip: &CityClip) -> Image {
    let values = distances(clip);
    let side = if values.len() == 1 { 1 } else { SIDE as u32 };
    let size = Extent3d { width: side, height: side, depth_or_array_layers: 1 };
    // Halves: 32-bit floats can't be filtered everywhere. Beyond 1 km only the sign counts.
    let bytes: Vec<u8> = values.iter().flat_map(|v| half::f16::from_f32(v.clamp(-1e3, 1e3)).to_le_bytes()).collect();
    let mut image = Image::new(size, TextureDimension::D2, bytes, TextureFormat::R16Float, RenderAssetUsages::RENDER_WORLD);
    image.sampler = ImageSampler::linear();
    image
}

/// Hands the cut to the materials of all tiles.
pub struct ClipPlugin;

impl Plugin for ClipPlugin {
    fn build(&self, app: &mut App) {
        let image = app.world_mut().resource_mut::<Assets<Image>>().add(picture(&CityClip::default()));
        app.insert_resource(ClipPicture(image)).init_resource::<CityClip>().add_systems(PostUpdate, cut);
    }
}

/// Frames in a row in which materials are written after a change. With a depth prepass the first write alone left meshes with the pipelines of before, in
/// which nothing is cut (Bevy 0.19.1, seen on SwiftShader); a second one mends that.
pub(super) const WRITES: u32 = 3;

fn cut(
    clip: Res<CityClip>,
    shown: Res<ClipPicture>,
    mut images: ResMut<Assets<Image>>,
    mut plain: ResMut<Assets<CityMaterial>>,
    mut textured: ResMut<Assets<TexturedMaterial>>,
    mut writes: Local<u32>,
) {
    if clip.is_changed() {
        *writes = WRITES;
        if images.insert(&shown.0, picture(&clip)).is_err() {
            tracing::error!("the picture of the cut is gone");
        }
    }
    if *writes == 0 {
        return;
    }
    *writes -= 1;
    let (uniform, active) = (ClipUniform::from(&*clip), clip.is_active());
    // Each write makes the binding anew, with the new picture.
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

    fn square() -> CityClip {
        let corners = [(0.0, 0.0), (100.0, 0.0), (100.0, 50.0), (0.0, 50.0)];
        CityClip { polygon_m: corners.map(|(x, y)| DVec2::new(x, y)).to_vec(), planes: vec![(DVec3::Y, 5.0)], ..default() }
    }

    #[test]
    fn distances_are_negative_inside_and_measured_to_the_nearest_edge() {
        let p = square().polygon_m;
        assert_eq!(to_border(&p, DVec2::new(50.0, 10.0)), -10.0);
        assert_eq!(to_border(&p, DVec2::new(103.0, 54.0)), 5.0);
        let all = distances(&square());
        let inside = all.iter().filter(|d| **d < 0.0).count() as f64 / all.len() as f64;
        let (_, size) = square().extent();
        assert!((inside - 5_000.0 / (size.x * size.y)).abs() < 0.01, "{inside}");
        assert!(all[..SIDE].iter().all(|d| *d > 0.0), "the border lies within the picture");
    }

    #[test]
    fn planes_stand_in_bevys_axes_and_two_corners_are_no_polygon() {
        assert_eq!(ClipUniform::from(&square()).planes[0], Vec4::new(0.0, 0.0, -1.0, 5.0));
        let line = CityClip { polygon_m: vec![DVec2::ZERO, DVec2::X], ..default() };
        assert!(!line.is_active() && ClipUniform::from(&line).how.x == 0.0 && distances(&line).len() == 1);
    }
}
