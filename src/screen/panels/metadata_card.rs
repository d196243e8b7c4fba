//! What files say of a picked place beside its feature's attributes: a fold a source, with what schemas say where the pointer rests.

use super::PanelData;
use super::card::labelled;
use crate::screen::style;
use crate::tiles::{DescribedProperty, FeatureIdSource, MetadataGroup, MetadataSource};
use bevy_egui::egui::{self, CollapsingHeader, RichText};
use serde_json::Value;

/// Characters of a value that are shown; the rest is where the pointer rests.
const VALUE_CHARS_MAX: usize = 200;

/// Folds of all that does not repeat the feature's own attributes.
pub fn show(ui: &mut egui::Ui, data: &PanelData, groups: &[MetadataGroup]) {
    for (i, group) in groups.iter().enumerate().filter(|(_, g)| !g.is_drawn_feature()) {
        let title = RichText::new(title(group)).font(style::regular(data.text.small)).color(style::QUIET);
        let fold = CollapsingHeader::new(title).id_salt(("metadata", i)).default_open(is_of_the_place(&group.source));
        let shown = fold.show(ui, |ui| {
            for property in &group.said.properties {
                labelled(ui, data, &property.name, &value_words(&property.value), &hint(property));
            }
        });
        let description = &group.said.class.description;
        if !description.is_empty() {
            shown.header_response.on_hover_text(description);
        }
    }
}

/// Which set of ids the drawn feature is of, in words; empty where there is only one.
pub fn drawn_words(groups: &[MetadataGroup]) -> String {
    let is_set = |g: &&MetadataGroup| matches!(g.source, MetadataSource::FeatureIds(_) | MetadataSource::InstanceIds(_));
    let several = groups.iter().filter(is_set).count() > 1;
    groups.iter().find(|g| g.is_drawn_feature() && several).map(title).unwrap_or_default()
}

/// What the drawn feature is called where it has no name: its class and its number.
pub fn drawn_name(groups: &[MetadataGroup]) -> Option<String> {
    let group = groups.iter().find(|g| g.is_drawn_feature())?;
    let (MetadataSource::FeatureIds(set) | MetadataSource::InstanceIds(set)) = &group.source else { return None };
    let class = if group.said.class.name.is_empty() { "要素 feature" } else { &group.said.class.name };
    Some(set.feature.map_or_else(|| class.to_owned(), |id| format!("{class} #{id}")))
}

/// What the schema says of one of the drawn feature's attributes.
pub fn drawn_hint(groups: &[MetadataGroup], name: &str) -> String {
    let drawn = groups.iter().find(|g| g.is_drawn_feature());
    drawn.and_then(|g| g.said.properties.iter().find(|p| p.name == name)).map(hint).unwrap_or_default()
}

/// Said of the place itself, and not of the tile around it.
fn is_of_the_place(source: &MetadataSource) -> bool {
    !matches!(source, MetadataSource::Tileset | MetadataSource::Tile | MetadataSource::Content { .. } | MetadataSource::Group { .. })
}

fn title(group: &MetadataGroup) -> String {
    let numbered = |words: &str, number: usize| if number == 0 { words.to_owned() } else { format!("{words} {}", number + 1) };
    let set = |words: &str, set: &FeatureIdSource| {
        let id = set.feature.map(|id| format!(" · #{id}")).unwrap_or_default();
        let label = if set.label.is_empty() { (set.number + 1).to_string() } else { set.label.clone() };
        format!("{words} {label}{id}")
    };
    let words = match &group.source {
        MetadataSource::FeatureIds(of) => set("要素 feature ids", of),
        MetadataSource::InstanceIds(of) => set("实例 instance ids", of),
        MetadataSource::PropertyTexture { number } => numbered("贴图属性 property texture", *number),
        MetadataSource::PropertyAttribute { number } => numbered("最近顶点 nearest vertex", *number),
        MetadataSource::Tileset => "瓦片集 tileset".to_owned(),
        MetadataSource::Tile => "瓦片 tile".to_owned(),
        MetadataSource::Content { number } => numbered("内容 content", *number),
        MetadataSource::Group { number } => numbered("内容组 group", *number),
    };
    if group.said.class.name.is_empty() { words } else { format!("{words} · {}", group.said.class.name) }
}

/// What a schema says of a property, a line a thing.
fn hint(property: &DescribedProperty) -> String {
    let range = property.range.as_ref().map(|[low, high]| format!("{} – {}", value_words(low), value_words(high)));
    let semantic = Some(property.semantic.clone());
    let long = Some(property.value.to_string()).filter(|v| v.chars().count() > VALUE_CHARS_MAX);
    let lines = [Some(property.description.clone()), range, semantic, long];
    lines.into_iter().flatten().filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A value as people read it: numbers without the noise of 32 bits, lists without brackets.
pub fn value_words(value: &Value) -> String {
    let words = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64().map_or_else(String::new, number_words),
        Value::Bool(yes) => if *yes { "是 yes" } else { "否 no" }.to_owned(),
        Value::Array(list) => list.iter().map(value_words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    match words.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// Seven digits, which is what 32 bits are good for.
fn number_words(v: f64) -> String {
    let digits = 6 - v.abs().max(1e-6).log10().floor() as i32;
    match usize::try_from(digits) {
        Ok(digits) if v.abs() >= 1e-4 || v == 0.0 => {
            let plain = format!("{v:.digits$}");
            if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.').to_owned() } else { plain }
        }
        _ => v.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiles::{ClassName, Described};
    use serde_json::json;

    #[test]
    fn values_are_read_without_noise() {
        let words =
            [json!(0.2f32), json!(1), json!(1234567.891), json!(-0.5), json!(0.0), json!(1e-9), json!(5e15), json!([1, 0.25]), json!(true)]
                .map(|v| value_words(&v));
        assert_eq!(words, ["0.2", "1", "1234568", "-0.5", "0", "0.000000001", "5000000000000000", "1, 0.25", "是 yes"]);
        assert_eq!(value_words(&json!("字".repeat(500))).chars().count(), VALUE_CHARS_MAX + 1);
    }

    fn group(source: MetadataSource, class: &str) -> MetadataGroup {
        let class = ClassName { name: class.into(), ..ClassName::default() };
        MetadataGroup { source, said: Described { class, properties: Vec::new() } }
    }

    #[test]
    fn sources_are_told_apart_and_the_drawn_set_is_named_where_there_are_several() {
        let set = |number: usize, label: &str, is_drawn: bool| {
            let set = FeatureIdSource { number, label: label.into(), feature: Some(7), is_drawn };
            group(MetadataSource::FeatureIds(set), "Wall")
        };
        let alone = [set(0, "", true), group(MetadataSource::Tile, "")];
        assert_eq!((drawn_words(&alone), drawn_name(&alone)), (String::new(), Some("Wall #7".to_owned())));
        let both = [set(0, "rooms", true), set(1, "", false), group(MetadataSource::Content { number: 1 }, "C")];
        assert_eq!(
            both.each_ref().map(title),
            ["要素 feature ids rooms · #7 · Wall", "要素 feature ids 2 · #7 · Wall", "内容 content 2 · C"]
        );
        assert_eq!(drawn_words(&both), title(&both[0]));
    }
}
