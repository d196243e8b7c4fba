//! Argument parsing, one file a command; no logic.

mod demo_city;
mod hub;

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
    Hub(hub::Args),
}

/// Parses the command line and runs one command. Exit codes: 0 done, 1 failed (said on stderr), 2 wrong usage.
pub fn main() -> ExitCode {
    let args = Args::parse();
    // Warnings to stderr unless RUST_LOG says otherwise: a duty officer's terminal shows what is wrong, and nothing else.
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn,yiping=info".into());
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).try_init();
    let done: anyhow::Result<ExitCode> = match args.command {
        Command::DemoCity(args) => demo_city::run(&args),
        Command::Hub(args) => hub::run(args),
    };
    done.unwrap_or_else(|e| {
        eprintln!("yiping: {e:#}");
        ExitCode::FAILURE
    })
}
