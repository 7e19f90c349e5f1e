//! One process per HTTP request.

use std::io::{Read as _, Write as _};
use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};

/// An HTTP request, read to its end. The node limits its size before the component sees it.
#[derive(Debug, Clone)]
pub struct Request {
    /// In upper case.
    pub method: String,
    /// Without the query; percent-encoding is kept.
    pub path: String,
    /// What follows `?`, without it; empty when there is none.
    pub query: String,
    /// Names in lower case; a value that is not UTF-8 is left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of that name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as a value.
    ///
    /// # Errors
    /// It is no JSON, or JSON of another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    fn read(request: IncomingRequest) -> Result<Self, String> {
        let target = request.path_with_query().unwrap_or_else(|| "/".to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let headers = request.headers().entries();
        let text = |value: Vec<u8>| String::from_utf8(value).ok();
        let headers =
            headers.into_iter().filter_map(|(name, value)| Some((name.to_ascii_lowercase(), text(value)?))).collect();
        let mut body = Vec::new();
        let incoming = request.consume().map_err(|()| "the body was taken already")?;
        let mut stream = incoming.stream().map_err(|()| "the body was taken already")?;
        stream.read_to_end(&mut body).map_err(|error| error.to_string())?;
        Ok(Self { method: method_name(&request.method()), path: path.into(), query: query.into(), headers, body })
    }
}

fn method_name(method: &Method) -> String {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    }
    .to_owned()
}

/// An HTTP response.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status, 200 to 599.
    pub status: u16,
    /// What was set by hand; the node adds `date` and the body's length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with no headers and no body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Plain text, status 200.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(200).with_body("text/plain; charset=utf-8", text.into())
    }

    /// A page, status 200.
    pub fn html(html: impl Into<String>) -> Self {
        Self::new(200).with_body("text/html; charset=utf-8", html.into())
    }

    /// A value as JSON.
    ///
    /// # Panics
    /// When the value has no JSON form.
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("a value that has a JSON form");
        Self::new(status).with_body("application/json", body)
    }

    /// The same response with another status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same response with another body.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with_header("content-type", content_type)
    }

    /// The same response with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn write(self, out: ResponseOutparam) -> Result<(), String> {
        let fields = Fields::new();
        for (name, value) in &self.headers {
            fields.append(name, value.as_bytes()).map_err(|error| format!("header `{name}`: {error}"))?;
        }
        let _ = fields.append("content-length", self.body.len().to_string().as_bytes());
        let response = OutgoingResponse::new(fields);
        response.set_status_code(self.status).map_err(|()| format!("{} is no HTTP status", self.status))?;
        let body = response.body().map_err(|()| "the body was taken already")?;
        ResponseOutparam::set(out, Ok(response));
        let mut stream = body.write().map_err(|()| "the body was taken already")?;
        // Whoever asked may be gone by now; then nobody misses the rest.
        let _ = stream.write_all(&self.body).and_then(|()| std::io::Write::flush(&mut stream));
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
        Ok(())
    }
}

/// Answers HTTP requests, each in a fresh process of its own: what one request leaves in memory, no other sees.
pub trait Http: 'static {
    /// Answers one request.
    fn handle(request: Request) -> Response;
}

/// What [`export_http!`] exports in the name of `T`.
#[doc(hidden)]
pub struct ExportedHttp<T>(PhantomData<T>);

impl<T: Http> Guest for ExportedHttp<T> {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        crate::log::log_panics();
        let response = match Request::read(request) {
            Ok(request) => T::handle(request),
            Err(error) => Response::text(format!("the request's body could not be read: {error}")).with_status(400),
        };
        if let Err(error) = response.write(out) {
            panic!("the response could not be written: {error}");
        }
    }
}

/// Makes a type that implements [`Http`](crate::Http) this component's request handler (`wasi:http/incoming-handler` 0.2).
#[macro_export]
macro_rules! export_http {
    ($handler:ty) => {
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn($crate::Request) -> $crate::Response = <$handler as $crate::Http>::handle;
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type RusmHttp = $crate::ExportedHttp<$handler>;
            $crate::wasip2::http::proxy::export!(RusmHttp);
        };
    };
}
