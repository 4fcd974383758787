//! Secrets that stay in a Key Vault. Nothing here reads one.

use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Wants};
use crate::lang::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[Function::new(
    "key_vault_secret",
    "The secret of that id in a Key Vault, read at the moment it is sent to Azure and never kept. It goes whole into arguments that \
     hold secrets, and nowhere else.",
    &[Parameter::new("id", Wants::String)],
    Returns::Always(Wants::String),
    key_vault_secret,
)];

fn key_vault_secret(arguments: &Arguments<'_>) -> Outcome {
    match arguments.text(0).parse() {
        Ok(secret) => Ok(Value::in_vault(secret)),
        Err(error) => Err(Failure::Argument(0, format!("{error}"))),
    }
}
