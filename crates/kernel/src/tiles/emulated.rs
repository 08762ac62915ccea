//! The tile instructions in plain Rust.

use super::{FOUR, Rows, SIDE, Tile, Tiles, fits};

/// Eight tiles in memory.
pub(crate) struct Emulated([Tile; 8]);

impl Emulated {
    /// Eight tiles of zeros, as a configuration leaves them.
    pub(crate) fn new() -> Self {
        Self([Tile::ZERO; 8])
    }

    /// Tile `c` plus the product of tiles `a` and `b`, whose bytes mean what the two functions say.
    fn dot(&mut self, [c, a, b]: [usize; 3], of_a: fn(u8) -> i32, of_b: fn(u8) -> i32) {
        let (a, b) = (self.0[a].0, self.0[b].0);
        for (sums, a) in self.0[c].0.iter_mut().zip(&a) {
            for (n, sum) in sums.iter_mut().enumerate() {
                let mut value = i32::from_le_bytes(*sum);
                for (x, row) in a.iter().zip(&b) {
                    for j in 0..FOUR {
                        value = value.wrapping_add(of_a(x[j]) * of_b(row[n][j]));
                    }
                }
                *sum = value.to_le_bytes();
            }
        }
    }
}

fn signed(byte: u8) -> i32 {
    i32::from(byte.cast_signed())
}

impl Tiles for Emulated {
    fn zero<const T: usize>(&mut self) {
        self.0[T] = Tile::ZERO;
    }

    fn load<const T: usize>(&mut self, rows: &Rows) {
        self.0[T].0 = *rows;
    }

    fn load_sums<const T: usize>(&mut self, from: &[i32], stride: usize) {
        assert!(fits(from, stride), "16 rows of 16 sums");
        for (row, from) in self.0[T].0.iter_mut().zip(from.chunks(stride)) {
            for (sum, from) in row.iter_mut().zip(&from[..SIDE]) {
                *sum = from.to_le_bytes();
            }
        }
    }

    fn store_sums<const T: usize>(&mut self, to: &mut [i32], stride: usize) {
        assert!(fits(to, stride), "16 rows of 16 sums");
        for (row, to) in self.0[T].0.iter().zip(to.chunks_mut(stride)) {
            for (sum, to) in row.iter().zip(&mut to[..SIDE]) {
                *to = i32::from_le_bytes(*sum);
            }
        }
    }

    fn dot_ss<const C: usize, const A: usize, const B: usize>(&mut self) {
        self.dot([C, A, B], signed, signed);
    }

    fn dot_su<const C: usize, const A: usize, const B: usize>(&mut self) {
        self.dot([C, A, B], signed, i32::from);
    }

    fn dot_us<const C: usize, const A: usize, const B: usize>(&mut self) {
        self.dot([C, A, B], i32::from, signed);
    }

    fn dot_uu<const C: usize, const A: usize, const B: usize>(&mut self) {
        self.dot([C, A, B], i32::from, i32::from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row `m` of a tile in which only group `g` of row `r` is not zero.
    fn single(r: usize, g: usize, four: [u8; FOUR]) -> Tile {
        let mut tile = Tile::ZERO;
        tile.0[r][g] = four;
        tile
    }

    #[test]
    fn a_group_of_a_row_meets_the_row_of_its_number_and_gives_that_row_s_groups() {
        // a[3][5] and b[5][9]: c[3][9] and no other.
        let (a, b) = (single(3, 5, [255, 2, 128, 1]), single(5, 9, [3, 255, 2, 128]));
        let run = |dot: fn(&mut Emulated)| {
            let mut tiles = Emulated::new();
            tiles.load::<4>(&a.0);
            tiles.load::<6>(&b.0);
            tiles.load_sums::<1>(&[7; 256], 16);
            dot(&mut tiles);
            let mut sums = [0; 256];
            tiles.store_sums::<1>(&mut sums, 16);
            assert!(sums.iter().enumerate().all(|(i, sum)| i == 3 * 16 + 9 || *sum == 7));
            sums[3 * 16 + 9] - 7
        };
        assert_eq!(run(Emulated::dot_ss::<1, 4, 6>), -3 - 2 - 256 - 128);
        assert_eq!(run(Emulated::dot_su::<1, 4, 6>), -3 + 510 - 256 + 128);
        assert_eq!(run(Emulated::dot_us::<1, 4, 6>), 765 - 2 + 256 - 128);
        assert_eq!(run(Emulated::dot_uu::<1, 4, 6>), 765 + 510 + 256 + 128);
    }

    #[test]
    fn sums_wrap_and_rows_stand_where_the_stride_says() {
        let mut tiles = Emulated::new();
        tiles.load::<4>(&[[[255; FOUR]; SIDE]; SIDE]);
        let before: Vec<i32> = (0..16 * 20).map(|i| i32::MAX - i % 20).collect();
        tiles.load_sums::<0>(&before, 20);
        tiles.dot_uu::<0, 4, 4>();
        let mut after = vec![-1; 15 * 20 + 16];
        tiles.store_sums::<0>(&mut after, 20);
        for (i, sum) in after.iter().enumerate() {
            let wanted = before[i].wrapping_add(64 * 255 * 255);
            assert_eq!(*sum, if i % 20 < 16 { wanted } else { -1 }, "{i}");
        }
    }

    #[test]
    #[should_panic(expected = "16 rows of 16 sums")]
    fn rows_that_do_not_fit_are_refused() {
        Emulated::new().store_sums::<0>(&mut [0; 255], 16);
    }
}
