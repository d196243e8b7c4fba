//! Restyling a million features: what the processor does of it. `cargo bench --bench styling`.

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use std::hint::black_box;
use yiping::model::styling::{Comparison, Condition, StyleRule};
use yiping::render::tiles::AttributeColumn;

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

criterion_group!(benches, restyle);
criterion_main!(benches);
