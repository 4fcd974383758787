//! The ARM types the simulator knows: canonical names, published versions, contracts. Never behaviour; that is in `provider`.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::contract::Contract;

/// A type of ARM object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum ArmType {
    ResourceGroup,
    VirtualNetwork,
    Subnet,
    Peering,
    NetworkSecurityGroup,
    SecurityRule,
    PrivateEndpoint,
    PrivateDnsZoneGroup,
    PrivateDnsZone,
    VirtualNetworkLink,
    RecordSetA,
    FlexibleServer,
    FirewallRule,
    Configuration,
    Database,
    PrivateEndpointConnection,
    Migration,
    SingleServer,
    SingleServerFirewallRule,
    SingleServerNetworkRule,
    SingleServerConfiguration,
    SingleServerDatabase,
    RoleAssignment,
    RoleDefinition,
    Lock,
    /// Anything else a seed holds: can be read, nothing more.
    Other,
}

struct Known {
    arm_type: ArmType,
    name: &'static str,
    contract: &'static str,
}

macro_rules! known {
    ($($arm_type:ident $name:literal $file:literal,)*) => {
        /// One line per type; the contract is kept by hand from the public REST specifications.
        const KNOWN: &[Known] = &[$(Known {
            arm_type: ArmType::$arm_type,
            name: $name,
            contract: include_str!(concat!("../../schemas/arm/", $file, ".json")),
        },)*];
    };
}

known! {
    ResourceGroup "Microsoft.Resources/resourceGroups" "resourceGroups",
    VirtualNetwork "Microsoft.Network/virtualNetworks" "virtualNetworks",
    Subnet "Microsoft.Network/virtualNetworks/subnets" "virtualNetworks-subnets",
    Peering "Microsoft.Network/virtualNetworks/virtualNetworkPeerings" "virtualNetworks-virtualNetworkPeerings",
    NetworkSecurityGroup "Microsoft.Network/networkSecurityGroups" "networkSecurityGroups",
    SecurityRule "Microsoft.Network/networkSecurityGroups/securityRules" "networkSecurityGroups-securityRules",
    PrivateEndpoint "Microsoft.Network/privateEndpoints" "privateEndpoints",
    PrivateDnsZoneGroup "Microsoft.Network/privateEndpoints/privateDnsZoneGroups" "privateEndpoints-privateDnsZoneGroups",
    PrivateDnsZone "Microsoft.Network/privateDnsZones" "privateDnsZones",
    VirtualNetworkLink "Microsoft.Network/privateDnsZones/virtualNetworkLinks" "privateDnsZones-virtualNetworkLinks",
    RecordSetA "Microsoft.Network/privateDnsZones/A" "privateDnsZones-A",
    FlexibleServer "Microsoft.DBforPostgreSQL/flexibleServers" "flexibleServers",
    FirewallRule "Microsoft.DBforPostgreSQL/flexibleServers/firewallRules" "flexibleServers-firewallRules",
    Configuration "Microsoft.DBforPostgreSQL/flexibleServers/configurations" "flexibleServers-configurations",
    Database "Microsoft.DBforPostgreSQL/flexibleServers/databases" "flexibleServers-databases",
    PrivateEndpointConnection "Microsoft.DBforPostgreSQL/flexibleServers/privateEndpointConnections" "flexibleServers-privateEndpointConnections",
    Migration "Microsoft.DBforPostgreSQL/flexibleServers/migrations" "flexibleServers-migrations",
    SingleServer "Microsoft.DBforPostgreSQL/servers" "servers",
    SingleServerFirewallRule "Microsoft.DBforPostgreSQL/servers/firewallRules" "servers-firewallRules",
    SingleServerNetworkRule "Microsoft.DBforPostgreSQL/servers/virtualNetworkRules" "servers-virtualNetworkRules",
    SingleServerConfiguration "Microsoft.DBforPostgreSQL/servers/configurations" "servers-configurations",
    SingleServerDatabase "Microsoft.DBforPostgreSQL/servers/databases" "servers-databases",
    RoleAssignment "Microsoft.Authorization/roleAssignments" "roleAssignments",
    RoleDefinition "Microsoft.Authorization/roleDefinitions" "roleDefinitions",
    Lock "Microsoft.Authorization/locks" "locks",
}

static BY_NAME: LazyLock<HashMap<String, ArmType>> = LazyLock::new(|| {
    KNOWN
        .iter()
        .map(|known| (known.name.to_ascii_lowercase(), known.arm_type))
        .collect()
});

static CONTRACTS: LazyLock<HashMap<ArmType, Contract>> = LazyLock::new(|| {
    let parse = |known: &Known| {
        let contract = Contract::parse(known.contract).expect("a test reads every contract that is compiled in");
        (known.arm_type, contract)
    };
    KNOWN.iter().map(parse).collect()
});

impl ArmType {
    /// The type of that full name, in any case.
    pub(crate) fn of(name: &str) -> Self {
        BY_NAME.get(&name.to_ascii_lowercase()).copied().unwrap_or(Self::Other)
    }

    /// The name as Azure writes it.
    pub(crate) fn name(self) -> &'static str {
        KNOWN
            .iter()
            .find(|known| known.arm_type == self)
            .map_or("(other)", |known| known.name)
    }

    /// The last segment of the name: what stands before the resource's own name in an id.
    pub(crate) fn segment(self) -> &'static str {
        self.name().rsplit('/').next().unwrap_or_default()
    }

    /// What the service promises about this type; nothing for types it does not know.
    pub(crate) fn contract(self) -> Option<&'static Contract> {
        CONTRACTS.get(&self)
    }

    /// All known types.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|known| known.arm_type)
    }

    /// Types whose writes and children share one etag and one lock with their virtual network.
    pub(crate) fn lives_in_network(self) -> bool {
        matches!(self, Self::Subnet | Self::Peering)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contract_can_be_read_and_names_its_type() {
        for known in KNOWN {
            let contract = Contract::parse(known.contract).unwrap_or_else(|error| panic!("{}: {error}", known.name));
            assert_eq!(contract.title(), known.name);
            assert!(!contract.versions().is_empty(), "{}", known.name);
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(
            ArmType::of("microsoft.dbforpostgresql/FLEXIBLEservers"),
            ArmType::FlexibleServer
        );
        assert_eq!(ArmType::of("Microsoft.Compute/virtualMachines"), ArmType::Other);
        assert_eq!(ArmType::Peering.segment(), "virtualNetworkPeerings");
        assert_eq!(ArmType::all().count(), KNOWN.len());
    }
}
