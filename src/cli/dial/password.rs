//! libpq's password file: the first line that fits has the password. A file that others may read is not used, as in libpq.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::{DialError, Surroundings};
use crate::database::{Host, Port, UserName};
use crate::secret::Secret;

/// The password for a server, whatever the database, and what has to be said about the file.
///
/// # Errors
/// When a file that is there cannot be read.
pub(super) fn find(
    surroundings: &Surroundings<'_>,
    host: &Host,
    port: Port,
    user: &UserName,
) -> Result<(Option<Secret>, Option<String>), DialError> {
    let path = match surroundings.value("passfile", "PGPASSFILE") {
        Some((path, _)) => PathBuf::from(path),
        None => match surroundings.home() {
            Some(home) => home.join(".pgpass"),
            None => return Ok((None, None)),
        },
    };
    let refused = |source| DialError::File {
        path: path.clone(),
        because: "may hold the password",
        source,
    };
    let mode = match fs::metadata(&path) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((None, None)),
        Err(source) => return Err(refused(source)),
    };
    if mode & 0o077 != 0 {
        let note = format!(
            "{} is not used, because others may read it: `chmod 600` it",
            path.display()
        );
        return Ok((None, Some(note)));
    }
    let text = fs::read_to_string(&path).map_err(refused)?;
    let wanted = [host.as_str(), &port.to_string(), "", user.as_str()];
    Ok((password(&text, wanted), None))
}

/// `host:port:database:user:password`, each of the first four a text or `*`. Passwords by database are not told apart: one
/// role has one password.
fn password(text: &str, wanted: [&str; 4]) -> Option<Secret> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line)?;
        let fits = |at: usize| {
            fields
                .get(at)
                .is_some_and(|field| field == "*" || Some(field.as_str()) == wanted.get(at).copied())
        };
        if fits(0) && fits(1) && fits(3) {
            fields.get(4).filter(|password| !password.is_empty()).map(Secret::new)
        } else {
            None
        }
    })
}

/// The five fields of a line; a backslash takes the meaning of what follows it.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        let last = fields.len();
        let field = fields.last_mut()?;
        match c {
            '\\' => field.extend(characters.next()),
            ':' if last < 5 => fields.push(String::new()),
            // Behind the password nothing follows; libpq reads up to a further colon.
            ':' => break,
            c => field.push(c),
        }
    }
    (fields.len() == 5).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let text = "# comment\nother:*:*:*:no\ndb\\:1:5432:*:ada:a\\:b\\\\c\n*:*:*:ada:later\n";
        let found = |host, user| password(text, [host, "5432", "", user]).map(|secret| secret.expose().to_owned());
        assert_eq!(found("db:1", "ada").as_deref(), Some("a:b\\c"));
        assert_eq!(found("db", "ada").as_deref(), Some("later"));
        assert_eq!(found("db", "bob"), None);
    }

    #[test]
    fn lines_that_are_none_are_passed_over() {
        assert_eq!(password("a:b\n\n:::::\nx", ["", "", "", ""]), None);
    }
}
