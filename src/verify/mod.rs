//! Verify: whether two databases hold the same. Catalogs are compared object by object, rows by digests that each server computes
//! itself. It changes nothing on a server, prints nothing, and fetches no row: keys of differing rows are all it ever sees of them.

pub mod canonical;
pub mod catalog;
pub mod digest;
pub mod large_object;
pub mod pair;
pub mod repair;
pub mod report;
pub mod rows;
pub mod schema;
pub mod sequence;
pub mod side;
pub mod table;
mod view_text;

pub use digest::Scans;
pub use pair::{Level, Options, Pair, Sample, Settling, TablePattern};
pub use report::{Attribute, Compared, Detail, Difference, Gravity, Report};

mod compare;

pub use compare::{Observer, verify};
