//! Our own projection: symmetric for desks, off-axis for wall nodes, always infinite reverse z.

use bevy::camera::{CameraProjection, Projection, SubCameraView};
use bevy::math::{Mat4, Vec3A, Vec4};

/// Tangents of the angles from the view axis to the four sides of a picture; left and bottom are negative for a centred one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tangents {
    pub left: f64,
    pub right: f64,
    pub bottom: f64,
    pub top: f64,
}

impl Tangents {
    /// A centred frustum. `fov_y_rad` is the vertical field of view, `aspect` width over height.
    pub fn symmetric(fov_y_rad: f64, aspect: f64) -> Self {
        let top = (fov_y_rad * 0.5).tan();
        Self { left: -top * aspect, right: top * aspect, bottom: -top, top }
    }

    /// Those that a perspective was made of.
    pub fn of(projection: &Projection) -> Self {
        let clip = projection.get_clip_from_view().as_dmat4();
        let (w, h) = (2.0 / clip.x_axis.x, 2.0 / clip.y_axis.y);
        let (cx, cy) = (clip.z_axis.x * w, clip.z_axis.y * h);
        Self { left: (cx - w) * 0.5, right: (cx + w) * 0.5, bottom: (cy - h) * 0.5, top: (cy + h) * 0.5 }
    }

    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    pub fn height(&self) -> f64 {
        self.top - self.bottom
    }
}

/// Vertical field of view on desk and wall, radians: 35 degrees, perspective without bulging towers (LOOK.md).
pub const FOV_Y_RAD: f64 = 35.0 * std::f64::consts::PI / 180.0;

/// A perspective through any rectangle of the image plane.
#[derive(Clone, Debug)]
pub struct FrustumProjection {
    pub tangents: Tangents,
    /// Fixed for one output of a wall; otherwise the tangents follow the window's shape.
    pub fixed: bool,
    /// Metres; reverse z with 32-bit floats keeps its precision to any distance.
    pub near_m: f32,
}

impl FrustumProjection {
    pub fn window() -> Self {
        Self { tangents: Tangents::symmetric(FOV_Y_RAD, 16.0 / 9.0), fixed: false, near_m: 1.0 }
    }

    pub fn output(tangents: Tangents) -> Self {
        Self { tangents, fixed: true, near_m: 1.0 }
    }
}

/// Farther than anything a city shows; only frustum culling and cascades ask for it.
const FAR_M: f32 = 400_000.0;

impl CameraProjection for FrustumProjection {
    fn get_clip_from_view(&self) -> Mat4 {
        let t = &self.tangents;
        let (w, h) = (t.width() as f32, t.height() as f32);
        Mat4::from_cols(
            Vec4::new(2.0 / w, 0.0, 0.0, 0.0),
            Vec4::new(0.0, 2.0 / h, 0.0, 0.0),
            Vec4::new((t.right + t.left) as f32 / w, (t.top + t.bottom) as f32 / h, 0.0, -1.0),
            Vec4::new(0.0, 0.0, self.near_m, 0.0),
        )
    }

    fn get_clip_from_view_for_sub(&self, _: &SubCameraView) -> Mat4 {
        // Outputs are cut by `Tangents`, never by sub-views (DESIGN section 8).
        self.get_clip_from_view()
    }

    fn update(&mut self, width: f32, height: f32) {
        if !self.fixed && width > 0.0 && height > 0.0 {
            self.tangents = Tangents::symmetric(FOV_Y_RAD, f64::from(width) / f64::from(height));
        }
    }

    fn far(&self) -> f32 {
        FAR_M
    }

    fn get_frustum_corners(&self, z_near: f32, z_far: f32) -> [Vec3A; 8] {
        let t = &self.tangents;
        let at = |z: f32, x: f64, y: f64| Vec3A::new(x as f32 * -z, y as f32 * -z, z);
        // Bevy's order: bottom right, top right, top left, bottom left; near then far.
        let ring = |z: f32| [at(z, t.right, t.bottom), at(z, t.right, t.top), at(z, t.left, t.top), at(z, t.left, t.bottom)];
        let (n, f) = (ring(z_near), ring(z_far));
        [n[0], n[1], n[2], n[3], f[0], f[1], f[2], f[3]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sides_of_an_off_axis_frustum_land_on_the_sides_of_the_picture() {
        let p = FrustumProjection::output(Tangents { left: -0.1, right: 0.9, bottom: -0.5, top: 0.2 });
        let clip = p.get_clip_from_view();
        let ndc = |x: f32, y: f32| {
            let c = clip * Vec4::new(x * 50.0, y * 50.0, -50.0, 1.0);
            (c.x / c.w, c.y / c.w)
        };
        let close = |a: (f32, f32), b: (f32, f32)| assert!((a.0 - b.0).abs() < 1e-5 && (a.1 - b.1).abs() < 1e-5, "{a:?} {b:?}");
        close(ndc(-0.1, -0.5), (-1.0, -1.0));
        close(ndc(0.9, 0.2), (1.0, 1.0));
    }
}
