//! `vnet_peering`: both directions of a peering between two virtual networks, as one resource with two units.

use std::time::Duration;

use super::schema::{Argument, ArgumentType, Content, Effect, Export, ExportFrom, Fields, Schema, Section, Term};
use super::{
    Behind, Body, BodyField, Compare, Conduct, Context, Dead, Draft, Expansion, Kind, Linked, Thing, Touch, Unit,
};
use crate::arm::{ArmId, Query};
use crate::diagnostic::code::{NOT_ALLOWED, NOT_KNOWN};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The type of its objects.
pub const ARM_TYPE: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";

/// The kind.
pub struct VnetPeering;

/// A peering takes seconds to a minute; both networks must be quiet before (contract 12).
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// A flag of one side of a peering.
struct Flag {
    /// In the language.
    name: &'static str,
    /// In the body.
    path: &'static [&'static str],
    /// Where nothing is said.
    default: bool,
    doc: &'static str,
}

const FLAGS: [Flag; 4] = [
    Flag {
        name: "allow_virtual_network_access",
        path: &["properties", "allowVirtualNetworkAccess"],
        default: true,
        doc: "Let the networks talk.",
    },
    Flag {
        name: "allow_forwarded_traffic",
        path: &["properties", "allowForwardedTraffic"],
        default: false,
        doc: "Accept what an appliance forwards.",
    },
    Flag {
        name: "allow_gateway_transit",
        path: &["properties", "allowGatewayTransit"],
        default: false,
        doc: "Lend this side's gateway to the other.",
    },
    Flag {
        name: "use_remote_gateways",
        path: &["properties", "useRemoteGateways"],
        default: false,
        doc: "Use the other side's gateway.",
    },
];

/// Where the other network stands in a body.
const REMOTE: &[&str] = &["properties", "remoteVirtualNetwork", "id"];

const fn argument(flag: &Flag) -> Argument {
    let default = if flag.default { "true" } else { "false" };
    Argument::default(flag.name, ArgumentType::Bool, default, flag.doc).on_change(Effect::InPlace)
}

const fn field(flag: &Flag) -> BodyField {
    BodyField::in_place(flag.name, flag.path, Compare::Exact)
}

const ARGUMENTS: &[Argument] = {
    let [access, forwarded, transit, gateways] = &FLAGS;
    &[
        argument(access),
        argument(forwarded),
        argument(transit),
        argument(gateways),
    ]
};

const FIELDS: &[BodyField] = {
    let network = BodyField::replaces("remote_network_id", REMOTE, Compare::Folded);
    let [access, forwarded, transit, gateways] = &FLAGS;
    &[
        network,
        field(access),
        field(forwarded),
        field(transit),
        field(gateways),
    ]
};

static SCHEMA: Schema = Schema {
    kind: "vnet_peering",
    summary: "Both directions of a peering between two virtual networks.",
    doc: "Azure has one object per direction; one side alone stays `Initiated` and carries nothing. `forward` is the side of \
          `from`, `reverse` the side of `to`.",
    example: "vnet_peering \"hub_runtime\" {\n  from = network.hub\n  to   = network.runtime\n\n  forward {\n    \
              allow_gateway_transit = true\n  }\n  reverse {\n    use_remote_gateways = true\n  }\n}\n",
    arguments: &[
        Argument::required("from", ArgumentType::Reference(&["network"]), "One network.").on_change(Effect::Replaces),
        Argument::required("to", ArgumentType::Reference(&["network"]), "The other network.")
            .on_change(Effect::Replaces),
        Argument::default(
            "forward_name",
            ArgumentType::Text,
            "FROM-to-TO",
            "Name of the direction that belongs to `from`.",
        )
        .on_change(Effect::Replaces),
        Argument::default(
            "reverse_name",
            ArgumentType::Text,
            "TO-to-FROM",
            "Name of the direction that belongs to `to`.",
        )
        .on_change(Effect::Replaces),
    ],
    common: &[],
    sections: &[
        Section {
            name: "forward",
            doc: "Flags of the side of `from`.",
            arguments: ARGUMENTS,
        },
        Section {
            name: "reverse",
            doc: "Flags of the side of `to`.",
            arguments: ARGUMENTS,
        },
    ],
    exports: &[Export {
        name: "id",
        doc: "ARM id of the forward direction.",
        from: ExportFrom::Id,
    }],
};

static THING: Thing = Thing {
    fields: FIELDS,
    identity: None,
    // Flags that pgferry does not manage (contract 7.2).
    preserve: &[
        &["properties", "doNotVerifyRemoteGateways"],
        &["properties", "peerCompleteVnets"],
        &["properties", "localSubnetNames"],
        &["properties", "remoteSubnetNames"],
        &["properties", "enableOnlyIPv6Peering"],
    ],
    dead: Some(Dead {
        path: &["properties", "peeringState"],
        value: "Disconnected",
        because: "a disconnected side of a peering can only be deleted and made anew",
    }),
    // The side whose remote address space is out of date is the one to be put; `RemoteNotInSync` is the other side's to mend
    // (contract 7.2).
    behind: Some(Behind {
        path: &["properties", "peeringSyncLevel"],
        values: &["LocalNotInSync", "LocalAndRemoteNotInSync"],
        query: Query::SyncRemoteAddressSpace,
        because: "the address space of the other network has changed since they were peered",
    }),
    patience: PATIENCE,
};

impl Kind for VnetPeering {
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
        &[Linked {
            path: REMOTE,
            action: "Microsoft.Network/virtualNetworks/peer/action",
            contract: "7.2",
        }]
    }

    fn expand(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics> {
        let (Some(from), Some(to)) = (fields.top().reference("from"), fields.top().reference("to")) else {
            return Ok(Expansion::Units(Vec::new()));
        };
        let known = |argument: &str, term| match term {
            Term::Known(id) => Ok(id),
            Term::Open(_) => Err(Diagnostics::from(
                Diagnostic::error(NOT_KNOWN, "value not known while planning").at(
                    fields.top().span(argument),
                    "the id of this network must be known while planning",
                ),
            )),
        };
        let a: ArmId = known("from", cx.id_of(from)?)?;
        let b: ArmId = known("to", cx.id_of(to)?)?;
        if a == b {
            return Err(Diagnostic::error(NOT_ALLOWED, "a network peered with itself")
                .at(fields.top().span("to"), "`from` and `to` are the same virtual network")
                .about(fields.owner())
                .into());
        }
        let side = |part: &str, name_argument: &str, local: &ArmId, remote: &ArmId| {
            let default = format!("{}-to-{}", local.name(), remote.name());
            let name = fields.top().text(name_argument).unwrap_or(&default);
            super::name::check(ARM_TYPE, name, fields, name_argument)?;
            let id = local.child("virtualNetworkPeerings", name);
            Ok::<_, Diagnostics>(unit(fields, part, id, local, remote))
        };
        Ok(Expansion::Units(vec![
            side("forward", "forward_name", &a, &b)?,
            side("reverse", "reverse_name", &b, &a)?,
        ]))
    }
}

fn unit(fields: &Fields<'_>, part: &str, id: ArmId, local: &ArmId, remote: &ArmId) -> Unit {
    let section: Option<&Content<'_>> = fields.section(part);
    let network = Body::object([("id", Body::text(remote.as_str()))]);
    let mut body: Body<Draft> = Body::object([("properties", Body::object([("remoteVirtualNetwork", network)]))]);
    for flag in &FLAGS {
        let said = section.and_then(|section| section.bool(flag.name));
        body.set(flag.path, Body::Bool(said.unwrap_or(flag.default)));
    }
    let because = format!("it connects {} and {}", local.name(), remote.name());
    Unit {
        address: fields.owner().part(part),
        id: Term::Known(id),
        body,
        touches: [local, remote]
            .map(|id| Touch {
                id: id.clone(),
                because: because.clone(),
            })
            .to_vec(),
        scopes: vec![local.clone(), remote.clone()],
    }
}
