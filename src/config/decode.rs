//! From evaluated blocks to declarations: every kind reads its blocks and says which units they stand for. Pure.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::Value as Json;

use super::fold::{Exports, Folded, OutputValue, ask, fold, fold_kinds};
use super::module::Configuration;
use super::variables::Inputs;
use crate::address::pattern::Renaming;
use crate::address::{Address, KindName, ModulePath};
use crate::arm::{ArmId, Cloud, Outputs, SourceServer};
use crate::block::{Block, Check, Condition, Import, Literal, Removal, Syntax, Verdict};
use crate::diagnostic::code::{
    CONDITION_FAILED, NO_DEFAULT, NOT_ALLOWED, NOT_IMPORTABLE, NOT_KNOWN, SAME_DATABASE, SAME_OBJECT, VAULT_SECRET,
};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{Declaration, Extent, Graph};
use crate::kind::schema::{ArgumentType, ExportFrom, Schema, Term};
use crate::kind::tags::LONGEST_VALUE;
use crate::kind::{self, Conduct, Context, Defaults};
use crate::lang::expr::Expr;
use crate::lang::{Residual, Shape, Type, Value};
use crate::secret::{Secret, SecretRef, Secrets};

/// A configuration, parsed and with its variables, that can be evaluated as often as more becomes known.
pub struct Program {
    /// The blocks of the root and of its modules, as parsed.
    pub configuration: Configuration,
    /// The variables' values.
    pub inputs: Inputs,
    /// The `azure` block.
    pub defaults: Defaults,
}

/// A configuration evaluated against what is known.
pub struct Declared {
    /// The resources and their edges.
    pub graph: Graph,
    /// The outputs.
    pub outputs: Vec<OutputValue>,
    /// The secrets that variables supplied.
    pub secrets: Secrets,
    /// What is odd, but stops nothing.
    pub warnings: Diagnostics,
    /// Variables that nothing uses.
    pub unused: Diagnostics,
    /// What was named otherwise before.
    pub moves: Vec<Renaming>,
    /// What is no longer looked after.
    pub removals: Vec<Removal>,
    /// What is taken over.
    pub imports: Vec<Import>,
    /// What is wanted to hold.
    pub checks: Vec<Check>,
}

impl Program {
    /// Evaluates and decodes everything.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn declare(&self, outputs: &Outputs) -> Result<Declared, Diagnostics> {
        let folded = self.fold(outputs)?;
        let blocks = by_address(folded.blocks);
        let cx = Context::new(&self.defaults, &blocks, outputs);
        let mut found = Diagnostics::new();
        let mut declarations = Vec::with_capacity(blocks.len());
        let mut secrets = Secrets::default();
        let mut elsewhere: Vec<Diagnostic> = Vec::new();
        for block in blocks.values() {
            keep_secrets(block, &mut secrets);
            found.extend(foreign_vaults(block, self.defaults.cloud));
            found.extend(broken_promises(block));
            match declaration(block, &cx) {
                Ok(declaration) => declarations.extend(declaration),
                Err(problems) => {
                    for problem in problems.iter().cloned() {
                        match problem.address.as_ref().is_none_or(|address| *address == block.address) {
                            true => found.push(problem),
                            false => elsewhere.push(problem),
                        }
                    }
                }
            }
        }
        // Whoever refers to a block finds wrong what the block itself tells, with more to say.
        let place = |problem: &Diagnostic| (problem.code, problem.primary.as_ref().map(|mark| mark.span));
        let told: HashSet<_> = found.iter().map(place).collect();
        elsewhere.retain(|problem| !told.contains(&place(problem)));
        for problem in elsewhere {
            found.push(problem);
        }
        refuse_sharing(&declarations, &mut found);
        refuse_rivals(&declarations, &mut found);
        refuse_long_addresses(&declarations, &mut found);
        refuse_other_ids(&folded.imports, &mut found);
        let declarations = found.or(declarations)?.0;
        let graph = Graph::new(declarations)?;
        Ok(Declared {
            graph,
            outputs: folded.outputs,
            secrets,
            warnings: folded.warnings,
            unused: folded.unused,
            moves: folded.moves,
            removals: folded.removals,
            imports: folded.imports,
            checks: folded.checks,
        })
    }

    /// What is wrong with a configuration besides what is known to be wrong with it: with its text, its `azure` block (then there
    /// are no `defaults`) or with what gives values to variables. What may only follow from that is left out.
    pub fn other_problems(configuration: Configuration, inputs: Inputs, defaults: Option<Defaults>) -> Diagnostics {
        let defaults = defaults.filter(|_| !configuration.lost.may_have("azure"));
        let follows = |problem: &Diagnostic| match problem.code {
            NOT_KNOWN => true,
            NO_DEFAULT | VAULT_SECRET => defaults.is_none(),
            _ => false,
        };
        let program = Self {
            configuration,
            inputs,
            defaults: defaults.clone().unwrap_or(Defaults {
                cloud: Cloud::Public,
                subscription: None,
                tenant: None,
                resource_group: None,
                location: None,
                tags: BTreeMap::new(),
            }),
        };
        let found = program.declare(&Outputs::default()).err().unwrap_or_default();
        found.iter().filter(|problem| !follows(problem)).cloned().collect()
    }

    /// Only what is read, as far as it is known: the first waves of a look. What is wrong elsewhere is reported later, by
    /// [`Program::declare`].
    ///
    /// # Errors
    /// What keeps the configuration from being evaluated at all.
    pub fn declare_readable(&self, outputs: &Outputs) -> Result<(Graph, Extent), Diagnostics> {
        let read = kind::ALL.iter().filter(|kind| kind.conduct() == Conduct::ReadOnly);
        let read: Vec<&str> = read.map(|kind| kind.schema().kind).collect();
        let blocks = fold_kinds(&self.configuration, &self.inputs, &self.exports(outputs), &read)?;
        let blocks = by_address(blocks);
        let cx = Context::new(&self.defaults, &blocks, outputs);
        let is_readable = |block: &&Block| {
            let kind = kind::find(block.address.kind().as_str());
            kind.is_some_and(|kind| kind.conduct() == Conduct::ReadOnly)
        };
        let readable = blocks.values().filter(is_readable);
        let (mut declarations, mut extent) = (Vec::new(), Extent::All);
        for block in readable {
            match declaration(block, &cx) {
                Ok(Some(declaration)) => {
                    if declaration.units().iter().any(|unit| unit.id.known().is_none()) {
                        extent = Extent::Part;
                    }
                    declarations.push(without_edges(declaration));
                }
                Ok(None) => {}
                Err(_) => extent = Extent::Part,
            }
        }
        Ok((Graph::new(declarations)?, extent))
    }

    /// What an expression evaluates to that stands in no block, but where an output would.
    ///
    /// # Errors
    /// All that is wrong with the configuration, or with the expression.
    pub fn ask(&self, outputs: &Outputs, expr: &Expr) -> Result<Value, Diagnostics> {
        ask(&self.configuration, &self.inputs, &self.exports(outputs), expr)
    }

    /// What an expression can begin with: variables, local values, modules and resources, by their names.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for block in &self.configuration.root {
            let label = block.labels.first().map(|label| &label.value);
            match (&*block.kind.value, label) {
                ("locals", _) => {
                    let locals = block.body.attributes.iter();
                    names.extend(locals.map(|attribute| format!("local.{}", attribute.name.value)));
                }
                ("variable", Some(name)) => names.push(format!("var.{name}")),
                ("module", Some(name)) => names.push(format!("module.{name}")),
                (kind, Some(label)) if kind::find(kind).is_some() => names.push(format!("{kind}.{label}")),
                _ => {}
            }
        }
        names
    }

    fn fold(&self, outputs: &Outputs) -> Result<Folded, Diagnostics> {
        fold(&self.configuration, &self.inputs, &self.exports(outputs))
    }

    fn exports<'p>(&'p self, outputs: &'p Outputs) -> KnownExports<'p> {
        KnownExports {
            defaults: &self.defaults,
            outputs,
        }
    }
}

impl AsRef<Graph> for Declared {
    fn as_ref(&self) -> &Graph {
        &self.graph
    }
}

fn by_address(blocks: Vec<Block>) -> BTreeMap<Address, Block> {
    blocks.into_iter().map(|block| (block.address.clone(), block)).collect()
}

/// Edges do not matter to a first look, and those to what is not there yet would be wrong.
fn without_edges(mut declaration: Declaration) -> Declaration {
    declaration.meta.references.clear();
    declaration.meta.depends_on.clear();
    declaration
}

/// `None` for a block of an unknown kind, which the evaluator has reported.
fn declaration(block: &Block, cx: &Context<'_>) -> Result<Option<Declaration>, Diagnostics> {
    let Some(kind) = kind::find(block.address.kind().as_str()) else {
        return Ok(None);
    };
    let fields = kind
        .schema()
        .read(block)
        .map_err(|found| offered(found, kind.schema(), block, cx.blocks.values()))?;
    Ok(Some(Declaration {
        address: block.address.clone(),
        span: block.span,
        kind,
        meta: block.meta.clone(),
        expansion: kind.expand(&fields, cx)?,
        server: kind.server(&fields, cx)?,
    }))
}

/// What is wrong with a block, and for a text in place of a reference the resources that may have been meant.
fn offered<'b>(
    found: Diagnostics,
    schema: &'static Schema,
    block: &Block,
    all: impl Iterator<Item = &'b Block> + Clone,
) -> Diagnostics {
    let one = |problem: Diagnostic| {
        let place = problem.primary.as_ref().map(|mark| mark.span);
        let written = block
            .body
            .attributes
            .iter()
            .find(|(_, written)| Some(written.span) == place);
        let argument = written.and_then(|(name, _)| schema.all_arguments().find(|argument| argument.name == &**name));
        let (Some((_, written)), Some(ArgumentType::Reference(kinds))) =
            (written, argument.map(|argument| argument.ty))
        else {
            return problem;
        };
        let Some(text) = written
            .value
            .as_text()
            .filter(|_| problem.hints.is_empty() && !written.value.marks.hide())
        else {
            return problem;
        };
        let same_module = |other: &&Block| other.address.module() == block.address.module();
        let candidates = all.clone().filter(same_module);
        let candidates = candidates.filter(|other| kinds.contains(&other.address.kind().as_str()));
        let is_named = |other: &&Block| {
            let name = other.body.attributes.get("name").and_then(|name| name.value.as_text());
            name == Some(text) || other.address.label().as_str() == text
        };
        let named: Vec<&Block> = candidates.clone().filter(is_named).collect();
        let declared: Vec<String> = candidates
            .map(|other| format!("`{}`", in_module(&other.address)))
            .collect();
        let hint = match (named.as_slice(), declared.as_slice()) {
            ([only], _) => {
                let only = in_module(&only.address);
                match written.wording.syntax {
                    // A value that a path led to has no quotes to leave out.
                    Syntax::Hcl if written.literal == Literal::Derived => format!("did you mean `{only}`?"),
                    Syntax::Hcl => format!("did you mean `{only}`, without quotes?"),
                    Syntax::Json => format!("did you mean `{}`?", Syntax::Json.reference(only)),
                }
            }
            (_, []) => return problem,
            (_, [only]) => format!("declared is {only}"),
            (_, all) if all.len() <= MOST_OFFERED => format!("declared are {}", all.join(", ")),
            (_, all) => format!(
                "{} are declared, such as {}",
                all.len(),
                all.iter().next().map_or("", String::as_str)
            ),
        };
        problem.hint(hint)
    };
    found.iter().cloned().map(one).collect()
}

/// How the configuration of its own module names a resource.
fn in_module(address: &Address) -> Address {
    let (kind, label) = (address.kind().clone(), address.label().clone());
    Address::new(ModulePath::root(), kind, label, address.key().cloned())
}

/// So many resources are named where one may have been meant.
const MOST_OFFERED: usize = 5;

/// Postconditions that are known not to hold.
fn broken_promises(block: &Block) -> Diagnostics {
    let broken = block
        .meta
        .lifecycle
        .postconditions
        .iter()
        .filter(|condition| condition.verdict == Verdict::Fails);
    let report = |condition: &Condition| {
        Diagnostic::error(CONDITION_FAILED, "postcondition does not hold")
            .at(condition.span, condition.message.clone())
            .with_values(condition.values.clone())
            .about(&block.address)
    };
    broken.map(report).collect()
}

fn keep_secrets(block: &Block, secrets: &mut Secrets) {
    let Some(kind) = kind::find(block.address.kind().as_str()) else {
        return;
    };
    for name in secret_arguments(kind.schema()) {
        let written = block.body.attributes.get(name);
        if let Some(text) = written.and_then(|written| written.value.as_text()) {
            let reference = SecretRef {
                vault: None,
                owner: block.address.clone(),
                attribute: name.to_owned(),
            };
            secrets.insert(reference, Secret::new(text));
        }
    }
}

/// Secrets in vaults of another cloud: the token of this one is nothing to them.
fn foreign_vaults(block: &Block, cloud: Cloud) -> Diagnostics {
    let Some(kind) = kind::find(block.address.kind().as_str()) else {
        return Diagnostics::new();
    };
    let written = secret_arguments(kind.schema()).filter_map(|name| block.body.attributes.get(name));
    let foreign = written.filter_map(|written| {
        let secret = written.value.vault_secret()?;
        // The simulator serves the vaults of every cloud, so that a configuration of any of them runs there.
        let is_foreign = cloud != Cloud::Simulator && secret.suffix() != cloud.vault_suffix();
        is_foreign.then(|| {
            let vault = secret.vault();
            Diagnostic::error(VAULT_SECRET, "secret in a vault of another cloud")
                .at(
                    written.span,
                    format!("`{}` is no vault of the cloud `{cloud}`", secret.host()),
                )
                .hint(format!(
                    "vaults of this cloud are named as `{vault}.{}`",
                    cloud.vault_suffix()
                ))
                .about(&block.address)
        })
    });
    foreign.collect()
}

fn secret_arguments(schema: &'static Schema) -> impl Iterator<Item = &'static str> {
    schema
        .all_arguments()
        .filter(|argument| argument.ty == ArgumentType::Secret)
        .map(|argument| argument.name)
}

/// Whether an object of that id is there is for the plan to find out.
fn refuse_other_ids(imports: &[Import], found: &mut Diagnostics) {
    for import in imports.iter().filter(|import| import.id.parse::<ArmId>().is_err()) {
        found.push(
            Diagnostic::error(NOT_IMPORTABLE, "invalid import")
                .at(import.span, "this is no ARM id: it starts with `/subscriptions/…`")
                .hint(
                    "`az resource show --query id` prints it; in the portal it is the resource id among the properties",
                )
                .about(&import.to),
        );
    }
}

/// Two resources must not look after one object: each would undo the other.
fn refuse_sharing(declarations: &[Declaration], found: &mut Diagnostics) {
    let mut owners: BTreeMap<&ArmId, &Declaration> = BTreeMap::new();
    for declaration in declarations {
        for (unit, _) in declaration.things() {
            let Term::Known(id) = &unit.id else { continue };
            if let Some(other) = owners.insert(id, declaration) {
                found.push(
                    Diagnostic::error(SAME_OBJECT, "two resources for one object")
                        .at(declaration.span, format!("this stands for `{}` too", id.name()))
                        .and_at(other.span, "this does already")
                        .detail(format!(
                            "Both {} and {} would look after {id}.",
                            other.address, declaration.address
                        ))
                        .hint("remove one of them, or one of the entries that lead to it")
                        .about(&declaration.address),
                );
            }
        }
    }
}

/// What is made carries its unit's address in a tag, by which a lost state finds it again.
fn refuse_long_addresses(declarations: &[Declaration], found: &mut Diagnostics) {
    for declaration in declarations {
        let tagged = declaration.things().filter(|(_, thing)| thing.carries_tags());
        let units = tagged.map(|(unit, _)| unit.address.to_string());
        // Migrations are numbered while planning.
        let migrations = declaration
            .batch()
            .map(|batch| batch.address.part(MOST_MIGRATIONS).to_string());
        let longest = units.chain(migrations).map(|address| address.chars().count()).max();
        let Some(length) = longest.filter(|length| *length > LONGEST_VALUE) else {
            continue;
        };
        found.push(
            Diagnostic::error(NOT_ALLOWED, "address too long")
                .at(
                    declaration.span,
                    format!("what this makes has an address of up to {length} characters"),
                )
                .detail(format!(
                    "The address is kept in a tag of what is made, and Azure takes {LONGEST_VALUE} characters."
                ))
                .hint("shorten the key in `for_each`, the label, or the labels of the modules around it")
                .about(&declaration.address),
        );
    }
}

/// No batch is dealt into more migrations.
const MOST_MIGRATIONS: usize = 9_999;

/// A target has one database of a name: two batches that move one there, from whichever server, would replace each other's.
fn refuse_rivals(declarations: &[Declaration], found: &mut Diagnostics) {
    let mut claims: BTreeMap<(&ArmId, &str), (&Declaration, SourceServer)> = BTreeMap::new();
    for declaration in declarations {
        let Some(batch) = declaration.batch() else { continue };
        let server = batch.source.server();
        let mut claimed: BTreeMap<(&Address, &str), (&Declaration, Vec<String>)> = BTreeMap::new();
        for database in &batch.databases {
            let claim = (&batch.target, database.as_str());
            let Some((other, from)) = claims.insert(claim, (declaration, server.clone())) else {
                continue;
            };
            let case = if from == server { ONE_DATABASE } else { ONE_NAME };
            let (_, both) = claimed
                .entry((&other.address, case))
                .or_insert_with(|| (other, Vec::new()));
            both.push(format!("`{database}`"));
        }
        for ((_, case), (other, both)) in claimed {
            let both = both.join(", ");
            let target = batch.target.name();
            let rival = Diagnostic::error(SAME_DATABASE, case);
            let rival = if case == ONE_DATABASE {
                rival
                    .at(
                        declaration.span,
                        format!("this moves to `{target}` what another batch moves there"),
                    )
                    .and_at(other.span, "this does already")
                    .detail(format!("Both move {both}."))
                    .hint(format!(
                        "take what both move out of {} or out of {}",
                        other.address, declaration.address
                    ))
            } else {
                rival
                    .at(
                        declaration.span,
                        format!("this moves to `{target}` what another batch moves there from another server"),
                    )
                    .and_at(other.span, "this does already")
                    .detail(format!(
                        "Both move {both}, each from its own source. A migrated database keeps its name, and a target has \
                         one of a name: the later would replace the earlier."
                    ))
                    .hint("move one of them to another target, or rename it on its source first")
            };
            found.push(rival.about(&declaration.address));
        }
    }
}

/// Two batches move the same database.
const ONE_DATABASE: &str = "database claimed twice";
/// Two batches move databases that are alike in nothing but their names.
const ONE_NAME: &str = "two databases of one name for one target";

/// Computed attributes for the evaluator: ids that follow from names, and what Azure has told.
struct KnownExports<'a> {
    defaults: &'a Defaults,
    outputs: &'a Outputs,
}

impl Exports for KnownExports<'_> {
    fn problems(&self, block: &Block, all: &[Block]) -> Diagnostics {
        let Some(kind) = kind::find(block.address.kind().as_str()) else {
            return Diagnostics::new();
        };
        let found = kind.schema().read(block).err().unwrap_or_default();
        let found = offered(found, kind.schema(), block, all.iter());
        // What could not be evaluated is not known either, which has been told.
        let mut told = Diagnostics::new();
        for problem in found.iter().filter(|problem| problem.code != NOT_KNOWN) {
            told.push(problem.clone());
        }
        told
    }

    fn attributes(&self, block: &Block) -> BTreeMap<Arc<str>, Value> {
        let Some(kind) = kind::find(block.address.kind().as_str()) else {
            return BTreeMap::new();
        };
        let schema = kind.schema();
        let mut attributes: BTreeMap<Arc<str>, Value> = schema
            .all_arguments()
            .filter(|argument| !block.body.attributes.contains_key(argument.name))
            .map(|argument| (Arc::from(argument.name), Value::null()))
            .collect();
        for export in schema.exports {
            let known = match export.from {
                ExportFrom::Id => self.id(kind, block).map(|id| Value::text(id.as_str())),
                ExportFrom::Object(_) => self.outputs.get(&block.address, export.name).map(from_json),
            };
            let value = known.unwrap_or_else(|| {
                let residual = Residual::Output {
                    resource: block.address.clone(),
                    attribute: export.name.to_owned(),
                };
                Value::open(Type::Any, residual)
            });
            attributes.insert(export.name.into(), value);
        }
        attributes
    }

    fn kinds(&self) -> Vec<&str> {
        kind::ALL.iter().map(|kind| kind.schema().kind).collect()
    }

    fn secrets(&self, kind: &KindName) -> Vec<&str> {
        kind::find(kind.as_str())
            .into_iter()
            .flat_map(|kind| secret_arguments(kind.schema()))
            .collect()
    }
}

impl KnownExports<'_> {
    /// The id that follows from the block alone. Where it hangs on another block, it is open here and known to the kind.
    fn id(&self, kind: &'static dyn kind::Kind, block: &Block) -> Option<ArmId> {
        let alone = BTreeMap::new();
        let cx = Context::new(self.defaults, &alone, self.outputs);
        let fields = kind.schema().read(block).ok()?;
        kind.expand(&fields, &cx).ok()?.units().first()?.id.known().cloned()
    }
}

/// A language value of what Azure answered.
fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::null(),
        Json::Bool(value) => Value::bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::integer(whole),
            None => Value::text(number.to_string()),
        },
        Json::String(text) => Value::text(text.as_str()),
        Json::Array(elements) => Value::tuple(elements.iter().map(from_json).collect()),
        Json::Object(members) => Value::object(
            members
                .iter()
                .map(|(key, value)| (key.as_str().into(), from_json(value)))
                .collect(),
        ),
    }
}

/// JSON of a language value, where every part of it is known and may be seen.
pub fn to_json(value: &Value) -> Option<Json> {
    if value.marks.hide() {
        return None;
    }
    match &value.shape {
        Shape::Null(_) => Some(Json::Null),
        Shape::Bool(value) => Some(Json::Bool(*value)),
        Shape::Number(number) => {
            Some(serde_json::from_str(&number.to_string()).unwrap_or_else(|_| Json::String(number.to_string())))
        }
        Shape::Text(text) => Some(Json::String(text.to_string())),
        Shape::List(elements, _) | Shape::Set(elements, _) | Shape::Tuple(elements) => elements
            .iter()
            .map(to_json)
            .collect::<Option<Vec<Json>>>()
            .map(Json::Array),
        Shape::Map(entries, _) | Shape::Object(entries) => members(entries),
        Shape::Resource(resource) => members(&resource.attributes),
        Shape::Unknown(_) => None,
    }
}

fn members(entries: &BTreeMap<Arc<str>, Value>) -> Option<Json> {
    let members = entries
        .iter()
        .map(|(key, value)| Some((key.to_string(), to_json(value)?)));
    members
        .collect::<Option<serde_json::Map<String, Json>>>()
        .map(Json::Object)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::arm::Cloud;
    use crate::config::{Sources, Supplied, UnsetSensitive, parse};
    use crate::diagnostic::code::LITERAL_SECRET;

    const GROUP: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data";

    fn program(text: &str) -> Program {
        program_given(text, &[])
    }

    fn program_given(text: &str, variables: &[(&str, &str)]) -> Program {
        let mut sources = Sources::from_texts([("main.hcl", text)]);
        let supplied = Supplied {
            assignments: Vec::new(),
            environment: variables
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect(),
            meant_for_terraform: std::collections::BTreeSet::new(),
            unset_sensitive: UnsetSensitive::MadeUp,
            cwd: ".".to_owned(),
        };
        Program {
            configuration: parse(&mut sources).unwrap(),
            inputs: Inputs::gather(&mut sources, &supplied).unwrap(),
            defaults: Defaults {
                cloud: Cloud::Simulator,
                subscription: "00000000-0000-4000-8000-000000000001".parse().ok(),
                tenant: None,
                resource_group: Some("rg-data".into()),
                location: Some("westeurope".into()),
                tags: BTreeMap::new(),
            },
        }
    }

    fn quickstart() -> Program {
        program(include_str!("../../examples/quickstart/main.hcl"))
    }

    fn units(graph: &Graph) -> Vec<String> {
        let things = graph.iter().flat_map(Declaration::things);
        things
            .map(|(unit, _)| match &unit.id {
                Term::Known(id) => format!("{} {}", unit.address, id.name()),
                Term::Open(_) => format!("{} (open)", unit.address),
            })
            .collect()
    }

    #[test]
    fn a_link_in_a_zone_that_azure_chose_is_open_until_azure_has_told() {
        let program = quickstart();
        let before = units(&program.declare(&Outputs::default()).unwrap().graph);
        assert!(
            before.contains(&"dns_link.runtime_zone#target (open)".to_owned()),
            "{before:#?}"
        );
        let mut outputs = Outputs::default();
        let zone = format!("{GROUP}/providers/Microsoft.Network/privateDnsZones/x.private.postgres.database.azure.com");
        outputs.insert(
            &"runtime_server.shared".parse().unwrap(),
            "private_dns_zone_id",
            Json::String(zone),
        );
        assert_eq!(
            units(&program.declare(&outputs).unwrap().graph),
            [
                "dns_link.endpoint#runtime vnet-runtime-link",
                "dns_link.endpoint#target vnet-target-link",
                "dns_link.runtime_zone#onprem_hub vnet-hub-link",
                "dns_link.runtime_zone#target vnet-target-link",
                "dns_zone.endpoint privatelink.postgres.database.azure.com",
                "vnet_peering.hub_runtime#forward vnet-hub-to-vnet-runtime",
                "vnet_peering.hub_runtime#reverse vnet-runtime-to-vnet-hub",
                "vnet_peering.runtime_target#forward vnet-runtime-to-vnet-target",
                "vnet_peering.runtime_target#reverse vnet-target-to-vnet-runtime",
            ]
        );
    }

    #[test]
    fn a_batch_waits_for_everything_on_its_way_and_says_why() {
        let declared = quickstart().declare(&Outputs::default()).unwrap();
        let needs: Vec<String> = declared
            .graph
            .needs(&"database_batch.wave1".parse().unwrap())
            .iter()
            .map(|need| format!("{}: {:?}", need.on, need.because))
            .collect();
        assert!(
            needs.contains(&"vnet_peering.hub_runtime: Path(\"it connects vnet-hub and vnet-runtime\")".to_owned()),
            "{needs:#?}"
        );
        assert!(
            needs.iter().any(|need| need.starts_with("dns_link.endpoint: Path")),
            "{needs:#?}"
        );
    }

    #[test]
    fn passwords_are_kept_apart_from_what_is_declared() {
        let declared = quickstart().declare(&Outputs::default()).unwrap();
        let secrets: Vec<String> = declared
            .secrets
            .iter()
            .map(|(reference, _)| reference.to_string())
            .collect();
        assert_eq!(secrets, ["source.erp.password", "target.erp.admin_password"]);
    }

    /// A file or a variable that nobody marked can hold a password, too.
    #[test]
    fn what_is_read_from_a_password_is_sensitive_wherever_it_comes_from() {
        let text = include_str!("../../examples/quickstart/main.hcl")
            .replace("password = var.erp_password", "password = var.plain")
            + "\nvariable \"plain\" {}\n";
        let outputs = |more: &str| {
            let program = program_given(&(text.clone() + more), &[("plain", "hunter2")]);
            let found = program.declare(&Outputs::default()).err();
            found.map(|found| found.iter().map(|found| found.code).collect::<Vec<_>>())
        };
        assert_eq!(outputs(""), None);
        for value in [
            "source.erp.password",
            "\"${source.erp.password}!\"",
            "source.erp",
            "[for name, value in source.erp : value]",
        ] {
            let refused = outputs(&format!("output \"shown\" {{ value = {value} }}\n"));
            assert_eq!(refused, Some(vec![crate::lang::code::SENSITIVE_OUTPUT]), "{value}");
        }
    }

    #[test]
    fn a_password_that_the_configuration_tells_everybody_is_refused() {
        let codes = |password: &str, given: &[(&str, &str)]| {
            let text = include_str!("../../examples/quickstart/main.hcl").replacen(
                "password = var.erp_password",
                &format!("password = {password}"),
                1,
            ) + "\nvariable \"plain\" { default = \"hunter2\" }\nlocals { pw = \"hunter2\" }\n";
            let found = program_given(&text, given).declare(&Outputs::default()).err();
            // The batch reads the source, too, and says the same.
            found.map(|found| found.iter().map(|found| found.code).collect::<BTreeSet<_>>())
        };
        for password in [
            "\"hunter2\"",
            "sensitive(\"hunter2\")",
            "local.pw",
            "sensitive(\"${local.pw}!\")",
            "var.plain",
        ] {
            assert_eq!(
                codes(password, &[]),
                Some(BTreeSet::from([LITERAL_SECRET])),
                "{password}"
            );
        }
        assert_eq!(codes("var.plain", &[("plain", "given")]), None);
    }

    #[test]
    fn a_password_of_a_wrong_type_is_not_quoted() {
        for password in ["[var.plain]", "{ a = var.plain }", "[[var.plain]]"] {
            let text = include_str!("../../examples/quickstart/main.hcl").replacen(
                "password = var.erp_password",
                &format!("password = {password}"),
                1,
            ) + "\nvariable \"plain\" {}\n";
            let program = program_given(&text, &[("plain", "hunter2")]);
            let found = program.declare(&Outputs::default()).err().unwrap();
            assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
        }
    }

    #[test]
    fn two_batches_must_not_claim_one_database_of_one_target() {
        let text = include_str!("../../examples/quickstart/main.hcl").to_owned()
            + "\ndatabase_batch \"rival\" {\n  source = source.erp\n  target = target.erp\n  databases = [\"hrdb\", \"crmdb\"]\n}\n";
        let found = program(&text).declare(&Outputs::default()).err().unwrap();
        let details: Vec<Option<&str>> = found.iter().map(|found| found.detail.as_deref()).collect();
        assert_eq!(details, [Some("Both move `hrdb`, `crmdb`.")]);
    }

    #[test]
    fn another_login_on_the_same_server_is_no_way_to_claim_a_database_twice() {
        let text = include_str!("../../examples/quickstart/main.hcl").to_owned()
            + "\nsource \"again\" {\n  type = \"on_premises\"\n  host = source.erp.host\n  username = \"other\"\n  \
               password = var.erp_password\n}\n\
               database_batch \"rival\" {\n  source = source.again\n  target = target.erp\n  databases = [\"hrdb\"]\n}\n";
        let found = program(&text).declare(&Outputs::default()).err().unwrap();
        let summaries: Vec<&str> = found.iter().map(|found| found.summary.as_str()).collect();
        assert_eq!(summaries, ["database claimed twice"]);
    }

    /// What is said of the one thing that is wrong.
    fn refusal(text: &str) -> (String, String) {
        let found = program(text).declare(&Outputs::default()).err().expect(text);
        let first = found.iter().next().unwrap();
        (first.summary.clone(), first.primary.clone().unwrap().text)
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_an_id() {
        let networks = "network \"a\" { name = \"vnet-a\" }\nnetwork \"b\" { name = \"vnet-b\" }\n";
        for text in [
            "network \"x\" { name = \"vnet-hub/subnets/default\" }\n".to_owned(),
            format!(
                "{networks}vnet_peering \"p\" {{\n  from = network.a\n  to = network.b\n  forward_name = \"a/virtualNetworkPeerings/c\"\n}}\n"
            ),
        ] {
            let (summary, label) = refusal(&text);
            assert_eq!(summary, "value not allowed", "{text}");
            assert!(label.starts_with("a name is 1 to 80"), "{label}");
        }
        let (summary, label) =
            refusal("network \"x\" {\n  name = \"a\"\n  resource_group = \"rg-data/providers/x\"\n}\n");
        assert_eq!(summary, "value not allowed");
        assert!(label.starts_with("a resource group's name"), "{label}");
    }

    #[test]
    fn names_that_follow_stay_within_their_types_limit_or_tell_the_way_out() {
        let long = "a".repeat(80);
        let zone = format!("{}.example.org", ["b"; 60].join("."));
        let networks = format!("network \"a\" {{ name = \"{long}\" }}\nnetwork \"b\" {{ name = \"vnet-b\" }}\n");
        let link = format!(
            "{networks}dns_zone \"z\" {{ name = \"{zone}\" }}\ndns_link \"l\" {{\n  zone = dns_zone.z\n  networks = [network.a]\n}}\n"
        );
        let declared = program(&link).declare(&Outputs::default()).unwrap();
        let names = units(&declared.graph);
        assert!(
            names[0].ends_with("-link") && names[0].len() == "dns_link.l#a ".len() + 80,
            "{names:#?}"
        );
        let peering = format!("{networks}vnet_peering \"p\" {{\n  from = network.a\n  to = network.b\n}}\n");
        let found = program(&peering).declare(&Outputs::default()).err().unwrap();
        let first = found.iter().next().unwrap();
        assert!(
            first.hints.iter().any(|hint| hint.contains("`forward_name`")),
            "{first:?}"
        );
    }

    #[test]
    fn an_argument_that_would_be_ignored_is_refused() {
        let networks = "network \"a\" { name = \"vnet-a\" }\nnetwork \"b\" { name = \"vnet-b\" }\n";
        let tenant = "00000000-0000-4000-8000-00000000aaaa";
        let peering = format!("{networks}vnet_peering \"p\" {{\n  from = network.a\n  to = network.b\n");
        for (text, label) in [
            (
                format!("network \"x\" {{\n  name = \"vnet\"\n  tenant_id = \"{tenant}\"\n}}\n"),
                "`network` takes no `tenant_id` of its own yet",
            ),
            (
                "network \"x\" {\n  name = \"vnet\"\n  location = \"westeurope\"\n}\n".into(),
                "`network` takes no `location` of its own yet",
            ),
            (
                format!("{peering}  resource_group = \"rg\"\n}}\n"),
                "`vnet_peering` takes no `resource_group` of its own yet",
            ),
            (
                format!(
                    "network \"x\" {{\n  vnet_id = \"{GROUP}/providers/Microsoft.Network/virtualNetworks/v\"\n  resource_group = \"rg\"\n}}\n"
                ),
                "`vnet_id` already says which object it is",
            ),
        ] {
            assert_eq!(refusal(&text).1, label, "{text}");
        }
        let (_, label) = refusal("network \"x\" {\n  name = \"vnet\"\n  subscription_id = \"mine\"\n}\n");
        assert!(label.contains("is not a GUID"), "{label}");
        let source = include_str!("../../examples/quickstart/main.hcl").replace(
            "username = \"migrator\"\n",
            "username = \"migrator\"\n  connect { host = \"db:5433\" }\n",
        );
        let (_, label) = refusal(&source);
        assert!(label.starts_with("`db:5433` is not a host name"), "{label}");
    }
}
