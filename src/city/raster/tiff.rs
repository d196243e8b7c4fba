//! TIFF images chunk by chunk (strips or tiles), with what GeoTIFF says of their place.
//!
//! Tags and keys after OGC GeoTIFF 1.1 (19-008r4). Of a COG the first, full-size image is read.

use super::Placement;
use crate::city::CityError;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

pub(crate) const MODEL_TYPE: u16 = 1024;
pub(crate) const RASTER_TYPE: u16 = 1025;
const CITATION: u16 = 1026;
pub(crate) const GEOGRAPHIC_TYPE: u16 = 2048;
pub(crate) const PROJECTED_TYPE: u16 = 3072;
const PROJECTED_CITATION: u16 = 3073;
const VERTICAL_UNITS: u16 = 4099;
pub(crate) const PIXEL_IS_POINT: u16 = 2;
/// What the key directory says when the system is described in words only.
const USER_DEFINED: u16 = 32767;
/// Where key values that are text lie.
const GEO_ASCII: u16 = 34737;
/// Compression by JPEG (TIFF Technical Note 2).
const JPEG: u16 = 7;
const GDAL_METADATA: Tag = Tag::Unknown(42112);

/// Samples an image may hold: 65,536 x 65,536; a bigger one comes in tiles.
const SAMPLES_MAX: u64 = 1 << 32;
/// Bytes of one strip or tile, unpacked: the memory that reading takes, three times over at most.
const CHUNK_BYTES_MAX: usize = 96 << 20;
/// Bytes of one tag, for the list of a million tiles.
const TAG_BYTES_MAX: usize = 16 << 20;
/// What deflate and LZW can make of a byte at most, roughly: an image that claims more samples than its file could hold is broken.
const UNPACKED_PER_BYTE: u64 = 1400;
/// Images of fewer samples than this may have no data at all.
const SAMPLES_FREE: u64 = 1 << 20;

/// A part of an image, in samples from its stored north-west corner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub column: usize,
    pub row: usize,
    pub width: usize,
    pub height: usize,
}

/// An open image.
pub(crate) struct Image {
    pub file: PathBuf,
    pub width: usize,
    pub height: usize,
    pub colour: ColorType,
    /// Samples at one place, and how many of them each chunk holds (all, or one when bands lie one after the other).
    pub bands: usize,
    pub bands_in_chunk: usize,
    decoder: Decoder<BufReader<File>>,
    chunk: (usize, usize),
    chunk_bytes: Vec<u64>,
    /// Where the chunks are, when they are packed as JPEG.
    jpeg_at: Option<Vec<u64>>,
}

impl Image {
    /// Opens the first image of a file.
    ///
    /// # Errors
    /// The file is not there, broken, packed in a way not read here, or too big.
    pub fn open(path: &Path) -> Result<Self, CityError> {
        let file = File::open(path).map_err(CityError::open(path))?;
        let file_bytes = file.metadata().map_err(CityError::open(path))?.len();
        let mut limits = Limits::default();
        (limits.decoding_buffer_size, limits.intermediate_buffer_size) = (CHUNK_BYTES_MAX, CHUNK_BYTES_MAX);
        limits.ifd_value_size = TAG_BYTES_MAX;
        let broken = |e| broken(path, &e);
        let mut decoder = Decoder::new(BufReader::new(file)).map_err(broken)?.with_limits(limits);
        let (columns, rows) = decoder.dimensions().map_err(broken)?;
        check_size(path, (columns, rows), file_bytes)?;
        let colour = decoder.colortype().map_err(broken)?;
        let (width, height) = (columns as usize, rows as usize);
        let (chunk_width, chunk_height) = decoder.chunk_dimensions();
        let chunk = ((chunk_width as usize).clamp(1, width.max(1 << 16)), (chunk_height as usize).max(1));
        let planar = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).ok().flatten() == Some(2);
        let bands = usize::from(colour.num_samples());
        let tiled = decoder.get_chunk_type() == tiff::decoder::ChunkType::Tile;
        let (bytes_tag, at_tag) = if tiled { (Tag::TileByteCounts, Tag::TileOffsets) } else { (Tag::StripByteCounts, Tag::StripOffsets) };
        let chunk_bytes = decoder.find_tag_unsigned_vec::<u64>(bytes_tag).map_err(broken)?.unwrap_or_default();
        let jpeg = decoder.find_tag_unsigned::<u16>(Tag::Compression).ok().flatten() == Some(JPEG);
        let jpeg_at = if jpeg { decoder.find_tag_unsigned_vec::<u64>(at_tag).map_err(broken)? } else { None };
        let bands_in_chunk = if planar { 1 } else { bands };
        Ok(Self { file: path.to_owned(), width, height, colour, bands, bands_in_chunk, decoder, chunk, chunk_bytes, jpeg_at })
    }

    fn across(&self) -> usize {
        self.width.div_ceil(self.chunk.0)
    }

    /// Chunks of one plane.
    pub fn chunks(&self) -> usize {
        self.across() * self.height.div_ceil(self.chunk.1)
    }

    /// Where a chunk lies.
    pub fn window(&self, chunk: usize) -> Window {
        let (column, row) = (chunk % self.across() * self.chunk.0, chunk / self.across() * self.chunk.1);
        Window { column, row, width: self.chunk.0.min(self.width - column), height: self.chunk.1.min(self.height - row) }
    }

    /// Samples of a chunk; `None` where a sparse file has none. `plane` counts bands that lie one after the other.
    ///
    /// # Errors
    /// The chunk is broken.
    pub fn read(&mut self, chunk: usize, plane: usize) -> Result<Option<DecodingResult>, CityError> {
        let number = plane * self.chunks() + chunk;
        match self.chunk_bytes.get(number) {
            None => return Err(CityError::unusable(&self.file, "parts of the image are missing; download it again")),
            Some(0) => return Ok(None),
            Some(bytes) => self.check_jpeg(number, *bytes)?,
        }
        let image = self.decoder.read_chunk(number as u32).map_err(|e| broken(&self.file, &e))?;
        let window = self.window(chunk);
        let (found, due) = (length(&image), window.width * window.height * self.bands_in_chunk);
        if found != due {
            return Err(CityError::unusable(&self.file, format!("{found} samples where {due} belong; download it again")));
        }
        Ok(Some(image))
    }

    /// The `tiff` crate unpacks a JPEG whatever size it says it has: no bigger than a chunk may be.
    fn check_jpeg(&mut self, number: usize, bytes: u64) -> Result<(), CityError> {
        let Some(at) = self.jpeg_at.as_ref().and_then(|all| all.get(number).copied()) else { return Ok(()) };
        let reader = self.decoder.inner();
        let mut packed = Vec::new();
        let read = reader.seek(SeekFrom::Start(at)).and_then(|_| reader.take(bytes.min(CHUNK_BYTES_MAX as u64)).read_to_end(&mut packed));
        read.map_err(CityError::open(&self.file))?;
        if jpeg_samples(&packed) > CHUNK_BYTES_MAX as u64 {
            let why = format!("part {number} says it is bigger than {} MiB; download it again", CHUNK_BYTES_MAX >> 20);
            return Err(CityError::unusable(&self.file, why));
        }
        Ok(())
    }

    /// What the keys and tags say of place and values.
    ///
    /// # Errors
    /// It lies nowhere, or askew.
    pub fn geo(&mut self) -> Result<Geo, CityError> {
        let keys = GeoKeys::read(&mut self.decoder);
        let no_data = self.decoder.get_tag_ascii_string(Tag::GdalNodata).ok();
        let metadata = self.decoder.get_tag_ascii_string(GDAL_METADATA).unwrap_or_default();
        Ok(Geo {
            placement: self.placement(keys.pixel_is_point)?,
            no_data: no_data.and_then(|t| t.trim_matches(['\0', ' ']).parse().ok()),
            scale: metadata_item(&metadata, "scale")
                .and_then(|t| t.parse().ok())
                .filter(|s: &f64| s.is_finite() && *s != 0.0)
                .unwrap_or(1.0),
            offset: metadata_item(&metadata, "offset").and_then(|t| t.parse().ok()).filter(|o: &f64| o.is_finite()).unwrap_or(0.0),
            unit_m: metadata_item(&metadata, "unittype").and_then(unit_m).or(keys.unit_m).unwrap_or(1.0),
            crs: keys.crs,
            user_defined: keys.user_defined,
        })
    }

    fn placement(&mut self, pixel_is_point: bool) -> Result<Placement, CityError> {
        // Raster position of the centre of the first sample (19-008r4, section 7.1.1).
        let centre = if pixel_is_point { 0.0 } else { 0.5 };
        let mut tag = |tag| self.decoder.get_tag_f64_vec(tag).unwrap_or_default();
        let (scale, tie) = (tag(Tag::ModelPixelScaleTag), tag(Tag::ModelTiepointTag));
        let matrix = tag(Tag::ModelTransformationTag);
        if let ([sx, sy, ..], [column, row, _, x, y, ..]) = (&scale[..], &tie[..]) {
            return Ok(Placement { origin: (x + (centre - column) * sx, y - (centre - row) * sy), step: (*sx, -sy) });
        }
        if let [a, b, _, x, d, e, _, y, ..] = matrix[..] {
            if b != 0.0 || d != 0.0 {
                return Err(CityError::unusable(&self.file, "the grid is rotated; turn it north-up with `gdalwarp`"));
            }
            return Ok(Placement { origin: (x + centre * a, y + centre * e), step: (a, e) });
        }
        if let Some(placement) = super::world_file_beside(&self.file)? {
            return Ok(placement);
        }
        let why = "nothing says where it lies (no ModelPixelScale with ModelTiepoint, no ModelTransformation, no world file); \
                   place it with `gdal_translate -a_srs EPSG:<code> -a_ullr WEST NORTH EAST SOUTH`";
        Err(CityError::unusable(&self.file, why))
    }
}

/// What an image says of itself beyond its samples.
pub(crate) struct Geo {
    pub placement: Placement,
    pub crs: Option<String>,
    /// A coordinate system described in words and parameters, without a code: what it is called.
    pub user_defined: Option<String>,
    pub no_data: Option<f64>,
    /// Height = (sample x scale + offset) x unit.
    pub scale: f64,
    pub offset: f64,
    /// Metres of the unit of height.
    pub unit_m: f64,
}

/// What we use of the key directory.
#[derive(Default)]
struct GeoKeys {
    crs: Option<String>,
    user_defined: Option<String>,
    pixel_is_point: bool,
    unit_m: Option<f64>,
}

impl GeoKeys {
    /// A file without keys, or with broken ones, has no coordinate system; the user then gives it.
    fn read(tiff: &mut Decoder<BufReader<File>>) -> Self {
        let directory = tiff.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).unwrap_or_default();
        let entry = |id| directory.chunks_exact(4).skip(1).find(|k| k[0] == id);
        // Only keys whose value stands in the directory itself (location 0) are codes.
        let key = |id| entry(id).filter(|k| k[1] == 0).map(|k| k[3]);
        let code = |id| key(id).filter(|c| *c != 0 && *c != USER_DEFINED);
        let system = code(PROJECTED_TYPE).or_else(|| if key(PROJECTED_TYPE).is_none() { code(GEOGRAPHIC_TYPE) } else { None });
        let texts = tiff.get_tag_ascii_string(Tag::GeoAsciiParamsTag).unwrap_or_default();
        let text = |id| {
            let k = entry(id).filter(|k| k[1] == GEO_ASCII)?;
            texts.get(usize::from(k[3])..usize::from(k[3]) + usize::from(k[2])).map(|t| t.trim_end_matches(['|', '\0']).to_owned())
        };
        let undefined = key(PROJECTED_TYPE) == Some(USER_DEFINED) || system.is_none() && key(GEOGRAPHIC_TYPE) == Some(USER_DEFINED);
        let named = || text(PROJECTED_CITATION).or_else(|| text(CITATION)).unwrap_or_else(|| "without a name".to_owned());
        Self {
            crs: system.map(|c| format!("EPSG:{c}")),
            user_defined: undefined.then(named),
            pixel_is_point: key(RASTER_TYPE) == Some(PIXEL_IS_POINT),
            unit_m: key(VERTICAL_UNITS).and_then(|c| match c {
                9002 => unit_m("ft"),
                9003 => unit_m("us-ft"),
                _ => None,
            }),
        }
    }
}

/// Metres of a unit of length; `None` for metres and what is not known.
fn unit_m(name: &str) -> Option<f64> {
    match name.to_ascii_lowercase().as_str() {
        "ft" | "foot" | "feet" => Some(0.3048),
        "us-ft" | "us_survey_foot" | "us survey foot" | "ftus" | "us_ft" => Some(1200.0 / 3937.0),
        _ => None,
    }
}

/// The text of the item of a role for the first band in GDAL's XML: `<Item name="SCALE" sample="0" role="scale">0.1</Item>`.
fn metadata_item<'a>(xml: &'a str, role: &str) -> Option<&'a str> {
    xml.split("<Item ").skip(1).find_map(|item| {
        let (tag, rest) = item.split_once('>')?;
        let first = !tag.contains("sample=") || tag.contains("sample=\"0\"");
        let found = first && tag.contains(&format!("role=\"{role}\""));
        found.then(|| rest.split('<').next().map(str::trim)).flatten()
    })
}

fn check_size(path: &Path, (columns, rows): (u32, u32), file_bytes: u64) -> Result<(), CityError> {
    let count = u64::from(columns) * u64::from(rows);
    if count > SAMPLES_MAX {
        let mend = "cut it into tiles with `gdal_retile.py` and give them all";
        return Err(CityError::TooBig { file: path.to_owned(), what: format!("{count} samples"), limit: SAMPLES_MAX, mend });
    }
    if count > SAMPLES_FREE.max(file_bytes.saturating_mul(UNPACKED_PER_BYTE)) {
        let why = format!(
            "{columns} x {rows} samples in {file_bytes} bytes: it breaks off or is nearly empty; download it again, or cut out what is there with `gdal_translate -projwin`"
        );
        return Err(CityError::unusable(path, why));
    }
    if count == 0 {
        return Err(CityError::unusable(path, "the image has no samples; export it again"));
    }
    Ok(())
}

fn broken(path: &Path, e: &tiff::TiffError) -> CityError {
    let mend = "check the file with `gdalinfo`, or rewrite it with `gdal_translate -co COMPRESS=DEFLATE -co TILED=YES`";
    CityError::unusable(path, format!("{e}; {mend}"))
}

/// Samples that the frames of a JPEG say they have. Packed data has no 0xff without a 0 or a restart mark behind it, so that all that looks like the
/// head of a frame is one.
fn jpeg_samples(packed: &[u8]) -> u64 {
    let frame = |w: &[u8]| match *w {
        [0xff, 0xc0..=0xc2, _, _, _, h1, h0, w1, w0, bands] => {
            u64::from(u16::from_be_bytes([h1, h0])) * u64::from(u16::from_be_bytes([w1, w0])) * u64::from(bands)
        }
        _ => 0,
    };
    packed.windows(10).map(frame).max().unwrap_or(0)
}

fn length(image: &DecodingResult) -> usize {
    match image {
        DecodingResult::U8(v) => v.len(),
        DecodingResult::U16(v) => v.len(),
        DecodingResult::U32(v) => v.len(),
        DecodingResult::U64(v) => v.len(),
        DecodingResult::I8(v) => v.len(),
        DecodingResult::I16(v) => v.len(),
        DecodingResult::I32(v) => v.len(),
        DecodingResult::I64(v) => v.len(),
        DecodingResult::F16(v) => v.len(),
        DecodingResult::F32(v) => v.len(),
        DecodingResult::F64(v) => v.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_and_offset_stand_in_gdals_metadata() {
        let xml = r#"<GDALMetadata><Item name="SCALE" sample="1" role="scale">7</Item><Item name="OFFSET" sample="0" role="offset">-100</Item>
            <Item name="SCALE" sample="0" role="scale">0.1</Item></GDALMetadata>"#;
        assert_eq!(
            (metadata_item(xml, "scale"), metadata_item(xml, "offset"), metadata_item(xml, "unittype")),
            (Some("0.1"), Some("-100"), None)
        );
    }
}
