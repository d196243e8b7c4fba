//! From the shared view's choices and the scene's rules to how this screen's buildings are shown.

use super::session::{SceneInfo, Session};
use super::ui::ScreenLook;
use crate::model::derived::DerivedAttributes;
use crate::model::scene::Scene;
use crate::model::styling::{Comparison, Condition, Ramp, StyleRule, Styling};
use crate::render::tiles::{self, CityStyling};
use bevy::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// What this screen was started with; `None` follows the shared view.
#[derive(Resource, Clone, Debug, Default)]
pub struct OwnStyling(pub Option<Styling>);

/// How the buildings are shown now.
pub fn shown<'a>(own: &'a OwnStyling, session: &'a Session) -> Option<&'a Styling> {
    own.0.as_ref().or(session.world.view.as_ref().map(|v| &v.styling))
}

/// What analyses on this screen said of the buildings, newest last; and under which setting each column was computed.
#[derive(Resource, Clone, Debug, Default)]
pub struct DerivedHere(pub Arc<DerivedAttributes>, HashMap<String, String>);

impl DerivedHere {
    /// Takes an answer in. Its values join those of older answers under the same `setting` (another building on the same day); columns of another one
    /// it stands instead of.
    pub fn take(&mut self, answer: DerivedAttributes, setting: &str) {
        if answer.columns.is_empty() {
            return;
        }
        let mut all = (*self.0).clone();
        for mut column in answer.columns {
            let same = self.1.get(&column.name).is_some_and(|known| known == setting);
            let older = all.columns.iter().position(|c| c.name == column.name).map(|i| all.columns.remove(i));
            if let Some(older) = older.filter(|_| same) {
                older.values.into_iter().for_each(|(id, value)| {
                    column.values.entry(id).or_insert(value);
                });
            }
            self.1.insert(column.name.clone(), setting.to_owned());
            all.columns.push(column);
        }
        all.places.extend(answer.places);
        self.0 = Arc::new(all);
    }
}

/// Ids of rules made of a computed column begin with this.
pub const DERIVED: &str = "derived:";

/// The rule with an id: the scene's, or one along the values of a computed column.
pub fn rule(id: &str, scene: &Scene, derived: &DerivedAttributes) -> Option<StyleRule> {
    let Some(name) = id.strip_prefix(DERIVED) else { return scene.styles.iter().find(|s| s.id == id).cloned() };
    let column = derived.column(name)?;
    let values = || column.values.values().map(|v| v.as_number());
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    // One value alone is the middle of a ramp.
    let range = if low < high { [low, high] } else { [low - 0.5, low + 0.5] };
    let (zh, en) = derived_words(name);
    Some(StyleRule {
        id: id.to_owned(),
        name: zh.to_owned(),
        name_en: en.to_owned(),
        attribute: name.to_owned(),
        unit: column.unit.clone(),
        range: Some(range),
        ramp: Ramp::Plasma,
        category: Vec::new(),
        other: None,
    })
}

/// The filter that shows buildings with at least a value in a computed column: `derived:sun_hours>=2`.
pub fn at_least(name: &str, value: f64) -> String {
    format!("{DERIVED}{name}>={value}")
}

/// Column and value of such a filter; `None` of the scene's.
pub fn threshold(filter: &str) -> Option<(&str, f64)> {
    let (name, value) = filter.strip_prefix(DERIVED)?.split_once(">=")?;
    value.parse().ok().map(|value| (name, value))
}

/// What people call a computed column.
pub fn derived_words(name: &str) -> (&str, &str) {
    match name {
        "sun_hours" => ("日照时数", "sun hours, mean"),
        "sun_hours_min" => ("最少日照", "sun hours, least"),
        "sun_hours_max" => ("最多日照", "sun hours, most"),
        "sun_hours_facade" => ("立面日照", "sun hours of facades"),
        "visible" => ("可见", "visible"),
        "visible_share" => ("可见比例", "share visible"),
        "height_over_ground" => ("离地高度", "height over ground"),
        other => (other, ""),
    }
}

/// Hands the choices on.
pub fn style(
    own: Res<OwnStyling>,
    session: Res<Session>,
    scene: Res<SceneInfo>,
    look: Res<ScreenLook>,
    derived: Res<DerivedHere>,
    mut city: ResMut<CityStyling>,
) {
    let Some(styling) = shown(&own, &session) else { return };
    let to = resolve(styling, &scene.scene, &derived.0, |share| match look.wall {
        None => share,
        // The line stands at one place of the whole wall.
        Some((whole, part)) => {
            let at = whole.left + whole.width() * f64::from(share);
            ((at - part.left) / part.width()) as f32
        }
    });
    city.set_if_neq(to);
}

/// Ids of the view to rules of the scene; unknown ids are as if they were not there: another screen may have a newer scene.
fn resolve(styling: &Styling, scene: &Scene, derived: &Arc<DerivedAttributes>, swipe: impl Fn(f32) -> f32) -> CityStyling {
    let filters = scene.filters.iter().filter(|f| styling.filters.contains(&f.id)).flat_map(|f| f.all.iter().cloned());
    // What was computed on another screen is not known here, and hides nothing.
    let computed = styling.filters.iter().filter_map(|f| threshold(f)).filter(|(name, _)| derived.column(name).is_some());
    let computed = computed.map(|(name, value)| Condition { attribute: name.to_owned(), is: Comparison::AtLeast, value: value.into() });
    CityStyling {
        rule: styling.rule.as_ref().and_then(|id| rule(id, scene, derived)),
        derived: derived.clone(),
        conditions: filters.chain(computed).collect(),
        others: styling.others,
        see_through: styling.see_through,
        swipe: styling.swipe.as_ref().map(|s| tiles::Swipe {
            share: swipe(s.share),
            right: s.rule.as_ref().and_then(|id| rule(id, scene, derived)),
            heat: s.heat,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::styling::Swipe;

    #[test]
    fn chosen_rules_and_filters_are_found_and_unknown_ids_change_nothing() {
        let scene: Scene = toml::from_str(
            "name = 's'\nname_en = 's'\npackage = 'p'\n[[style]]\nid = 'h'\nname = 'h'\nattribute = 'height_m'\nrange = [0, 1]\n\
             [[filter]]\nid = 'tall'\nname = 't'\nall = [{ attribute = 'height_m', is = 'at_least', value = 50 }]",
        )
        .unwrap();
        let chosen = Styling {
            rule: Some("h".into()),
            filters: vec!["tall".into(), "gone".into()],
            swipe: Some(Swipe::with_plain(0.5)),
            ..Styling::default()
        };
        let none = Arc::new(DerivedAttributes::default());
        let got = resolve(&chosen, &scene, &none, |share| share * 2.0);
        assert_eq!((got.rule.map(|r| r.attribute), got.conditions.len()), (Some("height_m".into()), 1));
        assert_eq!(got.swipe, Some(tiles::Swipe { share: 1.0, right: None, heat: [true, false] }));
        let right = |id: &str| {
            let swipe = Some(Swipe { rule: Some(id.into()), ..Swipe::with_plain(0.5) });
            resolve(&Styling { swipe, ..Styling::default() }, &scene, &none, |s| s).swipe.unwrap().right.map(|r| r.id)
        };
        assert_eq!((right("h"), right("gone")), (Some("h".into()), None));
        assert_eq!(resolve(&Styling { rule: Some("gone".into()), ..Styling::default() }, &scene, &none, |s| s), CityStyling::default());
    }

    #[test]
    fn a_computed_column_is_a_rule_along_its_values_and_a_newer_answer_stands_instead() {
        let scene: Scene = toml::from_str("name = 's'\nname_en = 's'\npackage = 'p'").unwrap();
        let mut here = DerivedHere::default();
        for hours in [[2.0, 4.0], [3.0, 9.0]] {
            let mut answer = DerivedAttributes::default();
            hours.iter().zip(["a", "b"]).for_each(|(h, id)| answer.number("sun_hours", "h", id, *h, [0.0; 3]));
            here.take(answer, "another day each time");
            here.1.clear();
        }
        let found = rule("derived:sun_hours", &scene, &here.0).unwrap();
        assert_eq!((found.range, found.unit.as_str(), found.attribute.as_str()), (Some([3.0, 9.0]), "h", "sun_hours"));
        assert_eq!(found.check(), Ok(()));
        assert!(rule("derived:visible", &scene, &here.0).is_none());
    }

    #[test]
    fn buildings_asked_for_one_after_the_other_add_up_on_one_day_and_another_day_stands_instead() {
        let mut here = DerivedHere::default();
        for (id, hours, day) in [("a", 2.0, "21st"), ("b", 4.0, "21st"), ("a", 3.0, "21st")] {
            let mut answer = DerivedAttributes::default();
            answer.number("sun_hours", "h", id, hours, [0.0; 3]);
            here.take(answer, day);
        }
        let hours = |here: &DerivedHere| -> Vec<(String, f64)> {
            here.0.column("sun_hours").unwrap().values.iter().map(|(id, v)| (id.clone(), v.as_number())).collect()
        };
        assert_eq!(hours(&here), [("a".to_owned(), 3.0), ("b".to_owned(), 4.0)]);
        let mut answer = DerivedAttributes::default();
        answer.number("sun_hours", "h", "c", 9.0, [0.0; 3]);
        here.take(answer, "22nd");
        assert_eq!(hours(&here), [("c".to_owned(), 9.0)]);
    }

    #[test]
    fn a_computed_column_filters_where_it_is_known_and_hides_nothing_elsewhere() {
        let scene: Scene = toml::from_str("name = 's'\nname_en = 's'\npackage = 'p'").unwrap();
        let chosen = Styling { filters: vec![at_least("sun_hours", 2.5)], ..Styling::default() };
        let mut known = DerivedAttributes::default();
        known.number("sun_hours", "h", "a", 3.0, [0.0; 3]);
        let here = resolve(&chosen, &scene, &Arc::new(known), |s| s);
        let expected = Condition { attribute: "sun_hours".into(), is: Comparison::AtLeast, value: 2.5.into() };
        assert_eq!(here.conditions, [expected]);
        assert_eq!(resolve(&chosen, &scene, &Arc::default(), |s| s).conditions, []);
    }
}
