//! Cursor-on-Target types as kinds of units: which prefix of a type means what in a city.

use super::incident::Domain;
use serde::{Deserialize, Serialize};

/// One prefix of a type, its parts joined by `-`; `.` stands for any one part: `a-.-G-E-V` is a ground vehicle of any side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CotType {
    pub prefix: String,
    /// Kind of unit: `fire_engine`, `drone`, ...
    pub kind: String,
    #[serde(default = "emergency")]
    pub domain: Domain,
}

fn emergency() -> Domain {
    Domain::Emergency
}

/// What a type is in the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitKind {
    pub kind: String,
    pub domain: Domain,
}

/// A scene's own types, asked in their order before [`BUILT_IN`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CotTypes(pub Vec<CotType>);

/// From special to general: battle dimension and function of MIL-STD-2525, as Cursor-on-Target writes them.
const BUILT_IN: [(&str, &str); 13] = [
    ("a-.-A-M-F-Q", "drone"),
    // Of the rotary wing, as ATAK's tool for small drones says.
    ("a-.-A-M-H-Q", "drone"),
    ("a-.-A-M-H", "helicopter"),
    ("a-.-A-C-H", "helicopter"),
    ("a-.-A", "aircraft"),
    ("a-.-S", "boat"),
    ("a-.-U", "diver"),
    ("a-.-G-E-V-A", "ambulance"),
    ("a-.-G-E-V", "vehicle"),
    ("a-.-G-U-i-f", "fire_engine"),
    ("a-.-G-I", "post"),
    ("a-.-G", "officer"),
    ("a-.-X", "officer"),
];

impl CotTypes {
    /// The kind of unit that a type is; `None` for what is none.
    pub fn of(&self, cot_type: &str) -> Option<UnitKind> {
        let own = self.0.iter().find(|t| begins(cot_type, &t.prefix)).map(|t| UnitKind { kind: t.kind.clone(), domain: t.domain });
        own.or_else(|| {
            let (_, kind) = BUILT_IN.iter().find(|(prefix, _)| begins(cot_type, prefix))?;
            Some(UnitKind { kind: (*kind).to_owned(), domain: Domain::Emergency })
        })
    }
}

fn begins(cot_type: &str, prefix: &str) -> bool {
    let mut parts = cot_type.split('-');
    prefix.split('-').all(|wanted| parts.next().is_some_and(|part| wanted == "." || wanted == part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_prefix_that_fits_says_what_a_type_is() {
        let own = CotType { prefix: "a-f-G-U-C-V".into(), kind: "patrol_car".into(), domain: Domain::PublicOrder };
        let types = CotTypes(vec![own]);
        let kind = |t: &str| types.of(t).map(|k| (k.kind, k.domain));
        assert_eq!(kind("a-f-G-U-C-V-A"), Some(("patrol_car".into(), Domain::PublicOrder)));
        assert_eq!(kind("a-f-G-U-C"), Some(("officer".into(), Domain::Emergency)));
        assert_eq!(kind("a-n-A-M-F-Q-r").unwrap().0, "drone");
        assert_eq!(kind("a-f-G-E-V-A-x").unwrap().0, "ambulance");
        // A prefix is of whole parts.
        assert_eq!(types.of("a-f-Sx"), None);
        assert_eq!(types.of("b-a-o-tbl"), None);
    }
}
