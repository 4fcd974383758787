//! From files to declarations: read, parse, take up variables, fold, decode. Only `source` reads files, and nothing here
//! calls Azure.

pub mod amend;
mod call;
mod check;
mod declare;
pub mod decode;
mod dynamic;
pub mod fold;
pub mod forms;
mod given;
mod import;
mod json;
pub mod json_schema;
pub mod layout;
mod lost;
pub mod module;
mod overriding;
pub mod parse;
pub mod reference;
mod references;
mod required;
pub mod resource;
mod scope;
pub mod settings;
pub mod source;
mod split;
mod statement;
mod tree;
mod unset;
pub mod variables;
pub mod version;

pub use decode::{Declared, Program};
pub use fold::{Exports, Folded, OutputValue, constants, fold};
pub use given::sensitive;
pub use module::{Configuration, parse, parsed};
pub use parse::{RawAttribute, RawBlock, RawBody};
pub use required::{Required, required};
pub use settings::{AzureBlock, EncryptionBlock, PgferryBlock, Settings, StateBlock, settings};
pub use source::{Location, ReadError, Sources};
pub use unset::{Unset, unset};
pub use variables::{Assignment, Inputs, Supplied, UnsetSensitive};

#[cfg(test)]
mod tests;
