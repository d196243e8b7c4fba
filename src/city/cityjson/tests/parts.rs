//! Files in parts: every part stands by itself, and together they are the file.

use super::sequence::sequence;
use super::*;
use crate::city::{ReadOptions, read_parts};
use std::fmt::Write;

fn parts(path: &Path) -> (Vec<CitySource>, BuildReport) {
    let (mut parts, mut report) = (Vec::new(), BuildReport::default());
    read_parts(path, &ReadOptions::default(), &mut report, &mut |part| {
        parts.push(part);
        Ok(())
    })
    .unwrap();
    (parts, report)
}

fn write(name: &str, text: &str) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

/// Places of all corners, object by object.
fn shapes(parts: &[CitySource]) -> BTreeMap<&str, Vec<DVec3>> {
    let place = |part: &CitySource, o: &CityObject| o.faces.corners().iter().map(|n| part.vertices[*n as usize]).collect();
    parts.iter().flat_map(|part| part.objects.iter().map(move |o| (o.id.as_str(), place(part, o)))).collect()
}

#[test]
fn a_big_document_comes_in_parts_with_the_vertices_they_use_and_families_whole() {
    let (mut objects, mut vertices) = (String::new(), String::new());
    let count = 5_000;
    for i in 0..count {
        // Parents stand at the other end of the file.
        let kin =
            if i < count / 2 { format!("\"parents\":[\"{}\"]", count - 1 - i) } else { format!("\"children\":[\"{}\"]", count - 1 - i) };
        let [a, b, c] = [3 * i, 3 * i + 1, 3 * i + 2];
        write!(objects, "\"{i}\":{{\"type\":\"Building\",\"geometry\":[{{\"type\":\"MultiSurface\",\"lod\":\"1\",\"boundaries\":[[[{a},{b},{c}]]]}}],{kin}}},").unwrap();
        write!(vertices, "[{i},0,0],[{i},5,0],[{i},5,9],").unwrap();
    }
    let (objects, vertices) = (objects.trim_end_matches(','), vertices.trim_end_matches(','));
    let text = format!("{{\"type\":\"CityJSON\",\"version\":\"1.0\",\"CityObjects\":{{{objects}}},\"vertices\":[{vertices}]}}");
    let (_dir, path) = write("big.city.json", &text);
    let (parts, report) = parts(&path);
    assert_eq!((parts.len(), report.objects_in, report.warnings.len()), (2, count, 0));
    for part in &parts {
        assert!(part.objects.len() <= 4096 && part.vertices.len() == 3 * part.objects.len());
        let here: std::collections::HashSet<&str> = part.objects.iter().map(|o| o.id.as_str()).collect();
        assert!(part.objects.iter().filter_map(|o| o.parent.as_deref()).all(|p| here.contains(p)));
    }
    let shapes = shapes(&parts);
    assert_eq!(shapes.len() as u64, count);
    assert!(shapes.iter().all(|(id, corners)| corners.len() == 3 && corners.iter().all(|v| v.x == id.parse::<f64>().unwrap())));
}

#[test]
fn a_long_sequence_comes_in_parts_that_stand_by_themselves() {
    let (header, feature) = (sequence().lines().next().unwrap().to_owned(), sequence().lines().nth(1).unwrap().to_owned());
    let mut text = header;
    for i in 0..10_000 {
        write!(text, "\n{}", feature.replace("\"one\"", &format!("\"{i}\""))).unwrap();
    }
    text.push_str("\n{\"type\": \"CityJSONFeature\", oops}");
    let (_dir, path) = write("long.city.jsonl", &text);
    let (parts, report) = parts(&path);
    assert_eq!((report.objects_in, report.objects_rejected), (10_001, 1));
    assert!(parts.len() >= 2 && parts.iter().all(|p| p.crs.is_some() && p.vertices.len() == 8 * p.objects.len()));
    let ids: Vec<&str> = parts.iter().flat_map(|p| &p.objects).map(|o| o.id.as_str()).collect();
    assert!(ids.iter().enumerate().all(|(i, id)| *id == i.to_string()), "in the file's order");
    assert!(report.rejections["line is no CityJSONFeature"].examples[0].starts_with("line 10002: "), "{report:?}");
}

#[test]
fn what_the_taker_answers_ends_the_reading() {
    let (_dir, path) = write("a.city.jsonl", &sequence());
    for file in [path, write("a.city.json", &cube(|_| ()).to_string()).1] {
        let mut taken = 0;
        let told = read_parts(&file, &ReadOptions::default(), &mut BuildReport::default(), &mut |_| {
            taken += 1;
            Err(CityError::unusable(Path::new("x"), "enough"))
        });
        if file.exists() {
            assert_eq!((told.unwrap_err().to_string().as_str(), taken), ("x: enough", 1));
        }
    }
}

#[test]
fn the_real_sample_is_the_same_by_the_fast_and_by_the_careful_way() {
    let (_dir, fast) = write("a.city.json", SAMPLE);
    // A vertex number with an exponent is odd, but what it names is the same; so is a key with an escape.
    let odd = SAMPLE.replace("\"boundaries\"", "\"bound\\u0061ries\"").replace("\"vertices\"", "\"vertic\\u0065s\"");
    assert_ne!(odd, SAMPLE);
    let (_other, careful) = write("a.city.json", &odd);
    let ((fast, fast_report), (careful, careful_report)) = (parts(&fast), parts(&careful));
    assert_eq!(shapes(&fast), shapes(&careful));
    assert_eq!(fast_report.objects_in, careful_report.objects_in);
    let attributes =
        |parts: &[CitySource]| parts.iter().flat_map(|p| &p.objects).map(|o| (o.id.clone(), o.attributes.clone())).collect::<Vec<_>>();
    assert_eq!(attributes(&fast), attributes(&careful));
}

#[test]
fn inside_a_pool_of_one_it_reads_all_the_same() {
    let (_dir, path) = write("a.city.jsonl", &sequence());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| parts(&path).1.objects_in), 2);
}
