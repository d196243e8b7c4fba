//! GeoJSON Features by asking for them again and again, or over a WebSocket: incidents and unit positions in our own words, or what a
//! scene's mapping makes of anybody's.

mod features;
mod mapped;
mod parse;
mod socket;
#[cfg(test)]
mod tests;

pub(super) use features::{Features, Way};
pub(super) use socket::Adapter as Socket;

use super::FeedError;
use super::outbox::Outbox;
use super::rounds::Source;
use super::visit::{Answer, Visitor};

const ACCEPT: &str = "application/geo+json, application/json;q=0.9";

/// A collection that is read again and again, and whose source may also post Features to the hub.
pub(super) struct Collection {
    url: String,
    features: Features,
}

impl Collection {
    pub fn new(url: String, features: Features) -> Self {
        Self { url, features }
    }
}

impl Source for Collection {
    async fn round(&mut self, http: &mut Visitor, outbox: &mut Outbox) -> Result<(), FeedError> {
        let Answer::New(page) = http.get(&self.url, ACCEPT, outbox).await? else { return Ok(()) };
        let taken = self.features.take(&String::from_utf8_lossy(&page.body), Way::Asked, outbox).await?;
        taken.map_err(|why| FeedError::Http { url: self.url.clone(), why })?;
        http.taken(&self.url, &page);
        Ok(())
    }

    async fn posted(&mut self, body: &[u8], outbox: &mut Outbox) -> Result<Result<(), String>, FeedError> {
        self.features.take(&String::from_utf8_lossy(body), Way::Pushed, outbox).await
    }
}
