//! The page, embedded in the component.

use rusm_sdk::Response;

/// Nothing but what this component serves is loaded, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One of the page's files; the page itself for the empty name.
pub(crate) fn file(name: &str) -> Response {
    let (content_type, body) = match name {
        "app.js" => ("text/javascript; charset=utf-8", include_str!("page/app.js")),
        "app.css" => ("text/css; charset=utf-8", include_str!("page/app.css")),
        "favicon.svg" => ("image/svg+xml", include_str!("page/favicon.svg")),
        _ => ("text/html; charset=utf-8", include_str!("page/index.html")),
    };
    Response::new(200)
        .with_body(content_type, body)
        .with_header("cache-control", "no-cache")
        .with_header("content-security-policy", POLICY)
        .with_header("x-content-type-options", "nosniff")
        .with_header("referrer-policy", "no-referrer")
}
