//! What a hub knows again after its start, out of its history and its store: sensors with their last readings before the first feed
//! speaks, and for each feed what it needs to go on.

use super::core::Core;
use super::tracks::is_track;
use crate::feeds::Kept;
use crate::history::{History, HistoryError, READINGS_MAX, ReadingsQuery, Select};
use crate::model::feed::{FeedConfig, Source};
use crate::model::observation::{Datastream, Observation};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, HashSet};

/// A sensor of which nothing was heard for longer is known again when its feed names it.
const HEARD_WITHIN: TimeDelta = TimeDelta::days(7);
/// Readings of the last time before the hub ended, by which a feed that asks for the past knows those that come again.
const RECENT: TimeDelta = TimeDelta::hours(1);
/// Of these, at most so many times [`READINGS_MAX`].
const RECENT_PAGES_MAX: usize = 5;
/// A source's readings may be so far ahead of our clock.
const AHEAD_MAX: TimeDelta = TimeDelta::days(40);

/// Enters the sensors of the scene's feeds with their last readings, and tells the alert rules of them and of their open incidents.
pub async fn world(core: &Core) {
    core.alarms.resume(core.world().incidents.values());
    let Some(history) = core.history.clone() else { return };
    let now = Utc::now();
    let (datastreams, newest) = match last_known(core, &*history, now).await {
        Ok(known) => known,
        Err(e) => return tracing::warn!("sensors are known again when their feeds name them: {e}"),
    };
    let mut world = core.world();
    for datastream in datastreams {
        let reading = newest.get(&datastream.id);
        if let Some(reading) = reading {
            core.alarms.know(&datastream, reading, now);
        }
        world.remember_sensor(datastream, reading.cloned());
    }
}

/// Datastreams of the scene's feeds, and the last readings that are not too old. Of a feed that posts all that it has described, since
/// it need not describe it again.
async fn last_known(
    core: &Core,
    history: &dyn History,
    now: DateTime<Utc>,
) -> Result<(Vec<Datastream>, HashMap<String, Observation>), HistoryError> {
    let feeds: HashMap<&str, bool> =
        core.scene.scene.feeds.iter().map(|f| (f.id(), matches!(f.source, Source::SensorthingsIn {}))).collect();
    let catalogue = history.catalogue().await?;
    let of_scene = |d: &&Datastream| feeds.contains_key(d.feed.as_str()) && !is_track(d);
    let mut datastreams: Vec<Datastream> = catalogue.current().map(|(_, d)| d).filter(of_scene).cloned().collect();
    if datastreams.is_empty() {
        return Ok((datastreams, HashMap::new()));
    }
    let properties: HashSet<&String> = datastreams.iter().map(|d| &d.observed_property).collect();
    let select = Select { properties: properties.into_iter().cloned().collect(), ..Select::default() };
    let state = history.latest(select).await?;
    let readings = state.readings().map(|reading| reading.observation);
    let newest: HashMap<String, Observation> =
        readings.filter(|o| o.phenomenon_time > now - HEARD_WITHIN).map(|o| (o.datastream.clone(), o)).collect();
    datastreams.retain(|d| newest.contains_key(&d.id) || feeds.get(d.feed.as_str()) == Some(&true));
    Ok((datastreams, newest))
}

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
