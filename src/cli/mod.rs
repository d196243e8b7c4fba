//! Argument parsing, one file a command; no logic.

mod analyse;
pub mod bench;
mod build;
#[cfg(feature = "screen")]
mod cache;
mod datum;
#[cfg(feature = "screen")]
mod demo;
mod demo_city;
#[cfg(feature = "screen")]
mod desk;
mod header;
mod hub;
mod inspect;
mod memory;
#[cfg(feature = "screen")]
mod pose;
#[cfg(feature = "screen")]
mod quality;
mod remote;
mod replay;
#[cfg(feature = "screen")]
mod size;
#[cfg(feature = "screen")]
mod snapshot;
#[cfg(feature = "screen")]
mod theme;
#[cfg(feature = "screen")]
mod time_of_day;
#[cfg(feature = "screen")]
mod wall;

pub use memory::PURGE_DELAY;

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
    Analyse(analyse::Args),
    Build(build::Args),
    DemoCity(demo_city::Args),
    Hub(hub::Args),
    Inspect(inspect::Args),
    Replay(replay::Args),
    #[cfg(feature = "screen")]
    Demo(demo::Args),
    #[cfg(feature = "screen")]
    Desk(desk::Args),
    #[cfg(feature = "screen")]
    Wall(wall::Args),
    #[cfg(feature = "screen")]
    Snapshot(snapshot::Args),
    Bench(bench::Args),
}

impl Command {
    /// Whether it answers screens, for as long as it is left to.
    fn serves(&self) -> bool {
        match self {
            Self::Hub(_) => true,
            Self::Bench(bench) => bench.serves(),
            _ => false,
        }
    }

    /// Whether it opens a screen, with or without a window.
    #[cfg(feature = "screen")]
    fn draws(&self) -> bool {
        match self {
            Self::Demo(_) | Self::Desk(_) | Self::Wall(_) | Self::Snapshot(_) => true,
            Self::Bench(bench) => bench.draws(),
            _ => false,
        }
    }
}

/// Parses the command line and runs one command. Exit codes: 0 done, 1 failed (said on stderr), 2 wrong usage.
pub fn main() -> ExitCode {
    let args = Args::parse();
    // Warnings to stderr unless RUST_LOG says otherwise: a duty officer's terminal shows what is wrong, and nothing else.
    let quiet =
        "warn,yiping=info,wgpu=error,wgpu_core=error,wgpu_hal=off,naga=warn,bevy_render=error,bevy_egui=error,bevy_winit=error,rumqttd=off";
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| quiet.into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A line that can't be written (a log file on a full disk) is lost; complaining of it on the same stderr would be a panic.
    let _ = log.log_internal_errors(false).try_init();
    if args.command.serves() {
        memory::small_pages();
    }
    #[cfg(feature = "screen")]
    if args.command.draws() {
        memory::small_pages();
        memory::give_back_soon();
    }
    let done: anyhow::Result<ExitCode> = match args.command {
        Command::Analyse(args) => analyse::run(&args),
        Command::Build(args) => build::run(&args),
        Command::DemoCity(args) => demo_city::run(&args),
        Command::Hub(args) => hub::run(args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Replay(args) => replay::run(&args),
        #[cfg(feature = "screen")]
        Command::Demo(args) => demo::run(args),
        #[cfg(feature = "screen")]
        Command::Desk(args) => desk::run(args),
        #[cfg(feature = "screen")]
        Command::Wall(args) => wall::run(args),
        #[cfg(feature = "screen")]
        Command::Snapshot(args) => snapshot::run(args),
        Command::Bench(args) => bench::run(args),
    };
    done.unwrap_or_else(|e| {
        eprintln!("yiping: {e:#}");
        ExitCode::FAILURE
    })
}
