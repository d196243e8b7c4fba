//! Restyling a million features: what the processor does of it, whole and in its parts. `cargo bench --profile dev --bench styling`.

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;
use yiping::model::styling::{Comparison, Condition, StyleRule};
use yiping::render::tiles::{AttributeColumn, CityStyling, StyledTile};
use yiping::tiles::FeatureTable;

const FEATURES: usize = 1_000_000;

fn column(value: impl Fn(usize) -> Value) -> AttributeColumn {
    AttributeColumn::of((0..FEATURES).map(|i| Some(value(i))))
}

fn rule(text: &str) -> StyleRule {
    toml::from_str(text).unwrap_or_else(|e| panic!("the benchmark's own rule: {e}"))
}

fn restyle(c: &mut Criterion) {
    let heights = column(|i| json!((i * 7919 % 2000) as f64 * 0.1));
    let uses = column(|i| json!(["residential", "office", "public", "industrial"][i * 104_729 % 4]));
    let by_height = rule("id = 'h'\nname = 'h'\nattribute = 'h'\nrange = [0, 150]");
    let by_use = rule("id = 'u'\nname = 'u'\nattribute = 'u'\n[[category]]\nvalues = ['office']\ncolour = '#5B8FD6'\nname = 'o'");
    let mut states = vec![[0u32; 2]; FEATURES];
    c.bench_function("a million by number", |b| b.iter(|| black_box(&heights).paint(&by_height, |i, tint| states[i][0] = tint)));
    c.bench_function("a million by category", |b| b.iter(|| black_box(&uses).paint(&by_use, |i, tint| states[i][0] = tint)));
    let tall = Condition { attribute: "h".into(), is: Comparison::AtLeast, value: json!(54) };
    c.bench_function("a million through a filter", |b| {
        b.iter(|| {
            states.iter_mut().for_each(|s| s[1] &= !0x1_0000);
            black_box(&heights).sift(&tall, |i| states[i][1] |= 0x1_0000);
        })
    });
    c.bench_function("a million to the buffer", |b| b.iter(|| black_box(bytemuck::cast_slice::<[u32; 2], u8>(&states).to_vec())));
}

/// Features of a tile as the tiler makes them, and so many tiles that a million stand in them.
const A_TILE: usize = 4_000;

fn tile(number: usize) -> StyledTile {
    let own = (number * A_TILE..(number + 1) * A_TILE).collect::<Vec<_>>();
    let table = json!({
        "height_m": own.iter().map(|i| (i * 7919 % 2000) as f64 * 0.1).collect::<Vec<_>>(),
        "use": own.iter().map(|i| ["residential", "office", "public", "industrial"][i * 104_729 % 4]).collect::<Vec<_>>(),
    });
    let features = FeatureTable::of_batch_table(A_TILE as u32, table.to_string().as_bytes(), &[])
        .unwrap_or_else(|e| panic!("the benchmark's own table: {e:?}"));
    // Every hundredth is no building.
    StyledTile::new(Arc::new(features), own.iter().map(|i| i % 100 != 0).collect())
}

/// What `CityStyling` does when a person chooses another style and filter: all of it but the write to the device.
fn whole(c: &mut Criterion) {
    let mut tiles: Vec<StyledTile> = (0..FEATURES / A_TILE).map(tile).collect();
    let mut states = vec![[0u32; 2]; FEATURES];
    let tall = Condition { attribute: "height_m".into(), is: Comparison::AtLeast, value: json!(54) };
    let by_height =
        CityStyling { rule: Some(rule("id = 'h'\nname = 'h'\nattribute = 'height_m'\nrange = [0, 150]")), ..CityStyling::default() };
    let by_use = rule("id = 'u'\nname = 'u'\nattribute = 'use'\n[[category]]\nvalues = ['office']\ncolour = '#5B8FD6'\nname = 'o'");
    let by_use = CityStyling { rule: Some(by_use), conditions: vec![tall], ..CityStyling::default() };
    let mut all = |styling: &CityStyling| {
        tiles.iter_mut().zip(states.chunks_mut(A_TILE)).for_each(|(tile, states)| tile.restyle(styling, states));
        black_box(states[FEATURES / 2])
    };
    let first = std::time::Instant::now();
    all(&by_use);
    println!("a million for the first time, their two attributes read (spread over frames on screens): {:.0?}", first.elapsed());
    all(&by_height);
    c.bench_function("a million from one style to another and back, with a filter", |b| {
        b.iter(|| (all(&by_height), all(&by_use)));
    });
}

criterion_group!(benches, restyle, whole);
criterion_main!(benches);
