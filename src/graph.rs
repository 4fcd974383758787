//! Declarations and what each waits for, with the reason of every edge; cycles are named. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use crate::address::Address;
use crate::arm::ArmId;
use crate::block::Meta;
use crate::diagnostic::code::CYCLE;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::kind::connect::Server;
use crate::kind::database_batch::Batch;
use crate::kind::{Expansion, Kind, Thing, Unit};

/// One resource as declared: its units, and what it says beside its own attributes.
#[derive(Clone)]
pub struct Declaration {
    /// The resource.
    pub address: Address,
    /// Its block's header.
    pub span: Span,
    /// Its kind.
    pub kind: &'static dyn Kind,
    /// Meta-arguments.
    pub meta: Meta,
    /// What it stands for.
    pub expansion: Expansion,
    /// The PostgreSQL server that databases leave or enter, where it is one.
    pub server: Option<Server>,
}

impl Declaration {
    /// Its objects; a batch has none yet.
    pub fn units(&self) -> &[Unit] {
        self.expansion.units()
    }

    /// Its objects that are put and deleted, with the rules for them.
    pub fn things(&self) -> impl Iterator<Item = (&Unit, &'static Thing)> {
        let thing = self.kind.conduct().thing();
        thing
            .into_iter()
            .flat_map(|thing| self.units().iter().map(move |unit| (unit, thing)))
    }

    /// The batch, where it is one.
    pub fn batch(&self) -> Option<&Batch> {
        self.expansion.job()
    }
}

/// Why one resource waits for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// It refers to it, in this argument where it is one.
    Refers(Option<String>),
    /// `depends_on` says so.
    DependsOn,
    /// Its path crosses it; the end of a sentence such as `it connects vnet-a and vnet-b`.
    Path(String),
}

/// One edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The resource that has to be there first.
    pub on: Address,
    /// Why.
    pub because: Because,
}

/// How much of what is to be known is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    All,
    /// A part; the rest hangs on what is not known yet.
    Part,
}

/// All declarations with their edges; without cycles.
#[derive(Clone, Default)]
pub struct Graph {
    declarations: BTreeMap<Address, Declaration>,
    needs: BTreeMap<Address, Vec<Need>>,
}

impl Graph {
    /// Finds the edges.
    ///
    /// # Errors
    /// When resources wait for each other.
    pub fn new(declarations: impl IntoIterator<Item = Declaration>) -> Result<Self, Diagnostics> {
        let declarations: BTreeMap<Address, Declaration> = declarations
            .into_iter()
            .map(|declaration| (declaration.address.clone(), declaration))
            .collect();
        let touching = touching(&declarations);
        let needs = declarations
            .iter()
            .map(|(address, declaration)| (address.clone(), needs_of(declaration, &declarations, &touching)))
            .collect();
        let graph = Self { declarations, needs };
        graph.refuse_cycles()?;
        Ok(graph)
    }

    /// The declarations in address order.
    pub fn iter(&self) -> impl Iterator<Item = &Declaration> {
        self.declarations.values()
    }

    /// One declaration.
    pub fn get(&self, address: &Address) -> Option<&Declaration> {
        self.declarations.get(address)
    }

    /// What a resource waits for.
    pub fn needs(&self, address: &Address) -> &[Need] {
        self.needs.get(address).map_or(&[], Vec::as_slice)
    }

    /// Every batch.
    pub fn batches(&self) -> impl Iterator<Item = (&Declaration, &Batch)> {
        self.iter()
            .filter_map(|declaration| Some((declaration, declaration.batch()?)))
    }

    fn refuse_cycles(&self) -> Result<(), Diagnostics> {
        let mut graph = DiGraph::<&Address, ()>::with_capacity(self.declarations.len(), self.needs.len());
        let nodes: HashMap<&Address, _> = self
            .declarations
            .keys()
            .map(|address| (address, graph.add_node(address)))
            .collect();
        let mut found = Diagnostics::new();
        for (address, needs) in &self.needs {
            for need in needs {
                if need.on == *address {
                    found.push(self.cycle(&[address, address]));
                } else if let (Some(from), Some(to)) = (nodes.get(address), nodes.get(&need.on)) {
                    graph.add_edge(*from, *to, ());
                }
            }
        }
        for component in kosaraju_scc(&graph).into_iter().filter(|component| component.len() > 1) {
            let members: BTreeSet<&Address> = component
                .iter()
                .filter_map(|node| graph.node_weight(*node).copied())
                .collect();
            found.push(self.cycle(&self.way_round(&members)));
        }
        found.or(()).map(|_| ())
    }

    /// A closed walk within a strongly connected set, starting at its first address.
    fn way_round<'a>(&'a self, members: &BTreeSet<&'a Address>) -> Vec<&'a Address> {
        let mut way: Vec<&Address> = members.first().copied().into_iter().collect();
        while let Some(last) = way.last().copied() {
            let next = self
                .needs(last)
                .iter()
                .map(|need| &need.on)
                .find(|on| members.contains(on));
            let Some(next) = next else { break };
            if let Some(at) = way.iter().position(|seen| *seen == next) {
                way.drain(..at);
                way.push(next);
                break;
            }
            way.push(next);
        }
        way
    }

    fn cycle(&self, way: &[&Address]) -> Diagnostic {
        let names: Vec<String> = way.iter().map(ToString::to_string).collect();
        let mut diagnostic = Diagnostic::error(CYCLE, "resources that wait for each other")
            .detail(format!("{}. None of them can come first.", names.join(" → ")))
            .hint("remove one of these references or `depends_on` entries");
        for (at, address) in way.iter().take(way.len().saturating_sub(1)).enumerate() {
            if let Some(declaration) = self.get(address) {
                diagnostic = match at {
                    0 => diagnostic
                        .at(declaration.span, "this waits for itself in the end")
                        .about(address),
                    _ => diagnostic.and_at(declaration.span, "by way of this"),
                };
            }
        }
        diagnostic
    }
}

/// By object: the resources that make it work, and how.
fn touching(declarations: &BTreeMap<Address, Declaration>) -> HashMap<ArmId, Vec<(Address, String)>> {
    let mut touching: HashMap<ArmId, Vec<(Address, String)>> = HashMap::new();
    for declaration in declarations.values() {
        for touch in declaration.units().iter().flat_map(|unit| &unit.touches) {
            touching
                .entry(touch.id.clone())
                .or_default()
                .push((declaration.address.clone(), touch.because.clone()));
        }
    }
    touching
}

fn needs_of(
    declaration: &Declaration,
    all: &BTreeMap<Address, Declaration>,
    touching: &HashMap<ArmId, Vec<(Address, String)>>,
) -> Vec<Need> {
    let mut needs: BTreeMap<&Address, Because> = BTreeMap::new();
    for on in declaration
        .batch()
        .into_iter()
        .flat_map(|batch| &batch.path)
        .filter_map(|id| touching.get(id))
        .flatten()
    {
        needs.entry(&on.0).or_insert_with(|| Because::Path(on.1.clone()));
    }
    let references = declaration.meta.references.iter();
    for (on, argument) in references.filter(|(on, _)| all.contains_key(*on)) {
        needs.insert(on, Because::Refers(argument.clone()));
    }
    for (on, _) in &declaration.meta.depends_on {
        needs.insert(on, Because::DependsOn);
    }
    needs
        .into_iter()
        .map(|(on, because)| Need {
            on: on.clone(),
            because,
        })
        .collect()
}
