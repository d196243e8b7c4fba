//! Colours by attribute and filters: rules that scenes bring, choices that all screens share, and the pure rules between a value and a colour.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `#RRGGBB`, sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rgb(pub [u8; 3]);

impl TryFrom<String> for Rgb {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii());
        let byte = |i: usize| digits.and_then(|d| u8::from_str_radix(&d[i..i + 2], 16).ok());
        match (byte(0), byte(2), byte(4)) {
            (Some(r), Some(g), Some(b)) => Ok(Self([r, g, b])),
            _ => Err(format!("{text:?} is no colour like #1A2B3C")),
        }
    }
}

impl From<Rgb> for String {
    fn from(Rgb([r, g, b]): Rgb) -> Self {
        format!("#{r:02X}{g:02X}{b:02X}")
    }
}

/// Colour maps: perceptually even, readable with weak colour vision. `RdBu` is for values around a middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ramp {
    #[default]
    Viridis,
    Cividis,
    Magma,
    Inferno,
    Plasma,
    YlOrRd,
    Blues,
    RdBu,
}

impl Ramp {
    /// The colour at `u`, 0 to 1; what lies outside gets the colour of the end.
    pub fn at(self, u: f64) -> Rgb {
        let gradient = match self {
            Self::Viridis => colorous::VIRIDIS,
            Self::Cividis => colorous::CIVIDIS,
            Self::Magma => colorous::MAGMA,
            Self::Inferno => colorous::INFERNO,
            Self::Plasma => colorous::PLASMA,
            Self::YlOrRd => colorous::YELLOW_ORANGE_RED,
            Self::Blues => colorous::BLUES,
            Self::RdBu => colorous::RED_BLUE,
        };
        let colour = gradient.eval_continuous(if u.is_nan() { 0.0 } else { u.clamp(0.0, 1.0) });
        Rgb([colour.r, colour.g, colour.b])
    }

    /// The colour of heat at `u`, 0 to 1, the same on every screen. Light-to-dark and two-sided maps end where they should.
    pub fn of_heat(self, u: f64) -> Rgb {
        let u = u.clamp(0.0, 1.0);
        self.at(match self {
            Self::Viridis | Self::Cividis | Self::Magma | Self::Inferno | Self::Plasma => HEAT_PART[0] + (HEAT_PART[1] - HEAT_PART[0]) * u,
            Self::YlOrRd | Self::Blues | Self::RdBu => u,
        })
    }
}

/// Part of a dark-to-light map that heat uses: its darkest tenth would not show on a dark city, its lightest twentieth would glare.
const HEAT_PART: [f64; 2] = [0.10, 0.96];

/// One attribute as colours of the buildings. Either `range` (numbers along a ramp) or `category` (values by name) is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StyleRule {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    /// Attribute of the features, or name of a computed one.
    pub attribute: String,
    #[serde(default)]
    pub unit: String,
    /// Values at the two ends of the ramp; fixed, so that two pictures compare.
    #[serde(default)]
    pub range: Option<[f64; 2]>,
    #[serde(default)]
    pub ramp: Ramp,
    #[serde(default)]
    pub category: Vec<Category>,
    /// Colour of features without a value or of no category; they stay as they are when it is not given.
    #[serde(default)]
    pub other: Option<Rgb>,
}

/// Values that share a colour and a line in the legend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    pub values: Vec<Value>,
    pub colour: Rgb,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
}

impl StyleRule {
    /// What is wrong with the rule, in words with the mend.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        match (self.range, self.category.is_empty()) {
            (Some([low, high]), true) if low.is_finite() && high.is_finite() && low < high => Ok(()),
            (Some(_), true) => Err(format!("style {:?}: range must go from a lower to a higher number", self.id)),
            (None, false) => Ok(()),
            (Some(_), false) => Err(format!("style {:?}: give range or category, not both", self.id)),
            (None, true) => Err(format!("style {:?}: give range = [low, high] for numbers or [[style.category]] for values", self.id)),
        }
    }

    /// The colour of a number; `None` leaves the feature as it is.
    pub fn of_number(&self, value: f64) -> Option<Rgb> {
        match self.range {
            Some([low, high]) if value.is_finite() => Some(self.ramp.at((value - low) / (high - low))),
            Some(_) => self.other,
            None => self.of_category(|v| v.as_f64() == Some(value)),
        }
    }

    /// The colour of a text, or of anything else that is no number.
    pub fn of_text(&self, value: &str) -> Option<Rgb> {
        self.of_category(|v| v.as_str() == Some(value))
    }

    fn of_category(&self, is: impl Fn(&Value) -> bool) -> Option<Rgb> {
        self.category.iter().find(|c| c.values.iter().any(&is)).map(|c| c.colour).or(self.other)
    }
}

/// A filter that a scene offers by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedFilter {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    /// All must hold.
    pub all: Vec<Condition>,
}

/// A condition on one attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub attribute: String,
    pub is: Comparison,
    pub value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparison {
    fn holds<T: PartialOrd + ?Sized>(self, value: &T, than: &T) -> bool {
        match self {
            Self::Equal => value == than,
            Self::NotEqual => value != than,
            Self::Less => value < than,
            Self::AtMost => value <= than,
            Self::More => value > than,
            Self::AtLeast => value >= than,
        }
    }
}

impl Condition {
    /// Whether it holds for a number; never for one that is not there (NaN), but for "not equal".
    pub fn holds_for_number(&self, value: f64) -> bool {
        let Some(than) = self.value.as_f64() else { return self.is == Comparison::NotEqual };
        self.is.holds(&value, &than)
    }

    /// Whether it holds for a text; greater and less are by the alphabet.
    pub fn holds_for_text(&self, value: &str) -> bool {
        let Some(than) = self.value.as_str() else { return self.is == Comparison::NotEqual };
        self.is.holds(value, than)
    }
}

/// How the buildings are shown, the same on all screens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Styling {
    /// Id of the scene's rule that colours them.
    pub rule: Option<String>,
    /// Ids of the scene's filters that are on; a building is shown where all of them let it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// What becomes of the buildings that are not selected, while one is.
    pub others: Others,
    /// The selected is seen through what stands before it.
    pub see_through: bool,
    /// A line that two looks are compared across.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swipe: Option<Swipe>,
}

/// Left of a line the city as [`Styling::rule`] colours it, right of it as another rule does or as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "WrittenSwipe")]
pub struct Swipe {
    /// Where the line stands: a share of the picture, from its left.
    pub share: f32,
    /// Id of the rule that colours the right side; `None` leaves it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Whether the heat layer lies over the left and over the right side.
    pub heat: [bool; 2],
}

impl Swipe {
    /// What is compared first: the city with colours and heat on the left with the city as it is.
    pub fn with_plain(share: f32) -> Self {
        Self { share, rule: None, heat: [true, false] }
    }
}

/// A swipe as it is written, or as it was before both sides could be chosen: its share alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenSwipe {
    Share(f32),
    Whole {
        share: f32,
        #[serde(default)]
        rule: Option<String>,
        #[serde(default = "heat_on_the_left")]
        heat: [bool; 2],
    },
}

fn heat_on_the_left() -> [bool; 2] {
    [true, false]
}

impl From<WrittenSwipe> for Swipe {
    fn from(written: WrittenSwipe) -> Self {
        match written {
            WrittenSwipe::Share(share) => Self::with_plain(share),
            WrittenSwipe::Whole { share, rule, heat } => Self { share, rule, heat },
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Others {
    #[default]
    Shown,
    /// They step back into the dark.
    Dimmed,
    Hidden,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(text: &str) -> StyleRule {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn numbers_go_along_the_ramp_and_stop_at_its_ends() {
        let r = rule("id = 'h'\nname = '高度'\nattribute = 'height_m'\nrange = [0, 100]\nother = '#808080'");
        assert_eq!(r.check(), Ok(()));
        assert_eq!(r.of_number(-5.0), r.of_number(0.0));
        assert_eq!(r.of_number(1e9), Some(Ramp::Viridis.at(1.0)));
        assert_ne!(r.of_number(50.0), r.of_number(51.0));
        assert_eq!(r.of_number(f64::NAN), Some(Rgb([128; 3])));
    }

    #[test]
    fn categories_are_found_by_value_and_the_rest_stays_as_it_is() {
        let r = rule("id = 'u'\nname = '用途'\nattribute = 'use'\n[[category]]\nvalues = ['office', 3]\ncolour = '#0A0B0C'\nname = '办公'");
        assert_eq!((r.of_text("office"), r.of_number(3.0), r.of_text("home")), (Some(Rgb([10, 11, 12])), Some(Rgb([10, 11, 12])), None));
    }

    #[test]
    fn a_rule_with_neither_or_both_says_what_to_give() {
        let bare = rule("id = 'x'\nname = 'x'\nattribute = 'a'");
        assert!(bare.check().unwrap_err().contains("range = [low, high]"));
        assert!(StyleRule { range: Some([2.0, 1.0]), ..bare }.check().is_err());
        assert!(Rgb::try_from("#12345".to_owned()).is_err() && Rgb::try_from("#ééé".to_owned()).is_err());
        assert_eq!(String::from(Rgb::try_from("#1a2B3c".to_owned()).unwrap()), "#1A2B3C");
    }

    #[test]
    fn a_comparison_is_read_as_it_is_written_and_as_it_was_before_its_right_side_could_be_chosen() {
        let both = Styling {
            swipe: Some(Swipe { rule: Some("use".into()), heat: [false, true], ..Swipe::with_plain(0.25) }),
            ..Styling::default()
        };
        assert_eq!(serde_json::from_value::<Styling>(json!(both)).unwrap(), both);
        let before: Styling = serde_json::from_value(json!({ "rule": "height", "swipe": 0.5 })).unwrap();
        assert_eq!(before.swipe, Some(Swipe::with_plain(0.5)));
        let bare: Styling = serde_json::from_value(json!({ "swipe": { "share": 0.75 } })).unwrap();
        assert_eq!(bare.swipe, Some(Swipe::with_plain(0.75)));
    }

    #[test]
    fn what_has_no_value_passes_no_filter_but_that_it_is_not_equal() {
        let c = |is, value| Condition { attribute: "a".into(), is, value };
        assert!(c(Comparison::AtLeast, json!(24)).holds_for_number(24.0) && !c(Comparison::AtLeast, json!(24)).holds_for_number(f64::NAN));
        assert!(c(Comparison::NotEqual, json!(24)).holds_for_number(f64::NAN) && !c(Comparison::Less, json!("m")).holds_for_number(1.0));
        assert!(c(Comparison::Equal, json!("office")).holds_for_text("office") && c(Comparison::NotEqual, json!(1)).holds_for_text("x"));
    }
}
