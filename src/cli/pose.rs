//! `--pose`: where to look from.

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
