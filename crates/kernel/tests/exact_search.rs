//! Exact search against a reference that scores every row in f64, on every path of this
//! processor.

use wfgy_kernel::{Isa, Packed, Scored, Similarity, round9, sweep};

const SIMILARITIES: [Similarity; 3] =
    [Similarity::Dot, Similarity::Cosine, Similarity::NegativeSquaredL2];

/// Values in [−1, 1) from a literal seed.
fn matrix(n: usize, dim: usize, seed: u64) -> Vec<f32> {
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

fn reference(s: Similarity, rows: &[f32], query: &[f32], dim: usize, k: usize) -> Vec<Scored> {
    let score = |row: &[f32]| round9(s.score(query, row));
    let rows = rows.chunks(dim).enumerate();
    let mut all: Vec<Scored> =
        rows.map(|(i, row)| Scored { row: i as u32, score: score(row) }).collect();
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
    all.truncate(k);
    all
}

/// Every path, every similarity: the hits and scores of the reference, bit for bit.
fn check(what: &str, rows: &[f32], queries: &[f32], dim: usize, k: usize) {
    for s in SIMILARITIES {
        let expected: Vec<Vec<Scored>> =
            queries.chunks(dim).map(|query| reference(s, rows, query, dim, k)).collect();
        for isa in Isa::available() {
            let packed = Packed::new(isa, rows, dim);
            let found = packed.search(isa, s, rows, queries, k);
            assert_eq!(found, expected, "{what}: {s:?} on {isa}, dim {dim}, k {k}");
        }
    }
}

#[test]
fn hits_are_the_reference_s_at_odd_shapes() {
    for (n, dim, q, k) in [
        (1, 1, 1, 1),
        (1, 384, 13, 10),
        (3, 5, 2, 10),
        (15, 63, 7, 3),
        (16, 64, 6, 16),
        (31, 65, 12, 31),
        (33, 100, 25, 5),
        (700, 17, 70, 10),
        (1300, 384, 3, 50),
        (300, 1025, 5, 10),
    ] {
        check("shape", &matrix(n, dim, 7), &matrix(q, dim, 99), dim, k);
    }
}

#[test]
fn every_number_of_queries_fits_its_tile() {
    let (rows, dim) = (matrix(200, 70, 3), 70);
    for q in 1..=26 {
        check("queries", &rows, &matrix(q, dim, q as u64 + 40), dim, 4);
    }
}

#[test]
fn rule_ties_are_ordered_by_corpus_position_even_where_all_are_ties() {
    let dim = 24;
    let rows: Vec<f32> = matrix(1, dim, 5).into_iter().cycle().take(dim * 3000).collect();
    check("all ties", &rows, &matrix(2, dim, 6), dim, 7);
    let hits = &sweep(Similarity::Cosine, &rows, &matrix(1, dim, 6), dim, 7)[0];
    assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn rule_scores_that_round_to_zero_are_one_tie_whatever_their_sign() {
    let rows = [-1e-12, 1.0, 1e-12, 1.0, 0.0, 1.0];
    check("zero", &rows, &[1.0, 0.0], 2, 3);
    let hits = &sweep(Similarity::Cosine, &rows, &[1.0, 0.0], 2, 3)[0];
    assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(hits.iter().all(|hit| hit.score.to_bits() == 0));
}

#[test]
fn duplicates_of_near_rows_are_ordered_by_position() {
    let dim = 48;
    let distinct = matrix(40, dim, 21);
    // Row i of 1,000 is distinct row i mod 40: every score stands 25 times.
    let rows: Vec<f32> =
        (0..1000).flat_map(|i| &distinct[i % 40 * dim..][..dim]).copied().collect();
    check("duplicates", &rows, &matrix(6, dim, 22), dim, 60);
}

#[test]
fn rows_that_differ_by_less_than_a_code_are_told_apart() {
    // All rows round to the same codes: every one is a candidate, only f64 orders them.
    let (dim, n) = (96, 500);
    let base = matrix(1, dim, 31);
    let noise = matrix(n, dim, 32);
    let rows: Vec<f32> = noise.iter().enumerate().map(|(i, x)| base[i % dim] + x * 1e-6).collect();
    check("near rows", &rows, &matrix(5, dim, 33), dim, 10);
    check("near query", &rows, &base, dim, 10);
}

#[test]
fn scores_within_a_rounding_step_of_the_last_hit_are_decided_by_position() {
    // Scores 0.5 + i · 1e-10: tens of rows round to the same ninth decimal.
    let (dim, n) = (2, 400);
    let rows: Vec<f32> = (0..n).flat_map(|i| [1.0, (i as f32) * 1e-10]).collect();
    for k in [1, 5, 6, 37] {
        check("rounding", &rows, &[0.5, 1.0], dim, k);
    }
}

#[test]
fn one_large_component_costs_candidates_and_never_a_hit() {
    // The step follows the largest component: all others round to 0 and only bounds are left.
    let dim = 384;
    let mut rows = matrix(900, dim, 41);
    for (i, row) in rows.chunks_mut(dim).enumerate() {
        row[i % dim] = 4000.0;
    }
    let mut queries = matrix(4, dim, 42);
    queries[7] = 1e5;
    check("spikes", &rows, &queries, dim, 10);
}

#[test]
fn sums_that_fill_the_lanes_of_the_narrow_paths_are_right() {
    // Equal magnitudes make the sums of a 16-bit lane as large as they can be.
    for dim in [64, 128, 1024] {
        let signs = matrix(64, dim, 51);
        let mut rows: Vec<f32> = signs.iter().map(|x| x.signum()).collect();
        rows.extend(vec![1.0; dim]);
        rows.extend(vec![-1.0; dim]);
        // Two of every four dimensions only: one lane holds it all.
        rows.extend((0..dim).map(|i| if i % 4 < 2 { 1.0 } else { 0.0 }));
        rows.extend((0..dim).map(|i| if i < 64 && i % 4 < 2 { -1.0 } else { 0.0 }));
        let queries = rows[62 * dim..].to_vec();
        check("full lanes", &rows, &queries, dim, 12);
    }
}

#[test]
fn hits_are_exact_for_huge_tiny_denormal_and_zero_norms() {
    let dim = 33;
    let mut rows = matrix(400, dim, 11);
    for (i, row) in rows.chunks_mut(dim).enumerate() {
        let scale = [1e15, 1e-20, 0.0, 1.0, 1e-42, 3e38][i % 6];
        row.iter_mut().for_each(|x| *x *= scale);
    }
    for scale in [1.0, 1e-30, 1e-43, 1e30, 3e38] {
        let queries: Vec<f32> = matrix(5, dim, 13).iter().map(|x| x * scale).collect();
        check("norms", &rows, &queries, dim, 20);
    }
}

#[test]
fn a_product_that_overflows_f32_drops_no_row() {
    let (dim, big) = (8, 3e19);
    let mut rows = vec![0.0f32; 3 * dim];
    rows[0] = -big;
    rows[1] = big * 1.5;
    rows[dim] = 1.0;
    rows[2 * dim] = big;
    let mut query = vec![0.0f32; dim];
    (query[0], query[1]) = (big, big);
    check("overflow", &rows, &query, dim, 2);
}

#[test]
fn a_zero_query_finds_the_first_rows_of_a_tie_and_zero_rows_come_last_by_cosine() {
    let dim = 40;
    let mut rows = matrix(300, dim, 17);
    for i in (0..300).step_by(3) {
        rows[i * dim..(i + 1) * dim].fill(0.0);
    }
    let mut queries = vec![0.0; dim];
    queries.extend(matrix(2, dim, 18));
    check("zero query", &rows, &queries, dim, 250);
    check("only zero rows", &vec![0.0; 70 * dim], &queries, dim, 9);
}

#[test]
fn a_row_that_is_not_finite_is_scored_and_hides_no_other() {
    let dim = 20;
    let mut rows = matrix(90, dim, 61);
    rows[33 * dim] = f32::NAN;
    rows[50 * dim + 3] = f32::INFINITY;
    let query = matrix(1, dim, 62);
    for isa in Isa::available() {
        let packed = Packed::new(isa, &rows, dim);
        let hits = &packed.search(isa, Similarity::Cosine, &rows, &query, 88)[0];
        let finite = hits.iter().filter(|hit| hit.score > -1.5);
        assert_eq!(finite.count(), 88, "the two have no direction and come last");
    }
}

#[test]
fn similar_rows_in_clusters_have_the_reference_s_hits() {
    // Sentence vectors stand in clusters: many rows near the last hit.
    let (dim, n) = (384, 6000);
    let centres = matrix(12, dim, 71);
    let noise = matrix(n + 40, dim, 72);
    let near = |i: usize, x: f32| centres[i / dim % 12 * dim + i % dim] + 0.4 * x;
    let all: Vec<f32> = noise.iter().enumerate().map(|(i, x)| near(i, *x)).collect();
    let (rows, queries) = all.split_at(n * dim);
    check("clusters", rows, queries, dim, 10);
}

#[test]
fn hits_are_the_same_on_any_number_of_threads() {
    let (rows, queries) = (matrix(3000, 48, 3), matrix(150, 48, 4));
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| sweep(Similarity::Cosine, &rows, &queries, 48, 12))
    };
    assert_eq!(on(1), on(2));
    assert_eq!(on(1), on(8));
}

#[test]
fn one_query_has_the_hits_that_it_has_in_a_batch() {
    let (dim, isa) = (100, Isa::best());
    let (rows, queries) = (matrix(800, dim, 81), matrix(30, dim, 82));
    let packed = Packed::new(isa, &rows, dim);
    for s in SIMILARITIES {
        let batch = packed.search(isa, s, &rows, &queries, 10);
        for (query, hits) in queries.chunks(dim).zip(batch) {
            assert_eq!(packed.search(isa, s, &rows, query, 10), [hits]);
        }
    }
}

#[test]
fn no_rows_no_queries_and_no_k_give_nothing() {
    let packed = Packed::new(Isa::Portable, &[], 3);
    let search =
        |queries: &[f32], k| packed.search(Isa::Portable, Similarity::Dot, &[], queries, k);
    assert_eq!(search(&[1.0, 2.0, 3.0], 5), [vec![]]);
    assert!(search(&[], 5).is_empty());
    assert_eq!(sweep(Similarity::Dot, &[1.0], &[1.0, 2.0], 1, 0), [vec![], vec![]]);
}

#[test]
#[should_panic(expected = "the rows that were packed")]
fn other_rows_than_were_packed_are_refused() {
    let packed = Packed::new(Isa::Portable, &[1.0, 2.0], 2);
    packed.search(Isa::Portable, Similarity::Dot, &[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0], 1);
}

#[test]
fn a_path_that_the_processor_lacks_is_refused() {
    for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
        let refused = std::panic::catch_unwind(|| Packed::new(isa, &[1.0], 1));
        assert!(refused.is_err(), "{isa}");
    }
}
