//! The one binary; see `yiping --help`.

/// A third faster than the C library's where millions of small things are read side by side, and it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 2 and 3, which its bindings don't name: milliseconds until freed memory goes back to the system.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
/// The default of 10 ms makes a build of 100 MB fault in the same pages again and again: a fifth of its time.
const PURGE_DELAY_MS: std::ffi::c_long = 1000;

fn main() -> std::process::ExitCode {
    // SAFETY: not thread safe by its manual, and no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, PURGE_DELAY_MS) };
    yiping::cli::main()
}
