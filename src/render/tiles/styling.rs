//! Colours by attribute, filters, and what becomes of the rest while one building is selected.
//!
//! Write [`CityStyling`]; each resident tile's states follow, and new tiles come styled.

use super::city::{CityTiles, Resident};
use super::columns::AttributeColumn;
use super::features::{FLAG_HIDDEN, FeatureStates, State};
use crate::model::derived::DerivedAttributes;
use crate::model::styling::{Condition, Others, StyleRule};
use crate::render::environment::Environment;
use bevy::prelude::*;
use std::sync::Arc;

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
    /// Share of this screen, from its left, that is coloured; below 0 all of it.
    pub swipe: Option<f32>,
}

impl CityStyling {
    /// Attributes it asks for.
    fn attributes(&self) -> impl Iterator<Item = &str> {
        self.rule.iter().map(|r| r.attribute.as_str()).chain(self.conditions.iter().map(|c| c.attribute.as_str()))
    }

    /// Writes colours and filters into the states of one tile; `stands` says which features are buildings.
    pub(super) fn apply(&self, resident: &mut Resident, states: &mut [State]) {
        for attribute in self.attributes() {
            if !resident.columns.contains_key(attribute) {
                let column = match self.derived.column(attribute) {
                    Some(derived) => AttributeColumn::derived(&resident.features, derived),
                    None => AttributeColumn::read(&resident.features, attribute),
                };
                resident.columns.insert(attribute.to_owned(), column);
            }
        }
        for state in states.iter_mut() {
            (state[0], state[1]) = (0, state[1] & !FLAG_HIDDEN);
        }
        let stands = &resident.stands;
        let building = |i: usize| stands.get(i).copied().unwrap_or(false);
        if let Some((rule, column)) = self.rule.as_ref().and_then(|r| Some((r, resident.columns.get(&r.attribute)?))) {
            column.paint(rule, |i, tint| {
                if let Some(state) = states.get_mut(i).filter(|_| building(i)) {
                    state[0] = tint;
                }
            });
        }
        for condition in &self.conditions {
            let Some(column) = resident.columns.get(&condition.attribute) else { continue };
            column.sift(condition, |i| {
                if let Some(state) = states.get_mut(i).filter(|_| building(i)) {
                    state[1] |= FLAG_HIDDEN;
                }
            });
        }
    }

    /// Whether tiles have to be styled at all.
    pub(super) fn is_plain(&self) -> bool {
        self.rule.is_none() && self.conditions.is_empty()
    }
}

/// Styles what is resident when the wish changes.
pub(super) fn restyle(
    mut city: ResMut<CityTiles>,
    styling: Res<CityStyling>,
    mut states: ResMut<FeatureStates>,
    mut last: Local<CityStyling>,
) {
    let same_values = Arc::ptr_eq(&last.derived, &styling.derived) || styling.attributes().all(|a| styling.derived.column(a).is_none());
    if !styling.is_changed() || (same_values && last.rule == styling.rule && last.conditions == styling.conditions) {
        return;
    }
    let columns_now: Vec<String> = styling.attributes().map(str::to_owned).collect();
    for resident in city.streams.values_mut().flat_map(|stream| stream.resident.values_mut()) {
        resident.columns.retain(|name, _| columns_now.contains(name) && styling.derived.column(name).is_none());
        styling.apply(resident, states.range_mut(resident.first_state, resident.states));
    }
    *last = styling.clone();
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
    let line = styling.swipe.map_or(-1.0, |share| (share.clamp(0.0, 1.0) * width as f32).round());
    let to = Environment { focus: Vec4::new(others, see_through, 0.0, 0.0), swipe: Vec4::new(line, 0.0, 0.0, 0.0), ..*environment };
    environment.set_if_neq(to);
}
