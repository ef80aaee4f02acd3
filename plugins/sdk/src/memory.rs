//! The memory of a guest. A call has a store of its own, so nothing has to be given back to anybody: blocks are cut off the
//! end of what there is, and what is freed is kept for the next of its size.
//!
//! Sizes are powers of two, each with a list of free blocks. The first mebibyte is there from the start, as zeros the program
//! begins with, and memory grows by as much at a time: growing makes the host change the protection of pages, for a call and
//! back after it, which is dear while other threads run. On wasm32 only; there is one thread.
#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;

const PAGE: usize = 64 << 10;
/// Pages to begin with, and to grow by at least.
const GROW: usize = 16;
/// The smallest block: a pointer to the next free one fits.
const LEAST: usize = 16;

/// See the module header. All zeros, so that it takes no room in the binary.
pub struct Memory {
    state: UnsafeCell<State>,
    first: UnsafeCell<[u8; GROW * PAGE]>,
}

struct State {
    /// The free blocks of each power of two; null: none.
    free: [*mut u8; usize::BITS as usize],
    /// Where the rest begins and ends; 0: nothing was cut off yet.
    rest: usize,
    end: usize,
}

// SAFETY: a guest has one thread.
unsafe impl Sync for Memory {}

impl Memory {
    /// Nothing yet.
    pub const fn new() -> Self {
        let state = State { free: [null_mut(); usize::BITS as usize], rest: 0, end: 0 };
        Self { state: UnsafeCell::new(state), first: UnsafeCell::new([0; GROW * PAGE]) }
    }
}

/// The size of the block that holds a layout. Blocks of a power of two are aligned to it up to a page.
fn size(layout: Layout) -> usize {
    layout.size().max(layout.align()).max(LEAST).next_power_of_two()
}

impl State {
    /// A new block off the rest; `first` is where the first mebibyte is.
    fn cut(&mut self, size: usize, first: usize) -> *mut u8 {
        let start = self.rest.next_multiple_of(size.min(PAGE));
        let Some(end) = start.checked_add(size) else { return null_mut() };
        if self.end == 0 {
            (self.rest, self.end) = (first, first + GROW * PAGE);
            return self.cut(size, first);
        }
        if end > self.end {
            let pages = (end - self.end).div_ceil(PAGE).max(GROW);
            let before = core::arch::wasm32::memory_grow::<0>(pages);
            if before == usize::MAX {
                return null_mut();
            }
            if before * PAGE != self.end {
                // The first time: what is below is the program's own, the first mebibyte in it.
                self.rest = before * PAGE;
            }
            self.end = (before + pages) * PAGE;
            return self.cut(size, first);
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
        let state = unsafe { &mut *self.state.get() };
        let Some(first) = state.free.get_mut(size.trailing_zeros() as usize) else { return null_mut() };
        if first.is_null() {
            return state.cut(size, self.first.get() as usize);
        }
        let block = *first;
        // SAFETY: a free block begins with the pointer that `dealloc` wrote.
        *first = unsafe { block.cast::<*mut u8>().read() };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        let state = unsafe { &mut *self.state.get() };
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
