//! `private_endpoint`: an address in a network under which a server is reached. It never changes the server or the network, and
//! has no part in how the server's name is resolved: that is a `dns_zone_group`.

use std::time::Duration;

use super::schema::{Argument, ArgumentType, Effect, Export, ExportFrom, Fields, PLACE_AND_REGION, Schema, Term};
use super::{
    Body, BodyField, Compare, Conduct, Context, Draft, Expansion, Kind, Linked, Placement, Thing, Touch, Unit, name,
    server,
};
use crate::arm::ArmId;
use crate::diagnostic::code::NOT_KNOWN;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The type of its object.
pub const ARM_TYPE: &str = "Microsoft.Network/privateEndpoints";

/// The kind's name.
pub const NAME: &str = "private_endpoint";

/// What an endpoint of a PostgreSQL server leads to (contract 7.4).
const GROUP_ID: &str = "postgresqlServer";

/// An endpoint takes about a minute, and waits for whatever else is written to its network and its server (contract 12).
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Where the subnet stands in a body.
const SUBNET: &[&str] = &["properties", "subnet", "id"];

/// Where the server stands in a body.
const CONNECTIONS: &[&str] = &["properties", "privateLinkServiceConnections"];

/// The kind.
pub struct PrivateEndpoint;

static SCHEMA: Schema = Schema {
    kind: NAME,
    summary: "A private endpoint of a PostgreSQL server.",
    doc: "An address in a subnet, under which the server is reached from networks that are peered with it. The server's name \
          leads there only through a zone: add a `dns_zone_group`. A server in its own subnet takes no endpoints. What makes an \
          endpoint cannot be changed, so every change but that of tags makes it anew, under another address.",
    example: "private_endpoint \"erp\" {\n  server  = target.erp\n  network = network.target\n  subnet  = \"snet-endpoints\"\n}\n",
    arguments: &[
        Argument::required(
            "server",
            ArgumentType::Object(&["target", "source"], server::ARM_TYPE),
            "The server: a `target`, or a `source` that is a single server.",
        )
        .on_change(Effect::Replaces),
        Argument::required(
            "network",
            ArgumentType::Reference(&["network"]),
            "The network that gets the address.",
        )
        .on_change(Effect::Replaces),
        Argument::required(
            "subnet",
            ArgumentType::Text,
            "Name of the subnet; one that is not delegated to a service.",
        )
        .on_change(Effect::Replaces),
        Argument::default(
            "name",
            ArgumentType::Text,
            "the block's label, with `-KEY` where `for_each` gives one",
            "Name of the endpoint.",
        )
        .on_change(Effect::Replaces),
        Argument::optional("tags", ArgumentType::Map, "Tags, on top of the `azure` block's.")
            .on_change(Effect::InPlace),
    ],
    common: PLACE_AND_REGION,
    sections: &[],
    exports: &[Export {
        name: "id",
        doc: "ARM id.",
        from: ExportFrom::Id,
    }],
};

static THING: Thing = Thing {
    fields: &[
        BodyField::replaces("location", &["location"], Compare::Location),
        BodyField::replaces("subnet", SUBNET, Compare::Folded),
        BodyField::replaces("server", CONNECTIONS, Compare::Contained),
        super::tags::FIELD,
    ],
    identity: None,
    // Tags of others, and settings that pgferry does not manage.
    preserve: &[
        super::tags::PATH,
        &["properties", "customNetworkInterfaceName"],
        &["properties", "ipConfigurations"],
        &["properties", "ipVersionType"],
        &["properties", "applicationSecurityGroups"],
    ],
    dead: None,
    behind: None,
    patience: PATIENCE,
};

impl Kind for PrivateEndpoint {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn conduct(&self) -> Conduct {
        Conduct::Thing(&THING)
    }

    fn arm_type(&self) -> Option<&'static str> {
        Some(ARM_TYPE)
    }

    fn linked(&self) -> &'static [Linked] {
        &[
            Linked {
                path: SUBNET,
                action: "Microsoft.Network/virtualNetworks/subnets/join/action",
                contract: "9",
            },
            Linked {
                path: CONNECTIONS,
                action: "Microsoft.DBforPostgreSQL/flexibleServers/privateEndpointConnectionsApproval/action",
                contract: "7.4",
            },
        ]
    }

    fn expand(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics> {
        let Some(ends) = ends(fields, cx)? else {
            return Ok(Expansion::Units(Vec::new()));
        };
        let top = fields.top();
        let subnet = top.text("subnet").unwrap_or_default();
        name::check(super::network::ARM_TYPE, subnet, fields, "subnet")?;
        let subnet = ends.network.child("subnets", subnet);
        let default = name::of_block(fields.owner());
        let name = top.text("name").unwrap_or(&default);
        let placement = Placement::of(fields, cx);
        let id = placement.object(ARM_TYPE, "name", name)?;
        let connection = Body::object([
            ("name", Body::text(name)),
            (
                "properties",
                Body::object([
                    ("privateLinkServiceId", ends.server_body()),
                    ("groupIds", Body::List(vec![Body::text(GROUP_ID)])),
                ]),
            ),
        ]);
        let properties = Body::object([
            ("subnet", Body::object([("id", Body::text(subnet.as_str()))])),
            ("privateLinkServiceConnections", Body::List(vec![connection])),
        ]);
        let mut body: Body<Draft> = Body::object([
            ("location", Body::text(placement.location()?)),
            ("properties", properties),
        ]);
        super::tags::set(&mut body, cx, super::tags::own(fields, cx)?);
        let scopes = [
            Some(id.clone()),
            Some(ends.network.clone()),
            ends.server.known().cloned(),
        ];
        let unit = Unit {
            address: fields.owner().unit(),
            id: Term::Known(id),
            body,
            touches: ends.touches(|server, network| format!("it makes {server} reachable in {network}")),
            // Its network and its server take one write at a time (contract 12).
            scopes: scopes.into_iter().flatten().collect(),
        };
        Ok(Expansion::Units(vec![unit]))
    }
}

/// What an endpoint joins.
pub struct Ends {
    /// The server.
    pub server: Term<ArmId>,
    /// The network that gets the address.
    pub network: ArmId,
}

/// What the endpoint of a block joins; nothing, where it does not say.
///
/// # Errors
/// When the network is not known while planning, or a block that is named does not hold.
pub fn ends(fields: &Fields<'_>, cx: &Context<'_>) -> Result<Option<Ends>, Diagnostics> {
    let (Some(server), Some(network)) = (cx.object(fields, "server")?, fields.top().reference("network")) else {
        return Ok(None);
    };
    match cx.id_of(network)? {
        Term::Known(network) => Ok(Some(Ends { server, network })),
        Term::Open(_) => Err(Diagnostic::error(NOT_KNOWN, "value not known while planning")
            .at(
                fields.top().span("network"),
                "the id of this network must be known while planning",
            )
            .about(fields.owner())
            .into()),
    }
}

impl Ends {
    fn server_body(&self) -> Body<Draft> {
        match &self.server {
            Term::Known(id) => Body::text(id.as_str()),
            Term::Open(residual) => Body::Open(residual.clone()),
        }
    }

    /// Both ends, and why whoever passes by one of them waits.
    pub fn touches(&self, because: impl Fn(&str, &str) -> String) -> Vec<Touch> {
        let name = self.server.known().map_or("its server", |server| server.name());
        let because = because(name, self.network.name());
        let ends = [self.server.known(), Some(&self.network)];
        let touch = |id: &ArmId| Touch {
            id: id.clone(),
            because: because.clone(),
        };
        ends.into_iter().flatten().map(touch).collect()
    }
}
