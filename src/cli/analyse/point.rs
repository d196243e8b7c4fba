//! Places and clips as people write them.

use crate::analysis::Spot;
use crate::model::clip::ClipRegion;
use anyhow::{Context, bail};
use std::path::Path;

/// `LON,LAT`, `LON,LAT,H` or `LON,LAT,+H`.
///
/// # Errors
/// In words, for clap.
pub fn parse(text: &str) -> Result<Spot, String> {
    let wrong =
        || format!("{text:?} is no place: write LON,LAT in degrees, such as 118.2545,33.9858, with ,H or ,+H for a height in metres");
    let number = |part: &str| part.trim().parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(wrong);
    let parts: Vec<&str> = text.split(',').collect();
    let (Some(lon), Some(lat), true) = (parts.first(), parts.get(1), parts.len() <= 3) else { return Err(wrong()) };
    let mut spot = Spot::new(number(lon)?, number(lat)?);
    if !(-180.0..=180.0).contains(&spot.lon) || !(-90.0..=90.0).contains(&spot.lat) {
        return Err(format!("{text:?}: longitude first, up to 180, then latitude, up to 90"));
    }
    match parts.get(2).map(|h| h.trim()) {
        Some(above) if above.starts_with('+') => spot.above_m = Some(number(&above[1..])?),
        Some(height) => spot.height_m = Some(number(height)?),
        None => {}
    }
    Ok(spot)
}

/// A clip file: its own JSON, or the first polygon of a GeoJSON.
///
/// # Errors
/// When it is neither.
pub fn clip(file: &Path) -> anyhow::Result<ClipRegion> {
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    if let Ok(clip) = serde_json::from_str::<ClipRegion>(&text) {
        return Ok(clip);
    }
    let json: serde_json::Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
    let geometry = [&json["features"][0]["geometry"], &json["geometry"], &json].into_iter().find(|g| g["type"] == "Polygon");
    let ring: Option<Vec<[f64; 2]>> = geometry
        .and_then(|g| g["coordinates"][0].as_array())
        .map(|ring| ring.iter().filter_map(|p| Some([p[0].as_f64()?, p[1].as_f64()?])).collect());
    match ring.filter(|r| r.len() > 3) {
        Some(mut polygon) => {
            polygon.pop();
            Ok(ClipRegion { polygon, ..ClipRegion::default() })
        }
        None => bail!("{} holds neither a polygon nor a clip ({{\"polygon\": [[lon, lat], ...], \"above_m\": 30}})", file.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_with_and_without_height_and_nonsense_is_explained() {
        assert_eq!(parse("118.25,33.98").unwrap(), Spot::new(118.25, 33.98));
        assert_eq!(parse("118.25, 33.98, 40.5").unwrap().height_m, Some(40.5));
        assert_eq!(parse("118.25,33.98,+10").unwrap().above_m, Some(10.0));
        assert!(parse("33.98,118.25").unwrap_err().contains("longitude first"));
        for bad in ["", "118", "a,b", "1,2,3,4", "1,nan", "1,2,+"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_clip_is_its_own_json_or_a_geojson_polygon() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("clip.json");
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        write(r#"{"above_m": 30}"#);
        assert_eq!(clip(&file).unwrap().above_m, Some(30.0));
        write(r#"{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}}"#);
        assert_eq!(clip(&file).unwrap().polygon.len(), 3);
        write(r#"{"type":"Point","coordinates":[0,0]}"#);
        assert!(clip(&file).is_err());
    }
}
