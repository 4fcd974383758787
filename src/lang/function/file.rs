//! Functions on files and paths. Files are read through the door that the configuration itself came through.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use crate::lang::convert::convert;
use crate::lang::function::glob::Pattern;
use crate::lang::function::hash::hex;
use crate::lang::function::string::text;
use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Wants};
use crate::lang::syntax::normalized;
use crate::lang::value::{Type, Value};

const PATH: Parameter = Parameter::new("path", Wants::String);
const STRING: Returns = Returns::Always(Wants::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "abspath",
        "A path from the root of the file system.",
        &[PATH],
        STRING,
        |a| {
            let absolute = a.evaluator().files().absolute(a.text(0));
            text(&clean(
                &absolute.map_err(|error| Failure::Argument(0, error.to_string()))?,
            ))
        },
    ),
    Function::new("basename", "The last part of a path.", &[PATH], STRING, |a| {
        text(base(a.text(0)))
    }),
    Function::new("dirname", "A path without its last part.", &[PATH], STRING, |a| {
        text(&directory(a.text(0)))
    }),
    Function::new("file", "The text in a file.", &[PATH], STRING, |a| {
        let content = String::from_utf8(read(a)?)
            .map_err(|_| Failure::Argument(0, "the file is not UTF-8 text; see `filebase64`".to_owned()))?;
        text(&content)
    }),
    Function::new("filebase64", "The content of a file in Base64.", &[PATH], STRING, |a| {
        text(&STANDARD.encode(read(a)?))
    }),
    Function::new(
        "filebase64sha256",
        "The SHA-256 hash of a file in Base64.",
        &[PATH],
        STRING,
        |a| text(&STANDARD.encode(Sha256::digest(read(a)?))),
    ),
    Function::new(
        "filebase64sha512",
        "The SHA-512 hash of a file in Base64.",
        &[PATH],
        STRING,
        |a| text(&STANDARD.encode(Sha512::digest(read(a)?))),
    ),
    Function::new(
        "fileexists",
        "Whether there is a file.",
        &[PATH],
        Returns::Always(Wants::Bool),
        |a| {
            let exists = a.evaluator().files().exists(a.text(0));
            exists
                .map(Value::bool)
                .map_err(|error| Failure::Argument(0, error.to_string()))
        },
    ),
    Function::new("filemd5", "The MD5 hash of a file.", &[PATH], STRING, |a| {
        Ok(hex::<Md5>(&read(a)?))
    }),
    Function::new(
        "fileset",
        "The paths of the files in a directory that fit a pattern.",
        &[PATH, Parameter::new("pattern", Wants::String)],
        Returns::Always(Wants::Set(&Wants::String)),
        file_set,
    ),
    Function::new("filesha1", "The SHA-1 hash of a file.", &[PATH], STRING, |a| {
        Ok(hex::<Sha1>(&read(a)?))
    }),
    Function::new("filesha256", "The SHA-256 hash of a file.", &[PATH], STRING, |a| {
        Ok(hex::<Sha256>(&read(a)?))
    }),
    Function::new("filesha512", "The SHA-512 hash of a file.", &[PATH], STRING, |a| {
        Ok(hex::<Sha512>(&read(a)?))
    }),
];

fn read(arguments: &Arguments<'_>) -> Result<Vec<u8>, Failure> {
    let content = arguments.evaluator().files().read(arguments.text(0));
    content.map_err(|error| Failure::Argument(0, error.to_string()))
}

fn file_set(arguments: &Arguments<'_>) -> Outcome {
    let pattern = clean(arguments.text(1));
    if pattern.split('/').next() == Some("..") {
        return Err(Failure::Argument(
            1,
            "a pattern cannot lead out of the directory".to_owned(),
        ));
    }
    let pattern = Pattern::parse(&pattern).map_err(|problem| Failure::Argument(1, problem))?;
    let files = arguments.evaluator().files().below(arguments.text(0));
    let files = files.map_err(|error| Failure::Argument(0, error.to_string()))?;
    let fitting = files.iter().filter(|path| pattern.fits(path));
    let fitting = fitting.map(|path| Value::text(normalized(path))).collect();
    let set = Type::Set(Type::String.into());
    convert(&Value::tuple(fitting), &set).map_err(|error| Failure::Call(error.to_string()))
}

fn base(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" if path.is_empty() => ".",
        "" => "/",
        trimmed => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

/// Go's rule: all but the last part, cleaned.
fn directory(path: &str) -> String {
    clean(path.rfind('/').map_or("", |at| path.get(..=at).unwrap_or_default()))
}

/// Go's rule: without `.`, `..` and doubled slashes, as far as that can be.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, parts) => format!("/{parts}"),
        (false, parts) if parts.is_empty() => ".".to_owned(),
        (false, parts) => parts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_apart_as_in_go() {
        for (path, first, last) in [
            ("", ".", "."),
            ("/", "/", "/"),
            ("a", ".", "a"),
            ("a/b/", "a/b", "b"),
            ("/a//b", "/a", "b"),
            ("../a/./b/../c", "../a", "c"),
        ] {
            assert_eq!((directory(path).as_str(), base(path)), (first, last), "{path}");
        }
    }
}
