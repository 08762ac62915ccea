//! Hints to the memory system.

/// Asks for the cache lines of `values` ahead of their use; nothing where the processor has no
/// such instruction.
#[inline]
pub fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    hint::<{ std::arch::x86_64::_MM_HINT_T0 }, T>(values);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// [`prefetch`] into the second-level cache: for more than the first has room for until its use.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn prefetch_far<T>(values: &[T]) {
    hint::<{ std::arch::x86_64::_MM_HINT_T1 }, T>(values);
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn hint<const HINT: i32, T>(values: &[T]) {
    let bytes: *const i8 = values.as_ptr().cast();
    let mut at = 0;
    while at < size_of_val(values) {
        // SAFETY: a prefetch reads nothing and cannot fault; SSE is part of x86-64.
        unsafe { std::arch::x86_64::_mm_prefetch::<HINT>(bytes.wrapping_add(at)) };
        at += 64;
    }
}
