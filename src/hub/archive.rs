//! A city package that is one `.3tz`, served as if it were a folder.

use super::http::missing;
use crate::ogc::archive::{Archive, ArchiveError};
use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The archive as it was when it was opened; opened again when it is another one.
struct Served {
    path: PathBuf,
    open: Mutex<Option<(SystemTime, Arc<Archive>)>>,
}

impl Served {
    fn archive(&self) -> Result<(SystemTime, Arc<Archive>), ArchiveError> {
        let io = |source| ArchiveError::Io { file: self.path.clone(), source };
        let modified = std::fs::metadata(&self.path).and_then(|m| m.modified()).map_err(io)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match &*open {
            Some((known, archive)) if *known == modified => Ok((modified, archive.clone())),
            _ => {
                let archive = Arc::new(Archive::open(&self.path)?);
                *open = Some((modified, archive.clone()));
                Ok((modified, archive))
            }
        }
    }

    fn answer(&self, path: &str, what: &str, mend: &str) -> Response {
        let name = percent_decoded(path.trim_start_matches('/'));
        let bytes = self.archive().and_then(|(modified, archive)| Ok((modified, archive.read(&name)?)));
        match bytes {
            Ok((modified, bytes)) => {
                let modified = chrono::DateTime::<chrono::Utc>::from(modified).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
                let length = bytes.len().to_string();
                let head =
                    [(header::CONTENT_TYPE, kind(&name).to_owned()), (header::LAST_MODIFIED, modified), (header::CONTENT_LENGTH, length)];
                (head, bytes).into_response()
            }
            Err(ArchiveError::Missing { .. }) => missing(format!("{path} is not in the {what}")),
            Err(ArchiveError::Io { .. }) => missing(format!("the {what} {} is not there; {mend}", self.path.display())),
            Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{e}\n")).into_response(),
        }
    }
}

/// Files of an archive, whole: tiles are never asked for in parts.
pub fn files(path: PathBuf, what: &'static str, mend: &'static str) -> Router {
    let served = Arc::new(Served { path, open: Mutex::new(None) });
    Router::new().fallback(move |request: Request| async move {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        let asked = request.uri().path().to_owned();
        // Unpacking may take milliseconds, which the server's own threads have not.
        let answer = tokio::task::spawn_blocking(move || served.answer(&asked, what, mend)).await;
        answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    })
}

fn percent_decoded(path: &str) -> String {
    let pair = format!("p={}", path.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map_or_else(String::new, |(_, value)| value.into_owned())
}

fn kind(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "glb" => "model/gltf-binary",
        "gltf" => "model/gltf+json",
        "json" => "application/json",
        "geojson" => "application/geo+json",
        "toml" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        _ => "application/octet-stream",
    }
}
