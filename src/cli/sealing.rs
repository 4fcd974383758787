//! What the `encryption` block says: the key of the state, and those that it had before. It reads no configuration but that
//! block, and opens nothing.

use pgferry_state::{Keys, SealKey};

use super::backend::{Given, Reading};
use super::error::CommandError;
use crate::config::EncryptionBlock;
use crate::diagnostic::code::{CONFLICT, MISSING_ARGUMENT};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// How a project's state is encrypted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encryption {
    current: Option<Key>,
    former: Vec<Key>,
}

/// A key of the block.
#[derive(Clone, Debug)]
enum Key {
    /// It is at hand.
    Known(SealKey),
    /// Its variable has no value.
    Unset {
        /// The argument.
        argument: &'static str,
    },
}

const ARGUMENTS: [&str; 4] = ["passphrase", "key", "previous_passphrase", "previous_key"];

impl Encryption {
    /// What the block says; without one nothing is encrypted.
    ///
    /// # Errors
    /// All that is wrong with the block.
    pub(crate) fn of(block: Option<&EncryptionBlock>) -> Result<Self, Diagnostics> {
        let Some(block) = block else {
            return Ok(Self::default());
        };
        let mut reading = Reading::of(&block.body, block.span);
        let [passphrase, key, previous_passphrase, previous_key] = ARGUMENTS.map(|argument| reading.key(argument));
        let both = ["passphrase", "key"].map(|argument| reading.attribute(argument).is_some()) == [true, true];
        let current = passphrase.or(key);
        let former: Vec<Key> = previous_passphrase.into_iter().chain(previous_key).collect();
        if both {
            let text = "a state has a `passphrase` or a `key`, not both";
            let conflict = Diagnostic::error(CONFLICT, "arguments that do not go together").at(block.span, text);
            reading
                .found
                .push(conflict.hint("the one it had before is `previous_passphrase` or `previous_key`"));
        } else if current.is_none() && former.is_empty() && !reading.found.has_errors() {
            let text = "`passphrase` or `key` must be given here";
            reading
                .found
                .push(Diagnostic::error(MISSING_ARGUMENT, "missing argument").at(block.span, text));
        }
        reading
            .found
            .or(Self { current, former })
            .map(|(encryption, _)| encryption)
    }

    /// The keys.
    ///
    /// # Errors
    /// When the variable of one has no value.
    pub(crate) fn keys(&self) -> Result<Keys, CommandError> {
        let current = self.current.as_ref().map(Key::known).transpose()?;
        let former = self.former.iter().map(Key::known).collect::<Result<_, _>>()?;
        Ok(Keys::new(current, former))
    }
}

impl Key {
    fn known(&self) -> Result<SealKey, CommandError> {
        match self {
            Self::Known(key) => Ok(key.clone()),
            Self::Unset { argument } => Err(CommandError::StateSecretUnset {
                block: "encryption",
                argument,
            }),
        }
    }
}

impl Reading<'_> {
    fn key(&mut self, argument: &'static str) -> Option<Key> {
        let text = match self.secret(argument) {
            Given::Absent => return None,
            Given::Unset { argument } => return Some(Key::Unset { argument }),
            Given::Known(text) => text,
        };
        if argument.ends_with("passphrase") {
            return Some(Key::Known(SealKey::passphrase(text.expose())));
        }
        match SealKey::key(text.expose()) {
            Ok(key) => Some(Key::Known(key)),
            Err(error) => {
                let span = self.attribute(argument).map(|attribute| attribute.span);
                span.into_iter().for_each(|span| self.refuse(span, &error.to_string()));
                None
            }
        }
    }
}
