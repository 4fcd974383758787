//! The marks that a value carries, as Terraform has them, and how they join. What a mark forbids is decided by who reads it.

use std::ops::{BitOr, BitOrAssign};

/// How a value may be used. A value made of others has the marks of all of them: `a | b`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// It must not be shown.
    pub sensitive: bool,
    /// It must not be kept: neither in the state nor in a plan.
    pub ephemeral: bool,
    /// It is, or is made of, a secret that stays in its vault: nobody here knows it.
    pub vaulted: bool,
}

impl Marks {
    /// No mark.
    pub const NONE: Self = Self {
        sensitive: false,
        ephemeral: false,
        vaulted: false,
    };
    /// It must not be shown.
    pub const SENSITIVE: Self = Self {
        sensitive: true,
        ..Self::NONE
    };
    /// It must not be kept.
    pub const EPHEMERAL: Self = Self {
        ephemeral: true,
        ..Self::NONE
    };
    /// It stays in its vault, and is a secret.
    pub const VAULTED: Self = Self {
        sensitive: true,
        vaulted: true,
        ..Self::NONE
    };

    /// Whether nothing may be quoted of the value: logs keep what is shown, so what must not be kept is not shown either.
    pub fn hide(self) -> bool {
        self.sensitive || self.ephemeral
    }

    /// The marks in a word or two, for an error.
    pub fn word(self) -> &'static str {
        match (self.ephemeral, self.sensitive) {
            (true, true) => "ephemeral, sensitive",
            (true, false) => "ephemeral",
            (false, true) => "sensitive",
            (false, false) => "plain",
        }
    }

    /// What stands in the place of a value of which nothing may be quoted, as `terraform console` writes it.
    pub fn stand_in(self) -> Option<&'static str> {
        match self {
            Self { sensitive: true, .. } => Some("(sensitive value)"),
            Self { ephemeral: true, .. } => Some("(ephemeral value)"),
            Self { .. } => None,
        }
    }
}

impl BitOr for Marks {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            sensitive: self.sensitive | other.sensitive,
            ephemeral: self.ephemeral | other.ephemeral,
            vaulted: self.vaulted | other.vaulted,
        }
    }
}

impl BitOrAssign for Marks {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}
