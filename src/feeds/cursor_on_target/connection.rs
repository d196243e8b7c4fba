//! The sockets of Cursor-on-Target: one that we dial, or those of devices that dial us.

use super::stream::{Framer, Said};
use crate::feeds::FeedError;
use crate::feeds::dial::dial;
use crate::feeds::tls::server_config;
use crate::model::transport::Tls;
use chrono::{SecondsFormat, TimeDelta, Utc};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

/// How long a TLS handshake, or a write to a server that may be gone, may take.
const DIAL_MAX: Duration = Duration::from_secs(5);
/// Devices that may be connected at a time; others wait.
const DEVICES_MAX: usize = 256;

/// What a connection tells the adapter.
pub(super) enum Heard {
    Connected,
    Said(Said),
    /// A device is gone, and why.
    Left(String),
}

/// Reads a server's stream until it ends; asks it for a sign of life when it is silent.
pub(super) async fn client(url: &str, tls: &Tls, silence_max: Duration, say: Sender<Heard>) -> Result<(), FeedError> {
    let failed = |why: String| FeedError::Socket { address: url.to_owned(), why };
    let (host, port, secure) = address(url).map_err(failed)?;
    let socket = dial(&host, port, secure.then_some(tls)).await.map_err(failed)?;
    talk(url, socket, silence_max, say).await
}

async fn talk(url: &str, socket: impl AsyncRead + AsyncWrite, silence_max: Duration, say: Sender<Heard>) -> Result<(), FeedError> {
    let failed = |why: String| FeedError::Socket { address: url.to_owned(), why };
    let (mut read, mut write) = tokio::io::split(socket);
    if say.send(Heard::Connected).await.is_err() {
        return Err(FeedError::Closed);
    }
    let mut framer = Framer::default();
    let mut heard = Instant::now();
    let mut buffer = vec![0; 16 << 10];
    loop {
        match timeout_at(Instant::now() + silence_max / 3, read.read(&mut buffer)).await {
            Ok(Ok(0)) => return Err(FeedError::Ended { url: url.to_owned() }),
            Ok(Ok(n)) => {
                heard = Instant::now();
                pass_on(&mut framer, &buffer[..n], &say).await?;
            }
            Ok(Err(e)) => return Err(failed(e.to_string())),
            Err(_) if heard.elapsed() > silence_max => {
                return Err(FeedError::Silent { url: url.to_owned(), seconds: silence_max.as_secs() });
            }
            // A server answers it; a server that has gone lets it time out.
            Err(_) => {
                let sent = timeout(DIAL_MAX, write.write_all(ping().as_bytes())).await;
                sent.map_err(|_| failed("takes nothing any more".into()))?.map_err(|e| failed(e.to_string()))?;
            }
        }
    }
}

async fn pass_on(framer: &mut Framer, bytes: &[u8], say: &Sender<Heard>) -> Result<(), FeedError> {
    let mut said = Vec::new();
    framer.push(bytes, |s| said.push(s));
    for one in said {
        say.send(Heard::Said(one)).await.map_err(|_| FeedError::Closed)?;
    }
    Ok(())
}

/// TAK's own ping, `t-x-c-t`.
fn ping() -> String {
    let now = Utc::now();
    let iso = |t: chrono::DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Millis, true);
    let (time, stale) = (iso(now), iso(now + TimeDelta::seconds(60)));
    format!(
        "<event version=\"2.0\" uid=\"yiping-ping\" type=\"t-x-c-t\" how=\"m-g\" time=\"{time}\" start=\"{time}\" stale=\"{stale}\">\
         <point lat=\"0\" lon=\"0\" hae=\"0\" ce=\"9999999\" le=\"9999999\"/><detail/></event>\n"
    )
}

/// Host, port and whether TLS.
fn address(url: &str) -> Result<(String, u16, bool), String> {
    const WRITE: &str = "write tcp://host:8087, or tls://host:8089";
    let parsed = url::Url::parse(url).map_err(|e| format!("{e}; {WRITE}"))?;
    let secure = match parsed.scheme() {
        "tcp" => false,
        "tls" | "ssl" => true,
        _ => return Err(WRITE.into()),
    };
    let host = parsed.host_str().filter(|h| !h.is_empty()).ok_or(WRITE)?;
    Ok((host.to_owned(), parsed.port().unwrap_or(if secure { 8089 } else { 8087 }), secure))
}

/// Takes the connections of devices.
pub(super) struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    address: SocketAddr,
}

impl Server {
    /// # Errors
    /// [`FeedError::Socket`]: an address or a certificate that can't be used.
    pub(super) async fn bind(address: SocketAddr, tls: &Tls) -> Result<Self, FeedError> {
        let failed = |why: String| FeedError::Socket { address: address.to_string(), why };
        let config = tls.certificate.is_some().then(|| server_config(tls)).transpose().map_err(failed)?;
        let listener = TcpListener::bind(address).await.map_err(|e| failed(format!("can't listen: {e}")))?;
        Ok(Self { listener, tls: config.map(|c| TlsAcceptor::from(Arc::new(c))), address })
    }

    /// Until the adapter is gone. A device that is silent for `silence_max` is let go, since it may be gone itself.
    pub(super) async fn serve(self, silence_max: Duration, say: Sender<Heard>) -> Result<(), FeedError> {
        let room = Arc::new(Semaphore::new(DEVICES_MAX));
        let mut devices = JoinSet::new();
        loop {
            let permit = room.clone().acquire_owned().await.map_err(|_| FeedError::Closed)?;
            let accepted = self.listener.accept().await;
            let (socket, from) = accepted.map_err(|e| FeedError::Socket { address: self.address.to_string(), why: e.to_string() })?;
            let (tls, say) = (self.tls.clone(), say.clone());
            devices.spawn(async move {
                let _permit = permit;
                let ended = match tls {
                    None => device(socket, silence_max, &say).await,
                    Some(tls) => match timeout(DIAL_MAX, tls.accept(socket)).await {
                        Ok(Ok(socket)) => device(socket, silence_max, &say).await,
                        Ok(Err(e)) => Err(e.to_string()),
                        Err(_) => Err("no TLS handshake in time".into()),
                    },
                };
                if let Err(why) = ended {
                    let _ = say.send(Heard::Left(format!("{from}: {why}"))).await;
                }
            });
            while devices.try_join_next().is_some() {}
        }
    }
}

async fn device(mut socket: impl AsyncRead + Unpin, silence_max: Duration, say: &Sender<Heard>) -> Result<(), String> {
    let mut framer = Framer::default();
    let mut buffer = vec![0; 16 << 10];
    loop {
        match timeout(silence_max, socket.read(&mut buffer)).await {
            Ok(Ok(0)) => return Ok(()),
            Ok(Ok(n)) => pass_on(&mut framer, &buffer[..n], say).await.map_err(|e| e.to_string())?,
            Ok(Err(e)) => return Err(e.to_string()),
            Err(_) => return Err(format!("silent for {} s", silence_max.as_secs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_says_how_to_write_it() {
        assert!(address("http://x").unwrap_err().contains("tcp://host:8087"));
        assert!(address("tak.example.org:8087").unwrap_err().contains("tcp://host:8087"));
        assert_eq!(address("tls://tak.example.org").unwrap(), ("tak.example.org".into(), 8089, true));
    }
}
