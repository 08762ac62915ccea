//! A build holds vectors and places of snippets, not the corpus: shown under a limit on memory.

mod support;

use std::fs::File;
use std::io::Write;

use support::{INDEX_BUILD, Ran, World};

/// MiB of text, far more than the limit.
const TEXT: usize = 256;
/// MiB that the program may take, its vectors (80 rows) and its threads included.
const LIMIT: usize = 160;

/// Beside vectors and places, a build may hold 512 MiB: texts of 4 MiB keep far below it.
#[test]
fn rule_a_corpus_greater_than_the_memory_of_a_build_is_streamed() {
    let world = World::new();
    let file = File::create(world.path("corpus.jsonl.gz")).expect("a file");
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let text =
        "Open the sluice gate before the wheel turns, and close it at night. ".repeat(61_680);
    for document in 0..TEXT / 4 {
        writeln!(gzip, r#"{{"doc_id": "{document}", "text": "{text}"}}"#).expect("a line");
    }
    gzip.finish().expect("a whole file");
    let build = ["--input", "corpus.jsonl.gz", "--out", "docs", "--embedder", "static"];
    let build = [&build[..], &["--chunk", "none", "--ann", "none", "--threads", "2"]].concat();
    let within = |mib: usize| {
        let mut command = world.command("bash");
        command.args(["-c", r#"ulimit -d "$0" && exec "$@""#]).arg((mib << 10).to_string());
        Ran::of(command.arg(INDEX_BUILD).args(&build))
    };
    within(LIMIT).success();
    world.run(INDEX_BUILD, &["verify", "docs"]).success();
}
