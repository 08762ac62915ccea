//! The instruction set that the fast paths run on, chosen at run time.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

#[cfg(target_arch = "x86_64")]
use crate::tiles::{self, Refusal};

/// A kernel path, from the one that runs everywhere to the widest.
///
/// Every path gives the same hits; the order of the variants is the order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// What the compiler makes of plain Rust.
    Portable,
    /// AVX2 with FMA and F16C.
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
    /// The same with the 8-bit dot instructions.
    Avx512Vnni,
    /// Tiles of 8-bit integers beside all of the above. Taken only where the system grants them
    /// and their sums are those of the same instructions in plain Rust, tried once a process.
    Amx,
}

/// A path that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IsaError {
    /// No path has this name.
    #[error("no kernel path is called `{0}`: one of portable, avx2, avx512, avx512-vnni, amx")]
    Unknown(String),
    /// The processor, or its operating system, lacks it.
    #[error("this processor lacks the kernel path {0}; its best is {1}")]
    Lacking(Isa, Isa),
    /// The processor has it, the operating system refuses it.
    #[error(
        "the operating system refuses the state of the kernel path {0} to this process (error \
         {1}); the best other is {2}"
    )]
    Refused(Isa, i64, Isa),
    /// The processor has it, and it does not compute what it is documented to.
    #[error("the kernel path {0} gives wrong sums on this processor; the best other is {1}")]
    Wrong(Isa, Isa),
}

/// The selected path plus one; 0 where nobody selected one.
static SELECTED: AtomicU8 = AtomicU8::new(0);

impl Isa {
    /// Every path, narrowest first.
    pub const ALL: [Self; 5] =
        [Self::Portable, Self::Avx2, Self::Avx512, Self::Avx512Vnni, Self::Amx];

    /// Its name in options, reports and raw data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Vnni => "avx512-vnni",
            Self::Amx => "amx",
        }
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        /// By path, each looked for when it is first asked for. Calls of a kernel ask every time,
        /// and some are short.
        static AVAILABLE: [OnceLock<bool>; Isa::ALL.len()] =
            [const { OnceLock::new() }; Isa::ALL.len()];
        *AVAILABLE[self as usize].get_or_init(|| self.detect())
    }

    fn detect(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                std::arch::is_x86_feature_detected!("avx2")
                    && std::arch::is_x86_feature_detected!("fma")
                    && std::arch::is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.detect()
                    && std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512dq")
                    && std::arch::is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                Self::Avx512.detect() && std::arch::is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Amx => Self::Avx512Vnni.detect() && tiles::usable().is_ok(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// Why this path is not taken although the processor has its instructions.
    pub fn refusal(self) -> Option<IsaError> {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Amx && Self::Avx512Vnni.is_available() {
            return match tiles::usable() {
                Ok(()) | Err(Refusal::Lacking) => None,
                Err(Refusal::Permission(error)) => {
                    Some(IsaError::Refused(self, error, Self::best()))
                }
                Err(Refusal::Sums) => Some(IsaError::Wrong(self, Self::best())),
            };
        }
        None
    }

    /// The paths of this processor, narrowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// The widest path of this processor.
    pub fn best() -> Self {
        Self::available().last().unwrap_or(Self::Portable)
    }

    /// The path in use: the selected one, else the best.
    pub fn active() -> Self {
        match SELECTED.load(Ordering::Relaxed) {
            0 => {
                let best = Self::best();
                // Another thread may have selected one meanwhile; then that one stands.
                let _ = SELECTED.compare_exchange(
                    0,
                    best as u8 + 1,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                best
            }
            selected => Self::ALL[usize::from(selected) - 1],
        }
    }

    /// Takes this path from now on, in the whole process.
    ///
    /// # Errors
    /// [`IsaError`] where the processor lacks it, or it was refused ([`refusal`](Self::refusal)).
    pub fn select(self) -> Result<(), IsaError> {
        if !self.is_available() {
            return Err(self.refusal().unwrap_or(IsaError::Lacking(self, Self::best())));
        }
        SELECTED.store(self as u8 + 1, Ordering::Relaxed);
        Ok(())
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = IsaError;

    fn from_str(name: &str) -> Result<Self, IsaError> {
        let found = Self::ALL.into_iter().find(|isa| isa.name() == name);
        found.ok_or_else(|| IsaError::Unknown(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_are_refused_by_name() {
        for isa in Isa::ALL {
            assert_eq!(isa.name().parse(), Ok(isa));
        }
        let error = "sse9".parse::<Isa>().unwrap_err().to_string();
        assert!(error.contains("sse9") && error.contains("avx512-vnni"), "{error}");
    }

    #[test]
    fn a_path_that_the_processor_lacks_is_refused_and_the_best_is_not() {
        assert!(Isa::best().is_available());
        for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
            let lacking = IsaError::Lacking(isa, Isa::best());
            assert_eq!(isa.select(), Err(isa.refusal().unwrap_or(lacking)));
        }
        assert!(Isa::available().all(|isa| isa.refusal().is_none()));
        assert!(Isa::available().any(|isa| isa == Isa::Portable));
    }
}
