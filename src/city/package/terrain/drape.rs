//! Orthophotos over terrain: a picture for each tile, from the finest tiles up.

use super::super::PackageError;
use super::super::place::choose_crs;
use super::footing::Footing;
use super::relief::Extent;
use crate::city::ortho::Orthophoto;
use crate::city::raster::Blend;
use crate::city::report::BuildReport;
use std::path::PathBuf;
use xxhash_rust::xxh3::Xxh3;

/// Pixels along a tile's picture at most: with 64 cells, 8 pixels a cell; a JPEG of about 60 kB.
pub const PIXELS_MAX: usize = 512;
/// And at least, where the photo has no more to show.
const PIXELS_MIN: usize = 64;
/// A tile's picture may be this much coarser than the photo before the tile is divided.
const COARSER: f64 = 1.5;
/// Where a tile is as fine as tiles get and the photo finer still, so many samples a side are averaged for one pixel at most.
const SAMPLES_MAX: usize = 8;

/// A tile's picture before it is a JPEG: square, row by row from the north-west; transparent where there is no photo.
pub struct Picture {
    pub side: usize,
    pub pixels: Vec<[u8; 4]>,
}

/// All photos of a build; where they overlap, the first given wins.
#[derive(Default)]
pub struct Drape {
    photos: Vec<Placed>,
}

struct Placed {
    photo: Orthophoto,
    footing: Footing,
    /// From pixel to pixel, degrees of longitude and latitude.
    step: (f64, f64),
}

impl Drape {
    /// Places every photo.
    ///
    /// # Errors
    /// No or an unknown coordinate system.
    pub fn new(photos: Vec<Orthophoto>, crs: Option<&str>, report: &mut BuildReport) -> Result<Self, PackageError> {
        let place = |photo: Orthophoto| {
            let name = choose_crs(&photo.file, photo.crs.as_deref(), crs, report)?;
            let footing = Footing::new(&photo.file, name, photo.bounds())?;
            let step = footing.step_deg(photo.width, photo.height);
            Ok(Placed { photo, footing, step })
        };
        Ok(Self { photos: photos.into_iter().map(place).collect::<Result<_, PackageError>>()? })
    }

    pub fn is_empty(&self) -> bool {
        self.photos.is_empty()
    }

    /// File, number of pixels and coordinate system of each photo.
    pub fn files(&self) -> Vec<(&PathBuf, u64, &String)> {
        self.photos.iter().map(|p| (&p.photo.file, p.photo.pixels.len() as u64, &p.footing.crs)).collect()
    }

    /// Everything that pictures follow from.
    pub fn hash(&self, hash: &mut Xxh3) {
        for p in &self.photos {
            hash.update(
                format!("{} {:?} {:?} {} {}", p.footing.crs, p.photo.origin, p.photo.step, p.photo.width, p.photo.height).as_bytes(),
            );
            hash.update(bytemuck::cast_slice(&p.photo.pixels));
        }
    }

    fn over(&self, extent: &Extent) -> Vec<&Placed> {
        self.photos.iter().filter(|p| p.footing.extent.wider(p.step).touches(extent)).collect()
    }

    /// How many pixels a tile's picture would need along its longer side to show all of the photo; `None` without photo.
    pub fn pixels_wanted(&self, extent: &Extent) -> Option<f64> {
        let wanted = |p: &&Placed| ((extent.east - extent.west) / p.step.0).max((extent.north - extent.south) / p.step.1);
        self.over(extent).iter().map(wanted).reduce(f64::max)
    }

    /// Whether the photo is finer than a tile's picture can show.
    pub fn wants_division(&self, extent: &Extent) -> bool {
        self.pixels_wanted(extent).is_some_and(|n| n > PIXELS_MAX as f64 * COARSER)
    }

    /// The picture of a tile that has no finer ones; `None` where there is no photo.
    pub fn picture(&self, extent: &Extent) -> Option<Picture> {
        let over = self.over(extent);
        let wanted = self.pixels_wanted(extent)?;
        let side = (wanted.ceil() as usize).next_power_of_two().clamp(PIXELS_MIN, PIXELS_MAX);
        let samples = ((wanted / side as f64 / COARSER).ceil() as usize).clamp(1, SAMPLES_MAX);
        let pixel = |n: usize| {
            let mut all = (0..samples * samples).map(|s| {
                let share = |pixel: usize, sample: usize| (pixel as f64 + (sample as f64 + 0.5) / samples as f64) / side as f64;
                let (lon, lat) = extent.at(share(n % side, s % samples), 1.0 - share(n / side, s / samples));
                over.iter().map(|p| p.colour(lon, lat)).find(|c| c[3] > 0).unwrap_or([0; 4])
            });
            if samples == 1 { all.next().unwrap_or([0; 4]) } else { average(all) }
        };
        let pixels: Vec<[u8; 4]> = (0..side * side).map(pixel).collect();
        pixels.iter().any(|p| p[3] > 0).then_some(Picture { side, pixels })
    }
}

impl Placed {
    /// Between four pixels; transparent beside the photo.
    fn colour(&self, lon: f64, lat: f64) -> [u8; 4] {
        let p = &self.photo;
        let own = self.footing.own(lon, lat);
        let (x, y) = ((own.0 - p.origin.0) / p.step.0, (own.1 - p.origin.1) / p.step.1);
        let (last_x, last_y) = ((p.width - 1) as f64, (p.height - 1) as f64);
        // Written so that NaN is outside.
        if !(x >= -0.5 && y >= -0.5 && x <= last_x + 0.5 && y <= last_y + 0.5) {
            return [0; 4];
        }
        let (x, y) = (x.clamp(0.0, last_x), y.clamp(0.0, last_y));
        let (c, r) = (x as usize, y as usize);
        let (c1, r1) = ((c + 1).min(p.width - 1), (r + 1).min(p.height - 1));
        let at = |r: usize, c: usize| p.pixels.get(r * p.width + c).copied().unwrap_or([0; 4]);
        Blend::blend([at(r, c), at(r, c1), at(r1, c), at(r1, c1)], x - c as f64, y - r as f64)
    }
}

/// The picture of a tile from those of its children (in the order of [`super::Address::children`]); `None` when none has one.
pub fn join(children: &[Option<Picture>; 4]) -> Option<Picture> {
    let finest = children.iter().flatten().map(|p| p.side).max()?;
    let side = (finest * 2).min(PIXELS_MAX);
    let half = side / 2;
    let mut pixels = vec![[0; 4]; side * side];
    for (n, child) in children.iter().enumerate() {
        let Some(child) = child else { continue };
        // Children count from the south, rows from the north.
        let (left, top) = ((n & 1) * half, (1 - (n >> 1)) * half);
        for (k, pixel) in (0..half * half).map(|k| (k, child.at_size(half, k % half, k / half))) {
            pixels[(top + k / half) * side + left + k % half] = pixel;
        }
    }
    Some(Picture { side, pixels })
}

impl Picture {
    /// A pixel of the picture at another size (a power of two apart).
    fn at_size(&self, side: usize, x: usize, y: usize) -> [u8; 4] {
        if side >= self.side {
            let up = side / self.side;
            return self.pixels[y / up * self.side + x / up];
        }
        let down = self.side / side;
        average((0..down * down).map(|k| self.pixels[(y * down + k / down) * self.side + x * down + k % down]))
    }

    /// As JPEG on a ground of one colour.
    ///
    /// # Errors
    /// What the encoder says; nothing a picture of this size should meet.
    pub fn jpeg(&self, ground: [u8; 4]) -> Result<Vec<u8>, image::ImageError> {
        let on_ground = |p: &[u8; 4]| -> [u8; 3] {
            let over = |n: usize| {
                let alpha = u32::from(p[3]);
                ((u32::from(p[n]) * alpha + u32::from(ground[n]) * (255 - alpha) + 127) / 255) as u8
            };
            [over(0), over(1), over(2)]
        };
        let rgb: Vec<u8> = self.pixels.iter().flat_map(on_ground).collect();
        let mut out = Vec::new();
        let side = self.side as u32;
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, QUALITY).encode(&rgb, side, side, image::ExtendedColorType::Rgb8)?;
        Ok(out)
    }
}

/// JPEG quality: no blocks to be seen at twice the size.
const QUALITY: u8 = 85;

/// Mean colour weighted by opacity, and mean opacity.
fn average(colours: impl Iterator<Item = [u8; 4]>) -> [u8; 4] {
    let (mut sum, mut alpha, mut count) = ([0u32; 3], 0u32, 0u32);
    for c in colours {
        let weight = u32::from(c[3]);
        sum.iter_mut().zip(c).for_each(|(s, v)| *s += weight * u32::from(v));
        (alpha, count) = (alpha + weight, count + 1);
    }
    if alpha == 0 {
        return [0; 4];
    }
    let [r, g, b] = sum.map(|s| ((s + alpha / 2) / alpha) as u8);
    [r, g, b, ((alpha + count / 2) / count) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 64 x 64 pixels over a square of 0.064 degrees: red grows eastwards, green southwards.
    fn photo(west: f64) -> Orthophoto {
        Orthophoto {
            file: "photo.tif".into(),
            crs: Some("EPSG:4326".into()),
            origin: (west + 0.0005, 34.0 - 0.0005),
            step: (0.001, -0.001),
            width: 64,
            height: 64,
            pixels: (0..64 * 64).map(|n| [(n % 64 * 4) as u8, (n / 64 * 4) as u8, 10, 255]).collect(),
        }
    }

    fn drape() -> Drape {
        Drape::new(vec![photo(118.0)], None, &mut BuildReport::default()).unwrap()
    }

    #[test]
    fn a_tiles_picture_shows_its_part_of_the_photo_north_up() {
        let drape = drape();
        let all = Extent { west: 118.0, south: 33.936, east: 118.064, north: 34.0 };
        let picture = drape.picture(&all).unwrap();
        assert_eq!(picture.side, 64);
        assert_eq!(
            (picture.pixels[0], picture.pixels[63], picture.pixels[63 * 64]),
            ([0, 0, 10, 255], [252, 0, 10, 255], [0, 252, 10, 255])
        );
        let half = drape.picture(&Extent { east: 118.128, ..all }).unwrap();
        assert!(half.pixels[0][3] == 255 && half.pixels[half.side - 1] == [0; 4], "transparent beside the photo");
        assert!(drape.picture(&Extent { west: 119.0, east: 119.1, ..all }).is_none());
        assert!(!drape.wants_division(&all) && drape.wants_division(&Extent { west: 118.0, south: 33.0, east: 119.0, north: 34.0 }));
    }

    #[test]
    fn a_coarser_tiles_picture_is_made_of_its_childrens() {
        let child = |colour| Some(Picture { side: 512, pixels: vec![colour; 512 * 512] });
        let joined = join(&[child([10, 0, 0, 255]), None, child([20, 0, 0, 255]), child([30, 0, 0, 255])]).unwrap();
        assert_eq!(joined.side, 512);
        let at = |x: usize, y: usize| joined.pixels[y * 512 + x];
        assert_eq!([at(0, 511), at(511, 511), at(0, 0), at(511, 0)], [[10, 0, 0, 255], [0; 4], [20, 0, 0, 255], [30, 0, 0, 255]]);
        let small = join(&[Some(Picture { side: 64, pixels: vec![[1, 2, 3, 255]; 64 * 64] }), None, None, None]).unwrap();
        assert_eq!((small.side, small.pixels[127 * 128]), (128, [1, 2, 3, 255]));
        assert!(join(&[None, None, None, None]).is_none());
    }
}
