//! Asking for readings: of all datastreams since a time, and of those by name that such a question doesn't reach.

use super::catalogue::PAGES_MAX;
use super::page::{Page, encoded, page, page_quietly};
use super::{Adapter, Way, mqtt, parse};
use crate::feeds::FeedError;
use crate::feeds::http::Caller;
use crate::feeds::outbox::{Outbox, Reason};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

/// Datastreams named in one question, and characters of their names: addresses have an end, at some servers at 4 kB.
const NAMED_MAX: usize = 50;
const NAMES_CHARS_MAX: usize = 1_200;
/// Datastreams asked for one by one in a round, at a server that can't be asked for several; the rest waits for the next.
const SINGLE_MAX: usize = 200;
/// How far before the last reading of a datastream it is asked for by name: a reading of a span of time may be filed under its beginning.
const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// Some datastreams of which readings are owed, all since one time.
struct Owed {
    ids: Vec<String>,
    /// Their ids as `$filter` has them.
    names: Vec<String>,
    since: DateTime<Utc>,
}

impl Adapter {
    /// All datastreams' readings back to `depth` behind the newest, page by page, oldest first.
    pub(super) async fn catch_up(&mut self, depth: TimeDelta, http: &Caller, outbox: &mut Outbox) -> Result<(), FeedError> {
        let Some(from) = self.reach.from(depth) else { return Ok(()) };
        self.reach.asks(from);
        let asked = question("Observations", &format!("phenomenonTime gt {}", iso(from)));
        let mut current = self.first_page(&asked, http, outbox).await?;
        for _ in 0..PAGES_MAX {
            let next = self.take_page(current, None, outbox).await?;
            self.reach.page_taken();
            let Some(url) = next else {
                self.reach.reached();
                return Ok(());
            };
            current = page(http, &url, outbox).await?;
        }
        outbox.note(format!("more than {PAGES_MAX} pages since {}; the rest is left for the next time", iso(from)));
        Ok(())
    }

    /// What is owed of single datastreams, some of them in one question.
    pub(super) async fn ask_for_owed(&mut self, http: &Caller, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut singles = 0;
        for owed in self.owed() {
            if self.groups && owed.names.len() > 1 {
                let names: Vec<_> = owed.names.iter().map(|name| format!("Datastream/id eq {name}")).collect();
                let since = iso(owed.since - OVERLAP);
                let asked = question("Observations", &format!("({}) and phenomenonTime gt {since}", names.join(" or ")));
                let data_arrays = self.data_arrays;
                match self.ask(&asked, None, http, outbox).await {
                    Err(FeedError::Http { why, .. }) if why.starts_with("answered ") => {
                        outbox.note(format!("{}: can't ask for several datastreams at once: {why}", self.root));
                        (self.groups, self.data_arrays) = (false, data_arrays);
                    }
                    asked => {
                        asked?;
                        self.settled(&owed.ids);
                        continue;
                    }
                }
            }
            for id in owed.ids {
                if singles == SINGLE_MAX {
                    return Ok(());
                }
                singles += 1;
                let Some(stream) = self.streams.get(&id) else { continue };
                let since = stream.progress.owed.unwrap_or(owed.since) - OVERLAP;
                let asked = question(&format!("{}/Observations", in_address(&stream.path)), &format!("phenomenonTime gt {}", iso(since)));
                self.ask(&asked, Some(&id), http, outbox).await?;
                self.settled(&[id]);
            }
        }
        Ok(())
    }

    fn settled(&mut self, ids: &[String]) {
        for id in ids {
            if let Some(stream) = self.streams.get_mut(id) {
                stream.progress.owed = None;
            }
        }
    }

    /// Those that are owed, by time, so that those that go together reach back alike.
    fn owed(&self) -> Vec<Owed> {
        let mut all: Vec<_> = self.streams.iter().filter_map(|(id, s)| Some((s.progress.owed?, id, s.path.as_str()))).collect();
        all.sort_unstable();
        let mut groups: Vec<Owed> = Vec::new();
        for (since, id, path) in all {
            let name = path.strip_prefix("Datastreams(").and_then(|p| p.strip_suffix(')')).unwrap_or(path).to_owned();
            let has_room =
                |g: &&mut Owed| g.names.len() < NAMED_MAX && g.names.iter().map(String::len).sum::<usize>() + name.len() <= NAMES_CHARS_MAX;
            match groups.last_mut().filter(has_room) {
                Some(group) => {
                    group.ids.push(id.clone());
                    group.names.push(name);
                }
                None => groups.push(Owed { ids: vec![id.clone()], names: vec![name], since }),
            }
        }
        groups
    }

    /// All pages of a question; `of` is the datastream that it is about.
    async fn ask(&mut self, asked: &str, of: Option<&str>, http: &Caller, outbox: &mut Outbox) -> Result<(), FeedError> {
        let mut current = self.first_page(asked, http, outbox).await?;
        for _ in 0..PAGES_MAX {
            let Some(url) = self.take_page(current, of, outbox).await? else { return Ok(()) };
            current = page(http, &url, outbox).await?;
        }
        outbox.note(format!("{asked}: more than {PAGES_MAX} pages; the rest is left out"));
        Ok(())
    }

    /// As data arrays where the server has them, a tenth of the bytes.
    async fn first_page(&mut self, asked: &str, http: &Caller, outbox: &mut Outbox) -> Result<Page, FeedError> {
        let asked = format!("{}/{asked}", self.root);
        self.reach.begins_question();
        if self.data_arrays {
            match page_quietly(http, &format!("{asked}&$resultFormat=dataArray"), outbox).await {
                Ok(page) if page.entities.iter().all(|e| e.get("dataArray").is_some()) => return Ok(page),
                // It doesn't know them, or says so.
                Ok(_) => self.data_arrays = false,
                Err(FeedError::Http { why, .. }) if why.starts_with("answered ") => self.data_arrays = false,
                Err(error) => return Err(error),
            }
        }
        page(http, &format!("{asked}&$expand=Datastream($select=id)"), outbox).await
    }

    /// Takes a page; gives the address of the next one.
    async fn take_page(&mut self, page: Page, of: Option<&str>, outbox: &mut Outbox) -> Result<Option<String>, FeedError> {
        for entity in page.entities {
            // A data array names its datastream by a link.
            let linked = entity.get("Datastream@iot.navigationLink").and_then(Value::as_str).and_then(mqtt::id_in);
            let multi = entity.get("MultiDatastream@iot.navigationLink").and_then(Value::as_str).map(str::to_owned);
            match parse::observations(entity) {
                Err(why) => self.refuse(&why, Reason::Unreadable, why.clone(), outbox),
                Ok(observations) => {
                    for (id, observation) in &observations {
                        match (of.or(id.as_deref()).or(linked.as_deref()), &multi) {
                            (Some(id), _) => self.take(id, observation, Way::Asked, outbox).await?,
                            // Each is said once: its observations come again with each question.
                            (None, Some(link)) => {
                                let why = format!("{link}: MultiDatastreams are not read; offer each property as a Datastream");
                                self.refuse(link, Reason::Unsupported, why, outbox);
                            }
                            (None, None) => {
                                let why = "an observation that names no Datastream".into();
                                self.refuse(&observation.to_string(), Reason::Incomplete, why, outbox);
                            }
                        }
                    }
                }
            }
        }
        self.forget();
        outbox.flush()?;
        Ok(page.next)
    }
}

/// Readings below `path` that meet `filter`, oldest first.
fn question(path: &str, filter: &str) -> String {
    format!("{path}?$filter={}&$orderby=phenomenonTime%20asc&$top=1000", encoded(filter))
}

/// A path like `Datastreams('a/b')` as it stands in an address.
fn in_address(path: &str) -> String {
    [("%", "%25"), ("/", "%2F"), ("?", "%3F"), ("#", "%23")].iter().fold(path.to_owned(), |path, (from, to)| path.replace(from, to))
}

fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
