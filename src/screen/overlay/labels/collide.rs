//! One pass of room: who comes first gets the place, and who had a place keeps it while nobody of a higher rank needs it.

use bevy_egui::egui::{Pos2, Rect, Vec2, vec2};
use std::collections::HashMap;

/// The room a label takes: a rectangle, turned clockwise by `angle` (radians) about its centre; points of this screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    pub centre: Pos2,
    pub size: Vec2,
    pub angle: f32,
}

impl Block {
    pub fn upright(rect: Rect) -> Self {
        Self { centre: rect.center(), size: rect.size(), angle: 0.0 }
    }

    pub fn grown(self, by: f32) -> Self {
        Self { size: self.size + Vec2::splat(2.0 * by), ..self }
    }

    /// Directions of its sides, half as long as they are.
    fn sides(&self) -> [Vec2; 2] {
        let (sin, cos) = self.angle.sin_cos();
        [vec2(cos, sin) * self.size.x * 0.5, vec2(-sin, cos) * self.size.y * 0.5]
    }

    /// The upright rectangle around it.
    pub fn around(&self) -> Rect {
        let [a, b] = self.sides();
        Rect::from_center_size(self.centre, vec2(a.x.abs() + b.x.abs(), a.y.abs() + b.y.abs()) * 2.0)
    }

    /// Whether two blocks share room; they do where no line along a side parts them.
    pub fn meets(&self, other: &Self) -> bool {
        let apart = other.centre - self.centre;
        let (own, theirs) = (self.sides(), other.sides());
        own.iter().chain(&theirs).all(|axis| {
            let axis = axis.normalized();
            let reach: f32 = own.iter().chain(&theirs).map(|side| side.dot(axis).abs()).sum();
            apart.dot(axis).abs() < reach
        })
    }
}

/// Which labels share a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    Area,
    Road,
    Building,
    Place,
}

/// A label that would like to be shown.
#[derive(Clone, Debug)]
pub struct Wish {
    pub key: u64,
    /// 0 comes first.
    pub rank: u8,
    /// Whether it was shown in the last frame.
    pub shown: bool,
    /// From the eye, metres.
    pub distance_m: f64,
    pub group: Group,
    /// The same for all labels with the same words.
    pub words: u64,
    /// Index of what it names in the list it comes from.
    pub index: usize,
}

/// Works out what only labels with a chance are worth: where they are and whether their place is seen.
pub trait Placer {
    fn block(&mut self, wish: &Wish) -> Option<Block>;
    fn is_seen(&mut self, wish: &Wish, block: &Block) -> bool;
}

/// How many labels, and how far apart.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub total: usize,
    /// Labels whose room is looked for at most.
    pub tries: usize,
    pub of_group: fn(Group, usize) -> usize,
    /// Free room around a new label; one that is shown may be approached to a third of it. Points.
    pub margin: f32,
    /// The same words are not written again within this distance, points.
    pub again: f32,
}

/// The labels to show, first in rank first. `taken` is what no label may touch.
pub fn arrange(wishes: &mut [Wish], taken: &[Rect], limits: &Limits, placer: &mut impl Placer) -> Vec<(usize, Block)> {
    wishes.sort_by(|a, b| (a.rank, !a.shown).cmp(&(b.rank, !b.shown)).then(a.distance_m.total_cmp(&b.distance_m)).then(a.key.cmp(&b.key)));
    let taken: Vec<Block> = taken.iter().map(|r| Block::upright(*r)).collect();
    let mut out: Vec<(usize, Block)> = Vec::new();
    let mut of_group: HashMap<Group, usize> = HashMap::new();
    for (i, wish) in wishes.iter().enumerate() {
        if out.len() >= limits.total || i >= limits.tries {
            break;
        }
        let count = of_group.entry(wish.group).or_default();
        if *count >= (limits.of_group)(wish.group, limits.total) {
            continue;
        }
        let Some(block) = placer.block(wish) else { continue };
        let room = block.grown(if wish.shown { limits.margin / 3.0 } else { limits.margin });
        let crowded = taken.iter().any(|t| t.meets(&block)) || out.iter().any(|(_, o)| o.meets(&room));
        let said = |(j, o): &(usize, Block)| wishes[*j].words == wish.words && (o.centre - block.centre).length() < limits.again;
        if crowded || out.iter().any(said) || !placer.is_seen(wish, &block) {
            continue;
        }
        *count += 1;
        out.push((i, block));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy_egui::egui::pos2;
    use proptest::prelude::*;

    struct Fixed(Vec<Block>);

    impl Placer for Fixed {
        fn block(&mut self, wish: &Wish) -> Option<Block> {
            self.0.get(wish.index).copied()
        }
        fn is_seen(&mut self, _: &Wish, _: &Block) -> bool {
            true
        }
    }

    const LIMITS: Limits = Limits { total: 25, tries: 500, of_group: |_, total| total, margin: 6.0, again: 0.0 };

    fn wish(index: usize, rank: u8, shown: bool, distance_m: f64) -> Wish {
        Wish { key: index as u64, rank, shown, distance_m, group: Group::Place, words: index as u64, index }
    }

    fn block(x: f32, y: f32, angle: f32) -> Block {
        Block { centre: pos2(x, y), size: vec2(60.0, 20.0), angle }
    }

    proptest! {
        #[test]
        fn no_two_shown_labels_overlap_and_none_lies_on_a_head(
            places in prop::collection::vec((0.0f32..600.0, 0.0f32..400.0, -1.5f32..1.5, 0u8..7, any::<bool>()), 0..120)
        ) {
            let blocks: Vec<Block> = places.iter().map(|p| block(p.0, p.1, if p.3 > 4 { p.2 } else { 0.0 })).collect();
            let mut wishes: Vec<Wish> = places.iter().enumerate().map(|(i, p)| wish(i, p.3, p.4, f64::from(p.0))).collect();
            let head = Rect::from_center_size(pos2(300.0, 200.0), vec2(80.0, 80.0));
            let shown = arrange(&mut wishes, &[head], &LIMITS, &mut Fixed(blocks));
            prop_assert!(shown.len() <= LIMITS.total);
            for (i, (_, a)) in shown.iter().enumerate() {
                prop_assert!(!a.meets(&Block::upright(head)));
                for (_, b) in &shown[i + 1..] {
                    prop_assert!(!a.meets(b), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn a_shown_label_stays_until_a_higher_rank_needs_its_place() {
        let blocks = vec![block(100.0, 100.0, 0.0), block(130.0, 100.0, 0.0)];
        let first = |wishes: &mut [Wish]| {
            let shown = arrange(wishes, &[], &LIMITS, &mut Fixed(blocks.clone()));
            shown.iter().map(|(i, _)| wishes[*i].index).collect::<Vec<_>>()
        };
        assert_eq!(first(&mut [wish(0, 3, true, 900.0), wish(1, 3, false, 10.0)]), [0], "a nearer one of its rank waits");
        assert_eq!(first(&mut [wish(0, 3, true, 900.0), wish(1, 2, false, 9_000.0)]), [1], "a higher rank does not");
    }

    #[test]
    fn turned_blocks_meet_only_where_they_do() {
        let a = block(0.0, 0.0, std::f32::consts::FRAC_PI_4);
        assert!(a.around().contains(pos2(-20.0, 20.0)) && !a.meets(&Block { size: vec2(4.0, 4.0), ..block(-20.0, 20.0, 0.0) }));
        assert!(a.meets(&block(10.0, 10.0, 0.0)));
    }

    #[test]
    fn the_same_words_are_not_written_side_by_side() {
        let mut wishes = [wish(0, 3, false, 1.0), Wish { words: 0, ..wish(1, 3, false, 2.0) }];
        let limits = Limits { again: 300.0, ..LIMITS };
        assert_eq!(arrange(&mut wishes, &[], &limits, &mut Fixed(vec![block(0.0, 0.0, 0.0), block(200.0, 0.0, 0.0)])).len(), 1);
    }
}
