//! The nearest snippet that is none of the excluded ones: the hard null.

use wfgy_kernel::{Similarity, sweep};

/// Where a query's nearest row stands, and how near it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// Row number.
    pub row: u32,
    /// Cosine, rounded to 9 decimals; −2 where the query or every row is zero.
    pub cosine: f64,
}

impl Nearest {
    /// The nearer of two, the lower row on ties; so that blocks of rows can be swept in turn.
    pub fn nearer(self, other: Self) -> Self {
        let order = other.cosine.total_cmp(&self.cosine).then(self.row.cmp(&other.row));
        if order.is_le() { self } else { other }
    }
}

/// For every query the row of greatest cosine that is not excluded for it; ties go to the lower
/// row, `None` where every row is excluded.
///
/// `rows` is `n × dim`, `queries` is `excluded.len() × dim`, row-major and finite; `excluded[i]`
/// are row numbers, ascending, that query `i` must not find.
///
/// # Panics
/// Where a slice is not a whole number of rows of length `dim`, or `dim` is 0.
pub fn nearest_outside(
    rows: &[f32],
    queries: &[f32],
    dim: usize,
    excluded: &[&[u32]],
) -> Vec<Option<Nearest>> {
    assert_eq!(queries.len(), excluded.len() * dim, "queries of length dim");
    let mut found = vec![None; excluded.len()];
    // Queries that exclude nothing need one row each; they must not pay for the others.
    let (free, bound): (Vec<usize>, Vec<usize>) =
        (0..excluded.len()).partition(|i| excluded[*i].is_empty());
    for group in [free, bound] {
        let most = group.iter().map(|i| excluded[*i].len()).max().unwrap_or(0);
        let asked: Vec<f32> =
            group.iter().flat_map(|i| &queries[i * dim..(i + 1) * dim]).copied().collect();
        let swept = sweep(Similarity::Cosine, rows, &asked, dim, most + 1);
        for (i, best) in group.into_iter().zip(swept) {
            found[i] = best
                .into_iter()
                .find(|scored| excluded[i].binary_search(&scored.row).is_err())
                .map(|scored| Nearest { row: scored.row, cosine: scored.score });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_the_hard_null_is_the_nearest_row_that_is_not_excluded() {
        let rows = [1.0, 0.0, 0.8, 0.6, 0.0, 1.0, 0.8, 0.6];
        let queries = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 2.0];
        let excluded: [&[u32]; 4] = [&[], &[0], &[0, 1, 2, 3], &[2]];
        let found = nearest_outside(&rows, &queries, 2, &excluded);
        assert_eq!(found[0], Some(Nearest { row: 0, cosine: 1.0 }));
        assert_eq!(found[1].unwrap().row, 1, "ties go to the lower row");
        assert!((found[1].unwrap().cosine - 0.8).abs() < 1e-7);
        assert_eq!(found[2], None);
        assert_eq!(found[3].unwrap().row, 1);
    }

    #[test]
    fn blocks_of_rows_swept_in_turn_give_what_one_sweep_gives() {
        let rows: Vec<f32> = (0..40).map(|i| ((i * 37 % 23) as f32) - 11.0).collect();
        let queries = [3.0, -1.0, 0.5, 2.0];
        let excluded: [&[u32]; 1] = [&[1, 6]];
        let whole = nearest_outside(&rows, &queries, 4, &excluded)[0].unwrap();
        let first = nearest_outside(&rows[..20], &queries, 4, &[&[1]])[0].unwrap();
        let second = nearest_outside(&rows[20..], &queries, 4, &[&[1]])[0].unwrap();
        let second = Nearest { row: second.row + 5, ..second };
        assert_eq!(first.nearer(second), whole);
        assert_eq!(second.nearer(first), whole);
    }
}
