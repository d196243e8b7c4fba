//! Which of a server's datastreams are read: by observed property and area, asked of the server where it can, and looked at here anyway.

use super::parse::snake_case;
use crate::model::observation::Datastream;

/// What a scene wants of a server.
pub(in crate::feeds) struct Choice {
    /// As they are written, for the server.
    named: Vec<String>,
    /// In our spelling.
    properties: Vec<String>,
    /// West, south, east, north, degrees.
    area: Option<[f64; 4]>,
}

impl Choice {
    pub(in crate::feeds) fn new(observed_properties: &[String], area: Option<[f64; 4]>) -> Self {
        let properties = observed_properties.iter().map(|p| snake_case(p)).collect();
        Self { named: observed_properties.to_vec(), properties, area }
    }

    /// Whether nothing is left out.
    pub(super) fn is_all(&self) -> bool {
        self.properties.is_empty() && self.area.is_none()
    }

    pub(super) fn takes(&self, datastream: &Datastream) -> bool {
        let property = self.properties.is_empty() || self.properties.contains(&datastream.observed_property);
        let area = self.area.is_none_or(|[west, south, east, north]| {
            let across = if west <= east {
                (west..=east).contains(&datastream.lon)
            } else {
                // Over the antimeridian.
                datastream.lon >= west || datastream.lon <= east
            };
            across && (south..=north).contains(&datastream.lat)
        });
        property && area
    }

    /// `$filter` expressions, the one that says most first. A server need not know geometry, nor our spelling: the last one is none.
    pub(super) fn filters(&self) -> Vec<Option<String>> {
        let property = (!self.named.is_empty()).then(|| {
            let each = self.named.iter().map(|n| format!("ObservedProperty/name eq '{}'", n.replace('\'', "''")));
            format!("({})", each.collect::<Vec<_>>().join(" or "))
        });
        let area = self.area.filter(|[west, _, east, _]| west <= east).map(|[w, s, e, n]| {
            let ring = format!("{w} {s},{e} {s},{e} {n},{w} {n},{w} {s}");
            format!("st_within(Thing/Locations/location,geography'POLYGON(({ring}))')")
        });
        match (property, area) {
            (Some(property), Some(area)) => vec![Some(format!("{property} and {area}")), Some(property), None],
            (Some(one), None) | (None, Some(one)) => vec![Some(one), None],
            (None, None) => vec![None],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datastream(property: &str, lon: f64) -> Datastream {
        let (id, feed, sensor, unit) = Default::default();
        Datastream { id, feed, sensor, observed_property: property.into(), unit, lon, lat: 33.9, height_m: 0.0 }
    }

    #[test]
    fn properties_go_by_any_spelling_and_areas_may_cross_the_antimeridian() {
        let choice = Choice::new(&["PM2.5".into()], Some([118.0, 33.0, 119.0, 34.0]));
        assert!(choice.takes(&datastream("pm2_5", 118.5)));
        assert!(!choice.takes(&datastream("noise", 118.5)) && !choice.takes(&datastream("pm2_5", 117.9)));
        let pacific = Choice::new(&[], Some([170.0, 30.0, -170.0, 40.0]));
        assert!(pacific.takes(&datastream("x", 175.0)) && pacific.takes(&datastream("x", -175.0)) && !pacific.takes(&datastream("x", 0.0)));
    }

    #[test]
    fn the_server_is_asked_for_less_and_less() {
        let choice = Choice::new(&["a'b".into(), "c".into()], Some([1.0, 2.0, 3.0, 4.0]));
        let property = "(ObservedProperty/name eq 'a''b' or ObservedProperty/name eq 'c')";
        let area = "st_within(Thing/Locations/location,geography'POLYGON((1 2,3 2,3 4,1 4,1 2))')";
        assert_eq!(choice.filters(), [Some(format!("{property} and {area}")), Some(property.into()), None]);
        assert_eq!(Choice::new(&[], None).filters(), [None]);
    }
}
