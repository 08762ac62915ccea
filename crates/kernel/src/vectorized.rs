//! Plain Rust compiled once for each kernel path.

/// Defines a function that takes an [`Isa`](crate::Isa) before its arguments and runs its body
/// compiled for that path's registers; `V`, where it is named, is the path's
/// [`Lanes`](crate::lanes::Lanes).
///
/// The compiler never fuses a multiplication with an addition and never
/// reorders a sum, so every path gives the same bits; only the speed differs.
///
/// The function panics where the processor lacks the path.
macro_rules! vectorized {
    (
        $(#[$attribute:meta])*
        $vis:vis fn $name:ident$(<$lanes:ident>)?($($argument:ident: $type:ty),* $(,)?)
        $(-> $result:ty)? $body:block
    ) => {
        $(#[$attribute])*
        $vis fn $name(isa: $crate::Isa, $($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn body$(<$lanes: $crate::lanes::Lanes>)?($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            fn avx2($($argument: $type),*) $(-> $result)? {
                $(type $lanes = $crate::lanes::Avx2;)?
                body$(::<$lanes>)?($($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512($($argument: $type),*) $(-> $result)? {
                $(type $lanes = $crate::lanes::Avx512;)?
                body$(::<$lanes>)?($($argument),*)
            }

            fn portable($($argument: $type),*) $(-> $result)? {
                $(type $lanes = $crate::lanes::Portable;)?
                body$(::<$lanes>)?($($argument),*)
            }

            assert!(isa.is_available(), "this processor lacks the kernel path {isa}");
            match isa {
                // SAFETY: the processor has the path, asserted above, so it has AVX2, FMA and F16C.
                #[cfg(target_arch = "x86_64")]
                $crate::Isa::Avx2 => unsafe { avx2($($argument),*) },
                // SAFETY: as above; these paths have AVX-512 F, BW, DQ and VL.
                #[cfg(target_arch = "x86_64")]
                $crate::Isa::Avx512 | $crate::Isa::Avx512Vnni | $crate::Isa::Amx => unsafe {
                    avx512($($argument),*)
                },
                _ => portable($($argument),*),
            }
        }
    };
}

pub(crate) use vectorized;
