//! `--time HH:MM` to the theme that fits it.

use crate::model::scene::Theme;
use chrono::{NaiveTime, Timelike};

/// # Errors
/// In words, for clap.
pub fn parse(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| format!("{text:?} is no time of day: write HH:MM, e.g. 19:30"))
}

/// Day from 7 to 17, dusk around it, night from 20 to 5: what the light is like in a middle latitude in spring and autumn.
pub fn theme(time: NaiveTime) -> Theme {
    match time.hour() {
        7..=16 => Theme::Day,
        5 | 6 | 17..=19 => Theme::Dusk,
        _ => Theme::Night,
    }
}
