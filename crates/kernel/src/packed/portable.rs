//! Products in plain Rust.

use super::direction::Grid;
use super::group::Group;
use super::scan::{Kernel, Products};
use super::{LANES, Order, STEP, Shape};

/// The reference path.
pub(super) struct Portable;

impl Kernel for Portable {
    const SHAPE: Shape = Shape { queries: 8, grid: Grid::WIDE, order: Order::Words };

    #[inline(always)]
    unsafe fn products(&mut self, panels: &[u8], group: &Group, out: &mut Products) {
        let (steps, _) = panels.as_chunks::<{ STEP * LANES }>();
        for (p, panel) in steps.chunks_exact(steps.len() / 2).enumerate() {
            for (i, out) in out.0[..group.len].iter_mut().enumerate() {
                let mut sums = [group.bias[i]; LANES];
                for (step, word) in panel.iter().zip(group.words[i..].iter().step_by(group.len)) {
                    let [a, b, c, d] = word.to_le_bytes().map(|code| i32::from(code as i8));
                    let lanes = step.as_chunks::<STEP>().0;
                    for (sum, lane) in sums.iter_mut().zip(lanes) {
                        // As one word: registers then hold a row a lane.
                        let four = u32::from_le_bytes(*lane).cast_signed();
                        *sum += (four & 255) * a
                            + (four >> 8 & 255) * b
                            + (four >> 16 & 255) * c
                            + (four >> 24 & 255) * d;
                    }
                }
                out[p * LANES..][..LANES].copy_from_slice(&sums);
            }
        }
    }
}
