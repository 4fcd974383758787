//! What catalogs are compared: one line and one file of SQL for each kind of thing. Nothing here connects.
//!
//! Every statement answers one row for each thing. `identity` says which one it is on both ends; `parent` the thing whose absence
//! explains its own; `make` and `undo` the statements that would bring it about and take it away; `expected` why a difference would be
//! no fault. All other columns are attributes and must be the same; one whose name begins with `~` is told and does not count.
//! `{ours}` stands for the schemas of the user, `{lower}` for the lower version of both ends.

use crate::diagnostic::Code;
use crate::diagnostic::code::{
    COMMENT_DIFFERS, DEFAULT_PRIVILEGE_DIFFERS, EXTENSION_DIFFERS, GRANT_DIFFERS, MEMBERSHIP_DIFFERS, OBJECT_DIFFERS,
    OBJECT_EXTRA, OBJECT_MISSING, OWNER_DIFFERS, REPLICA_IDENTITY_DIFFERS, ROLE_DIFFERS, SETTING_DIFFERS,
};

/// A kind of thing that catalogs know.
#[derive(Debug)]
pub struct SchemaKind {
    /// One of them.
    pub word: &'static str,
    /// All of them, to complete "cannot read …".
    pub plural: &'static str,
    /// The statement.
    pub sql: &'static str,
    /// What differences are called.
    pub codes: Codes,
    /// What it means when only the target has one.
    pub extra: Extra,
}

/// What differences of a kind are called.
#[derive(Clone, Copy, Debug)]
pub enum Codes {
    /// Missing, extra and differing objects each have their own code.
    Object,
    /// All differences have this one.
    One(Code),
}

/// What it means when only the target has something.
#[derive(Clone, Copy, Debug)]
pub enum Extra {
    /// The databases are not the same.
    Counts,
    /// The target may well have more of them.
    Expected(&'static str),
}

impl Codes {
    /// Of something that the target lacks.
    pub fn missing(self) -> Code {
        match self {
            Self::Object => OBJECT_MISSING,
            Self::One(code) => code,
        }
    }

    /// Of something that only the target has.
    pub fn extra(self) -> Code {
        match self {
            Self::Object => OBJECT_EXTRA,
            Self::One(code) => code,
        }
    }

    /// Of something that both have.
    pub fn differs(self) -> Code {
        match self {
            Self::Object => OBJECT_DIFFERS,
            Self::One(code) => code,
        }
    }
}

macro_rules! kind {
    ($word:literal, $file:literal, $codes:expr, $extra:expr) => {
        SchemaKind {
            word: $word,
            plural: $file,
            sql: include_str!(concat!("sql/schema/", $file, ".sql")),
            codes: $codes,
            extra: $extra,
        }
    };
}

const SERVERS_OWN: Extra = Extra::Expected("the target's server has it for its own purposes");

/// Things that others belong to: what belongs to a missing one is not told again.
pub static WHOLES: &[SchemaKind] = &[
    kind!("schema", "schemas", Codes::Object, Extra::Counts),
    kind!("relation", "relations", Codes::Object, Extra::Counts),
    kind!("routine", "functions", Codes::Object, Extra::Counts),
    kind!("type", "types", Codes::Object, Extra::Counts),
];

/// Views, whose text servers print differently from 16 on.
pub static VIEWS: SchemaKind = kind!("view", "views", Codes::Object, Extra::Counts);

/// Everything else, much of which belongs to one of [`WHOLES`].
pub static PARTS: &[SchemaKind] = &[
    kind!("column", "columns", Codes::Object, Extra::Counts),
    kind!("constraint", "constraints", Codes::Object, Extra::Counts),
    kind!("index", "indexes", Codes::Object, Extra::Counts),
    kind!("trigger", "triggers", Codes::Object, Extra::Counts),
    kind!("rule", "rules", Codes::Object, Extra::Counts),
    kind!("policy", "policies", Codes::Object, Extra::Counts),
    kind!("sequence", "sequences", Codes::Object, Extra::Counts),
    kind!("statistics object", "statistics", Codes::Object, Extra::Counts),
    kind!("object", "others", Codes::Object, Extra::Counts),
    kind!("extension", "extensions", Codes::One(EXTENSION_DIFFERS), SERVERS_OWN),
    kind!("comment", "comments", Codes::One(COMMENT_DIFFERS), Extra::Counts),
    kind!("owner", "owners", Codes::One(OWNER_DIFFERS), Extra::Counts),
    kind!("privilege", "grants", Codes::One(GRANT_DIFFERS), Extra::Counts),
    kind!(
        "default privilege",
        "default_privileges",
        Codes::One(DEFAULT_PRIVILEGE_DIFFERS),
        Extra::Counts
    ),
    kind!(
        "replica identity",
        "replica_identities",
        Codes::One(REPLICA_IDENTITY_DIFFERS),
        Extra::Counts
    ),
    kind!("role", "roles", Codes::One(ROLE_DIFFERS), SERVERS_OWN),
    kind!("membership", "memberships", Codes::One(MEMBERSHIP_DIFFERS), SERVERS_OWN),
    kind!("setting", "settings", Codes::One(SETTING_DIFFERS), SERVERS_OWN),
];
