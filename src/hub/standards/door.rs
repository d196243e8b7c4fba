//! Which pages of other servers may read.

use crate::hub::core::Core;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use std::sync::Arc;
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

/// What tells of incidents, units or the hub's own feeds. The rest (readings, borders, public warnings, what there is) is no secret.
const STATE: [&str; 7] = [
    "/catalogue",
    "/eido/",
    "/ogc/features/collections/incidents",
    "/ogc/features/collections/units",
    "/open311/v2/requests",
    "/open311/v2/tokens",
    "/stream/",
];

/// Any page may read what is no secret, and everything of a hub that asks for a token, which the page must bring. Of a hub without one,
/// its state is for pages of this hub and of its machine: else any page that a duty officer opens could read it.
pub fn cors(core: Arc<Core>) -> CorsLayer {
    let allowed = move |_: &HeaderValue, asked: &Parts| {
        core.token.is_some() || !STATE.iter().any(|p| asked.uri.path().starts_with(p)) || crate::hub::http::same_house(&asked.headers)
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allowed))
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        // Not `*`, which would leave out `Authorization`.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(Any)
}
