//! Small coloured squares that lie on the city: cells of a viewshed, points in the sun. Made anew only when the camera moves.

use crate::analysis::{Asked, Kernel, Surfaces, ToolInput, ToolResult, inside};
use crate::geo::{Ecef, Geodetic};
use crate::model::view::CameraPose;
use crate::render::heat::ramp_colour;
use crate::screen::overlay::Projector;
use crate::screen::style::ACCENT;
use bevy::math::{DVec2, DVec3};
use bevy_egui::egui::{Color32, Mesh, Painter, Rect, Shape};
use std::sync::Arc;

/// What was drawn last, and for what.
#[derive(Default)]
pub struct Patches {
    made: Option<(CameraPose, Rect, Asked, Arc<Mesh>)>,
}

/// One square: middle, half its two sides, colour.
struct Patch {
    at: DVec3,
    u: DVec3,
    v: DVec3,
    colour: Color32,
}

const SEEN: Color32 = Color32::from_rgba_premultiplied(50, 130, 90, 165);
const HIDDEN: Color32 = Color32::from_rgba_premultiplied(100, 26, 30, 110);
/// Squares lie this far off what they lie on, metres.
const LIFT_M: f64 = 0.3;

impl Patches {
    /// Draws the squares of an answer that the camera sees: what stands before them in `kernel` hides them.
    pub fn draw(
        &mut self,
        painter: &Painter,
        projector: &Projector,
        pose: &CameraPose,
        result: &ToolResult,
        asked: Option<&Asked>,
        kernel: &Kernel,
    ) {
        let Some(asked) = asked.filter(|a| matches!(a.input, ToolInput::Area { .. } | ToolInput::Viewshed(_) | ToolInput::SunHours(_)))
        else {
            return;
        };
        let fits = self.made.as_ref().is_some_and(|(p, r, a, _)| p == pose && *r == projector.screen && a == asked);
        if !fits {
            let mesh = mesh(projector, &patches(projector, result, asked, kernel), kernel);
            self.made = Some((*pose, projector.screen, asked.clone(), Arc::new(mesh)));
        }
        if let Some((.., mesh)) = &self.made {
            painter.add(Shape::mesh(mesh.clone()));
        }
    }
}

fn patches(projector: &Projector, result: &ToolResult, asked: &Asked, kernel: &Kernel) -> Vec<Patch> {
    let enu = |p: &[f64; 3]| projector.frame.geodetic_to_enu(Geodetic::from_degrees(p[0], p[1], p[2]));
    match (result, &asked.input) {
        (ToolResult::Viewshed(view), _) => {
            let half = view.step_m * 0.5;
            let made = view.cells.iter().map(|c| Patch {
                at: enu(&c.at) + DVec3::Z * LIFT_M,
                u: DVec3::X * half,
                v: DVec3::Y * half,
                colour: if c.visible { SEEN } else { HIDDEN },
            });
            made.collect()
        }
        (ToolResult::SunHours(sun), ToolInput::SunHours(input)) => {
            // A little over, for walls of narrow strips.
            let half = input.grid_m * 0.53;
            let made = sun.samples.iter().map(|s| {
                let normal = DVec3::from(s.normal.map(f64::from));
                let u = if normal.z.abs() < 0.999 { DVec3::Z.cross(normal).normalize() } else { DVec3::X };
                let [r, g, b] = ramp_colour((s.hours / sun.day_h.max(0.1)) as f32);
                let colour = Color32::from_rgba_unmultiplied(r, g, b, 225);
                Patch { at: enu(&s.at) + normal * LIFT_M, u: u * half, v: normal.cross(u) * half, colour }
            });
            made.collect()
        }
        (ToolResult::Area(area), _) => within(&area.points.iter().map(enu).collect::<Vec<_>>(), projector, kernel),
        _ => Vec::new(),
    }
}

/// Squares on the ground inside a polygon.
fn within(corners: &[DVec3], projector: &Projector, kernel: &Kernel) -> Vec<Patch> {
    /// Squares along the longer side.
    const CELLS: f64 = 120.0;
    let polygon: Vec<DVec2> = corners.iter().map(|c| c.truncate()).collect();
    let (min, max) = polygon.iter().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(a, b), p| (a.min(*p), b.max(*p)));
    let step = ((max - min).max_element() / CELLS).max(0.5);
    let (columns, rows) = (((max.x - min.x) / step) as usize, ((max.y - min.y) / step) as usize);
    let cells = (0..=rows).flat_map(|row| (0..=columns).map(move |column| DVec2::new(column as f64 + 0.5, row as f64 + 0.5)));
    let made = cells.map(|c| min + c * step).filter(|p| inside(&polygon, *p)).filter_map(|p| {
        let place = projector.frame.enu_to_geodetic(p.extend(corners[0].z));
        let height_m = kernel.ground_m(place.lon_deg(), place.lat_deg())?;
        let at = projector.frame.geodetic_to_enu(Geodetic { height_m, ..place });
        let half = step * 0.5;
        Some(Patch { at: at + DVec3::Z * LIFT_M, u: DVec3::X * half, v: DVec3::Y * half, colour: ACCENT.gamma_multiply(0.4) })
    });
    made.collect()
}

fn mesh(projector: &Projector, patches: &[Patch], kernel: &Kernel) -> Mesh {
    let mut mesh = Mesh::default();
    let eye = projector.eye.position;
    let to_kernel = |p: DVec3| kernel.frame().to_enu(Ecef(projector.frame.to_ecef(p).0));
    let kernel_eye = to_kernel(eye);
    let around = projector.screen.expand(40.0);
    for patch in patches {
        let to_eye = eye - patch.at;
        if patch.u.cross(patch.v).dot(to_eye) <= 0.0 {
            continue;
        }
        let corners =
            [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(a, b)| projector.spot_enu(patch.at + patch.u * a + patch.v * b));
        let [Some(a), Some(b), Some(c), Some(d)] = corners else { continue };
        let placed = [a, b, c, d].map(|s| projector.place(&s));
        if !placed.iter().any(|p| around.contains(*p)) {
            continue;
        }
        let at = to_kernel(patch.at);
        let towards = kernel_eye - at;
        if kernel.nearest(at, towards, towards.length(), Surfaces::ALL).is_some() {
            continue;
        }
        let first = mesh.vertices.len() as u32;
        placed.iter().for_each(|p| mesh.colored_vertex(*p, patch.colour));
        mesh.add_triangle(first, first + 1, first + 2);
        mesh.add_triangle(first, first + 2, first + 3);
    }
    mesh
}
