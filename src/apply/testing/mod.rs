//! What tests of this module stand on.
