//! What each feed needs to go on after a start of the hub, out of its history and its store.

use super::core::Core;
use crate::feeds::Kept;
use crate::history::{History, HistoryError, READINGS_MAX, ReadingsQuery, Select};
use crate::model::feed::{FeedConfig, Source};
use crate::model::observation::{Datastream, Observation};
use chrono::{TimeDelta, Utc};

/// Readings of the last time before the hub ended, by which a feed that asks for the past knows those that come again.
const RECENT: TimeDelta = TimeDelta::hours(1);
/// Of these, at most so many times [`READINGS_MAX`].
const RECENT_PAGES_MAX: usize = 5;
/// A source's readings may be so far ahead of our clock.
const AHEAD_MAX: TimeDelta = TimeDelta::days(40);

/// What is kept of a feed, as far as its kind has a use for it.
pub async fn kept(core: &Core, config: &FeedConfig) -> Kept {
    let feed = config.id();
    match config.source {
        Source::Sensorthings { .. } | Source::SensorthingsIn {} => {
            let Some(history) = core.history.clone() else { return Kept::default() };
            let kept = readings(&*history, config).await;
            kept.inspect_err(|e| tracing::warn!(feed, "begins anew: {e}")).unwrap_or_default()
        }
        Source::Open311 { .. } | Source::Eido { .. } | Source::NgsiLd { .. } => {
            let world = core.world();
            let open = world.incidents.values().filter(|i| i.source == feed && !i.state.is_ended()).map(|i| i.id.clone());
            Kept { open: open.collect(), ..Kept::default() }
        }
        Source::Cap { .. } => {
            let alerts = core.world().alerts.values().filter(|a| a.feed == feed).cloned().collect();
            Kept { alerts, ..Kept::default() }
        }
        _ => Kept::default(),
    }
}

async fn readings(history: &dyn History, config: &FeedConfig) -> Result<Kept, HistoryError> {
    let catalogue = history.catalogue().await?;
    let own = catalogue.current().map(|(_, d)| d).filter(|d| d.feed == config.id());
    let datastreams: Vec<Datastream> = own.cloned().collect();
    // An empty selection would be everything.
    if datastreams.is_empty() || matches!(config.source, Source::SensorthingsIn {}) {
        return Ok(Kept { datastreams, ..Kept::default() });
    }
    let select = Select { datastreams: datastreams.into_iter().map(|d| d.id).collect(), ..Select::default() };
    let newest: Vec<_> = history.latest(select.clone()).await?.readings().map(|r| r.observation).collect();
    let Some(last) = newest.iter().map(|o| o.phenomenon_time).max() else { return Ok(Kept::default()) };
    let now = Utc::now();
    let from = last.min(now) - RECENT;
    let mut query = ReadingsQuery { select, from, to: now + AHEAD_MAX, newest_first: true, skip: 0, limit: READINGS_MAX, known_by: None };
    let (mut recent, mut recent_since) = (Vec::new(), Some(from));
    for page in 1..=RECENT_PAGES_MAX {
        let told = history.readings(query.clone()).await?.rows;
        let is_last = told.len() < READINGS_MAX;
        recent.extend(told.into_iter().map(|reading| reading.observation));
        if is_last {
            break;
        }
        if page == RECENT_PAGES_MAX {
            // Of its very last instant some may be missing.
            recent_since = recent.last().map(|o: &Observation| o.phenomenon_time + TimeDelta::microseconds(1));
        }
        query.skip += READINGS_MAX;
    }
    Ok(Kept { newest, recent, recent_since, ..Kept::default() })
}
