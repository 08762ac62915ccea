//! Products by pairs of bytes in 16-bit lanes, AVX-512 BW.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi16, _mm512_add_epi32, _mm512_load_si512, _mm512_madd_epi16,
    _mm512_maddubs_epi16, _mm512_set1_epi16, _mm512_set1_epi32, _mm512_setzero_si512,
    _mm512_store_si512,
};

use super::direction::{BLOCK, Grid};
use super::group::Group;
use super::scan::{Kernel, Products};
use super::{LANES, Order, STEP, Shape};

/// A tile of 12 queries by 32 rows: 24 of the 32 registers are sums.
pub(super) struct Avx512;

impl Kernel for Avx512 {
    const SHAPE: Shape = Shape { queries: 12, grid: Grid::NARROW, order: Order::Words };

    #[inline(always)]
    unsafe fn products(&mut self, panels: &[u8], group: &Group, out: &mut Products) {
        macro_rules! by_length {
            ($($n:literal)*) => {
                match group.len {
                    // SAFETY: the caller's; a group of this length.
                    $($n => unsafe { tile::<$n>(panels, group, out) },)*
                    _ => unreachable!("a group has 1 to 12 queries"),
                }
            };
        }
        by_length!(1 2 3 4 5 6 7 8 9 10 11 12);
    }
}

/// As on AVX2: sums of a block wrap in 16-bit lanes that begin at minus its bias.
///
/// # Safety
/// The processor must have AVX-512 BW; `group` must have `N` queries rounded to
/// [`Grid::NARROW`]; `panels` must be a pair for its dimension at a 64-byte boundary.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn tile<const N: usize>(panels: &[u8], group: &Group, out: &mut Products) {
    const REGISTER: usize = 64;
    const STEPS: usize = BLOCK / STEP;
    let blocks = group.block_bias.len() / N;
    let panel = blocks * BLOCK * LANES;
    assert!(panels.len() == 2 * panel && group.words.len() == N * blocks * STEPS);
    assert!(N <= out.0.len());
    let (first, words, ones) = (panels.as_ptr(), group.words.as_ptr(), _mm512_set1_epi16(1));
    let mut wide = [[_mm512_setzero_si512(); 2]; N];
    for b in 0..blocks {
        let mut sums: [[__m512i; 2]; N] = std::array::from_fn(|i| {
            [_mm512_set1_epi32(group.block_bias[b * N + i].cast_signed()); 2]
        });
        for s in b * STEPS..(b + 1) * STEPS {
            // SAFETY: `s` is a step of both panels, which begin at multiples of 64 bytes of
            // memory that begins at a page; a step is one register.
            let rows = unsafe {
                let at = first.add(s * REGISTER);
                [_mm512_load_si512(at.cast()), _mm512_load_si512(at.add(panel).cast())]
            };
            for (i, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `s · N + i` is below the length of `words` (asserted above).
                let query = _mm512_set1_epi32(unsafe { *words.add(s * N + i) }.cast_signed());
                for (sum, rows) in sums.iter_mut().zip(rows) {
                    *sum = _mm512_add_epi16(*sum, _mm512_maddubs_epi16(rows, query));
                }
            }
        }
        for (wide, sums) in wide.iter_mut().zip(sums) {
            for (wide, sum) in wide.iter_mut().zip(sums) {
                *wide = _mm512_add_epi32(*wide, _mm512_madd_epi16(sum, ones));
            }
        }
    }
    for (out, wide) in out.0.iter_mut().zip(wide) {
        let out = out.as_mut_ptr();
        // SAFETY: a row of `out` is 128 bytes at a 128-byte step from a 64-byte boundary.
        unsafe {
            _mm512_store_si512(out.cast(), wide[0]);
            _mm512_store_si512(out.add(LANES).cast(), wide[1]);
        }
    }
}
