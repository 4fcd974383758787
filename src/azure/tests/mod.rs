//! Behaviour of the client against scripted answers on a clock that the test owns. Nothing here opens a connection, except
//! `transport`, on loopback.

mod auth;
mod credential;
mod errors;
mod govern;
mod log;
mod lro;
mod paging;
mod retry;
mod rig;
mod transport;
mod vault;
