//! Checks bodies against the hand-kept contracts of `schemas/arm`: a small subset of JSON Schema 2020-12 with annotations
//! that tell what may be written when. Never talks to the world: rules between objects are the providers'.
//!
//! The subset is strict about itself: a keyword it does not know makes a contract unreadable.

use std::collections::BTreeMap;

use regex_automata::meta::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What a body is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A PUT.
    Put,
    /// A PATCH.
    Patch,
    /// An answer of the service.
    Reply,
}

/// Something in a body that the contract does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Dotted path of the member.
    pub(crate) path: String,
    /// What is wrong with it.
    pub(crate) message: String,
}

/// The contract of one ARM type.
#[derive(Debug)]
pub(crate) struct Contract {
    head: Head,
    body: Schema,
}

/// What stands beside the schema proper at the top of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    #[serde(rename = "$schema")]
    _dialect: String,
    title: String,
    #[serde(rename = "x-apiVersions")]
    versions: Vec<String>,
    #[serde(rename = "x-name", default)]
    name: Option<NameRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRule {
    pattern: Pattern,
    #[serde(rename = "maxLength", default)]
    max_length: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Pattern {
    text: String,
    regex: Box<Regex>,
}

impl TryFrom<String> for Pattern {
    type Error = Box<regex_automata::meta::BuildError>;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let regex = Box::new(Regex::new(&text).map_err(Box::new)?);
        Ok(Self { text, regex })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Schema {
    #[serde(rename = "type")]
    types: OneOrMany,
    #[serde(rename = "enum")]
    values: Vec<String>,
    pattern: Option<Pattern>,
    required: Vec<String>,
    properties: BTreeMap<String, Schema>,
    additional_properties: Option<Additional>,
    items: Option<Box<Schema>>,
    max_items: Option<usize>,
    min_items: Option<usize>,
    max_length: Option<usize>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    #[serde(rename = "description")]
    _description: Option<String>,
    /// Filled by the service: accepted in a request and ignored.
    #[serde(rename = "x-readOnly")]
    read_only: bool,
    /// Never returned.
    #[serde(rename = "x-writeOnly")]
    write_only: bool,
    /// A PUT on an existing object must repeat it or leave it out.
    #[serde(rename = "x-immutable")]
    immutable: bool,
    /// A PATCH may hold it, with all below it.
    #[serde(rename = "x-patchable")]
    patchable: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Additional {
    Allowed(bool),
    Each(Box<Schema>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    #[default]
    Any,
    One(JsonType),
    Many(Vec<JsonType>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsonType {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl JsonType {
    fn admits(self, value: &Value) -> bool {
        match self {
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
        }
    }
}

impl Contract {
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let whole: Map<String, Value> = serde_json::from_str(text)?;
        let at_the_head = |name: &str| matches!(name, "$schema" | "title" | "x-apiVersions" | "x-name");
        let (head, body): (Map<_, _>, Map<_, _>) = whole.into_iter().partition(|(name, _)| at_the_head(name));
        Ok(Self {
            head: serde_json::from_value(head.into())?,
            body: serde_json::from_value(body.into())?,
        })
    }

    /// The ARM type it is about.
    pub(crate) fn title(&self) -> &str {
        &self.head.title
    }

    /// The API versions that know the type.
    pub(crate) fn versions(&self) -> &[String] {
        &self.head.versions
    }

    /// What is wrong with a resource's name, if anything.
    pub(crate) fn name_fault(&self, name: &str) -> Option<String> {
        let rule = self.head.name.as_ref()?;
        let fits = rule.pattern.regex.is_match(name);
        let long = rule.max_length.is_some_and(|max| name.chars().count() > max);
        (!fits || long).then(|| {
            format!(
                "Resource name '{name}' is invalid. It must match {}.",
                rule.pattern.text
            )
        })
    }

    /// The body as the service understands it: read-only members dropped, enumerations in canonical spelling, nulls gone.
    pub(crate) fn check(&self, purpose: Purpose, body: &Value) -> Result<Value, Vec<Violation>> {
        let mut walk = Walk {
            purpose,
            violations: Vec::new(),
        };
        let canonical = walk.value(&self.body, body, "", false);
        match (walk.violations.is_empty(), canonical) {
            (true, Some(canonical)) => Ok(canonical),
            (true, None) => Ok(Value::Object(Map::new())),
            (false, _) => Err(walk.violations),
        }
    }

    /// Members that may not change once the object exists, and would.
    pub(crate) fn immutable_changes(&self, before: &Value, after: &Value) -> Vec<String> {
        let mut changes = Vec::new();
        changed(&self.body, before, after, "", &mut changes);
        changes
    }
}

struct Walk {
    purpose: Purpose,
    violations: Vec<Violation>,
}

impl Walk {
    fn refuse(&mut self, path: &str, message: impl Into<String>) {
        self.violations.push(Violation {
            path: path.to_owned(),
            message: message.into(),
        });
    }

    /// The canonical form, or nothing where the contract is broken (which is then noted).
    fn value(&mut self, schema: &Schema, value: &Value, path: &str, patchable: bool) -> Option<Value> {
        let admitted = match &schema.types {
            OneOrMany::Any => true,
            OneOrMany::One(one) => one.admits(value),
            OneOrMany::Many(many) => many.iter().any(|one| one.admits(value)),
        };
        if !admitted {
            self.refuse(
                path,
                format!(
                    "Error converting value {}: the type is not the expected one.",
                    brief(value)
                ),
            );
            return None;
        }
        if !schema.values.is_empty() {
            return self.enumeration(schema, value, path);
        }
        match value {
            Value::Object(fields) => Some(Value::Object(self.object(schema, fields, path, patchable))),
            Value::Array(items) => Some(Value::Array(self.array(schema, items, path, patchable))),
            Value::String(text) => {
                self.string(schema, text, path);
                Some(value.clone())
            }
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                if schema.minimum.is_some_and(|min| number < min) || schema.maximum.is_some_and(|max| number > max) {
                    self.refuse(path, format!("The value {number} is out of range."));
                }
                Some(value.clone())
            }
            Value::Bool(_) | Value::Null => Some(value.clone()),
        }
    }

    /// Enumerations compare without case, and `true` stands for `"True"` where booleans are admitted (contract 5.1).
    fn enumeration(&mut self, schema: &Schema, value: &Value, path: &str) -> Option<Value> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => return Some(value.clone()),
        };
        let known = schema.values.iter().find(|known| known.eq_ignore_ascii_case(&text));
        if known.is_none() {
            self.refuse(
                path,
                format!("The value '{text}' is not one of {}.", schema.values.join(", ")),
            );
        }
        known.map(|known| Value::String(known.clone()))
    }

    fn string(&mut self, schema: &Schema, text: &str, path: &str) {
        if let Some(pattern) = schema.pattern.as_ref().filter(|pattern| !pattern.regex.is_match(text)) {
            self.refuse(path, format!("The value '{text}' does not match {}.", pattern.text));
        }
        if schema.max_length.is_some_and(|max| text.chars().count() > max) {
            self.refuse(path, "The value is too long.");
        }
    }

    fn array(&mut self, schema: &Schema, items: &[Value], path: &str, patchable: bool) -> Vec<Value> {
        if schema.max_items.is_some_and(|max| items.len() > max) {
            self.refuse(
                path,
                format!("The list has {} items, more than are allowed.", items.len()),
            );
        }
        if schema.min_items.is_some_and(|min| items.len() < min) && self.purpose != Purpose::Reply {
            self.refuse(path, "The list has too few items.");
        }
        let Some(item) = &schema.items else {
            return items.to_vec();
        };
        let checked = items.iter().enumerate().filter_map(|(index, value)| {
            let path = format!("{path}[{index}]");
            self.value(item, value, &path, patchable || schema.patchable)
        });
        checked.collect()
    }

    fn object(
        &mut self,
        schema: &Schema,
        fields: &Map<String, Value>,
        path: &str,
        patchable: bool,
    ) -> Map<String, Value> {
        let mut out = Map::new();
        for (name, value) in fields {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            if value.is_null() {
                if !schema.properties.contains_key(name) && schema.additional_properties.is_some() {
                    self.unknown(schema, &path, name);
                }
                continue;
            }
            if let Some(member) = schema.properties.get(name) {
                if let Some(value) = self.member(member, value, &path, patchable || schema.patchable) {
                    out.insert(name.clone(), value);
                }
                continue;
            }
            match &schema.additional_properties {
                Some(Additional::Allowed(false)) => self.unknown(schema, &path, name),
                Some(Additional::Each(each)) => {
                    if let Some(value) = self.value(each, value, &path, patchable || schema.patchable) {
                        out.insert(name.clone(), value);
                    }
                }
                Some(Additional::Allowed(true)) | None => {
                    out.insert(name.clone(), value.clone());
                }
            }
        }
        if self.purpose == Purpose::Put {
            for name in schema
                .required
                .iter()
                .filter(|name| fields.get(*name).is_none_or(Value::is_null))
            {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                self.refuse(&path, format!("Required property '{name}' not found in JSON."));
            }
        }
        out
    }

    fn unknown(&mut self, schema: &Schema, path: &str, name: &str) {
        if matches!(schema.additional_properties, Some(Additional::Allowed(false))) {
            self.refuse(path, format!("Could not find member '{name}' on the object."));
        }
    }

    fn member(&mut self, schema: &Schema, value: &Value, path: &str, patchable: bool) -> Option<Value> {
        match self.purpose {
            Purpose::Reply if schema.write_only => {
                self.refuse(path, "The service never returns this.");
                return None;
            }
            Purpose::Put | Purpose::Patch if schema.read_only => return None,
            Purpose::Patch if !patchable && !schema.may_hold_patchable() => {
                self.refuse(path, format!("The property '{path}' cannot be changed by PATCH."));
                return None;
            }
            Purpose::Put | Purpose::Patch | Purpose::Reply => {}
        }
        self.value(schema, value, path, patchable || schema.patchable)
    }
}

impl Schema {
    fn may_hold_patchable(&self) -> bool {
        self.patchable || self.properties.values().any(Schema::may_hold_patchable)
    }
}

fn changed(schema: &Schema, before: &Value, after: &Value, path: &str, out: &mut Vec<String>) {
    if schema.immutable {
        if !same(before, after) {
            out.push(path.to_owned());
        }
        return;
    }
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
        return;
    };
    for (name, member) in &schema.properties {
        if let (Some(before), Some(after)) = (before.get(name), after.get(name)) {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            changed(member, before, after, &path, out);
        }
    }
}

/// Ids, regions and enumerations are equal in any case, regions also with spaces (contract 11).
fn same(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::String(before), Value::String(after)) => {
            let plain = |text: &str| text.replace(' ', "").to_ascii_lowercase();
            plain(before) == plain(after)
        }
        (Value::Object(before), Value::Object(after)) => after
            .iter()
            .all(|(name, value)| before.get(name).is_none_or(|before| same(before, value))),
        (before, after) => before == after,
    }
}

fn brief(value: &Value) -> String {
    match value {
        Value::Object(_) => "{…}".to_owned(),
        Value::Array(_) => "[…]".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        // A string of the wrong type may be a secret in the wrong place.
        Value::String(_) => "\"…\"".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn contract() -> Contract {
        let text = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "A/b", "x-apiVersions": ["1"],
            "x-name": { "pattern": "^[a-z]+$", "maxLength": 3 },
            "type": "object", "additionalProperties": false, "required": ["location"],
            "properties": {
                "location": { "type": "string", "x-immutable": true },
                "tags": { "type": "object", "additionalProperties": { "type": "string" }, "x-patchable": true },
                "id": { "type": "string", "x-readOnly": true },
                "properties": {
                    "type": "object", "additionalProperties": false,
                    "properties": {
                        "mode": { "type": "string", "enum": ["Offline", "Online"] },
                        "flag": { "type": ["string", "boolean"], "enum": ["True", "False"], "x-patchable": true },
                        "password": { "type": "string", "x-writeOnly": true },
                        "names": { "type": "array", "items": { "type": "string", "pattern": "^[a-z]*$" }, "maxItems": 2 },
                        "size": { "type": "integer", "minimum": 1, "maximum": 9 }
                    }
                }
            }
        });
        Contract::parse(&text.to_string()).unwrap()
    }

    fn faults(purpose: Purpose, body: &Value) -> Vec<String> {
        let violations = contract().check(purpose, body).unwrap_err();
        violations.into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn a_request_is_made_canonical() {
        let body = json!({ "location": "eastus", "id": "/x", "tags": null,
            "properties": { "mode": "offline", "flag": true, "names": ["a"], "size": 3 } });
        assert_eq!(
            contract().check(Purpose::Put, &body).unwrap(),
            json!({ "location": "eastus", "properties": { "mode": "Offline", "flag": "True", "names": ["a"], "size": 3 } })
        );
    }

    #[test]
    fn everything_that_is_wrong_is_found() {
        let body = json!({ "colour": 1, "tags": { "a": 1 },
            "properties": { "mode": "Fast", "names": ["A", "b", "c"], "size": 10, "flag": 1 } });
        let mut found = faults(Purpose::Put, &body);
        found.sort();
        assert_eq!(
            found,
            [
                "colour",
                "location",
                "properties.flag",
                "properties.mode",
                "properties.names",
                "properties.names[0]",
                "properties.size",
                "tags.a"
            ]
        );
    }

    #[test]
    fn a_patch_holds_only_what_can_be_patched_and_a_reply_no_secret() {
        assert!(
            contract()
                .check(Purpose::Patch, &json!({ "tags": {}, "properties": { "flag": "true" } }))
                .is_ok()
        );
        assert_eq!(
            faults(
                Purpose::Patch,
                &json!({ "location": "x", "properties": { "mode": "Online" } })
            ),
            ["location", "properties.mode"]
        );
        assert_eq!(
            faults(Purpose::Reply, &json!({ "properties": { "password": "x" } })),
            ["properties.password"]
        );
    }

    #[test]
    fn an_immutable_member_may_be_repeated_in_another_spelling() {
        let change = |after| contract().immutable_changes(&json!({ "location": "East US" }), &after);
        assert!(change(json!({ "location": "eastus" })).is_empty());
        assert!(change(json!({})).is_empty());
        assert_eq!(change(json!({ "location": "westus" })), ["location"]);
    }

    #[test]
    fn a_keyword_it_does_not_know_makes_a_contract_unreadable() {
        let text = json!({ "$schema": "", "title": "", "x-apiVersions": [], "oneOf": [] }).to_string();
        assert!(Contract::parse(&text).is_err());
    }

    #[test]
    fn names() {
        assert_eq!(contract().name_fault("abc"), None);
        assert!(contract().name_fault("abcd").is_some());
        assert!(contract().name_fault("A").is_some());
    }
}
