//! CityJSONSeq, a feature a line.

use super::*;

/// A header and two cubes, a blank line between them.
pub fn sequence() -> String {
    let whole = cube(|_| ());
    let header = json!({"type": "CityJSON", "version": "2.0", "transform": whole["transform"], "metadata": whole["metadata"], "CityObjects": {}, "vertices": []});
    let feature = |id: &str, n: i64| {
        let vertices: Vec<Value> =
            whole["vertices"].as_array().unwrap().iter().map(|v| json!([v[0].as_i64().unwrap() + n, v[1], v[2]])).collect();
        json!({"type": "CityJSONFeature", "id": id, "CityObjects": {id: whole["CityObjects"]["cube"]}, "vertices": vertices})
    };
    format!("{header}\n{}\n\n{}\n", feature("one", 0), feature("two", 10))
}

#[test]
fn a_sequence_numbers_its_vertices_on() {
    for name in ["city.city.jsonl", "city.json"] {
        let (source, report) = read_text(name, sequence());
        let source = source.unwrap();
        assert_eq!((source.objects.len(), source.vertices.len(), report.objects_in), (2, 16, 2));
        assert!(source.crs.unwrap().ends_with("7415"));
        assert_eq!(source.objects[1].faces.get(1).unwrap().outer(), [12, 13, 14, 15]);
        assert_eq!(source.vertices[12].x, 105.0);
    }
}

#[test]
fn a_bad_line_of_a_sequence_costs_that_line() {
    let bad = sequence().replace("\n\n", "\n{\"type\": \"CityJSONFeature\", oops}\n{\"type\": \"Feature\"}\n");
    let (source, report) = read_text("city.jsonl", &bad[..bad.len() - 20]);
    assert_eq!(source.unwrap().objects.len(), 1);
    assert_eq!((report.objects_in, report.objects_rejected), (4, 3));
    let told = &report.rejections["line is no CityJSONFeature"].examples;
    assert!(told[0].contains("city.jsonl: line 3, column 29") && told[1].contains("\"Feature\"") && told[2].contains("line 5"), "{told:?}");
    let headless = sequence().lines().nth(1).unwrap().to_owned();
    assert!(read_text("city.jsonl", headless).0.unwrap_err().to_string().contains("header line"));
}
