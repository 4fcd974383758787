//! Rights on the PostgreSQL servers, as statements for their administrators: what the users of `source` and `target` need for
//! what the batches declare, and which rule of preflight tells whether it is there.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::arm::migration::MigrationMode;
use crate::database::{End, quote_identifier, quote_literal};
use crate::diagnostic::Code;
use crate::diagnostic::code::{IN_USE, NO_DATABASE, PUBLISH, REPLICATION, TARGET_RIGHTS, UNREADABLE_RELATIONS};
use crate::graph::Graph;
use crate::kind::database_batch::Batch;

/// What the user of one server needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The `source` or `target`.
    pub resource: Address,
    /// Which end it is.
    pub end: End,
    /// The role that signs in.
    pub role: String,
    /// What is to be run, in order.
    pub statements: Vec<Statement>,
    /// What no statement can do.
    pub remarks: Vec<&'static str>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The database to run it in; `None` for any.
    pub database: Option<String>,
    /// The statement, with its semicolon.
    pub sql: String,
    /// What it is for.
    pub because: &'static str,
    /// The rule of preflight that fails without it.
    pub rule: Code,
}

/// What the two roles need that sign in to the database of a state: one that plans, and so only reads, and one that applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateGrants {
    /// The role that applies.
    pub apply: String,
    /// The role that plans.
    pub plan: String,
    /// What an administrator of the database runs.
    pub by_administrator: Vec<String>,
    /// What the role that applies runs afterwards, in the database: what is there, and will be, is its own.
    pub by_apply: Vec<String>,
}

/// What batches take from one user of a source.
#[derive(Default)]
struct Wanted<'a> {
    source_type: &'static str,
    databases: BTreeSet<&'a str>,
    online: BTreeSet<&'a str>,
}

/// The rights that the batches of a configuration need on their sources and targets.
pub fn grants(graph: &Graph) -> Vec<Grants> {
    let mut sources: BTreeMap<(&Address, String), Wanted<'_>> = BTreeMap::new();
    let mut targets: BTreeSet<(&Address, &str)> = BTreeSet::new();
    for (_, batch) in graph.batches() {
        let wanted = sources.entry((&batch.source_address, role(batch))).or_default();
        wanted.source_type = batch.source.source_type;
        wanted.databases.extend(batch.databases.iter().map(String::as_str));
        if batch.mode != MigrationMode::Offline {
            wanted.online.extend(batch.databases.iter().map(String::as_str));
        }
        targets.insert((&batch.target_address, &batch.target_username));
    }
    let sources = sources
        .into_iter()
        .map(|((resource, role), wanted)| source(resource, role, &wanted));
    let targets = targets.into_iter().map(|(resource, role)| target(resource, role));
    sources.chain(targets).collect()
}

/// The rights on a state in this schema of a database. The state need not be there yet.
pub fn state(database: &str, schema: &str, apply: &str, plan: &str) -> StateGrants {
    let [database, schema] = [database, schema].map(quote_identifier);
    let [writer, reader] = [apply, plan].map(quote_identifier);
    StateGrants {
        apply: apply.to_owned(),
        plan: plan.to_owned(),
        by_administrator: vec![
            format!("GRANT CONNECT, CREATE ON DATABASE {database} TO {writer};"),
            format!("GRANT CONNECT ON DATABASE {database} TO {reader};"),
        ],
        by_apply: vec![
            format!("CREATE SCHEMA IF NOT EXISTS {schema};"),
            format!("GRANT USAGE ON SCHEMA {schema} TO {reader};"),
            format!("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader};"),
            format!("ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {reader};"),
        ],
    }
}

/// The role behind a login: a single server's is `ROLE@SERVER`.
fn role(batch: &Batch) -> String {
    let login = batch.source.username.as_str();
    let role = match (batch.source.source_type, login.split_once('@')) {
        ("PostgreSQLSingleServer", Some((role, _))) => role,
        (_, _) => login,
    };
    role.to_owned()
}

fn source(resource: &Address, role: String, wanted: &Wanted<'_>) -> Grants {
    let user = quote_identifier(&role);
    let mut statements = Vec::new();
    let mut remarks = Vec::new();
    if !wanted.online.is_empty() {
        let sql = match wanted.source_type {
            "AWS_RDS" | "AWS_AURORA" => format!("GRANT rds_replication TO {user};"),
            _ => format!("ALTER ROLE {user} REPLICATION;"),
        };
        statements.push(Statement {
            database: None,
            sql,
            because: "to make and read replication slots",
            rule: REPLICATION,
        });
        remarks.push(
            "Changes are read by logical decoding, which the server must allow: `pgferry explain PF051` says how.",
        );
        remarks.push(
            "Where the service makes a publication, the role must also be a member of the owner of every table, which is much: \
             grant it only where a migration fails for want of it (`pgferry explain PF062`).",
        );
        if is_provider_of_its_own(wanted.source_type) {
            remarks.push("Some providers have a role of their own for REPLICATION; theirs then stands in its place.");
        }
    }
    for database in &wanted.databases {
        statements.push(Statement {
            database: None,
            sql: format!("GRANT CONNECT ON DATABASE {} TO {user};", quote_identifier(database)),
            because: "to sign in",
            rule: NO_DATABASE,
        });
    }
    for database in &wanted.online {
        statements.push(Statement {
            database: None,
            sql: format!("GRANT CREATE ON DATABASE {} TO {user};", quote_identifier(database)),
            because: "to publish its tables",
            rule: PUBLISH,
        });
    }
    for database in &wanted.databases {
        statements.push(Statement {
            database: Some((*database).to_owned()),
            sql: reading(&role),
            because: "to read every table and sequence",
            rule: UNREADABLE_RELATIONS,
        });
    }
    remarks.push(
        "What is made later is covered from PostgreSQL 14 on; on older servers run it again right before the migration.",
    );
    Grants {
        resource: resource.clone(),
        end: End::Source,
        role,
        statements,
        remarks,
    }
}

/// Whether nothing here says how such a source grants REPLICATION.
fn is_provider_of_its_own(source_type: &str) -> bool {
    let told = [
        "OnPremises",
        "AzureVM",
        "AWS_RDS",
        "AWS_AURORA",
        "AWS_EC2",
        "GCP_Compute",
        "Huawei_Compute",
        "Digital_Ocean_Droplets",
        "PostgreSQLSingleServer",
        "PostgreSQLFlexibleServer",
    ];
    !told.contains(&source_type)
}

/// Lets a role read all of the database it is run in, on every version.
fn reading(role: &str) -> String {
    let role = quote_literal(role);
    let quote = dollars(&role);
    format!(
        "DO {quote}
DECLARE s name;
BEGIN
  IF current_setting('server_version_num')::int >= 140000 THEN
    EXECUTE format('GRANT pg_read_all_data TO %I', {role});
    RETURN;
  END IF;
  FOR s IN SELECT nspname FROM pg_namespace
           WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', s, {role});
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', s, {role});
    EXECUTE format('GRANT SELECT ON ALL SEQUENCES IN SCHEMA %I TO %I', s, {role});
  END LOOP;
END {quote};"
    )
}

/// A dollar quote that does not occur in the text.
fn dollars(text: &str) -> String {
    let mut quote = "$grant$".to_owned();
    while text.contains(&quote) {
        quote.insert(1, 'x');
    }
    quote
}

fn target(resource: &Address, role: &str) -> Grants {
    let user = quote_identifier(role);
    let statement = |sql: String, because, rule| Statement {
        database: None,
        sql,
        because,
        rule,
    };
    Grants {
        resource: resource.clone(),
        end: End::Target,
        role: role.to_owned(),
        statements: vec![
            statement(
                format!("ALTER ROLE {user} CREATEROLE CREATEDB;"),
                "to make databases and their roles",
                TARGET_RIGHTS,
            ),
            statement(
                format!("GRANT azure_pg_admin TO {user};"),
                "to restore what administrators may",
                TARGET_RIGHTS,
            ),
            statement(
                format!("GRANT pg_read_all_settings, pg_read_all_stats, pg_stat_scan_tables TO {user};"),
                "to look at the server",
                TARGET_RIGHTS,
            ),
            statement(
                format!("GRANT pg_signal_backend TO {user};"),
                "to end sessions in its way",
                IN_USE,
            ),
        ],
        remarks: vec!["The administrator that the server was made with has all of it already."],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_the_statement_it_stands_in() {
        let sql = reading("o'brien$grant$; drop");
        assert!(
            sql.starts_with("DO $xgrant$\n") && sql.ends_with("END $xgrant$;"),
            "{sql}"
        );
        assert!(sql.contains("'o''brien$grant$; drop'"), "{sql}");
    }
}
