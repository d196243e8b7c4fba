//! The datastreams a history holds, each under a number.

use super::HistoryError;
use crate::model::observation::Datastream;
use std::collections::{BTreeSet, HashMap};
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
    /// Place of each number's property in `properties`; questions about a million datastreams compare numbers, not words.
    property_of: Vec<u32>,
    properties: Vec<Arc<str>>,
    /// The number in use of each id.
    by_id: HashMap<Arc<str>, Series>,
    /// Numbers no longer in use: their datastream has turned to another property, or its description was lost.
    replaced: BTreeSet<Series>,
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

    /// Datastreams as they are now, without those that were replaced.
    pub fn current(&self) -> impl Iterator<Item = (Series, &Datastream)> {
        self.iter().filter(|(series, _)| self.is_current(*series))
    }

    pub(super) fn is_current(&self, series: Series) -> bool {
        self.replaced.is_empty() || !self.replaced.contains(&series)
    }

    /// Ids in use.
    pub(super) fn in_use(&self) -> usize {
        self.by_id.len()
    }

    /// Observed properties, in the order in which they were first heard of.
    pub(super) fn properties(&self) -> &[Arc<str>] {
        &self.properties
    }

    /// A series' place in [`Catalogue::properties`].
    pub(super) fn property_of(&self, series: Series) -> Option<usize> {
        self.property_of.get(series.0 as usize).map(|p| *p as usize)
    }

    /// Takes a description. A datastream that turns to another property gets a new number, for its old readings are of something else.
    ///
    /// # Errors
    /// [`HistoryError::TooMany`] beyond [`DATASTREAMS_MAX`].
    pub(super) fn describe(&mut self, datastream: Datastream) -> Result<Series, HistoryError> {
        let known = self.series(&datastream.id);
        let same = known.filter(|s| self.get(*s).is_some_and(|d| d.observed_property == datastream.observed_property));
        let series = same.unwrap_or(Series(self.by_number.len() as u32));
        if series.0 as usize >= DATASTREAMS_MAX {
            return Err(HistoryError::TooMany { what: "datastreams", found: u64::from(series.0) + 1, max: DATASTREAMS_MAX as u64 });
        }
        self.put(series, datastream);
        Ok(series)
    }

    /// Takes a description under its number. Numbers before it whose descriptions were lost stay without a name.
    pub(super) fn put(&mut self, series: Series, datastream: Datastream) {
        let at = series.0 as usize;
        if at >= DATASTREAMS_MAX {
            return;
        }
        let property = self.property(&datastream.observed_property);
        while self.by_number.len() <= at {
            self.replaced.insert(Series(self.by_number.len() as u32));
            self.by_number.push(Arc::new(nameless()));
            self.property_of.push(property);
        }
        if let Some(older) = self.by_id.insert(datastream.id.as_str().into(), series) {
            self.replaced.insert(older);
        }
        self.replaced.remove(&series);
        self.property_of[at] = property;
        self.by_number[at] = Arc::new(datastream);
    }

    fn property(&mut self, name: &str) -> u32 {
        let known = self.properties.iter().position(|p| **p == *name);
        known.unwrap_or_else(|| {
            self.properties.push(name.into());
            self.properties.len() - 1
        }) as u32
    }
}

fn nameless() -> Datastream {
    let nothing = String::new;
    let (id, feed, sensor, observed_property, unit) = (nothing(), nothing(), nothing(), nothing(), nothing());
    Datastream { id, feed, sensor, observed_property, unit, lon: f64::NAN, lat: f64::NAN, height_m: 0.0 }
}
