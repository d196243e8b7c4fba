use super::atlas::{GUTTER, SIDE_MAX, pack};
use super::*;
use crate::city::source::{Paint, Texture, TextureImage};
use glam::Vec3;
use image::{ImageFormat, Rgba, RgbaImage};
use proptest::prelude::*;
use std::io::Cursor;

/// A paint whose picture has these pixels.
fn paint(image: &RgbaImage, repeats: bool) -> Paint {
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    Paint { colour: None, texture: Some(Texture { image: TextureImage::Bytes(bytes.into()), repeats }) }
}

/// Left half red, right half blue.
fn red_and_blue(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, _| if x < width / 2 { Rgba([220, 20, 20, 255]) } else { Rgba([20, 20, 220, 255]) })
}

/// A mesh of one square of `side_m` for each set of texture coordinates, all of one paint.
fn squares(side_m: f32, uvs: &[[[f32; 2]; 4]]) -> (Mesh, Worn) {
    let (mut mesh, mut worn) = (Mesh::default(), Worn::default());
    let corners = [[0.0, 0.0], [side_m, 0.0], [side_m, side_m], [0.0, side_m]];
    for uv in uvs {
        let first = mesh.positions.len() as u32;
        worn.add(0, first, uv, &|i| Vec3::new(corners[i][0], corners[i][1], 0.0), &[0, 1, 2, 0, 2, 3]);
        mesh.positions.extend(corners.map(|[x, y]| [x, y, 0.0]));
        mesh.colours.extend([[1; 4]; 4]);
        mesh.surfaces.extend([1; 4]);
    }
    (mesh, worn)
}

fn uv(from: [f32; 2], to: [f32; 2]) -> [[f32; 2]; 4] {
    [[from[0], to[1]], [to[0], to[1]], [to[0], from[1]], [from[0], from[1]]]
}

fn dressed(side_m: f32, paint: Paint, uvs: &[[[f32; 2]; 4]]) -> (Mesh, RgbaImage) {
    let mut paints = Paints::default();
    paints.add(paint);
    let (mut mesh, worn) = squares(side_m, uvs);
    dress(&mut mesh, &worn, &paints);
    let image = image::load_from_memory(&mesh.picture.as_ref().expect("it wears something").bytes).unwrap().into_rgba8();
    (mesh, image)
}

/// The pixel of the picture at a place on a square: parts of its width and height from the lower left.
fn seen(mesh: &Mesh, image: &RgbaImage, square: usize, [s, t]: [f32; 2]) -> [u8; 3] {
    let corner = &mesh.picture.as_ref().unwrap().texcoords[square * 4..];
    let at = |k: usize| corner[0][k] + (corner[1][k] - corner[0][k]) * s + (corner[3][k] - corner[0][k]) * t;
    let p = image.get_pixel((at(0) * image.width() as f32) as u32, (at(1) * image.height() as f32) as u32);
    [p.0[0], p.0[1], p.0[2]]
}

fn is_red([r, g, b]: [u8; 3]) -> bool {
    r > 180 && g < 70 && b < 70
}

fn is_blue([r, g, b]: [u8; 3]) -> bool {
    r < 70 && g < 70 && b > 180
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn packed_rectangles_never_overlap_and_stay_inside(sizes in prop::collection::vec([1u32..300, 1u32..300], 1..80)) {
        let Some((size, spots)) = pack(&sizes) else { return Ok(()) };
        prop_assert!(size[0] <= SIDE_MAX && size[1] <= SIDE_MAX);
        let outer: Vec<[u32; 4]> =
            spots.iter().map(|s| [s.x - GUTTER, s.y - GUTTER, s.x + s.width + GUTTER, s.y + s.height + GUTTER]).collect();
        for (n, (a, own)) in outer.iter().zip(&sizes).enumerate() {
            prop_assert!(a[2] <= size[0] && a[3] <= size[1] && [spots[n].width, spots[n].height] == *own);
            prop_assert!(a[0] >= 16 || a[1] >= 16, "the white spot stays white");
            for b in &outer[n + 1..] {
                prop_assert!(a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1], "{a:?} and {b:?}");
            }
        }
        prop_assert_eq!(pack(&sizes), Some((size, spots)));
    }
}

#[test]
fn a_face_shows_its_part_of_the_picture_the_right_side_up() {
    // Upper half green: v counts down from there.
    let picture = RgbaImage::from_fn(64, 64, |_, y| if y < 32 { Rgba([20, 200, 20, 255]) } else { Rgba([220, 20, 20, 255]) });
    let (mesh, image) = dressed(6.4, paint(&picture, false), &[uv([0.0, 0.0], [1.0, 1.0])]);
    let [_, g, _] = seen(&mesh, &image, 0, [0.5, 0.9]);
    assert!(g > 150 && is_red(seen(&mesh, &image, 0, [0.5, 0.1])), "green above, red below");
    assert_eq!((mesh.surfaces[0], mesh.colours[0]), (1 | TEXTURED, [255; 4]));
    assert_eq!(mesh.picture.unwrap().mime, "image/jpeg");
}

#[test]
fn only_what_is_seen_is_packed_and_its_edge_goes_on_around_it() {
    let (mesh, image) = dressed(1.0, paint(&red_and_blue(1024, 64), false), &[uv([0.0, 0.0], [0.25, 1.0]), uv([0.75, 0.0], [1.0, 1.0])]);
    assert!(image.width() * image.height() < 1024 * 64, "{:?}", image.dimensions());
    for k in [0.02, 0.5, 0.98] {
        assert!(is_red(seen(&mesh, &image, 0, [k, k])) && is_blue(seen(&mesh, &image, 1, [k, 1.0 - k])));
    }
    let least = mesh.picture.as_ref().unwrap().texcoords[..4].iter().fold([1.0f32; 2], |m, c| [m[0].min(c[0]), m[1].min(c[1])]);
    let (x, y) = ((least[0] * image.width() as f32).round() as u32, (least[1] * image.height() as f32).round() as u32);
    for (dx, dy) in [(1, 0), (0, 1), (GUTTER, GUTTER)] {
        let p = image.get_pixel(x - dx, y - dy).0;
        assert!(is_red([p[0], p[1], p[2]]), "the gutter is the edge again: {p:?}");
    }
}

#[test]
fn a_picture_finer_than_ten_pixels_a_metre_is_scaled_down() {
    let (_, image) = dressed(4.0, paint(&red_and_blue(1000, 1000), false), &[uv([0.0, 0.0], [1.0, 1.0])]);
    assert!(image.width() <= 64 && image.height() <= 80, "40 pixels, gutters and the white spot: {:?}", image.dimensions());
}

#[test]
fn a_repeating_picture_is_drawn_out_and_one_that_ends_goes_on_with_its_edge() {
    let walls = [uv([0.0, 0.0], [3.0, 2.0]), uv([5.0, -7.0], [8.0, -5.0])];
    let (mesh, image) = dressed(8.0, paint(&red_and_blue(16, 16), true), &walls);
    let texcoords = &mesh.picture.as_ref().unwrap().texcoords;
    assert_eq!(texcoords[..4], texcoords[4..], "both walls show the same");
    for n in 0..3 {
        assert!(
            is_red(seen(&mesh, &image, 0, [(n as f32 + 0.25) / 3.0, 0.4]))
                && is_blue(seen(&mesh, &image, 1, [(n as f32 + 0.75) / 3.0, 0.6]))
        );
    }
    let (mesh, image) = dressed(8.0, paint(&red_and_blue(16, 16), false), &[uv([0.0, 0.0], [2.0, 1.0])]);
    assert!(
        is_red(seen(&mesh, &image, 0, [0.1, 0.5]))
            && is_blue(seen(&mesh, &image, 0, [0.6, 0.5]))
            && is_blue(seen(&mesh, &image, 0, [0.9, 0.5]))
    );
}

#[test]
fn holes_stay_holes_and_bare_faces_lie_on_white() {
    let leaf = RgbaImage::from_fn(32, 32, |x, _| Rgba([30, 160, 30, if x < 16 { 0 } else { 255 }]));
    let mut paints = Paints::default();
    paints.add(paint(&leaf, false));
    let (mut mesh, mut worn) = squares(3.2, &[uv([0.0, 0.0], [1.0, 1.0]), uv([0.0, 0.0], [0.0, 0.0])]);
    worn.add(7, 4, &uv([0.0, 0.0], [1.0, 1.0]), &|_| Vec3::ZERO, &[0, 1, 2]);
    dress(&mut mesh, &worn, &paints);
    let picture = mesh.picture.as_ref().unwrap();
    assert!(picture.cut_out && picture.mime == "image/png");
    assert_eq!((mesh.surfaces[4], mesh.colours[4]), (1, [1; 4]), "no area on the picture: it keeps its colour");
    let image = image::load_from_memory(&picture.bytes).unwrap().into_rgba8();
    let at = picture.texcoords[4];
    assert_eq!(image.get_pixel((at[0] * image.width() as f32) as u32, (at[1] * image.height() as f32) as u32).0, [255; 4]);
}

#[test]
fn a_tile_that_shows_too_much_gets_a_smaller_picture() {
    // Noise does not compress.
    let noise = RgbaImage::from_fn(900, 900, |x, y| {
        let n = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)).wrapping_mul(0xC2B2_AE3D);
        Rgba([(n >> 24) as u8, (n >> 16) as u8, (n >> 8) as u8, 255])
    });
    let (mesh, image) = dressed(100.0, paint(&noise, false), &[uv([0.0, 0.0], [1.0, 1.0])]);
    assert!(mesh.picture.unwrap().bytes.len() <= 640 << 10 && image.width() > 300);
}

#[test]
fn the_mean_of_what_is_seen_is_the_colour_from_afar() {
    let mut paints = Paints::default();
    let number = paints.add(paint(&red_and_blue(64, 64), false));
    assert_eq!(paints.add(paint(&red_and_blue(64, 64), false)), number);
    let left = uv([0.05, 0.0], [0.45, 1.0]);
    let [r, g, b, a] = paints.colour_of(number, &left, &[0, 1, 2, 0, 2, 3]);
    assert!(is_red([r, g, b]) && a == 255, "{r} {g} {b}");
    let [r, _, b, _] = paints.colour(number);
    // Half the light of each: in sRGB more than half the number.
    assert!(r == b && (155..170).contains(&r), "{r} {b}");
    let broken = paints.add(Paint {
        colour: Some([9, 9, 9, 255]),
        texture: Some(Texture { image: TextureImage::Bytes(vec![1, 2].into()), repeats: false }),
    });
    assert_eq!((paints.colour(broken), paints.colour_of(broken, &left, &[0, 1, 2])), ([9, 9, 9, 255], [0; 4]));
    let mut report = crate::city::report::BuildReport::default();
    paints.warn(&mut report);
    assert!(report.warnings.values().next().unwrap().examples[0].contains("2 bytes inside a model"));
    assert_ne!(paints.hash(number), paints.hash(broken));
}
