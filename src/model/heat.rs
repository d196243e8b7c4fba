//! Heat layers of a scene: what is shown as a field, how it is made, on which scale.

use super::area::AreaLevel;
use super::average::Period;
use super::incident::{Domain, Incident};
use super::scale::{self, Scale, Standard};
use super::styling::{Ramp, Rgb};
use serde::{Deserialize, Serialize};

/// One observed property, or the incidents, draped as a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeatConfig {
    /// Layer id in the view state.
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    #[serde(default)]
    pub method: HeatMethod,
    /// Of the sensors whose readings make the field; empty where incidents do.
    #[serde(default)]
    pub observed_property: String,
    /// Which incidents are counted, in place of an observed property.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incidents: Option<IncidentFilter>,
    /// Shown in the legend; a standard scale brings its own.
    #[serde(default)]
    pub unit: String,
    /// Values at the two ends of the colour ramp, in `unit`; fixed, so that two times compare. Six even classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f32; 2]>,
    /// A standard's scale by its name, in place of `range`: `HJ 633-2012 PM2.5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<String>,
    /// Sensors count with their mean over so many hours before the clock's time, 1, 8 or 24, in place of their latest reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_h: Option<Period>,
    #[serde(default = "heat_ramp")]
    pub ramp: Ramp,
    /// Beyond this distance from every sensor nothing is shown, metres.
    #[serde(default = "reach_m")]
    pub reach_m: f32,
    /// Heights of sensors count: a metre up is so many metres aside, and walls are coloured by height. 0: heights don't matter.
    #[serde(default)]
    pub vertical: f32,
    /// Exponent of inverse distance weighting.
    #[serde(default = "idw_power")]
    pub power: f32,
    /// How many of the nearest sensors make an estimate: inverse distance weighs all when it is not given, kriging sixteen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<u32>,
    /// Standard deviation of the kernel of densities, metres; chosen by the events' spread when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_m: Option<f32>,
    /// H3 resolution of hexagons: 9 are 0.1 km², 8 are 0.7 km², 7 are 5 km².
    #[serde(default = "hexagon_resolution")]
    pub resolution: u8,
    /// Level of the areas values are rolled up by.
    #[serde(default = "area_level")]
    pub level: AreaLevel,
    /// A reading older than this is stale: its sensor is left out, minutes.
    #[serde(default = "stale_after_min")]
    pub stale_after_min: u32,
    #[serde(default)]
    pub shown: bool,
}

/// Colours told of a ramp: straight lines between them differ from it by no more than a step of a byte or two.
const COLOURS: usize = 33;

/// What a screen needs that knows neither standards nor ramps by name: the page in `web/`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// Ends of the classes, rising, in `unit`.
    pub bounds: Vec<f32>,
    pub unit: String,
    /// The ramp from its low to its high end, evenly.
    pub colours: Vec<Rgb>,
    /// Names of the classes where a standard gives them, and over what time it means values: Chinese and English.
    pub classes: &'static [(&'static str, &'static str)],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<(&'static str, &'static str)>,
    /// What has to be said beside it, see [`HeatConfig::caution`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caution: Option<(&'static str, &'static str)>,
}

/// How a field is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeatMethod {
    /// Inverse distance weighting.
    #[default]
    Idw,
    /// Ordinary kriging: weights and error from how readings differ with distance.
    Kriging,
    /// Events a square kilometre, spread by a kernel.
    Density,
    /// By area: mean of readings, or incidents a square kilometre.
    Areas,
    /// By H3 hexagon: mean of readings, or incidents a square kilometre.
    Hexagons,
}

impl HeatMethod {
    /// Chinese and English, for legends.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Idw => ("反距离加权", "inverse distance"),
            Self::Kriging => ("普通克里金", "ordinary kriging"),
            Self::Density => ("核密度", "kernel density"),
            Self::Areas => ("分区统计", "by area"),
            Self::Hexagons => ("六边形统计", "by hexagon"),
        }
    }
}

/// Which incidents count. Those that turned out to be nothing (void, duplicate) never do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentFilter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// Category or a branch of its tree: `urban_management/street_order`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Only those that still are to be handled.
    #[serde(default)]
    pub open: bool,
}

impl IncidentFilter {
    pub fn takes(&self, incident: &Incident) -> bool {
        use super::incident::IncidentState::{Duplicate, Void};
        let below =
            |branch: &String| incident.category.strip_prefix(branch.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        !(matches!(incident.state, Duplicate | Void) || self.open && incident.state.is_ended())
            && self.domain.is_none_or(|d| d == incident.domain)
            && self.category.as_ref().is_none_or(below)
    }
}

fn reach_m() -> f32 {
    1_500.0
}

fn idw_power() -> f32 {
    2.0
}

fn heat_ramp() -> Ramp {
    Ramp::Inferno
}

fn hexagon_resolution() -> u8 {
    8
}

fn area_level() -> AreaLevel {
    AreaLevel::GridCell
}

fn stale_after_min() -> u32 {
    60
}

/// Most neighbours of an estimate.
const NEIGHBOURS_MAX: u32 = 32;
/// Finest hexagons a city can be shown in: 9 m² is a parking space.
const RESOLUTION_MAX: u8 = 12;

impl HeatConfig {
    /// What is wrong, in words with the mend.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |why: String| Err(format!("heat {:?}: {why}", self.id));
        if let Err(why) = self.scale_or_error() {
            return wrong(why);
        }
        let positive = |value: f32| value.is_finite() && value > 0.0;
        match (self.observed_property.is_empty(), &self.incidents) {
            (true, None) => return wrong("give observed_property for readings or incidents = {} for events".into()),
            (false, Some(_)) => return wrong("give observed_property or incidents, not both".into()),
            (true, Some(_)) if matches!(self.method, HeatMethod::Idw | HeatMethod::Kriging) => {
                return wrong("incidents have no value to interpolate; use method = \"density\", \"areas\" or \"hexagons\"".into());
            }
            _ => {}
        }
        match (self.mean_h, self.standard().and_then(|s| s.period)) {
            (Some(_), _) if self.incidents.is_some() => return wrong("mean_h is of readings; incidents have none".into()),
            (Some(mean), Some(meant)) if mean != meant => {
                let (name, meant) = (self.scale.as_deref().unwrap_or_default(), meant.hours());
                return wrong(format!(
                    "{name} is a scale of {meant} h means: write mean_h = {meant}, or leave it out to show latest readings"
                ));
            }
            _ => {}
        }
        if !positive(self.reach_m) || !positive(self.power) || self.bandwidth_m.is_some_and(|b| !positive(b)) || self.stale_after_min == 0 {
            return wrong("reach_m, power, bandwidth_m and stale_after_min must be more than 0".into());
        }
        if !(self.vertical.is_finite() && self.vertical >= 0.0) {
            return wrong("vertical must be 0 or more: how many metres aside a metre of height counts as, 20 for air over a city".into());
        }
        if self.neighbours.is_some_and(|n| n == 0 || n > NEIGHBOURS_MAX) {
            return wrong(format!("neighbours must be 1 to {NEIGHBOURS_MAX}"));
        }
        if self.resolution > RESOLUTION_MAX {
            return wrong(format!("resolution must be 0 to {RESOLUTION_MAX} (9 are hexagons of 0.1 km²)"));
        }
        Ok(())
    }

    fn scale_or_error(&self) -> Result<Scale, String> {
        match (&self.scale, self.range) {
            (Some(_), Some(_)) => Err("give range or scale, not both".into()),
            (None, None) => Err("give range = [low, high] or scale = \"HJ 633-2012 PM2.5\"".into()),
            (None, Some(range)) => Scale::even(range).map_err(|_| "range must go from a lower to a higher value".into()),
            (Some(name), None) => match scale::standard(name) {
                Some(standard) => Scale::try_from(standard.bounds.to_vec()),
                None => Err(format!("no scale is called {name:?}; there are {}", scale::STANDARDS.map(|s| s.name).join(", "))),
            },
        }
    }

    /// Where values stand on the ramp. A scene that was checked has one; another gets 0 to 1.
    pub fn scale(&self) -> Scale {
        self.scale_or_error().unwrap_or_default()
    }

    /// The standard the scale is from.
    pub fn standard(&self) -> Option<&'static Standard> {
        self.scale.as_deref().and_then(scale::standard)
    }

    /// Takes out of a heat that was told to screens what [`Explained`] added: what is left is a [`HeatConfig`].
    pub fn forget_explanation(told: &mut serde_json::Map<String, serde_json::Value>) {
        ["bounds", "colours", "classes", "mean", "caution"].iter().for_each(|key| drop(told.remove(*key)));
    }

    /// The same with every name looked up.
    pub fn explained(&self) -> Explained {
        let standard = self.standard();
        Explained {
            bounds: self.scale().bounds().to_vec(),
            unit: self.unit().to_owned(),
            colours: (0..COLOURS).map(|i| self.ramp.of_heat(i as f64 / (COLOURS - 1) as f64)).collect(),
            classes: standard.map_or(&[], |s| s.classes),
            mean: self.meaning(),
            caution: self.caution(),
        }
    }

    /// Over what time values are meant, in Chinese and English: as they are made, else as the scale has them.
    pub fn meaning(&self) -> Option<(&'static str, &'static str)> {
        self.mean_h.map(Period::words).or_else(|| self.standard().map(|s| s.mean)).filter(|mean| !mean.0.is_empty())
    }

    /// How far back the series of its sensors are drawn, hours: four readings of a station that speaks once an hour, and no less than the
    /// hours that a value is a mean of.
    pub fn charted_hours(&self) -> u8 {
        self.mean_h.map_or(0, Period::hours).max(CHARTED_HOURS)
    }

    /// Said where latest readings stand on a scale that is meant for means.
    pub fn caution(&self) -> Option<(&'static str, &'static str)> {
        let for_means = self.standard().is_some_and(|s| !s.mean.0.is_empty());
        (for_means && self.mean_h.is_none() && self.incidents.is_none()).then_some(("所示为最新读数", "shown: latest readings"))
    }

    /// As the scene says, else as the standard does.
    pub fn unit(&self) -> &str {
        if self.unit.is_empty() { self.standard().map_or("", |s| s.unit) } else { &self.unit }
    }
}

/// Hours of a series beside a latest reading.
const CHARTED_HOURS: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn heat(more: &str) -> HeatConfig {
        toml::from_str(&format!("id = 'h'\nname = 'h'\n{more}")).unwrap()
    }

    #[test]
    fn a_standard_scale_brings_unit_and_classes_and_a_wrong_name_says_which_there_are() {
        let h = heat("observed_property = 'pm2_5'\nscale = 'HJ 633-2012 PM2.5'");
        assert_eq!((h.check(), h.unit(), h.scale().classes()), (Ok(()), "µg/m³", 6));
        let unknown = heat("observed_property = 'pm2_5'\nscale = 'AQI'").check().unwrap_err();
        assert!(unknown.contains("\"AQI\"") && unknown.contains("GB 3096-2008 night"), "{unknown}");
    }

    #[test]
    fn a_screen_is_told_the_scale_and_the_colours_by_what_they_are() {
        let told = heat("observed_property = 'pm2_5'\nscale = 'HJ 633-2012 PM2.5'\nramp = 'magma'").explained();
        assert_eq!((told.bounds.len(), told.classes[1].0, told.mean.unwrap().1, told.unit.as_str()), (7, "良", "24 h mean", "µg/m³"));
        let config = heat("observed_property = 'pm2_5'\nscale = 'HJ 633-2012 PM2.5'\nramp = 'magma'");
        let mut scene = serde_json::to_value(&config).unwrap();
        let map = scene.as_object_mut().unwrap();
        map.extend(serde_json::to_value(&told).unwrap().as_object().unwrap().clone());
        HeatConfig::forget_explanation(map);
        let again: HeatConfig = serde_json::from_value(scene).unwrap();
        assert_eq!(
            again,
            HeatConfig { unit: told.unit.clone(), ..config },
            "a screen that knows them all reads the scene as it was written"
        );
        for i in 0..1000 {
            let (u, at) = (f64::from(i) / 999.0, f64::from(i) / 999.0 * (COLOURS - 1) as f64);
            let (a, b) = (told.colours[at as usize].0, told.colours[(at as usize + 1).min(COLOURS - 1)].0);
            let Rgb(exact) = Ramp::Magma.of_heat(u);
            for c in 0..3 {
                let between = f64::from(a[c]) + (f64::from(b[c]) - f64::from(a[c])) * at.fract();
                assert!((between - f64::from(exact[c])).abs() <= 2.0, "{u}: {between} is not {}", exact[c]);
            }
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_the_mend() {
        for (text, mend) in [
            ("observed_property = 'a'\nrange = [1, 1]", "lower to a higher"),
            ("observed_property = 'a'\nrange = [1, 2]\nscale = 'GB 3096-2008 day'", "not both"),
            ("observed_property = 'a'", "range = [low, high]"),
            ("range = [0, 1]", "incidents = {}"),
            ("incidents = {}\nrange = [0, 1]", "\"density\""),
            ("incidents = {}\nobserved_property = 'a'\nmethod = 'areas'\nrange = [0, 1]", "not both"),
            ("observed_property = 'a'\nrange = [0, 1]\nreach_m = 0", "more than 0"),
            ("observed_property = 'a'\nrange = [0, 1]\nvertical = -1", "20 for air"),
            ("observed_property = 'a'\nrange = [0, 1]\nneighbours = 33", "1 to 32"),
            ("observed_property = 'a'\nrange = [0, 1]\nresolution = 13", "0 to 12"),
            ("observed_property = 'a'\nscale = 'HJ 633-2012 O3 8 h'\nmean_h = 24", "mean_h = 8"),
            ("incidents = {}\nmethod = 'density'\nrange = [0, 1]\nmean_h = 24", "of readings"),
        ] {
            let why = heat(text).check().unwrap_err();
            assert!(why.contains(mend) && why.contains("\"h\""), "{text}: {why}");
        }
        assert_eq!(heat("method = 'density'\nincidents = { domain = 'traffic' }\nrange = [0, 20]").check(), Ok(()));
        assert!(toml::from_str::<HeatConfig>("id = 'h'\nname = 'h'\nmethod = 'splines'").is_err());
    }

    #[test]
    fn latest_readings_on_a_scale_of_means_are_called_so_and_means_are_called_by_their_hours() {
        let said = |more: &str| {
            let told = heat(&format!("observed_property = 'o3'\n{more}")).explained();
            (told.mean.map(|m| m.1), told.caution.map(|c| c.1))
        };
        assert_eq!(said("scale = 'HJ 633-2012 O3 8 h'"), (Some("8 h mean"), Some("shown: latest readings")));
        assert_eq!(said("scale = 'HJ 633-2012 O3 8 h'\nmean_h = 8"), (Some("8 h mean"), None));
        assert_eq!((said("range = [0, 1]\nmean_h = 24"), said("range = [0, 1]")), ((Some("24 h mean"), None), (None, None)));
        let hours = |more: &str| {
            let toml = format!("id = 'h'\nname = 'h'\nobserved_property = 'a'\nrange = [0, 1]\n{more}");
            toml::from_str::<HeatConfig>(&toml).unwrap().charted_hours()
        };
        assert_eq!([hours(""), hours("mean_h = 1"), hours("mean_h = 8"), hours("mean_h = 24")], [4, 4, 8, 24]);
        let wrong = toml::from_str::<HeatConfig>("id = 'h'\nname = 'h'\nobserved_property = 'a'\nrange = [0, 1]\nmean_h = 3").unwrap_err();
        assert!(wrong.to_string().contains("1, 8 and 24 hours"), "{wrong}");
    }

    #[test]
    fn incidents_count_by_branch_and_never_when_they_were_nothing() {
        let filter = IncidentFilter { domain: None, category: Some("traffic/jam".into()), open: true };
        let incident = |category: &str, state: &str| -> Incident {
            serde_json::from_value(serde_json::json!({
                "id": "i", "version": 1, "domain": "traffic", "category": category, "severity": "minor", "state": state, "title": "t",
                "lon": 0.0, "lat": 0.0, "source": "s", "reported_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            }))
            .unwrap()
        };
        assert!(filter.takes(&incident("traffic/jam", "reported")) && filter.takes(&incident("traffic/jam/long", "reported")));
        assert!(!filter.takes(&incident("traffic/jammed", "reported")) && !filter.takes(&incident("traffic/jam", "closed")));
        let all = IncidentFilter::default();
        assert!(all.takes(&incident("a", "closed")) && !all.takes(&incident("a", "void")) && !all.takes(&incident("a", "duplicate")));
        assert!(!IncidentFilter { domain: Some(Domain::Emergency), ..all }.takes(&incident("a", "closed")));
    }
}
