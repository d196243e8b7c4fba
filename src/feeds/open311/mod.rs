//! Service requests of citizens (Open311 GeoReport v2): new ones by the time they were made, page by page; those that were open the
//! last time by their ids, since the standard has no way to ask for what has changed.

mod parse;
#[cfg(test)]
mod tests;

use super::outbox::{Doubt, Outbox, Reason};
use super::rounds::{Source, make_room};
use super::visit::{Answer, Visitor};
use super::{FeedError, FeedEvent};
use crate::model::feed::Open311Requests;
use crate::model::incident::Report;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use indexmap::IndexMap;
use parse::Request;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Requests remembered; a large city has some thousand a day.
const REMEMBERED_MAX: usize = 50_000;
const PAGE_SIZE: usize = 100;
/// Pages followed in one round.
const PAGES_MAX: usize = 200;
/// Ids asked for in one request: addresses have an end, at some servers at 2 kB.
const IDS_MAX: usize = 50;
/// Such requests a round; the rest is asked for in the next ones.
const CHUNKS_MAX: usize = 4;
/// How far before the newest request we ask again, since servers publish late and not in order.
const OVERLAP: TimeDelta = TimeDelta::hours(1);
/// The services change seldom.
const SERVICES_EVERY: Duration = Duration::from_secs(3600);
const ACCEPT: &str = "application/json, text/xml;q=0.9, application/xml;q=0.9";

/// A request that was over before we heard of it; a word of the ledger.
const OVER: &str = "over_already";

/// Reads one endpoint; what it knows outlives a break.
pub(super) struct Requests {
    feed: String,
    root: String,
    wanted: Open311Requests,
    /// When the newest request was made.
    position: Option<DateTime<Utc>>,
    known: IndexMap<String, Known>,
    /// Where the last round's questions about open ones ended.
    asked_to: usize,
    services: HashMap<String, String>,
    services_read: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Known {
    hash: u64,
    open: bool,
}

impl Requests {
    pub fn new(feed: String, url: String, wanted: Open311Requests) -> Self {
        Self {
            feed,
            root: url.trim_end_matches('/').to_owned(),
            wanted,
            position: None,
            known: IndexMap::new(),
            asked_to: 0,
            services: HashMap::new(),
            services_read: None,
        }
    }

    /// Looks after the requests whose incidents are open, also those made long ago.
    pub fn resume(mut self, open: &[String]) -> Self {
        let own = format!("{}/", self.feed);
        let known = open.iter().filter_map(|incident| Some((incident.strip_prefix(&own)?.to_owned(), Known { hash: 0, open: true })));
        self.known.extend(known);
        self
    }

    fn address(&self, what: &str, query: &[(&str, &str)]) -> Result<String, FeedError> {
        let address = format!("{}/{what}.{}", self.root, if self.wanted.xml { "xml" } else { "json" });
        let mut url = Url::parse(&address).map_err(|e| FeedError::Http { url: address, why: e.to_string() })?;
        let jurisdiction = self.wanted.jurisdiction.as_deref().map(|j| ("jurisdiction_id", j));
        let query: Vec<_> = query.iter().copied().chain(jurisdiction).collect();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url.into())
    }

    /// Names of the services, and which of the scene's codes the endpoint doesn't have. Requests are read without them as well.
    async fn learn_services(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        if self.services_read.is_some_and(|at| at.elapsed() < SERVICES_EVERY) {
            return Ok(());
        }
        let url = self.address("services", &[])?;
        let page = match http.get(&url, ACCEPT, outbox).await {
            Ok(Answer::New(page)) => page,
            Ok(Answer::Unchanged) => {
                self.services_read = Some(Instant::now());
                return Ok(());
            }
            Err(error) => {
                outbox.note(error.to_string());
                return Ok(());
            }
        };
        self.services_read = Some(Instant::now());
        match parse::services(&page.body) {
            Ok(services) => self.services = services.into_iter().collect(),
            Err(why) => outbox.note(format!("{url}: {why}")),
        }
        let strange: Vec<_> = self.wanted.services.keys().filter(|code| !self.services.contains_key(*code)).collect();
        if !self.services.is_empty() && !strange.is_empty() {
            outbox.note(format!("{}: has no services {strange:?}, which the scene names", self.root));
        }
        http.taken(&url, &page);
        Ok(())
    }

    /// What was requested since the position, page by page.
    async fn catch_up(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        let now = Utc::now();
        let from = self.position.map_or(now - TimeDelta::days(self.wanted.days.min(90).into()), |p| p - OVERLAP);
        let from = from.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut newest = self.position;
        let mut first_before = None;
        for page in 1..=PAGES_MAX {
            let (number, size) = (page.to_string(), PAGE_SIZE.to_string());
            let url = self.address("requests", &[("start_date", &from), ("page", &number), ("page_size", &size)])?;
            let requests = self.ask(&url, http, outbox).await?;
            // Only ever as far as now: a request dated ahead must not hide those in between.
            newest = newest.max(requests.iter().flatten().filter_map(|r| r.requested).filter(|t| *t <= now).max());
            // A server that knows no pages gives the same one again.
            let first = requests.iter().flatten().next().map(|r| r.id.clone());
            let count = requests.len();
            if first.is_some() && first == first_before {
                break;
            }
            first_before = first;
            for request in requests {
                self.take(request, outbox).await?;
            }
            outbox.flush()?;
            if count < PAGE_SIZE {
                break;
            }
        }
        self.position = newest;
        Ok(())
    }

    /// What has become of those that were open, a part of them each round.
    async fn look_after_open(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        let open: Vec<String> = self.known.iter().filter(|(_, k)| k.open).map(|(id, _)| id.clone()).collect();
        let start = if self.asked_to >= open.len() { 0 } else { self.asked_to };
        let part = &open[start..open.len().min(start + CHUNKS_MAX * IDS_MAX)];
        for ids in part.chunks(IDS_MAX) {
            let url = self.address("requests", &[("service_request_id", &ids.join(","))])?;
            for request in self.ask(&url, http, outbox).await? {
                self.take(request, outbox).await?;
            }
            outbox.flush()?;
        }
        self.asked_to = start + part.len();
        Ok(())
    }

    async fn ask(&self, url: &str, http: &mut Visitor, outbox: &mut Outbox) -> Result<Vec<Result<Request, String>>, FeedError> {
        // Never by validators: which page holds what moves with each new request.
        let Answer::New(page) = http.get(url, ACCEPT, outbox).await? else { return Ok(Vec::new()) };
        parse::requests(&page.body).map_err(|why| {
            outbox.reject(Reason::Unreadable, format!("{url}: {why}"));
            FeedError::Http { url: url.to_owned(), why }
        })
    }

    async fn take(&mut self, request: Result<Request, String>, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut hasher = DefaultHasher::new();
        format!("{request:?}").hash(&mut hasher);
        let hash = hasher.finish();
        let key = request.as_ref().map_or_else(|_| format!("\0{hash:016x}"), |r| r.id.clone());
        let before = self.known.get(&key).copied();
        if before.is_some_and(|known| known.hash == hash) {
            return Ok(());
        }
        let mut open = false;
        match request {
            Err(why) => outbox.reject(Reason::Incomplete, why),
            Ok(request) if request.closed => {
                if before.is_some_and(|known| known.open) {
                    outbox.deliver(self.ended(&request)).await?;
                } else {
                    outbox.left_out(OVER);
                }
            }
            Ok(request) => match request.place {
                None => {
                    outbox.reject(Reason::Incomplete, format!("request {}: no lat and long, and addresses are not looked up", request.id))
                }
                Some((0.0, 0.0)) => outbox.quarantine(Doubt::Place, format!("request {}: is at 0, 0", request.id)),
                Some(place) => {
                    open = true;
                    outbox.deliver(FeedEvent::Incident(self.report(&request, place))).await?;
                }
            },
        }
        if !self.known.contains_key(&key) {
            make_room(&mut self.known, REMEMBERED_MAX, |known| known.open);
        }
        self.known.insert(key, Known { hash, open });
        Ok(())
    }

    fn ended(&self, request: &Request) -> FeedEvent {
        let why = request.status_notes.clone().unwrap_or_else(|| "closed by its source".into());
        FeedEvent::Ended { incident: self.incident(&request.id), why }
    }

    fn incident(&self, id: &str) -> String {
        format!("{}/{id}", self.feed)
    }

    fn report(&self, request: &Request, (lon, lat): (f64, f64)) -> Report {
        let code = request.service_code.as_deref().unwrap_or_default();
        let filing = self.wanted.services.get(code).unwrap_or(&self.wanted.other);
        let name = request.service_name.clone().or_else(|| self.services.get(code).cloned());
        let title = name.or_else(|| request.description.clone()).unwrap_or_else(|| format!("{} {}", self.feed, request.id));
        let notes = [&request.description, &request.address, &request.status_notes];
        Report {
            id: self.incident(&request.id),
            domain: filing.domain,
            category: filing.category.clone(),
            severity: filing.severity,
            title: title.chars().take(100).collect(),
            title_en: String::new(),
            description: notes.into_iter().flatten().cloned().collect::<Vec<_>>().join("\n").chars().take(2_000).collect(),
            lon,
            lat,
            area: None,
            reported_at: request.requested,
        }
    }
}

impl Source for Requests {
    async fn round(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        self.learn_services(http, outbox).await?;
        self.catch_up(http, outbox).await?;
        self.look_after_open(http, outbox).await
    }

    /// Some platforms push what their own endpoint would say.
    async fn posted(&mut self, body: &[u8], outbox: &mut Outbox) -> Result<Result<(), String>, FeedError> {
        let requests = match parse::requests(body) {
            Ok(requests) => requests,
            Err(why) => {
                outbox.reject(Reason::Unreadable, why.clone());
                return Ok(Err(why));
            }
        };
        for request in requests {
            self.take(request, outbox).await?;
        }
        Ok(Ok(()))
    }
}
