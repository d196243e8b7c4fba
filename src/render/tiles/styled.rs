//! One tile's features as rules and filters ask for them: columns of attributes, read once and kept.

use super::columns::AttributeColumn;
use super::features::{FLAG_HIDDEN, State};
use super::styling::CityStyling;
use crate::tiles::FeatureTable;
use std::sync::Arc;

/// Attributes whose columns are kept beside those that are asked for: a person who compares goes to and fro between a few.
const KEPT_MAX: usize = 4;

/// What restyling needs of a tile.
#[derive(Debug, Default)]
pub struct StyledTile {
    pub features: Arc<FeatureTable>,
    /// Which features are buildings: nothing else is coloured or hidden.
    pub stands: Vec<bool>,
    /// The attribute asked for last comes last.
    columns: Vec<(String, AttributeColumn)>,
}

impl StyledTile {
    pub fn new(features: Arc<FeatureTable>, stands: Vec<bool>) -> Self {
        Self { features, stands, columns: Vec::new() }
    }

    /// Reads the columns that are not there yet; what takes the time of a first restyling.
    pub fn read_columns(&mut self, styling: &CityStyling) {
        let asked: Vec<&str> = styling.attributes().collect();
        for attribute in &asked {
            match self.columns.iter().position(|(name, _)| name == attribute) {
                Some(i) => {
                    let known = self.columns.remove(i);
                    self.columns.push(known);
                }
                None => {
                    let column = match styling.derived.column(attribute) {
                        Some(derived) => AttributeColumn::derived(&self.features, derived),
                        None => AttributeColumn::read(&self.features, attribute),
                    };
                    self.columns.push(((*attribute).to_owned(), column));
                }
            }
        }
        let too_many = self.columns.len().saturating_sub(KEPT_MAX + asked.len());
        self.columns.drain(..too_many);
    }

    /// Whether all columns it asks for are there.
    pub fn has_columns(&self, styling: &CityStyling) -> bool {
        styling.attributes().all(|a| self.column(a).is_some())
    }

    /// Forgets columns that `stale` names: computed ones have other values now.
    pub fn forget(&mut self, stale: impl Fn(&str) -> bool) {
        self.columns.retain(|(name, _)| !stale(name));
    }

    fn column(&self, attribute: &str) -> Option<&AttributeColumn> {
        self.columns.iter().find(|(name, _)| name == attribute).map(|(_, column)| column)
    }

    /// Writes the colours right of the line of comparison into the tile's second tints, if there are any; columns that are not there are read.
    pub fn restyle_right(&mut self, styling: &CityStyling, tints: &mut [u32]) {
        if tints.is_empty() {
            return;
        }
        self.read_columns(styling);
        tints.fill(0);
        let Some((rule, column)) = styling.right().and_then(|r| Some((r, self.column(&r.attribute)?))) else { return };
        column.paint(rule, |i, tint| {
            if let Some(to) = tints.get_mut(i).filter(|_| self.is_building(i)) {
                *to = tint;
            }
        });
    }

    fn is_building(&self, feature: usize) -> bool {
        self.stands.get(feature).copied().unwrap_or(false)
    }

    /// Writes colours and filters into the tile's states; columns that are not there are read.
    pub fn restyle(&mut self, styling: &CityStyling, states: &mut [State]) {
        self.read_columns(styling);
        for state in states.iter_mut() {
            (state[0], state[1]) = (0, state[1] & !FLAG_HIDDEN);
        }
        if let Some((rule, column)) = styling.rule.as_ref().and_then(|r| Some((r, self.column(&r.attribute)?))) {
            column.paint(rule, |i, tint| {
                if let Some(state) = states.get_mut(i).filter(|_| self.is_building(i)) {
                    state[0] = tint;
                }
            });
        }
        for condition in &styling.conditions {
            let Some(column) = self.column(&condition.attribute) else { continue };
            column.sift(condition, |i| {
                if let Some(state) = states.get_mut(i).filter(|_| self.is_building(i)) {
                    state[1] |= FLAG_HIDDEN;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::derived::{DerivedAttributes, DerivedColumn, DerivedValue};
    use crate::model::styling::{Comparison, Condition};
    use crate::render::tiles::Swipe;
    use serde_json::json;

    fn tile() -> StyledTile {
        let table =
            json!({ "id": ["a", "b", "c"], "height": [10.0, 60.0, 90.0], "u": [1, 2, 3], "v": [1, 2, 3], "w": [1, 2, 3], "x": [1, 2, 3] });
        let features = FeatureTable::of_batch_table(3, table.to_string().as_bytes(), &[]).unwrap();
        StyledTile::new(Arc::new(features), vec![true, true, false])
    }

    fn by(attribute: &str) -> CityStyling {
        let rule = toml::from_str(&format!("id = 'r'\nname = 'r'\nattribute = '{attribute}'\nrange = [0, 100]")).unwrap();
        CityStyling { rule: Some(rule), ..CityStyling::default() }
    }

    #[test]
    fn a_tile_is_coloured_and_sifted_and_what_is_no_building_stays_as_it_is() {
        let (mut tile, mut states) = (tile(), vec![[7u32, 0x4000_0000]; 3]);
        let tall = Condition { attribute: "height".into(), is: Comparison::AtLeast, value: json!(50) };
        tile.restyle(&CityStyling { conditions: vec![tall], ..by("height") }, &mut states);
        assert!(states[0][0] != 0 && states[1][0] != 0 && states[0][0] != states[1][0] && states[2][0] == 0);
        assert_eq!(states.iter().map(|s| s[1] & FLAG_HIDDEN != 0).collect::<Vec<_>>(), [true, false, false]);
        tile.restyle(&CityStyling::default(), &mut states);
        assert!(states.iter().all(|s| *s == [0, 0x4000_0000]), "plain again, and what else the state says is kept: {states:?}");
    }

    #[test]
    fn the_right_side_of_a_comparison_has_a_rule_of_its_own_and_what_is_no_building_none() {
        let (mut tile, mut states, mut right) = (tile(), vec![[0u32; 2]; 3], vec![9u32; 3]);
        let other = by("u")
            .rule
            .map(|rule| toml::from_str(&format!("id = 'o'\nname = 'o'\nattribute = '{}'\nrange = [0, 4]", rule.attribute)).unwrap());
        let compared = CityStyling { swipe: Some(Swipe { share: 0.5, right: other, heat: [true; 2] }), ..by("height") };
        tile.restyle(&compared, &mut states);
        tile.restyle_right(&compared, &mut right);
        assert!((0..2).all(|i| states[i][0] != 0 && right[i] != 0 && right[i] != states[i][0]) && right[2] == 0, "{right:?}");
        let plain = CityStyling { swipe: Some(Swipe { share: 0.5, right: None, heat: [true; 2] }), ..by("height") };
        tile.restyle_right(&plain, &mut right);
        assert_eq!(right, [0; 3]);
        tile.restyle_right(&compared, &mut []);
    }

    #[test]
    fn columns_are_read_once_kept_for_a_few_attributes_and_forgotten_when_their_values_change() {
        let (mut tile, mut states) = (tile(), vec![[0u32; 2]; 3]);
        for attribute in ["height", "u", "v", "w", "height", "x"] {
            tile.restyle(&by(attribute), &mut states);
        }
        let kept: Vec<&str> = tile.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(kept, ["u", "v", "w", "height", "x"]);
        tile.restyle(&by("id"), &mut states);
        assert!(!tile.has_columns(&by("u")) && tile.has_columns(&by("height")));
        let derived = |hours: f64| {
            let values = [("a".to_owned(), DerivedValue::Number(hours))].into_iter().collect();
            let column = DerivedColumn { name: "sun_hours".into(), values, ..DerivedColumn::default() };
            CityStyling {
                derived: Arc::new(DerivedAttributes { columns: vec![column], ..DerivedAttributes::default() }),
                ..by("sun_hours")
            }
        };
        tile.restyle(&derived(20.0), &mut states);
        let before = states[0][0];
        tile.forget(|name| name == "sun_hours");
        tile.restyle(&derived(80.0), &mut states);
        assert!(states[0][0] != before && states[1][0] == 0);
    }
}
