//! Which of a server's datastreams are read: by observed property and area, asked of the server where it can, and looked at here anyway.

use super::parse::snake_case;
use crate::geo::Shifted;

/// A server in shifted coordinates is asked for so much more on each side, degrees: the shift is not the same everywhere.
const SHIFT_MARGIN_DEG: f64 = 0.002;

/// What a scene wants of a server.
pub(in crate::feeds) struct Choice {
    /// As they are written, for the server.
    named: Vec<String>,
    /// In our spelling.
    properties: Vec<String>,
    /// West, south, east, north, WGS 84 degrees.
    area: Option<[f64; 4]>,
    /// The server's coordinates, where they are not WGS 84.
    shifted: Option<Shifted>,
}

impl Choice {
    pub(in crate::feeds) fn new(observed_properties: &[String], area: Option<[f64; 4]>, shifted: Option<Shifted>) -> Self {
        let properties = observed_properties.iter().map(|p| snake_case(p)).collect();
        Self { named: observed_properties.to_vec(), properties, area, shifted }
    }

    /// Whether nothing is left out.
    pub(super) fn is_all(&self) -> bool {
        self.properties.is_empty() && self.area.is_none()
    }

    /// `lon`, `lat`: WGS 84 degrees.
    pub(super) fn takes(&self, observed_property: &str, lon: f64, lat: f64) -> bool {
        let property = self.properties.is_empty() || self.properties.iter().any(|p| p == observed_property);
        let area = self.area.is_none_or(|[west, south, east, north]| {
            let across = if west <= east {
                (west..=east).contains(&lon)
            } else {
                // Over the antimeridian.
                lon >= west || lon <= east
            };
            across && (south..=north).contains(&lat)
        });
        property && area
    }

    /// `$filter` expressions, the one that says most first. A server need not know geometry, nor our spelling: the last one is none.
    pub(super) fn filters(&self) -> Vec<Option<String>> {
        let property = (!self.named.is_empty()).then(|| {
            let each = self.named.iter().map(|n| format!("ObservedProperty/name eq '{}'", n.replace('\'', "''")));
            format!("({})", each.collect::<Vec<_>>().join(" or "))
        });
        let area = self.area.filter(|[west, _, east, _]| west <= east).map(|area| {
            let [w, s, e, n] = self.shifted.map_or(area, |shifted| around(area, shifted));
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

/// An area in shifted coordinates, and a little more; what is too much is left out here.
fn around([west, south, east, north]: [f64; 4], shifted: Shifted) -> [f64; 4] {
    let corners = [(west, south), (east, south), (east, north), (west, north)].map(|(lon, lat)| shifted.forward(lon, lat));
    let [mut w, mut s, mut e, mut n] = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    for (lon, lat) in corners {
        (w, s, e, n) = (w.min(lon), s.min(lat), e.max(lon), n.max(lat));
    }
    [w - SHIFT_MARGIN_DEG, s - SHIFT_MARGIN_DEG, e + SHIFT_MARGIN_DEG, n + SHIFT_MARGIN_DEG]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_go_by_any_spelling_and_areas_may_cross_the_antimeridian() {
        let choice = Choice::new(&["PM2.5".into()], Some([118.0, 33.0, 119.0, 34.0]), None);
        assert!(choice.takes("pm2_5", 118.5, 33.9));
        assert!(!choice.takes("noise", 118.5, 33.9) && !choice.takes("pm2_5", 117.9, 33.9));
        let pacific = Choice::new(&[], Some([170.0, 30.0, -170.0, 40.0]), None);
        assert!(pacific.takes("x", 175.0, 33.9) && pacific.takes("x", -175.0, 33.9) && !pacific.takes("x", 0.0, 33.9));
    }

    #[test]
    fn the_server_is_asked_for_less_and_less() {
        let choice = Choice::new(&["a'b".into(), "c".into()], Some([1.0, 2.0, 3.0, 4.0]), None);
        let property = "(ObservedProperty/name eq 'a''b' or ObservedProperty/name eq 'c')";
        let area = "st_within(Thing/Locations/location,geography'POLYGON((1 2,3 2,3 4,1 4,1 2))')";
        assert_eq!(choice.filters(), [Some(format!("{property} and {area}")), Some(property.into()), None]);
        assert_eq!(Choice::new(&[], None, None).filters(), [None]);
    }

    #[test]
    fn a_server_in_shifted_coordinates_is_asked_for_the_area_as_it_has_it() {
        let area = [118.2, 33.9, 118.3, 34.0];
        for shifted in [Shifted::Gcj02, Shifted::Bd09] {
            let [w, s, e, n] = around(area, shifted);
            for (lon, lat) in [(118.2, 33.9), (118.25, 33.95), (118.3, 34.0), (118.2, 33.95), (118.25, 34.0)] {
                let (x, y) = shifted.forward(lon, lat);
                assert!((w..=e).contains(&x) && (s..=n).contains(&y), "{shifted:?}: {lon} {lat}");
            }
            assert!(e - w < 0.106 && n - s < 0.106, "{shifted:?}: not much more than that");
        }
    }
}
