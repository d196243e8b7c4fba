//! Lists of numbers out of text: most of a CityGML file is coordinates.

/// Powers of ten that an f64 holds without loss.
const TENS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// Digits that an f64 holds without loss.
const DIGITS_EXACT: usize = 15;

/// Puts the numbers of a list behind those in `out`. `separator` stands between them beside white space (`gml:coordinates` has commas).
///
/// # Errors
/// The first piece of text that is no finite number.
pub(super) fn list<'t>(text: &'t str, separator: u8, out: &mut Vec<f64>) -> Result<(), &'t str> {
    let bytes = text.as_bytes();
    let between = |b: u8| b.is_ascii_whitespace() || b == separator;
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(|b| between(*b)) {
            at += 1;
        }
        if at == bytes.len() {
            return Ok(());
        }
        let start = at;
        let simple = plain(bytes, &mut at);
        match simple {
            Some(value) if bytes.get(at).is_none_or(|b| between(*b)) => out.push(value),
            _ => {
                while bytes.get(at).is_some_and(|b| !between(*b)) {
                    at += 1;
                }
                // Boundaries are ASCII, so they never cut a character.
                let piece = text.get(start..at).unwrap_or_default();
                out.push(number(piece).ok_or(piece)?);
            }
        }
    }
}

/// A finite number as XML Schema writes one.
pub(super) fn number(text: &str) -> Option<f64> {
    // Rust also reads "inf", "nan" and "infinity".
    let first = text.bytes().next()?;
    let plausible = first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.');
    text.parse().ok().filter(|v: &f64| plausible && v.is_finite())
}

/// Digits with a point among at most [`DIGITS_EXACT`] of them: both the digits and the power of ten are exact, so their quotient is the
/// nearest f64, as it is with `str::parse`.
fn plain(bytes: &[u8], at: &mut usize) -> Option<f64> {
    let negative = bytes.get(*at) == Some(&b'-');
    *at += usize::from(negative);
    let (first, mut point, mut digits) = (*at, None, 0u64);
    loop {
        match bytes.get(*at) {
            Some(d @ b'0'..=b'9') => digits = digits.wrapping_mul(10).wrapping_add(u64::from(d - b'0')),
            Some(b'.') if point.is_none() => point = Some(*at),
            _ => break,
        }
        *at += 1;
    }
    let count = *at - first - usize::from(point.is_some());
    if count == 0 || count > DIGITS_EXACT {
        return None;
    }
    let value = digits as f64 / point.map_or(1.0, |p| TENS[*at - p - 1]);
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_to_the_last_bit() {
        let texts = "0 -0 78670.202 -1.5 +2 .5 5. 1e3 -2.25E-3 139.73892268006682 35.259641162301634 123456789012345 1234567890123456789 0.000000000000001";
        let mut found = Vec::new();
        list(texts, b' ', &mut found).unwrap();
        let expected: Vec<f64> = texts.split(' ').map(|t| t.parse().unwrap()).collect();
        assert_eq!(found.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), expected.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
        found.clear();
        list("\n 1,2,3\t4,5,6 ", b',', &mut found).unwrap();
        assert_eq!(found, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        for (text, bad) in [
            ("1 x 2", "x"),
            ("1,2", "1,2"),
            ("1 --2", "--2"),
            ("nan", "nan"),
            ("1e999", "1e999"),
            (".", "."),
            ("中 1", "中"),
            ("1.2.3", "1.2.3"),
        ] {
            assert_eq!(list(text, b' ', &mut Vec::new()), Err(bad), "{text}");
        }
    }
}
