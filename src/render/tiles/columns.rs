//! One attribute of a tile's features in a compact form, read from its tables once: restyling looks values up instead of decoding them.

use crate::model::derived::DerivedColumn;
use crate::model::styling::{Condition, StyleRule};
use crate::tiles::FeatureTable;
use serde_json::Value;
use std::collections::HashMap;

/// One value a feature.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeColumn {
    /// NaN where a feature has none.
    Numbers(Vec<f32>),
    /// Numbers of `texts`; [`NONE`] where a feature has none.
    Texts { codes: Vec<u16>, texts: Vec<String> },
}

/// A feature without a value.
pub const NONE: u16 = u16::MAX;
/// Steps that numbers are coloured in.
const STEPS: usize = 256;

impl AttributeColumn {
    /// Reads an attribute of all features of a tile. Texts beyond 65,535 different ones count as none: nobody tells so many colours apart.
    pub fn read(features: &FeatureTable, attribute: &str) -> Self {
        Self::of(features.values(attribute))
    }

    /// Reads a computed column by the features' ids. A block that stands for several buildings (`id +3`) has the value of the one it is named for.
    pub fn derived(features: &FeatureTable, column: &DerivedColumn) -> Self {
        let value = |id: Option<Value>| {
            let id = id?;
            let id = id.as_str()?;
            let own = column.values.get(id).or_else(|| column.values.get(id.rsplit_once(" +")?.0))?;
            Some(own.as_number() as f32)
        };
        Self::Numbers(features.values("id").map(|id| value(id).unwrap_or(f32::NAN)).collect())
    }

    /// A column of values.
    pub fn of(values: impl Iterator<Item = Option<Value>>) -> Self {
        let values: Vec<Option<Value>> = values.collect();
        let numbers = values.iter().flatten().any(Value::is_number) || values.iter().all(Option::is_none);
        if numbers {
            return Self::Numbers(values.iter().map(|v| v.as_ref().and_then(Value::as_f64).map_or(f32::NAN, |n| n as f32)).collect());
        }
        let (mut known, mut texts) = (HashMap::new(), Vec::new());
        let mut code = |value: Value| {
            let text = match value {
                Value::String(text) => text,
                Value::Null => return NONE,
                other => other.to_string(),
            };
            if let Some(code) = known.get(&text) {
                return *code;
            }
            let Some(code) = u16::try_from(texts.len()).ok().filter(|c| *c != NONE) else { return NONE };
            texts.push(text.clone());
            known.insert(text, code);
            code
        };
        let codes = values.into_iter().map(|v| v.map_or(NONE, &mut code)).collect();
        Self::Texts { codes, texts }
    }

    /// Writes a rule's colours: `write` gets each feature's tint as the shader reads it, 0 where it stays as it is.
    pub fn paint(&self, rule: &StyleRule, mut write: impl FnMut(usize, u32)) {
        let tint = |colour: Option<crate::model::styling::Rgb>| colour.map_or(0, |c| tint(c.0));
        let none = tint(rule.other);
        match self {
            Self::Numbers(numbers) => match rule.range {
                Some([low, high]) => {
                    let table: Vec<u32> = (0..STEPS).map(|i| tint(Some(rule.ramp.at((i as f64 + 0.5) / STEPS as f64)))).collect();
                    let (low, per_step) = (low as f32, STEPS as f32 / (high - low) as f32);
                    for (i, v) in numbers.iter().enumerate() {
                        let step = ((v - low) * per_step) as usize;
                        write(i, if v.is_nan() { none } else { table[step.min(STEPS - 1)] });
                    }
                }
                None => numbers.iter().enumerate().for_each(|(i, v)| write(i, tint(rule.of_number(f64::from(*v))))),
            },
            Self::Texts { codes, texts } => {
                let table: Vec<u32> = texts.iter().map(|t| tint(rule.of_text(t))).collect();
                codes.iter().enumerate().for_each(|(i, c)| write(i, table.get(usize::from(*c)).copied().unwrap_or(none)));
            }
        }
    }

    /// Tells `fail` of each feature for which a condition does not hold.
    pub fn sift(&self, condition: &Condition, mut fail: impl FnMut(usize)) {
        match self {
            Self::Numbers(numbers) => {
                let out = numbers.iter().enumerate().filter(|(_, v)| !condition.holds_for_number(f64::from(**v)));
                out.for_each(|(i, _)| fail(i));
            }
            Self::Texts { codes, texts } => {
                let holds: Vec<bool> = texts.iter().map(|t| condition.holds_for_text(t)).collect();
                let none = condition.holds_for_number(f64::NAN);
                let out = codes.iter().enumerate().filter(|(_, c)| !holds.get(usize::from(**c)).copied().unwrap_or(none));
                out.for_each(|(i, _)| fail(i));
            }
        }
    }
}

/// How much of a building's own colour a tint replaces: enough to read the legend by, little enough to see floors and windows.
const TINT_ALPHA: u32 = 225;

/// A colour (sRGB) as `shaders/city.wgsl` reads tints: linear RGBA8.
pub fn tint(colour: [u8; 3]) -> u32 {
    let linear = colour.map(|c| bevy::color::Srgba::gamma_function(f32::from(c) / 255.0));
    let [r, g, b] = linear.map(|c| (c * 255.0).round() as u32);
    r | g << 8 | b << 16 | TINT_ALPHA << 24
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::styling::Comparison;
    use serde_json::json;

    fn values(list: Value) -> AttributeColumn {
        AttributeColumn::of(list.as_array().unwrap().clone().into_iter().map(|v| Some(v).filter(|v| !v.is_null())))
    }

    fn painted(column: &AttributeColumn, rule: &str) -> Vec<u32> {
        let features = match column {
            AttributeColumn::Numbers(numbers) => numbers.len(),
            AttributeColumn::Texts { codes, .. } => codes.len(),
        };
        let mut out = vec![7; features];
        column.paint(&toml::from_str(rule).unwrap(), |i, t| out[i] = t);
        out
    }

    #[test]
    fn a_column_paints_as_its_rule_says_value_by_value() {
        let heights = values(json!([0.0, 50, null, 1e6]));
        let rule = "id='h'\nname='h'\nattribute='h'\nrange=[0, 100]";
        let got = painted(&heights, rule);
        assert_eq!(got[2], 0, "what has no height stays as it is");
        assert!(got[0] != got[1] && got[1] != got[3] && got[3] == tint(crate::model::styling::Ramp::Viridis.at(255.5 / 256.0).0));
        let uses = values(json!(["office", "home", null]));
        let rule = "id='u'\nname='u'\nattribute='u'\nother='#000000'\n[[category]]\nvalues=['office']\ncolour='#FF0000'\nname='o'";
        assert_eq!(painted(&uses, rule), [tint([255, 0, 0]), tint([0; 3]), tint([0; 3])]);
    }

    #[test]
    fn filters_name_the_features_that_fail() {
        let failed = |column: &AttributeColumn, condition: Condition| {
            let mut out = Vec::new();
            column.sift(&condition, |i| out.push(i));
            out
        };
        let c = |is, value| Condition { attribute: "a".into(), is, value };
        assert_eq!(failed(&values(json!([10, 30, null])), c(Comparison::AtLeast, json!(24))), [0, 2]);
        assert_eq!(failed(&values(json!(["a", "b", null])), c(Comparison::Equal, json!("b"))), [0, 2]);
        assert_eq!(failed(&values(json!(["a", "b", null])), c(Comparison::NotEqual, json!("b"))), [1]);
    }
}
