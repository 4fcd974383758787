//! Hashes of texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Wants};
use crate::lang::value::Value;

const TEXT: Parameter = Parameter::new("str", Wants::String);
const STRING: Returns = Returns::Always(Wants::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "base64sha256",
        "The SHA-256 hash of the text in Base64.",
        &[TEXT],
        STRING,
        |a| Ok(Value::text(STANDARD.encode(Sha256::digest(a.text(0))))),
    ),
    Function::new(
        "base64sha512",
        "The SHA-512 hash of the text in Base64.",
        &[TEXT],
        STRING,
        |a| Ok(Value::text(STANDARD.encode(Sha512::digest(a.text(0))))),
    ),
    Function::new("md5", "The MD5 hash of the text.", &[TEXT], STRING, |a| {
        Ok(hex::<Md5>(a.text(0).as_bytes()))
    }),
    Function::new("sha1", "The SHA-1 hash of the text.", &[TEXT], STRING, |a| {
        Ok(hex::<Sha1>(a.text(0).as_bytes()))
    }),
    Function::new("sha256", "The SHA-256 hash of the text.", &[TEXT], STRING, |a| {
        Ok(hex::<Sha256>(a.text(0).as_bytes()))
    }),
    Function::new("sha512", "The SHA-512 hash of the text.", &[TEXT], STRING, |a| {
        Ok(hex::<Sha512>(a.text(0).as_bytes()))
    }),
    Function::new(
        "uuidv5",
        "The UUID of a name within a namespace: `dns`, `url`, `oid`, `x500` or a UUID.",
        &[
            Parameter::new("namespace", Wants::String),
            Parameter::new("name", Wants::String),
        ],
        STRING,
        uuid_v5,
    ),
];

/// The hash in hexadecimal digits.
pub(super) fn hex<D: Digest>(bytes: &[u8]) -> Value {
    let digits: String = D::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Value::text(digits)
}

fn uuid_v5(arguments: &Arguments<'_>) -> Outcome {
    let namespace = match arguments.text(0) {
        "dns" => uuid::Uuid::NAMESPACE_DNS,
        "url" => uuid::Uuid::NAMESPACE_URL,
        "oid" => uuid::Uuid::NAMESPACE_OID,
        "x500" => uuid::Uuid::NAMESPACE_X500,
        other => uuid::Uuid::parse_str(other)
            .map_err(|_| Failure::Argument(0, "`dns`, `url`, `oid`, `x500` or a UUID is required".to_owned()))?,
    };
    Ok(Value::text(
        uuid::Uuid::new_v5(&namespace, arguments.text(1).as_bytes()).to_string(),
    ))
}
