//! Which api-version each ARM type is called with (contract 1). Facts only; nothing here asks a service.

use crate::arm::ArmType;

/// One line of the table: a type prefix and the version for it and everything below it.
struct Line(&'static str, &'static str);

/// Longest prefixes first, so that a child with its own version is found before its family.
const TABLE: [Line; 9] = [
    Line(
        "microsoft.dbforpostgresql/servers/privateendpointconnections",
        "2018-06-01",
    ),
    Line("microsoft.dbforpostgresql/servers", "2017-12-01"),
    Line("microsoft.dbforpostgresql", "2025-08-01"),
    Line("microsoft.network/privatednszones", "2024-06-01"),
    Line("microsoft.network", "2024-07-01"),
    Line("microsoft.authorization/locks", "2020-05-01"),
    Line("microsoft.authorization", "2022-04-01"),
    Line("microsoft.resourcegraph", "2021-03-01"),
    Line("microsoft.resources", RESOURCES),
];

/// Resource groups and providers.
const RESOURCES: &str = "2024-11-01";

/// The version for a type; `None` where the table has none.
pub fn of(arm_type: &ArmType) -> Option<&'static str> {
    let folded = arm_type.folded();
    // A resource group has no provider in its id, a provider registration no type after its namespace.
    if !folded.contains('/') {
        return Some(RESOURCES);
    }
    TABLE
        .iter()
        .find(|Line(prefix, _)| {
            folded
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
        .map(|Line(_, version)| *version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_the_version_of_its_nearest_family() {
        let of = |name: &str| super::of(&ArmType::new(name));
        assert_eq!(
            of("Microsoft.DBForPostgreSql/flexibleServers/migrations"),
            Some("2025-08-01")
        );
        assert_eq!(
            of("Microsoft.DBforPostgreSQL/servers/firewallRules"),
            Some("2017-12-01")
        );
        assert_eq!(
            of("Microsoft.DBforPostgreSQL/servers/privateEndpointConnections"),
            Some("2018-06-01")
        );
        assert_eq!(
            of("Microsoft.Network/privateDnsZones/virtualNetworkLinks"),
            Some("2024-06-01")
        );
        assert_eq!(
            of("Microsoft.Network/virtualNetworks/virtualNetworkPeerings"),
            Some("2024-07-01")
        );
        assert_eq!(of("Microsoft.Authorization/locks"), Some("2020-05-01"));
        assert_eq!(of("Microsoft.Authorization/roleAssignments"), Some("2022-04-01"));
        assert_eq!(of(""), Some("2024-11-01"));
        assert_eq!(of("Microsoft.Network"), Some("2024-11-01"));
        assert_eq!(of("Microsoft.Compute/virtualMachines"), None);
    }
}
