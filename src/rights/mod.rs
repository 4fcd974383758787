//! The least rights that plan and apply of a configuration need, each with what needs it: in Azure, and on the PostgreSQL
//! servers. They follow from what is declared; who has them is not asked here.

pub mod arm;
pub mod sql;
