//! The expression language: values, types, conversion, evaluation, functions. Pure: files and time reach it as arguments.

pub mod convert;
mod csv;
pub mod display;
pub mod eval;
pub mod expr;
pub mod files;
pub mod function;
pub mod json;
mod marks;
mod mask;
pub mod number;
mod operation;
pub mod order;
pub mod participants;
pub mod path;
mod refusal;
pub mod syntax;
mod template;
mod text;
pub mod types;
pub mod value;
pub mod vault;

pub use crate::diagnostic::code;
pub use marks::Marks;
pub use number::Number;
pub use value::{Coming, Residual, ResidualPiece, Resource, Shape, Type, Unknown, Value};

#[cfg(test)]
mod tests;
