//! Tiles of bytes and their products, as the AMX instructions define them.
//!
//! A loop over tiles is written once, over [`Tiles`], and runs on the instructions or on
//! [`Emulated`], plain Rust of what they are documented to do (Intel 64 and IA-32 Architectures
//! Software Developer's Manual, volume 2: TILELOADD, TDPBSSD, TILESTORED): so it is tested on
//! machines that lack them, and a machine that has them is believed only where both agree.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(any(test, target_arch = "x86_64"))]
mod emulated;

#[cfg(target_arch = "x86_64")]
pub(crate) use amx::{Amx, Refusal, usable};
#[cfg(any(test, target_arch = "x86_64"))]
pub(crate) use emulated::Emulated;

/// Rows of a tile, and groups of four bytes, or sums, in a row.
pub(crate) const SIDE: usize = 16;

/// Bytes that stand together in a row.
pub(crate) const FOUR: usize = 4;

/// A tile of bytes: `[row][group][byte]`.
pub(crate) type Rows = [[[u8; FOUR]; SIDE]; SIDE];

/// [`Rows`] at a cache line, as loads are quickest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Tile(pub(crate) Rows);

impl Tile {
    /// Nothing but zeros.
    pub(crate) const ZERO: Self = Self([[[0; FOUR]; SIDE]; SIDE]);
}

/// Eight tiles, named by number, of bytes or of 16 × 16 sums in i32.
///
/// A product adds to tile `C`, modulo 2³², with `a` tile `A` and `b` tile `B`:
///
/// ```text
/// c[m][n] += Σ_k Σ_j a[m][k][j] · b[k][n][j]
/// ```
pub(crate) trait Tiles {
    /// Zeros to tile `T`.
    fn zero<const T: usize>(&mut self);

    /// Bytes to tile `T`.
    fn load<const T: usize>(&mut self, rows: &Rows);

    /// Sums to tile `T`: row `m` is the 16 that begin at `m · stride`.
    ///
    /// # Panics
    /// Where `from` is shorter than that.
    fn load_sums<const T: usize>(&mut self, from: &[i32], stride: usize);

    /// Sums of tile `T` to where [`load_sums`](Self::load_sums) would read them.
    ///
    /// # Panics
    /// Where `to` is shorter than that.
    fn store_sums<const T: usize>(&mut self, to: &mut [i32], stride: usize);

    /// The product of signed bytes with signed ones.
    fn dot_ss<const C: usize, const A: usize, const B: usize>(&mut self);

    /// The product of signed bytes of `A` with unsigned ones of `B`.
    fn dot_su<const C: usize, const A: usize, const B: usize>(&mut self);

    /// The product of unsigned bytes of `A` with signed ones of `B`.
    fn dot_us<const C: usize, const A: usize, const B: usize>(&mut self);

    /// The product of unsigned bytes with unsigned ones.
    fn dot_uu<const C: usize, const A: usize, const B: usize>(&mut self);
}

/// Whether the rows of a tile of sums, `stride` apart, end within `sums`.
fn fits(sums: &[i32], stride: usize) -> bool {
    stride >= SIDE && sums.len() >= (SIDE - 1) * stride + SIDE
}

/// What the kernels ask of tiles, once with bytes of every sign: all products, with every tile in
/// the part that they give it, sums that begin at other values and rows that stand apart.
fn probe(tiles: &mut impl Tiles) -> Vec<i32> {
    const STRIDE: usize = 2 * SIDE;
    let bytes = |seed: usize| -> Tile {
        let byte = |i: usize| match i % 11 {
            0 => 128,
            1 => 127,
            2 => 255,
            _ => (i * i / 7 + seed * i) as u8,
        };
        let place = |row: usize, group: usize, j: usize| (row * SIDE + group) * FOUR + j + seed;
        Tile(std::array::from_fn(|row| {
            std::array::from_fn(|group| std::array::from_fn(|j| byte(place(row, group, j))))
        }))
    };
    let mut sums: Vec<i32> =
        (0..SIDE * STRIDE).map(|i| (i as i32 - 200).wrapping_mul(0x0123_4567)).collect();
    let mut all = Vec::new();
    tiles.zero::<0>();
    tiles.load_sums::<1>(&sums, STRIDE);
    tiles.load_sums::<2>(&sums[SIDE..], STRIDE);
    tiles.zero::<3>();
    for seed in 0..2 {
        tiles.load::<4>(&bytes(4 * seed).0);
        tiles.load::<5>(&bytes(4 * seed + 1).0);
        tiles.load::<6>(&bytes(4 * seed + 2).0);
        tiles.load::<7>(&bytes(4 * seed + 3).0);
        tiles.dot_ss::<0, 4, 6>();
        tiles.dot_su::<1, 4, 7>();
        tiles.dot_us::<2, 5, 6>();
        tiles.dot_uu::<3, 5, 7>();
    }
    tiles.store_sums::<0>(&mut sums, STRIDE);
    tiles.store_sums::<1>(&mut sums[SIDE..], STRIDE);
    all.extend_from_slice(&sums);
    tiles.store_sums::<2>(&mut sums, STRIDE);
    tiles.store_sums::<3>(&mut sums[SIDE..], STRIDE);
    all.extend_from_slice(&sums);
    all
}
