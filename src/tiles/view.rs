//! What one camera sees, as far as choosing tiles goes.

use glam::DVec3;

/// Half space: points with `normal . p + offset_m >= 0` are inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    /// Unit length, pointing inwards.
    pub normal: DVec3,
    pub offset_m: f64,
}

impl Plane {
    fn through(point: DVec3, normal: DVec3) -> Self {
        let normal = normal.normalize_or_zero();
        Self { normal, offset_m: -normal.dot(point) }
    }

    /// Signed distance, metres; positive inside.
    pub fn distance_m(&self, p: DVec3) -> f64 {
        self.normal.dot(p) + self.offset_m
    }
}

/// An off-axis frustum: slopes of its four sides against the forward axis. Left and bottom are negative in a centred one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tangents {
    pub left: f64,
    pub right: f64,
    pub bottom: f64,
    pub top: f64,
}

/// One camera: where it is, what it can see, and how many pixels a metre makes.
///
/// Culling and level of detail are separate on purpose: a wall node culls with its own output's frustum and picks detail
/// with the whole wall's height and angle, so that both sides of a seam draw the same tiles.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    position: DVec3,
    forward: DVec3,
    planes: [Plane; 5],
    /// Pixels that a slope of 1 against the forward axis covers: height / (2 tan(fovy / 2)).
    px_per_slope: f64,
    haze_per_m: f64,
}

impl View {
    /// A centred perspective camera. World coordinates (ECEF); `aspect` = width / height.
    pub fn perspective(position: DVec3, forward: DVec3, up: DVec3, fovy_rad: f64, aspect: f64, viewport_height_px: f64) -> Self {
        let top = (fovy_rad * 0.5).tan();
        let tangents = Tangents { left: -top * aspect, right: top * aspect, bottom: -top, top };
        Self::off_axis(position, forward, up, tangents, viewport_height_px, fovy_rad)
    }

    /// One output of a wall: `tangents` of the output's own frustum, `wall_height_px` and `wall_fovy_rad` of the whole wall.
    ///
    /// `forward` is the axis the tangents are measured against (the wall's normal), `position` the eye all outputs share.
    pub fn off_axis(position: DVec3, forward: DVec3, up: DVec3, tangents: Tangents, wall_height_px: f64, wall_fovy_rad: f64) -> Self {
        let forward = forward.normalize_or_zero();
        let right = forward.cross(up).normalize_or_zero();
        let up = right.cross(forward);
        let planes = [
            Plane::through(position, right - forward * tangents.left),
            Plane::through(position, forward * tangents.right - right),
            Plane::through(position, up - forward * tangents.bottom),
            Plane::through(position, forward * tangents.top - up),
            Plane::through(position, forward),
        ];
        let px_per_slope = wall_height_px / (2.0 * (wall_fovy_rad * 0.5).tan());
        Self { position, forward, planes, px_per_slope, haze_per_m: 0.0 }
    }

    /// The same camera in hazy air of `density_per_m` (1 / metre); 0 is clear air, as at first. See [`View::haze`].
    pub fn with_haze(self, density_per_m: f64) -> Self {
        // A density that is no number must not hide the city.
        Self { haze_per_m: if density_per_m > 0.0 { density_per_m } else { 0.0 }, ..self }
    }

    pub fn position(&self) -> DVec3 {
        self.position
    }

    pub fn forward(&self) -> DVec3 {
        self.forward
    }

    /// Left, right, bottom, top, and the plane through the eye; there is no far plane.
    pub fn planes(&self) -> &[Plane] {
        &self.planes
    }

    /// Pixels an error of `geometric_error_m` covers at `distance_m`; infinite at distance 0.
    ///
    /// Source: 3D Tiles 1.1, "Screen-space error": `error * height / (distance * 2 tan(fovy / 2))`.
    pub fn screen_space_error_px(&self, geometric_error_m: f64, distance_m: f64) -> f64 {
        if geometric_error_m <= 0.0 {
            return 0.0;
        }
        geometric_error_m * self.px_per_slope / distance_m
    }

    /// Metres that a pixel covers at `distance_m`, on a face that looks towards the camera.
    pub fn pixel_m(&self, distance_m: f64) -> f64 {
        distance_m / self.px_per_slope
    }

    /// The part of a thing's light that the haze has taken at `distance_m`: 0 before the eye, towards 1 far away.
    ///
    /// Source: CesiumJS `Math.fog`: `1 - exp(-(distance * density)^2)`, clearer near the eye and thicker far away than real air.
    pub fn haze(&self, distance_m: f64) -> f64 {
        if self.haze_per_m == 0.0 {
            return 0.0;
        }
        let depth = distance_m * self.haze_per_m;
        1.0 - (-depth * depth).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sees(view: &View, p: DVec3) -> bool {
        view.planes().iter().all(|plane| plane.distance_m(p) >= 0.0)
    }

    #[test]
    fn a_centred_camera_sees_its_cone_only() {
        let view = View::perspective(DVec3::ZERO, DVec3::Y, DVec3::Z, 90f64.to_radians(), 2.0, 1000.0);
        assert!(sees(&view, DVec3::new(1.9, 1.0, 0.9)));
        assert!(!sees(&view, DVec3::new(2.1, 1.0, 0.0)));
        assert!(!sees(&view, DVec3::new(0.0, 1.0, 1.1)));
        assert!(!sees(&view, DVec3::new(0.0, -1.0, 0.0)));
        assert!((view.screen_space_error_px(1.0, 100.0) - 5.0).abs() < 1e-9);
        assert!(view.screen_space_error_px(1.0, 0.0).is_infinite());
    }

    #[test]
    fn haze_takes_more_of_what_is_farther_and_nothing_in_clear_air() {
        let clear = View::perspective(DVec3::ZERO, DVec3::Y, DVec3::Z, 1.0, 1.0, 1000.0);
        assert_eq!((clear.haze(1e7), clear.clone().with_haze(f64::NAN).haze(1e7)), (0.0, 0.0));
        let hazy = clear.with_haze(1e-3);
        assert!((hazy.haze(1000.0) - (1.0 - (-1f64).exp())).abs() < 1e-12);
        assert!(hazy.haze(0.0) == 0.0 && hazy.haze(500.0) < hazy.haze(600.0) && hazy.haze(1e5) == 1.0);
    }

    #[test]
    fn the_right_half_of_a_wall_sees_the_right_half_at_the_walls_detail() {
        let whole = View::perspective(DVec3::ZERO, DVec3::Y, DVec3::Z, 1.0, 2.0, 4320.0);
        let top = 0.5f64.tan();
        let right_half = Tangents { left: 0.0, right: top * 2.0, bottom: -top, top };
        let node = View::off_axis(DVec3::ZERO, DVec3::Y, DVec3::Z, right_half, 4320.0, 1.0);
        assert!(sees(&node, DVec3::new(0.5, 1.0, 0.0)) && !sees(&node, DVec3::new(-0.5, 1.0, 0.0)));
        assert_eq!(whole.screen_space_error_px(3.0, 70.0), node.screen_space_error_px(3.0, 70.0));
    }
}
