//! From the shared view's choices and the scene's rules to how this screen's buildings are shown.

use super::session::{SceneInfo, Session};
use super::ui::ScreenLook;
use crate::model::scene::Scene;
use crate::model::styling::Styling;
use crate::render::tiles::CityStyling;
use bevy::prelude::*;

/// What this screen was started with; `None` follows the shared view.
#[derive(Resource, Clone, Debug, Default)]
pub struct OwnStyling(pub Option<Styling>);

/// How the buildings are shown now.
pub fn shown<'a>(own: &'a OwnStyling, session: &'a Session) -> Option<&'a Styling> {
    own.0.as_ref().or(session.world.view.as_ref().map(|v| &v.styling))
}

/// Hands the choices on.
pub fn style(own: Res<OwnStyling>, session: Res<Session>, scene: Res<SceneInfo>, look: Res<ScreenLook>, mut city: ResMut<CityStyling>) {
    let Some(styling) = shown(&own, &session) else { return };
    let to = resolve(styling, &scene.scene, |share| match look.wall {
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
fn resolve(styling: &Styling, scene: &Scene, swipe: impl Fn(f32) -> f32) -> CityStyling {
    let filters = scene.filters.iter().filter(|f| styling.filters.contains(&f.id));
    CityStyling {
        rule: styling.rule.as_ref().and_then(|id| scene.styles.iter().find(|s| s.id == *id)).cloned(),
        conditions: filters.flat_map(|f| f.all.iter().cloned()).collect(),
        others: styling.others,
        see_through: styling.see_through,
        swipe: styling.swipe.map(swipe),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_rules_and_filters_are_found_and_unknown_ids_change_nothing() {
        let scene: Scene = toml::from_str(
            "name = 's'\nname_en = 's'\npackage = 'p'\n[[style]]\nid = 'h'\nname = 'h'\nattribute = 'height_m'\nrange = [0, 1]\n\
             [[filter]]\nid = 'tall'\nname = 't'\nall = [{ attribute = 'height_m', is = 'at_least', value = 50 }]",
        )
        .unwrap();
        let chosen =
            Styling { rule: Some("h".into()), filters: vec!["tall".into(), "gone".into()], swipe: Some(0.5), ..Styling::default() };
        let got = resolve(&chosen, &scene, |share| share * 2.0);
        assert_eq!((got.rule.map(|r| r.attribute), got.conditions.len(), got.swipe), (Some("height_m".into()), 1, Some(1.0)));
        assert_eq!(resolve(&Styling { rule: Some("gone".into()), ..Styling::default() }, &scene, |s| s), CityStyling::default());
    }
}
