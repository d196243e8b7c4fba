//! Heights in the colours of PNG tiles: Terrarium (R x 256 + G + B / 256 - 32768) and Mapbox terrain-RGB (-10000 + (R x 65536 + G x 256 + B) x 0.1).

use super::heights::Heights;
use super::{ElevationGrid, Reading};
use crate::city::error::CityError;
use crate::city::raster::pyramid::{CRS, Place, Pyramid, SIDE_MAX};
use image::{ImageReader, Limits};
use std::path::{Path, PathBuf};

/// Tiles looked at to tell the two ways of writing apart, and pixels of each.
const LOOK_TILES: usize = 4;
const LOOK_PIXELS: usize = 4096;
/// Heights that speak for a way of writing: land and sea floor of nearly all of the Earth.
const PLAUSIBLE_M: std::ops::RangeInclusive<f64> = -8_000.0..=9_000.0;
/// Memory that unpacking one tile may take.
const TILE_BYTES_MAX: u64 = 128 << 20;

/// How heights are written into colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Way {
    Terrarium,
    Mapbox,
}

impl Way {
    /// Metres; `NaN` where the tile has nothing: transparent, or black.
    fn height(self, [r, g, b, alpha]: [u8; 4]) -> f64 {
        let [red, green, blue] = [r, g, b].map(f64::from);
        match self {
            _ if alpha == 0 || (r, g, b) == (0, 0, 0) => f64::NAN,
            Self::Terrarium => red * 256.0 + green + blue / 256.0 - 32768.0,
            Self::Mapbox => -10_000.0 + (red * 65536.0 + green * 256.0 + blue) * 0.1,
        }
    }
}

/// What the user wrote: `terrarium:FOLDER`, `mapbox:FILE.png@12/3626/1617`, or a path alone.
#[derive(Debug, PartialEq)]
pub(super) struct Named {
    pub path: PathBuf,
    pub way: Option<Way>,
    pub place: Option<Place>,
}

impl Named {
    pub fn parse(named: &Path) -> Self {
        let plain = Self { path: named.to_owned(), way: None, place: None };
        // A file that is called like that is meant.
        let Some(text) = named.to_str().filter(|_| !named.exists()) else { return plain };
        let prefixes = [("terrarium:", Way::Terrarium), ("mapbox:", Way::Mapbox)];
        let (text, way) = prefixes.iter().find_map(|(p, way)| Some((text.strip_prefix(p)?, Some(*way)))).unwrap_or((text, None));
        let (text, place) = match text.rsplit_once('@').map(|(path, place)| (path, Place::parse(place))) {
            Some((path, Some(place))) => (path, Some(place)),
            _ => (text, None),
        };
        Self { path: PathBuf::from(text), way, place }
    }
}

/// Whether a folder holds tiles by zoom, column and row.
pub(super) fn is_pyramid(dir: &Path) -> bool {
    Pyramid::find(dir, &["png"]).is_some()
}

/// Whether the colours of a PNG, or of the PNG tiles in a folder, are heights.
pub(super) fn is_heights(path: &Path) -> bool {
    let some = if path.is_dir() { Pyramid::find(path, &["png"]) } else { Place::parse("0/0/0").map(|p| Pyramid::single(path, p)) };
    some.is_some_and(|p| told_by_colours(&p).is_some())
}

pub(super) fn read(named: &Named, reading: &mut Reading) -> Result<ElevationGrid, CityError> {
    let path = &named.path;
    let pyramid = if path.is_dir() {
        Pyramid::find(path, &["png"]).ok_or_else(|| CityError::unusable(path, "no tiles z/x/y.png lie in the folder; check the path"))?
    } else {
        let place = named.place.or_else(|| Place::of_path(path)).ok_or_else(|| {
            let why = "a single tile does not say where it lies; write its place behind it, FILE.png@zoom/x/y, or put it into folders zoom/x/y.png";
            CityError::unusable(path, why)
        })?;
        Pyramid::single(path, place)
    };
    let Some(way) = named.way.or_else(|| told_by_colours(&pyramid)) else {
        let why = "its colours are no heights that could be told; write terrarium: or mapbox: in front of it when they are";
        return Err(CityError::unusable(path, why));
    };
    let decode = |file: &Path| {
        let (side, pixels) = pixels(file)?;
        let sample = |p: &[u8; 4]| way.height(*p) as f32;
        Ok((side, pixels.iter().map(sample).collect()))
    };
    let laid = pyramid.lay(reading.scratch, f32::NAN, &decode)?;
    let lattice = laid.lattice;
    let mut heights = Heights::new(None);
    laid.samples.iter().enumerate().for_each(|(n, v)| {
        heights.metres(f64::from(*v), n % lattice.width, n / lattice.width);
    });
    heights.tell(path, reading.report);
    for why in &laid.broken {
        reading.report.warn("a terrain tile can't be read and is left out", why);
    }
    if laid.filled > 0 {
        let line = format!("{}: {} tiles of zoom {}", path.display(), laid.filled, laid.zoom);
        reading.report.warn("missing terrain tiles are filled from coarser ones", &line);
    }
    let (origin, step, width, height) = (lattice.origin, lattice.step, lattice.width, lattice.height);
    Ok(ElevationGrid { file: path.to_owned(), crs: Some(CRS.to_owned()), origin, step, width, height, values: laid.samples })
}

/// Which way of writing makes more pixels a height on Earth; `None` when hardly any is one.
fn told_by_colours(pyramid: &Pyramid) -> Option<Way> {
    let (mut all, mut votes) = (0, [0usize; 2]);
    for (_, pixels) in pyramid.some(LOOK_TILES).into_iter().filter_map(|f| pixels(f).ok()) {
        let step = pixels.len().div_ceil(LOOK_PIXELS).max(1);
        for pixel in pixels.iter().step_by(step).filter(|p| p[3] != 0 && p[..3] != [0; 3]) {
            all += 1;
            for (vote, way) in votes.iter_mut().zip([Way::Terrarium, Way::Mapbox]) {
                *vote += usize::from(PLAUSIBLE_M.contains(&way.height(*pixel)));
            }
        }
    }
    let (votes, way) = if votes[0] > votes[1] { (votes[0], Way::Terrarium) } else { (votes[1], Way::Mapbox) };
    // Photos have some such pixels, too.
    (all > 0 && votes * 10 >= all * 9).then_some(way)
}

/// Side and pixels of a square PNG.
fn pixels(file: &Path) -> Result<(usize, Vec<[u8; 4]>), String> {
    let open = || -> image::ImageResult<image::RgbaImage> {
        let mut reader = ImageReader::open(file)?.with_guessed_format()?;
        let mut limits = Limits::default();
        (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX as u32), Some(SIDE_MAX as u32));
        limits.max_alloc = Some(TILE_BYTES_MAX);
        reader.limits(limits);
        Ok(reader.decode()?.into_rgba8())
    };
    let picture = open().map_err(|e| e.to_string())?;
    if picture.width() != picture.height() {
        return Err(format!("{} x {} pixels; a tile is square", picture.width(), picture.height()));
    }
    let side = picture.width() as usize;
    Ok((side, bytemuck::cast_slice(&picture.into_raw()).to_vec()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, read_with_report};
    use super::*;
    use std::fs;

    fn tile(file: &Path, side: u32, colour: impl Fn(u32, u32) -> [u8; 4]) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        image::RgbaImage::from_fn(side, side, |x, y| image::Rgba(colour(x, y))).save(file).unwrap();
    }

    fn mapbox(height_m: f64) -> [u8; 4] {
        let n = ((height_m + 10_000.0) * 10.0).round() as u32;
        [(n >> 16) as u8, (n >> 8) as u8, n as u8, 255]
    }

    fn terrarium(height_m: f64) -> [u8; 4] {
        let n = ((height_m + 32_768.0) * 256.0).round() as u32;
        [(n >> 16) as u8, (n >> 8) as u8, n as u8, 255]
    }

    #[test]
    fn what_the_user_writes_is_told_apart() {
        let n = Named::parse(Path::new("mapbox:/data/fuji.png@10/906/404"));
        assert_eq!((n.path, n.way, n.place), ("/data/fuji.png".into(), Some(Way::Mapbox), Place::parse("10/906/404")));
        let n = Named::parse(Path::new("terrarium:tiles@home"));
        assert_eq!((n.path, n.way, n.place), ("tiles@home".into(), Some(Way::Terrarium), None));
        assert_eq!(Named::parse(Path::new("dem.tif")).path, Path::new("dem.tif"));
    }

    #[test]
    fn both_ways_of_writing_are_told_by_their_colours() {
        let dir = tempfile::tempdir().unwrap();
        for (n, write) in [mapbox as fn(f64) -> [u8; 4], terrarium].into_iter().enumerate() {
            let file = dir.path().join(format!("{n}/10/906/404.png"));
            tile(&file, 8, |x, y| if (x, y) == (2, 0) { [0; 4] } else { write(f64::from(x) * 500.0 - f64::from(y)) });
            let (g, report) = read_with_report(&file);
            let g = g.unwrap();
            assert_eq!((g.values[0], g.values[7], g.values[8], g.crs.as_deref()), (0.0, 3500.0, -1.0, Some("EPSG:3857")));
            assert!(g.values[2].is_nan());
            assert_eq!((report.samples_in, report.samples_used), (64, 63));
            let folder = read(&dir.path().join(n.to_string())).unwrap();
            assert_eq!((folder.width, folder.origin), (8, g.origin));
        }
    }

    #[test]
    fn a_tile_without_a_place_and_a_photo_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fuji.png");
        tile(&file, 4, |x, _| mapbox(f64::from(x)));
        assert!(read(&file).unwrap_err().to_string().contains("FILE.png@zoom/x/y"));
        assert_eq!(read(&dir.path().join("fuji.png@1/0/0")).unwrap().width, 4);
        tile(&file, 4, |x, y| [x as u8 * 60, y as u8 * 60, 90, 255]);
        assert!(read(&dir.path().join("fuji.png@1/0/0")).unwrap_err().to_string().contains("terrarium:"));
    }

    #[test]
    fn mount_fuji_is_as_high_as_it_is() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/terrain/fuji_terrain_rgb.png");
        let file = if file.is_file() { file } else { "/work/shared/data/terrain/fuji_terrain_rgb.png".into() };
        if !file.is_file() {
            eprintln!("NOT CHECKED: {} is missing", file.display());
            return;
        }
        let g = read(Path::new(&format!("{}@10/906/404", file.display()))).unwrap();
        let summit = g.values.iter().copied().fold(f32::MIN, f32::max);
        assert!((3700.0..3800.0).contains(&summit), "{summit}");
        let at = g.values.iter().position(|v| *v == summit).unwrap();
        let (x, y) = (g.origin.0 + (at % g.width) as f64 * g.step.0, g.origin.1 + (at / g.width) as f64 * g.step.1);
        let p = crate::geo::Crs::new("EPSG:3857").unwrap().to_geodetic(x, y, 0.0).unwrap();
        assert!((p.lon_deg() - 138.7274).abs() < 0.01 && (p.lat_deg() - 35.3606).abs() < 0.01, "{p:?}");
    }
}
