//! How much memory a step takes: an allocator that counts, thread by thread.
//!
//! libFuzzer's own limit sees what was touched, and of the whole process. A length field that is
//! believed shows here even where nothing was written yet.
// The trait is unsafe to implement: the system's allocator does all of the work, with the same
// arguments, and a count beside it cannot change what it returns.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// Neither needs to be built or dropped, so they can be used within an allocation.
thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(bytes: isize) {
    let live = LIVE.get().wrapping_add(bytes);
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

/// Does something that may take no more than so many bytes of memory at once.
///
/// # Panics
/// Where it took more.
#[track_caller]
pub(crate) fn within<T>(bytes: usize, act: impl FnOnce() -> T) -> T {
    let before = LIVE.get();
    PEAK.set(before);
    let done = act();
    let took = PEAK.get().wrapping_sub(before);
    assert!(took <= bytes as isize, "{took} bytes of memory were taken, at most {bytes} may be");
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_counted_though_it_is_not_touched() {
        within(1 << 20, || drop(vec![0_u8; 1000]));
        let much = std::panic::catch_unwind(|| within(1 << 20, || drop(vec![0_u8; 2 << 20])));
        assert!(much.is_err());
    }
}
