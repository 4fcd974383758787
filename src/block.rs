//! An evaluated block: what one resource declares, each value with the place it came from. It knows no kind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::address::pattern::Pattern;
use crate::diagnostic::{Code, Participant, Span};
use crate::lang::Value;

/// One resource, evaluated; values that hang on things not yet created are unknown.
#[derive(Clone, Debug)]
pub struct Block {
    /// The resource it declares.
    pub address: Address,
    /// The header: kind and label.
    pub span: Span,
    /// What stands between the braces, without the meta-arguments.
    pub body: Body,
    /// The meta-arguments.
    pub meta: Meta,
}

/// The attributes and nested blocks between two braces.
#[derive(Clone, Debug)]
pub struct Body {
    /// The whole body, for errors about what is missing.
    pub span: Span,
    /// The attributes by name.
    pub attributes: BTreeMap<Arc<str>, Attribute>,
    /// The nested blocks in order.
    pub blocks: Vec<Nested>,
}

/// An attribute with its evaluated value.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// The name, for errors about the attribute itself.
    pub name: Span,
    /// The expression, for errors about its value.
    pub span: Span,
    /// What it evaluates to.
    pub value: Value,
    /// Whether the value stands in the configuration: such a password is refused.
    pub literal: Literal,
    /// How it is written.
    pub wording: Wording,
}

/// How an expression is written: an error says how it would be right.
#[derive(Clone, Debug, Default)]
pub struct Wording {
    /// In which syntax.
    pub syntax: Syntax,
    /// What the expression, or each element of a list, names where that is an attribute of a resource.
    pub named: Vec<Option<Inner>>,
}

/// The syntax of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    /// HCL's own.
    #[default]
    Hcl,
    /// JSON, where every expression stands in a string.
    Json,
}

/// An attribute of a resource, as in `network.hub.id`.
#[derive(Clone, Debug)]
pub struct Inner {
    /// The kind: `network`.
    pub kind: Arc<str>,
    /// The resource: `network.hub`.
    pub resource: String,
    /// The attribute: `id`.
    pub attribute: Arc<str>,
    /// The place of all of it.
    pub span: Span,
}

impl Syntax {
    /// How a reference stands in such a file, in place of a value.
    pub fn reference(self, to: impl std::fmt::Display) -> String {
        match self {
            Self::Hcl => to.to_string(),
            Self::Json => format!("\"${{{to}}}\""),
        }
    }
}

/// Whether everybody who may read the configuration knows the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    /// The value is made only of what stands in the configuration: literals, locals, defaults of variables.
    Written,
    /// A given variable, a file or something that Azure tells took part.
    Derived,
}

/// A nested block such as `cutover { … }`.
#[derive(Clone, Debug)]
pub struct Nested {
    /// Its name.
    pub name: Arc<str>,
    /// The name in the file.
    pub span: Span,
    /// Its content.
    pub body: Body,
}

/// What every resource may say beside its own attributes.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// `depends_on`, in order.
    pub depends_on: Vec<(Address, Span)>,
    /// Every resource that an expression of the block mentions, with the argument that mentions it first, where it is one.
    pub references: BTreeMap<Address, Option<String>>,
    /// `lifecycle`.
    pub lifecycle: Lifecycle,
    /// `timeouts`.
    pub timeouts: Timeouts,
}

/// The `lifecycle` block.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// Whether deleting is refused; by default whatever the kind says of itself.
    pub prevent_destroy: Option<bool>,
    /// Whether leaving the configuration deletes what was imported.
    pub delete_imported: bool,
    /// Attributes whose difference is ignored.
    pub ignore_changes: Vec<(String, Span)>,
    /// Conditions on what is declared, already evaluated; those that failed were reported.
    pub postconditions: Vec<Condition>,
}

/// A condition that can only be judged after the resource is there.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Whether it holds.
    pub verdict: Verdict,
    /// What the author says when it does not hold.
    pub message: String,
    /// The condition's expression.
    pub span: Span,
    /// The values that took part, where it is known not to hold.
    pub values: Vec<Participant>,
}

/// How long one operation may take; none means the kind's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// For creating.
    pub create: Option<Duration>,
    /// For changing in place.
    pub update: Option<Duration>,
    /// For deleting.
    pub delete: Option<Duration>,
}

/// A `waive` block: somebody takes a finding of preflight upon himself until a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The rule.
    pub code: Code,
    /// Who answers for it.
    pub owner: String,
    /// Why it is fine.
    pub reason: String,
    /// The last day on which it counts.
    pub until: Date,
    /// The databases that it is for; none means every place.
    pub databases: Vec<String>,
    /// The header.
    pub span: Span,
}

/// What a `removed` block says.
#[derive(Clone, Debug)]
pub struct Removal {
    /// What is no longer declared.
    pub from: Pattern,
    /// What becomes of what it made.
    pub at_end: AtEnd,
    /// The block.
    pub span: Span,
}

/// What becomes of what is no longer declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// It is deleted.
    Destroy,
    /// It stays in Azure and is forgotten.
    Keep,
    /// It stays where it holds data, and is deleted otherwise.
    AsItsKind,
}

/// What an `import` block says.
#[derive(Clone, Debug)]
pub struct Import {
    /// The resource that takes it over.
    pub to: Address,
    /// The ARM id of the object.
    pub id: String,
    /// The expression of the id.
    pub span: Span,
}

/// One assertion of a `check` block, evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The check's address: `check.name`, or `module.m.check.name`.
    pub name: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// What the author says when it does not hold.
    pub message: String,
    /// The condition.
    pub span: Span,
}

/// Whether a condition or an assertion holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    Holds,
    /// It does not.
    Fails,
    /// That is only known after apply.
    Unknown,
}

impl From<Option<bool>> for Verdict {
    fn from(truth: Option<bool>) -> Self {
        match truth {
            Some(true) => Self::Holds,
            Some(false) => Self::Fails,
            None => Self::Unknown,
        }
    }
}
