//! Reductions over one row in 16 fixed lanes: element `i` goes to lane `i mod 16`.

/// Lanes of every f32 reduction, so that its order depends on no register's width.
pub(crate) const LANES: usize = 16;

/// `Σ term(x)`, lanes added pairwise at the end.
#[inline(always)]
pub(crate) fn sum(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += term(chunk[i]);
        }
    }
    for (i, x) in rest.iter().enumerate() {
        lanes[i] += term(*x);
    }
    add(lanes)
}

/// The largest value of `term(x)` that is above `least`, else `least`; NaN is passed over.
#[inline(always)]
pub(crate) fn max(row: &[f32], least: f32, term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [least; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = greater(term(chunk[i]), lanes[i]);
        }
    }
    for (i, x) in rest.iter().enumerate() {
        lanes[i] = greater(term(*x), lanes[i]);
    }
    lanes.into_iter().fold(least, |a, b| greater(b, a))
}

/// Lanes 0 and 8, 1 and 9, … first, then halves of what is left.
#[inline(always)]
pub(crate) fn add(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// `a` where it is greater than `b`, else `b`: one instruction, unlike `f32::max`.
#[inline(always)]
pub(crate) fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}
