//! Behaviour of whole runs, against an Azure in memory.

mod locks;
mod migrations;
mod recovery;
mod steps;
