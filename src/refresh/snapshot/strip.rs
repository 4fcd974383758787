//! Takes secrets out of what goes into a snapshot. Azure tells no password that it was given; but tags, error texts and members
//! that somebody used for another purpose may hold one.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value as Json;

use crate::arm::{Body, Draft};
use crate::graph::{Declaration, Graph};
use crate::secret::Secrets;

/// What stands where a secret was.
const REMOVED: &str = "(removed)";

/// Shorter ones stand in any text by chance: to take them out would leave none of it.
const SHORTEST: usize = 4;

/// Members whose name has one of these in it are not kept, whatever they hold.
const SECRET: [&str; 10] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "credential",
    "connectionstring",
    "privatekey",
    "sharedkey",
    "accesskey",
    "accountkey",
];

/// Members that only sound so: whether a server takes passwords.
const HARMLESS: [&str; 1] = ["passwordauth"];

/// A password in an address, and one that is named in a text.
static IN_TEXTS: LazyLock<Regex> = LazyLock::new(|| {
    let address = r#"(?<user>://[^\s/:@]+:)[^\s@]+(?<at>@)"#;
    let named =
        r#"(?<name>\b(?:\w*password|passwd|pwd|passphrase|secret|token|sig)\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s;&,"']+)"#;
    Regex::new(&format!("(?i){address}|{named}")).expect("the pattern is a constant that a test compiles")
});

/// What is let through and what is not.
pub(super) struct Sieve<'a> {
    /// Secrets that the configuration was given.
    supplied: &'a Secrets,
    /// Names of members with what the configuration writes there in plain text, such as a tag: that is no secret, however it
    /// is named, and without it every plan would put it there again.
    plain: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Sieve<'a> {
    /// For what this configuration declares.
    pub(super) fn of(graph: &'a Graph, supplied: &'a Secrets) -> Self {
        let mut plain = BTreeSet::new();
        for unit in graph.iter().flat_map(Declaration::units) {
            written(&unit.body, &mut plain);
        }
        Self { supplied, plain }
    }

    /// Takes secrets out of an object, at any depth.
    pub(super) fn clean(&self, json: &mut Json) {
        match json {
            Json::Object(members) => {
                members.retain(|name, value| !is_secret(name) || self.is_plain(name, value));
                for value in members.values_mut() {
                    self.clean(value);
                }
            }
            Json::Array(elements) => {
                for element in elements {
                    self.clean(element);
                }
            }
            Json::String(words) => *words = self.text(words),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    /// A text without the secrets that were supplied, and without what looks like one.
    pub(super) fn text(&self, text: &str) -> String {
        let known = self.supplied.iter().map(|(_, secret)| secret.expose());
        let text = known
            .filter(|secret| secret.len() >= SHORTEST)
            .fold(text.to_owned(), |text, secret| text.replace(secret, REMOVED));
        let replaced = IN_TEXTS.replace_all(&text, |found: &Captures<'_>| {
            let part = |name| found.name(name).map_or("", |part| part.as_str());
            format!("{}{}{REMOVED}{}", part("user"), part("name"), part("at"))
        });
        replaced.into_owned()
    }

    fn is_plain(&self, name: &str, value: &Json) -> bool {
        value.as_str().is_some_and(|value| self.plain.contains(&(name, value)))
    }
}

/// Every text of a body, with the name of its member.
fn written<'a>(body: &'a Body<Draft>, into: &mut BTreeSet<(&'a str, &'a str)>) {
    match body {
        Body::Object(members) => {
            for (name, value) in members.iter() {
                if let Body::Text(text) = value {
                    into.insert((&**name, &**text));
                }
                written(value, into);
            }
        }
        Body::List(elements) => elements.iter().for_each(|element| written(element, into)),
        Body::Null | Body::Bool(_) | Body::Number(_) | Body::Text(_) | Body::Secret(_) | Body::Open(_) => {}
    }
}

fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    !HARMLESS.contains(&plain.as_str()) && SECRET.iter().any(|word| plain.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secret::{Secret, SecretRef};

    #[test]
    fn what_is_named_or_looks_like_a_secret_goes_and_the_rest_stays() {
        let mut supplied = Secrets::default();
        let reference = SecretRef {
            vault: None,
            owner: "source.erp".parse().unwrap(),
            attribute: "password".into(),
        };
        supplied.insert(reference, Secret::new("c0rrect-h0rse"));
        let mut object = json!({
            "name": "m1",
            "tags": {
                "owner": "dba", "note": "the way in is c0rrect-h0rse",
                "db_password": "a", "secret-rotation": "monthly", "token": "other than declared",
            },
            "properties": {
                "administratorLoginPassword": "b",
                "secretParameters": { "adminCredentials": { "sourceServerPassword": "c" } },
                "authConfig": { "passwordAuth": "Enabled" },
                "currentStatus": {
                    "error": "no way to postgres://migrator:hunt/er2@10.1.0.4/db (password=hunter3; Pwd: \"hunter4\"), user migrator",
                },
                "list": ["https://a.blob.core.windows.net/x?sv=1&sig=abc%2B&se=2"],
            },
        });
        let sieve = Sieve {
            supplied: &supplied,
            plain: BTreeSet::from([("secret-rotation", "monthly"), ("token", "declared")]),
        };
        sieve.clean(&mut object);
        assert_eq!(
            object,
            json!({
                "name": "m1",
                "tags": { "owner": "dba", "note": "the way in is (removed)", "secret-rotation": "monthly" },
                "properties": {
                    "authConfig": { "passwordAuth": "Enabled" },
                    "currentStatus": {
                        "error": "no way to postgres://migrator:(removed)@10.1.0.4/db (password=(removed); Pwd: (removed)), user migrator",
                    },
                    "list": ["https://a.blob.core.windows.net/x?sv=1&sig=(removed)&se=2"],
                },
            })
        );
    }
}
