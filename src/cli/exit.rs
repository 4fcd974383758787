//! Exit codes and which of several wins. What leads to one is decided by the commands.

use std::process::ExitCode;

/// How a command ended, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// An error; usage errors too. Declined, or interrupted before anything was begun.
    Error,
    /// Something would change (`plan --detailed-exitcode`).
    Changes,
    /// A file is not laid out (`fmt --check`).
    NotLaidOut,
    /// Migrations go on in Azure.
    InFlight,
    /// Only a person's answer is missing.
    WaitingForPerson,
    /// Others changed something (`drift`, `plan --refresh-only --detailed-exitcode`).
    Drift,
    /// A check or an invariant failed.
    CheckFailed,
}

impl Exit {
    /// The code for the shell.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Changes => 2,
            // As `terraform fmt -check` has it; nothing is ever in flight there.
            Self::NotLaidOut | Self::InFlight => 3,
            Self::WaitingForPerson => 4,
            Self::Drift => 5,
            Self::CheckFailed => 7,
        }
    }

    /// In a word, for machines.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Error => "error",
            Self::Changes => "changes",
            Self::NotLaidOut => "not_laid_out",
            Self::InFlight => "in_flight",
            Self::WaitingForPerson => "waiting_for_person",
            Self::Drift => "drift",
            Self::CheckFailed => "check_failed",
        }
    }

    /// The one to end with where both hold: the first of 1, 7, 4, 3, 5, 2, 0.
    pub(crate) fn and(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Error => 0,
            Self::CheckFailed => 1,
            Self::WaitingForPerson => 2,
            Self::NotLaidOut | Self::InFlight => 3,
            Self::Drift => 4,
            Self::Changes => 5,
            Self::Done => 6,
        };
        if rank(other) < rank(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_end_wins() {
        assert_eq!(Exit::InFlight.and(Exit::WaitingForPerson), Exit::WaitingForPerson);
        assert_eq!(Exit::Error.and(Exit::CheckFailed), Exit::Error);
        assert_eq!(Exit::Done.and(Exit::Changes), Exit::Changes);
    }
}
