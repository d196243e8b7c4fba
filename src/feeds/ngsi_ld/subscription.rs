//! Our subscription at a broker (ETSI GS CIM 009, 5.8 and 6.10): made, kept alive, and taken away when the feed ends.

use crate::feeds::FeedError;
use crate::feeds::outbox::Outbox;
use crate::feeds::visit::Visitor;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// How long it holds without us: when we end without a word, the broker forgets us after that.
const HOLDS: TimeDelta = TimeDelta::hours(1);
/// It is renewed when it has less than this left.
const RENEW_BELOW: TimeDelta = TimeDelta::minutes(30);
/// How long taking it away may last when the feed ends.
const FAREWELL_WITHIN: Duration = Duration::from_secs(3);

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub feed: String,
    /// `.../ngsi-ld/v1`
    pub root: String,
    pub types: Vec<String>,
    pub query: Option<String>,
    /// The hub's own `http://.../feeds/ID`, as the broker reaches it.
    pub notify: String,
    /// Token the broker brings to the hub.
    pub notify_token: Option<String>,
}

/// A subscription of ours; it is taken away when this is dropped.
#[derive(Debug)]
pub struct Subscription {
    wanted: Wanted,
    until: Option<DateTime<Utc>>,
    visitor: Option<Visitor>,
}

impl Subscription {
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, until: None, visitor: None }
    }

    /// The same at each start, so that a hub that is started again finds its own and makes no second one.
    fn id(&self) -> String {
        format!("urn:ngsi-ld:Subscription:yiping:{}", self.wanted.feed)
    }

    fn content(&self, now: DateTime<Utc>) -> Value {
        let entities: Vec<Value> = self.wanted.types.iter().map(|t| json!({ "type": t })).collect();
        let mut endpoint = json!({ "uri": self.wanted.notify, "accept": "application/json" });
        if let Some(token) = &self.wanted.notify_token {
            endpoint["receiverInfo"] = json!([{ "key": "Authorization", "value": format!("Bearer {token}") }]);
        }
        let mut content = json!({
            "type": "Subscription",
            "description": format!("yiping feed {}", self.wanted.feed),
            "entities": entities,
            "notification": { "endpoint": endpoint, "format": "normalized" },
            "isActive": true,
            "expiresAt": (now + HOLDS).to_rfc3339_opts(SecondsFormat::Millis, true),
        });
        if let Some(query) = &self.wanted.query {
            content["q"] = json!(query);
        }
        content
    }

    /// Makes it when there is none, and renews it in good time. Called once a round.
    pub async fn keep(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        let now = Utc::now();
        if self.until.is_some_and(|until| until - now > RENEW_BELOW) {
            return Ok(());
        }
        let url = format!("{}/subscriptions", self.wanted.root);
        let mut content = self.content(now);
        // One that is there from before: changed to what is wanted now. A broker that has forgotten it says so, and it is made.
        let change = http.send(Method::PATCH, &format!("{url}/{}", self.id()), "application/json", content.to_string(), outbox).await;
        if let Err(error) = change {
            if !is_missing(&error) {
                return Err(error);
            }
            content["id"] = json!(self.id());
            http.send(Method::POST, &url, "application/json", content.to_string(), outbox).await?;
        }
        self.until = Some(now + HOLDS);
        if self.visitor.is_none() {
            self.visitor = http.another();
        }
        Ok(())
    }
}

/// Whether a broker says that it doesn't have what was asked for.
fn is_missing(error: &FeedError) -> bool {
    matches!(error, FeedError::Http { why, .. } if why.starts_with("answered 404"))
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let (Some(visitor), Some(_)) = (self.visitor.take(), self.until) else { return };
        let url = format!("{}/subscriptions/{}", self.wanted.root, self.id());
        // On a thread and a runtime of its own: the feed's task is being ended, and perhaps its runtime with it.
        let farewell = move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(visitor.delete(&url, FAREWELL_WITHIN));
            }
        };
        // Where no thread can be had, the subscription ends with its time.
        let _ = std::thread::Builder::new().name("farewell".into()).spawn(farewell);
    }
}
