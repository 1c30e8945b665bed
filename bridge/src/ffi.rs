//! The rules of the border: strings are pointer and length, results are buffers that Rust owns, and no panic crosses.

use std::panic::{catch_unwind, set_hook, AssertUnwindSafe};
use std::sync::Once;

/// A buffer of text that belongs to Rust; the C side gives it back with `ballot_text_free`.
#[repr(C)]
pub struct Text {
    data: *mut u8,
    size: usize,
    capacity: usize,
}

/// The same for ids and other numbers.
#[repr(C)]
pub struct Ids {
    data: *mut u32,
    size: usize,
    capacity: usize,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let mut bytes = std::mem::ManuallyDrop::new(text.into_bytes());
        Text { data: bytes.as_mut_ptr(), size: bytes.len(), capacity: bytes.capacity() }
    }
}

impl From<Vec<u32>> for Ids {
    fn from(ids: Vec<u32>) -> Self {
        let mut ids = std::mem::ManuallyDrop::new(ids);
        Ids { data: ids.as_mut_ptr(), size: ids.len(), capacity: ids.capacity() }
    }
}

#[no_mangle]
extern "C" fn ballot_text_free(text: Text) {
    if !text.data.is_null() {
        drop(unsafe { Vec::from_raw_parts(text.data, text.size, text.capacity) });
    }
}

#[no_mangle]
extern "C" fn ballot_ids_free(ids: Ids) {
    if !ids.data.is_null() {
        drop(unsafe { Vec::from_raw_parts(ids.data, ids.size, ids.capacity) });
    }
}

/// Runs the body of an exported function. An error or a panic becomes text.
pub fn guarded<T>(body: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static QUIET: Once = Once::new();
    // Without this, Rust prints a panic to stderr before it is caught. The hook is ours alone: the program has no other Rust.
    QUIET.call_once(|| set_hook(Box::new(|_| {})));
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(panic) => {
            let words = panic
                .downcast_ref::<&str>()
                .map(|words| words.to_string())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".into());
            Err(format!("internal error in the bridge: {words}"))
        }
    }
}

/// For functions with one buffer: the result, or the error, is put there.
///
/// # Safety
/// `out` points to memory that may be written.
pub unsafe fn into_text(out: *mut Text, body: impl FnOnce() -> Result<String, String>) -> i32 {
    let (text, code) = match guarded(body) {
        Ok(text) => (text, 0),
        Err(error) => (error, 1),
    };
    out.write(text.into());
    code
}

/// For functions that fill something of their own: only an error is put into the buffer.
///
/// # Safety
/// `error` points to memory that may be written.
pub unsafe fn or_error(error: *mut Text, body: impl FnOnce() -> Result<(), String>) -> i32 {
    match guarded(body) {
        Ok(()) => 0,
        Err(words) => {
            error.write(words.into());
            1
        }
    }
}

/// # Safety
/// `data` points to `size` readable elements, or `size` is zero.
pub unsafe fn slice<'a, T>(data: *const T, size: usize) -> &'a [T] {
    if size == 0 {
        &[]
    } else {
        std::slice::from_raw_parts(data, size)
    }
}

/// # Safety
/// As for `slice`.
pub unsafe fn text<'a>(data: *const u8, size: usize) -> Result<&'a str, String> {
    std::str::from_utf8(slice(data, size)).map_err(|error| format!("not UTF-8 from byte {} on", error.valid_up_to()))
}

#[no_mangle]
unsafe extern "C" fn ballot_bridge_panic(out: *mut Text) -> i32 {
    into_text(out, || {
        let nothing: Vec<String> = Vec::new();
        let index = std::hint::black_box(7);
        Ok(nothing[index].clone())
    })
}
