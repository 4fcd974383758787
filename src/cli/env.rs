//! The environment, read once, at the start. Everything else is handed what it needs; nothing else may ask.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use pgferry_state::Actor;

use super::color::ColorWish;
use super::dial;
use super::traces;
use super::ui::Reader;
use super::view::plan::annotations::Dialect;
use crate::azure::CredentialSettings;

/// An environment variable that the program knows.
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, for the help text.
    pub(crate) does: &'static str,
}

/// Our own variables, as the help shows them.
pub(crate) const VARIABLES: &[Variable] = &[
    Variable {
        name: "PGFERRY_VAR_name",
        does: "value of the variable `name`; files and --var win over it",
    },
    Variable {
        name: "PGFERRY_CLOUD",
        does: "public, us_government, china or simulator, whatever the `azure` block says",
    },
    Variable {
        name: "PGFERRY_CREDENTIAL",
        does: "the only login to try, as `azure_cli` or `workload_identity`",
    },
    Variable {
        name: "PGFERRY_LOG",
        does: "what is logged to standard error, as `pgferry::azure=debug`",
    },
    Variable {
        name: "OTEL_…",
        does: "traces, by OTLP over HTTP: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME and their like; none without an endpoint",
    },
    Variable {
        name: "TRACEPARENT",
        does: "the span that such a trace goes on from",
    },
    Variable {
        name: "PGPASSFILE, …",
        does: "as in libpq, where the configuration leaves something out: PGPASSWORD, PGSSLMODE, PGSSLROOTCERT, PGSERVICEFILE",
    },
    Variable {
        name: "NO_COLOR",
        does: "if set, no colour",
    },
    Variable {
        name: "CI",
        does: "if `true`, this is a pipeline, where local state would be lost",
    },
];

pub(crate) const VARIABLE_PREFIX: &str = "PGFERRY_VAR_";

/// What the environment says.
#[derive(Clone, Debug)]
pub(crate) struct Env {
    /// Values of variables, by name.
    pub(crate) variables: BTreeMap<String, String>,
    /// Names of variables that are set for Terraform.
    pub(crate) meant_for_terraform: BTreeSet<String>,
    /// `PGFERRY_CLOUD`.
    pub(crate) cloud: Option<String>,
    /// `PGFERRY_LOG`.
    pub(crate) log: Option<String>,
    /// What the surroundings say about colour.
    pub(crate) color: ColorWish,
    /// Whether a pipeline runs us.
    pub(crate) pipeline: Pipeline,
    /// Whose log commands the pipeline reads, if any.
    pub(crate) annotations: Option<Dialect>,
    /// Who runs us, as others see it in a lock and in the history.
    pub(crate) actor: Actor,
    /// What is known of logins.
    pub(crate) credentials: BTreeMap<String, String>,
    /// What libpq would look at.
    pub(crate) postgres: BTreeMap<String, String>,
    /// Where traces go, if anywhere.
    pub(crate) traces: BTreeMap<String, String>,
    /// The names, without their values, of all that is set and may change what this program does.
    pub(crate) telling: BTreeSet<String>,
}

/// Whether a pipeline runs us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pipeline {
    /// The runner is thrown away afterwards.
    Yes,
    /// Somebody's machine.
    No,
}

impl Env {
    /// Who reads what is said along with whoever it is for.
    pub(crate) fn reader(&self) -> Reader {
        match self.annotations {
            Some(_) => Reader::Runner,
            None => Reader::Anybody,
        }
    }

    /// Reads it. Values that are not Unicode count as unset.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub(crate) fn read() -> Self {
        let all = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let host = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
        Self::from_map(&all, host.ok().as_deref())
    }

    /// One in which nothing is set.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        Self::from_map(&BTreeMap::new(), None)
    }

    fn from_map(all: &BTreeMap<String, String>, host: Option<&str>) -> Self {
        let get = |name: &str| all.get(name).filter(|value| !value.is_empty()).map(String::as_str);
        let truth = |name: &str| get(name).is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"));
        let variables = all
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(VARIABLE_PREFIX)?.to_owned(), value.clone())))
            .collect();
        let meant_for_terraform = all
            .keys()
            .filter_map(|name| Some(name.strip_prefix("TF_VAR_")?.to_owned()))
            .collect();
        let color = match (get("NO_COLOR"), get("CLICOLOR_FORCE"), get("TERM")) {
            (Some(_), _, _) => ColorWish::Never,
            (None, Some(force), _) if force != "0" => ColorWish::Always,
            (None, _, Some("dumb")) => ColorWish::Never,
            (None, _, _) => ColorWish::OnTerminal,
        };
        let set = |names: &[&str]| -> BTreeMap<String, String> {
            let pairs = names
                .iter()
                .map(|name| Some(((*name).to_owned(), get(name)?.to_owned())));
            pairs.flatten().collect()
        };
        let is_pipeline = truth("CI") || truth("TF_BUILD");
        Self {
            variables,
            meant_for_terraform,
            cloud: get("PGFERRY_CLOUD").map(str::to_owned),
            log: get("PGFERRY_LOG").map(str::to_owned),
            color,
            pipeline: if is_pipeline { Pipeline::Yes } else { Pipeline::No },
            annotations: match (truth("GITHUB_ACTIONS"), truth("TF_BUILD")) {
                (true, _) => Some(Dialect::GitHub),
                (false, true) => Some(Dialect::AzureDevOps),
                (false, false) => None,
            },
            actor: actor(&get, host),
            credentials: set(&CredentialSettings::names().collect::<Vec<_>>()),
            postgres: set(&dial::VARIABLES),
            traces: set(&traces::VARIABLES),
            telling: all.keys().filter(|name| is_telling(name)).cloned().collect(),
        }
    }
}

/// Whether a variable may change what this program, its libraries or the Azure CLI do.
fn is_telling(name: &str) -> bool {
    const BEGINNINGS: [&str; 8] = [
        "PGFERRY_",
        "TF_",
        "AZURE_",
        "ARM_",
        "PG",
        "OTEL_",
        "IDENTITY_",
        "SSL_CERT_",
    ];
    const WHOLE: [&str; 13] = [
        "CI",
        "CLICOLOR_FORCE",
        "GITHUB_ACTIONS",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "SYSTEM_OIDCREQUESTURI",
        "LANG",
        "LC_ALL",
        "NO_COLOR",
        "TERM",
        "TRACEPARENT",
        "TRACESTATE",
        "TZ",
        "HOME",
    ];
    const PROXIES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || WHOLE.contains(&name)
        || PROXIES.iter().any(|proxy| name.eq_ignore_ascii_case(proxy))
}

/// Pipelines name the person who started them; elsewhere it is the account and the machine.
fn actor<'a>(get: &impl Fn(&str) -> Option<&'a str>, host: Option<&str>) -> Actor {
    let run = |who: &str, run: Option<&str>| match run {
        Some(run) => Actor::new(format!("{who} in run {run}")),
        None => Actor::new(who),
    };
    if let Some(who) = get("GITHUB_ACTOR") {
        return run(who, get("GITHUB_RUN_ID"));
    }
    if let Some(who) = get("BUILD_REQUESTEDFOR") {
        return run(who, get("BUILD_BUILDID"));
    }
    let user = get("USER").or_else(|| get("LOGNAME")).unwrap_or("somebody");
    match host
        .map(str::trim)
        .filter(|host| !host.is_empty())
        .or_else(|| get("HOSTNAME"))
    {
        Some(host) => Actor::new(format!("{user}@{host}")),
        None => Actor::new(user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        let all = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        Env::from_map(&all, Some("db-admin-1\n"))
    }

    #[test]
    fn variables_and_the_actor_are_found() {
        let env = env(&[("PGFERRY_VAR_region", "westeurope"), ("USER", "ada"), ("CI", "true")]);
        assert_eq!(env.variables.get("region").map(String::as_str), Some("westeurope"));
        assert_eq!(env.actor.as_str(), "ada@db-admin-1");
        assert_eq!(env.pipeline, Pipeline::Yes);
    }

    #[test]
    fn a_pipeline_names_who_started_it() {
        let env = env(&[("GITHUB_ACTOR", "ada"), ("GITHUB_RUN_ID", "4711"), ("USER", "runner")]);
        assert_eq!(env.actor.as_str(), "ada in run 4711");
    }

    #[test]
    fn pipelines_have_their_own_log_commands() {
        assert_eq!(env(&[("GITHUB_ACTIONS", "true")]).annotations, Some(Dialect::GitHub));
        assert_eq!(env(&[("TF_BUILD", "True")]).annotations, Some(Dialect::AzureDevOps));
        assert_eq!(env(&[("CI", "true")]).annotations, None);
    }

    #[test]
    fn no_color_wins_and_empty_counts_as_unset() {
        assert_eq!(
            env(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]).color,
            ColorWish::Never
        );
        assert_eq!(env(&[("NO_COLOR", "")]).color, ColorWish::OnTerminal);
        assert_eq!(env(&[("TERM", "dumb")]).color, ColorWish::Never);
    }
}
