//! Tests of the library as a user of it, and end-to-end tests of the built program.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop where its ground gives way"
)]

mod model;
