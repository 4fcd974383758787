//! Counts what was sent. It decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many requests a client has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Reads and lists, one per page; also actions that read.
    pub reads: u64,
    /// Calls that change something.
    pub writes: u64,
    /// Looks at the progress of operations.
    pub polls: u64,
    /// Requests that were sent again, of any kind; they are not counted in the others.
    pub retries: u64,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To learn.
    Read,
    /// To change.
    Write,
    /// To follow an operation.
    Poll,
}

/// The counters of one client.
#[derive(Debug, Default)]
pub struct Meter {
    reads: AtomicU64,
    writes: AtomicU64,
    polls: AtomicU64,
    retries: AtomicU64,
}

impl Meter {
    /// Counts a request that is sent for the first time.
    pub fn first(&self, purpose: Purpose) {
        let counter = match purpose {
            Purpose::Read => &self.reads,
            Purpose::Write => &self.writes,
            Purpose::Poll => &self.polls,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that is sent again.
    pub fn again(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts so far.
    pub fn read(&self) -> Requests {
        Requests {
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            polls: self.polls.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
        }
    }
}
