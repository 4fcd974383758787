//! The one host that may be given a token: builds addresses on it and refuses those that lead elsewhere. It sends nothing.

use reqwest::Url;
use thiserror::Error;

/// Scheme, host and port of ARM.
#[derive(Clone, Debug)]
pub struct Endpoint {
    base: String,
    parsed: Url,
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not an address.
    #[error("`{0}` is not an address such as `https://management.azure.com`")]
    Malformed(String),
    /// A token would travel in the clear.
    #[error("`{0}` would send tokens unencrypted: only a loopback address may go without https")]
    Insecure(String),
    /// A link leads away from ARM.
    #[error("the service sent a link to another host, `{0}`, which is given no token")]
    Foreign(String),
}

impl Endpoint {
    /// An endpoint by its address, which has neither path nor query.
    ///
    /// # Errors
    /// When it is no such address, or is neither encrypted nor on loopback.
    pub fn new(address: &str) -> Result<Self, EndpointError> {
        let malformed = || EndpointError::Malformed(address.to_owned());
        let parsed = Url::parse(address).map_err(|_| malformed())?;
        let bare = parsed.path() == "/" && parsed.query().is_none() && parsed.fragment().is_none();
        if !bare || !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(malformed());
        }
        match (parsed.scheme(), parsed.host_str()) {
            ("https", Some(_)) => {}
            ("http", Some(host)) if is_loopback(host) => {}
            ("http", Some(_)) => return Err(EndpointError::Insecure(address.to_owned())),
            (_, _) => return Err(malformed()),
        }
        Ok(Self {
            base: address.trim_end_matches('/').to_owned(),
            parsed,
        })
    }

    /// The address of a path with its query, both used byte for byte.
    pub fn at(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.base)
    }

    /// Whether it is on this machine, where no proxy belongs in between.
    pub fn is_loopback(&self) -> bool {
        self.parsed.host_str().is_some_and(is_loopback)
    }

    /// Path and query of a link that the service sent, byte for byte.
    ///
    /// # Errors
    /// When the link leads to another host.
    pub fn path_of(&self, link: &str) -> Result<String, EndpointError> {
        if link.starts_with('/') && !link.starts_with("//") {
            return Ok(link.to_owned());
        }
        let parsed = Url::parse(link).map_err(|_| EndpointError::Malformed(host_only(link)))?;
        if parsed.origin() != self.parsed.origin() {
            return Err(EndpointError::Foreign(parsed.host_str().unwrap_or_default().to_owned()));
        }
        let after_scheme = link
            .find("://")
            .map_or(link, |at| link.get(at + 3..).unwrap_or_default());
        let path = after_scheme.find('/').and_then(|at| after_scheme.get(at..));
        path.map(str::to_owned)
            .ok_or_else(|| EndpointError::Malformed(host_only(link)))
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// A link without its query, which may hold a signature.
fn host_only(link: &str) -> String {
    link.split('?').next().unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_kept_byte_for_byte_and_only_for_the_same_host() {
        let arm = Endpoint::new("https://management.azure.com").unwrap();
        let link = "https://MANAGEMENT.azure.com:443/subscriptions/s//x?$skiptoken=a%20b&c=%2f";
        assert_eq!(arm.path_of(link).unwrap(), "/subscriptions/s//x?$skiptoken=a%20b&c=%2f");
        assert_eq!(arm.path_of("/a?b").unwrap(), "/a?b");
        for foreign in [
            "https://management.azure.com.evil.example/a",
            "http://management.azure.com/a",
            "https://management.azure.com:444/a",
            "https://user@evil.example/management.azure.com",
        ] {
            assert!(
                matches!(arm.path_of(foreign), Err(EndpointError::Foreign(_))),
                "{foreign}"
            );
        }
        assert!(matches!(
            arm.path_of("//evil.example/a"),
            Err(EndpointError::Malformed(_))
        ));
    }

    #[test]
    fn tokens_stay_encrypted_off_this_machine() {
        for loopback in ["http://127.0.0.1:80", "http://localhost:1", "http://[::1]:9"] {
            assert!(Endpoint::new(loopback).unwrap().is_loopback(), "{loopback}");
        }
        assert!(matches!(
            Endpoint::new("http://management.azure.com"),
            Err(EndpointError::Insecure(_))
        ));
        for malformed in [
            "",
            "management.azure.com",
            "ftp://x",
            "https://x/path",
            "https://u:p@x",
            "https://x?q",
        ] {
            assert!(
                matches!(Endpoint::new(malformed), Err(EndpointError::Malformed(_))),
                "{malformed}"
            );
        }
    }
}
