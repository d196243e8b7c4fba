//! Colours by attribute, filters, and what becomes of the rest while one building is selected.
//!
//! Write [`CityStyling`]; each resident tile's states follow, and new tiles come styled.

use super::city::CityTiles;
use super::features::FeatureStates;
use crate::model::derived::DerivedAttributes;
use crate::model::styling::{Condition, Others, StyleRule};
use crate::render::environment::Environment;
use bevy::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How the buildings are shown.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub struct CityStyling {
    pub rule: Option<StyleRule>,
    /// Computed columns, by the `id` of features; they stand before attributes of the same name.
    pub derived: Arc<DerivedAttributes>,
    /// A building is shown where all hold.
    pub conditions: Vec<Condition>,
    /// While something is selected.
    pub others: Others,
    pub see_through: bool,
    /// A line that the picture is compared across.
    pub swipe: Option<Swipe>,
}

/// Left of a line the city is shown by [`CityStyling::rule`], right of it by a rule of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Swipe {
    /// Where the line stands, a share of this screen from its left; at 0 and below all is right of it, from 1 on left of it.
    pub share: f32,
    /// Colours right of the line; `None` leaves the buildings there as they are.
    pub right: Option<StyleRule>,
    /// Whether the heat layer lies over the left and over the right side.
    pub heat: [bool; 2],
}

impl CityStyling {
    /// Attributes it asks for.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.rule.iter().chain(self.right()).map(|r| r.attribute.as_str()).chain(self.conditions.iter().map(|c| c.attribute.as_str()))
    }

    /// Whether tiles have to be styled at all.
    pub(super) fn is_plain(&self) -> bool {
        self.rule.is_none() && self.right().is_none() && self.conditions.is_empty()
    }

    /// What colours the buildings right of a line of comparison.
    pub(super) fn right(&self) -> Option<&StyleRule> {
        self.swipe.as_ref()?.right.as_ref()
    }
}

/// Reading an attribute of all tiles for the first time may take this long a frame; the picture stays as it is until all of it is there.
const READING: Duration = Duration::from_millis(8);

/// Styles what is resident when the wish changes.
pub(super) fn restyle(
    mut city: ResMut<CityTiles>,
    styling: Res<CityStyling>,
    mut states: ResMut<FeatureStates>,
    mut last: Local<CityStyling>,
    mut waiting: Local<bool>,
) {
    if styling.is_changed() {
        let same_values = Arc::ptr_eq(&last.derived, &styling.derived);
        if !same_values {
            let computed = |name: &str| last.derived.column(name).is_some() || styling.derived.column(name).is_some();
            city.residents_mut().for_each(|resident| resident.styled.forget(computed));
        }
        let same_values = same_values || styling.attributes().all(|a| styling.derived.column(a).is_none());
        // Where the line stands is no matter of the tiles.
        *waiting |= !same_values || last.rule != styling.rule || last.right() != styling.right() || last.conditions != styling.conditions;
        *last = styling.clone();
    }
    if !*waiting {
        return;
    }
    let begun = Instant::now();
    for resident in city.residents_mut().filter(|r| !r.styled.has_columns(&styling)) {
        if begun.elapsed() > READING {
            return;
        }
        resident.styled.read_columns(&styling);
    }
    states.compare(styling.right().is_some());
    for resident in city.residents_mut() {
        resident.styled.restyle(&styling, states.range_mut(resident.first_state, resident.states));
        resident.styled.restyle_right(&styling, states.right_mut(resident.first_state, resident.states));
    }
    *waiting = false;
}

/// Puts what concerns the whole picture where the shader finds it.
pub(super) fn focus(
    styling: Res<CityStyling>,
    (selected, group): (Res<super::SelectedFeature>, Res<super::SelectedGroup>),
    cameras: Query<&Camera, With<crate::render::camera::CityCamera>>,
    mut environment: ResMut<Environment>,
) {
    let any = selected.0.is_some() || !group.0.is_empty();
    let others = match styling.others {
        Others::Dimmed if any => 1.0,
        Others::Hidden if any => 2.0,
        _ => 0.0,
    };
    let see_through = if any && styling.see_through { 1.0 } else { 0.0 };
    let width = cameras.iter().find_map(Camera::physical_target_size).map_or(0, |s| s.x);
    let to = Environment { focus: Vec4::new(others, see_through, 0.0, 0.0), swipe: line(styling.swipe.as_ref(), width), ..*environment };
    environment.set_if_neq(to);
}

/// The line of comparison on a picture so many pixels wide, as `Environment::swipe` has it.
fn line(swipe: Option<&Swipe>, width_px: u32) -> Vec4 {
    let Some(swipe) = swipe else { return Vec4::new(-1.0, 0.0, 0.0, 0.0) };
    let at = (swipe.share.clamp(0.0, 1.0) * width_px as f32).round();
    let [left, right] = swipe.heat.map(|shown| if shown { 0.0 } else { 1.0 });
    Vec4::new(at, left, right, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_stands_at_its_share_of_the_picture_and_says_which_side_has_no_heat() {
        assert_eq!(line(None, 800), Vec4::new(-1.0, 0.0, 0.0, 0.0));
        let swipe = |share| Swipe { share, right: None, heat: [true, false] };
        assert_eq!(line(Some(&swipe(0.25)), 800), Vec4::new(200.0, 0.0, 1.0, 0.0));
        // On another output of a wall: all of this one is left of it.
        assert_eq!(line(Some(&swipe(1.7)), 800).x, 800.0);
    }
}
