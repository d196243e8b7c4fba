//! What was shown last frame: labels fade in and out by real time instead of popping.

use super::collide::Block;
use super::paint::Words;
use bevy::math::DVec3;
use bevy_egui::egui::Vec2;
use std::collections::HashMap;

/// From nothing to full, seconds.
const FADE_S: f32 = 0.25;

/// A label as it is drawn.
#[derive(Clone, Debug)]
pub struct Shown {
    pub words: Words,
    pub block: Block,
    /// What it stands on, east-north-up, and where it is drawn from there, points: a label that fades out moves with the map.
    pub anchor: DVec3,
    pub offset: Vec2,
    pub opacity: f32,
    /// Whether it is to be seen; else it fades out.
    pub wanted: bool,
}

/// Labels by key.
#[derive(Debug, Default)]
pub struct Memory {
    shown: HashMap<u64, Shown>,
}

impl Memory {
    pub fn is_shown(&self, key: u64) -> bool {
        self.shown.get(&key).is_some_and(|s| s.wanted)
    }

    /// Takes over what is wanted now; `passed_s` since the last frame, `None` where everything is settled at once (a picture).
    pub fn update(&mut self, wanted: Vec<(u64, Shown)>, passed_s: Option<f32>) {
        let step = passed_s.map_or(1.0, |s| s / FADE_S);
        self.shown.values_mut().for_each(|s| s.wanted = false);
        for (key, mut label) in wanted {
            label.wanted = true;
            label.opacity = self.shown.get(&key).map_or(0.0, |s| s.opacity);
            self.shown.insert(key, label);
        }
        for label in self.shown.values_mut() {
            label.opacity = (label.opacity + if label.wanted { step } else { -step }).clamp(0.0, 1.0);
        }
        self.shown.retain(|_, s| s.wanted || s.opacity > 0.0);
    }

    /// All that is to be drawn, in an order that stays.
    pub fn drawn(&self) -> Vec<&Shown> {
        let mut all: Vec<_> = self.shown.iter().collect();
        all.sort_by_key(|(key, _)| **key);
        all.into_iter().map(|(_, s)| s).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::levels::Kind;
    use super::*;
    use bevy_egui::egui::{pos2, vec2};

    fn label() -> Shown {
        let words = Words { first: "骆马湖".into(), second: String::new(), sizes: (16.0, 8.0), kind: Kind::Water };
        let block = Block { centre: pos2(0.0, 0.0), size: vec2(48.0, 20.0), angle: 0.0 };
        Shown { words, block, anchor: DVec3::ZERO, offset: Vec2::ZERO, opacity: 0.0, wanted: true }
    }

    #[test]
    fn labels_fade_in_and_out_in_a_quarter_of_a_second_and_pictures_show_them_at_once() {
        let mut memory = Memory::default();
        memory.update(vec![(1, label())], Some(0.125));
        assert!((memory.drawn()[0].opacity - 0.5).abs() < 1e-6 && memory.is_shown(1));
        memory.update(vec![(1, label())], Some(0.2));
        assert_eq!(memory.drawn()[0].opacity, 1.0);
        memory.update(vec![], Some(0.125));
        assert!((memory.drawn()[0].opacity - 0.5).abs() < 1e-6 && !memory.is_shown(1));
        memory.update(vec![], Some(0.2));
        assert!(memory.drawn().is_empty());
        memory.update(vec![(2, label())], None);
        assert_eq!(memory.drawn()[0].opacity, 1.0);
    }
}
