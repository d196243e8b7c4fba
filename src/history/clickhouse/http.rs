//! ClickHouse's HTTP interface: a statement in, rows out; another server is asked when one does not answer.

use crate::history::HistoryError;
use futures_util::StreamExt;
use reqwest::header::HeaderValue;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use url::Url;

/// Bytes of one answer.
const ANSWER_MAX: usize = 1 << 30;
/// A server that says nothing for so long is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Settings of every statement: rows for another shard are there when an insert is answered, not queued on this one's disk.
const SETTINGS: [(&str, &str); 1] = [("insert_distributed_sync", "1")];

#[derive(Debug)]
pub(super) struct Servers {
    urls: Vec<Url>,
    user: Option<[HeaderValue; 2]>,
    client: reqwest::Client,
    /// The one that answered last.
    good: AtomicUsize,
}

/// Why a server did not do it.
enum Failed {
    /// It was not reached: another may be.
    Unreached(String),
    /// It refused: another would too.
    Refused(String),
}

impl Servers {
    pub(super) fn new(urls: Vec<Url>, user: Option<(String, String)>) -> Result<Self, HistoryError> {
        // Needed for https only; fails when it has been chosen before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().connect_timeout(CONNECT_MAX).read_timeout(SILENCE_MAX).build();
        let client = client.map_err(|e| HistoryError::Server { url: "ClickHouse".into(), why: e.to_string() })?;
        if urls.is_empty() {
            return Err(HistoryError::Query {
                what: "the list of servers",
                value: "empty".into(),
                mend: "name at least one, as http://HOST:8123",
            });
        }
        let user = match user {
            Some((name, password)) => Some([word(&name)?, word(&password)?]),
            None => None,
        };
        Ok(Self { urls, user, client, good: AtomicUsize::new(0) })
    }

    pub(super) fn urls(&self) -> &[Url] {
        &self.urls
    }

    /// Asks one server after the other until one is reached.
    async fn any(&self, statement: &str, body: Option<&[u8]>) -> Result<Vec<u8>, HistoryError> {
        let first = self.good.load(Ordering::Relaxed);
        let mut last = String::new();
        for i in 0..self.urls.len() {
            let at = (first + i) % self.urls.len();
            match self.one(&self.urls[at], statement, body).await {
                Ok(answer) => {
                    self.good.store(at, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(Failed::Refused(why)) => return Err(HistoryError::Server { url: self.urls[at].to_string(), why }),
                Err(Failed::Unreached(why)) => last = why,
            }
        }
        let url = self.urls.iter().map(Url::as_str).collect::<Vec<_>>().join(", ");
        Err(HistoryError::Server { url, why: last })
    }

    async fn one(&self, url: &Url, statement: &str, body: Option<&[u8]>) -> Result<Vec<u8>, Failed> {
        let request = self.client.post(url.clone()).query(&SETTINGS);
        let request = match body {
            Some(rows) => request.query(&[("query", statement)]).body(rows.to_vec()),
            None => request.body(statement.to_owned()),
        };
        let request = match &self.user {
            Some([user, password]) => request.header("X-ClickHouse-User", user).header("X-ClickHouse-Key", password),
            None => request,
        };
        let unreached = |e: reqwest::Error| Failed::Unreached(chain(&e.without_url()));
        let answer = request.send().await.map_err(unreached)?;
        let fine = answer.status().is_success();
        let mut bytes = Vec::new();
        let mut stream = answer.bytes_stream();
        while let Some(part) = stream.next().await {
            bytes.extend_from_slice(&part.map_err(unreached)?);
            if bytes.len() > ANSWER_MAX {
                return Err(Failed::Refused(format!("the answer has more than {ANSWER_MAX} bytes; ask for a shorter range")));
            }
        }
        if fine { Ok(bytes) } else { Err(Failed::Refused(with_mend(first_line(&bytes)))) }
    }

    /// A question; its answer is RowBinary.
    pub(super) async fn ask(&self, question: &str) -> Result<Vec<u8>, HistoryError> {
        self.any(&format!("{question} FORMAT RowBinary"), None).await
    }

    pub(super) async fn insert(&self, table: &str, columns: &str, rows: &[u8]) -> Result<(), HistoryError> {
        self.any(&format!("INSERT INTO {table} ({columns}) FORMAT RowBinary"), Some(rows)).await.map(drop)
    }

    /// A statement every server has to do; all of them must be reached.
    pub(super) async fn everywhere(&self, statement: &str) -> Result<(), HistoryError> {
        for server in 0..self.urls.len() {
            self.tell_one(server, statement).await?;
        }
        Ok(())
    }

    /// A statement for one of the servers, by its place in the list.
    pub(super) async fn tell_one(&self, server: usize, statement: &str) -> Result<Vec<u8>, HistoryError> {
        let Some(url) = self.urls.get(server) else { return Ok(Vec::new()) };
        self.one(url, statement, None).await.map_err(|failed| {
            let (Failed::Unreached(why) | Failed::Refused(why)) = failed;
            HistoryError::Server { url: url.to_string(), why }
        })
    }

    /// A question to one of the servers; its answer is RowBinary.
    pub(super) async fn ask_one(&self, server: usize, question: &str) -> Result<Vec<u8>, HistoryError> {
        self.tell_one(server, &format!("{question} FORMAT RowBinary")).await
    }
}

/// What a server says first of why it refused; the rest is its stack.
fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().next().unwrap_or_default().chars().take(400).collect()
}

/// A user or password as it goes into a header: any text in one line.
fn word(word: &str) -> Result<HeaderValue, HistoryError> {
    let mut value = HeaderValue::from_bytes(word.as_bytes()).map_err(|_| HistoryError::Query {
        what: "the user or password of ClickHouse",
        value: "not of one line of text".into(),
        mend: "name the user in the address, and the password in YIPING_CLICKHOUSE_PASSWORD",
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// An error with what is behind it: "error sending request" alone says nothing.
fn chain(e: &dyn std::error::Error) -> String {
    let behind = std::iter::successors(e.source(), |e| e.source()).map(ToString::to_string);
    std::iter::once(e.to_string()).chain(behind).collect::<Vec<_>>().join(": ")
}

/// What to do about refusals that a wrong address or password brings, by ClickHouse's error codes.
fn with_mend(why: String) -> String {
    let code = why.strip_prefix("Code: ").and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    let mend = match code {
        // Unknown user, required and wrong password, and since 21.1 any of them.
        Some("192" | "193" | "194" | "516") => {
            "name the user in the address (clickhouse://USER@...) and the password in YIPING_CLICKHOUSE_PASSWORD"
        }
        Some("170") => "name a cluster of the servers' remote_servers with ?cluster=NAME",
        Some("291" | "497") => "the user must be allowed to CREATE, INSERT, SELECT and ALTER in the database",
        Some("164") => "the user must not be readonly",
        _ => return why,
    };
    format!("{why}; {mend}")
}
