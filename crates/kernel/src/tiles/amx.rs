//! The tile instructions of AMX, and whether they may be used.
//!
//! The compiler has no types for tiles, so each instruction is assembly of its own. What one
//! leaves in a tile register the next one finds: the compiler uses these registers for nothing,
//! keeps assembly of side effects in its order, and the operating system saves them for a thread
//! that is interrupted.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use std::marker::PhantomData;
use std::sync::LazyLock;

use super::{Emulated, Rows, SIDE, Tiles, fits, probe};

/// Why tiles may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The processor has none, or the operating system does not save them.
    Lacking,
    /// The operating system refuses their state to this process, with this error number.
    Permission(i64),
    /// The instructions gave other sums than they are documented to give.
    Sums,
}

/// Whether tiles may be used in this process: asked and tried once.
pub(crate) fn usable() -> Result<(), Refusal> {
    static USABLE: LazyLock<Result<(), Refusal>> = LazyLock::new(|| {
        if !has_instructions() {
            return Err(Refusal::Lacking);
        }
        permission()?;
        // SAFETY: processor and system have tiles, and this process may use them.
        let mut amx = unsafe { Amx::configure() };
        match probe(&mut amx) == probe(&mut Emulated::new()) {
            true => Ok(()),
            false => Err(Refusal::Sums),
        }
    });
    *USABLE
}

/// Whether the processor has 8-bit tiles of the one known shape and the system saves them.
fn has_instructions() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    const AMX_TILE: u32 = 1 << 24;
    const AMX_INT8: u32 = 1 << 25;
    /// Bits of XCR0: the configuration of tiles, and their data.
    const TILE_STATE: u64 = 1 << 17 | 1 << 18;
    const TILE_LEAF: u32 = 0x1d;

    /// # Safety
    /// The system must have enabled the instruction (OSXSAVE).
    #[target_feature(enable = "xsave")]
    unsafe fn enabled_states() -> u64 {
        // SAFETY: the caller's; register 0 always exists.
        unsafe { _xgetbv(0) }
    }

    if __cpuid(0).eax < TILE_LEAF || __cpuid(1).ecx & OSXSAVE == 0 {
        return false;
    }
    // SAFETY: OSXSAVE is set.
    let saved = unsafe { enabled_states() } & TILE_STATE == TILE_STATE;
    let features = __cpuid_count(7, 0).edx;
    if !saved || features & AMX_TILE == 0 || features & AMX_INT8 == 0 {
        return false;
    }
    // Palette 1: eight tiles of 1,024 bytes in 16 rows of 64.
    let palette = __cpuid_count(TILE_LEAF, 1);
    __cpuid_count(TILE_LEAF, 0).eax >= 1
        && palette.eax >> 16 == 1024
        && palette.ebx == (8 << 16 | 64)
        && palette.ecx & 0xffff == 16
}

/// Asks Linux for the state of tiles, which a process has only from then on (version 5.16 and
/// later; others, and a filter of system calls, refuse).
#[cfg(target_os = "linux")]
fn permission() -> Result<(), Refusal> {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const XFEATURE_XTILEDATA: u64 = 18;
    let answer: i64;
    // SAFETY: the call reads and writes no memory of this process; a kernel that does not know
    // the request says so. `syscall` changes rax, rcx and r11 only.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => answer,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    if answer == 0 { Ok(()) } else { Err(Refusal::Permission(-answer)) }
}

/// Nobody knows how other systems grant it.
#[cfg(not(target_os = "linux"))]
fn permission() -> Result<(), Refusal> {
    Err(Refusal::Lacking)
}

/// The tiles of the calling thread, all of them 16 rows of 64 bytes; released when dropped.
pub(crate) struct Amx {
    /// Tiles belong to a thread: this is neither `Send` nor `Sync`.
    thread: PhantomData<*mut ()>,
}

/// What LDTILECFG reads: palette, row to restart at, 14 bytes of zeros, bytes in a row for each
/// of 16 tiles, rows for each; the last eight tiles do not exist.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static FULL_TILES: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

impl Amx {
    /// Configures the tiles of this thread, all zero.
    ///
    /// # Safety
    /// Processor and system must have tiles and have granted them to this process ([`usable`]);
    /// no other value of this type may live on this thread.
    pub(crate) unsafe fn configure() -> Self {
        const { assert!(size_of::<Configuration>() == 64) };
        // SAFETY: the instruction reads the 64 bytes of a configuration that palette 1 allows.
        unsafe {
            asm!(
                "ldtilecfg [{}]",
                in(reg) &raw const FULL_TILES,
                options(nostack, preserves_flags, readonly),
            );
        }
        Self { thread: PhantomData }
    }
}

impl Drop for Amx {
    fn drop(&mut self) {
        // SAFETY: the tiles of this thread are this value's; nobody needs them any more.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags, nomem)) };
    }
}

/// One instruction on three tiles.
macro_rules! product {
    ($name:ident, $instruction:literal) => {
        #[inline(always)]
        fn $name<const C: usize, const A: usize, const B: usize>(&mut self) {
            const { assert!(C < 8 && A < 8 && B < 8 && C != A && C != B && A != B) };
            // SAFETY: the tiles are configured as long as `self` lives, in shapes that fit;
            // nothing but tile `C` changes.
            unsafe {
                asm!(
                    concat!($instruction, " tmm{c}, tmm{a}, tmm{b}"),
                    c = const C,
                    a = const A,
                    b = const B,
                    options(nostack, preserves_flags, nomem),
                );
            }
        }
    };
}

impl Tiles for Amx {
    #[inline(always)]
    fn zero<const T: usize>(&mut self) {
        const { assert!(T < 8) };
        // SAFETY: the tiles are configured as long as `self` lives.
        unsafe {
            asm!("tilezero tmm{t}", t = const T, options(nostack, preserves_flags, nomem));
        }
    }

    #[inline(always)]
    fn load<const T: usize>(&mut self, rows: &Rows) {
        const { assert!(T < 8 && size_of::<Rows>() == 16 * 64) };
        // SAFETY: as above; the instruction reads 16 rows of 64 bytes, 64 apart: `rows`.
        unsafe {
            asm!(
                "tileloadd tmm{t}, [{from} + {stride}]",
                t = const T,
                from = in(reg) rows.as_ptr(),
                stride = in(reg) 64_usize,
                options(nostack, preserves_flags, readonly),
            );
        }
    }

    #[inline(always)]
    fn load_sums<const T: usize>(&mut self, from: &[i32], stride: usize) {
        const { assert!(T < 8) };
        assert!(fits(from, stride), "16 rows of 16 sums");
        // SAFETY: as above; 16 rows of 64 bytes, `4 · stride` bytes apart, end within `from`.
        unsafe {
            asm!(
                "tileloadd tmm{t}, [{from} + {stride}]",
                t = const T,
                from = in(reg) from.as_ptr(),
                stride = in(reg) stride * size_of::<i32>(),
                options(nostack, preserves_flags, readonly),
            );
        }
    }

    #[inline(always)]
    fn store_sums<const T: usize>(&mut self, to: &mut [i32], stride: usize) {
        const { assert!(T < 8 && SIDE * size_of::<i32>() == 64) };
        assert!(fits(to, stride), "16 rows of 16 sums");
        // SAFETY: as above; the instruction writes such rows, which end within `to`.
        unsafe {
            asm!(
                "tilestored [{to} + {stride}], tmm{t}",
                t = const T,
                to = in(reg) to.as_mut_ptr(),
                stride = in(reg) stride * size_of::<i32>(),
                options(nostack, preserves_flags),
            );
        }
    }

    product!(dot_ss, "tdpbssd");
    product!(dot_su, "tdpbsud");
    product!(dot_us, "tdpbusd");
    product!(dot_uu, "tdpbuud");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_give_what_they_are_documented_to_give() {
        match usable() {
            Err(Refusal::Lacking) => eprintln!("skipped: this processor lacks amx"),
            Err(Refusal::Permission(error)) => {
                eprintln!("skipped: the system refuses amx (error {error})");
            }
            found => assert_eq!(found, Ok(())),
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_system_that_does_not_grant_tiles_says_so_and_nothing_breaks() {
        if has_instructions() {
            return;
        }
        // The request itself is harmless where there are no tiles: it is refused.
        assert!(matches!(permission(), Err(Refusal::Permission(1..))));
        assert_eq!(usable(), Err(Refusal::Lacking));
    }
}
