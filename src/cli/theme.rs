//! `--theme`.

use crate::model::scene::Theme;

/// Looks of the city.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ThemeArg {
    Night,
    Dusk,
    Day,
    /// Shapes without windows, for data over the city
    Dark,
    /// Sun and sky as they are now
    Clock,
}

impl From<ThemeArg> for Theme {
    fn from(arg: ThemeArg) -> Self {
        match arg {
            ThemeArg::Night => Self::Night,
            ThemeArg::Dusk => Self::Dusk,
            ThemeArg::Day => Self::Day,
            ThemeArg::Dark => Self::Dark,
            ThemeArg::Clock => Self::Clock,
        }
    }
}
