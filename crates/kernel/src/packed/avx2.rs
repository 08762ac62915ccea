//! Products by pairs of bytes in 16-bit lanes, AVX2.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_load_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_store_si256,
};

use super::direction::{BLOCK, Grid};
use super::group::Group;
use super::scan::{Kernel, Products};
use super::{LANES, Order, STEP, Shape};

/// A tile of 6 queries by 16 rows: 12 of the 16 registers are sums.
pub(super) struct Avx2;

impl Kernel for Avx2 {
    const SHAPE: Shape = Shape { queries: 6, grid: Grid::NARROW, order: Order::Words };

    #[inline(always)]
    unsafe fn products(&mut self, panels: &[u8], group: &Group, out: &mut Products) {
        macro_rules! by_length {
            ($($n:literal)*) => {
                match group.len {
                    // SAFETY: the caller's; a group of this length.
                    $($n => unsafe { tile::<$n>(panels, group, out) },)*
                    _ => unreachable!("a group has 1 to 6 queries"),
                }
            };
        }
        by_length!(1 2 3 4 5 6);
    }
}

/// Sums of a block wrap in 16-bit lanes that begin at minus the bias of the block: right, since
/// the true sum fits (see [`Grid`]). They are widened to 32 bits after every block.
///
/// # Safety
/// The processor must have AVX2; `group` must have `N` queries rounded to [`Grid::NARROW`];
/// `panels` must be a pair for its dimension at a 64-byte boundary.
#[target_feature(enable = "avx2")]
unsafe fn tile<const N: usize>(panels: &[u8], group: &Group, out: &mut Products) {
    const REGISTER: usize = 32;
    const STEPS: usize = BLOCK / STEP;
    let blocks = group.block_bias.len() / N;
    let panel = blocks * BLOCK * LANES;
    assert!(panels.len() == 2 * panel && group.words.len() == N * blocks * STEPS);
    assert!(N <= out.0.len());
    let (words, ones) = (group.words.as_ptr(), _mm256_set1_epi16(1));
    for p in 0..2 {
        // SAFETY: `p < 2`: the start of a panel.
        let rows = unsafe { panels.as_ptr().add(p * panel) };
        let mut wide = [[_mm256_setzero_si256(); 2]; N];
        for b in 0..blocks {
            let mut sums: [[__m256i; 2]; N] = std::array::from_fn(|i| {
                [_mm256_set1_epi32(group.block_bias[b * N + i].cast_signed()); 2]
            });
            for s in b * STEPS..(b + 1) * STEPS {
                // SAFETY: `s` is a step of the panel, which begins at a multiple of 64 bytes of
                // memory that begins at a page; a step is two registers.
                let rows = unsafe {
                    let at = rows.add(s * 2 * REGISTER);
                    [_mm256_load_si256(at.cast()), _mm256_load_si256(at.add(REGISTER).cast())]
                };
                for (i, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: `s · N + i` is below the length of `words` (asserted above).
                    let query = _mm256_set1_epi32(unsafe { *words.add(s * N + i) }.cast_signed());
                    for (sum, rows) in sums.iter_mut().zip(rows) {
                        *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(rows, query));
                    }
                }
            }
            for (wide, sums) in wide.iter_mut().zip(sums) {
                for (wide, sum) in wide.iter_mut().zip(sums) {
                    *wide = _mm256_add_epi32(*wide, _mm256_madd_epi16(sum, ones));
                }
            }
        }
        for (out, wide) in out.0.iter_mut().zip(wide) {
            let out = out[p * LANES..][..LANES].as_mut_ptr();
            // SAFETY: half a row of `out` is 64 bytes at a 64-byte boundary.
            unsafe {
                _mm256_store_si256(out.cast(), wide[0]);
                _mm256_store_si256(out.add(LANES / 2).cast(), wide[1]);
            }
        }
    }
}
