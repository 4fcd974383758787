//! The checks of a migration's validation stage. Reads the world, changes nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::source::{self, Credentials};
use super::{Mode, path_check};
use crate::simulator::fault::MigrationFault;
use crate::simulator::path::Key;
use crate::simulator::seed::{SourceDatabase, SourceServer};
use crate::simulator::store::{text, texts};
use crate::simulator::world::World;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Verdict {
    Succeeded,
    Warning,
    Failed,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Check {
    #[serde(rename = "type")]
    kind: String,
    state: Verdict,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Message {
    state: Verdict,
    message: String,
}

impl Check {
    fn new(kind: &str, fault: Option<String>) -> Self {
        match fault {
            None => Self {
                kind: kind.to_owned(),
                state: Verdict::Succeeded,
                messages: Vec::new(),
            },
            Some(message) => Self::with(kind, Verdict::Failed, message),
        }
    }

    fn with(kind: &str, state: Verdict, message: String) -> Self {
        Self {
            kind: kind.to_owned(),
            state,
            messages: vec![Message { state, message }],
        }
    }
}

/// All checks of one database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DatabaseChecks {
    pub(super) name: String,
    pub(super) summary: Vec<Check>,
}

/// The outcome of the whole stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Validation {
    pub(super) server: Vec<Check>,
    pub(super) databases: Vec<DatabaseChecks>,
}

impl Validation {
    pub(super) fn verdict(&self) -> Verdict {
        let of_databases = self.databases.iter().flat_map(|database| &database.summary);
        self.server
            .iter()
            .chain(of_databases)
            .map(|check| check.state)
            .max()
            .unwrap_or(Verdict::Succeeded)
    }

    /// The first thing that failed, for runs that have no validation stage.
    pub(super) fn first_failure(&self) -> Option<String> {
        let named = self
            .databases
            .iter()
            .flat_map(|database| database.summary.iter().map(move |check| (Some(&database.name), check)));
        let mut all = self.server.iter().map(|check| (None, check)).chain(named);
        let (database, check) = all.find(|(_, check)| check.state == Verdict::Failed)?;
        let message = check
            .messages
            .first()
            .map(|message| message.message.as_str())
            .unwrap_or_default();
        Some(database.map_or_else(|| message.to_owned(), |database| format!("{database}: {message}")))
    }
}

/// Runs every check. A server-level failure leaves the later ones out, as the service does.
pub(super) fn validate(world: &World, key: &Key, credentials: Credentials, faults: &[MigrationFault]) -> Validation {
    let properties = world.properties(key);
    let target = Key::of(text(&properties, "/targetDbServerResourceId").unwrap_or_default());
    let names: Vec<&str> = texts(&properties, "/dbsToMigrate").collect();
    let source = source::find(world, &properties);
    let mut validation = Validation::default();
    let connection = match source {
        None => Some(format!(
            "Could not connect to the source server {}: the host name is not known or does not answer.",
            text(&properties, "/sourceDbServerResourceId").unwrap_or_default()
        )),
        Some(source) => {
            path_check::fault(world, &target, &properties, source).or_else(|| sign_in_fault(credentials, source))
        }
    };
    let connected = connection.is_none();
    validation
        .server
        .push(Check::new("AuthenticationAndConnectivityValidation", connection));
    if let Some(source) = source.filter(|_| connected) {
        validation.server.push(Check::new(
            "SourceVersionValidation",
            version_fault(world, &target, source),
        ));
        validation.server.push(Check::new(
            "ServerParametersValidation",
            parameter_fault(&properties, source),
        ));
        let allowed = allowed_extensions(world, &target);
        let mode = Mode::of(&properties);
        validation.databases = names
            .iter()
            .map(|name| database_checks(source, name, &allowed, mode))
            .collect();
    }
    for fault in faults {
        planted(&mut validation, fault);
    }
    validation
}

fn sign_in_fault(credentials: Credentials, source: &SourceServer) -> Option<String> {
    let place = format!("{}:{}", source.host, source.port);
    match credentials {
        Credentials::Accepted => None,
        Credentials::UnknownUser => Some(format!(
            "Could not sign in to the source server {place}: the role does not exist."
        )),
        Credentials::WrongPassword => Some(format!(
            "Could not sign in to the source server {place}: password authentication failed."
        )),
        Credentials::Missing => Some(format!(
            "Could not sign in to the source server {place}: no password was given."
        )),
    }
}

fn version_fault(world: &World, target: &Key, source: &SourceServer) -> Option<String> {
    let parse = |version: &str| version.parse::<f64>().ok();
    let of_source = parse(&source.version)?;
    if of_source < 9.5 {
        return Some(format!(
            "The version {} of the source server is not supported; 9.5 is the lowest.",
            source.version
        ));
    }
    let properties = world.properties(target);
    let of_target = text(&properties, "/version").and_then(parse)?;
    (of_source.floor() > of_target).then(|| {
        format!(
            "The version {} of the source server is higher than that of the target server, {of_target}.",
            source.version
        )
    })
}

fn parameter_fault(properties: &Value, source: &SourceServer) -> Option<String> {
    let online = Mode::of(properties) == Mode::Online;
    let single = text(properties, "/sourceType") == Some("PostgreSQLSingleServer");
    (online && !single && source.wal_level != "logical").then(|| {
        format!(
            "The parameter wal_level of the source server is {}; an online migration needs logical.",
            source.wal_level
        )
    })
}

fn allowed_extensions(world: &World, target: &Key) -> BTreeSet<String> {
    let key = target.join("configurations").join("azure.extensions");
    let properties = world.properties(&key);
    let listed = text(&properties, "/value").unwrap_or_default();
    listed
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect()
}

fn database_checks(source: &SourceServer, name: &str, allowed: &BTreeSet<String>, mode: Mode) -> DatabaseChecks {
    let database = source.databases.iter().find(|database| database.name == name);
    let Some(database) = database else {
        let missing = format!("The database {name} does not exist on the source server.");
        return DatabaseChecks {
            name: name.to_owned(),
            summary: vec![Check::new("SchemaValidation", Some(missing))],
        };
    };
    let summary = vec![
        Check::new("SchemaValidation", None),
        Check::new("ExtensionsValidation", extension_fault(database, allowed, mode)),
        Check::new("CollationsValidation", None),
    ];
    DatabaseChecks {
        name: name.to_owned(),
        summary,
    }
}

fn extension_fault(database: &SourceDatabase, allowed: &BTreeSet<String>, mode: Mode) -> Option<String> {
    database.extensions.iter().find_map(|extension| {
        let lower = extension.to_ascii_lowercase();
        match lower.as_str() {
            "plpgsql" => None,
            "postgres_fdw" | "pg_partman" => Some(format!(
                "Unsupported extension. Databases that have the {extension} extension cannot be migrated."
            )),
            "timescaledb" if mode == Mode::Online => {
                Some("Databases that have the timescaledb extension can only be migrated offline.".to_owned())
            }
            _ if !allowed.contains(&lower) => Some(format!(
                "The extension {extension} is not allow-listed on the target server. Add it to azure.extensions."
            )),
            _ => None,
        }
    })
}

/// A check that was told to fail or to warn.
fn planted(validation: &mut Validation, fault: &MigrationFault) {
    let (kind, database, message, verdict) = match fault {
        MigrationFault::ValidationFails {
            check,
            database,
            message,
        } => (check, database, message, Verdict::Failed),
        MigrationFault::ValidationWarns {
            check,
            database,
            message,
        } => (check, database, message, Verdict::Warning),
        MigrationFault::CopyFails { .. }
        | MigrationFault::Stuck { .. }
        | MigrationFault::CutoverFails { .. }
        | MigrationFault::Waits { .. } => return,
    };
    let message = message
        .clone()
        .unwrap_or_else(|| format!("The simulator was told that {kind} does not succeed."));
    let check = Check::with(kind, verdict, message);
    let list = match database {
        None => Some(&mut validation.server),
        Some(name) => validation
            .databases
            .iter_mut()
            .find(|each| each.name == *name)
            .map(|each| &mut each.summary),
    };
    if let Some(list) = list {
        list.retain(|there| there.kind != *kind);
        list.push(check);
    }
}

/// As `validationDetails` shows it.
pub(super) fn details(validation: &Validation, started: &str, ended: &str) -> Value {
    let databases: Vec<Value> = validation
        .databases
        .iter()
        .map(|database| json!({ "databaseName": database.name, "startedOn": started, "endedOn": ended, "summary": database.summary }))
        .collect();
    json!({
        "status": validation.verdict(), "validationStartTimeInUtc": started, "validationEndTimeInUtc": ended,
        "serverLevelValidationDetails": validation.server, "dbLevelValidationDetails": databases
    })
}
