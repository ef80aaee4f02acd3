//! The memory of a guest. A call has a store of its own, so nothing has to be given back to anybody: blocks are cut off the
//! end of what there is, and what is freed is kept for the next of its size.
//!
//! Sizes are powers of two, each with a list of free blocks. Memory grows by a mebibyte at a time: growing makes the host
//! change the protection of pages, which is dear while other threads run. On wasm32 only; there is one thread.
#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;

const PAGE: usize = 64 << 10;
/// Pages to grow by, at least.
const GROW: usize = 16;
/// The smallest block: a pointer to the next free one fits.
const LEAST: usize = 16;

/// See the module header.
pub struct Memory(UnsafeCell<State>);

struct State {
    /// The free blocks of each power of two; null: none.
    free: [*mut u8; usize::BITS as usize],
    /// Where the rest begins and ends.
    rest: usize,
    end: usize,
}

// SAFETY: a guest has one thread.
unsafe impl Sync for Memory {}

impl Memory {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(State { free: [null_mut(); usize::BITS as usize], rest: 0, end: 0 }))
    }
}

/// The size of the block that holds a layout. Blocks of a power of two are aligned to it up to a page.
fn size(layout: Layout) -> usize {
    layout.size().max(layout.align()).max(LEAST).next_power_of_two()
}

impl State {
    /// A new block off the rest.
    fn cut(&mut self, size: usize) -> *mut u8 {
        let start = self.rest.next_multiple_of(size.min(PAGE));
        let Some(end) = start.checked_add(size) else { return null_mut() };
        if end > self.end {
            let pages = (end - self.end).div_ceil(PAGE).max(GROW);
            let before = core::arch::wasm32::memory_grow::<0>(pages);
            if before == usize::MAX {
                return null_mut();
            }
            if before * PAGE != self.end {
                // The first time: what is below is the program's own.
                self.rest = before * PAGE;
            }
            self.end = (before + pages) * PAGE;
            return self.cut(size);
        }
        self.rest = end;
        start as *mut u8
    }
}

// SAFETY: every block is cut off once, is in one list at most while it is free, and is as large and aligned as asked.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = size(layout);
        // SAFETY: one thread, and nothing below calls an allocator.
        let state = unsafe { &mut *self.0.get() };
        let Some(first) = state.free.get_mut(size.trailing_zeros() as usize) else { return null_mut() };
        if first.is_null() {
            return state.cut(size);
        }
        let block = *first;
        // SAFETY: a free block begins with the pointer that `dealloc` wrote.
        *first = unsafe { block.cast::<*mut u8>().read() };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        let state = unsafe { &mut *self.0.get() };
        if let Some(first) = state.free.get_mut(size(layout).trailing_zeros() as usize) {
            // SAFETY: the block is the caller's no more, and at least `LEAST` large.
            unsafe { block.cast::<*mut u8>().write(*first) };
            *first = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, wanted: usize) -> *mut u8 {
        // SAFETY: the alignment is that of a layout, and the caller vouches for the size.
        let new = unsafe { Layout::from_size_align_unchecked(wanted, layout.align()) };
        if size(new) == size(layout) {
            return block;
        }
        // SAFETY: both layouts are valid; the blocks do not overlap.
        unsafe {
            let moved = self.alloc(new);
            if !moved.is_null() {
                core::ptr::copy_nonoverlapping(block, moved, layout.size().min(wanted));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}
