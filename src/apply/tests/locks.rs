//! Who holds the lock when, and what others may do meanwhile.
