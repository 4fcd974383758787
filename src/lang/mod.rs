//! The expression language: values, types, conversion, evaluation, functions. Pure: files and time reach it as arguments.

pub mod value;

pub use value::{Number, Residual, ResidualPiece, Resource, Shape, Type, Unknown, Value};
