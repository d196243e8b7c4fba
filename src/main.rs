//! The one binary; see `yiping --help`.

/// A third faster than the C library's where millions of small things are read side by side, and it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    yiping::cli::main()
}
