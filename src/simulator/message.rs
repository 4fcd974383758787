//! What goes in and out of the simulated service: one HTTP request, one HTTP reply. Never a socket.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The verbs ARM uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Read.
    Get,
    /// Read without a body.
    Head,
    /// Create or replace.
    Put,
    /// Change in part.
    Patch,
    /// Act.
    Post,
    /// Remove, or cancel.
    Delete,
}

impl Method {
    /// The verb of an HTTP request line, or nothing for verbs that ARM does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "GET" => Some(Self::Get),
            "HEAD" => Some(Self::Head),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "POST" => Some(Self::Post),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The verb as HTTP spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One request, as it came over the wire.
#[derive(Debug, Clone)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query without its question mark, still percent-encoded; empty when there is none.
    pub query: String,
    /// Scheme and authority under which the client reached us, for absolute links: `http://127.0.0.1:8080`.
    pub base: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: Method, path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            base: "http://127.0.0.1".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// The same request with one header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// The same request with a JSON body.
    #[must_use]
    pub fn with_json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self
    }

    /// The first header of that lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A decoded query parameter; names compare without case, as ARM does.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        pairs(&self.query)
            .find(|(key, _)| decode(key).eq_ignore_ascii_case(name))
            .map(|(_, value)| decode(value))
    }

    /// The path and query as one text.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }
}

/// The raw name-value pairs of a query or a form.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Percent-decoding, with `+` as a space; what is not valid stays as it is.
pub(crate) fn decode(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let rest = bytes.clone();
                let digits: Vec<u8> = rest.take(2).collect();
                match std::str::from_utf8(&digits)
                    .ok()
                    .filter(|d| d.len() == 2)
                    .map(|d| u8::from_str_radix(d, 16))
                {
                    Some(Ok(value)) => {
                        out.push(value);
                        bytes.next();
                        bytes.next();
                    }
                    Some(Err(_)) | None => out.push(b'%'),
                }
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// When a reply leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// After this much simulated time.
    Simulated(Duration),
    /// After this much real time.
    Wall(Duration),
}

/// How a reply reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As it is.
    Whole,
    /// Half of the body late by so much real time.
    Dripping(Duration),
    /// Two times over, one right after the other.
    Twice,
    /// Not at all: the connection breaks.
    Lost,
    /// Only so many bytes of the body, then the connection breaks.
    Truncated(usize),
    /// Not at all, and the whole service ends with it, unsaved.
    ServiceDies,
}

/// One reply.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers, in the order they are sent.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body; JSON unless empty.
    pub body: Vec<u8>,
    /// When it is sent.
    pub delay: Option<Delay>,
    /// How it is sent.
    pub delivery: Delivery,
}

impl Response {
    /// A reply without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: None,
            delivery: Delivery::Whole,
        }
    }

    /// A reply with this body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            body: body.to_string().into_bytes(),
            ..Self::empty(status)
        }
    }

    /// A reply with a body that is JSON already.
    #[must_use]
    pub fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self {
            body,
            ..Self::empty(status)
        }
    }

    /// The same reply with one header more.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((Cow::Borrowed(name), value.into()));
        self
    }

    /// The first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when there is none.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}
