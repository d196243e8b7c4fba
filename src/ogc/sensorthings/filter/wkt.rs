//! Well-known text (OGC 06-103r4, 7) of points, lines and areas, longitude first, in degrees.

use geo::{Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

/// # Errors
/// In words.
pub fn parse(text: &str) -> Result<Geometry, String> {
    // As PostGIS writes it.
    let text = text.trim();
    let text = text.strip_prefix("SRID=4326;").unwrap_or(text).trim();
    let open = text.find('(').ok_or_else(|| format!("{text:?} has no coordinates"))?;
    let kind = text[..open].trim().to_ascii_uppercase();
    let inside = inside(&text[open..])?;
    let lists = || split(inside)?.into_iter().map(|part| line(self::inside(part.trim())?)).collect::<Result<Vec<_>, String>>();
    Ok(match kind.trim_end_matches(" Z") {
        "POINT" => Geometry::Point(Point(coordinate(inside)?)),
        "LINESTRING" => Geometry::LineString(at_least(line(inside)?, 2)?),
        "POLYGON" => Geometry::Polygon(polygon(lists()?)?),
        "MULTIPOINT" => {
            let bare = |part: &str| coordinate(part.trim().trim_start_matches('(').trim_end_matches(')'));
            Geometry::MultiPoint(MultiPoint(split(inside)?.into_iter().map(|p| bare(p).map(Point)).collect::<Result<_, _>>()?))
        }
        "MULTILINESTRING" => {
            Geometry::MultiLineString(MultiLineString(lists()?.into_iter().map(|l| at_least(l, 2)).collect::<Result<_, _>>()?))
        }
        "MULTIPOLYGON" => {
            let one = |part: &str| {
                let rings = split(self::inside(part.trim())?)?;
                polygon(rings.into_iter().map(|r| line(self::inside(r.trim())?)).collect::<Result<Vec<_>, String>>()?)
            };
            Geometry::MultiPolygon(MultiPolygon(split(inside)?.into_iter().map(one).collect::<Result<_, _>>()?))
        }
        other => return Err(format!("{other:?} is no shape; there are POINT, LINESTRING, POLYGON and MULTI...")),
    })
}

/// What stands between the first parenthesis and its closing one, which must be the last sign.
fn inside(text: &str) -> Result<&str, String> {
    let unclosed = || format!("{text:?} should stand in parentheses");
    text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).ok_or_else(unclosed)
}

/// At the commas outside all parentheses.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0usize);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or_else(|| format!("a \")\" too many in {text:?}"))?,
            ',' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn coordinate(text: &str) -> Result<Coord, String> {
    let numbers: Vec<f64> = text.split_whitespace().map_while(|n| n.parse().ok().filter(|n: &f64| n.is_finite())).collect();
    match numbers[..] {
        [x, y] | [x, y, _] if text.split_whitespace().count() == numbers.len() => Ok(Coord { x, y }),
        _ => Err(format!("{:?} is not two numbers", text.trim())),
    }
}

fn line(text: &str) -> Result<LineString, String> {
    Ok(LineString(text.split(',').map(coordinate).collect::<Result<_, _>>()?))
}

fn at_least(line: LineString, points: usize) -> Result<LineString, String> {
    if line.0.len() >= points { Ok(line) } else { Err(format!("{} points where {points} are needed", line.0.len())) }
}

fn polygon(rings: Vec<LineString>) -> Result<Polygon, String> {
    let mut rings = rings.into_iter().map(|ring| at_least(ring, 4)).collect::<Result<Vec<_>, String>>()?.into_iter();
    let outer = rings.next().ok_or("a polygon without rings")?;
    Ok(Polygon::new(outer, rings.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Area, CoordsIter};

    #[test]
    fn shapes_are_read_and_what_is_none_is_refused() {
        let area = |text: &str| parse(text).unwrap().unsigned_area();
        assert_eq!(area("POLYGON((0 0,0 1,1 1,1 0,0 0))"), 1.0);
        assert_eq!(area("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))"), 15.0);
        assert_eq!(area("MULTIPOLYGON(((0 0,0 1,1 1,1 0,0 0)),((5 5,5 6,6 6,6 5,5 5)))"), 2.0);
        let points = |text: &str| parse(text).unwrap().coords_count();
        assert_eq!((points("POINT(118.2 33.9)"), points("LINESTRING(0 0,1 1)"), points("MULTIPOINT((0 0),(1 1),(2 2))")), (1, 2, 3));
        assert_eq!((points("SRID=4326;POINT Z (1 2 3)"), points("MULTILINESTRING((0 0,1 1),(2 2,3 3))")), (1, 4));
        for wrong in
            ["", "POINT", "POINT()", "POINT(1)", "POINT(1 x)", "POINT(1 2", "CIRCLE(1 2)", "POLYGON((0 0,1 1,0 0))", "POLYGON(0 0,1 1)"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
