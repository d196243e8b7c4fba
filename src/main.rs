//! The one binary; see `yiping --help`.

fn main() -> std::process::ExitCode {
    yiping::cli::main()
}
