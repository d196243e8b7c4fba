//! The series a question is about, by number and by property.

use crate::history::{Catalogue, Sample, Select, Series};
use std::collections::BTreeMap;
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
        let mut members: BTreeMap<&str, Vec<Series>> = BTreeMap::new();
        if select.datastreams.is_empty() {
            for (series, d) in catalogue.current().filter(|(_, d)| select.holds(&d.id, &d.observed_property)) {
                members.entry(&d.observed_property).or_default().push(series);
            }
        } else {
            let named = select.datastreams.iter().filter_map(|id| catalogue.series(id));
            for (series, d) in named.filter_map(|s| catalogue.get(s).map(|d| (s, d))) {
                if select.holds(&d.id, &d.observed_property) {
                    members.entry(&d.observed_property).or_default().push(series);
                }
            }
        }
        let mut slots = vec![(NOT, NOT); catalogue.len()];
        let mut properties = Vec::new();
        for (property, mut series) in members {
            series.sort_unstable();
            series.dedup();
            for (at, one) in series.iter().enumerate() {
                if let Some(slot) = slots.get_mut(one.0 as usize) {
                    *slot = (at as u32, properties.len() as u32);
                }
            }
            properties.push((Arc::from(property), series));
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
