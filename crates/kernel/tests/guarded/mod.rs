//! Slices beside memory that may not be touched: reading or writing one byte too many ends the
//! test process at once.

use std::ops::{Deref, DerefMut};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// A multiple of the page of every common system.
const PAGE: usize = 1 << 16;

/// Values that begin right after, or end right before, a page without any access.
pub(crate) struct Guarded<T: Copy> {
    /// First of the pages, that before the values.
    pages: *mut u8,
    bytes: usize,
    first: *mut T,
    len: usize,
}

/// Where values stand between their guards.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beside {
    /// The page after them.
    Last,
    /// The page before them.
    First,
}

/// Both.
pub(crate) const SIDES: [Beside; 2] = [Beside::Last, Beside::First];

impl<T: Copy> Guarded<T> {
    /// A copy of `values`, as long as `values`.
    pub(crate) fn new(beside: Beside, values: &[T]) -> Self {
        let inner = size_of_val(values).next_multiple_of(PAGE);
        let bytes = inner + 2 * PAGE;
        // SAFETY: new memory, at an address of the system's choice; it belongs to this value.
        let pages = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        };
        let pages = pages.expect("pages of a test").cast::<u8>();
        for guard in [0, PAGE + inner] {
            // SAFETY: a page of those above, which nobody points to yet.
            unsafe { mprotect(pages.add(guard).cast(), PAGE, MprotectFlags::empty()) }
                .expect("a page without access");
        }
        let at = match beside {
            Beside::Last => PAGE + inner - size_of_val(values),
            Beside::First => PAGE,
        };
        // SAFETY: `values` fits between the guards; both ends of that are multiples of a page,
        // and the size of a type is one of its alignment.
        let first = unsafe { pages.add(at) }.cast::<T>();
        assert!(first.is_aligned());
        // SAFETY: `len` values from there on are within the pages, and new.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), first, values.len()) };
        Self { pages, bytes, first, len: values.len() }
    }
}

impl<T: Copy> Deref for Guarded<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `new` has put so many values there, which live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.first, self.len) }
    }
}

impl<T: Copy> DerefMut for Guarded<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above; `self` is borrowed for writing.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.len) }
    }
}

impl<T: Copy> Drop for Guarded<T> {
    fn drop(&mut self) {
        // SAFETY: the pages of `new`, to which nobody can point any more.
        unsafe { munmap(self.pages.cast(), self.bytes) }.expect("pages that were mapped");
    }
}

/// Whether the byte at an address is closed to this process.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn is_closed(address: usize) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the memory map of a process");
    maps.lines().any(|line| {
        let (range, rights) = line.split_once(' ').expect("range and rights");
        let (from, to) = range.split_once('-').expect("from and to");
        let at = |text| usize::from_str_radix(text, 16).expect("an address");
        (at(from)..at(to)).contains(&address) && rights.starts_with("---")
    })
}
