//! Places as people give them, and as results tell them.

use super::error::AnalysisError;
use super::kernel::{Kernel, Surfaces};
use crate::geo::{Geodetic, LocalFrame};
use glam::DVec3;
use serde::{Deserialize, Serialize};

/// A place asked about: degrees of WGS 84, with or without a height.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spot {
    pub lon: f64,
    pub lat: f64,
    /// Metres above the ellipsoid; the ground's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
    /// Metres above that height; what a tool takes for usual when absent and no height is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_m: Option<f64>,
}

/// A place of a result: longitude and latitude in degrees, metres above the ellipsoid.
pub type Place = [f64; 3];

impl Spot {
    pub fn new(lon: f64, lat: f64) -> Self {
        Self { lon, lat, height_m: None, above_m: None }
    }

    /// The place in the kernel's frame; `usual_m` above the ground when neither height is given, and above the roof
    /// there if it is more than 0.
    ///
    /// # Errors
    /// When a number is none, or no ground lies there and no height is given.
    pub(super) fn resolve(&self, kernel: &Kernel, usual_m: f64) -> Result<DVec3, AnalysisError> {
        let fine = (-180.0..=180.0).contains(&self.lon) && (-90.0..=90.0).contains(&self.lat);
        if !fine || !self.height_m.unwrap_or(0.0).is_finite() || !self.above_m.unwrap_or(0.0).is_finite() {
            return Err(AnalysisError::Input(format!("{}, {} is no longitude and latitude in degrees", self.lon, self.lat)));
        }
        let (base, usual) = match self.height_m {
            Some(height) => (height, 0.0),
            None => {
                let none = AnalysisError::NoGround { lon: self.lon, lat: self.lat };
                // Who looks around stands on the roof, not on the ground within the walls.
                let among = if usual_m > 0.0 { Surfaces::ALL } else { Surfaces::GROUND };
                let there = kernel.surface_m(self.lon, self.lat, among).or_else(|| kernel.ground_m(self.lon, self.lat));
                (there.ok_or(none)?, usual_m)
            }
        };
        let height = base + self.above_m.unwrap_or(usual);
        Ok(kernel.frame().geodetic_to_enu(Geodetic::from_degrees(self.lon, self.lat, height)))
    }
}

/// An east-north-up point as a result tells it.
pub(super) fn place(frame: &LocalFrame, enu: DVec3) -> Place {
    let g = frame.enu_to_geodetic(enu);
    [g.lon_deg(), g.lat_deg(), g.height_m]
}
