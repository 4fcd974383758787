//! Rights as text: for people, as role definitions of the Azure CLI, and as a script for psql.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::layout::{clean, hang, listed, typed};
use crate::cli::calling::Calling;
use crate::cli::color::{STRONG, paint};
use crate::database::{End, quote_identifier};
use crate::rights::arm::{NeededFor, Right, Rights, Role};
use crate::rights::sql::{Grants, StateGrants};
use crate::secret::SecretRef;

/// The names of the two roles.
pub(crate) struct Names {
    plan: String,
    apply: String,
}

/// Where the state is kept, and what that asks for.
pub(crate) enum Kept {
    /// On the machine.
    Here,
    /// In a container that the identities sign in to: the address of the state.
    Blob(String),
    /// In a container that a signature opens.
    Signed,
    /// In a database.
    Database {
        /// Where, for people.
        place: String,
        /// What the roles that sign in need.
        grants: StateGrants,
        /// How they sign in.
        signs_in: SignsIn,
    },
}

/// How a role signs in to the database of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignsIn {
    /// With a password of its own.
    Password,
    /// With tokens of the login that runs the command.
    Entra,
}

/// The role of Azure's own that lets its holder read what secrets hold.
pub(crate) const VAULT_ROLE: &str = "Key Vault Secrets User";

/// The argument that holds a secret, as it is named: `source.erp.password`.
pub(crate) fn argument(secret: &SecretRef) -> String {
    format!("{}.{}", secret.owner, secret.attribute)
}

/// What is shown to a person.
pub(crate) struct RbacView<'a> {
    /// The rights in Azure.
    pub(crate) rights: &'a Rights,
    /// The rights on the servers.
    pub(crate) grants: &'a [Grants],
    /// What the roles are called.
    pub(crate) names: &'a Names,
    /// What the state asks for.
    pub(crate) kept: Kept,
    /// How pgferry is called here.
    pub(crate) calling: &'a Calling,
    /// The width.
    pub(crate) columns: usize,
}

impl Names {
    /// Names that begin like this.
    pub(crate) fn of(beginning: &str) -> Self {
        Self {
            plan: format!("{beginning} plan"),
            apply: format!("{beginning} apply"),
        }
    }

    /// The role of who plans, as `az role definition create` takes it.
    pub(crate) fn definition_of_plan(&self, rights: &Rights) -> Json {
        definition(
            &self.plan,
            "What pgferry plan reads for its configuration.",
            &rights.plan,
        )
    }

    /// The role of who applies.
    pub(crate) fn definition_of_apply(&self, rights: &Rights) -> Json {
        let description = "What pgferry apply reads, writes and deletes for its configuration.";
        definition(&self.apply, description, &rights.apply)
    }
}

fn definition(name: &str, description: &str, role: &Role) -> Json {
    json!({
        "Name": name,
        "IsCustom": true,
        "Description": description,
        "Actions": role.actions.keys().collect::<Vec<_>>(),
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": role.scopes().iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
    })
}

impl RbacView<'_> {
    /// The text.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        self.role(&self.names.plan, "only reads", &self.rights.plan, &mut text);
        let more = self.rights.apply.actions.iter();
        let more = more.filter(|(action, _)| !self.rights.plan.actions.contains_key(*action));
        let more = Role {
            actions: more.map(|(action, right)| (action.clone(), right.clone())).collect(),
        };
        let beside = format!("all of {}, and", self.names.plan);
        self.role(&self.names.apply, &beside, &more, &mut text);
        self.notes(&mut text);
        self.state(&mut text);
        self.vaults(&mut text);
        self.servers(&mut text);
        self.commands(&mut text);
        text
    }

    fn role(&self, name: &str, what: &str, role: &Role, text: &mut String) {
        text.push_str(&format!("{}: {what}\n\n", paint(STRONG, name)));
        for (action, right) in &role.actions {
            text.push_str(&format!("  {action}\n"));
            for line in reasons(right) {
                text.push_str(&hang("      ", "        ", &line, self.columns));
            }
        }
        text.push('\n');
    }

    fn notes(&self, text: &mut String) {
        if !self.rights.open.is_empty() {
            let resources: BTreeSet<String> = self.rights.open.iter().map(|unit| unit.resource.to_string()).collect();
            let resources: Vec<String> = resources.into_iter().collect();
            let line = format!(
                "Only Azure knows where objects of {} are: their whole subscription stands. To have it asked: {}",
                listed(&resources),
                self.calling.line("rbac --look")
            );
            text.push_str(&hang("* ", "  ", &line, self.columns));
        }
        let follows = self.rights.apply.actions.values();
        let follows = follows
            .flat_map(|right| &right.reasons)
            .any(|reason| reason.call == NeededFor::Following);
        if follows {
            let line = "Operations are followed below the subscription (contract 2.5). Whether a role that is assigned to a \
                        group covers that has not been tried: where it does not, assign it to the subscription.";
            text.push_str(&hang("* ", "  ", line, self.columns));
        }
        let line =
            "No role has been tried in Azure yet: where it refuses a call, the error names the action that is missing.";
        text.push_str(&hang("* ", "  ", line, self.columns));
        let line = "What the state remembers and the configuration no longer declares is not covered: take the roles from \
                    before the change until it is applied.";
        text.push_str(&hang("* ", "  ", line, self.columns));
        text.push('\n');
    }

    fn state(&self, text: &mut String) {
        text.push_str(&format!("{}\n\n", paint(STRONG, "State")));
        match &self.kept {
            Kept::Here => {
                let line =
                    "It is kept on the machine: nothing to grant. Identities that share it need a `state` block.";
                text.push_str(&hang("  ", "  ", line, self.columns));
            }
            Kept::Signed => {
                for line in [
                    "A shared access signature opens it, one for each identity.",
                    "For plan: read.",
                    "For apply: read, add, create, write and delete.",
                ] {
                    text.push_str(&hang("  ", "  ", line, self.columns));
                }
            }
            Kept::Blob(address) => {
                let scope = container(address);
                let roles = [
                    ("Storage Blob Data Reader", "plan"),
                    ("Storage Blob Data Contributor", "apply"),
                ];
                for (role, whose) in roles {
                    let line = format!("{role}, for {whose}, at the container:");
                    text.push_str(&hang("  ", "  ", &line, self.columns));
                    text.push_str(&format!("    {scope}\n"));
                }
            }
            Kept::Database {
                place,
                grants,
                signs_in,
            } => {
                let (given, made) = match signs_in {
                    SignsIn::Password => ("`user` and `password` variables", ""),
                    SignsIn::Entra => (
                        "`user` a variable",
                        " The server's Entra administrator makes both, in its database `postgres`, by `SELECT \
                         pgaadauth_create_principal(NAME, false, false);`.",
                    ),
                };
                let line = format!(
                    "In {}. Whoever plans signs in with a role of its own, here {}, which only reads: make {given}, so that each \
                     identity is given its own.{made}",
                    clean(place),
                    clean(&quote_identifier(&grants.plan))
                );
                text.push_str(&hang("  ", "  ", &line, self.columns));
                let runs = [
                    ("As an administrator of it:".to_owned(), &grants.by_administrator),
                    (
                        format!("Then in it, as {}:", clean(&quote_identifier(&grants.apply))),
                        &grants.by_apply,
                    ),
                ];
                for (who, statements) in runs {
                    text.push_str(&hang("  ", "  ", &who, self.columns));
                    for statement in statements {
                        text.push_str(&format!("    {}\n", clean(statement)));
                    }
                }
            }
        }
        text.push('\n');
    }

    fn vaults(&self, text: &mut String) {
        if self.rights.vaults.is_empty() {
            return;
        }
        text.push_str(&format!("{}\n\n", paint(STRONG, "Key Vault")));
        for (id, named_by) in &self.rights.vaults {
            let named_by: Vec<String> = named_by.iter().map(argument).collect();
            let line = format!("{VAULT_ROLE}, for apply, at the secret for {}:", listed(&named_by));
            text.push_str(&hang("  ", "  ", &line, self.columns));
            text.push_str(&format!(
                "    /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.KeyVault/vaults/{}/secrets/{}\n",
                id.vault(),
                id.name()
            ));
        }
        let line = "A vault with access policies wants the permission `get` on secrets instead. Whoever runs preflight or verify \
                    reads them, too; a plan reads none.";
        text.push_str(&hang("  * ", "    ", line, self.columns));
        text.push('\n');
    }

    fn servers(&self, text: &mut String) {
        for grants in self.grants {
            let heading = format!("{}: {}", grants.resource, clean(&grants.role));
            text.push_str(&format!("{}\n\n", paint(STRONG, heading)));
            let mut told = BTreeSet::new();
            for statement in &grants.statements {
                if told.insert((statement.because, statement.rule.as_str())) {
                    let line = format!("{} ({})", statement.because, statement.rule.as_str());
                    text.push_str(&hang("  ", "    ", &line, self.columns));
                }
            }
            for remark in &grants.remarks {
                text.push_str(&hang("  * ", "    ", remark, self.columns));
            }
            text.push('\n');
        }
    }

    fn commands(&self, text: &mut String) {
        text.push_str(&format!("{}\n\n", paint(STRONG, "To set it up")));
        for (whose, name, role) in [
            ("plan", &self.names.plan, &self.rights.plan),
            ("apply", &self.names.apply, &self.rights.apply),
        ] {
            let print = self.calling.line(&format!("rbac --role {whose}"));
            text.push_str(&format!("  {print} > {whose}-role.json\n"));
            text.push_str(&format!(
                "  az role definition create --role-definition @{whose}-role.json\n"
            ));
            for scope in role.scopes() {
                let assignment = format!(
                    "  az role assignment create --assignee ID --role {} \\\n    --scope {}\n",
                    typed(name),
                    typed(scope.as_str())
                );
                text.push_str(&assignment);
            }
        }
        if !self.grants.is_empty() {
            text.push_str(&format!("  {} > grants.sql\n", self.calling.line("rbac --sql")));
        }
        let line = "Sections of the contract stand in schemas/arm/README.md, rules of preflight in `pgferry explain`.";
        text.push('\n');
        text.push_str(&hang("", "", line, self.columns));
    }
}

/// The reasons, those of one kind in one line.
fn reasons(right: &Right) -> Vec<String> {
    let mut lines: Vec<(NeededFor, &str, BTreeSet<String>)> = Vec::new();
    for reason in &right.reasons {
        let resource = reason.resource.to_string();
        match lines.last_mut() {
            Some((call, contract, resources)) if *call == reason.call && *contract == reason.contract => {
                resources.insert(resource);
            }
            Some(_) | None => lines.push((reason.call, reason.contract, BTreeSet::from([resource]))),
        }
    }
    let line = |(call, contract, resources): (NeededFor, &str, BTreeSet<String>)| {
        let resources: Vec<String> = resources.into_iter().collect();
        let what = match call {
            NeededFor::Reading => "read for",
            NeededFor::Writing => "written for",
            NeededFor::Deleting => "deleted, or made anew, for",
            NeededFor::Naming => "named by",
            NeededFor::Following => "operations followed for",
        };
        format!("{what} {} (contract {contract})", resources.join(", "))
    };
    lines.into_iter().map(line).collect()
}

/// The container of a state as a scope; what its address does not tell is left to be filled in.
fn container(address: &str) -> String {
    let inside = address.split_once("://").map_or(address, |(_, inside)| inside);
    let mut parts = inside.split('/');
    let host = parts.next().unwrap_or_default();
    let account = host.split('.').next().unwrap_or_default();
    let container = parts.next().unwrap_or_default();
    format!(
        "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Storage/storageAccounts/{}/blobServices/default/containers/{}",
        clean(account),
        clean(container)
    )
}

/// Everything for psql. Comments hold no text that could end them.
pub(crate) fn script(grants: &[Grants]) -> String {
    let mut text = String::new();
    for grants in grants {
        let server = match grants.end {
            End::Source => "source",
            End::Target => "target",
        };
        text.push_str(&format!(
            "-- {}. Run this part with psql on the {server}, as its administrator.\n",
            grants.resource
        ));
        for remark in &grants.remarks {
            text.push_str(&hang("-- ", "-- ", remark, 78));
        }
        let mut within: Option<&str> = None;
        let mut said = String::new();
        for statement in &grants.statements {
            if let Some(database) = statement.database.as_deref()
                && within != Some(database)
            {
                within = Some(database);
                match is_for_psql(database) {
                    true => text.push_str(&format!("\n\\connect {}\n", quote_identifier(database))),
                    false => text.push_str("\n-- The next database has a name that psql takes for something else: connect by hand.\n\\quit\n"),
                }
            }
            let line = format!("-- {} ({})\n", statement.because, statement.rule.as_str());
            if line != said {
                text.push_str(&line);
                said = line;
            }
            text.push_str(&format!("{}\n", statement.sql));
        }
        text.push('\n');
    }
    text
}

/// Whether `\connect` takes this for the name of a database, and for nothing else.
fn is_for_psql(database: &str) -> bool {
    !database.chars().any(char::is_control) && !database.contains('=') && !database.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_named_as_far_as_its_address_tells() {
        let scope = container("https://acme.blob.core.windows.net/states/prod");
        assert!(
            scope.ends_with("/storageAccounts/acme/blobServices/default/containers/states"),
            "{scope}"
        );
    }

    #[test]
    fn no_name_of_a_database_is_a_command_of_psql() {
        assert!(is_for_psql("ledger 2020"));
        for odd in ["a\n\\! rm -rf x", "host=elsewhere", "postgres://elsewhere/a"] {
            assert!(!is_for_psql(odd), "{odd}");
        }
    }
}
