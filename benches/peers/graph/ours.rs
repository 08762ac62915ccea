//! Our side of the graph comparison, driven by `run.py` line by line.
//!
//! `BASE.npy QUERIES.npy [KERNEL]` are arguments; commands come in on standard input and are answered by one
//! line each: `build KIND` (`hnsw` or `hnsw_rs`) gives seconds of wall clock and of processor, `query EF`
//! the same for one pass over all queries and then the ten rows found for each.

#![allow(clippy::unwrap_used, reason = "a benchmark ends at its first failure")]

use std::io::{BufRead, Write};
use std::ops::ControlFlow;
use std::time::Instant;

use rayon::prelude::*;
use rustix::time::{ClockId, clock_gettime};
use wfgy_core::Metric;
use wfgy_formats::npy;
use wfgy_index::graph::{Hnsw, Rows, link};
use wfgy_index::{AnnKind, HnswParams};
use wfgy_kernel::{Isa, MappedFile};

const K: usize = 10;

/// Seconds of processor time of this process.
fn processor() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn main() {
    // `cargo bench` adds a flag of its own.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let [base, queries, kernel @ ..] = args.as_slice() else {
        eprintln!("skipped: run benches/peers/graph/run.py");
        return;
    };
    if let Some(kernel) = kernel.first() {
        kernel.parse::<Isa>().unwrap().select().unwrap();
    }
    let (base, queries) = (npy::read(base).unwrap(), npy::read(queries).unwrap());
    let (values, dim) = (base.values.as_slice(), base.columns);
    let rows = Rows { metric: Metric::Cosine, values, dim };
    let threads = std::thread::available_parallelism().unwrap().get();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let mut graph = None;
    println!("{}", Isa::active());
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (wall, cpu) = (Instant::now(), processor());
        if let Some(kind) = line.strip_prefix("build ") {
            let kind =
                [AnnKind::Hnsw, AnnKind::HnswRs].into_iter().find(|k| k.name() == kind).unwrap();
            let go = &mut |_| ControlFlow::Continue(());
            let links = pool.install(|| {
                link(kind, HnswParams::default(), Metric::Cosine, values, dim, go).unwrap()
            });
            println!("{} {}", wall.elapsed().as_secs_f64(), processor() - cpu);
            let file = std::env::temp_dir().join(format!("wfgy-graph-{}", std::process::id()));
            links
                .write(&mut std::fs::File::create(&file).map(std::io::BufWriter::new).unwrap())
                .unwrap();
            let opened = Hnsw::open(MappedFile::open(&file).unwrap(), base.rows).unwrap();
            std::fs::remove_file(&file).unwrap();
            // Codes are made once a process, at the first search.
            opened.search(rows, &queries.values[..dim], K, K).unwrap();
            graph = Some(opened);
            continue;
        }
        let ef: usize = line.strip_prefix("query ").unwrap().parse().unwrap();
        let graph = graph.as_ref().unwrap();
        let found: Vec<Vec<u32>> = pool.install(|| {
            let each = queries.values.par_chunks_exact(dim).with_min_len(16);
            let ask = |query| graph.search(rows, query, K, ef).unwrap();
            each.map(|query| ask(query).into_iter().map(|hit| hit.row).collect()).collect()
        });
        let mut out = format!("{} {}", wall.elapsed().as_secs_f64(), processor() - cpu);
        for row in found.into_iter().flatten() {
            out.push_str(&format!(" {row}"));
        }
        println!("{out}");
        std::io::stdout().flush().unwrap();
    }
}
