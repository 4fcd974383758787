//! Version constraints as Terraform writes them: `>= 0.1, < 2.0`, `~> 1.4`. Pure text; it knows no program's version.

use thiserror::Error;

/// A release number of up to three parts; missing parts are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u64; 3]);

/// Constraints that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint(Vec<(Operator, Version, usize)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    AtLeast,
    Less,
    AtMost,
    /// The last given part may grow.
    Pessimistic,
}

/// Why a text is no constraint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a version constraint such as `>= 0.1` or `~> 1.4`")]
pub struct ConstraintError(String);

/// Longer operators first, since some begin with others.
const OPERATORS: [(&str, Operator); 7] = [
    ("~>", Operator::Pessimistic),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("!=", Operator::NotEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
];

impl Version {
    /// Reads `1`, `1.4` or `1.4.2`; answers with the number of parts given, too.
    pub fn parse(text: &str) -> Option<(Self, usize)> {
        let mut parts = [0; 3];
        let mut given = 0;
        for part in text.trim().split('.') {
            *parts.get_mut(given)? = part.parse().ok()?;
            given += 1;
        }
        Some((Self(parts), given))
    }
}

impl Constraint {
    /// Reads constraints separated by commas.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        let one = |text: &str| {
            let text = text.trim();
            let found = OPERATORS
                .iter()
                .find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)));
            let (operator, rest) = found.unwrap_or((Operator::Equal, text));
            let (version, given) = Version::parse(rest)?;
            Some((operator, version, given))
        };
        let all: Option<Vec<_>> = text.split(',').map(one).collect();
        all.map(Self).ok_or_else(|| ConstraintError(text.to_owned()))
    }

    /// Whether a version may be used.
    pub fn allows(&self, version: Version) -> bool {
        self.0.iter().all(|(operator, wanted, given)| match operator {
            Operator::Equal => version == *wanted,
            Operator::NotEqual => version != *wanted,
            Operator::Greater => version > *wanted,
            Operator::AtLeast => version >= *wanted,
            Operator::Less => version < *wanted,
            Operator::AtMost => version <= *wanted,
            Operator::Pessimistic => {
                let fixed = given.saturating_sub(1);
                version >= *wanted && version.0.iter().zip(wanted.0.iter()).take(fixed).all(|(a, b)| a == b)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_mean_what_they_mean_in_terraform() {
        let allows = |constraint: &str, version: &str| {
            Constraint::parse(constraint)
                .unwrap()
                .allows(Version::parse(version).unwrap().0)
        };
        for (constraint, version, wanted) in [
            (">= 0.1", "0.1.0", true),
            (">= 0.1, < 0.2", "0.2.0", false),
            ("~> 1.4", "1.9.3", true),
            ("~> 1.4", "2.0.0", false),
            ("~> 1.4.2", "1.5.0", false),
            ("1.2.3", "1.2.3", true),
            ("!= 1.2.3", "1.2.3", false),
            ("<= 1, > 0.5", "1.0.0", true),
        ] {
            assert_eq!(allows(constraint, version), wanted, "{constraint} {version}");
        }
        for text in ["", "abc", ">=", "1.2.3.4", ">= 1,"] {
            assert!(Constraint::parse(text).is_err(), "{text}");
        }
    }
}
