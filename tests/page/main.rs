//! What the phone's page (`web/`) has of its own is held to what this program does: each answer here is written into `web/test/fixtures`,
//! and the page's tests ask the page for the same. `YIPING_BLESS=1 cargo test --test page` writes them anew; then `npm --prefix web test`
//! says where the page has to follow.

mod heat;
mod lifecycle;

use serde_json::Value;
use std::path::Path;

/// Compares with the page's copy, or writes it when blessing.
fn hold(name: &str, now: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/test/fixtures").join(name);
    let text = serde_json::to_string_pretty(now).unwrap() + "\n";
    if std::env::var_os("YIPING_BLESS").is_some() {
        std::fs::write(&file, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let is_kept = serde_json::from_str::<Value>(&kept).is_ok_and(|kept| same(&kept, now));
    assert!(
        is_kept,
        "{} is not what this program does now; `YIPING_BLESS=1 cargo test --test page` writes it anew, then `npm --prefix web test` says what \
         the page has to follow",
        file.display()
    );
}

/// Whether two answers are the same but for the last digit of a number: fields are computed with the vectors that the processor has.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b))),
        (Value::Number(a), Value::Number(b)) => a == b || close(a.as_f64(), b.as_f64(), 2e-6),
        (Value::String(a), Value::String(b)) => a == b || same_rows(a, b),
        _ => a == b,
    }
}

/// Rows of texels, four digits each.
fn same_rows(a: &str, b: &str) -> bool {
    let numbers = |row: &str| row.split(' ').map(|n| n.parse().ok()).collect::<Vec<Option<f64>>>();
    let (a, b) = (numbers(a), numbers(b));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| close(*a, *b, 2e-4))
}

fn close(a: Option<f64>, b: Option<f64>, by: f64) -> bool {
    a.zip(b).is_some_and(|(a, b)| (a - b).abs() <= by)
}

#[test]
fn a_last_digit_may_differ_and_nothing_else() {
    let of = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let kept = of(r#"{"at": [1.5, "0.1234 1.0000"], "name": "idw"}"#);
    assert!(same(&kept, &of(r#"{"at": [1.500001, "0.1235 1.0000"], "name": "idw"}"#)));
    for other in [
        r#"{"at": [1.50001, "0.1234 1.0000"], "name": "idw"}"#,
        r#"{"at": [1.5, "0.1244 1.0000"], "name": "idw"}"#,
        r#"{"at": [1.5, "0.1234"], "name": "idw"}"#,
        r#"{"at": [1.5], "name": "idw"}"#,
        r#"{"at": [1.5, "0.1234 1.0000"], "name": "id"}"#,
        r#"{"at": [1.5, "0.1234 1.0000"]}"#,
    ] {
        assert!(!same(&kept, &of(other)), "{other}");
    }
}
