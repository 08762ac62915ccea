use super::nodes::Nodes;
use super::*;
use wfgy_kernel::{MappedFile, Similarity, norm_f64, sweep};

fn random(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut state = seed | 1;
    (0..n * dim)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

fn unit(mut vectors: Vec<f32>, dim: usize) -> Vec<f32> {
    for row in vectors.chunks_exact_mut(dim) {
        let norm = norm_f64(row) as f32;
        row.iter_mut().for_each(|x| *x /= norm);
    }
    vectors
}

/// Norms spread over four octaves, so that inner product, angle and distance disagree.
fn spread(mut vectors: Vec<f32>, dim: usize) -> Vec<f32> {
    for (i, row) in vectors.chunks_exact_mut(dim).enumerate() {
        row.iter_mut().for_each(|x| *x *= 0.25 * 2f32.powi((i % 5) as i32));
    }
    vectors
}

const KINDS: [AnnKind; 2] = [AnnKind::Hnsw, AnnKind::HnswRs];

fn linked(kind: AnnKind, metric: Metric, vectors: &[f32], dim: usize) -> Links {
    let go = &mut |_| ControlFlow::Continue(());
    link(kind, HnswParams::default(), metric, vectors, dim, go).unwrap()
}

fn bytes(links: &Links) -> Vec<u8> {
    let mut bytes = Vec::new();
    links.write(&mut bytes).unwrap();
    bytes
}

fn open(bytes: &[u8], n: usize) -> Result<Hnsw, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Hnsw::open(MappedFile::open(file.path()).unwrap(), n)
}

fn positions(graph: &Hnsw, rows: Rows<'_>, query: &[f32], ef: usize) -> Vec<u32> {
    let found = graph.walk(rows, query, ef).unwrap().found;
    found.into_iter().map(|candidate| candidate.row).collect()
}

#[test]
fn the_graph_keeps_what_the_sweep_finds_under_every_metric() {
    let dim = 16;
    let (vectors, queries) = (random(3000, dim, 5), random(40, dim, 77));
    let metrics = [
        (Metric::Cosine, Similarity::Cosine, unit(vectors.clone(), dim)),
        (Metric::Dot, Similarity::Dot, spread(vectors.clone(), dim)),
        (Metric::L2, Similarity::NegativeSquaredL2, spread(vectors, dim)),
    ];
    for kind in KINDS {
        for (metric, similarity, vectors) in &metrics {
            let graph = open(&bytes(&linked(kind, *metric, vectors, dim)), 3000).unwrap();
            let rows = Rows { metric: *metric, values: vectors, dim };
            let mut found = 0;
            for query in queries.chunks_exact(dim) {
                let kept = positions(&graph, rows, query, 128);
                let exact = sweep(*similarity, vectors, query, dim, 10);
                found += exact[0].iter().filter(|hit| kept.contains(&hit.row)).count();
            }
            assert!(found >= 390, "{kind:?} {metric:?}: {found} of 400");
        }
    }
}

#[test]
fn closeness_is_within_its_error_of_the_exact_value_and_falls() {
    let dim = 24;
    let vectors = spread(random(500, dim, 15), dim);
    for metric in [Metric::Cosine, Metric::Dot, Metric::L2] {
        let stored =
            if metric == Metric::Cosine { unit(vectors.clone(), dim) } else { vectors.clone() };
        let graph = open(&bytes(&linked(AnnKind::Hnsw, metric, &stored, dim)), 500).unwrap();
        let rows = Rows { metric, values: &stored, dim };
        for query in random(10, dim, 4).chunks_exact(dim) {
            let candidates = graph.walk(rows, query, 500).unwrap();
            assert_eq!(candidates.found.len(), 500);
            assert!(candidates.found.is_sorted_by(|a, b| a.closeness >= b.closeness));
            for candidate in candidates.found {
                let row = &stored[candidate.row as usize * dim..][..dim];
                let exact = match metric {
                    // Up to |q|² / 2, which all have in common.
                    Metric::L2 => wfgy_kernel::dot_f64(query, row) - 0.5 * norm_f64(row).powi(2),
                    _ => wfgy_kernel::dot_f64(query, row),
                };
                let off = (candidate.closeness - exact).abs();
                assert!(off <= candidates.error, "{metric:?}: {off} > {}", candidates.error);
            }
        }
    }
}

#[test]
fn rule_the_graph_has_the_same_bytes_on_any_thread_count_and_kernel_path() {
    let dim = 40;
    let vectors = unit(random(1500, dim, 9), dim);
    for kind in KINDS {
        let graph = bytes(&linked(kind, Metric::Cosine, &vectors, dim));
        for threads in [1, 3, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let again = pool.install(|| bytes(&linked(kind, Metric::Cosine, &vectors, dim)));
            assert!(graph == again, "{kind:?} on {threads} threads");
        }
    }
    let nodes = || Nodes::new(1500, 16, 0);
    let on = |isa: Isa| {
        let space = Space::new(isa, Metric::Cosine, &vectors, dim, &nodes().order).unwrap();
        let go = &mut |_| ControlFlow::Continue(());
        batch::link(&space, nodes(), HnswParams::default(), go).unwrap()
    };
    for isa in Isa::available() {
        assert!(on(isa) == on(Isa::Portable), "{isa}");
    }
}

#[test]
fn seeds_give_graphs_of_their_own() {
    let dim = 12;
    let vectors = unit(random(600, dim, 2), dim);
    for kind in KINDS {
        let of = |seed: u64| {
            let params = HnswParams { seed, ..Default::default() };
            let go = &mut |_| ControlFlow::Continue(());
            bytes(&link(kind, params, Metric::Cosine, &vectors, dim, go).unwrap())
        };
        assert_eq!(of(7), of(7), "{kind:?}");
        assert_ne!(of(7), of(8), "{kind:?}");
    }
}

#[test]
fn every_snippet_can_be_found_also_among_equal_vectors() {
    let dim = 8;
    let mut vectors = unit(random(60, dim, 3), dim);
    // Far more copies than a node has links.
    for i in 0..4 {
        let row = vectors[i * dim..(i + 1) * dim].to_vec();
        vectors.extend(row.iter().copied().cycle().take(dim * 150));
    }
    let n = vectors.len() / dim;
    for kind in KINDS {
        let graph = open(&bytes(&linked(kind, Metric::Cosine, &vectors, dim)), n).unwrap();
        let rows = Rows { metric: Metric::Cosine, values: &vectors, dim };
        let mut found = positions(&graph, rows, &vectors[..dim], n);
        found.sort_unstable();
        assert!(found.into_iter().eq(0..n as u32), "{kind:?}");
    }
}

#[test]
fn tiny_graphs_and_the_fewest_and_most_links_work() {
    let vectors = unit(random(300, 4, 21), 4);
    let rows = Rows { metric: Metric::Cosine, values: &vectors, dim: 4 };
    for kind in KINDS {
        for n in [1, 2, 3, 17] {
            let links = linked(kind, Metric::Cosine, &vectors[..4 * n], 4);
            let graph = open(&bytes(&links), n).unwrap();
            let rows = Rows { values: &vectors[..4 * n], ..rows };
            assert_eq!(positions(&graph, rows, &[1.0, 0.0, 0.0, 0.0], n).len(), n);
        }
        for m in [2, 256] {
            let params = HnswParams { m, ef_construction: 256, ef: 10, seed: 0 };
            let go = &mut |_| ControlFlow::Continue(());
            let links = link(kind, params, Metric::Cosine, &vectors, 4, go).unwrap();
            let graph = open(&bytes(&links), 300).unwrap();
            assert_eq!(positions(&graph, rows, &vectors[..4], 300).len(), 300, "{kind:?} m = {m}");
        }
    }
}

#[test]
fn vectors_too_large_for_a_distance_are_refused_and_interruption_is_heard() {
    let huge = [1e20f32, 0.0, 1.0, 1.0];
    for kind in KINDS {
        for metric in [Metric::Dot, Metric::L2] {
            let go = &mut |_| ControlFlow::Continue(());
            let error = link(kind, HnswParams::default(), metric, &huge, 2, go).unwrap_err();
            assert!(error.to_string().contains("--ann none"), "{error}");
        }
        let stop = &mut |_| ControlFlow::Break(());
        let vectors = [1.0, 0.0, 0.0, 1.0];
        let stopped = link(kind, HnswParams::default(), Metric::Cosine, &vectors, 2, stop);
        assert!(matches!(stopped, Err(LinkError::Interrupted)));
    }
}

#[test]
fn a_damaged_graph_file_is_an_error_and_never_a_panic() {
    let vectors = unit(random(40, 4, 2), 4);
    let params = HnswParams { m: 4, ..Default::default() };
    let go = &mut |_| ControlFlow::Continue(());
    let links = link(AnnKind::Hnsw, params, Metric::Cosine, &vectors, 4, go).unwrap();
    let whole = bytes(&links);
    assert!(open(&whole, 40).is_ok());
    assert!(open(&whole, 41).is_err());
    for end in 0..whole.len() {
        assert!(open(&whole[..end], 40).is_err(), "{end}");
    }
    assert!(open(&[whole.as_slice(), &[0]].concat(), 40).is_err());
    let rows = Rows { metric: Metric::Cosine, values: &vectors, dim: 4 };
    for at in 0..whole.len() {
        for bit in [0x01, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= bit;
            if let Ok(graph) = open(&changed, 40) {
                assert!(positions(&graph, rows, &vectors[..4], 10).len() <= 10);
            }
        }
    }
}

#[test]
fn parameters_out_of_range_are_named() {
    let good = HnswParams::default();
    assert!(good.check().is_ok());
    for (bad, name) in [
        (HnswParams { m: 1, ..good }, "m = 1"),
        (HnswParams { m: 257, ..good }, "m = 257"),
        (HnswParams { ef_construction: 15, ..good }, "ef-construction = 15: expected 16"),
        (HnswParams { ef: 0, ..good }, "ef = 0"),
        (HnswParams { ef: 70_000, ..good }, "ef = 70000"),
    ] {
        assert!(bad.check().unwrap_err().to_string().starts_with(name));
    }
}
