//! Hints to the memory system.

/// Asks for the cache lines of `values` ahead of their use; nothing where the processor has no
/// such instruction.
#[inline]
pub fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let bytes: *const i8 = values.as_ptr().cast();
        let mut at = 0;
        while at < size_of_val(values) {
            // SAFETY: a prefetch reads nothing and cannot fault; SSE is part of x86-64.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.wrapping_add(at)) };
            at += 64;
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}
