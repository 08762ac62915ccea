//! This project's side of `compare.py`: `embed MODEL|static PATH THREADS TEXTS`.
//!
//! TEXTS is a JSON array of strings, PATH a kernel path. Then, for every line
//! on stdin: `round` embeds all texts and prints the seconds that took,
//! `vectors FILE` also writes the vectors as little-endian f32.

use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

use wfgy_core::{Deadline, Embedder};
use wfgy_embed::{BertEmbedder, BertOptions, StaticEmbedder};
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
    let embedder: Box<dyn Embedder> = match model.as_str() {
        "static" => Box::new(StaticEmbedder::new()?),
        folder => Box::new(BertEmbedder::open(Path::new(folder), &BertOptions::default())?),
    };
    let texts: Vec<String> = serde_json::from_slice(&std::fs::read(texts)?)?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let start = Instant::now();
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
