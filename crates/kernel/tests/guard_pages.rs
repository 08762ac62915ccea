//! No kernel reads or writes beside its slices, on any path: every argument stands right before
//! or right after memory that may not be touched, and results are those of ordinary memory.

mod guarded;

use guarded::{Beside, Guarded, SIDES};
use wfgy_kernel::{
    Int8Rows, Isa, Packed, Panels, Similarity, dequantize, dequantize_add, dot_f32, dot_f64, gelu,
    gelu_tanh, layer_norm, multiply16, norm_f64, prefetch, quantize, relu, softmax16,
    squared_distance_f64,
};

/// Lengths around every register and unrolled loop, and none of them.
const LENGTHS: [usize; 22] =
    [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 130, 384, 385];

/// Values in [−1, 1) from a literal seed.
fn values(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

fn pairs(n: usize, seed: u32) -> Vec<[i16; 2]> {
    values(2 * n, seed)
        .as_chunks::<2>()
        .0
        .iter()
        .map(|p| p.map(|x| (x * 32_767.0) as i16))
        .collect()
}

/// Runs `test` on every path of this processor, with arguments on either side of a guard.
fn on_every_path(test: impl Fn(Isa, Beside)) {
    for isa in Isa::available() {
        for beside in SIDES {
            test(isa, beside);
        }
    }
}

// An emulator of another processor shows a memory map of its own making.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn the_values_touch_memory_that_is_closed() {
    for n in [1, 1024, 5000] {
        let last = Guarded::new(Beside::Last, &values(n, 1));
        assert!(guarded::is_closed(last.as_ptr_range().end.addr()));
        let first = Guarded::new(Beside::First, &values(n, 1));
        assert!(guarded::is_closed(first.as_ptr().addr() - 1));
    }
}

#[test]
fn inner_products_stay_within_their_slices() {
    on_every_path(|isa, beside| {
        isa.select().expect("a path that is available");
        for n in LENGTHS {
            let (a, b) = (values(n, 1), values(n, 2));
            let (x, y) = (Guarded::new(beside, &a), Guarded::new(beside, &b));
            prefetch(&x);
            assert_eq!(dot_f64(&x, &y).to_bits(), dot_f64(&a, &b).to_bits(), "{isa} {n}");
            assert_eq!(dot_f32(&x, &y).to_bits(), dot_f32(&a, &b).to_bits(), "{isa} {n}");
            assert_eq!(norm_f64(&x).to_bits(), norm_f64(&a).to_bits(), "{isa} {n}");
            let distances = [squared_distance_f64(&x, &y), squared_distance_f64(&a, &b)];
            assert_eq!(distances[0].to_bits(), distances[1].to_bits(), "{isa} {n}");
        }
    });
}

#[test]
fn packing_and_search_stay_within_their_slices() {
    on_every_path(|isa, beside| {
        for (n, dim, q) in [(1, 1, 1), (33, 17, 13), (16, 64, 12), (65, 100, 33), (40, 385, 7)] {
            let (rows, queries) = (values(n * dim, 3), values(q * dim, 4));
            let rows = Guarded::new(beside, &rows);
            let queries = Guarded::new(beside, &queries);
            let expected = Packed::new(Isa::Portable, &rows, dim);
            let packed = Packed::new(isa, &rows, dim);
            for s in [Similarity::Dot, Similarity::Cosine, Similarity::NegativeSquaredL2] {
                assert_eq!(
                    packed.search(isa, s, &rows, &queries, 5),
                    expected.search(Isa::Portable, s, &rows, &queries, 5),
                    "{isa} {s:?} {n}×{dim}"
                );
            }
        }
    });
}

#[test]
fn codes_of_eight_bits_stay_within_their_slices() {
    on_every_path(|isa, beside| {
        for dim in LENGTHS {
            let all = values(5 * dim, 5);
            let rows = Guarded::new(beside, &all);
            let query = Guarded::new(beside, &values(dim, 6));
            let rows: &[f32] = &rows;
            let codes = Int8Rows::quantize(isa, 5, dim, |i| &rows[i * dim..][..dim]);
            let expected = Int8Rows::quantize(Isa::Portable, 5, dim, |i| &all[i * dim..][..dim]);
            let which = Guarded::new(beside, &[4, 0, 2]);
            let mut dots = Guarded::new(beside, &[0; 3]);
            let mut wanted = [0; 3];
            codes.dots(&codes.vector(&query), &which, &mut dots);
            expected.dots(&expected.vector(&query), &which, &mut wanted);
            assert_eq!(dots[..], wanted, "{isa} {dim}");
            codes.dots_of_row(3, &which, &mut dots);
            expected.dots_of_row(3, &which, &mut wanted);
            assert_eq!(dots[..], wanted, "{isa} {dim}");
        }
    });
}

#[test]
fn products_of_sixteen_bits_stay_within_their_slices() {
    on_every_path(|isa, beside| {
        for (m, n, k) in [(1, 1, 1), (13, 33, 17), (7, 32, 64), (17, 40, 65), (33, 70, 95)] {
            let (a, b) = (Guarded::new(beside, &pairs(m * k, 7)), pairs(n * k, 8));
            let panels = Panels::pack(&Guarded::new(beside, &b), n);
            let expected = Panels::pack(&b, n);
            assert_eq!(panels, expected);
            let mut c = Guarded::new(beside, &vec![-1; m * panels.columns()]);
            let mut wanted = c.to_vec();
            multiply16(isa, &a, k, &panels, &mut c);
            multiply16(Isa::Portable, &a, k, &expected, &mut wanted);
            assert_eq!(c[..], wanted, "{isa} {m}×{n}×{k}");
        }
        for (inputs, outputs) in [(1, 1), (7, 32), (8, 33), (3, 70)] {
            // The last row ends where its outputs do, and not a stride later.
            let stride = outputs + 5;
            let all = values((inputs - 1) * stride + outputs, 9);
            let all = Guarded::new(beside, &all);
            let mut steps = Guarded::new(beside, &vec![0.0; outputs]);
            let mut wanted = vec![0.0; outputs];
            let (mut panels, mut expected) = (Panels::default(), Panels::default());
            panels.quantize_transposed(isa, &all, stride, inputs, &mut steps);
            expected.quantize_transposed(Isa::Portable, &all, stride, inputs, &mut wanted);
            assert!(panels == expected && steps[..] == wanted, "{isa} {inputs}×{outputs}");
        }
    });
}

#[test]
fn rounding_of_rows_stays_within_its_slices() {
    on_every_path(|isa, beside| {
        for width in LENGTHS {
            let row = Guarded::new(beside, &values(3 * width, 10));
            let codes = vec![[9; 2]; 3 * width.div_ceil(2)];
            let mut made = Guarded::new(beside, &codes);
            let mut steps = Guarded::new(beside, &[0.0; 3]);
            let (mut wanted, mut wanted_steps) = (codes, [0.0; 3]);
            quantize(isa, &row, width, &mut made, &mut steps);
            quantize(Isa::Portable, &row, width, &mut wanted, &mut wanted_steps);
            assert!(made[..] == wanted && steps[..] == wanted_steps, "{isa} {width}");

            let sums: Vec<i32> = (0..width as i32).map(|i| i * 91_382 - 1_000_000).collect();
            let sums = Guarded::new(beside, &sums);
            let (scale, bias) = (&row[..width], &row[row.len() - width..]);
            let mut out = Guarded::new(beside, &vec![0.5; width]);
            let mut wanted = out.to_vec();
            for (isa, out) in [(isa, &mut out[..]), (Isa::Portable, &mut wanted[..])] {
                dequantize(isa, &sums, 3e-5, scale, bias, out);
                dequantize_add(isa, &sums, 1e-5, scale, bias, out);
            }
            assert_eq!(out[..], wanted, "{isa} {width}");
        }
    });
}

#[test]
fn layers_stay_within_their_slices() {
    on_every_path(|isa, beside| {
        for width in LENGTHS {
            let input = values(2 * width, 11);
            let (weight, bias) = (values(width, 12), values(width, 13));
            let (weight, bias) = (Guarded::new(beside, &weight), Guarded::new(beside, &bias));
            let mut made = Guarded::new(beside, &input);
            let mut wanted = input;
            for (isa, out) in [(isa, &mut made[..]), (Isa::Portable, &mut wanted[..])] {
                layer_norm(isa, out, &weight, &bias, 1e-5);
                gelu(isa, out);
                gelu_tanh(isa, out);
                relu(isa, out);
            }
            assert_eq!(made[..], wanted, "{isa} {width}");

            let whole = width.next_multiple_of(16);
            let (rows, columns) = (2, whole + 3);
            // The last row of sums ends with its last chunk.
            let sums: Vec<i32> =
                (0..(columns + whole) as i32).map(|i| i * 7_919 % 20_011 - 10_000).collect();
            let sums = Guarded::new(beside, &sums);
            let steps = Guarded::new(beside, &[0.5, 1.0]);
            let key_steps = Guarded::new(beside, &vec![1e-4; width]);
            let mut weights = Guarded::new(beside, &vec![[9; 2]; rows * whole / 2]);
            let mut totals = Guarded::new(beside, &[0.0; 2]);
            let (mut wanted, mut wanted_totals) = (weights.to_vec(), [0.0; 2]);
            softmax16(isa, &sums, columns, &steps, &key_steps, &mut weights, &mut totals);
            softmax16(
                Isa::Portable,
                &sums,
                columns,
                &steps,
                &key_steps,
                &mut wanted,
                &mut wanted_totals,
            );
            assert!(weights[..] == wanted && totals[..] == wanted_totals, "{isa} {width}");
        }
    });
}
