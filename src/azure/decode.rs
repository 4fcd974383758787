//! Error answers in every form that ARM and what stands before it send (contract 2.4), read into one. It never fails and
//! never decides whether to repeat a call.

use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value as Json;
use serde_json::error::Category;

use crate::arm::http::Response;
use crate::arm::{Failure, ServiceError};

/// How much of an answer that is not JSON is quoted.
const QUOTED: usize = 200;

/// Headers that name a request for a support case, the most useful first.
const REQUEST_IDS: [&str; 4] = [
    "x-ms-request-id",
    "x-ms-arm-service-request-id",
    "x-ms-operation-identifier",
    "x-ms-routing-request-id",
];

/// The body of a success. The error quotes nothing of it, since it may hold a token.
///
/// # Errors
/// When it is not JSON of this shape.
pub fn json<T: DeserializeOwned>(response: &Response) -> Result<T, Failure> {
    serde_json::from_slice(text_of(response)).map_err(|error| {
        let (line, column, bytes) = (error.line(), error.column(), response.body.len());
        let what = match error.classify() {
            Category::Eof => "it is cut short",
            Category::Syntax | Category::Io => "it is not JSON",
            Category::Data => "it is JSON of another shape",
        };
        Failure::Garbled(format!("{what} (line {line}, column {column} of {bytes} bytes)"))
    })
}

/// The error that an answer of status 400 and above holds.
pub fn service_error(response: &Response) -> ServiceError {
    let mut error = match serde_json::from_slice::<Json>(text_of(response)) {
        Ok(body) => from_body(&body, response.status),
        Err(_) => without_code(response.status, describe(response)),
    };
    error.request_id = request_id(response);
    error
}

/// The same with how long the answer asks to wait, which may be until a date and is therefore seen from `now`.
pub fn refusal(response: &Response, now: Timestamp) -> ServiceError {
    ServiceError {
        retry_after: response.retry_after(now),
        ..service_error(response)
    }
}

/// The body without the byte order mark that some services put first, and without space around it.
pub fn text_of(response: &Response) -> &[u8] {
    let body = response.body.as_slice();
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()
}

/// Whether an answer begins as an object or array and does not end as one, so that asking again can help.
pub fn is_cut_short(response: &Response) -> bool {
    let body = text_of(response);
    match (body.first(), body.last()) {
        (Some(b'{'), last) => last != Some(&b'}') || body.len() == 1,
        (Some(b'['), last) => last != Some(&b']') || body.len() == 1,
        (Some(_) | None, _) => false,
    }
}

/// Whether an error answer has a text that is not JSON: then it came from something that stands before ARM.
pub fn is_foreign(response: &Response) -> bool {
    let body = text_of(response);
    !body.is_empty() && serde_json::from_slice::<IgnoredAny>(body).is_err()
}

/// The error of an operation that was accepted and then failed: `state` is how it ended, the body its status document.
pub fn operation_error(state: &str, body: &Json, response: &Response) -> ServiceError {
    // The operation's own answer was a success; by contract such an error carries status 200.
    let mut error = match body.get("error").filter(|error| error.is_object()) {
        Some(inner) => from_object(inner, 200, state),
        None => ServiceError {
            code: state.to_owned(),
            ..without_code(
                200,
                text(body, &["message"]).unwrap_or_else(|| "the service gave no reason".into()),
            )
        },
    };
    error.request_id = request_id(response);
    error
}

/// The id under which Azure's support finds this request.
pub fn request_id(response: &Response) -> Option<String> {
    REQUEST_IDS
        .iter()
        .find_map(|name| response.header(name))
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
}

fn from_body(body: &Json, status: u16) -> ServiceError {
    match body.get("error").or_else(|| body.get("Error")) {
        Some(inner @ Json::Object(_)) => from_object(inner, status, ""),
        // The token endpoint's form: `error` is the code, `error_description` the message.
        Some(Json::String(code)) => ServiceError {
            code: code.clone(),
            ..without_code(
                status,
                text(body, &["error_description", "message"]).unwrap_or_default(),
            )
        },
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_)) | None => from_object(body, status, ""),
    }
}

fn from_object(object: &Json, status: u16, otherwise: &str) -> ServiceError {
    let mut details = array(object, "details")
        .map(|detail| from_object(detail, status, ""))
        .collect::<Vec<_>>();
    details.extend(inner_error(object, status));
    details.extend(array(object, "additionalInfo").map(|info| additional(info, status)));
    let code = text(object, &["code", "Code"])
        .filter(|code| !code.is_empty())
        .unwrap_or_else(|| {
            if otherwise.is_empty() {
                status_code(status)
            } else {
                otherwise.to_owned()
            }
        });
    ServiceError {
        status,
        code,
        message: text(object, &["message", "Message"]).unwrap_or_default(),
        target: text(object, &["target"]).filter(|target| !target.is_empty()),
        details,
        request_id: None,
        retry_after: None,
    }
}

/// `innerError`, which network writes as a text or as an object.
fn inner_error(object: &Json, status: u16) -> Option<ServiceError> {
    let inner = object.get("innerError").or_else(|| object.get("innererror"))?;
    match inner {
        Json::String(message) if !message.is_empty() => Some(ServiceError {
            code: "InnerError".into(),
            ..without_code(status, message.clone())
        }),
        Json::Object(members) if !members.is_empty() => Some(from_object(inner, status, "InnerError")),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// `additionalInfo` names, among others, the policy that refused a call.
fn additional(info: &Json, status: u16) -> ServiceError {
    ServiceError {
        code: text(info, &["type"]).unwrap_or_else(|| "AdditionalInfo".into()),
        ..without_code(status, info.get("info").map(Json::to_string).unwrap_or_default())
    }
}

fn array<'a>(object: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> {
    object.get(key).and_then(Json::as_array).into_iter().flatten()
}

fn text(object: &Json, keys: &[&str]) -> Option<String> {
    keys.iter()
        .find_map(|key| object.get(key))
        .and_then(|value| match value {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
        })
}

fn status_code(status: u16) -> String {
    format!("HTTP {status}")
}

fn without_code(status: u16, message: String) -> ServiceError {
    ServiceError {
        status,
        code: status_code(status),
        message,
        target: None,
        details: Vec::new(),
        request_id: None,
        retry_after: None,
    }
}

/// What can be said of an answer that is not JSON.
fn describe(response: &Response) -> String {
    let body = String::from_utf8_lossy(text_of(response));
    if body.is_empty() {
        return "the answer has no text".into();
    }
    if body.starts_with('<') {
        let title = between(&body, "<title>", "</title>").unwrap_or_default();
        return format!("the answer is a page, not JSON: {}", quote(title));
    }
    if body.starts_with(['{', '[']) {
        return format!("the answer is JSON cut short: {}", quote(&body));
    }
    quote(&body)
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    let from = lower.find(open)? + open.len();
    let to = from + lower.get(from..)?.find(close)?;
    text.get(from..to).map(str::trim)
}

fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(QUOTED).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    quoted.replace(['\r', '\n'], " ")
}
