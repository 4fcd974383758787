//! Which server databases leave, told from the text that a migration holds of it. It never asks who signs in there.

use std::fmt;

/// The port where a text names none.
const PORT: &str = "5432";

/// A source server: `host:port`, or the id of a single server, in lower case. A changed login is no other server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceServer(String);

impl SourceServer {
    /// The server of a `sourceDbServerResourceId`: `host:port@user`, or an ARM id.
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        if text.starts_with('/') {
            return Self(text.trim_end_matches('/').to_lowercase());
        }
        let server = text.split_once('@').map_or(text, |(server, _)| server);
        let (host, port) = server.split_once(':').unwrap_or((server, PORT));
        Self(format!("{}:{port}", host.trim_end_matches('.').to_lowercase()))
    }
}

impl fmt::Display for SourceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_the_same_whoever_signs_in_and_however_it_is_spelled() {
        let server = SourceServer::of("db.example.org:5432@migrator");
        for same in [
            "DB.Example.org:5432@somebody@else",
            "db.example.org.:5432@migrator",
            "db.example.org@migrator",
        ] {
            assert_eq!(SourceServer::of(same), server, "{same}");
        }
        for other in ["db.example.org:5433@migrator", "db2.example.org:5432@migrator"] {
            assert_ne!(SourceServer::of(other), server, "{other}");
        }
        assert_eq!(
            SourceServer::of("/Subscriptions/S/X"),
            SourceServer::of("/subscriptions/s/x")
        );
    }
}
