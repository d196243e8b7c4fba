//! Under which licence is what feeds bring: as each feed says, else as the scene does.

use crate::model::feed::FeedConfig;
use crate::model::scene::Scene;
use std::collections::{BTreeMap, BTreeSet};

const NOT_STATED: &str = "未注明 not stated";

/// Licence of what these sources bring, with whom to name: once where it is one, else each with its sources. Sources that are no feed of
/// the scene (people, rules) bring what is the scene's. `None` where no feed has said its own: then it is the scene's too.
pub(super) fn licence(scene: &Scene, sources: &BTreeSet<String>) -> Option<String> {
    let feed = |source: &str| scene.feeds.iter().find(|f| f.id() == source);
    if !sources.iter().filter_map(|s| feed(s)).any(|f| f.licence.is_some() || f.attribution.is_some()) {
        return None;
    }
    let mut by_words: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for source in sources {
        by_words.entry(words(scene, feed(source))).or_default().push(source);
    }
    if by_words.len() == 1 {
        return by_words.into_keys().next();
    }
    let each = by_words.iter().map(|(words, sources)| format!("{}: {words}", sources.join(", ")));
    Some(each.collect::<Vec<_>>().join("; "))
}

fn words(scene: &Scene, feed: Option<&FeedConfig>) -> String {
    let licence = feed.and_then(|f| f.licence.as_ref()).or(scene.licence.as_ref()).map_or(NOT_STATED, String::as_str);
    match feed.and_then(|f| f.attribution.as_ref()) {
        Some(attribution) => format!("{licence}, {attribution}"),
        None => licence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(licence: &str, feeds: &[(&str, &str)]) -> Scene {
        let feeds: String = feeds.iter().map(|(id, more)| format!("[[feed]]\nkind = 'sensorthings_in'\nid = '{id}'\n{more}\n")).collect();
        toml::from_str(&format!("name = 'x'\nname_en = 'x'\npackage = 'p'\n{licence}\n{feeds}")).unwrap()
    }

    fn of(scene: &Scene, sources: &[&str]) -> Option<String> {
        licence(scene, &sources.iter().map(|s| (*s).to_owned()).collect())
    }

    #[test]
    fn what_a_feed_brings_is_under_its_own_licence_and_else_under_the_scenes() {
        let all = [
            ("air", "licence = 'CC BY 4.0'\nattribution = '© 气象局'"),
            ("noise", ""),
            ("rain", "licence = 'CC BY 4.0'\nattribution = '© 气象局'"),
        ];
        let scene = scene("licence = 'MIT'", &all);
        assert_eq!(of(&scene, &["air", "rain"]).unwrap(), "CC BY 4.0, © 气象局");
        assert_eq!(of(&scene, &["air", "noise", "rain", "screen"]).unwrap(), "air, rain: CC BY 4.0, © 气象局; noise, screen: MIT");
        assert_eq!(of(&scene, &["noise", "rules", "gone"]), None, "then it is the scene's");
    }

    #[test]
    fn a_scene_without_a_licence_does_not_lend_a_feeds_to_the_others() {
        let scene = scene("", &[("air", "licence = 'CC BY 4.0'"), ("noise", "attribution = '© B'"), ("rain", "")]);
        assert_eq!(of(&scene, &["air", "rain"]).unwrap(), "air: CC BY 4.0; rain: 未注明 not stated");
        assert_eq!(of(&scene, &["noise"]).unwrap(), "未注明 not stated, © B");
        assert_eq!(of(&scene, &[]), None);
    }

    #[test]
    fn an_unknown_word_of_a_feed_is_still_refused() {
        let wrong = "name = 'x'\nname_en = 'x'\npackage = 'p'\n[[feed]]\nkind = 'sensorthings_in'\nid = 'a'\nlicense = 'MIT'\n";
        assert!(toml::from_str::<Scene>(wrong).unwrap_err().to_string().contains("license"));
    }
}
