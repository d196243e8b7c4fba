//! Small made-up cities for tests.

use super::kernel::{Kernel, KernelBuilder};
use crate::geo::{Geodetic, LocalFrame};
use glam::{DVec3, dvec3};

/// Height above the ellipsoid of the ground of the cities here, metres.
pub const GROUND_M: f64 = 20.0;

pub fn frame() -> LocalFrame {
    LocalFrame::new(Geodetic::from_degrees(118.275, 33.963, GROUND_M))
}

pub fn add_plane(builder: &mut KernelBuilder, half_m: f64) {
    let ground = builder.object("terrain", "Terrain");
    let c = |e: f64, n: f64| dvec3(e * half_m, n * half_m, 0.0);
    builder.add_triangle([c(-1.0, -1.0), c(1.0, -1.0), c(1.0, 1.0)], Some(ground), 4);
    builder.add_triangle([c(-1.0, -1.0), c(1.0, 1.0), c(-1.0, 1.0)], Some(ground), 4);
}

/// An upright box on the ground, seen from outside, without a floor.
pub fn add_box(builder: &mut KernelBuilder, id: &str, centre: (f64, f64), half: (f64, f64), height: f64) {
    let object = Some(builder.object(id, "Building"));
    let c = |x: f64, y: f64, z: f64| dvec3(centre.0 + x * half.0, centre.1 + y * half.1, z);
    let ring = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
    for i in 0..4 {
        let ((ax, ay), (bx, by)) = (ring[i], ring[(i + 1) % 4]);
        builder.add_triangle([c(ax, ay, 0.0), c(bx, by, 0.0), c(bx, by, height)], object, 1);
        builder.add_triangle([c(ax, ay, 0.0), c(bx, by, height), c(ax, ay, height)], object, 1);
    }
    builder.add_triangle([c(-1.0, -1.0, height), c(1.0, -1.0, height), c(1.0, 1.0, height)], object, 2);
    builder.add_triangle([c(-1.0, -1.0, height), c(1.0, 1.0, height), c(-1.0, 1.0, height)], object, 2);
}

/// Level ground of 400 m with nothing on it.
pub fn plane() -> Kernel {
    let mut builder = KernelBuilder::new(frame());
    add_plane(&mut builder, 200.0);
    builder.build()
}

/// Level ground, a box of 10 m by 10 m by 10 m at 20 m east and one 20 m high at 40 m north.
pub fn plane_and_boxes() -> Kernel {
    let mut builder = KernelBuilder::new(frame());
    add_plane(&mut builder, 200.0);
    add_box(&mut builder, "box-east", (20.0, 0.0), (5.0, 5.0), 10.0);
    add_box(&mut builder, "box-north", (0.0, 40.0), (8.0, 5.0), 20.0);
    builder.build()
}

/// Longitude, latitude and height of an east-north-up point.
pub fn lon_lat(east: f64, north: f64) -> [f64; 2] {
    let g = frame().enu_to_geodetic(DVec3::new(east, north, 0.0));
    [g.lon_deg(), g.lat_deg()]
}
