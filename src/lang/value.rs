//! What an expression evaluates to, with its marks. Nothing here evaluates or converts.
//!
//! A value is a shape and its marks: a value may be *unknown* (only its type is known, until something was created),
//! *sensitive* (it must not be shown) and *ephemeral* (it must not be kept). A marked leaf marks only itself, not the object
//! around it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::lang::marks::Marks;
use crate::lang::number::Number;
use crate::secret::VaultSecret;

/// The type of a value, or what a place wants. Cloning one is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Anything.
    Any,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A text.
    String,
    /// A sequence of one element type.
    List(Arc<Type>),
    /// Unordered distinct elements of one type.
    Set(Arc<Type>),
    /// Texts to values of one type.
    Map(Arc<Type>),
    /// A fixed sequence.
    Tuple(Arc<Vec<Type>>),
    /// Named attributes.
    Object(Arc<BTreeMap<Arc<str>, ObjectAttribute>>),
}

/// One attribute of an object type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectAttribute {
    /// Its type.
    pub ty: Type,
    /// Whether it may be left out, and what it is then.
    pub presence: Presence,
}

/// Whether an attribute of an object type must be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must be given.
    Required,
    /// `optional(T)`: null when left out.
    Optional,
    /// `optional(T, default)`.
    Default(Value),
}

/// A value: its shape, and how it may be used.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// What it is.
    pub shape: Shape,
    /// How it may be used.
    pub marks: Marks,
}

/// What a value is, apart from its marks. Collections are shared, so that cloning is cheap.
#[derive(Clone, PartialEq, Eq)]
pub enum Shape {
    /// Nothing, of this type; `Any` where no type was asked for yet.
    Null(Type),
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text in NFC.
    Text(Arc<str>),
    /// A list and the type of its elements.
    List(Arc<Vec<Value>>, Arc<Type>),
    /// A set, its elements distinct and in Terraform's order, and their type.
    Set(Arc<Vec<Value>>, Arc<Type>),
    /// A map and the type of its elements.
    Map(Arc<BTreeMap<Arc<str>, Value>>, Arc<Type>),
    /// A tuple.
    Tuple(Arc<Vec<Value>>),
    /// An object.
    Object(Arc<BTreeMap<Arc<str>, Value>>),
    /// A whole resource, as `network.hub` names one; its attributes read as an object's.
    Resource(Arc<Resource>),
    /// Not known yet.
    Unknown(Unknown),
}

/// A resource as an expression sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Which one.
    pub address: Address,
    /// What was declared of it and what Azure has told of it.
    pub attributes: BTreeMap<Arc<str>, Value>,
}

/// A value that is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What type it will have.
    pub ty: Type,
    /// How it will become known.
    pub comes: Coming,
}

/// How an unknown value becomes known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coming {
    /// Nobody can say: a function or operator came between.
    Untold,
    /// As this says, once other resources exist.
    Later(Residual),
    /// Whoever sends it reads it in its vault, right before.
    FromVault(Arc<VaultSecret>),
}

/// How a value becomes known once other resources exist. It can be stored in a plan and settled without the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Residual {
    /// An attribute that Azure chooses.
    Output {
        /// The resource that has it.
        resource: Address,
        /// The attribute's name in the language.
        attribute: String,
    },
    /// A text with attributes in it.
    Template(Vec<ResidualPiece>),
}

/// A piece of a template that is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResidualPiece {
    /// Known text.
    Text(String),
    /// What is yet to come.
    Open(Residual),
}

impl Value {
    /// A value without marks.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            marks: Marks::NONE,
        }
    }

    /// Null.
    pub fn null() -> Self {
        Self::new(Shape::Null(Type::Any))
    }

    /// A text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::new(Shape::Text(text.into()))
    }

    /// A truth value.
    pub fn bool(value: bool) -> Self {
        Self::new(Shape::Bool(value))
    }

    /// A whole number.
    pub fn integer(value: i64) -> Self {
        Self::new(Shape::Number(value.into()))
    }

    /// A tuple.
    pub fn tuple(elements: Vec<Value>) -> Self {
        Self::new(Shape::Tuple(Arc::new(elements)))
    }

    /// An object.
    pub fn object(attributes: BTreeMap<Arc<str>, Value>) -> Self {
        Self::new(Shape::Object(Arc::new(attributes)))
    }

    /// Not known, of this type, and nobody can say how it will become known.
    pub fn unknown(ty: Type) -> Self {
        Self::new(Shape::Unknown(Unknown {
            ty,
            comes: Coming::Untold,
        }))
    }

    /// Not known yet, with the way it will become known.
    pub fn open(ty: Type, residual: Residual) -> Self {
        Self::new(Shape::Unknown(Unknown {
            ty,
            comes: Coming::Later(residual),
        }))
    }

    /// A secret that stays in its vault.
    pub fn in_vault(secret: VaultSecret) -> Self {
        let unknown = Unknown {
            ty: Type::String,
            comes: Coming::FromVault(secret.into()),
        };
        Self::new(Shape::Unknown(unknown)).marked(Marks::VAULTED)
    }

    /// The same value with these marks too; it loses none.
    #[must_use]
    pub fn marked(mut self, marks: Marks) -> Self {
        self.marks |= marks;
        self
    }

    /// The secret that it is, if it is one that stays in its vault.
    pub fn vault_secret(&self) -> Option<&VaultSecret> {
        match &self.shape {
            Shape::Unknown(Unknown {
                comes: Coming::FromVault(secret),
                ..
            }) => Some(secret),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.shape, Shape::Null(_))
    }

    /// Whether the value itself is unknown; a collection may still hold unknown elements.
    pub fn is_unknown(&self) -> bool {
        matches!(self.shape, Shape::Unknown(_))
    }

    /// The text, if it is a known one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is a known one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.shape {
            Shape::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The elements of a list, set or tuple.
    pub fn elements(&self) -> Option<&[Value]> {
        match &self.shape {
            Shape::List(elements, _) | Shape::Set(elements, _) | Shape::Tuple(elements) => Some(elements),
            _ => None,
        }
    }

    /// The entries of a map, object or resource.
    pub fn entries(&self) -> Option<&BTreeMap<Arc<str>, Value>> {
        match &self.shape {
            Shape::Map(entries, _) | Shape::Object(entries) => Some(entries),
            Shape::Resource(resource) => Some(&resource.attributes),
            _ => None,
        }
    }
}

/// Shows the structure but never the content of what is sensitive or ephemeral.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stand_in) = self.marks.stand_in() {
            return f.write_str(stand_in);
        }
        match &self.shape {
            Shape::Null(_) => f.write_str("null"),
            Shape::Bool(value) => value.fmt(f),
            Shape::Number(number) => number.fmt(f),
            Shape::Text(text) => write!(f, "{text:?}"),
            Shape::List(elements, _) | Shape::Set(elements, _) | Shape::Tuple(elements) => {
                f.debug_list().entries(elements.iter()).finish()
            }
            Shape::Map(entries, _) | Shape::Object(entries) => f.debug_map().entries(entries.iter()).finish(),
            Shape::Resource(resource) => write!(f, "{}", resource.address),
            Shape::Unknown(unknown) => write!(f, "(unknown {:?})", unknown.ty),
        }
    }
}
