//! libpq's service files: settings by name, in sections. It reads them and interprets nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::DialError;

/// The settings of a service, from the first file that has it.
///
/// # Errors
/// When no file has it, or one cannot be read.
pub(super) fn find(service: &str, variables: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, DialError> {
    let looked = files(variables);
    for path in &looked {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(source) => {
                return Err(DialError::File {
                    path: path.clone(),
                    because: "may hold the service",
                    source,
                });
            }
        };
        if let Some(settings) = section(&text, service, path)? {
            return Ok(settings);
        }
    }
    Err(DialError::NoService {
        service: service.to_owned(),
        looked,
    })
}

/// The account's file, then the system's.
fn files(variables: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let own = match (variables.get("PGSERVICEFILE"), variables.get("HOME")) {
        (Some(path), _) => Some(PathBuf::from(path)),
        (None, Some(home)) => Some(Path::new(home).join(".pg_service.conf")),
        (None, None) => None,
    };
    let system = variables
        .get("PGSYSCONFDIR")
        .map(|folder| Path::new(folder).join("pg_service.conf"));
    own.into_iter().chain(system).collect()
}

fn section(text: &str, service: &str, path: &Path) -> Result<Option<BTreeMap<String, String>>, DialError> {
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            // As in libpq, the first section of a name is the one that counts.
            inside = name == service && found.is_none();
            if inside {
                found = Some(BTreeMap::new());
            }
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(DialError::ServiceLine {
                path: path.to_owned(),
                line: at + 1,
            });
        };
        if let (true, Some(settings)) = (inside, &mut found) {
            settings.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    Ok(found)
}
