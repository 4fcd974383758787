//! What an editor asks about a configuration while it is being written: completion, documentation, definitions, symbols.
//! Pure; it works on texts that are half written, and so on an outline of its own instead of the parser's tree.

pub mod complete;
pub mod hover;
pub mod outline;
pub mod place;
pub mod position;
pub mod project;

pub use complete::{Item, ItemKind, complete};
pub use hover::{Target, definition, hover};
pub use outline::Outline;
pub use position::{Lines, Position};
pub use project::Project;

#[cfg(test)]
mod tests;
