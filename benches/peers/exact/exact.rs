//! Times exact search for `compare.py`, which asks it in turn with its peer.
//!
//! `exact ROWS QUERIES DIM K` maps two files of little-endian f32 rows, then answers each line
//! of its input with one line, seconds of the wall clock and of all threads' processor time:
//!
//! | line | what it times |
//! | --- | --- |
//! | `pack PATH` | packing the rows |
//! | `search PATH Q` | searching the first Q queries in rows packed before |
//! | `sweep PATH Q` | packing and searching |
//! | `read` | reading the rows once from memory |
//! | `hits PATH Q` | nothing: `row:score` of every hit, queries separated by `;` |

use std::io::{BufRead, Write};
use std::time::Instant;

use rayon::prelude::*;
use rustix::time::{ClockId, clock_gettime};
use wfgy_kernel::{Isa, MappedFile, Packed, Scored, Similarity, sweep};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rows, queries, dim, k] = arguments.as_slice() else {
        panic!("exact ROWS QUERIES DIM K");
    };
    let (rows, queries) = (MappedFile::open(rows), MappedFile::open(queries));
    let (rows, queries) = (rows.expect("rows"), queries.expect("queries"));
    let rows = rows.f32_from(0).expect("rows of f32");
    let queries = queries.f32_from(0).expect("queries of f32");
    let (dim, k): (usize, usize) = (dim.parse().expect("DIM"), k.parse().expect("K"));
    let packed = Packed::new(Isa::active(), rows, dim);
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let words: Vec<&str> = line.split_whitespace().collect();
        let isa = words.get(1).map(|path| path.parse::<Isa>().expect("a path"));
        let isa = isa.unwrap_or_else(Isa::active);
        isa.select().expect("a path of this processor");
        let asked = words.get(2).map_or(0, |q| q.parse::<usize>().expect("Q"));
        let asked = &queries[..asked * dim];
        let answer = match words[0] {
            "pack" => timed(|| Packed::new(isa, rows, dim)),
            "search" => timed(|| packed.search(isa, Similarity::Cosine, rows, asked, k)),
            "sweep" => timed(|| sweep(Similarity::Cosine, rows, asked, dim, k)),
            "read" => timed(|| {
                let bits = |part: &[f32]| part.iter().fold(0, |sum, x| sum ^ x.to_bits());
                rows.par_chunks(1 << 16).map(bits).reduce(|| 0, |a, b| a ^ b)
            }),
            "hits" => {
                let found = packed.search(isa, Similarity::Cosine, rows, asked, k);
                let line = |hits: &Vec<Scored>| {
                    let hits = hits.iter().map(|hit| format!("{}:{}", hit.row, hit.score));
                    hits.collect::<Vec<_>>().join(",")
                };
                found.iter().map(line).collect::<Vec<_>>().join(";")
            }
            _ => panic!("no such line: {line}"),
        };
        println!("{answer}");
        std::io::stdout().flush().expect("a reader");
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> String {
    let (start, used) = (Instant::now(), processor_seconds());
    let result = std::hint::black_box(work());
    let taken = (start.elapsed().as_secs_f64(), processor_seconds() - used);
    drop(result);
    format!("{} {}", taken.0, taken.1)
}

/// Of all threads of this process.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
