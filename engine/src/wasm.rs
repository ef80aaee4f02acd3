//! engine.wasm: the JSON door behind a memory and two functions, with an empty import section.
//!
//! `allocate(len)` gives a buffer for the request; `call(ptr, len)` takes that buffer back and returns
//! `ptr << 32 | len` of the response, which stays until the instance is dropped. One call for one instance.

#![expect(unsafe_code, reason = "the WebAssembly ABI is raw memory; this file is all of it")]

use crate::door;

/// A buffer of `len` bytes for the request.
#[unsafe(no_mangle)]
pub extern "C" fn allocate(len: u32) -> u32 {
    let buffer = vec![0_u8; len as usize].into_boxed_slice();
    Box::into_raw(buffer).cast::<u8>() as u32
}

/// Answers the request in the buffer that `allocate` gave.
///
/// # Safety
/// `ptr` and `len` are those of one `allocate` call that was not passed in before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn call(ptr: u32, len: u32) -> u64 {
    let slice = std::ptr::slice_from_raw_parts_mut(ptr as *mut u8, len as usize);
    // SAFETY: the caller passes back what `allocate` leaked, once.
    let request = unsafe { Box::from_raw(slice) };
    let response = door::respond(&request).into_boxed_slice();
    let response_len = response.len() as u64;
    let response_ptr = Box::into_raw(response).cast::<u8>() as u32;
    (u64::from(response_ptr) << 32) | response_len
}

/// Seeds of hash maps. A constant, so that there is nothing to import; no result depends on it (PURE).
///
/// # Errors
/// Never.
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(dest: *mut u8, len: usize) -> Result<(), getrandom::Error> {
    // SAFETY: the caller hands over `len` writable bytes.
    unsafe { std::ptr::write_bytes(dest, 0x5a, len) };
    Ok(())
}
