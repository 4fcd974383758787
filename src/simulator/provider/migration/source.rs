//! The source end of a migration: how it is named, which server that is, whether the credentials open it. Keeps no password.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::invalid;
use crate::simulator::path::{Key, last_segment};
use crate::simulator::refusal::Refusal;
use crate::simulator::seed::SourceServer;
use crate::simulator::store::text;
use crate::simulator::world::World;

/// Whether the source lets the migration in; decided when the secrets are at hand, which they are only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Credentials {
    Accepted,
    UnknownUser,
    WrongPassword,
    Missing,
}

/// `host:port@user` (contract 5.2).
struct Endpoint<'t> {
    host: &'t str,
    port: u16,
    user: &'t str,
}

impl<'t> Endpoint<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let (host, rest) = text.split_once(':')?;
        let (port, user) = rest.split_once('@')?;
        let port = port.parse().ok()?;
        (!host.is_empty() && !user.is_empty()).then_some(Self { host, port, user })
    }
}

fn is_single_server(id: &str) -> bool {
    let lower = id.to_ascii_lowercase();
    lower.starts_with("/subscriptions/") && lower.contains("/providers/microsoft.dbforpostgresql/servers/")
}

/// The two forms and the type that goes with each; fills the type in.
pub(super) fn form_is_valid(properties: &mut Map<String, Value>) -> Result<(), Refusal> {
    let given = properties
        .get("sourceDbServerResourceId")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let single = is_single_server(&given);
    if !single && Endpoint::parse(&given).is_none() {
        return Err(invalid(format!(
            "The source '{given}' is neither the id of a single server nor of the form host:port@user."
        )));
    }
    let default = if single { "PostgreSQLSingleServer" } else { "OnPremises" };
    let source_type = properties
        .entry("sourceType")
        .or_insert(json!(default))
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if (source_type == "PostgreSQLSingleServer") != single {
        return Err(invalid(format!(
            "The source type {source_type} does not go with the source '{given}'."
        )));
    }
    Ok(())
}

/// The source server of a migration, if the world has it.
pub(super) fn find<'w>(world: &'w World, properties: &Value) -> Option<&'w SourceServer> {
    let given = text(properties, "/sourceDbServerResourceId").unwrap_or_default();
    let name = text(properties, "/sourceDbServerFullyQualifiedDomainName");
    let at = |host: &str, port: Option<u16>| {
        world
            .sources
            .iter()
            .find(|source| source.host.eq_ignore_ascii_case(host) && port.is_none_or(|port| source.port == port))
    };
    if is_single_server(given) {
        let key = Key::of(given);
        let listed = world
            .sources
            .iter()
            .find(|source| source.server_id.as_deref().is_some_and(|id| Key::of(id) == key));
        let server = world.properties(&key);
        return listed
            .or_else(|| at(text(&server, "/fullyQualifiedDomainName")?, None))
            .or_else(|| at(name?, None));
    }
    let endpoint = Endpoint::parse(given)?;
    name.and_then(|name| at(name, Some(endpoint.port)))
        .or_else(|| at(endpoint.host, Some(endpoint.port)))
}

/// Tries the credentials.
pub(super) fn sign_in(world: &World, properties: &Map<String, Value>, secrets: &Value) -> Credentials {
    let view = Value::Object(properties.clone());
    let Some(source) = find(world, &view) else {
        return Credentials::UnknownUser;
    };
    let given = text(&view, "/sourceDbServerResourceId").unwrap_or_default();
    let admin = || text(&world.properties(&Key::of(given)), "/administratorLogin").map(str::to_owned);
    let user = text(secrets, "/sourceServerUsername").map(str::to_owned);
    let user = user
        .or_else(|| Endpoint::parse(given).map(|endpoint| endpoint.user.to_owned()))
        .or_else(admin);
    let Some(password) = text(secrets, "/adminCredentials/sourceServerPassword") else {
        return Credentials::Missing;
    };
    let Some(user) = user else {
        return Credentials::UnknownUser;
    };
    // A single server's users carry its name: `user@server`.
    let bare = user
        .rsplit_once('@')
        .filter(|(_, server)| *server == last_segment(given))
        .map(|(bare, _)| bare.to_owned());
    match source.users.get(&user).or_else(|| source.users.get(&bare?)) {
        None => Credentials::UnknownUser,
        Some(known) if known.password.accepts(password) => Credentials::Accepted,
        Some(_) => Credentials::WrongPassword,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let endpoint = Endpoint::parse("10.1.0.4:5432@user@server").unwrap();
        assert_eq!(
            (endpoint.host, endpoint.port, endpoint.user),
            ("10.1.0.4", 5432, "user@server")
        );
        for text in ["host@user", "host:@user", "host:1", ":1@u", "host:99999@u"] {
            assert!(Endpoint::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_form_decides_the_type() {
        let mut properties = json!({ "sourceDbServerResourceId": "h:1@u" })
            .as_object()
            .cloned()
            .unwrap();
        form_is_valid(&mut properties).unwrap();
        assert_eq!(properties["sourceType"], "OnPremises");
        properties.insert("sourceType".to_owned(), json!("PostgreSQLSingleServer"));
        assert!(form_is_valid(&mut properties).is_err());
    }
}
