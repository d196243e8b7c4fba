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
    assert!(
        kept == text,
        "{} is not what this program does now; `YIPING_BLESS=1 cargo test --test page` writes it anew, then `npm --prefix web test` says what \
         the page has to follow",
        file.display()
    );
}
