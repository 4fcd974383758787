//! From a server as the configuration describes it to one that can be dialled: what libpq's files and variables fill in. The
//! configuration always wins, and no password is kept. It dials nothing.

mod password;
mod service;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::env::Env;
use crate::arm::Cloud;
use crate::database::{ChannelBinding, Endpoint, Host, Port, Roots, SslMode, Via, WordError};
use crate::kind::connect::Server;
use crate::secret::{Secret, Secrets};

/// The variables of libpq that count here. Those that name a server or a user do not: the configuration always does.
pub(crate) const VARIABLES: [&str; 9] = [
    "HOME",
    "PGCHANNELBINDING",
    "PGCONNECT_TIMEOUT",
    "PGPASSFILE",
    "PGPASSWORD",
    "PGSERVICEFILE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSYSCONFDIR",
];

/// A server that can be dialled.
#[derive(Clone, Debug)]
pub(crate) struct Dialled {
    /// The way there, and who signs in.
    pub(crate) endpoint: Endpoint,
    /// How long to wait for a connection, where somebody said so.
    pub(crate) patience: Option<Duration>,
    /// What should be known about how it came about.
    pub(crate) notes: Vec<String>,
}

/// Why a server cannot be dialled.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    /// Only Azure knows its name yet.
    #[error("the host name of {server} is known only after apply")]
    Nameless {
        /// The resource.
        server: String,
    },
    /// It stands for a server of the simulated world: somebody else's may have its name.
    #[error("{server} is simulated: nobody dials {host}")]
    Simulated {
        /// The resource.
        server: String,
        /// Its own name.
        host: Host,
    },
    /// A file cannot be read.
    #[error("cannot read {path}, which {because}")]
    File {
        /// The file.
        path: PathBuf,
        /// Who named it.
        because: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A service that stands in no file.
    #[error("no service file has a service `{service}`")]
    NoService {
        /// Its name.
        service: String,
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// A line of a service file that says nothing.
    #[error("{path}, line {line}: neither `[service]` nor `name=value`")]
    ServiceLine {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A value of a variable or a service that is none.
    #[error("{from}: {source}")]
    Word {
        /// Where it stands.
        from: String,
        /// What is wrong with it.
        source: WordError,
    },
    /// A value of a variable or a service that is none.
    #[error("{from}: `{value}` is not {wanted}")]
    Value {
        /// Where it stands.
        from: String,
        /// The value.
        value: String,
        /// What it should have been.
        wanted: &'static str,
    },
}

/// The server, with what the configuration leaves out taken from its service, then from the environment. In the simulated cloud a
/// server's own name leads nowhere, or to a stranger: only another one is dialled.
///
/// # Errors
/// When a file cannot be read or a value is none, and for a simulated server that no other one stands in for.
pub(crate) fn server(server: &Server, cloud: Cloud, secrets: &Secrets, env: &Env) -> Result<Dialled, DialError> {
    let surroundings = Surroundings {
        variables: &env.postgres,
        service: match &server.service {
            Some(name) => service::find(name, &env.postgres)?,
            None => BTreeMap::new(),
        },
        name: server.service.as_deref().unwrap_or_default(),
    };
    let via = match &server.via {
        Some(via) => Some(via.clone()),
        None => surroundings.detour(server.port)?,
    };
    // What stands at the near end of a tunnel can be dialled before anybody knows the server's own name.
    let own = server.host.clone().or_else(|| via.as_ref().map(|via| via.host.clone()));
    let host = own.ok_or_else(|| DialError::Nameless {
        server: server.address.to_string(),
    })?;
    let stands_in = via.as_ref().is_some_and(|via| server.host.as_ref() != Some(&via.host));
    if cloud == Cloud::Simulator && !stands_in {
        return Err(DialError::Simulated {
            server: server.address.to_string(),
            host,
        });
    }
    let ssl_mode = match server.ssl_mode {
        Some(mode) => mode,
        None => surroundings
            .word("sslmode", "PGSSLMODE")?
            .unwrap_or(server.usual_ssl_mode),
    };
    let roots = match &server.roots {
        Some(pem) => Roots::Pem(pem.clone()),
        None => surroundings.roots(ssl_mode)?,
    };
    let mut notes = Vec::new();
    let given = secrets.get(&server.password).cloned();
    let password = match given.or_else(|| {
        surroundings
            .value("password", "PGPASSWORD")
            .map(|(text, _)| Secret::new(text))
    }) {
        Some(password) => Some(password),
        None => {
            let (password, note) = password::find(&surroundings, &host, server.port, &server.user)?;
            notes.extend(note);
            password
        }
    };
    Ok(Dialled {
        endpoint: Endpoint {
            host,
            port: server.port,
            via,
            user: server.user.clone(),
            password,
            ssl_mode,
            roots,
            channel_binding: surroundings.channel_binding()?,
        },
        patience: surroundings.patience()?,
        notes,
    })
}

/// What libpq would look at.
struct Surroundings<'a> {
    variables: &'a BTreeMap<String, String>,
    service: BTreeMap<String, String>,
    name: &'a str,
}

impl Surroundings<'_> {
    /// A setting by its name in a service, or by its variable, and where it was found.
    fn value(&self, keyword: &str, variable: &str) -> Option<(&str, String)> {
        let of_service = self
            .service
            .get(keyword)
            .map(|value| (value.as_str(), format!("`{keyword}` of the service `{}`", self.name)));
        of_service.or_else(|| Some((self.variables.get(variable)?.as_str(), variable.to_owned())))
    }

    fn word<T: std::str::FromStr<Err = WordError>>(
        &self,
        keyword: &str,
        variable: &str,
    ) -> Result<Option<T>, DialError> {
        let Some((text, from)) = self.value(keyword, variable) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|source| DialError::Word { from, source })
    }

    /// Where the service leads, if it names a host.
    fn detour(&self, port: Port) -> Result<Option<Via>, DialError> {
        let from = |keyword: &str| format!("`{keyword}` of the service `{}`", self.name);
        let Some(host) = self.service.get("hostaddr").or_else(|| self.service.get("host")) else {
            return Ok(None);
        };
        let host = host.parse().map_err(|source| DialError::Word {
            from: from("host"),
            source,
        })?;
        let port = match self.service.get("port") {
            Some(text) => text.parse().map_err(|source| DialError::Word {
                from: from("port"),
                source,
            })?,
            None => port,
        };
        Ok(Some(Via { host, port }))
    }

    fn roots(&self, mode: SslMode) -> Result<Roots, DialError> {
        match mode {
            SslMode::Disable | SslMode::Prefer | SslMode::Require => return Ok(Roots::System),
            SslMode::VerifyCa | SslMode::VerifyFull => {}
        }
        let read = |path: PathBuf, because| match fs::read(&path) {
            Ok(pem) => Ok(Roots::Pem(pem.into())),
            Err(source) => Err(DialError::File { path, because, source }),
        };
        match self.value("sslrootcert", "PGSSLROOTCERT") {
            Some(("system", _)) => Ok(Roots::System),
            Some((path, _)) => read(path.into(), "is to hold the trusted roots"),
            None => match self.home().map(|home| home.join(".postgresql").join("root.crt")) {
                Some(path) if path.is_file() => read(path, "holds the trusted roots of this account"),
                Some(_) | None => Ok(Roots::System),
            },
        }
    }

    fn channel_binding(&self) -> Result<ChannelBinding, DialError> {
        match self.value("channel_binding", "PGCHANNELBINDING") {
            None => Ok(ChannelBinding::default()),
            Some(("disable", _)) => Ok(ChannelBinding::Disable),
            Some(("prefer", _)) => Ok(ChannelBinding::Prefer),
            Some(("require", _)) => Ok(ChannelBinding::Require),
            Some((value, from)) => Err(DialError::Value {
                from,
                value: value.to_owned(),
                wanted: "one of disable, prefer and require",
            }),
        }
    }

    /// As in libpq, zero waits for ever; that is as long as we ever wait.
    fn patience(&self) -> Result<Option<Duration>, DialError> {
        match self.value("connect_timeout", "PGCONNECT_TIMEOUT") {
            None => Ok(None),
            Some((text, from)) => match text.parse::<u32>() {
                Ok(0) => Ok(None),
                Ok(seconds) => Ok(Some(Duration::from_secs(u64::from(seconds)))),
                Err(_) => Err(DialError::Value {
                    from,
                    value: text.to_owned(),
                    wanted: "a number of seconds",
                }),
            },
        }
    }

    fn home(&self) -> Option<&Path> {
        self.variables.get("HOME").map(Path::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::End;
    use crate::secret::SecretRef;

    fn described() -> Server {
        let address: crate::address::Address = "source.erp".parse().unwrap();
        Server {
            address: address.clone(),
            span: crate::diagnostic::Span::new(crate::diagnostic::FileId(0), 0..0),
            end: End::Source,
            host: Some("db.example".parse().unwrap()),
            port: Port::POSTGRES,
            via: None,
            user: "migrator".parse().unwrap(),
            password: SecretRef {
                vault: None,
                owner: address,
                attribute: "password".to_owned(),
            },
            ssl_mode: None,
            usual_ssl_mode: SslMode::Prefer,
            roots: None,
            service: None,
        }
    }

    fn env(pairs: &[(&str, &str)]) -> Env {
        let mut env = Env::empty();
        env.postgres = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        env
    }

    #[test]
    fn the_configuration_wins_over_the_environment() {
        let env = env(&[("PGSSLMODE", "require"), ("PGPASSWORD", "from the environment")]);
        let mut server = described();
        let dialled = super::server(&server, Cloud::Public, &Secrets::default(), &env)
            .unwrap()
            .endpoint;
        assert_eq!(dialled.ssl_mode, SslMode::Require);
        assert_eq!(dialled.password, Some(Secret::new("from the environment")));
        server.ssl_mode = Some(SslMode::Disable);
        let mut secrets = Secrets::default();
        secrets.insert(server.password.clone(), Secret::new("declared"));
        let dialled = super::server(&server, Cloud::Public, &secrets, &env).unwrap().endpoint;
        assert_eq!(dialled.ssl_mode, SslMode::Disable);
        assert_eq!(dialled.password, Some(Secret::new("declared")));
    }

    #[test]
    fn a_simulated_server_is_dialled_only_where_another_one_stands_in_for_it() {
        let dialled = |via: Option<&str>| {
            let via = via.map(|host| Via {
                host: host.parse().unwrap(),
                port: Port::new(5433).unwrap(),
            });
            let server = Server { via, ..described() };
            super::server(&server, Cloud::Simulator, &Secrets::default(), &env(&[]))
        };
        for own in [None, Some("db.example")] {
            let refused = dialled(own).unwrap_err().to_string();
            assert_eq!(refused, "source.erp is simulated: nobody dials db.example");
        }
        assert!(dialled(Some("127.0.0.1")).is_ok());
    }

    #[test]
    fn what_is_no_value_is_refused_with_where_it_stands() {
        let refused = |name, value| {
            let env = env(&[(name, value)]);
            super::server(&described(), Cloud::Public, &Secrets::default(), &env)
                .unwrap_err()
                .to_string()
        };
        insta::assert_snapshot!(refused("PGSSLMODE", "allow"), @"PGSSLMODE: `allow` is not an sslmode: one of disable, prefer, require, verify-ca, verify-full");
        insta::assert_snapshot!(refused("PGCONNECT_TIMEOUT", "soon"), @"PGCONNECT_TIMEOUT: `soon` is not a number of seconds");
    }

    #[test]
    fn a_service_fills_in_what_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("services");
        fs::write(
            &path,
            "# tunnels\n[other]\nhost=10.0.0.1\n\n[erp]\nhost=127.0.0.1\nport=15432\nsslmode=require\n",
        )
        .unwrap();
        let env = env(&[("PGSERVICEFILE", path.to_str().unwrap())]);
        let mut server = described();
        server.service = Some("erp".to_owned());
        let dialled = super::server(&server, Cloud::Public, &Secrets::default(), &env)
            .unwrap()
            .endpoint;
        assert_eq!(dialled.to_string(), "db.example:5432 (by way of 127.0.0.1:15432)");
        assert_eq!(dialled.ssl_mode, SslMode::Require);
        server.service = Some("hr".to_owned());
        let refused = super::server(&server, Cloud::Public, &Secrets::default(), &env).unwrap_err();
        assert!(matches!(refused, DialError::NoService { .. }), "{refused}");
    }
}
