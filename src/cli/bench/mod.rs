//! `yiping bench`: figures of this program on this machine.

mod build;
#[cfg(feature = "screen")]
mod flight;
#[cfg(feature = "screen")]
mod frame;
pub mod heat;
mod history;
mod live;
mod scrub;

use std::process::ExitCode;

/// Measure this program on this machine.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Build(build::Args),
    Live(live::Args),
    #[cfg(feature = "screen")]
    Flight(flight::Args),
    #[cfg(feature = "screen")]
    Frame(frame::Args),
    Heat(heat::Args),
    History(history::Args),
}

impl Args {
    /// Whether it does what a hub and its screens do.
    pub fn serves(&self) -> bool {
        matches!(self.what, What::Live(_) | What::History(_))
    }

    /// Whether it opens a screen.
    #[cfg(feature = "screen")]
    pub fn draws(&self) -> bool {
        matches!(self.what, What::Flight(_) | What::Frame(_))
    }
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Build(args) => build::run(&args),
        What::Live(args) => live::run(args),
        #[cfg(feature = "screen")]
        What::Flight(args) => flight::run(args),
        #[cfg(feature = "screen")]
        What::Frame(args) => frame::run(args),
        What::Heat(args) => heat::run(&args),
        What::History(args) => history::run(args),
    }
}
