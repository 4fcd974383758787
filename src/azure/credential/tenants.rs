//! The logins of a run by tenant: that of its own, and those of further ones that its subscriptions belong to. Which
//! subscription belongs where is told by Azure, in the challenge with which it refuses a token of another tenant.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::Tokens;
use crate::arm::TenantId;

/// The tokens of a run by tenant.
pub struct Tenants {
    own: Arc<Tokens>,
    further: Vec<(TenantId, Arc<Tokens>)>,
    /// The place in `further` of a subscription's tenant, by its id in lower case.
    homes: RwLock<HashMap<String, usize>>,
}

/// A tenant of the run.
#[derive(Clone, Copy)]
pub struct Tenant<'a> {
    /// Its id; `None` for the run's own, which may be left to the login.
    pub id: Option<&'a TenantId>,
    /// Its tokens.
    pub tokens: &'a Arc<Tokens>,
}

impl Tenants {
    /// The run's own login, and those in further tenants.
    pub fn new(own: Arc<Tokens>, further: Vec<(TenantId, Arc<Tokens>)>) -> Self {
        Self {
            own,
            further,
            homes: RwLock::default(),
        }
    }

    /// The tenant of a subscription, as far as it is known: the run's own, unless Azure has named another.
    pub fn of(&self, subscription: Option<&str>) -> Tenant<'_> {
        let homes = self.homes.read().unwrap_or_else(PoisonError::into_inner);
        let home = subscription.and_then(|id| homes.get(&id.to_ascii_lowercase()));
        match home.and_then(|at| self.further.get(*at)) {
            Some((id, tokens)) => Tenant { id: Some(id), tokens },
            None => Tenant {
                id: None,
                tokens: &self.own,
            },
        }
    }

    /// All tenants but this one.
    pub fn others(&self, than: Tenant<'_>) -> impl Iterator<Item = Tenant<'_>> {
        let own = Tenant {
            id: None,
            tokens: &self.own,
        };
        let further = self.further.iter().map(|(id, tokens)| Tenant { id: Some(id), tokens });
        let than = Arc::clone(than.tokens);
        std::iter::once(own)
            .chain(further)
            .filter(move |tenant| !Arc::ptr_eq(tenant.tokens, &than))
    }

    /// Takes note of the tenant that Azure names for a subscription, if it is one of the further ones.
    pub fn learn(&self, subscription: &str, tenant: &str) {
        let named = |(id, _): &(TenantId, Arc<Tokens>)| id.as_str().eq_ignore_ascii_case(tenant);
        if let Some(at) = self.further.iter().position(named) {
            let mut homes = self.homes.write().unwrap_or_else(PoisonError::into_inner);
            homes.insert(subscription.to_ascii_lowercase(), at);
        }
    }
}

impl Tenant<'_> {
    /// Whether both are the same.
    pub fn is(&self, other: Tenant<'_>) -> bool {
        Arc::ptr_eq(self.tokens, other.tokens)
    }
}

/// The tenant that a `WWW-Authenticate` header sends to: the first part of its authority's path.
pub fn tenant_of_challenge(header: &str) -> Option<&str> {
    let (_, rest) = header.split_once("authorization_uri=\"")?;
    let (address, _) = rest.split_once('"')?;
    let (_, host_and_path) = address.split_once("://")?;
    host_and_path.split('/').nth(1).filter(|tenant| !tenant.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_names_a_tenant() {
        let told = |address: &str| {
            let header = format!("Bearer authorization_uri=\"{address}\", error=\"invalid_token\"");
            tenant_of_challenge(&header).map(str::to_owned)
        };
        let guid = "00000000-0000-4000-8000-00000000bbbb";
        assert_eq!(
            told(&format!("https://login.windows.net/{guid}")).as_deref(),
            Some(guid)
        );
        assert_eq!(
            told(&format!("https://login.microsoftonline.com/{guid}/oauth2/authorize")).as_deref(),
            Some(guid)
        );
        assert_eq!(told("https://login.windows.net/"), None);
        assert_eq!(told("nonsense"), None);
        assert_eq!(tenant_of_challenge("Bearer authorization_uri=\"https://a/b"), None);
    }
}
