//! Lines, points and figures over the city.

use super::{Text, Tools, metres, square};
use crate::analysis::{Kernel, Place, ToolResult};
use crate::geo::{Ecef, Geodetic};
use crate::screen::overlay::{Projector, labels};
use crate::screen::style::{self, ACCENT, ALARM, GOOD, TEXT, WARN};
use bevy_egui::egui::{Color32, Painter, Pos2, Shape, Stroke, vec2};

/// Where lines lie over the ground, so that they don't sink into it, metres.
const LIFT_M: f64 = 0.5;

/// A painter with all that marks need.
struct Pen<'a> {
    painter: &'a Painter,
    projector: &'a Projector,
    text: &'a Text,
    /// Tells what stands before a line; `None` before the first answer.
    kernel: Option<&'a Kernel>,
}

/// Draws what was clicked, and the answer once it is there.
pub fn draw(painter: &Painter, projector: &Projector, text: &Text, tools: &Tools) {
    let pen = Pen { painter, projector, text, kernel: tools.worker.kernel() };
    match tools.answer() {
        Some(Ok(result)) => pen.answer(result),
        _ => {
            pen.line(&tools.places, ACCENT, false);
            tools.places.iter().for_each(|p| pen.dot(p, ACCENT));
        }
    }
}

impl Pen<'_> {
    fn answer(&self, result: &ToolResult) {
        match result {
            ToolResult::Distance(d) => {
                self.line(&d.ground, WARN, true);
                self.line(&d.points, ACCENT, false);
                d.points.iter().for_each(|p| self.dot(p, ACCENT));
                if let (Some(a), Some(b)) = (d.points.first(), d.points.last()) {
                    self.label(&middle(a, b), &metres(d.slant_m), "直线 slant", ACCENT);
                }
            }
            ToolResult::Height(h) => {
                let top = [h.at[0], h.at[1], h.top_m];
                self.line(&[h.at, top], ACCENT, false);
                [h.at, top].iter().for_each(|p| self.dot(p, ACCENT));
                self.label(&top, &metres(h.height_m), h.object.as_deref().unwrap_or("地面 ground"), ACCENT);
            }
            ToolResult::Area(a) => self.area(&a.points, a.plan_m2),
            ToolResult::LineOfSight(s) => {
                let seen_to = s.obstacle.as_ref().map_or(s.to, |o| o.at);
                if let Some(o) = &s.obstacle {
                    self.line(&[seen_to, s.to], ALARM, false);
                    self.dot(&o.at, ALARM);
                    self.label(&o.at, &metres(o.distance_m), o.object.as_deref().unwrap_or("遮挡 obstacle"), ALARM);
                }
                self.line(&[s.from, seen_to], GOOD, false);
                self.dot(&s.from, GOOD);
                self.dot(&s.to, if s.visible { GOOD } else { ALARM });
                self.tag(&s.from, "A");
                self.tag(&s.to, "B");
            }
            ToolResult::Viewshed(v) => {
                self.dot(&v.from, ACCENT);
                self.label(&v.from, &format!("{:.1} %", 100.0 * v.visible_share), "可见 visible", ACCENT);
            }
            ToolResult::SunHours(s) if s.objects.len() <= 12 => {
                for (number, o) in s.objects.iter().enumerate() {
                    let own = s.samples.iter().filter(|p| p.object == number);
                    let top = own.map(|p| p.at[2]).fold(f64::MIN, f64::max);
                    self.label(&[o.at[0], o.at[1], top + 6.0], &format!("{:.1} h", o.mean_h), &o.id, TEXT);
                }
            }
            ToolResult::SunHours(_) => {}
            ToolResult::Section(s) => {
                let ground: Vec<Place> = s.samples.iter().filter_map(|p| Some([p.lon, p.lat, p.ground_m?])).collect();
                self.line(&ground, ACCENT, false);
                s.points.iter().for_each(|p| self.dot(p, ACCENT));
                if let (Some(a), Some(b)) = (s.points.first(), s.points.last()) {
                    self.tag(a, "A");
                    self.tag(b, "B");
                }
            }
        }
    }

    fn place(&self, p: &Place) -> Option<Pos2> {
        let spot = self.projector.spot(p[0], p[1], p[2] + LIFT_M)?;
        Some(self.projector.place(&spot)).filter(|at| self.projector.screen.expand(2_000.0).contains(*at))
    }

    /// A line with a dark edge, fainter and dashed where something stands before it; parts behind the eye are left out.
    fn line(&self, places: &[Place], colour: Color32, dashed: bool) {
        let fine = finer(places);
        let hidden: Vec<bool> = fine.iter().map(|p| self.is_hidden(p)).collect();
        let mut from = 0;
        for to in 1..fine.len() {
            if to + 1 == fine.len() || hidden[to] != hidden[from] {
                let seen = !hidden[from];
                self.stroke(&fine[from..=to], if seen { colour } else { colour.gamma_multiply(0.8) }, dashed || !seen);
                from = to;
            }
        }
    }

    /// Whether the city stands between the eye and a place.
    fn is_hidden(&self, p: &Place) -> bool {
        let Some(kernel) = self.kernel else { return false };
        let at = kernel.frame().geodetic_to_enu(Geodetic::from_degrees(p[0], p[1], p[2] + LIFT_M));
        let eye = kernel.frame().to_enu(Ecef(self.projector.frame.to_ecef(self.projector.eye.position).0));
        kernel.is_blocked(at, eye - at, eye.distance(at))
    }

    fn stroke(&self, places: &[Place], colour: Color32, dashed: bool) {
        let width = (self.text.body * 0.18).max(2.0);
        let placed: Vec<Option<Pos2>> = places.iter().map(|p| self.place(p)).collect();
        for run in placed.split(Option::is_none).filter(|run| run.len() > 1) {
            let run: Vec<Pos2> = run.iter().copied().flatten().collect();
            if dashed {
                self.painter.line(run.clone(), Stroke::new(width * 1.8, Color32::from_rgba_unmultiplied(6, 12, 20, 120)));
                self.painter.extend(Shape::dashed_line(&run, Stroke::new(width * 0.9, colour), width * 3.0, width * 2.0));
            } else {
                self.painter.line(run.clone(), Stroke::new(width * 2.2, Color32::from_rgba_unmultiplied(6, 12, 20, 170)));
                self.painter.line(run, Stroke::new(width, colour));
            }
        }
    }

    fn dot(&self, at: &Place, colour: Color32) {
        if let Some(at) = self.place(at) {
            let radius = self.text.body * 0.32;
            self.painter.circle(at, radius, colour, Stroke::new(radius * 0.5, Color32::from_rgb(0x0B, 0x11, 0x1B)));
        }
    }

    /// A figure with what it is under it, above a place.
    fn label(&self, at: &Place, figure: &str, what: &str, colour: Color32) {
        let Some(at) = self.place(at) else { return };
        let (big, small) = (self.text.title, self.text.small);
        let at = at - vec2(0.0, big * 1.5 + small * 1.5);
        let Some(at) = self.projector.kept_whole(at, big * 2.5) else { return };
        labels::haloed(self.painter, at, figure, big, (if colour == ACCENT { TEXT } else { colour }, false));
        labels::haloed(self.painter, at + vec2(0.0, big * 1.35), what, small, (style::TEXT, false));
    }

    fn tag(&self, at: &Place, letter: &str) {
        if let Some(at) = self.place(at) {
            labels::haloed(self.painter, at + vec2(0.0, self.text.body * 0.4), letter, self.text.body, (TEXT, false));
        }
    }

    fn area(&self, points: &[Place], plan_m2: f64) {
        let mut closed = points.to_vec();
        closed.extend(points.first());
        self.line(&closed, ACCENT, false);
        points.iter().for_each(|p| self.dot(p, ACCENT));
        let n = points.len().max(1) as f64;
        let centre = points.iter().fold([0.0; 3], |s, p| [s[0] + p[0] / n, s[1] + p[1] / n, s[2] + p[2] / n]);
        self.label(&centre, &square(plan_m2), "平面 in plan", ACCENT);
    }
}

/// Points along a line in pieces short enough to be hidden or not as a whole, corners among them.
fn finer(places: &[Place]) -> Vec<Place> {
    /// Pieces a line has, about.
    const PIECES: usize = 160;
    let each = (PIECES / places.len().max(1)).max(1);
    // A draped line has points enough; every so many of them will do.
    let stride = (places.len() / (4 * PIECES)).max(1);
    let mut kept: Vec<Place> = places.iter().step_by(stride).copied().collect();
    kept.extend(places.last().filter(|last| kept.last() != Some(last)));
    let mut fine: Vec<Place> = Vec::with_capacity(kept.len() * each);
    for leg in kept.windows(2) {
        fine.extend((0..each).map(|i| {
            let u = i as f64 / each as f64;
            std::array::from_fn(|k| leg[0][k] + (leg[1][k] - leg[0][k]) * u)
        }));
    }
    fine.extend(kept.last());
    fine
}

fn middle(a: &Place, b: &Place) -> Place {
    std::array::from_fn(|i| 0.5 * (a[i] + b[i]))
}
