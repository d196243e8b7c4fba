//! The datastreams a history holds, each under a number.

use super::HistoryError;
use crate::model::observation::Datastream;
use std::collections::HashMap;
use std::sync::Arc;

/// Datastreams of one history; a million, four times over. Their table is some 200 bytes each.
pub const DATASTREAMS_MAX: usize = 4_000_000;

/// A datastream's number in its history: what rows hold in place of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series(pub u32);

/// All datastreams, by number and by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    by_number: Vec<Arc<Datastream>>,
    /// The number in use of each id.
    by_id: HashMap<Arc<str>, Series>,
}

impl Catalogue {
    /// Numbers given.
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    pub fn get(&self, series: Series) -> Option<&Datastream> {
        self.by_number.get(series.0 as usize).map(Arc::as_ref)
    }

    pub fn series(&self, id: &str) -> Option<Series> {
        self.by_id.get(id).copied()
    }

    /// In the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Series, &Datastream)> {
        self.by_number.iter().enumerate().map(|(i, d)| (Series(i as u32), d.as_ref()))
    }

    /// Ids in use: fewer than numbers where a datastream has turned to another property.
    pub(super) fn in_use(&self) -> usize {
        self.by_id.len()
    }

    /// Datastreams as they are now, without those that were replaced.
    pub fn current(&self) -> impl Iterator<Item = (Series, &Datastream)> {
        self.iter().filter(|(series, d)| self.series(&d.id) == Some(*series))
    }

    /// Takes a description. A datastream that turns to another property gets a new number, for its old readings are of something else.
    ///
    /// # Errors
    /// [`HistoryError::TooMany`] beyond [`DATASTREAMS_MAX`].
    pub(super) fn describe(&mut self, datastream: Datastream) -> Result<Series, HistoryError> {
        if let Some(series) = self.series(&datastream.id)
            && let Some(known) = self.by_number.get_mut(series.0 as usize)
            && known.observed_property == datastream.observed_property
        {
            if **known != datastream {
                *known = Arc::new(datastream);
            }
            return Ok(series);
        }
        self.push(datastream)
    }

    /// Takes a description under the next number.
    pub(super) fn push(&mut self, datastream: Datastream) -> Result<Series, HistoryError> {
        let found = self.by_number.len() as u64 + 1;
        if found > DATASTREAMS_MAX as u64 {
            return Err(HistoryError::TooMany { what: "datastreams", found, max: DATASTREAMS_MAX as u64 });
        }
        let series = Series(self.by_number.len() as u32);
        self.by_id.insert(datastream.id.as_str().into(), series);
        self.by_number.push(Arc::new(datastream));
        Ok(series)
    }

    /// Takes a description under a number it was given before. Numbers whose descriptions were lost stay without a name.
    pub(super) fn put(&mut self, series: Series, datastream: Datastream) {
        let at = series.0 as usize;
        if at >= self.by_number.len() && at < DATASTREAMS_MAX {
            self.by_number.resize_with(at + 1, || Arc::new(nameless()));
        }
        if let Some(slot) = self.by_number.get_mut(at) {
            self.by_id.insert(datastream.id.as_str().into(), series);
            *slot = Arc::new(datastream);
        }
    }
}

fn nameless() -> Datastream {
    let nothing = String::new;
    let (id, feed, sensor, observed_property, unit) = (nothing(), nothing(), nothing(), nothing(), nothing());
    Datastream { id, feed, sensor, observed_property, unit, lon: f64::NAN, lat: f64::NAN, height_m: 0.0 }
}
