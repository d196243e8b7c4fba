//! Folders of map tiles, `z/x/y.png`, in Web Mercator: the deepest zoom that covers the place, its holes filled from coarser ones.

use super::{Blend, Lattice, Samples, Scratch};
use crate::city::CityError;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What all these tiles are in.
pub(crate) const CRS: &str = "EPSG:3857";
/// Half the side of the world in it, metres.
const HALF_WORLD_M: f64 = 20_037_508.342_789_244;
/// The deepest zoom of any map: 2 cm a pixel.
const ZOOM_MAX: u8 = 24;
/// Tiles looked at: a whole country at 5 m.
const TILES_MAX: usize = 1 << 20;
/// Samples of the rectangle around all tiles of the deepest zoom.
const SAMPLES_MAX: u64 = 1 << 32;
/// Tiles unpacked side by side before they are put down: some MB.
const BATCH: usize = 32;
/// Samples along a tile.
pub(crate) const SIDE_MAX: usize = 4096;

/// Place of a tile in the world: zoom, column from the west, row from the north.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub zoom: u8,
    pub x: u32,
    pub y: u32,
}

impl Place {
    /// `12/3626/1617`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (zoom, x, y) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Self::new(zoom, x, y).filter(|_| parts.next().is_none())
    }

    fn new(zoom: u8, x: u32, y: u32) -> Option<Self> {
        (zoom <= ZOOM_MAX && x < 1 << zoom && y < 1 << zoom).then_some(Self { zoom, x, y })
    }

    /// From the end of a path, `.../z/x/y.png`.
    pub fn of_path(path: &Path) -> Option<Self> {
        let mut names = path.with_extension("").iter().rev().take(3).map(|n| n.to_string_lossy().into_owned()).collect::<Vec<_>>();
        names.reverse();
        Self::parse(names.join("/").strip_suffix("@2x").unwrap_or(&names.join("/")))
    }
}

/// The tiles of a folder.
pub(crate) struct Pyramid {
    root: PathBuf,
    zooms: BTreeMap<u8, BTreeMap<(u32, u32), PathBuf>>,
}

/// Side of a tile and its samples, row by row from the north-west; or why it can't be read.
pub(crate) type Unpacked<T> = Result<(usize, Vec<T>), String>;

/// What came of a pyramid.
pub(crate) struct Laid<T> {
    pub samples: Samples<T>,
    pub lattice: Lattice,
    pub zoom: u8,
    /// Places of the rectangle that a coarser tile fills.
    pub filled: u64,
    /// Tiles that can't be read: which, and why.
    pub broken: Vec<String>,
}

impl Pyramid {
    /// One tile whose place is known.
    pub fn single(file: &Path, place: Place) -> Self {
        let tiles = BTreeMap::from([((place.x, place.y), file.to_owned())]);
        Self { root: file.to_owned(), zooms: BTreeMap::from([(place.zoom, tiles)]) }
    }

    /// All tiles in a folder whose endings are among `endings`; `None` when it has none.
    pub fn find(dir: &Path, endings: &[&str]) -> Option<Self> {
        let mut zooms: BTreeMap<u8, BTreeMap<(u32, u32), PathBuf>> = BTreeMap::new();
        let mut count = 0;
        for (zoom, folder) in numbered(dir) {
            for (x, column) in numbered(&folder) {
                for (y, file) in numbered(&column) {
                    let known = file.extension().is_some_and(|e| endings.iter().any(|k| e.eq_ignore_ascii_case(k)));
                    let Some(place) = u8::try_from(zoom).ok().and_then(|z| Place::new(z, x, y)).filter(|_| known) else { continue };
                    count += 1;
                    if count > TILES_MAX {
                        break;
                    }
                    zooms.entry(place.zoom).or_default().entry((x, y)).or_insert(file);
                }
            }
        }
        (count > 0).then_some(Self { root: dir.to_owned(), zooms })
    }

    /// Some tiles of the deepest zoom, to look at.
    pub fn some(&self, count: usize) -> Vec<&Path> {
        self.zooms.get(&self.zoom()).into_iter().flat_map(BTreeMap::values).take(count).map(PathBuf::as_path).collect()
    }

    /// The deepest zoom that is complete enough: whatever a zoom covers, the next one needs at least as many tiles for; half of that will do.
    pub fn zoom(&self) -> u8 {
        let counts: Vec<(u8, usize)> = self.zooms.iter().map(|(z, t)| (*z, t.len())).collect();
        let complete = |n: usize| n == 0 || counts[n].1 * 2 >= counts[n - 1].1;
        (0..counts.len()).rev().find(|n| complete(*n)).map_or(0, |n| counts[n].0)
    }

    /// The tile that covers a place: its own, or the nearest coarser one with how many zooms it is up.
    fn cover(&self, place: Place) -> Option<(&Path, u8)> {
        (0..=place.zoom).find_map(|up| Some((self.zooms.get(&(place.zoom - up))?.get(&(place.x >> up, place.y >> up))?.as_path(), up)))
    }

    /// Unpacks everything into one raster.
    ///
    /// # Errors
    /// Nothing can be read, it is too big, or the disk refuses.
    pub fn lay<T: Blend + Send + Sync>(
        &self,
        scratch: &Scratch,
        empty: T,
        decode: &(dyn Fn(&Path) -> Unpacked<T> + Sync),
    ) -> Result<Laid<T>, CityError> {
        let zoom = self.zoom();
        let tiles = self.zooms.get(&zoom).into_iter().flatten();
        let mut broken = Vec::new();
        let side = tiles.clone().find_map(|(_, file)| decode(file).ok()).map(|(side, _)| side);
        let Some(side) = side.filter(|s| (1..=SIDE_MAX).contains(s)) else {
            let why = tiles.clone().next().and_then(|(_, f)| decode(f).err()).unwrap_or_default();
            return Err(CityError::unusable(
                &self.root,
                format!("none of its tiles of zoom {zoom} can be read ({why}); download it again"),
            ));
        };
        let (x, y) = tiles
            .fold(((u32::MAX, 0), (u32::MAX, 0)), |(x, y), ((tx, ty), _)| ((x.0.min(*tx), x.1.max(*tx)), (y.0.min(*ty), y.1.max(*ty))));
        let (across, down) = ((x.1 - x.0 + 1) as usize, (y.1 - y.0 + 1) as usize);
        let count = (across * down) as u64 * (side * side) as u64;
        if count > SAMPLES_MAX {
            let mend = "build a part with fewer tiles: copy those of the city into a folder of their own";
            return Err(CityError::TooBig { file: self.root.clone(), what: format!("{count} samples"), limit: SAMPLES_MAX, mend });
        }
        let refused = |source| CityError::Write { file: scratch.dir().to_owned(), source };
        let mut canvas = scratch.canvas::<T>(across * side, down * side).map_err(refused)?;
        let mut filled = 0;
        let places: Vec<Place> =
            (0..across * down).map(|n| Place { zoom, x: x.0 + (n % across) as u32, y: y.0 + (n / across) as u32 }).collect();
        for batch in places.chunks(BATCH) {
            let read = |place: &Place| -> (Option<Vec<T>>, bool, Option<String>) {
                let Some((file, up)) = self.cover(*place) else { return (None, false, None) };
                match decode(file) {
                    Ok((s, values)) if s == side && values.len() == side * side => (Some(part(values, side, *place, up)), up > 0, None),
                    Ok((s, _)) => (None, false, Some(format!("{}: {s} samples wide, the others {side}", file.display()))),
                    Err(why) => (None, false, Some(format!("{}: {why}", file.display()))),
                }
            };
            let done: Vec<_> = batch.par_iter().map(read).collect();
            for (place, (values, coarser, bad)) in batch.iter().zip(done) {
                filled += u64::from(coarser);
                broken.extend(bad);
                let values = values.unwrap_or_else(|| vec![empty; side * side]);
                let (column, row) = ((place.x - x.0) as usize * side, (place.y - y.0) as usize * side);
                for (n, line) in values.chunks_exact(side).enumerate() {
                    canvas.put(column, row + n, line).map_err(refused)?;
                }
            }
        }
        let step = 2.0 * HALF_WORLD_M / (f64::from(1u32 << zoom) * side as f64);
        let origin =
            (-HALF_WORLD_M + (f64::from(x.0) * side as f64 + 0.5) * step, HALF_WORLD_M - (f64::from(y.0) * side as f64 + 0.5) * step);
        let lattice = Lattice::new(origin, (step, -step), across * side, down * side);
        Ok(Laid { samples: canvas.finish().map_err(refused)?, lattice, zoom, filled, broken })
    }
}

/// The part of a tile `up` zooms coarser that lies at a place, at full size.
fn part<T: Blend>(values: Vec<T>, side: usize, place: Place, up: u8) -> Vec<T> {
    if up == 0 {
        return values;
    }
    let scale = f64::from(1u32 << up);
    let corner = |n: u32| f64::from(n & ((1 << up) - 1)) / scale * side as f64;
    let (west, north) = (corner(place.x), corner(place.y));
    let last = side - 1;
    // Centre of a sample of the part, counted in samples of the coarser tile.
    let at = |start: f64, n: usize| (start + (n as f64 + 0.5) / scale - 0.5).clamp(0.0, last as f64);
    let sample = |n: usize| {
        let (x, y) = (at(west, n % side), at(north, n / side));
        let (c, r) = (x as usize, y as usize);
        let (c1, r1) = ((c + 1).min(last), (r + 1).min(last));
        T::blend([values[r * side + c], values[r * side + c1], values[r1 * side + c], values[r1 * side + c1]], x - c as f64, y - r as f64)
    };
    (0..side * side).map(sample).collect()
}

/// Entries of a folder that are called by a number, in its order.
fn numbered(dir: &Path) -> Vec<(u32, PathBuf)> {
    let number = |path: &Path| path.file_stem()?.to_str()?.trim_end_matches("@2x").parse().ok();
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries.filter_map(|e| number(&e.path()).map(|n| (n, e.path()))).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_text_and_path() {
        assert_eq!(Place::parse("12/3626/1617"), Some(Place { zoom: 12, x: 3626, y: 1617 }));
        assert_eq!(Place::of_path(Path::new("/data/dem/10/906/404@2x.png")), Some(Place { zoom: 10, x: 906, y: 404 }));
        for wrong in ["12/4096/0", "30/1/1", "1/1", "a/b/c", "1/1/1/1"] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }

    fn folder(tiles: &[(u8, u32, u32)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (z, x, y) in tiles {
            let column = dir.path().join(format!("{z}/{x}"));
            std::fs::create_dir_all(&column).unwrap();
            std::fs::write(column.join(format!("{y}.png")), [*z, *x as u8, *y as u8]).unwrap();
        }
        dir
    }

    /// A tile of 2 x 2: its zoom x 100, a slope by one a sample eastwards in its own size.
    fn decode(path: &Path) -> Result<(usize, Vec<f32>), String> {
        let place = Place::of_path(path).unwrap();
        let value = |i: usize| f32::from(place.zoom) * 100.0 + (i % 2) as f32;
        Ok((2, (0..4).map(value).collect()))
    }

    #[test]
    fn holes_are_filled_from_the_coarser_zoom_and_a_stray_deep_tile_does_not_win() {
        let dir = folder(&[(3, 2, 2), (4, 4, 4), (4, 5, 5), (4, 5, 4), (5, 9, 9)]);
        let pyramid = Pyramid::find(dir.path(), &["png"]).unwrap();
        assert_eq!(pyramid.zoom(), 4, "one tile of zoom 5 where 3 of zoom 4 are");
        let laid = pyramid.lay(&Scratch::temporary(), f32::NAN, &decode).unwrap();
        assert_eq!((laid.lattice.width, laid.lattice.height, laid.filled), (4, 4, 1));
        assert_eq!(laid.samples[..4], [400.0, 401.0, 400.0, 401.0]);
        assert_eq!(laid.samples[8..12], [300.0, 300.25, 400.0, 401.0], "the south-west is the coarser tile's west half");
        assert!((laid.lattice.step.0 - 2.0 * HALF_WORLD_M / 32.0).abs() < 1e-6);
        assert!((laid.lattice.origin.0 - (-HALF_WORLD_M + 8.5 * laid.lattice.step.0)).abs() < 1e-6);
    }
}
