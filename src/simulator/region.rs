//! Names of Azure regions: `eastus` and `East US` are one. Never refuses a region it does not know.

/// Name and display name of the regions that `locations` lists.
pub(crate) const REGIONS: &[(&str, &str)] = &[
    ("australiaeast", "Australia East"),
    ("brazilsouth", "Brazil South"),
    ("canadacentral", "Canada Central"),
    ("canadaeast", "Canada East"),
    ("centralindia", "Central India"),
    ("centralus", "Central US"),
    ("eastasia", "East Asia"),
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("francecentral", "France Central"),
    ("germanywestcentral", "Germany West Central"),
    ("italynorth", "Italy North"),
    ("japaneast", "Japan East"),
    ("koreacentral", "Korea Central"),
    ("northcentralus", "North Central US"),
    ("northeurope", "North Europe"),
    ("norwayeast", "Norway East"),
    ("polandcentral", "Poland Central"),
    ("southafricanorth", "South Africa North"),
    ("southcentralus", "South Central US"),
    ("southeastasia", "Southeast Asia"),
    ("spaincentral", "Spain Central"),
    ("swedencentral", "Sweden Central"),
    ("switzerlandnorth", "Switzerland North"),
    ("uaenorth", "UAE North"),
    ("uksouth", "UK South"),
    ("ukwest", "UK West"),
    ("westcentralus", "West Central US"),
    ("westeurope", "West Europe"),
    ("westus", "West US"),
    ("westus2", "West US 2"),
    ("westus3", "West US 3"),
];

/// The name: lower case without spaces.
pub(crate) fn plain(location: &str) -> String {
    location
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The display name, which the PostgreSQL provider returns from GET; unknown regions as they are.
pub(crate) fn display(location: &str) -> String {
    let name = plain(location);
    REGIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or_else(|| location.to_owned(), |(_, display)| (*display).to_owned())
}

/// Whether two spellings mean one region.
pub(crate) fn same(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        assert_eq!(display("eastus2"), "East US 2");
        assert_eq!(plain("Canada Central"), "canadacentral");
        assert_eq!(display("mooncentral"), "mooncentral");
        assert!(same("West Europe", "westeurope"));
    }
}
