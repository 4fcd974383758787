//! From files to evaluated blocks: read, parse, take up variables, fold. It knows no block kind and calls nobody.

mod declare;
mod dynamic;
pub mod fold;
pub mod parse;
pub mod resource;
mod scope;
pub mod settings;
pub mod source;
mod split;
pub mod variables;

pub use fold::{Exports, Folded, OutputValue, fold};
pub use parse::{RawAttribute, RawBlock, RawBody, parse};
pub use settings::{AzureBlock, PgferryBlock, Settings, StateBlock, settings};
pub use source::{Location, ReadError, Sources};
pub use variables::{Assignment, Inputs, Supplied, UnsetSensitive};

#[cfg(test)]
mod tests;
