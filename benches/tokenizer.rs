//! What cutting texts into tokens takes: `cargo bench -p wfgy-embed --bench tokenizer`.

#![allow(clippy::unwrap_used, reason = "a benchmark ends at its first failure")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value;
use wfgy_core::Tokenizer;
use wfgy_embed::built_in_tokenizer;

/// Every text under a key of that name, anywhere in a file of `gold/`.
fn texts(file: &str, keys: &[&str]) -> Vec<String> {
    fn gather(value: &Value, keys: &[&str], under: bool, texts: &mut Vec<String>) {
        match value {
            Value::String(text) if under => texts.push(text.clone()),
            Value::Array(values) => values.iter().for_each(|v| gather(v, keys, under, texts)),
            Value::Object(fields) => fields
                .iter()
                .for_each(|(key, v)| gather(v, keys, keys.contains(&key.as_str()), texts)),
            _ => {}
        }
    }
    let path = format!("{}/../../gold/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    let value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    gather(&value, keys, false, &mut texts);
    texts
}

/// One thread over all texts: ids alone, as embedders take them, and ids with their places in the
/// text, as chunking and coverage take them.
fn tokens(c: &mut Criterion) {
    let tokenizer = built_in_tokenizer().unwrap();
    let work = [
        ("questions", texts("gold_40.json", &["question", "paraphrases"])),
        ("passages", texts("corpus_vB.json", &["text"])),
    ];
    let mut group = c.benchmark_group("tokens");
    group.sample_size(20);
    for (name, texts) in &work {
        let count = |text: &String| tokenizer.ids(text).unwrap().len();
        group.throughput(Throughput::Elements(texts.iter().map(count).sum::<usize>() as u64));
        group.bench_function(BenchmarkId::new("ids", name), |bench| {
            bench.iter(|| texts.iter().map(count).sum::<usize>());
        });
        group.bench_function(BenchmarkId::new("with_offsets", name), |bench| {
            let count = |text: &String| tokenizer.encode(text).unwrap().spans.len();
            bench.iter(|| texts.iter().map(count).sum::<usize>());
        });
    }
    group.finish();
}

criterion_group!(benches, tokens);
criterion_main!(benches);
