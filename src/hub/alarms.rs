//! The scene's alert rules at work: readings make incidents, end them, and take them back when they were corrected.

use super::core::Core;
use super::ingest;
use super::verdicts::Verdicts;
use crate::history::{At, History, HistoryError, ReadingsQuery, Select};
use crate::model::incident::{Action, Incident, IncidentState, Report, Severity, Stamp};
use crate::model::lifecycle::{Order, Wish};
use crate::model::observation::{Datastream, Observation, Quality};
use crate::model::protocol::{Outcome, Role};
use crate::model::rule::{AlertRule, Evidence, Needed, Verdict, Watch};
use crate::store::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The source of incidents made by rules, as their origin is named.
pub const SOURCE: &str = "rules";
/// How often silent sensors are looked for.
const TICK: Duration = Duration::from_secs(2);
/// A verdict that the disk can't take now is tried again this often; the next ones wait.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// Readings of one sensor asked of the history for an incident of before a restart: nearly three hours of one a second.
const REMEMBERED_MAX: usize = 10_000;
/// Begins the title of an incident whose cause is over.
const OVER_MARK: &str = "已恢复 ";
/// Begins the title of an incident that people had closed before it turned out that it never was.
const CORRECTED_MARK: &str = "数据更正 ";
/// Verdicts carried out together, each on an incident of its own: the store puts them on disk with one sync.
const TOGETHER_MAX: usize = 64;

/// All rules, by observed property.
#[derive(Default)]
pub struct Alarms {
    rules: Mutex<HashMap<String, Vec<Watch>>>,
    /// What they have said and nobody has carried out yet.
    pub verdicts: Verdicts,
}

impl Alarms {
    pub fn new(rules: &[AlertRule]) -> Self {
        let mut by_property: HashMap<String, Vec<Watch>> = HashMap::new();
        for rule in rules {
            by_property.entry(rule.observed_property.clone()).or_default().push(Watch::new(rule.clone()));
        }
        Self { rules: Mutex::new(by_property), verdicts: Verdicts::default() }
    }

    /// Judges a reading of a datastream. Flagged ones are no evidence, and take back what rested on them.
    pub fn take(&self, of: &Datastream, o: &Observation) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        for watch in rules.get_mut(&of.observed_property).into_iter().flatten() {
            let verdicts = match o.quality {
                Quality::Good => watch.take(&of.feed, &of.id, [of.lon, of.lat], o.phenomenon_time, o.value),
                Quality::Suspect => watch.doubt(&of.id, o.phenomenon_time, o.value),
            };
            verdicts.into_iter().for_each(|verdict| self.verdicts.say(watch.rule(), verdict));
        }
    }

    /// Takes up a sensor's last reading of before a restart, so that one that is silent from then on is missed.
    pub fn know(&self, of: &Datastream, o: &Observation, now: DateTime<Utc>) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watches) = rules.get_mut(&of.observed_property).filter(|_| o.quality == Quality::Good) else { return };
        for watch in watches {
            watch.know(&of.feed, &of.id, [of.lon, of.lat], (o.phenomenon_time, o.value), now);
        }
    }

    fn tick(&self, now: DateTime<Utc>) {
        for watch in self.rules.lock().unwrap_or_else(PoisonError::into_inner).values_mut().flatten() {
            for verdict in watch.tick(now) {
                self.verdicts.say(watch.rule(), verdict);
            }
        }
    }

    /// Takes up what was open before a restart, or over and not closed.
    pub fn resume<'a>(&self, open: impl Iterator<Item = &'a Incident>) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        for incident in open.filter(|i| i.source == SOURCE && !i.state.is_ended()) {
            rules.values_mut().flatten().for_each(|watch| watch.resume(&incident.id, incident.reported_at, is_over(incident)));
        }
    }

    /// What an incident of before a restart rested on, as far as its id doesn't say it.
    fn needs(&self, incident: &Incident) -> Option<Needed> {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.values().flatten().find_map(|watch| watch.needs(&incident.id, incident.reported_at))
    }

    fn remember(&self, incident: &str, readings: &[Evidence]) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.values_mut().flatten().for_each(|watch| watch.remember(incident, readings.to_vec()));
    }
}

/// Carries verdicts out until the feeds have `ended`, and then those that still wait.
pub async fn run(core: Arc<Core>, mut ended: watch::Receiver<bool>) {
    if core.scene.scene.rules.is_empty() {
        return;
    }
    let open: Vec<Incident> = core.world().incidents.values().filter(|i| i.source == SOURCE && !i.state.is_ended()).cloned().collect();
    // Beside what comes in: thousands of questions to the history take their time.
    tokio::spawn(core.clone().remember(open));
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            said = core.alarms.verdicts.next(TOGETHER_MAX) => core.carry_out_all(said).await,
            _ = tick.tick() => core.alarms.tick(Utc::now()),
            () = ingest::stop(&mut ended) => break,
        }
    }
    loop {
        let rest = core.alarms.verdicts.take(TOGETHER_MAX);
        if rest.is_empty() {
            return;
        }
        core.carry_out_all(rest).await;
    }
}

impl Core {
    /// Tells the rules what the `open` incidents of before a restart rested on, so that a correction still takes them back.
    async fn remember(self: Arc<Self>, open: Vec<Incident>) {
        let Some(history) = &self.history else { return };
        for incident in &open {
            let Some(needed) = self.alarms.needs(incident) else { continue };
            match needed_readings(&**history, needed).await {
                Ok(readings) => self.alarms.remember(&incident.id, &readings),
                Err(e) => tracing::warn!(incident = incident.id, "a correction will not take it back: {e}"),
            }
        }
    }

    /// Carries out verdicts on incidents that all differ.
    async fn carry_out_all(&self, said: Vec<(Arc<AlertRule>, Verdict)>) {
        join_all(said.iter().map(|(rule, verdict)| self.carry_out(rule, verdict))).await;
    }

    async fn carry_out(&self, rule: &AlertRule, verdict: &Verdict) {
        loop {
            match self.try_carry_out(rule, verdict).await {
                Err(e) if e.may_pass() => {
                    tracing::error!(rule = rule.id, "a verdict waits: {e}");
                    tokio::time::sleep(RETRY_EVERY).await;
                }
                Err(e) => return tracing::error!(rule = rule.id, "a verdict was not carried out: {e}"),
                Ok(Some(Outcome::Rejected { rule: why, .. })) => {
                    return tracing::warn!(rule = rule.id, "a verdict was not carried out: {why}");
                }
                Ok(_) => return,
            }
        }
    }

    async fn try_carry_out(&self, rule: &AlertRule, verdict: &Verdict) -> Result<Option<Outcome>, StoreError> {
        match verdict {
            Verdict::Open { id, at, lon, lat, evidence } => {
                let report = self.report(rule, id.clone(), *at, [*lon, *lat], evidence);
                self.feed_report(SOURCE, report, Utc::now()).await
            }
            Verdict::OpenFeed { id, at, feed, sensors, lon, lat, evidence } => {
                let report = self.feed_silent(rule, feed, *sensors, evidence);
                let report = Report { id: id.clone(), lon: *lon, lat: *lat, reported_at: Some(*at), ..report };
                self.feed_report(SOURCE, report, Utc::now()).await
            }
            Verdict::Close { id, at, last } => self.over(id, *at, last.as_ref()).await,
            Verdict::Retract { id, corrected, flagged } => self.retract(id, corrected, *flagged).await,
        }
    }

    fn report(&self, rule: &AlertRule, id: String, at: DateTime<Utc>, [lon, lat]: [f64; 2], evidence: &[Evidence]) -> Report {
        let world = self.world();
        let of = evidence.first().and_then(|e| world.datastreams.get(&e.datastream));
        let (sensor, unit) = of.map_or(("", ""), |d| (d.sensor.as_str(), d.unit.as_str()));
        let last = evidence.last().map_or(String::new(), |e| format!(" {} {unit}", rounded(e.value)));
        let lines = evidence.iter().map(|e| {
            let name = world.datastreams.get(&e.datastream).map_or(e.datastream.as_str(), |d| d.sensor.as_str());
            format!("{} {name} {} {unit}", e.time.format("%H:%M:%SZ"), rounded(e.value))
        });
        let description = format!("依据 evidence ({}):\n{}", rule.id, lines.collect::<Vec<_>>().join("\n"));
        Report {
            id,
            domain: rule.domain,
            category: rule.category.clone(),
            severity: rule.severity,
            title: format!("{}：{sensor}{last}", rule.name),
            title_en: if rule.name_en.is_empty() { String::new() } else { format!("{}: {sensor}{last}", rule.name_en) },
            description,
            lon,
            lat,
            area: None,
            reported_at: Some(at),
        }
    }

    /// A feed of which nothing comes any more: how many sensors that is, and what the feed says of itself.
    fn feed_silent(&self, rule: &AlertRule, feed: &str, sensors: usize, evidence: &[Evidence]) -> Report {
        let report = self.report(rule, String::new(), Utc::now(), [0.0; 2], evidence);
        let state = match self.world().feeds.get(feed) {
            Some(status) if status.connected => "已连接但无数据 connected, but nothing comes".to_owned(),
            Some(status) => format!("未连接 not connected: {}", status.last_error.as_deref().unwrap_or("?")),
            None => "未知 not known".to_owned(),
        };
        let english = if rule.name_en.is_empty() { &rule.name } else { &rule.name_en };
        Report {
            title: format!("{}：数据源 {feed} 中断，{sensors} 个传感器", rule.name),
            title_en: format!("{english}: feed {feed} is silent, {sensors} sensors"),
            description: format!("{feed}: {state}\n{sensors} 个传感器 sensors\n{}", report.description),
            ..report
        }
    }

    /// The cause is over: said in the incident, which people still close when they have looked.
    async fn over(&self, id: &str, at: DateTime<Utc>, last: Option<&Evidence>) -> Result<Option<Outcome>, StoreError> {
        let Some(known) = self.open_incident(id).filter(|known| !is_over(known)) else { return Ok(None) };
        let value = last.map_or(String::new(), |e| format!(" {}", rounded(e.value)));
        let line = format!("{} 恢复 over{value}", at.format("%H:%M:%SZ"));
        let report = Report { severity: Severity::Info, ..marked(&known, [OVER_MARK, "over"], &line) };
        self.feed_report(SOURCE, report, Utc::now()).await
    }

    /// What it rested on was corrected: void, with the reason for everybody to see. One that people have closed stays as they left it, and
    /// says so.
    async fn retract(&self, id: &str, corrected: &Evidence, flagged: bool) -> Result<Option<Outcome>, StoreError> {
        let Some(known) = self.world().incidents.get(id).cloned() else { return Ok(None) };
        let at = corrected.time.format("%H:%M:%SZ");
        let what = if flagged { "数据存疑 suspect data" } else { "数据已更正 corrected data" };
        let reason = format!("{what}: {} {at} = {}", corrected.datastream, rounded(corrected.value));
        let what = match known.state {
            IncidentState::Void => return Ok(None),
            state if state.is_ended() => Wish::Amend { report: marked(&known, [CORRECTED_MARK, "corrected"], &reason) },
            _ => Wish::Move { expected_version: known.version, action: Action::Void },
        };
        let order = Order {
            command: format!("{id}/retract/{}", known.version),
            by: Stamp { actor: SOURCE.into(), screen: "feed".into(), at: Utc::now() },
            role: Role::Officer,
            device_time: None,
            reason: Some(reason),
            what,
        };
        self.try_incident(id, order).await.map(Some)
    }

    fn open_incident(&self, id: &str) -> Option<Incident> {
        self.world().incidents.get(id).cloned().filter(|i| !i.state.is_ended())
    }
}

async fn needed_readings(history: &dyn History, needed: Needed) -> Result<Vec<Evidence>, HistoryError> {
    let evidence = |o: Observation| Evidence { datastream: o.datastream, time: o.phenomenon_time, value: o.value };
    let (readings, since) = match needed {
        Needed::Of { datastream, from, to } => {
            // A span is up to its end, which is the reading that opened it.
            let to = to + TimeDelta::microseconds(1);
            let select = Select::datastream(&datastream);
            let query = ReadingsQuery { select, from, to, newest_first: true, skip: 0, limit: REMEMBERED_MAX, known_by: None };
            (history.readings(query).await?.rows, from)
        }
        Needed::Latest { rule, since, at } => {
            let state = history.latest_at(At::as_it_happened(at), Select::property(&rule.observed_property)).await?;
            let covered: HashSet<&str> = state.iter().filter(|(d, _)| rule.covers(d.lon, d.lat)).map(|(d, _)| d.id.as_str()).collect();
            (state.readings().filter(|r| covered.contains(r.observation.datastream.as_str())).collect(), since)
        }
    };
    let good = readings.into_iter().map(|r| r.observation).filter(|o| o.quality == Quality::Good && o.phenomenon_time >= since);
    Ok(good.map(evidence).collect())
}

/// What a rule says anew of an incident: a mark before its title, in Chinese and English, and a line more.
fn marked(known: &Incident, [mark, mark_en]: [&str; 2], line: &str) -> Report {
    Report {
        id: known.id.clone(),
        domain: known.domain,
        category: known.category.clone(),
        severity: known.severity,
        title: format!("{mark}{}", known.title),
        title_en: if known.title_en.is_empty() { String::new() } else { format!("{mark_en}: {}", known.title_en) },
        description: format!("{}\n{line}", known.description),
        lon: known.lon,
        lat: known.lat,
        area: known.area.clone(),
        reported_at: None,
    }
}

/// Whether the cause of a rule's incident was over, as it is said in it.
fn is_over(incident: &Incident) -> bool {
    incident.title.starts_with(OVER_MARK)
}

/// Four digits are more than any sensor has.
fn rounded(value: f64) -> String {
    let digits = if value.abs() >= 100.0 { 0 } else { 1 };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests;
