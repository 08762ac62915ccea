//! Every kernel against sums written as their formula says, on every path of this processor:
//! odd sizes, one row, duplicates, ties, denormals, huge values. Exact search has a file of its
//! own; products of 16-bit codes and resampling are tested beside their code.

use wfgy_kernel::{
    Int8Rows, Isa, dot_f32, dot_f64, gelu, gelu_tanh, layer_norm, norm_f64, quantize, relu,
    softmax16, squared_distance_f64,
};

const LENGTHS: [usize; 12] = [1, 2, 7, 15, 16, 17, 31, 33, 63, 65, 384, 1001];

/// Values in [−scale, scale) from a literal seed.
fn values(n: usize, seed: u32, scale: f32) -> Vec<f32> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * scale
        })
        .collect()
}

#[test]
fn every_path_is_tested_or_named() {
    for isa in Isa::ALL {
        match isa.refusal() {
            _ if isa.is_available() => println!("tested: kernel path {isa}"),
            Some(why) => println!("skipped: {why}"),
            None => println!("skipped: this processor lacks the kernel path {isa}"),
        }
    }
}

#[test]
fn inner_products_and_distances_are_their_sums_from_denormals_to_the_greatest_values() {
    for isa in Isa::available() {
        isa.select().expect("a path that is available");
        for n in LENGTHS {
            for (left, right) in
                [(1.0, 1.0), (1e-42, 1.0), (1e-44, 1e-44), (3e38, 3e38), (3e38, 1e-40)]
            {
                let (a, b) = (values(n, 1, left), values(n, 2, right));
                let of = |term: fn(f64, f64) -> f64| -> f64 {
                    a.iter().zip(&b).map(|(x, y)| term(f64::from(*x), f64::from(*y))).sum()
                };
                // Of every order of summation.
                let bound = |magnitude: f64| magnitude * n as f64 * f64::EPSILON;
                let product = |x: f64, y: f64| x * y;
                let magnitude = of(|x, y| (x * y).abs());
                let what = format!("{isa} {n} {left:e} {right:e}");
                assert!((dot_f64(&a, &b) - of(product)).abs() <= bound(magnitude), "{what}");
                let square = |x: f64, y: f64| (x - y) * (x - y);
                let off = (squared_distance_f64(&a, &b) - of(square)).abs();
                assert!(off <= bound(of(square)), "{what}");
                if left * right < 1e30 {
                    // Rounding of each product and sum, and underflow of each product.
                    let bound = 1.01 * magnitude * (n + 1) as f64 / 16_777_216.0 + n as f64 * 1e-45;
                    assert!((f64::from(dot_f32(&a, &b)) - of(product)).abs() <= bound, "{what}");
                }
            }
        }
        assert_eq!((dot_f64(&[], &[]), dot_f32(&[], &[]), norm_f64(&[])), (0.0, 0.0, 0.0));
        assert!(dot_f64(&[f32::NAN], &[0.0]).is_nan() && dot_f32(&[f32::NAN], &[0.0]).is_nan());
    }
}

#[test]
fn eight_bit_products_are_those_of_values_rounded_one_by_one() {
    /// The codes that the documentation promises.
    fn codes(row: &[f32]) -> Vec<i64> {
        let greatest = row.iter().fold(0.0f32, |greatest, x| greatest.max(x.abs()));
        let per_unit = 127.0 / greatest;
        let fits = per_unit.is_finite();
        row.iter().map(|x| if fits { (x * per_unit).round_ties_even() as i64 } else { 0 }).collect()
    }
    for isa in Isa::available() {
        for dim in LENGTHS {
            for scale in [1.0, 1e-37, 1e-42, 3e38] {
                // One row, and then the same row many times.
                for n in [1, 5] {
                    let row = values(dim, 3, scale);
                    let query = values(dim, 4, scale);
                    let rows = Int8Rows::quantize(isa, n, dim, |_| &row);
                    let wanted: i64 =
                        codes(&row).iter().zip(codes(&query)).map(|(a, b)| a * b).sum();
                    let all: Vec<u32> = (0..n as u32).collect();
                    let mut dots = vec![-1; n];
                    rows.dots(&rows.vector(&query), &all, &mut dots);
                    assert!(
                        dots.iter().all(|dot| i64::from(*dot) == wanted),
                        "{isa} {dim} {scale:e}: {dots:?} {wanted}"
                    );
                }
            }
        }
    }
}

#[test]
fn rounding_to_sixteen_bits_is_that_of_each_value_alone() {
    for isa in Isa::available() {
        for width in LENGTHS {
            for scale in [1.0, 1e-20, 1e15] {
                let row = values(width, 5, scale);
                let rows: Vec<f32> = row.iter().copied().cycle().take(3 * width).collect();
                let pairs = width.div_ceil(2);
                let (mut codes, mut steps) = (vec![[7; 2]; 3 * pairs], [0.0; 3]);
                quantize(isa, &rows, width, &mut codes, &mut steps);
                for (codes, step) in codes.chunks(pairs).zip(steps) {
                    let greatest = row.iter().fold(0.0f32, |greatest, x| greatest.max(x.abs()));
                    let norm = norm_f64(&row) as f32;
                    let fitting = (greatest / 32_767.0).max(norm / 46_200.0);
                    assert!((step / fitting - 1.0).abs() < 1e-5, "{isa} {width}: {step}");
                    let mut flat = codes.as_flattened().iter();
                    for (code, x) in flat.by_ref().zip(&row) {
                        assert_eq!(*code, (x * (1.0 / step)).round_ties_even() as i16, "{isa}");
                    }
                    assert!(flat.all(|code| *code == 0));
                }
                assert_eq!(codes[..pairs], codes[2 * pairs..], "equal rows have equal codes");
            }
        }
    }
}

#[test]
fn softmax_of_ties_is_even_and_of_one_great_score_is_that_one() {
    for isa in Isa::available() {
        for keys in LENGTHS {
            for score in [0, 1, -i32::MAX, i32::MAX] {
                let key_steps = vec![1e-4; keys];
                let columns = keys.next_multiple_of(16);
                let mut weights = vec![[9_i16; 2]; columns / 2];
                let mut totals = [0.0];
                let mut sums = vec![score; columns];
                softmax16(isa, &sums, columns, &[1.0], &key_steps, &mut weights, &mut totals);
                let even = (32_000.0 / keys as f64).round_ties_even() as i16;
                let flat = &weights.as_flattened()[..keys];
                assert!(
                    flat.iter().all(|w| (w - even).abs() <= 1 && *w == flat[0]),
                    "{isa} {keys}"
                );
                assert_eq!(totals[0], f32::from(flat[0]) * keys as f32);
                // One that is above all others by more than exp can say.
                sums.fill(-i32::MAX);
                sums[keys / 2] = i32::MAX;
                softmax16(isa, &sums, columns, &[1.0], &key_steps, &mut weights, &mut totals);
                let flat = &weights.as_flattened()[..keys];
                let is_one = |(j, w): (usize, &i16)| *w == if j == keys / 2 { 32_000 } else { 0 };
                assert!(flat.iter().enumerate().all(is_one), "{isa} {keys}");
                assert_eq!(totals[0], 32_000.0);
            }
        }
    }
}

#[test]
fn normalised_rows_are_their_formula_and_a_constant_row_is_its_bias() {
    for isa in Isa::available() {
        for width in LENGTHS {
            let (weight, bias) = (values(width, 6, 2.0), values(width, 7, 2.0));
            for scale in [1.0, 1e-30, 1e-42, 1e15] {
                let input = values(width, 8, scale);
                let mut made = [&input[..], &input[..]].concat();
                layer_norm(isa, &mut made, &weight, &bias, 1e-12);
                let n = width as f64;
                let mean = input.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
                let variance =
                    input.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n;
                for (i, x) in made.iter().enumerate() {
                    let i = i % width;
                    let unit = (f64::from(input[i]) - mean) / (variance + 1e-12).sqrt();
                    let want = unit * f64::from(weight[i]) + f64::from(bias[i]);
                    let off = (f64::from(*x) - want).abs();
                    assert!(off < 2e-4 * (1.0 + unit.abs()), "{isa} {width} {scale:e}: {off}");
                }
                assert_eq!(made[..width], made[width..], "equal rows stay equal");
            }
            for constant in [0.0, 1.0, -8.0, 1e-42] {
                let mut row = vec![constant; width];
                layer_norm(isa, &mut row, &weight, &bias, 1e-5);
                let off = row.iter().zip(&bias).map(|(x, b)| (x - b).abs()).fold(0.0, f32::max);
                assert!(off < 1e-3, "{isa} {width} {constant}: {off}");
            }
        }
    }
}

#[test]
fn nonlinearities_are_half_of_what_is_small_and_all_or_nothing_of_what_is_great() {
    let inputs = [0.0, 1e-42, -1e-42, 1e-20, 30.0, -30.0, 1e18, -1e18];
    for isa in Isa::available() {
        for (name, f) in
            [("gelu", gelu as fn(Isa, &mut [f32])), ("gelu_tanh", gelu_tanh), ("relu", relu)]
        {
            for n in [1, 5, 16, 17, 33] {
                for x in inputs {
                    let mut made = vec![x; n];
                    f(isa, &mut made);
                    let want = match x {
                        x if x >= 30.0 => x,
                        x if x <= -30.0 => 0.0,
                        x if name == "relu" => x.max(0.0),
                        x => x / 2.0,
                    };
                    let off = made.iter().map(|y| (y - want).abs()).fold(0.0, f32::max);
                    // The bound that the functions are documented to keep.
                    let bound = if name == "relu" { 0.0 } else { 1e-6 + 4e-7 * x.abs() };
                    assert!(off <= bound, "{isa} {name} {x:e}: {made:?}");
                }
            }
        }
    }
}
