//! Photos of every kind, made here.

use super::*;
use image::{Rgb, RgbImage, RgbaImage};
use std::fs;
use tiff::encoder::{Compression, TiffEncoder, colortype};
use tiff::tags::Tag;

fn open(path: &Path) -> Result<Orthophoto, CityError> {
    read(path, &Scratch::temporary(), &mut BuildReport::default())
}

fn colour(x: u32, y: u32) -> [u8; 3] {
    [(x * 20) as u8, (y * 30) as u8, 77]
}

#[test]
fn pictures_lie_where_their_world_file_says() {
    let dir = tempfile::tempdir().unwrap();
    let picture = RgbImage::from_fn(6, 4, |x, y| Rgb(colour(x, y)));
    for name in ["a.png", "b.jpg"] {
        let file = dir.path().join(name);
        picture.save(&file).unwrap();
        assert!(open(&file).unwrap_err().to_string().contains("world file"));
        fs::write(file.with_extension("wld"), "2\n0\n0\n-3\n100\n200\n").unwrap();
        fs::write(file.with_extension("prj"), "EPSG:28992").unwrap();
        let photo = open(&file).unwrap();
        assert_eq!((photo.width, photo.height, photo.crs.as_deref()), (6, 4, Some("EPSG:28992")));
        assert_eq!(photo.bounds(), [100.0, 191.0, 110.0, 200.0]);
        assert!(name != "a.png" || photo.pixels[7] == [20, 30, 77, 255]);
    }
}

#[test]
fn geotiffs_of_grey_colour_and_opacity_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.tif");
    let write = |rgba: bool, compression| {
        let mut encoder = TiffEncoder::new(fs::File::create(&file).unwrap()).unwrap().with_compression(compression);
        macro_rules! image {
            ($kind:ty, $bands:expr) => {{
                let mut image = encoder.new_image::<$kind>(3, 2).unwrap();
                image.encoder().write_tag(Tag::ModelPixelScaleTag, &[0.5, 0.5, 0.0][..]).unwrap();
                image.encoder().write_tag(Tag::ModelTiepointTag, &[0.0, 0.0, 0.0, 10.0, 20.0, 0.0][..]).unwrap();
                image.encoder().write_tag(Tag::GeoKeyDirectoryTag, &[1u16, 1, 0, 1, 3072, 0, 1, 28992][..]).unwrap();
                image.encoder().write_tag(Tag::GdalNodata, "0").unwrap();
                let pixel = |n: u8| [n * 9, n * 5, n * 2, 128];
                let data: Vec<u8> = (0..6).flat_map(|n| pixel(n).into_iter().take($bands)).collect();
                image.write_data(&data).unwrap();
            }};
        }
        if rgba { image!(colortype::RGBA8, 4) } else { image!(colortype::RGB8, 3) }
    };
    for (rgba, alpha) in [(false, 255), (true, 128)] {
        write(rgba, if rgba { Compression::Lzw } else { Compression::Packbits });
        let photo = open(&file).unwrap();
        assert_eq!((photo.origin, photo.step, photo.crs.as_deref()), ((10.25, 19.75), (0.5, -0.5), Some("EPSG:28992")));
        assert_eq!((photo.pixels[0], photo.pixels[5]), ([0; 4], [45, 25, 10, alpha]));
    }
}

#[test]
fn a_photo_packed_as_jpeg_has_its_colours() {
    let photo = open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/elevation/photo-jpeg-ycbcr.tif")).unwrap();
    assert_eq!((photo.width, photo.height, photo.crs.as_deref()), (64, 48, Some("EPSG:28992")));
    for (column, expected) in [(8, [200, 30, 30]), (56, [30, 30, 200])] {
        let found = photo.pixels[24 * 64 + column];
        assert!(found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 8), "{found:?}");
    }
}

#[test]
fn a_part_that_says_it_is_huge_is_refused_before_it_is_unpacked() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.tif");
    let mut bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/elevation/photo-jpeg-ycbcr.tif")).unwrap();
    let frame = bytes.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
    fs::write(&file, bytes).unwrap();
    assert!(open(&file).unwrap_err().to_string().contains("bigger than 96 MiB"));
}

#[test]
fn a_folder_of_map_tiles_is_one_photo() {
    let dir = tempfile::tempdir().unwrap();
    for (x, y) in [(8, 5), (9, 5), (9, 6)] {
        let column = dir.path().join(format!("4/{x}"));
        fs::create_dir_all(&column).unwrap();
        RgbaImage::from_pixel(4, 4, image::Rgba([x * 10, y * 10, 0, 255])).save(column.join(format!("{y}.png"))).unwrap();
    }
    let photo = open(dir.path()).unwrap();
    assert_eq!((photo.width, photo.height), (8, 8));
    assert_eq!((photo.pixels[0], photo.pixels[63], photo.pixels[56]), ([80, 50, 0, 255], [90, 60, 0, 255], [0; 4]));
    assert!(open(&dir.path().join("4")).unwrap_err().to_string().contains("zoom/x/y"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]

    #[test]
    fn bytes_turned_over_never_panic(at in 0usize..3000, to in proptest::prelude::any::<u8>(), kind in 0usize..3) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(["a.png", "a.jpg", "a.tif"][kind]);
        if kind == 2 {
            fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/elevation/photo-jpeg-ycbcr.tif"), &file).unwrap();
        } else {
            RgbImage::from_fn(9, 9, |x, y| Rgb(colour(x, y))).save(&file).unwrap();
        }
        fs::write(dir.path().join("a.wld"), "2\n0\n0\n-3\n100\n200\n").unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let n = bytes.len();
        bytes[at % n] = to;
        fs::write(&file, bytes).unwrap();
        let _ = open(&file);
    }
}
