//! What a glTF has that is not drawn, in words: nothing goes in silence.

use super::gltf_json::{Document, Material};

const SEE_THROUGH: &str = "half-transparent faces are drawn solid, or cut out where their picture is";
const EMISSIVE: &str = "light that faces give off (emissive) is left out";
const SHADER: &str = "a shader of the file's own (KHR_techniques_webgl) names no colour that is known";
const ANIMATED: &str = "what is animated stands still";
const SKINNED: &str = "skins are drawn as they were modelled";

/// Of a whole file.
pub fn left_out(document: &Document) -> impl Iterator<Item = &'static str> {
    let any = |has: fn(&Material) -> bool| document.materials.iter().any(has);
    let said = [
        (any(is_see_through), SEE_THROUGH),
        (any(|m| m.emissive_factor.iter().any(|c| *c > 0.0)), EMISSIVE),
        (any(|m| m.extensions.technique.is_some() && m.has_no_colour()), SHADER),
        (!document.animations.is_empty(), ANIMATED),
        (!document.skins.is_empty(), SKINNED),
    ];
    said.into_iter().filter_map(|(is_so, words)| is_so.then_some(words))
}

fn is_see_through(material: &Material) -> bool {
    material.alpha_mode.as_deref() == Some("BLEND") && (material.picture().is_some() || material.colour()[3] < 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: &str) -> Vec<&'static str> {
        left_out(&serde_json::from_str(json).unwrap()).collect()
    }

    #[test]
    fn what_is_not_drawn_is_said_and_what_is_drawn_is_not() {
        assert!(said("{}").is_empty());
        let solid = r#"{"materials": [{"alphaMode": "BLEND"}, {"emissiveFactor": [0, 0, 0]},
            {"alphaMode": "MASK", "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0.5]}},
            {"extensions": {"KHR_techniques_webgl": {"technique": 0, "values": {"u_diffuse": [1, 0, 0, 1]}}}}]}"#;
        assert!(said(solid).is_empty(), "{:?}", said(solid));
        let all = r#"{"materials": [{"alphaMode": "BLEND", "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0.4]}},
            {"emissiveFactor": [0, 0.2, 0]}, {"extensions": {"KHR_techniques_webgl": {"technique": 0}}}], "animations": [{}], "skins": [{}]}"#;
        assert_eq!(said(all), [SEE_THROUGH, EMISSIVE, SHADER, ANIMATED, SKINNED]);
        let leaf = r#"{"materials": [{"alphaMode": "BLEND", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]}"#;
        assert_eq!(said(leaf), [SEE_THROUGH]);
    }
}
