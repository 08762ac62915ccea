//! This project's side of `compare.py`: `embed MODEL|static PATH THREADS TEXTS`.
//!
//! TEXTS is a JSON array of strings, PATH a kernel path. Then, for every line
//! on stdin: `embed` embeds all texts and prints the seconds that took,
//! `vectors FILE` also writes the vectors as little-endian f32, `tokens` only
//! makes the ids that an embedding begins with.

use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use wfgy_core::{Deadline, Embedder};
use wfgy_embed::{
    BertEmbedder, BertOptions, StaticEmbedder, WordPieceTokenizer, built_in_tokenizer,
};
use wfgy_kernel::Isa;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [model, path, threads, texts] = &arguments[..] else {
        // `cargo bench` runs every bench without arguments.
        eprintln!("usage: embed MODEL|static PATH THREADS TEXTS");
        return Ok(());
    };
    path.parse::<Isa>()?.select()?;
    rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build_global()?;
    let (embedder, tokenizer): (Box<dyn Embedder>, _) = match model.as_str() {
        "static" => (Box::new(StaticEmbedder::new()?), built_in_tokenizer()?),
        folder => {
            let folder = Path::new(folder);
            let tokenizer = WordPieceTokenizer::open(&folder.join("tokenizer.json"), "minilm")?;
            (Box::new(BertEmbedder::open(folder, &BertOptions::default())?), tokenizer)
        }
    };
    let texts: Vec<String> = serde_json::from_slice(&std::fs::read(texts)?)?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let start = Instant::now();
        if line == "tokens" {
            let made: Result<Vec<_>, _> =
                texts.par_iter().map(|text| tokenizer.ids(text)).collect();
            let seconds = start.elapsed().as_secs_f64();
            made?;
            println!("{seconds}");
            continue;
        }
        let made = embedder.embed(&texts, Deadline::NONE)?;
        let seconds = start.elapsed().as_secs_f64();
        if let Some(file) = line.strip_prefix("vectors ") {
            let bytes: Vec<u8> = made.values.iter().flat_map(|x| x.to_le_bytes()).collect();
            std::fs::write(file, bytes)?;
        }
        println!("{seconds}");
    }
    Ok(())
}
