//! Where a state is kept in a storage account. Never holds anything secret.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// The address of a state: an account's blob service, a container and a key in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobAddress {
    /// The container's address, with a path that ends without a slash.
    container: Url,
    key: String,
}

/// Why there can be no state at an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobAddressError {
    /// The endpoint is no address of a blob service.
    #[error("`{0}` is no address of a blob service: `https://`, a host, and nothing secret")]
    Endpoint(String),
    /// The container's name is not one.
    #[error("`{0}` is no name of a container: 3 to 63 lowercase letters, digits and single hyphens")]
    Container(String),
    /// The key is not one.
    #[error("`{0}` is no name of a blob: 1 to 900 characters, no empty part between slashes, no `.` or `/` at its end")]
    Key(String),
}

impl BlobAddress {
    /// Service names add to the key, and 1 024 characters are the service's limit.
    const LONGEST_KEY: usize = 900;

    /// The state under a key of a container, in the account that answers at this endpoint, such as
    /// `https://ACCOUNT.blob.core.windows.net`.
    ///
    /// # Errors
    /// When one of them is not what it should be. Without TLS only this machine itself is spoken to.
    pub fn new(endpoint: &str, container: &str, key: &str) -> Result<Self, BlobAddressError> {
        let refused = || BlobAddressError::Endpoint(shown(endpoint));
        let mut url = Url::parse(endpoint).map_err(|_| refused())?;
        let plain = url.username().is_empty() && url.password().is_none();
        if !plain || url.query().is_some() || url.fragment().is_some() || !is_private(&url) {
            return Err(refused());
        }
        if !is_container(container) {
            return Err(BlobAddressError::Container(container.to_owned()));
        }
        if !is_key(key) {
            return Err(BlobAddressError::Key(key.to_owned()));
        }
        url.path_segments_mut()
            .map_err(|()| refused())?
            .pop_if_empty()
            .push(container);
        Ok(Self {
            container: url,
            key: key.to_owned(),
        })
    }

    /// Whether nothing but this machine stands between, as with an emulator.
    pub fn is_on_this_machine(&self) -> bool {
        is_loopback(&self.container)
    }

    /// The address of the blob whose name is the key and this ending.
    pub(super) fn blob(&self, ending: &str) -> Url {
        let mut url = self.container.clone();
        let name = format!("{}{ending}", self.key);
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(name.split('/'));
        }
        url
    }
}

impl fmt::Display for BlobAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.blob("").fmt(f)
    }
}

/// An address as errors may show it: what follows a `?` or stands before an `@` may be secret.
fn shown(endpoint: &str) -> String {
    let before = endpoint.split(['?', '#']).next().unwrap_or_default();
    match (before.split_once("://"), before.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (_, Some((_, host))) => host.to_owned(),
        (_, None) => before.to_owned(),
    }
}

fn is_private(url: &Url) -> bool {
    (url.scheme() == "https" && url.host_str().is_some()) || (url.scheme() == "http" && is_loopback(url))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn is_container(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

fn is_key(key: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    key.chars().count() <= BlobAddress::LONGEST_KEY
        && !key.chars().any(|c| c.is_control() || c == '\\')
        && key.split('/').all(part)
        && !key.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_the_blob() {
        let address = BlobAddress::new("https://a.blob.core.windows.net/", "states", "team a/prod").unwrap();
        assert_eq!(
            address.to_string(),
            "https://a.blob.core.windows.net/states/team%20a/prod"
        );
        let local = BlobAddress::new("http://127.0.0.1:10000/account", "states", "prod").unwrap();
        assert_eq!(
            local.blob(".known").as_str(),
            "http://127.0.0.1:10000/account/states/prod.known"
        );
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_what_may_be_secret() {
        for endpoint in [
            "",
            "a.blob.core.windows.net",
            "http://a.blob.core.windows.net",
            "ftp://127.0.0.1",
            "https://a.blob.core.windows.net?sig=s3cret",
            "https://user:s3cret@a.blob.core.windows.net",
        ] {
            let refused = BlobAddress::new(endpoint, "states", "prod").unwrap_err();
            assert!(matches!(refused, BlobAddressError::Endpoint(_)), "{endpoint}");
            assert!(!refused.to_string().contains("s3cret"), "{refused}");
        }
        for container in ["ab", "States", "-ab", "a--b", "a_b"] {
            let refused = BlobAddress::new("https://a", container, "prod");
            assert!(matches!(refused, Err(BlobAddressError::Container(_))), "{container}");
        }
        for key in ["", "/a", "a/", "a//b", "a/../b", "a.", "a\nb"] {
            let refused = BlobAddress::new("https://a", "states", key);
            assert!(matches!(refused, Err(BlobAddressError::Key(_))), "{key:?}");
        }
    }
}
