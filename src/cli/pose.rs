//! `--pose`: where to look from; `--probe`: what place is asked about.

use crate::geo::Geodetic;
use crate::model::view::CameraPose;

/// Six numbers: longitude, latitude, height (metres) of what is looked at, heading, pitch (degrees), distance (metres).
///
/// # Errors
/// In words, for clap.
pub fn parse(text: &str) -> Result<CameraPose, String> {
    let numbers: Vec<f64> = text.split(',').map(|n| n.trim().parse().map_err(|e| format!("{n:?}: {e}"))).collect::<Result<_, _>>()?;
    let [lon, lat, height_m, heading_deg, pitch_deg, distance_m] = numbers[..] else {
        return Err("six numbers: longitude,latitude,height,heading,pitch,distance".to_owned());
    };
    Ok(CameraPose { lon, lat, height_m, heading_deg, pitch_deg, distance_m })
}

/// Longitude, latitude and, where it matters, a height (metres).
///
/// # Errors
/// In words, for clap.
pub fn place(text: &str) -> Result<Geodetic, String> {
    let numbers: Vec<f64> = text.split(',').map(|n| n.trim().parse().map_err(|e| format!("{n:?}: {e}"))).collect::<Result<_, _>>()?;
    match numbers[..] {
        [lon, lat] => Ok(Geodetic::from_degrees(lon, lat, 0.0)),
        [lon, lat, height_m] => Ok(Geodetic::from_degrees(lon, lat, height_m)),
        _ => Err("two or three numbers: longitude,latitude[,height]".to_owned()),
    }
}
