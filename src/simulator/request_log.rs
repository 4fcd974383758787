//! What was asked of the simulator, in order, with secrets masked. Bounded by a count; kept in memory only.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::message::{Method, Request, pairs};

/// One logged request.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) time: Timestamp,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) correlation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
}

/// The log with its counters, which also count what the log no longer holds.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: VecDeque<Entry>,
    next: u64,
    by_method: BTreeMap<Method, u64>,
    by_type: BTreeMap<&'static str, BTreeMap<Method, u64>>,
}

impl RequestLog {
    pub(crate) fn record(
        &mut self,
        limit: usize,
        time: Timestamp,
        request: &Request,
        type_name: &'static str,
        status: u16,
    ) {
        *self.by_method.entry(request.method).or_default() += 1;
        *self
            .by_type
            .entry(type_name)
            .or_default()
            .entry(request.method)
            .or_default() += 1;
        self.next += 1;
        if limit == 0 {
            return;
        }
        while self.entries.len() >= limit {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            sequence: self.next,
            time,
            method: request.method,
            path: masked_path(request),
            status,
            client_request_id: request.header("x-ms-client-request-id").map(str::to_owned),
            correlation_id: request.header("x-ms-correlation-request-id").map(str::to_owned),
            body: masked_body(request),
        });
    }

    pub(crate) fn clear(&mut self) {
        let next = self.next;
        *self = Self {
            next,
            ..Self::default()
        };
    }

    /// Entries after that sequence number.
    pub(crate) fn since(&self, sequence: u64) -> impl Iterator<Item = &Entry> {
        self.entries.iter().skip_while(move |entry| entry.sequence <= sequence)
    }

    pub(crate) fn counts(&self) -> Value {
        let total: u64 = self.by_method.values().sum();
        json!({ "total": total, "last": self.next, "by_method": self.by_method, "by_type": self.by_type })
    }
}

/// The path and query without the signature of a polling URL, which is long and works like a key.
fn masked_path(request: &Request) -> String {
    if request.query.is_empty() {
        return request.path.clone();
    }
    let kept: Vec<String> = pairs(&request.query)
        .filter(|(name, _)| !matches!(*name, "t" | "c" | "s" | "h"))
        .map(|(name, value)| {
            if value.is_empty() {
                name.to_owned()
            } else {
                format!("{name}={value}")
            }
        })
        .collect();
    if kept.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, kept.join("&"))
    }
}

fn masked_body(request: &Request) -> Option<Value> {
    if request.body.is_empty() {
        return None;
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&request.body) else {
        // A form (token requests) or rubbish: nothing tells what in it is secret.
        return Some(json!(format!("({} bytes)", request.body.len())));
    };
    mask(&mut body);
    Some(body)
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let name = name.to_ascii_lowercase();
                let secret = ["password", "secret", "assertion", "token"]
                    .iter()
                    .any(|word| name.contains(word));
                match field {
                    Value::Object(_) => mask(field),
                    Value::Null => {}
                    _ if secret => *field = json!("(masked)"),
                    Value::Array(_) => mask(field),
                    Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_signatures_are_masked_and_the_oldest_entries_go() {
        let mut log = RequestLog::default();
        let body = json!({ "properties": { "secretParameters": { "adminCredentials": {
            "sourceServerPassword": "hunter2" }, "sourceServerUsername": "ann" } } });
        let request = Request::new(Method::Put, "/a?api-version=1&t=1&c=xyz&s=2&h=3").with_json(&body);
        for _ in 0..3 {
            log.record(2, Timestamp::UNIX_EPOCH, &request, "x/y", 201);
        }
        let text = serde_json::to_string(&log.since(0).collect::<Vec<_>>()).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("xyz"), "{text}");
        assert!(text.contains("/a?api-version=1\"") && text.contains("ann"), "{text}");
        assert_eq!(log.since(0).map(|entry| entry.sequence).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(log.counts()["by_type"]["x/y"]["PUT"], 3);
    }

    #[test]
    fn a_form_is_not_kept() {
        let mut log = RequestLog::default();
        let mut request = Request::new(Method::Post, "/t/oauth2/v2.0/token");
        request.body = b"client_secret=hunter2".to_vec();
        log.record(2, Timestamp::UNIX_EPOCH, &request, "token", 200);
        assert!(
            !serde_json::to_string(&log.since(0).collect::<Vec<_>>())
                .unwrap()
                .contains("hunter2")
        );
    }
}
