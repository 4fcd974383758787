//! Objects in Azure, in words short enough for a line. Whoever needs the whole id asks for every detail.

use crate::arm::{ArmId, SubscriptionId};

/// What people call an object of this type.
pub(crate) fn noun(id: &ArmId) -> String {
    let arm_type = id.arm_type();
    match arm_type.folded() {
        "microsoft.network/virtualnetworks" => "network".into(),
        "microsoft.network/virtualnetworks/subnets" => "subnet".into(),
        "microsoft.network/virtualnetworks/virtualnetworkpeerings" => "peering".into(),
        "microsoft.network/privatednszones" => "DNS zone".into(),
        "microsoft.network/privatednszones/virtualnetworklinks" => "DNS link".into(),
        "microsoft.dbforpostgresql/servers" => "single server".into(),
        "microsoft.dbforpostgresql/flexibleservers" => "server".into(),
        "microsoft.dbforpostgresql/flexibleservers/migrations" => "migration".into(),
        _ => arm_type.last().to_owned(),
    }
}

/// What it is and what it is called: ``peering `to-hub` in `rg-net` ``.
pub(crate) fn in_words(id: &ArmId) -> String {
    match (id.group(), id.parent()) {
        (Some(group), None) if id.name() == group => format!("resource group `{group}`"),
        (Some(_), Some(parent)) => format!("{} `{}` of {}", noun(id), id.name(), in_words(&parent)),
        (Some(group), None) => format!("{} `{}` in `{group}`", noun(id), id.name()),
        (None, _) => format!("`{id}`"),
    }
}

/// Its path without what goes without saying: `rg-net/vnet-a/to-hub`. Another subscription than `home` is named.
pub(crate) fn in_short(id: &ArmId, home: &SubscriptionId) -> Option<String> {
    let mut names = vec![id.name().to_owned()];
    let mut at = id.parent();
    while let Some(parent) = at {
        names.push(parent.name().to_owned());
        at = parent.parent();
    }
    names.push(id.group()?.to_owned());
    names.reverse();
    let path = names.join("/");
    let subscription = id.subscription()?;
    Some(if subscription.eq_ignore_ascii_case(home.as_str()) {
        path
    } else {
        format!("{path} (subscription {subscription})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_people_do() {
        let id: ArmId = "/subscriptions/11111111-0000-0000-0000-000000000000/resourceGroups/rg-net/providers/\
                         Microsoft.Network/virtualNetworks/vnet-a/virtualNetworkPeerings/to-b"
            .parse()
            .unwrap();
        assert_eq!(in_words(&id), "peering `to-b` of network `vnet-a` in `rg-net`");
        let home = "11111111-0000-0000-0000-000000000000".parse().unwrap();
        assert_eq!(in_short(&id, &home).unwrap(), "rg-net/vnet-a/to-b");
        let away = "22222222-0000-0000-0000-000000000000".parse().unwrap();
        assert_eq!(
            in_short(&id, &away).unwrap(),
            "rg-net/vnet-a/to-b (subscription 11111111-0000-0000-0000-000000000000)"
        );
    }
}
