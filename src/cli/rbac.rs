//! `pgferry rbac`: the least that the identities of plan and apply, and the users on the servers, must be allowed to do for this
//! configuration. It grants nothing, and without `--look` it calls nobody.

use std::path::Path;

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

use super::Call;
use super::backend::{Backend, DatabaseLogin, Given};
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::{Project, Purpose};
use super::view::rbac::{self, Kept, Names, RbacView, SignsIn};
use crate::arm::Outputs;
use crate::rights::arm::{NeededFor, Rights, Role};
use crate::rights::sql::{self, Grants, grants};

/// Print the roles that plan and apply need for this configuration
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry rbac", "what is needed, and what for"),
    ("pgferry rbac --role plan > plan-role.json", "for az role definition create --role-definition @plan-role.json"),
    ("pgferry rbac --sql > grants.sql", "for psql, on the sources and targets"),
    ("pgferry rbac --look", "asks Azure for the groups that only Azure knows"),
    ("pgferry rbac --json", "everything, for a program"),
]))]
pub(crate) struct RbacArgs {
    /// Print only this role, as `az role definition create` takes it
    #[arg(long, value_name = "WHOSE", conflicts_with_all = ["sql", "json"])]
    role: Option<Identity>,
    /// Print only the grants on sources and targets, as `psql` takes them
    #[arg(long, conflicts_with = "json")]
    sql: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// What the names of the roles begin with; a name can stand only once in a tenant
    #[arg(long, value_name = "NAME", default_value = "pgferry")]
    name: String,
    /// Ask Azure where objects are whose place only Azure knows; without it their whole subscription stands
    #[arg(long)]
    look: bool,
}

/// Whose role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Identity {
    #[value(help = "Who plans: it only reads")]
    Plan,
    #[value(help = "Who applies")]
    Apply,
}

pub(crate) async fn run(args: &RbacArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let width = call.ui.width();
    let (project, graph) = match args.look {
        true => {
            let session = call.session(Purpose::Look).await?;
            let (graph, _, _) = session.supplied().await?;
            (session.project, graph)
        }
        false => {
            let project = call.project(Purpose::Look)?;
            let declared = project.program.declare(&Outputs::default());
            let graph = declared.map_err(|found| project.refuse(found, width))?.graph;
            (project, graph)
        }
    };
    let subscription = project.subscription(width)?;
    let names = Names::of(&args.name);
    let rights = Rights::of(&graph, &subscription);
    let grants = grants(&graph);
    match args.role {
        Some(Identity::Plan) => call.ui.document(&names.definition_of_plan(&rights)),
        Some(Identity::Apply) => call.ui.document(&names.definition_of_apply(&rights)),
        None if args.sql => call.ui.data(&rbac::script(&grants)),
        None if args.json => call.ui.document(&json!({
            "roles": {
                "plan": names.definition_of_plan(&rights),
                "apply": names.definition_of_apply(&rights),
            },
            "reasons": { "plan": reasons(&rights.plan), "apply": reasons(&rights.apply) },
            "place_not_known": rights.open,
            "vault_secrets": rights.vaults.iter().map(|(id, named_by)| json!({
                "id": id,
                "role": rbac::VAULT_ROLE,
                "named_by": named_by.iter().map(rbac::argument).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "grants": grants.iter().map(as_json).collect::<Vec<_>>(),
            "state": match kept(&project) {
                Kept::Database { grants, .. } => json!({
                    "roles": { "plan": grants.plan, "apply": grants.apply },
                    "by_administrator": grants.by_administrator,
                    "by_apply": grants.by_apply,
                }),
                Kept::Here | Kept::Blob(_) | Kept::Signed => Json::Null,
            },
        })),
        None => {
            let view = RbacView {
                rights: &rights,
                grants: &grants,
                names: &names,
                kept: kept(&project),
                calling: &project.calling,
                columns: width,
            };
            call.ui.show(&view.render());
        }
    }
    Ok(Exit::Done)
}

/// What the state asks for.
fn kept(project: &Project) -> Kept {
    match &project.backend {
        Backend::Local => Kept::Here,
        Backend::AzureBlob { address, sas } => match sas {
            Given::Absent => Kept::Blob(address.to_string()),
            Given::Known(_) | Given::Unset { .. } => Kept::Signed,
        },
        Backend::Postgres {
            endpoint,
            database,
            name,
            login,
            ..
        } => {
            let apply = endpoint.user.as_str();
            Kept::Database {
                place: project.backend.place(Path::new("")),
                grants: sql::state(database.as_str(), name.schema(), apply, &format!("{apply}_plan")),
                signs_in: match login {
                    DatabaseLogin::Password(_) => SignsIn::Password,
                    DatabaseLogin::Entra => SignsIn::Entra,
                },
            }
        }
    }
}

fn reasons(role: &Role) -> Json {
    let actions = role.actions.iter().map(|(action, right)| {
        let reasons = right.reasons.iter().map(|reason| {
            json!({
                "resource": reason.resource,
                "for": word(reason.call),
                "contract": reason.contract,
            })
        });
        json!({
            "action": action,
            "scopes": right.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
            "because": reasons.collect::<Vec<_>>(),
        })
    });
    Json::Array(actions.collect())
}

fn word(call: NeededFor) -> &'static str {
    match call {
        NeededFor::Reading => "read",
        NeededFor::Writing => "write",
        NeededFor::Deleting => "delete",
        NeededFor::Naming => "name",
        NeededFor::Following => "follow",
    }
}

fn as_json(grants: &Grants) -> Json {
    let statements = grants.statements.iter().map(|statement| {
        json!({
            "database": statement.database,
            "sql": statement.sql,
            "because": statement.because,
            "rule": statement.rule.as_str(),
        })
    });
    json!({
        "resource": grants.resource,
        "role": grants.role,
        "statements": statements.collect::<Vec<_>>(),
        "remarks": grants.remarks,
    })
}
