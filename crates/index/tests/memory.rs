//! A build holds no corpus: its memory does not grow with the text.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

use std::ops::ControlFlow;
use std::path::Path;

use wfgy_core::{Document, Metric, Section};
use wfgy_formats::{Origin, Place};
use wfgy_index::{AnnChoice, Chunk, Replace, build};

#[allow(dead_code, reason = "shared with the tests of the directory, which use all of it")]
#[path = "directory/words.rs"]
mod words;

/// Greatest resident set of this process so far, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn rule_memory_is_bounded_by_vectors_and_64_bytes_a_snippet_not_by_the_corpus() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = words::options(Metric::Cosine, AnnChoice::None);
    options.chunk = "s512/o0".parse::<Chunk>().unwrap();
    let embedder = words::WordEmbedder::new(8);
    let text = "millrace sluice gate and the wheel that turns. ".repeat(1 << 12);
    let run = |documents: usize, name: &str| {
        let corpus = (0..documents).map(|i| {
            let section =
                |s: usize| Section { section_id: s.to_string(), title: None, text: text.clone() };
            let sections = (0..4).map(section).collect();
            let document =
                Document { doc_id: i.to_string(), source_url: None, title: None, sections };
            Ok((document, Origin { file: Path::new("made").into(), place: Place::File }))
        });
        let go = &mut |_| ControlFlow::Continue(());
        build(corpus, &embedder, &options, &dir.path().join(name), Replace::Never, go).unwrap()
    };
    run(4, "small");
    let small = peak();
    // 150 MiB of text, where the first build had 3.
    let manifest = run(200, "large");
    let grown = (peak() - small) * 1024;
    let n = manifest.identity.n_snippets as usize;
    let bound = n * 8 * 4 + n * 64 + (32 << 20);
    assert!(grown < bound, "{grown} bytes for {n} snippets");
}
