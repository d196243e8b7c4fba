//! Textures from source to package, read back by the tile engine.

use super::{empty, files, house, job, validate};
use glam::DMat4;
use serde_json::json;
use std::path::{Path, PathBuf};
use yiping::city::package::{self, Builder};
use yiping::city::read_source;
use yiping::city::report::BuildReport;
use yiping::city::source::{CitySource, Paint, Surface, Texture, TextureImage};
use yiping::tiles::{DecodeContext, Decoded, TileMesh, UpAxis, Wear, decode};

/// Builds what a file says; answers the report.
fn built(model: &Path, out: &Path) -> BuildReport {
    let mut report = BuildReport::default();
    let source = read_source(model, &mut report).unwrap();
    package::build(vec![source], Vec::new(), &job(out), &(), &mut report).unwrap();
    report
}

/// The textured sample with its picture, in a folder where both may be changed.
fn sample(dir: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    std::fs::create_dir_all(dir.join("textures")).unwrap();
    for name in ["textured.city.json", "textures/brick.png"] {
        std::fs::copy(from.join(name), dir.join(name)).unwrap();
    }
    dir.join("textured.city.json")
}

/// Full tile and coarse tile of a package that has one of each.
fn tiles(package: &Path) -> [TileMesh; 2] {
    let all = files(package);
    let mesh = |full: bool| {
        let own = all.iter().filter(|f| f.0.extension().is_some_and(|e| e == "glb"));
        let (path, bytes) = own.into_iter().find(|f| f.0.file_stem().unwrap().to_string_lossy().ends_with('f') == full).unwrap();
        let url = path.display().to_string();
        let context = DecodeContext {
            url: &url,
            transform: DMat4::IDENTITY,
            up_axis: UpAxis::Y,
            error_m: 0.0,
            external: &|_| panic!("all of a tile is in its file"),
        };
        let Decoded::Meshes(content) = decode(bytes, &context).unwrap() else { panic!("a tile") };
        assert!(content.notes.is_empty(), "{:?}", content.notes);
        content.meshes.into_iter().next().unwrap()
    };
    [mesh(true), mesh(false)]
}

#[test]
fn walls_wear_their_bricks_up_close_and_their_colour_from_afar() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("package");
    let report = built(&sample(dir.path()), &out);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    let [near, far] = tiles(&out);
    let texture = near.texture.as_ref().expect("it wears a picture");
    assert_eq!(texture.layers, 1);
    for (n, wear) in near.wears.iter().enumerate() {
        assert_eq!(near.surfaces[n] == Surface::Wall as u8, wear & Wear::TEXTURED != 0);
        assert!(near.texture_uvs[n].iter().all(|c| (0.0..=1.0).contains(c)));
    }
    // Wall corners are at the corners of 64 x 32 pixels, eight by four bricks; u runs along the wall, v down.
    let walls: Vec<usize> = (0..near.wears.len()).filter(|n| near.wears[*n] != 0).collect();
    let across = |axis: usize| {
        let values = || walls.iter().map(|n| near.texture_uvs[*n][axis]);
        values().fold(0.0f32, f32::max) - values().fold(1.0f32, f32::min)
    };
    assert!((across(0) * texture.width as f32 - 64.0).abs() < 0.1 && (across(1) * texture.height as f32 - 32.0).abs() < 0.1);
    for n in &walls {
        let high = near.texcoords[*n][1] > 2.0;
        assert_eq!(
            high,
            near.texture_uvs[*n][1] * (texture.height as f32) < 16.0,
            "the upper edge of the picture is the upper edge of the wall"
        );
    }
    assert!(far.texture.is_none());
    let wall = far.colours[far.surfaces.iter().position(|s| *s == Surface::Wall as u8).unwrap()];
    let roof = far.colours[far.surfaces.iter().position(|s| *s == Surface::Roof as u8).unwrap()];
    assert!(wall[0] > wall[1] + 15 && wall[1] > 90, "brick and mortar mixed: {wall:?}");
    assert_eq!(roof, [153, 64, 51, 255]);
    validate(&out);
}

#[test]
fn a_changed_picture_changes_its_tiles_and_the_same_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let model = sample(dir.path());
    let out = dir.path().join("package");
    built(&model, &out);
    let before = files(&out);
    assert_eq!(built(&model, &out).tiles_kept, 2);
    let glb =
        |files: &[(PathBuf, Vec<u8>)]| files.iter().filter(|f| f.0.extension().is_some_and(|e| e == "glb")).cloned().collect::<Vec<_>>();
    assert!(glb(&files(&out)) == glb(&before));
    image::RgbImage::from_pixel(8, 8, image::Rgb([0, 90, 0])).save(dir.path().join("textures/brick.png")).unwrap();
    assert_eq!(built(&model, &out).tiles_kept, 0);
    let wall = tiles(&out)[1].colours[0];
    assert_eq!(wall, [0, 90, 0, 255]);
}

#[test]
fn a_picture_that_is_missing_or_broken_is_named_and_its_faces_have_colours() {
    let dir = tempfile::tempdir().unwrap();
    let model = sample(dir.path());
    let picture = dir.path().join("textures/brick.png");
    for n in 0..2 {
        if n == 0 {
            std::fs::write(&picture, b"GIF89a no picture").unwrap();
        } else {
            std::fs::remove_file(&picture).unwrap();
        }
        let out = dir.path().join(format!("package-{n}"));
        let report = built(&model, &out);
        let (reason, examples) = report.warnings.iter().next().unwrap();
        assert!(reason.contains("picture can't be used") && examples.examples[0].contains("brick.png"), "{reason} {examples:?}");
        assert_eq!((report.objects_written, report.objects_rejected), (1, 0));
        assert!(tiles(&out)[0].texture.is_none());
    }
}

/// Houses with walls in two colours of picture, one picture a house.
fn street(houses: usize) -> CitySource {
    let mut source = empty();
    for n in 0..houses {
        house(&mut source, &format!("h{n}"), (80_000.0 + 30.0 * n as f64, 455_000.0), (10.0, 8.0, 6.0), json!({}));
        let mut bytes = Vec::new();
        let picture = image::RgbImage::from_fn(40 + n as u32, 30, |x, _| image::Rgb([(n * 20) as u8, (x * 3) as u8, 90]));
        picture.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        source.paints.push(Paint { colour: None, texture: Some(Texture { image: TextureImage::Bytes(bytes.into()), repeats: false }) });
        let object = source.objects.last_mut().unwrap();
        let mut faces = yiping::city::source::Faces::default();
        for face in object.faces.iter() {
            for (corner, uv) in face.outer().iter().zip([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]) {
                faces.textured_corner(*corner, uv);
            }
            faces.end_ring();
            faces.end_face(face.surface, (face.surface == Surface::Wall).then_some(n as u32));
        }
        object.faces = faces;
    }
    source
}

#[test]
fn a_new_house_with_a_new_picture_leaves_other_tiles_alone_whatever_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("street");
    let make = |source: CitySource| {
        let mut builder = Builder::new(&job(&out), Vec::new()).unwrap();
        builder.add(source).unwrap();
        builder.finish(&(), BuildReport { objects_in: 12, ..BuildReport::default() }).unwrap().1
    };
    make(street(12));
    // The same houses, their pictures numbered from the other end.
    let mut turned = street(12);
    turned.paints.reverse();
    turned.objects.iter_mut().for_each(|o| o.faces.repaint(|p| 11 - p));
    let again = make(turned);
    assert_eq!(again.tiles_kept, again.tiles);
    validate(&out);
}
