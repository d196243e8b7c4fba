//! The coordinate system of a file, out of the many ways `srsName` is written, and which of its axes comes first.
//!
//! Axis order, by rule: a geographic system named by URN or URL (`urn:ogc:def:crs:EPSG::4258`, `http://www.opengis.net/def/crs/EPSG/0/6697`) has
//! latitude first, as the EPSG register defines it and OGC's naming rules ask for (OGC 09-048r5, OGC 11-135r2); named `EPSG:4326` it has longitude
//! first, the older habit. Projected systems come as easting, northing in every name: that is how city models are published, even where the
//! register says northing first (Gauss-Kruger). An envelope that can't be meant by the rule (a latitude beyond 90) overrules it.

use crate::geo::Crs;
use glam::DVec3;

/// Where a file lies.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reference {
    /// `EPSG:n` where it is one, else as the file writes it.
    pub name: Option<String>,
    /// Coordinates are degrees.
    pub geographic: bool,
    /// Positions have latitude (or northing) first.
    pub latitude_first: bool,
}

impl Reference {
    /// `corner` is the lower corner of the envelope, as written.
    pub(super) fn new(srs_name: Option<&str>, corner: Option<[f64; 2]>) -> Self {
        let Some(written) = srs_name.map(str::trim).filter(|s| !s.is_empty()) else { return Self::default() };
        let mut name = name(written);
        if let Some([x, _]) = corner {
            name = with_zone(name, x);
        }
        let geographic = Crs::new(&name).is_ok_and(|crs| crs.counts_degrees());
        let by_authority = written.contains("urn:") || written.contains("://");
        let latitude_first = geographic && corner.and_then(evident).unwrap_or(by_authority);
        Self { name: Some(name), geographic, latitude_first }
    }

    /// Coordinates as [`crate::city::source::CitySource::vertices`] wants them: x east or longitude.
    pub(super) fn place(&self, written: DVec3) -> DVec3 {
        if self.latitude_first { DVec3::new(written.y, written.x, written.z) } else { written }
    }

    /// Whether another `srsName` of the same file means the same place on the map.
    pub(super) fn agrees(&self, srs_name: &str) -> bool {
        self.name.as_deref().is_none_or(|known| {
            let other = name(srs_name.trim());
            // Zones in front of the easting are found by the envelope, which a geometry has none of.
            other == *known || with_zone(other, f64::MAX) == *known
        })
    }
}

/// Whether latitude comes first, where only one order is possible.
fn evident([first, second]: [f64; 2]) -> Option<bool> {
    match (first.abs() > 90.0, second.abs() > 90.0) {
        (true, false) => Some(false),
        (false, true) => Some(true),
        _ => None,
    }
}

/// `EPSG:n` out of codes, URNs and URLs, of compound ones the part that places on the map; other names pass through.
fn name(written: &str) -> String {
    if let Some(code) = adv(written) {
        return format!("EPSG:{code}");
    }
    let upper = written.to_ascii_uppercase();
    // `urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::5783`, `.../crs-compound?1=.../EPSG/0/25832&2=...`, `EPSG:25832+5783`
    let code = upper.split("EPSG").skip(1).find_map(|after| {
        let own = after.split([',', '&', '+', ' ']).next().unwrap_or_default();
        let code = own.rsplit([':', '/', '#']).next()?;
        (!code.is_empty() && code.len() <= 6 && code.bytes().all(|b| b.is_ascii_digit())).then_some(code)
    });
    match code {
        Some(code) => format!("EPSG:{code}"),
        None if upper.contains("CRS84") => "OGC:CRS84".to_owned(),
        None => written.to_owned(),
    }
}

/// The names of Germany's surveys (GeoInfoDok), with or without a height system behind an asterisk.
fn adv(written: &str) -> Option<u32> {
    let own = written.strip_prefix("urn:adv:crs:")?;
    let plane = own.split('*').next()?;
    let zone = |prefix: &str| plane.strip_prefix(prefix)?.get(..1)?.parse::<u32>().ok();
    match plane {
        "ETRS89_Lat-Lon" | "ETRS89_Lat-Lon-h" => Some(4258),
        "ETRS89_X-Y-Z" => Some(4936),
        _ => {
            if let Some(zone) = plane.strip_prefix("ETRS89_UTM").and_then(|z| z.get(..2)?.parse::<u32>().ok()) {
                return (28..=38).contains(&zone).then_some(25800 + zone);
            }
            zone("DE_DHDN_3GK").filter(|z| (2..=5).contains(z)).map(|z| 31464 + z)
        }
    }
}

/// German files in UTM that write the zone in front of the easting (32,500,000) have codes of their own.
fn with_zone(name: String, easting: f64) -> String {
    let zoned = match name.as_str() {
        "EPSG:25831" => (31e6, "EPSG:5649"),
        "EPSG:25832" => (32e6, "EPSG:4647"),
        "EPSG:25833" => (33e6, "EPSG:5650"),
        _ => return name,
    };
    if easting >= zoned.0 { zoned.1.to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_every_way_of_writing_them() {
        for (written, code) in [
            ("urn:ogc:def:crs:EPSG::28992", "EPSG:28992"),
            ("urn:ogc:def:crs,crs:EPSG::6697", "EPSG:6697"),
            ("urn:ogc:def:crs,crs:EPSG:6.12:31467,crs:EPSG:6.12:5783", "EPSG:31467"),
            ("urn:ogc:def:crs,crs:EPSG::25833,crs:EPSG::5783", "EPSG:25833"),
            ("http://www.opengis.net/def/crs/EPSG/0/6697", "EPSG:6697"),
            ("http://www.opengis.net/gml/srs/epsg.xml#4326", "EPSG:4326"),
            (
                "http://www.opengis.net/def/crs-compound?1=http://www.opengis.net/def/crs/EPSG/0/25832&2=http://www.opengis.net/def/crs/EPSG/0/7837",
                "EPSG:25832",
            ),
            ("EPSG:28992", "EPSG:28992"),
            ("epsg:7415", "EPSG:7415"),
            ("EPSG:25832+7837", "EPSG:25832"),
            ("urn:adv:crs:ETRS89_UTM32*DE_DHHN92_NH", "EPSG:25832"),
            ("urn:adv:crs:ETRS89_UTM33*DE_DHHN2016_NH", "EPSG:25833"),
            ("urn:adv:crs:DE_DHDN_3GK3*DE_DHHN92_NH", "EPSG:31467"),
            ("Amersfoort / RD New", "Amersfoort / RD New"),
        ] {
            assert_eq!(name(written), code, "{written}");
        }
    }

    #[test]
    fn latitude_comes_first_by_the_name_and_never_against_the_evidence() {
        let of = |name: &str, corner| Reference::new(Some(name), corner);
        let first = |name: &str, corner| (of(name, corner).geographic, of(name, corner).latitude_first);
        assert_eq!(first("http://www.opengis.net/def/crs/EPSG/0/6697", None), (true, true));
        assert_eq!(first("urn:ogc:def:crs:EPSG::4490", Some([34.0, 118.0])), (true, true));
        assert_eq!(first("EPSG:4326", None), (true, false));
        assert_eq!(first("EPSG:4326", Some([35.2, 139.7])), (true, true));
        assert_eq!(first("urn:ogc:def:crs:EPSG::4326", Some([139.7, 35.2])), (true, false));
        for projected in
            ["urn:ogc:def:crs:EPSG::28992", "urn:ogc:def:crs:EPSG::4548", "urn:ogc:def:crs:EPSG::31467", "EPSG:7415", "nonsense"]
        {
            assert_eq!(first(projected, None), (false, false), "{projected}");
        }
        assert_eq!(of("EPSG:25833", Some([33_368_000.0, 5_808_000.0])).name.as_deref(), Some("EPSG:5650"));
        let utm = of("urn:adv:crs:ETRS89_UTM32*DE_DHHN92_NH", Some([350_000.0, 5_600_000.0]));
        assert!(utm.agrees("EPSG:25832") && utm.agrees("urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::5783") && !utm.agrees("EPSG:25833"));
        assert!(of("EPSG:25832", Some([32_350_000.0, 5_600_000.0])).agrees("EPSG:25832"));
        assert_eq!(Reference::new(None, None), Reference::default());
    }
}
