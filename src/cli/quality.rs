//! `--quality` of everything that draws.

use crate::screen::app::Quality;

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum QualityArg {
    /// By the adapter: lean on a software rasteriser, full on a GPU.
    #[default]
    Auto,
    Lean,
    Full,
}

impl From<QualityArg> for Quality {
    fn from(q: QualityArg) -> Self {
        match q {
            QualityArg::Auto => Quality::Auto,
            QualityArg::Lean => Quality::Lean,
            QualityArg::Full => Quality::Full,
        }
    }
}

impl QualityArg {
    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            QualityArg::Auto => "auto",
            QualityArg::Lean => "lean",
            QualityArg::Full => "full",
        }
    }
}
