//! The map in `src/lib.rs` can't lie: this reads every line of `src/` and fails with the sentence that was broken.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Floor of each module, as drawn in `src/lib.rs`.
const FLOORS: [(&str, u8); 16] = [
    ("geo", 0),
    ("model", 1),
    ("ogc", 1),
    ("city", 2),
    ("tiles", 2),
    ("feeds", 2),
    ("heat", 2),
    ("store", 2),
    ("history", 2),
    ("link", 2),
    ("analysis", 3),
    ("hub", 3),
    ("render", 3),
    ("screen", 4),
    ("cli", 5),
    ("main", 5),
];

/// A sentence about what is absent: in these modules, none of these words stands in the code.
struct Absent {
    sentence: &'static str,
    modules: &'static [&'static str],
    words: &'static [&'static str],
}

const ABSENT: [Absent; 4] = [
    Absent {
        sentence: "`geo` to `link`, `hub` and `analysis` never import Bevy",
        modules: &["geo", "model", "ogc", "city", "tiles", "feeds", "heat", "store", "history", "link", "hub", "analysis"],
        words: &["bevy", "bevy_egui", "wgpu"],
    },
    Absent {
        sentence: "`render` never opens a socket or a file",
        modules: &["render"],
        words: &["std::fs", "std::net", "File::open", "tokio", "reqwest", "axum", "tokio_tungstenite"],
    },
    Absent {
        sentence: "`model` and `geo` never do I/O and never ask for the time",
        modules: &["model", "geo"],
        words: &[
            "std::fs",
            "std::net",
            "File::open",
            "std::env",
            "tokio",
            "reqwest",
            "Utc::now",
            "Local::now",
            "Instant::now",
            "SystemTime",
        ],
    },
    Absent {
        sentence: "tokio lives in `hub`, `feeds`, `link` and `tiles` (and its channels in `store` and `history`); never elsewhere",
        modules: &["geo", "model", "ogc", "city", "heat", "render", "screen", "analysis", "main"],
        words: &["tokio", "tokio_stream"],
    },
];

/// One thing wrong, in words.
#[derive(Debug, PartialEq)]
struct Broken {
    place: String,
    sentence: String,
}

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// The code of a file line by line: comments, strings and everything under a `#[cfg(test)]` at the left edge are blanked out.
fn code_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut in_test = false;
    for line in text.lines() {
        if line == "#[cfg(test)]" {
            in_test = true;
        }
        lines.push(if in_test { String::new() } else { without_comment_and_strings(line) });
        // `mod tests;` and `use x;` end at once, a block at the brace that stands at the left edge as well.
        if in_test
            && line != "#[cfg(test)]"
            && !line.starts_with("#[")
            && (line.starts_with('}') || line.ends_with(';') && !line.starts_with(' '))
        {
            in_test = false;
        }
    }
    lines
}

fn without_comment_and_strings(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    let mut in_string = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_string => drop(chars.next()),
            '\'' if !in_string && chars.peek() == Some(&'"') => drop(chars.next()),
            '"' => in_string = !in_string,
            _ if in_string => {}
            '/' if chars.peek() == Some(&'/') => break,
            _ => out.push(c),
        }
    }
    out
}

/// Whether `word` stands in `code` as a whole path segment or path.
fn says(code: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(part_of_name);
        let after = code[at + word.len()..].chars().next().is_some_and(part_of_name);
        !before && !after
    })
}

/// Modules named as `crate::x`, also in `use crate::{a::B, c}`. Looks at the whole text, since a `use` may take several lines.
fn used_modules(code: &[String]) -> Vec<(usize, String)> {
    let text = code.join("\n");
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let line = text[..at].matches('\n').count() + 1;
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(heads(group).into_iter().map(|head| (line, head))),
            None => found.push((line, name_at(rest))),
        }
    }
    found
}

/// First names of the members of a `{...}` group: `a::B, c::{D, E}}` gives `a`, `c`.
fn heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut fresh) = (0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && (c.is_alphabetic() || c == '_') => {
                heads.push(name_at(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    heads
}

fn name_at(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// What is wrong in one file of `module`.
fn check(module: &str, file: &str, text: &str) -> Vec<Broken> {
    let code = code_lines(text);
    let mut broken = Vec::new();
    let mine = floor(module).unwrap_or(u8::MAX);
    for (line, used) in used_modules(&code) {
        let Some(theirs) = floor(&used) else { continue };
        if used != module && theirs >= mine && module != "main" {
            let sentence = if theirs == mine {
                format!("modules on one floor don't know each other: `{module}` uses `{used}`, both on floor {mine}")
            } else {
                format!("a module uses only floors below its own: `{module}` (floor {mine}) uses `{used}` (floor {theirs})")
            };
            broken.push(Broken { place: format!("{file}:{line}"), sentence });
        }
    }
    for rule in ABSENT.iter().filter(|r| r.modules.contains(&module)) {
        for (i, line) in code.iter().enumerate() {
            for word in rule.words.iter().filter(|word| says(line, word)) {
                broken.push(Broken { place: format!("{file}:{}", i + 1), sentence: format!("{}: here stands `{word}`", rule.sentence) });
            }
        }
    }
    broken
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, out);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            out.push(entry);
        }
    }
    out.sort();
}

/// Files of `src/` with the module each belongs to; `lib.rs` is the map itself.
fn files() -> Vec<(String, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    let read = |path: PathBuf| {
        let relative = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        let module = relative.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        (module, format!("src/{relative}"), std::fs::read_to_string(path).unwrap())
    };
    found.into_iter().map(read).filter(|(module, _, _)| module != "lib").collect()
}

/// Test files that a `#[cfg(test)] mod x;` brings in are tests, not the module.
fn is_test_file(file: &str, all: &[(String, String, String)]) -> bool {
    let path = Path::new(file);
    let (Some(stem), Some(dir)) = (path.file_stem().and_then(|s| s.to_str()), path.parent()) else { return false };
    let parents = [dir.join("mod.rs"), dir.with_extension("rs")];
    let brings = format!("mod {stem};");
    all.iter().filter(|(_, f, _)| parents.iter().any(|p| Path::new(f) == p)).any(|(_, _, text)| {
        let mut lines = text.lines().peekable();
        std::iter::from_fn(|| lines.next().map(|l| (l, lines.peek().copied().unwrap_or_default())))
            .any(|(line, next)| line.trim() == "#[cfg(test)]" && (next.ends_with(&brings)))
    })
}

#[test]
fn every_module_uses_only_floors_below_its_own_and_what_should_be_absent_is() {
    let files = files();
    assert!(files.len() > 100, "only {} source files were found", files.len());
    let broken: Vec<Broken> = files
        .iter()
        .filter(|(_, file, _)| !is_test_file(file, &files))
        .flat_map(|(module, file, text)| check(module, file, text))
        .collect();
    let words: Vec<String> = broken.iter().map(|b| format!("{}: {}", b.place, b.sentence)).collect();
    assert!(broken.is_empty(), "the map in src/lib.rs is broken:\n{}", words.join("\n"));
}

#[test]
fn every_module_stands_on_the_map_and_every_name_of_the_map_is_a_module() {
    let files = files();
    let there: BTreeSet<&str> = files.iter().map(|(module, _, _)| module.as_str()).collect();
    let drawn: BTreeSet<&str> = FLOORS.iter().map(|(module, _)| *module).collect();
    assert_eq!(there, drawn, "src/ and the floors of this test differ: draw the module into src/lib.rs and FLOORS");
    let map = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for (module, floor) in FLOORS.iter().filter(|(m, _)| *m != "main") {
        let line =
            map.lines().find(|l| l.starts_with(&format!("//! {floor} "))).unwrap_or_else(|| panic!("src/lib.rs draws no floor {floor}"));
        assert!(line.contains(&format!("{module}/")), "src/lib.rs does not draw `{module}` on floor {floor}");
    }
}

#[test]
fn offending_lines_are_found_and_harmless_ones_are_not() {
    let sentences = |module: &str, text: &str| -> Vec<String> { check(module, "src/x.rs", text).into_iter().map(|b| b.sentence).collect() };
    let upward = "a module uses only floors below its own: `model` (floor 1) uses `hub` (floor 3)";
    assert_eq!(sentences("model", "use crate::hub::Hub;\n"), [upward]);
    let beside = "modules on one floor don't know each other: `city` uses `tiles`, both on floor 2";
    assert_eq!(sentences("city", "fn f() {\n    crate::tiles::pick();\n}\n"), [beside]);
    assert_eq!(check("city", "src/x.rs", "fn f() {\n    crate::tiles::pick();\n}\n")[0].place, "src/x.rs:2");
    let group = "use crate::{\n    geo::{Geodetic, Crs},\n    store::Embedded,\n};\n";
    assert_eq!(sentences("tiles", group), ["modules on one floor don't know each other: `tiles` uses `store`, both on floor 2"]);
    assert_eq!(
        sentences("model", "let now = Utc::now();"),
        ["`model` and `geo` never do I/O and never ask for the time: here stands `Utc::now`"]
    );
    assert_eq!(sentences("render", "let s = std::fs::read(path);").len(), 1);
    assert_eq!(sentences("link", "use bevy::prelude::*;").len(), 1);
    assert_eq!(sentences("screen", "tokio::spawn(x);").len(), 1);
    assert_eq!(sentences("geo", "pub use self::crs::Crs; // crate::hub uses it\nlet s = \"crate::hub\";\n"), [""; 0]);
    assert_eq!(sentences("hub", "use crate::model::protocol::Role;\nuse tokio::sync::watch;\n"), [""; 0]);
    assert_eq!(sentences("render", "struct Tokio;\nlet mytokio = 1;\n"), [""; 0]);
    let tests = "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use crate::hub::Hub;\n}\n\nuse crate::store::Store;\n";
    assert_eq!(sentences("geo", tests), ["a module uses only floors below its own: `geo` (floor 0) uses `store` (floor 2)"]);
}

/// Long files are said, not forbidden: some tables are long for good reasons.
#[test]
fn long_files_are_said() {
    const LINES: usize = 400;
    let files = files();
    for (_, file, text) in &files {
        let lines = text.lines().count();
        if lines > LINES {
            eprintln!("warning: {file} has {lines} lines; {LINES} are a good limit");
        }
    }
    let longest = files.iter().map(|(_, _, text)| text.lines().count()).max();
    assert!(longest.is_some_and(|n| n < 3 * LINES), "a file of {longest:?} lines is several files");
}
