//! The path that codes take.

use super::Shape;
use super::portable::Portable;
use super::scan::Kernel;
#[cfg(any(test, target_arch = "x86_64"))]
use super::tiled::Tiled;
use crate::Isa;

/// A way to multiply codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Vnni,
    #[cfg(target_arch = "x86_64")]
    Amx,
    /// That of AMX by its instructions in plain Rust.
    #[cfg(test)]
    Emulated,
}

impl Path {
    /// That of an instruction set.
    pub(super) fn of(isa: Isa) -> Self {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Amx => Self::Amx,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => Self::Vnni,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Self::Avx512,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Self::Avx2,
            _ => Self::Portable,
        }
    }

    /// What queries look like on it.
    pub(super) fn shape(self) -> Shape {
        match self {
            Self::Portable => Portable::SHAPE,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::avx2::Avx2::SHAPE,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::avx512::Avx512::SHAPE,
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => super::vnni::Vnni::SHAPE,
            #[cfg(target_arch = "x86_64")]
            Self::Amx => Tiled::<crate::tiles::Amx>::SHAPE,
            #[cfg(test)]
            Self::Emulated => Tiled::<crate::tiles::Emulated>::SHAPE,
        }
    }
}
