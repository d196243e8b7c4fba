//! What is known of places from rays into the city: how high they lie and whether something stands before them. A few rays a frame, kept.

use bevy::math::DVec3;
use std::collections::HashMap;

/// New rays in one frame.
const RAYS: usize = 14;
/// Places remembered; when there are more, all are forgotten.
const KNOWN_MAX: usize = 20_000;
/// After this many frames what is known is asked again when there are rays left.
const OLD_FRAMES: u64 = 45;

/// Rays into the drawn city.
pub struct Rays<'a> {
    /// Height of the ground at a longitude and latitude, metres.
    pub ground: &'a dyn Fn(f64, f64) -> f64,
    /// Where a ray from an east-north-up point along a direction first meets the city.
    pub hit: &'a dyn Fn(DVec3, DVec3) -> Option<DVec3>,
}

#[derive(Clone, Copy, Debug)]
struct Looked {
    hidden: bool,
    eye: DVec3,
    frame: u64,
}

/// Heights and sights that were looked up.
#[derive(Debug, Default)]
pub struct Sight {
    heights: HashMap<u64, (f64, u64)>,
    looks: HashMap<u64, Looked>,
    frame: u64,
    left: usize,
}

impl Sight {
    /// Begins a frame; `all_at_once` for pictures, which wait for everything; `anew` when what is known no longer holds.
    pub fn begin(&mut self, all_at_once: bool, anew: bool) {
        self.frame += 1;
        self.left = if all_at_once { usize::MAX } else { RAYS };
        if anew || self.heights.len() + self.looks.len() > KNOWN_MAX {
            self.heights.clear();
            self.looks.clear();
        }
    }

    fn spend(&mut self) -> bool {
        let any = self.left > 0;
        self.left = self.left.saturating_sub(1);
        any
    }

    /// The height that `ask` gives for a place, metres; `None` until there is a ray for it.
    pub fn height(&mut self, key: u64, ask: impl FnOnce() -> f64) -> Option<f64> {
        let known = self.heights.get(&key).copied();
        match known {
            Some((height, at)) if self.frame - at < OLD_FRAMES => Some(height),
            _ if self.spend() => {
                let height = ask();
                self.heights.insert(key, (height, self.frame));
                Some(height)
            }
            _ => known.map(|(height, _)| height),
        }
    }

    /// Whether nothing stands between the eye and a place (east-north-up). Without a ray left the answer is what was known last.
    pub fn is_seen(&mut self, key: u64, eye: DVec3, at: DVec3, rays: &Rays) -> bool {
        let known = self.looks.get(&key).copied();
        let distance = eye.distance(at);
        let fresh = known.is_some_and(|k| k.eye.distance(eye) < distance * 0.004 && self.frame - k.frame < OLD_FRAMES);
        if !fresh && self.spend() {
            let hidden = (rays.hit)(eye, (at - eye).normalize_or_zero()).is_some_and(|hit| hit.distance(eye) < distance - slack(distance));
            self.looks.insert(key, Looked { hidden, eye, frame: self.frame });
            return !hidden;
        }
        known.is_some_and(|k| !k.hidden)
    }
}

/// What stands this near before a place does not hide it, metres: coarse tiles far away are off by some.
fn slack(distance_m: f64) -> f64 {
    (distance_m * 0.015).max(15.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_place_behind_a_wall_is_hidden_and_rays_are_few() {
        let asked = Cell::new(0);
        let hit = |origin: DVec3, direction: DVec3| {
            asked.set(asked.get() + 1);
            Some(origin + direction * 100.0)
        };
        let rays = Rays { ground: &|_, _| 0.0, hit: &hit };
        let mut sight = Sight::default();
        sight.begin(false, false);
        assert!(!sight.is_seen(1, DVec3::ZERO, DVec3::X * 500.0, &rays));
        assert!(sight.is_seen(2, DVec3::ZERO, DVec3::X * 90.0, &rays));
        for key in 0..1_000 {
            sight.is_seen(key, DVec3::ZERO, DVec3::X * 500.0, &rays);
        }
        assert!(asked.get() <= RAYS, "{}", asked.get());
        sight.begin(false, false);
        let before = asked.get();
        sight.is_seen(1, DVec3::ZERO, DVec3::X * 500.0, &rays);
        assert_eq!(asked.get(), before, "known and the eye has not moved");
    }
}
