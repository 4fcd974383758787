//! Request bodies in three stages: a draft may hold secret references and open values, a sealed one only references, a final one
//! is on its way to Azure.
//! A saved plan holds drafts only, so by type it cannot hold a secret.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;
use thiserror::Error;

use crate::address::Address;
use crate::lang::{Residual, ResidualPiece};
use crate::secret::{Secret, SecretRef, Secrets};

/// What a body may still hold.
pub trait Stage {
    /// A value that is not known yet.
    type Reference: Clone + Debug + PartialEq + Eq;
    /// A secret.
    type Secret: Clone + Debug + PartialEq + Eq;
}

/// While planning: open values and secret references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Draft {}

/// Everything known but the secrets, which stand in it by name until right before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {}

/// On its way to Azure: everything known, secrets in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Final {}

impl Stage for Draft {
    type Reference = Residual;
    type Secret = SecretRef;
}

impl Stage for Sealed {
    type Reference = Infallible;
    type Secret = SecretRef;
}

impl Stage for Final {
    type Reference = Infallible;
    type Secret = Secret;
}

/// A JSON body; `S` says whether open values and secret references may still be in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "snake_case",
    bound(
        serialize = "S::Reference: Serialize, S::Secret: Serialize",
        deserialize = "S::Reference: Deserialize<'de>, S::Secret: Deserialize<'de>"
    )
)]
pub enum Body<S: Stage> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as JSON writes it.
    Number(serde_json::Number),
    /// A text.
    Text(Arc<str>),
    /// A secret, or in a draft only its name.
    Secret(S::Secret),
    /// An array.
    List(Vec<Body<S>>),
    /// An object.
    Object(Members<S>),
    /// A value not known yet.
    Open(S::Reference),
}

/// The members of an object, by key. A plan holds tens of thousands of objects of a few members each, so they lie in one
/// sorted slice: a tree would take ten times the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members<S: Stage>(Vec<(Arc<str>, Body<S>)>);

impl<S: Stage> Members<S> {
    /// The member of this key.
    pub fn get(&self, key: &str) -> Option<&Body<S>> {
        let at = self.place(key).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// The member of this key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Body<S>> {
        let at = self.place(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// The members, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Body<S>)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Sets a member; answers what it was before.
    pub fn insert(&mut self, key: Arc<str>, value: Body<S>) -> Option<Body<S>> {
        match self.place(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, key: &str) -> Option<Body<S>> {
        self.place(key).ok().map(|at| self.0.remove(at).1)
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(key))
    }
}

impl<S: Stage> FromIterator<(Arc<str>, Body<S>)> for Members<S> {
    /// Of two members of one key the later stays.
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Body<S>)>>(members: I) -> Self {
        let mut all = Self(Vec::new());
        for (key, value) in members {
            all.insert(key, value);
        }
        all.0.shrink_to_fit();
        all
    }
}

impl<S: Stage> IntoIterator for Members<S> {
    type Item = (Arc<str>, Body<S>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<S: Stage> Serialize for Members<S>
where
    Body<S>: Serialize,
{
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, S: Stage> Deserialize<'de> for Members<S>
where
    Body<S>: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members: BTreeMap<Arc<str>, Body<S>> = BTreeMap::deserialize(deserializer)?;
        Ok(members.into_iter().collect())
    }
}

/// What Azure has told of resources so far: attribute values by resource and attribute name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs(BTreeMap<Address, BTreeMap<String, Json>>);

/// Why a draft cannot become final.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MissingOutput {
    /// An attribute that another resource should have brought is not there.
    #[error("`{resource}` did not bring its attribute `{attribute}`")]
    Output {
        /// The resource.
        resource: Address,
        /// Its attribute.
        attribute: String,
    },
    /// A secret that this run was not given.
    #[error("no value was given for `{0}`")]
    Secret(SecretRef),
}

impl<S: Stage> Body<S> {
    /// A text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// An object of these members.
    pub fn object<K: Into<Arc<str>>>(members: impl IntoIterator<Item = (K, Body<S>)>) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// The value, where all of it is known and none of it secret.
    pub fn known(&self) -> Option<Json> {
        Some(match self {
            Self::Secret(_) | Self::Open(_) => return None,
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(number) => Json::Number(number.clone()),
            Self::Text(text) => Json::String(text.to_string()),
            Self::List(elements) => Json::Array(elements.iter().map(Self::known).collect::<Option<_>>()?),
            Self::Object(members) => {
                let known = members
                    .iter()
                    .map(|(key, member)| Some((key.to_string(), member.known()?)));
                Json::Object(known.collect::<Option<_>>()?)
            }
        })
    }

    /// The member at a path of keys.
    pub fn get(&self, path: &[&str]) -> Option<&Body<S>> {
        match (path.split_first(), self) {
            (None, found) => Some(found),
            (Some((key, rest)), Self::Object(members)) => members.get(key)?.get(rest),
            (Some(_), Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_)) => None,
            (Some(_), Self::Secret(_) | Self::List(_) | Self::Open(_)) => None,
        }
    }

    /// Sets the member at a path of keys, making the objects on the way.
    pub fn set(&mut self, path: &[&str], value: Body<S>) {
        let Some((key, rest)) = path.split_first() else {
            *self = value;
            return;
        };
        if !matches!(self, Self::Object(_)) {
            *self = Self::Object(Members(Vec::new()));
        }
        if let Self::Object(members) = self {
            let mut member = members.remove(key).unwrap_or(Self::Null);
            member.set(rest, value);
            members.insert((*key).into(), member);
        }
    }
}

impl<S: Stage> Body<S> {
    /// Takes away the member at a path of keys, where it is there.
    pub fn unset(&mut self, path: &[&str]) {
        match (path, self) {
            ([key], Self::Object(members)) => drop(members.remove(key)),
            ([key, rest @ ..], Self::Object(members)) => {
                if let Some(mut member) = members.remove(key) {
                    member.unset(rest);
                    members.insert((*key).into(), member);
                }
            }
            ([] | [_, ..], _) => {}
        }
    }
}

impl<S: Stage> Body<S> {
    /// The secrets in it, or the names of those that it needs.
    pub fn secrets(&self) -> Vec<&S::Secret> {
        match self {
            Self::Secret(secret) => vec![secret],
            Self::List(items) => items.iter().flat_map(Self::secrets).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, member)| member.secrets()).collect(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Open(_) => Vec::new(),
        }
    }

    /// The same body in another stage, its secrets and open values exchanged.
    fn staged<T: Stage>(
        &self,
        secret: &impl Fn(&S::Secret) -> Result<T::Secret, MissingOutput>,
        open: &impl Fn(&S::Reference) -> Result<Body<T>, MissingOutput>,
    ) -> Result<Body<T>, MissingOutput> {
        Ok(match self {
            Self::Null => Body::Null,
            Self::Bool(value) => Body::Bool(*value),
            Self::Number(number) => Body::Number(number.clone()),
            Self::Text(text) => Body::Text(text.clone()),
            Self::Secret(held) => Body::Secret(secret(held)?),
            Self::List(elements) => Body::List(
                elements
                    .iter()
                    .map(|element| element.staged(secret, open))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Object(members) => Body::Object(
                members
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), value.staged(secret, open)?)))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Open(reference) => open(reference)?,
        })
    }
}

impl Body<Sealed> {
    /// Fills in the secrets.
    ///
    /// # Errors
    /// When one that the body needs is not there.
    pub fn unseal(&self, secrets: &Secrets) -> Result<Body<Final>, MissingOutput> {
        let secret = |reference: &SecretRef| {
            let found = secrets.get(reference).cloned();
            found.ok_or_else(|| MissingOutput::Secret(reference.clone()))
        };
        self.staged(&secret, &|never| match *never {})
    }
}

impl Body<Draft> {
    /// Fills in what has become known.
    ///
    /// # Errors
    /// When an output that the body needs is not there.
    pub fn settle(&self, outputs: &Outputs) -> Result<Body<Sealed>, MissingOutput> {
        let open = |residual: &Residual| Ok(Body::from_json(&outputs.settle(residual)?));
        self.staged(&|reference| Ok(reference.clone()), &open)
    }

    /// The body as it is shown and fingerprinted: secrets and open values by name.
    pub fn to_shown(&self) -> Json {
        match self {
            Self::Secret(reference) => Json::String(format!("(sensitive {reference})")),
            Self::Open(_) => Json::String("(known after apply)".into()),
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(number) => Json::Number(number.clone()),
            Self::Text(text) => Json::String(text.to_string()),
            Self::List(elements) => Json::Array(elements.iter().map(Self::to_shown).collect()),
            Self::Object(members) => Json::Object(
                members
                    .iter()
                    .map(|(key, value)| (key.to_string(), value.to_shown()))
                    .collect(),
            ),
        }
    }
}

impl<S: Stage> Body<S> {
    /// A body without secrets from plain JSON.
    pub fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Number(number.clone()),
            Json::String(text) => Self::Text(text.as_str().into()),
            Json::Array(elements) => Self::List(elements.iter().map(Self::from_json).collect()),
            Json::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(key, value)| (key.as_str().into(), Self::from_json(value)))
                    .collect(),
            ),
        }
    }
}

impl Body<Final> {
    /// The JSON that is sent. It holds secrets: callers send it and drop it.
    pub fn to_wire(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(number) => Json::Number(number.clone()),
            Self::Text(text) => Json::String(text.to_string()),
            Self::Secret(secret) => Json::String(secret.expose().to_owned()),
            Self::List(elements) => Json::Array(elements.iter().map(Self::to_wire).collect()),
            Self::Object(members) => Json::Object(
                members
                    .iter()
                    .map(|(key, value)| (key.to_string(), value.to_wire()))
                    .collect(),
            ),
            Self::Open(never) => match *never {},
        }
    }
}

impl Outputs {
    /// Remembers an attribute.
    pub fn insert(&mut self, resource: &Address, attribute: &str, value: Json) {
        self.0
            .entry(resource.clone())
            .or_default()
            .insert(attribute.to_owned(), value);
    }

    /// An attribute, when known.
    pub fn get(&self, resource: &Address, attribute: &str) -> Option<&Json> {
        self.0.get(resource)?.get(attribute)
    }

    /// The value a residual stands for.
    ///
    /// # Errors
    /// When an output that it needs is not known.
    pub fn settle(&self, residual: &Residual) -> Result<Json, MissingOutput> {
        match residual {
            Residual::Output { resource, attribute } => {
                self.get(resource, attribute)
                    .cloned()
                    .ok_or_else(|| MissingOutput::Output {
                        resource: resource.clone(),
                        attribute: attribute.clone(),
                    })
            }
            Residual::Template(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        ResidualPiece::Text(known) => text.push_str(known),
                        ResidualPiece::Open(open) => match self.settle(open)? {
                            Json::String(part) => text.push_str(&part),
                            other => text.push_str(&other.to_string()),
                        },
                    }
                }
                Ok(Json::String(text))
            }
        }
    }
}
