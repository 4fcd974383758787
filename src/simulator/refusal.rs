//! Why the service says no: an ARM error with its HTTP status. Never a Rust error; it is an ordinary answer.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::message::Response;

/// An error body of contract 2.4 together with its status. Boxed: it is the `Err` of nearly every function here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Refusal(Box<Said>);

/// What a refusal says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) details: Vec<Detail>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_seconds: Option<u64>,
    /// A challenge for the `WWW-Authenticate` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) challenge: Option<String>,
}

/// One entry of an error's `details`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Detail {
    pub(crate) code: String,
    pub(crate) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
}

impl Deref for Refusal {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.0
    }
}

impl DerefMut for Refusal {
    fn deref_mut(&mut self) -> &mut Said {
        &mut self.0
    }
}

impl Refusal {
    pub(crate) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self(Box::new(Said {
            status,
            code: code.into(),
            message: message.into(),
            target: None,
            details: Vec::new(),
            retry_after_seconds: None,
            challenge: None,
        }))
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(409, code, message)
    }

    pub(crate) fn not_found(type_name: &str, names: &str, group: Option<&str>) -> Self {
        let place = group
            .map(|group| format!(" under resource group '{group}'"))
            .unwrap_or_default();
        Self::new(
            404,
            "ResourceNotFound",
            format!("The Resource '{type_name}/{names}'{place} was not found."),
        )
    }

    /// The 404 of a child whose parent is not there, named by the parent's names.
    pub(crate) fn parent_not_found(names: &str) -> Self {
        let message =
            format!("Can not perform requested operation on nested resource. Parent resource '{names}' not found.");
        Self::new(404, "ParentResourceNotFound", message)
    }

    pub(crate) fn method_not_allowed(what: &str) -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            format!("The HTTP method is not supported by the simulator for '{what}'."),
        )
    }

    pub(crate) fn with_target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    pub(crate) fn with_details(mut self, details: Vec<Detail>) -> Self {
        self.details = details;
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The `error` member.
    pub(crate) fn error(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let (Some(fields), Some(target)) = (error.as_object_mut(), &self.target) {
            fields.insert("target".to_owned(), json!(target));
        }
        if let (Some(fields), false) = (error.as_object_mut(), self.details.is_empty()) {
            fields.insert("details".to_owned(), json!(self.details));
        }
        error
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::json(self.status, &json!({ "error": self.error() }));
        if let Some(seconds) = self.retry_after_seconds {
            response = response.with_header("Retry-After", seconds.to_string());
        }
        if let Some(challenge) = &self.challenge {
            response = response.with_header("WWW-Authenticate", challenge.clone());
        }
        response
    }
}
