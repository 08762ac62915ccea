//! Products by the four-byte dot product of AVX-512 VNNI.

use std::arch::x86_64::{
    __m512i, _mm512_dpbusd_epi32, _mm512_load_si512, _mm512_set1_epi32, _mm512_store_si512,
};

use super::direction::Grid;
use super::group::Group;
use super::scan::{Kernel, Products};
use super::{LANES, Order, STEP, Shape};

/// A tile of 12 queries by 32 rows: 24 of the 32 registers are sums.
pub(super) struct Vnni;

impl Kernel for Vnni {
    const SHAPE: Shape = Shape { queries: 12, grid: Grid::WIDE, order: Order::Words };

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

/// # Safety
/// The processor must have AVX-512 VNNI; `group` must have `N` queries; `panels` must be a pair
/// for its dimension at a 64-byte boundary.
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn tile<const N: usize>(panels: &[u8], group: &Group, out: &mut Products) {
    const REGISTER: usize = LANES * STEP;
    let steps = group.words.len() / N;
    assert!(panels.len() == 2 * steps * REGISTER && group.bias.len() == N && N <= out.0.len());
    let first = panels.as_ptr();
    let words = group.words.as_ptr();
    let mut sums: [[__m512i; 2]; N] =
        std::array::from_fn(|i| [_mm512_set1_epi32(group.bias[i]); 2]);
    for s in 0..steps {
        // SAFETY: `s < steps`, so both loads end within the two panels (asserted above), which
        // begin at multiples of 64 bytes of memory that begins at a page.
        let rows = unsafe {
            let at = first.add(s * REGISTER);
            [_mm512_load_si512(at.cast()), _mm512_load_si512(at.add(steps * REGISTER).cast())]
        };
        for (i, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `s · N + i < steps · N`, the length of `words`.
            let query = _mm512_set1_epi32(unsafe { *words.add(s * N + i) }.cast_signed());
            sums[0] = _mm512_dpbusd_epi32(sums[0], rows[0], query);
            sums[1] = _mm512_dpbusd_epi32(sums[1], rows[1], query);
        }
    }
    for (out, sums) in out.0.iter_mut().zip(sums) {
        let out = out.as_mut_ptr();
        // SAFETY: a row of `out` is 128 bytes at a 128-byte step from a 64-byte boundary.
        unsafe {
            _mm512_store_si512(out.cast(), sums[0]);
            _mm512_store_si512(out.add(LANES).cast(), sums[1]);
        }
    }
}
