//! The series a question is about, by number and by property.

use crate::history::{Catalogue, Sample, Select, Series};
use std::ops::RangeInclusive;
use std::sync::Arc;

const NOT: u32 = u32::MAX;

pub(super) struct Chosen {
    /// Chosen series of each property, in the order of their numbers.
    pub properties: Vec<(Arc<str>, Vec<Series>)>,
    /// By number: place among the chosen of its property, and which property.
    slots: Vec<(u32, u32)>,
}

impl Chosen {
    pub(super) fn new(catalogue: &Catalogue, select: &Select) -> Self {
        let wanted = |property: &Arc<str>| select.properties.is_empty() || select.properties.iter().any(|p| **p == **property);
        let wanted: Vec<bool> = catalogue.properties().iter().map(wanted).collect();
        let mut members: Vec<Vec<Series>> = vec![Vec::new(); wanted.len()];
        let mut choose = |series: Series| {
            if let Some(property) = catalogue.property_of(series).filter(|p| wanted[*p]) {
                members[property].push(series);
            }
        };
        if select.datastreams.is_empty() {
            (0..catalogue.len() as u32).map(Series).filter(|s| catalogue.is_current(*s)).for_each(&mut choose);
        } else {
            let mut named: Vec<Series> = select.datastreams.iter().filter_map(|id| catalogue.series(id)).collect();
            named.sort_unstable();
            named.dedup();
            named.into_iter().for_each(&mut choose);
        }
        let mut slots = vec![(NOT, NOT); catalogue.len()];
        let mut properties = Vec::new();
        for (name, series) in catalogue.properties().iter().zip(members).filter(|(_, series)| !series.is_empty()) {
            for (at, one) in series.iter().enumerate() {
                if let Some(slot) = slots.get_mut(one.0 as usize) {
                    *slot = (at as u32, properties.len() as u32);
                }
            }
            properties.push((name.clone(), series));
        }
        Self { properties, slots }
    }

    pub(super) fn holds(&self, series: Series) -> bool {
        self.slots.get(series.0 as usize).is_some_and(|(at, _)| *at != NOT)
    }

    /// Place of a series among the chosen of property number `property`.
    pub(super) fn slot(&self, series: Series, property: usize) -> Option<usize> {
        let (at, of) = self.slots.get(series.0 as usize)?;
        (*at != NOT && *of as usize == property).then_some(*at as usize)
    }

    /// Chosen samples, by property.
    pub(super) fn split<'a>(&self, samples: impl Iterator<Item = &'a Sample>) -> Vec<Vec<Sample>> {
        let mut split = vec![Vec::new(); self.properties.len()];
        for sample in samples {
            let Some((at, of)) = self.slots.get(sample.series.0 as usize) else { continue };
            if *at != NOT
                && let Some(list) = split.get_mut(*of as usize)
            {
                list.push(*sample);
            }
        }
        split
    }
}

/// Least and greatest number of series in order.
pub(super) fn range(series: &[Series]) -> RangeInclusive<u32> {
    series.first().zip(series.last()).map_or(0..=0, |(a, b)| a.0..=b.0)
}
