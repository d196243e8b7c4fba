//! The one binary; see `yiping --help`.

/// A third faster than the C library's where millions of small things are read side by side, and it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Milliseconds until freed memory goes back to the system. The default of 10 makes a build of 100 MB fault in the same pages again and again: a fifth of its time.
const PURGE_DELAY_MS: std::ffi::c_long = 1000;

fn main() -> std::process::ExitCode {
    // SAFETY: not thread safe by its manual, and no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set(yiping::cli::PURGE_DELAY, PURGE_DELAY_MS) };
    yiping::cli::main()
}
