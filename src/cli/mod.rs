//! Argument parsing, one file a command; no logic.

mod demo_city;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// One screen for the whole city (一屏).
#[derive(Parser)]
#[command(name = "yiping", version, propagate_version = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    DemoCity(demo_city::Args),
}

/// Parses the command line and runs one command. Exit codes: 0 done, 1 failed (said on stderr), 2 wrong usage.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let done: anyhow::Result<ExitCode> = match args.command {
        Command::DemoCity(args) => demo_city::run(&args),
    };
    done.unwrap_or_else(|e| {
        eprintln!("yiping: {e:#}");
        ExitCode::FAILURE
    })
}
