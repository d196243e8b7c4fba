//! TCP to a source, with TLS where it is asked for, as adapters with a socket of their own use it.

use super::tls::client_config;
use crate::model::transport::Tls;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long dialling, and after it the TLS handshake, may take.
const DIAL_MAX: Duration = Duration::from_secs(5);

/// A connection, plain or not.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

/// Connects to `host` (an IPv6 address may stand in brackets), over TLS when `tls` is given.
///
/// # Errors
/// In words: not reached, no handshake in time, a certificate that is not to be trusted or can't be read.
pub(super) async fn dial(host: &str, port: u16, tls: Option<&Tls>) -> Result<Box<dyn Socket>, String> {
    let host = host.trim_matches(['[', ']']);
    let socket = timeout(DIAL_MAX, TcpStream::connect((host, port))).await;
    let socket = socket.map_err(|_| "no answer in time".to_owned())?.map_err(|e| e.to_string())?;
    // Small messages must not wait for one another's acknowledgement.
    socket.set_nodelay(true).map_err(|e| e.to_string())?;
    let Some(tls) = tls else { return Ok(Box::new(socket)) };
    let connector = TlsConnector::from(Arc::new(client_config(tls)?));
    let name = ServerName::try_from(host.to_owned()).map_err(|e| e.to_string())?;
    let socket = timeout(DIAL_MAX, connector.connect(name, socket)).await;
    Ok(Box::new(socket.map_err(|_| "no TLS handshake in time".to_owned())?.map_err(|e| e.to_string())?))
}
