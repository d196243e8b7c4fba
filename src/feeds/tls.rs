//! TLS as all adapters use it: *ring*, the system's authorities or one's own, our certificate where it is asked for.

use crate::model::transport::{Secret, Tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// Makes *ring* the TLS provider of this process; doing it again does nothing.
///
/// reqwest is built without a provider of its own, and panics on its first `https` without one.
pub fn install_tls() {
    // An error means that one is installed already, which is all we want.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What a client of ours offers and trusts.
///
/// # Errors
/// The file and what is wrong with it.
pub(super) fn client_config(tls: &Tls) -> Result<ClientConfig, String> {
    let roots = match &tls.ca {
        Some(file) => roots_of(file)?,
        None => system_roots()?,
    };
    let config = ClientConfig::builder().with_root_certificates(roots);
    match identity(tls)? {
        None => Ok(config.with_no_client_auth()),
        Some((chain, key)) => config.with_client_auth_cert(chain, key).map_err(|e| format!("our certificate: {e}")),
    }
}

/// What a server of ours shows; with `ca`, only clients with a certificate of that authority are let in.
///
/// # Errors
/// The file and what is wrong with it.
pub(super) fn server_config(tls: &Tls) -> Result<ServerConfig, String> {
    let (chain, key) = identity(tls)?.ok_or("a server needs certificate and key")?;
    let config = match &tls.ca {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(file) => {
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots_of(file)?)).build();
            ServerConfig::builder().with_client_cert_verifier(verifier.map_err(|e| format!("{}: {e}", file.display()))?)
        }
    };
    config.with_single_cert(chain, key).map_err(|e| format!("our certificate: {e}"))
}

fn roots_of(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // Some of a system's certificates are always unusable; that is no reason to have none.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err("this system trusts no authority; install ca-certificates or name a ca file".into()) } else { Ok(roots) }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(tls: &Tls) -> Result<Option<Identity>, String> {
    let (chain, key) = match (&tls.certificate, &tls.key) {
        (None, None) => return Ok(None),
        (Some(chain), Some(key)) => (chain, key),
        _ => return Err("tls: certificate and key go together".into()),
    };
    let pem = std::fs::read(key).map_err(|e| format!("{}: {e}", key.display()))?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| format!("{}: no private key in PEM: {e}", key.display()))?;
    Ok(Some((certificates(chain)?, key)))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let all: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|e| format!("{}: {e}", file.display()))?;
    if all.is_empty() { Err(format!("{}: no certificate in PEM", file.display())) } else { Ok(all) }
}

/// A secret's text.
///
/// # Errors
/// The variable that is not set.
pub(super) fn reveal(secret: &Secret) -> Result<String, String> {
    match secret.variable() {
        None => Ok(secret.written().to_owned()),
        Some(name) => std::env::var(name).map_err(|_| format!("the environment variable {name} is not set")),
    }
}
