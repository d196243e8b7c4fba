//! `WIDTHxHEIGHT` and `X,Y` on the command line.

/// Pixels, e.g. `1920x1080`.
///
/// # Errors
/// In words, for clap.
pub fn parse(text: &str) -> Result<(u32, u32), String> {
    // wgpu's default limit for a texture's side.
    const SIDE_MAX: u32 = 8192;
    let bad = || format!("{text:?} is no size: write WIDTHxHEIGHT in pixels, e.g. 1920x1080, at most {SIDE_MAX} a side");
    let (w, h) = text.split_once(['x', 'X', '×']).ok_or_else(bad)?;
    let (w, h): (u32, u32) = (w.parse().map_err(|_| bad())?, h.parse().map_err(|_| bad())?);
    if w == 0 || h == 0 || w > SIDE_MAX || h > SIDE_MAX { Err(bad()) } else { Ok((w, h)) }
}

/// A pixel of a picture, e.g. `960,540`.
///
/// # Errors
/// In words, for clap.
pub fn pixel(text: &str) -> Result<(u32, u32), String> {
    let bad = || format!("{text:?} is no pixel: write X,Y counted from the upper left corner, e.g. 960,540");
    let (x, y) = text.split_once(',').ok_or_else(bad)?;
    Ok((x.trim().parse().map_err(|_| bad())?, y.trim().parse().map_err(|_| bad())?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_read_and_nonsense_is_refused_with_the_mend() {
        assert_eq!(super::parse("1920x1080"), Ok((1920, 1080)));
        for bad in ["", "0x1", "99999x1", "1920", "axb"] {
            assert!(super::parse(bad).unwrap_err().contains("1920x1080"));
        }
        assert_eq!(super::pixel("960, 540"), Ok((960, 540)));
        assert!(["", "960", "-1,2", "a,b"].iter().all(|bad| super::pixel(bad).unwrap_err().contains("960,540")));
    }
}
