//! Lengths, counts and directions as people write them into attributes: `12`, `"12 m"`, `"40 ft"`, `"12,5"`, `5'10"`, `NNW`.

use serde_json::Value;

/// Metres in a foot and in an inch (international, exact).
const FOOT_M: f64 = 0.3048;
const INCH_M: f64 = 0.0254;

/// A unit of length that a number without one is in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit(f64);

impl Unit {
    pub(super) const METRE: Self = Self(1.0);

    /// `m`, `cm`, `ft`, ...; `None` for words that are no unit of length.
    pub(super) fn named(word: &str) -> Option<Self> {
        Some(Self(match word.trim().trim_end_matches('.').to_lowercase().as_str() {
            "" | "m" | "metre" | "metres" | "meter" | "meters" | "米" | "公尺" => 1.0,
            "dm" => 0.1,
            "cm" | "厘米" => 0.01,
            "mm" | "毫米" => 0.001,
            "km" | "公里" => 1000.0,
            "ft" | "foot" | "feet" | "'" | "′" | "’" | "英尺" => FOOT_M,
            "in" | "inch" | "inches" | "\"" | "″" | "”" => INCH_M,
            "yd" | "yard" | "yards" => 0.9144,
            _ => return None,
        }))
    }
}

/// A length in metres; `None` when it is none. `unit` is for numbers without one.
pub(super) fn length_m(value: &Value, unit: Unit) -> Option<f64> {
    let metres = match value {
        Value::Number(n) => n.as_f64()? * unit.0,
        Value::String(text) => text_m(text, unit)?,
        _ => return None,
    };
    metres.is_finite().then_some(metres)
}

fn text_m(text: &str, unit: Unit) -> Option<f64> {
    // "ca. 12", "~12": an estimate is still the best there is. Of "12;15" the first counts.
    let text = text.split(';').next()?.trim().trim_start_matches("ca.").trim_start_matches(['~', '≈', '+']).trim();
    let (value, rest) = leading_number(text)?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Some(value * unit.0);
    }
    // Feet and inches: 5'10".
    if let Some(tail) = rest.strip_prefix(['\'', '′', '’']).or_else(|| rest.strip_prefix("ft"))
        && let Some((inches, mark)) = leading_number(tail.trim())
    {
        return Unit::named(mark).filter(|u| mark.trim().is_empty() || u.0 == INCH_M).map(|_| value * FOOT_M + inches * INCH_M);
    }
    Unit::named(rest).map(|u| value * u.0)
}

/// A plain number: storeys, lanes, degrees.
pub(super) fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(n) => n.as_f64()?,
        Value::String(text) => {
            let (number, rest) = leading_number(text.split(';').next()?.trim())?;
            rest.trim().trim_end_matches(['°', '层', '階']).trim().is_empty().then_some(number)?
        }
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A compass direction in degrees clockwise from north.
pub(super) fn direction_deg(value: &Value) -> Option<f64> {
    if let Some(degrees) = number(value) {
        return Some(degrees.rem_euclid(360.0));
    }
    const POINTS: [&str; 16] = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];
    let word = value.as_str()?.trim().to_uppercase();
    let word = match word.as_str() {
        "NORTH" => "N",
        "EAST" => "E",
        "SOUTH" => "S",
        "WEST" => "W",
        other => other,
    };
    POINTS.iter().position(|p| *p == word).map(|i| i as f64 * 22.5)
}

/// The number a text begins with, and what follows. A comma before one or two digits is a decimal one; before three it parts thousands.
fn leading_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+'))).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let thousands = digits.split(',').skip(1).all(|group| group.len() >= 3 && group.as_bytes()[..3].iter().all(u8::is_ascii_digit));
    let plain = if digits.contains('.') || (digits.contains(',') && thousands && !digits.starts_with("0,")) {
        digits.replace(',', "")
    } else {
        digits.replace(',', ".")
    };
    Some((plain.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (value, metres) in [
            (json!(12), Some(12.0)),
            (json!("12"), Some(12.0)),
            (json!("12 m"), Some(12.0)),
            (json!("12.5m"), Some(12.5)),
            (json!("12,5"), Some(12.5)),
            (json!("1,200 cm"), Some(12.0)),
            (json!("40 ft"), Some(12.192)),
            (json!("40'"), Some(12.192)),
            (json!("5'10\""), Some(1.778)),
            (json!("6ft 6in"), Some(1.9812)),
            (json!("~8"), Some(8.0)),
            (json!("12;15"), Some(12.0)),
            (json!("-3 m"), Some(-3.0)),
            (json!("12 米"), Some(12.0)),
            (json!("high"), None),
            (json!("12 storeys"), None),
            (json!(""), None),
            (json!(null), None),
            (json!("1e999"), None),
            (json!("."), None),
        ] {
            let read = length_m(&value, Unit::METRE);
            assert!(read.zip(metres).map_or(read == metres, |(a, b)| (a - b).abs() < 1e-9), "{value}: {read:?}");
        }
        assert_eq!(length_m(&json!("10"), Unit::named("ft").unwrap()), Some(3.048));
        assert_eq!(length_m(&json!("10 m"), Unit::named("ft").unwrap()), Some(10.0), "the text's own unit wins");
    }

    #[test]
    fn counts_and_directions() {
        assert_eq!(number(&json!("3")), Some(3.0));
        assert_eq!(number(&json!("2.5")), Some(2.5));
        assert_eq!(number(&json!("3;4")), Some(3.0));
        assert_eq!(number(&json!("30°")), Some(30.0));
        assert_eq!(number(&json!("many")), None);
        assert_eq!(direction_deg(&json!("SW")), Some(225.0));
        assert_eq!(direction_deg(&json!("-90")), Some(270.0));
        assert_eq!(direction_deg(&json!("up")), None);
    }
}
