/// The entity sets of SensorThings Sensing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    Things,
    Locations,
    HistoricalLocations,
    Datastreams,
    Sensors,
    ObservedProperties,
    Observations,
    FeaturesOfInterest,
}

/// A navigation property: its name, where it leads, whether to many.
pub type Link = (&'static str, Set, bool);

pub const SETS: [(Set, &str); 8] = [
    (Set::Things, "Things"),
    (Set::Locations, "Locations"),
    (Set::HistoricalLocations, "HistoricalLocations"),
    (Set::Datastreams, "Datastreams"),
    (Set::Sensors, "Sensors"),
    (Set::ObservedProperties, "ObservedProperties"),
    (Set::Observations, "Observations"),
    (Set::FeaturesOfInterest, "FeaturesOfInterest"),
];

impl Set {
    pub fn parse(name: &str) -> Option<Set> {
        SETS.into_iter().find(|(_, n)| *n == name).map(|(set, _)| set)
    }

    pub fn name(self) -> &'static str {
        SETS.into_iter().find(|(set, _)| *set == self).map_or("", |(_, n)| n)
    }

    pub fn links(self) -> &'static [Link] {
        use Set::*;
        match self {
            Things => {
                &[("Datastreams", Datastreams, true), ("Locations", Locations, true), ("HistoricalLocations", HistoricalLocations, true)]
            }
            Locations => &[("Things", Things, true), ("HistoricalLocations", HistoricalLocations, true)],
            HistoricalLocations => &[("Thing", Things, false), ("Locations", Locations, true)],
            Datastreams => &[
                ("Thing", Things, false),
                ("Sensor", Sensors, false),
                ("ObservedProperty", ObservedProperties, false),
                ("Observations", Observations, true),
            ],
            Sensors | ObservedProperties => &[("Datastreams", Datastreams, true)],
            Observations => &[("Datastream", Datastreams, false), ("FeatureOfInterest", FeaturesOfInterest, false)],
            FeaturesOfInterest => &[("Observations", Observations, true)],
        }
    }

    pub fn link(self, name: &str) -> Option<&'static Link> {
        self.links().iter().find(|l| l.0 == name)
    }

    /// Whether `name` is one of the set's own properties.
    pub fn has(self, name: &str) -> bool {
        let own: &[&str] = match self {
            Set::Things => &["name", "description", "properties"],
            Set::Locations => &["name", "description", "encodingType", "location", "properties"],
            Set::HistoricalLocations => &["time"],
            Set::Datastreams => &[
                "name",
                "description",
                "observationType",
                "unitOfMeasurement",
                "observedArea",
                "phenomenonTime",
                "resultTime",
                "properties",
            ],
            Set::Sensors => &["name", "description", "encodingType", "metadata", "properties"],
            Set::ObservedProperties => &["name", "definition", "description", "properties"],
            Set::Observations => &["phenomenonTime", "resultTime", "result", "resultQuality", "validTime", "parameters"],
            Set::FeaturesOfInterest => &["name", "description", "encodingType", "feature", "properties"],
        };
        ["id", "@iot.id", "@iot.selfLink"].contains(&name) || own.contains(&name)
    }
}
