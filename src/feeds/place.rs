//! One point for a geometry: where a sensor's value is drawn, and where somebody has to go.

use serde_json::Value;

/// Points that are read of one geometry.
const POINTS_MAX: usize = 20_000;

/// Longitude and latitude in degrees: a Point itself, the middle of a line along its way, the centre of a polygon's corners.
///
/// # Errors
/// In words: another geometry, or no place on Earth.
pub fn middle(geometry: &Value) -> Result<(f64, f64), String> {
    let (kind, coordinates) = parts(geometry)?;
    let at = match kind {
        "Point" => position(coordinates)?,
        "LineString" | "MultiPoint" => halfway(&line(coordinates)?)?,
        // The longest of several tells most.
        "MultiLineString" => {
            let lines = list(coordinates)?.iter().map(line).collect::<Result<Vec<_>, _>>()?;
            halfway(lines.iter().max_by(|a, b| length(a).total_cmp(&length(b))).ok_or("a line without points")?)?
        }
        "Polygon" | "MultiPolygon" => {
            let rings = rings(geometry)?;
            let ring = rings.iter().max_by_key(|r| r.len()).ok_or("a polygon without rings")?;
            let corners = ring.get(..ring.len().saturating_sub(1)).filter(|c| !c.is_empty()).ok_or("a ring without points")?;
            let sum = corners.iter().fold((0.0, 0.0), |sum, c| (sum.0 + c[0], sum.1 + c[1]));
            (sum.0 / corners.len() as f64, sum.1 / corners.len() as f64)
        }
        other => return Err(format!("a location of type {other:?}")),
    };
    Ok(at)
}

/// Outer rings of a Polygon or MultiPolygon, closed; `None` for another geometry.
pub fn areas(geometry: &Value) -> Option<Result<Vec<Vec<[f64; 2]>>, String>> {
    matches!(geometry.get("type").and_then(Value::as_str), Some("Polygon" | "MultiPolygon")).then(|| rings(geometry))
}

fn rings(geometry: &Value) -> Result<Vec<Vec<[f64; 2]>>, String> {
    let (kind, coordinates) = parts(geometry)?;
    let outer = |polygon: &Value| {
        let mut ring: Vec<[f64; 2]> = line(polygon.get(0).ok_or("a polygon without rings")?)?.into_iter().map(|(x, y)| [x, y]).collect();
        if ring.first() != ring.last() {
            ring.extend(ring.first().copied());
        }
        if ring.len() < 4 { Err(format!("a ring of {} points", ring.len())) } else { Ok(ring) }
    };
    if kind == "Polygon" { Ok(vec![outer(coordinates)?]) } else { list(coordinates)?.iter().map(outer).collect() }
}

fn parts(geometry: &Value) -> Result<(&str, &Value), String> {
    let kind = geometry.get("type").and_then(Value::as_str).ok_or("a location without type")?;
    Ok((kind, geometry.get("coordinates").ok_or("a location without coordinates")?))
}

fn list(value: &Value) -> Result<&[Value], String> {
    let list = value.as_array().ok_or("coordinates that are no list")?;
    if list.len() > POINTS_MAX { Err(format!("a location of more than {POINTS_MAX} points")) } else { Ok(list) }
}

fn line(value: &Value) -> Result<Vec<(f64, f64)>, String> {
    list(value)?.iter().map(position).collect()
}

fn position(value: &Value) -> Result<(f64, f64), String> {
    let at = |i: usize| value.get(i).and_then(Value::as_f64);
    match (at(0), at(1)) {
        (Some(lon), Some(lat)) if lon.abs() <= 180.0 && lat.abs() <= 90.0 => Ok((lon, lat)),
        (Some(lon), Some(lat)) => Err(format!("{lon}, {lat} is no place on Earth (longitude, latitude in degrees)")),
        _ => Err("coordinates that are not two numbers".into()),
    }
}

/// Degrees of latitude, with those of longitude shortened: enough to find a middle in a city.
fn apart(a: (f64, f64), b: (f64, f64)) -> f64 {
    let shorter = ((a.1 + b.1) / 2.0).to_radians().cos();
    ((b.0 - a.0) * shorter).hypot(b.1 - a.1)
}

fn length(line: &[(f64, f64)]) -> f64 {
    line.windows(2).map(|w| apart(w[0], w[1])).sum()
}

fn halfway(line: &[(f64, f64)]) -> Result<(f64, f64), String> {
    let mut rest = length(line) / 2.0;
    for step in line.windows(2) {
        let long = apart(step[0], step[1]);
        if long >= rest && long > 0.0 {
            let t = rest / long;
            return Ok((step[0].0 + t * (step[1].0 - step[0].0), step[0].1 + t * (step[1].1 - step[0].1)));
        }
        rest -= long;
    }
    line.first().copied().ok_or_else(|| "a line without points".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_at_its_middle_along_the_way_and_a_polygon_at_its_centre() {
        let of = |kind: &str, coordinates: Value| middle(&json!({"type": kind, "coordinates": coordinates}));
        assert_eq!(of("Point", json!([118.2, 33.9, 12])), Ok((118.2, 33.9)));
        let (lon, lat) = of("LineString", json!([[118.0, 0.0], [118.0, 0.1], [118.3, 0.1]])).unwrap();
        assert!((lon - 118.1).abs() < 1e-6 && lat == 0.1, "{lon} {lat}");
        assert_eq!(of("MultiLineString", json!([[[1, 1], [1, 2]], [[5, 0], [5, 4]]])), Ok((5.0, 2.0)));
        assert_eq!(of("Polygon", json!([[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]])), Ok((1.0, 1.0)));
        assert_eq!(of("LineString", json!([[1, 1], [1, 1]])), Ok((1.0, 1.0)));
        for (kind, coordinates) in [
            ("Point", json!([500, 1])),
            ("Point", json!("x")),
            ("LineString", json!([])),
            ("Polygon", json!([])),
            ("Sphere", json!([1, 1])),
        ] {
            assert!(of(kind, coordinates).is_err(), "{kind}");
        }
    }
}
