//! Panels against groups of queries: bounds, and what passes them.

use std::sync::atomic::{AtomicU32, Ordering};

use super::candidates::{Candidate, Candidates};
use super::group::Group;
use super::path::Path;
#[cfg(any(test, target_arch = "x86_64"))]
use super::tiled::Tiled;
use super::{PAIR, Packed, Shape, portable};
#[cfg(target_arch = "x86_64")]
use crate::tiles::Amx;
#[cfg(test)]
use crate::tiles::Emulated;

/// Products of the codes of a pair of panels with those of a group.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Products(pub(super) [[i32; PAIR]; MOST_QUERIES]);

/// Most queries of a group on any path.
pub(super) const MOST_QUERIES: usize = 32;

/// Integer products on one path.
pub(super) trait Kernel {
    /// What queries look like.
    const SHAPE: Shape;

    /// `out[i][r] = Σ_j q_ij · c_rj` for the queries of `group` and the rows of a pair of
    /// panels, exactly; other entries of `out` mean nothing.
    ///
    /// # Safety
    /// The processor must have the path. `panels` must hold a pair for `group`'s dimension, and
    /// begin at a multiple of 64 bytes.
    unsafe fn products(&mut self, panels: &[u8], group: &Group, out: &mut Products);
}

/// What all threads of one search share.
pub(super) struct Scan<'a> {
    pub(super) packed: &'a Packed,
    pub(super) groups: &'a [Group],
    /// Norms of rows in units of the greatest, by row; ones where there are none (cosine).
    pub(super) lengths: Option<&'a [f32]>,
    /// Whether the squared norm is part of a score.
    pub(super) squared: bool,
    /// The best threshold that any thread has, by query.
    pub(super) thresholds: &'a [AtomicThreshold],
    pub(super) k: usize,
}

/// What one thread has seen.
pub(super) struct Seen {
    thresholds: Vec<f32>,
    pub(super) candidates: Vec<Candidates>,
}

impl Seen {
    pub(super) fn new(queries: usize, k: usize) -> Self {
        Self {
            thresholds: vec![f32::NEG_INFINITY; queries],
            candidates: (0..queries).map(|_| Candidates::new(k)).collect(),
        }
    }
}

/// An f32 that only grows. Threads that see it late do more work, not other work.
pub(super) struct AtomicThreshold(AtomicU32);

impl AtomicThreshold {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(f32::NEG_INFINITY.to_bits()))
    }

    fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn raise(&self, to: f32) {
        let raised = |bits| (to > f32::from_bits(bits)).then_some(to.to_bits());
        // Refused where another thread's is as high.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, raised);
    }
}

/// Bytes of queries that stay in the second-level cache beside the panels.
const QUERY_BYTES: usize = 384 << 10;

impl Scan<'_> {
    /// Scans pairs of panels on a path that the processor must have.
    pub(super) fn run(&self, path: Path, pairs: std::ops::Range<usize>, seen: &mut Seen) {
        for (mine, all) in seen.thresholds.iter_mut().zip(self.thresholds) {
            *mine = mine.max(all.get());
        }
        match path {
            // SAFETY: the processor has the path.
            #[cfg(target_arch = "x86_64")]
            Path::Amx => unsafe { self.amx(pairs, seen) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Path::Vnni => unsafe { self.vnni(pairs, seen) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => unsafe { self.avx512(pairs, seen) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => unsafe { self.avx2(pairs, seen) },
            #[cfg(test)]
            Path::Emulated => self.pass(&mut Tiled(Emulated::new()), pairs, seen),
            Path::Portable => self.pass(&mut portable::Portable, pairs, seen),
        }
        for (mine, all) in seen.thresholds.iter().zip(self.thresholds) {
            if *mine > all.get() {
                all.raise(*mine);
            }
        }
    }

    /// # Safety
    /// The processor must have the path.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    unsafe fn amx(&self, pairs: std::ops::Range<usize>, seen: &mut Seen) {
        // SAFETY: the processor has the path, and a pass configures nothing itself.
        let tiles = unsafe { Amx::configure() };
        self.pass(&mut Tiled(tiles), pairs, seen);
    }

    /// # Safety
    /// The processor must have the path.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    unsafe fn vnni(&self, pairs: std::ops::Range<usize>, seen: &mut Seen) {
        self.pass(&mut super::vnni::Vnni, pairs, seen);
    }

    /// # Safety
    /// The processor must have the path.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    unsafe fn avx512(&self, pairs: std::ops::Range<usize>, seen: &mut Seen) {
        self.pass(&mut super::avx512::Avx512, pairs, seen);
    }

    /// # Safety
    /// The processor must have the path.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(&self, pairs: std::ops::Range<usize>, seen: &mut Seen) {
        self.pass(&mut super::avx2::Avx2, pairs, seen);
    }

    #[inline(always)]
    fn pass<K: Kernel>(&self, kernel: &mut K, pairs: std::ops::Range<usize>, seen: &mut Seen) {
        let bytes = self.packed.padded() * PAIR;
        let together = (QUERY_BYTES / (self.packed.padded() * K::SHAPE.queries)).max(1);
        let mut products = Products([[0; PAIR]; MOST_QUERIES]);
        for groups in self.groups.chunks(together) {
            for pair in pairs.clone() {
                let panels = &self.packed.codes[pair * bytes..][..bytes];
                let rows = Rows::new(self, pair);
                for group in groups {
                    // SAFETY: only a path that the processor has gets here; `panels` is a pair
                    // of a mapping, each a multiple of 64 bytes.
                    unsafe { kernel.products(panels, group, &mut products) };
                    if self.squared {
                        self.filter::<true>(&rows, group, &products, seen);
                    } else {
                        self.filter::<false>(&rows, group, &products, seen);
                    }
                }
            }
        }
    }

    /// Keeps the rows whose bound reaches the threshold. `SQUARED`: see [`Self::squared`].
    #[inline(always)]
    fn filter<const SQUARED: bool>(
        &self,
        rows: &Rows<'_>,
        group: &Group,
        products: &Products,
        seen: &mut Seen,
    ) {
        let margin: [f32; PAIR] =
            std::array::from_fn(|j| rows.lengths[j] * (rows.residuals[j] + group.slack));
        for (i, products) in products.0[..group.len].iter().enumerate() {
            let query = group.first + i;
            let threshold = seen.thresholds[query];
            let (norm, weight) = (group.norm[i], group.units[i].weight);
            let mut upper = [0.0f32; PAIR];
            let mut all_below = true;
            for j in 0..PAIR {
                upper[j] = products[j] as f32 * rows.scale[j] + norm * margin[j];
                if SQUARED {
                    upper[j] -= weight * rows.half_squares[j];
                }
                // What cannot be compared is not below.
                all_below &= upper[j] < threshold;
            }
            if !all_below {
                self.keep::<SQUARED>(rows, group, i, &margin, &upper, seen);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn keep<const SQUARED: bool>(
        &self,
        rows: &Rows<'_>,
        group: &Group,
        i: usize,
        margin: &[f32; PAIR],
        upper: &[f32; PAIR],
        seen: &mut Seen,
    ) {
        let query = group.first + i;
        let (norm, units) = (group.norm[i], &group.units[i]);
        for j in 0..rows.len {
            if upper[j] < seen.thresholds[query] {
                continue;
            }
            let mut lower = upper[j] - 2.0 * norm * margin[j];
            if SQUARED {
                lower -= units.weight * (rows.half_squares[j] * 3e-6 + UNDERFLOW);
            }
            let candidate = Candidate::new(upper[j], lower, rows.first + j as u32);
            if let Some(raised) = seen.candidates[query].push(candidate, self.k, units) {
                seen.thresholds[query] = seen.thresholds[query].max(raised);
            }
        }
    }
}

/// What half of a squared length can lose below the range of f32.
const UNDERFLOW: f32 = 1e-44;

/// Norms of directions.
static ONES: [f32; PAIR] = [1.0; PAIR];

/// What the bounds need of the rows of a pair.
struct Rows<'a> {
    first: u32,
    len: usize,
    lengths: &'a [f32; PAIR],
    residuals: &'a [f32; PAIR],
    /// Length times step.
    scale: [f32; PAIR],
    /// n² / 2, rounded down by 10⁻⁶ of it, so that bounds stay above.
    half_squares: [f32; PAIR],
}

impl<'a> Rows<'a> {
    #[inline(always)]
    fn new(scan: &'a Scan<'_>, pair: usize) -> Self {
        let lengths = scan.lengths.map_or(&ONES, |all| &all.as_chunks::<PAIR>().0[pair]);
        let steps = &scan.packed.steps.as_chunks::<PAIR>().0[pair];
        let residuals = &scan.packed.residuals.as_chunks::<PAIR>().0[pair];
        let (mut scale, mut half_squares) = ([0.0; PAIR], [0.0; PAIR]);
        for j in 0..PAIR {
            scale[j] = lengths[j] * steps[j];
            half_squares[j] = lengths[j] * lengths[j] * (0.5 * (1.0 - 1e-6));
        }
        Self {
            first: (pair * PAIR) as u32,
            len: PAIR.min(scan.packed.rows - pair * PAIR),
            lengths,
            residuals,
            scale,
            half_squares,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::direction::quantise;
    use super::*;
    use crate::{Isa, Similarity};

    fn rows(n: usize, dim: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..n * dim)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    /// Products of a pair by a path against sums over the codes themselves.
    fn check<K: Kernel>(kernel: &mut K, isa: Isa, rows: &[f32], queries: &[f32], dim: usize) {
        let packed = Packed::new(Isa::Portable, rows, dim);
        let padded = packed.padded();
        for queries in queries.chunks(K::SHAPE.queries * dim) {
            let group = Group::new(isa, Similarity::Cosine, &packed, K::SHAPE, queries, 0);
            let mut out = Products([[i32::MIN; PAIR]; MOST_QUERIES]);
            // SAFETY: the callers ask whether the processor has the path; the codes are a pair.
            unsafe { kernel.products(&packed.codes, &group, &mut out) };
            let (mut unit, mut asked) = (vec![0.0; padded], vec![0; padded]);
            for (i, query) in queries.chunks(dim).enumerate() {
                quantise(isa, query, K::SHAPE.grid, &mut unit, &mut asked);
                for r in 0..packed.rows {
                    let code = |j: usize| {
                        let at = (r / 16 * padded + j / 4 * 4) * 16 + r % 16 * 4 + j % 4;
                        i32::from(packed.codes[at]) - 128
                    };
                    let sum: i32 = (0..padded).map(|j| code(j) * i32::from(asked[j] as i8)).sum();
                    let what = std::any::type_name::<K>();
                    assert_eq!(out.0[i][r], sum, "{what}: dim {dim}, query {i}, row {r}");
                }
            }
        }
    }

    #[test]
    fn products_are_the_integer_sums_on_every_path() {
        for dim in [1, 64, 65, 384, 1000] {
            let mut rows = rows(PAIR, dim, 9);
            // Codes at the ends of their range, in every sign.
            rows[..dim].fill(1.0);
            rows[dim..2 * dim].fill(-1.0);
            let mut queries = rows.clone();
            queries.truncate(29 * dim);
            check(&mut portable::Portable, Isa::Portable, &rows, &queries, dim);
            for few in [1, 15, 16, 17, 29] {
                let queries = &queries[..few * dim];
                check(&mut Tiled(Emulated::new()), Isa::Portable, &rows, queries, dim);
            }
            #[cfg(target_arch = "x86_64")]
            for isa in Isa::available() {
                match isa {
                    Isa::Avx2 => check(&mut super::super::avx2::Avx2, isa, &rows, &queries, dim),
                    Isa::Avx512 => {
                        check(&mut super::super::avx512::Avx512, isa, &rows, &queries, dim);
                    }
                    Isa::Avx512Vnni => {
                        check(&mut super::super::vnni::Vnni, isa, &rows, &queries, dim);
                    }
                    Isa::Amx => {
                        // SAFETY: the processor has the path; this is the one value of the thread.
                        let tiles = unsafe { Amx::configure() };
                        check(&mut Tiled(tiles), isa, &rows, &queries, dim);
                    }
                    Isa::Portable => {}
                }
            }
        }
    }

    #[test]
    fn a_threshold_only_grows() {
        let threshold = AtomicThreshold::new();
        for (to, expected) in [(-3.0, -3.0), (-5.0, -3.0), (2.0, 2.0), (1.0, 2.0)] {
            threshold.raise(to);
            assert_eq!(threshold.get(), expected);
        }
    }
}
