//! Buildings that are mapped in parts: the outline is then for flat maps, and the parts are the building.

use super::extrude::Made;
use super::feature::Path;
use crate::city::report::BuildReport;
use glam::DVec2;
use std::collections::HashMap;

/// Parts that cover this much of an outline stand for it.
const COVER_MIN: f64 = 0.5;

struct Part {
    at: DVec2,
    area: f64,
    index: usize,
}

/// Gives parts their parent, and takes the body from outlines that their parts stand for. Looks at the objects of one part of a file.
pub(super) fn adopt(made: &mut [Made], file: &std::path::Path, report: &mut BuildReport) {
    let class = |m: &Made| m.object.as_ref().map(|o| o.class.clone()).unwrap_or_default();
    let ids: HashMap<String, usize> =
        made.iter().enumerate().filter_map(|(i, m)| Some((m.object.as_ref().filter(|o| o.class == "Building")?.id.clone(), i))).collect();
    let mut parts: Vec<Part> = Vec::new();
    let mut covered: HashMap<usize, f64> = HashMap::new();
    for (index, one) in made.iter_mut().enumerate() {
        if class(one) != "BuildingPart" {
            continue;
        }
        let area = one.rings.iter().map(area).sum();
        let Some(object) = &mut one.object else { continue };
        match object.parent.as_ref().map(|p| ids.get(p)) {
            Some(Some(parent)) => *covered.entry(*parent).or_default() += area,
            // Named, but not here: the attribute keeps the name.
            Some(None) => object.parent = None,
            None => parts.extend(one.rings.first().and_then(inner_point).map(|at| Part { at, area, index })),
        }
    }
    parts.sort_by(|a, b| a.at.x.total_cmp(&b.at.x));
    for index in 0..made.len() {
        if parts.is_empty() || class(&made[index]) != "Building" {
            continue;
        }
        for ring in std::mem::take(&mut made[index].rings) {
            let (west, east) = ring.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(w, e), p| (w.min(p.x), e.max(p.x)));
            let first = parts.partition_point(|p| p.at.x < west);
            let id = made[index].object.as_ref().map(|o| o.id.clone());
            for part in parts[first..].iter().take_while(|p| p.at.x <= east).filter(|p| inside(p.at, &ring)) {
                *covered.entry(index).or_default() += part.area;
                if let Some(object) = &mut made[part.index].object {
                    object.parent = id.clone();
                }
            }
            made[index].rings.push(ring);
        }
    }
    let mut covered: Vec<(usize, f64)> = covered.into_iter().collect();
    covered.sort_by_key(|(index, _)| *index);
    for (index, part_area) in covered {
        let whole: f64 = made[index].rings.iter().map(area).sum();
        if part_area >= COVER_MIN * whole
            && let Some(object) = &mut made[index].object
        {
            object.faces = Default::default();
            made[index].vertices.clear();
            made[index].report = BuildReport::default();
            report.warn("outline not drawn: its parts stand for it", &format!("{}: {}", file.display(), object.id));
        }
    }
}

fn area(ring: &Path) -> f64 {
    let Some(&first) = ring.first() else { return 0.0 };
    (ring.windows(2).map(|w| (w[0] - first).perp_dot(w[1] - first)).sum::<f64>() / 2.0).abs()
}

/// A point inside: the middle of the widest stretch on a level through the ring.
fn inner_point(ring: &Path) -> Option<DVec2> {
    let (low, high) = ring.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p.y), h.max(p.y)));
    // Off the half, where corners like to be.
    let y = low + (high - low) * 0.4873;
    let side = |i: usize| (ring[i], ring[(i + 1) % ring.len()]);
    let mut xs: Vec<f64> = (0..ring.len())
        .map(side)
        .filter(|(a, b)| (a.y > y) != (b.y > y))
        .map(|(a, b)| a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x))
        .collect();
    xs.sort_by(f64::total_cmp);
    let widest = xs.as_chunks::<2>().0.iter().max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
    Some(DVec2::new((widest[0] + widest[1]) / 2.0, y))
}

fn inside(p: DVec2, ring: &Path) -> bool {
    let crosses = |i: usize| {
        let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
        (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x)
    };
    (0..ring.len()).filter(|i| crosses(*i)).count() % 2 == 1
}
