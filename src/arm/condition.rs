//! In which state the last operation on an object has left it. It asks nobody.

use serde_json::Value as Json;

/// In which state the last operation on an object has left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Nothing is being done to it, and the last operation went well.
    Settled,
    /// An operation is going on: the service's word for it.
    Changing(&'a str),
    /// The last operation failed or was cancelled: what the object shows may not be what it is.
    Failed(&'a str),
}

impl<'a> Condition<'a> {
    /// The condition of an object, by its `provisioningState`. An object that has none is settled.
    pub fn of(object: &'a Json) -> Self {
        let state = object.pointer("/properties/provisioningState").and_then(Json::as_str);
        state.map_or(Self::Settled, Self::named)
    }

    /// The condition that a service calls so, in an object or in the document of an operation. An unknown word means that it
    /// goes on: what is over has one of few names (contract 2.5).
    pub fn named(word: &'a str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "succeeded" | "ready" => Self::Settled,
            "failed" | "canceled" | "cancelled" => Self::Failed(word),
            _ => Self::Changing(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_went_well_is_settled() {
        let at = |state: &str| json!({ "properties": { "provisioningState": state } });
        assert_eq!(Condition::of(&json!({ "properties": {} })), Condition::Settled);
        for state in ["succeeded", "Succeeded", "Ready"] {
            assert_eq!(Condition::of(&at(state)), Condition::Settled);
        }
        for state in ["Failed", "Canceled", "cancelled"] {
            assert_eq!(Condition::of(&at(state)), Condition::Failed(state));
        }
        for state in ["Creating", "Updating", "Deleting", "SomethingNew"] {
            assert_eq!(Condition::of(&at(state)), Condition::Changing(state));
        }
    }
}
