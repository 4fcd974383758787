//! The `pgferry` and `azure` blocks. They are evaluated before anything else, from variables and locals alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use crate::block::{Attribute, Body, Literal, Nested, Waiver, Wording};
use crate::config::declare::{Declarations, Level, Named, PLAIN_BLOCKS, Site, unknown_argument};
use crate::config::fold::local;
use crate::config::forms;
use crate::config::module::Configuration;
use crate::config::parse::{RawAttribute, RawBlock, RawBody};
use crate::config::scope::{Here, Room};
use crate::config::variables::Inputs;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, Spanned};
use crate::kind::schema::Need;
use crate::kind::tags;
use crate::lang::code;
use crate::lang::convert::convert;
use crate::lang::eval::{Evaluator, shown};
use crate::lang::expr::Expr;
use crate::lang::order;
use crate::lang::value::{Shape, Type, Value};
use crate::lang::vault;

/// What a run needs to know before it looks at resources.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The `pgferry` block.
    pub pgferry: PgferryBlock,
    /// The `azure` block.
    pub azure: AzureBlock,
    /// The `preflight` block.
    pub preflight: PreflightBlock,
}

/// The `preflight` block.
#[derive(Clone, Debug, Default)]
pub struct PreflightBlock {
    /// Its `waive` blocks.
    pub waivers: Vec<Waiver>,
}

/// The `pgferry` block.
#[derive(Clone, Debug, Default)]
pub struct PgferryBlock {
    /// Which versions of pgferry may work on the configuration.
    pub required_version: Option<Spanned<String>>,
    /// Where state is kept.
    pub state: Option<StateBlock>,
    /// How state is encrypted.
    pub encryption: Option<EncryptionBlock>,
    /// The header, when there is such a block.
    pub span: Option<Span>,
}

/// The `state` block.
#[derive(Clone, Debug)]
pub struct StateBlock {
    /// Which backend.
    pub backend: Spanned<String>,
    /// Its settings.
    pub body: Body,
    /// The header.
    pub span: Span,
}

/// The `encryption` block.
#[derive(Clone, Debug)]
pub struct EncryptionBlock {
    /// Its settings.
    pub body: Body,
    /// The header.
    pub span: Span,
}

/// The `azure` block.
#[derive(Clone, Debug, Default)]
pub struct AzureBlock {
    /// Which cloud.
    pub cloud: Option<Spanned<String>>,
    /// The seed of the simulator's world.
    pub world: Option<Spanned<String>>,
    /// The subscription of resources that name none.
    pub subscription_id: Option<Spanned<String>>,
    /// The tenant of resources that name none.
    pub tenant_id: Option<Spanned<String>>,
    /// Further tenants that subscriptions of the project belong to.
    pub auxiliary_tenant_ids: Option<Spanned<Vec<String>>>,
    /// The resource group of resources that name none.
    pub resource_group: Option<Spanned<String>>,
    /// The location of resources that name none.
    pub location: Option<Spanned<String>>,
    /// Tags of everything that is created.
    pub tags: Option<Spanned<BTreeMap<String, String>>>,
    /// The header, when there is such a block.
    pub span: Option<Span>,
}

/// Evaluates the settings. Problems elsewhere in the configuration are left to `fold`.
///
/// # Errors
/// All that is wrong with the settings and with what they refer to.
pub fn settings(configuration: &Configuration, inputs: &Inputs) -> Result<Settings, Diagnostics> {
    let raw = configuration.root.as_slice();
    // Whether a kind exists is for others to say; here every block with another name may be a resource.
    let kinds: BTreeSet<&str> = raw
        .iter()
        .map(|block| &*block.kind.value)
        .filter(|kind| !PLAIN_BLOCKS.contains(kind))
        .collect();
    let (all, mut declaring) =
        Declarations::collect((raw, &configuration.lost), kinds.into_iter().collect(), Level::Root);
    let (room, problems) = Room::root(&all, inputs);
    declaring.extend(problems);
    let mut reading = Reading {
        room: &room,
        found: Diagnostics::new(),
        stuck: false,
        locals: BTreeMap::new(),
    };
    let mut settings = Settings::default();
    if let Some(block) = reading.only(raw, "pgferry") {
        settings.pgferry = reading.pgferry(block);
    }
    if let Some(block) = reading.only(raw, "azure") {
        settings.azure = reading.azure(block);
    }
    if let Some(block) = reading.only(raw, "preflight") {
        settings.preflight = reading.preflight(block);
    }
    let Reading { mut found, stuck, .. } = reading;
    if stuck && !found.has_errors() {
        found.extend(declaring);
    }
    found.or(settings).map(|(settings, _)| settings)
}

struct Reading<'s, 'r> {
    room: &'s Room<'r>,
    found: Diagnostics,
    /// Whether a value is missing for a reason that lies in a declaration.
    stuck: bool,
    locals: BTreeMap<usize, Visit>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Entered,
    Done,
}

impl<'r> Reading<'_, 'r> {
    fn only(&mut self, raw: &'r [RawBlock], kind: &str) -> Option<&'r RawBlock> {
        let mut blocks = raw.iter().filter(|block| &*block.kind.value == kind);
        let first = blocks.next()?;
        for second in blocks {
            self.found.push(
                Diagnostic::error(code::DUPLICATE_BLOCK, "declared twice")
                    .at(second.header, format!("there is one `{kind}` block already"))
                    .and_at(first.header, "first declared here"),
            );
        }
        if let Some(label) = first.labels.first() {
            let text = format!("`{kind}` takes no label");
            self.found
                .push(Diagnostic::error(code::LABELS, "wrong labels").at(label.span, text));
        }
        Some(first)
    }

    fn pgferry(&mut self, block: &RawBlock) -> PgferryBlock {
        let mut settings = PgferryBlock {
            span: Some(block.header),
            ..PgferryBlock::default()
        };
        for attribute in &block.body.attributes {
            match &*attribute.name.value {
                "required_version" => settings.required_version = self.text(&attribute.expr),
                _ => self
                    .found
                    .push(unknown_argument(&attribute.name, "pgferry", &forms::PGFERRY.names())),
            }
        }
        for nested in &block.body.blocks {
            match &*nested.kind.value {
                "state" if settings.state.is_some() => self.found.push(
                    Diagnostic::error(code::DUPLICATE_BLOCK, "declared twice")
                        .at(nested.header, "there is one `state` block already"),
                ),
                "state" => settings.state = self.state(nested),
                "encryption" if settings.encryption.is_some() => self.found.push(
                    Diagnostic::error(code::DUPLICATE_BLOCK, "declared twice")
                        .at(nested.header, "there is one `encryption` block already"),
                ),
                "encryption" => settings.encryption = self.encryption(nested),
                "backend" | "cloud" => self
                    .found
                    .push(unknown_argument(&nested.kind, "pgferry", &[]).hint(format!(
                        "where state is kept stands in a `state` block: `state \"{}\" {{ … }}`",
                        match nested.labels.first().map(|label| &*label.value) {
                            Some("azurerm") => "azure_blob",
                            Some("pg") => "postgres",
                            Some(_) | None => "local",
                        }
                    ))),
                "required_providers" => self
                    .found
                    .push(unknown_argument(&nested.kind, "pgferry", &[]).hint("there are no providers: leave it out")),
                _ => self
                    .found
                    .push(unknown_argument(&nested.kind, "pgferry", &forms::PGFERRY.names())),
            }
        }
        settings
    }

    fn state(&mut self, block: &RawBlock) -> Option<StateBlock> {
        let [backend] = block.labels.as_slice() else {
            let text = "one label names the backend: `state \"local\" {}`";
            self.found
                .push(Diagnostic::error(code::LABELS, "wrong labels").at(block.header, text));
            return None;
        };
        // Which backends there are, and which arguments go with which, is for whoever opens it to say.
        Some(StateBlock {
            backend: Spanned {
                value: backend.value.to_string(),
                span: backend.span,
            },
            body: self.body(&block.body),
            span: block.header,
        })
    }

    fn encryption(&mut self, block: &RawBlock) -> Option<EncryptionBlock> {
        if let Some(label) = block.labels.first() {
            self.found
                .push(Diagnostic::error(code::LABELS, "wrong labels").at(label.span, "`encryption` takes no label"));
            return None;
        }
        let known: Vec<&str> = forms::ENCRYPTION.iter().map(|slot| slot.name).collect();
        let attributes = block.body.attributes.iter().map(|attribute| &attribute.name);
        let unknown = attributes.filter(|name| !known.contains(&&*name.value));
        for name in unknown.chain(block.body.blocks.iter().map(|nested| &nested.kind)) {
            self.found.push(unknown_argument(name, "encryption", &known));
        }
        Some(EncryptionBlock {
            body: self.body(&block.body),
            span: block.header,
        })
    }

    fn body(&mut self, raw: &RawBody) -> Body {
        let mut attributes = BTreeMap::new();
        for attribute in &raw.attributes {
            let value = self.value(&attribute.expr).unwrap_or_else(|| Value::unknown(Type::Any));
            let evaluated = Attribute {
                name: attribute.name.span,
                span: attribute.expr.span,
                value,
                literal: if attribute.expr.is_written() {
                    Literal::Written
                } else {
                    Literal::Derived
                },
                wording: Wording::default(),
            };
            attributes.insert(Arc::clone(&attribute.name.value), evaluated);
        }
        let nested = |nested: &RawBlock| Nested {
            name: nested.kind.value.clone(),
            span: nested.kind.span,
            body: self.body(&nested.body),
        };
        let blocks = raw.blocks.iter().map(nested).collect();
        Body {
            span: raw.span,
            attributes,
            blocks,
        }
    }

    fn azure(&mut self, block: &RawBlock) -> AzureBlock {
        let mut settings = AzureBlock {
            span: Some(block.header),
            ..AzureBlock::default()
        };
        for attribute in &block.body.attributes {
            let expr = &attribute.expr;
            match &*attribute.name.value {
                "cloud" => settings.cloud = self.shown("cloud", expr),
                "world" => settings.world = self.shown("world", expr),
                "subscription_id" => settings.subscription_id = self.shown("subscription_id", expr),
                "tenant_id" => settings.tenant_id = self.shown("tenant_id", expr),
                "auxiliary_tenant_ids" => {
                    settings.auxiliary_tenant_ids = Some(Spanned {
                        value: self.texts(expr),
                        span: expr.span,
                    });
                }
                "resource_group" => settings.resource_group = self.shown("resource_group", expr),
                "location" => settings.location = self.shown("location", expr),
                "tags" => settings.tags = self.tags(expr),
                _ => self
                    .found
                    .push(unknown_argument(&attribute.name, "azure", &forms::AZURE.names())),
            }
        }
        for nested in &block.body.blocks {
            let name = &nested.kind.value;
            self.found.push(if forms::AZURE.has(name) {
                unknown_argument(&nested.kind, "azure", &[])
                    .hint(format!("`{name}` is an argument: write `{name} = …`"))
            } else {
                unknown_argument(&nested.kind, "azure", &forms::AZURE.names())
            });
        }
        settings
    }

    fn preflight(&mut self, block: &RawBlock) -> PreflightBlock {
        let names = forms::PREFLIGHT.names();
        for attribute in &block.body.attributes {
            self.found.push(unknown_argument(&attribute.name, "preflight", &names));
        }
        let no_dynamic = |nested: &RawBlock| {
            Diagnostic::error(code::META_ARGUMENT, "invalid dynamic block")
                .at(nested.header, "`dynamic` only makes blocks of resources")
                .hint("write each `waive` block out: somebody answers for every one")
        };
        let mut waivers = Vec::new();
        for nested in &block.body.blocks {
            if &*nested.kind.value == "waive" {
                waivers.extend(self.waiver(nested));
            } else if &*nested.kind.value == "dynamic" {
                self.found.push(no_dynamic(nested));
            } else {
                self.found.push(unknown_argument(&nested.kind, "preflight", &names));
            }
        }
        PreflightBlock { waivers }
    }

    fn waiver(&mut self, block: &RawBlock) -> Option<Waiver> {
        let [label] = block.labels.as_slice() else {
            let text = "one label names the rule: `waive \"PF085\" { … }`";
            self.found
                .push(Diagnostic::error(code::LABELS, "wrong labels").at(block.header, text));
            return None;
        };
        let is_rule = |known: &&code::Explanation| known.code.as_str().starts_with("PF");
        let rule = code::find(&label.value).filter(is_rule);
        if rule.is_none() {
            let rules = code::ALL.iter().filter(is_rule).map(|known| known.code.as_str());
            self.found.push(
                Diagnostic::error(code::NOT_ALLOWED, "value not allowed")
                    .at(label.span, "preflight has no rule of this code")
                    .suggest(&label.value, rules)
                    .hint("`pgferry explain` lists all codes; those of preflight begin with PF"),
            );
        }
        let names = forms::WAIVE.names();
        let (mut owner, mut reason, mut until, mut databases) = (None, None, None, Vec::new());
        for attribute in &block.body.attributes {
            match &*attribute.name.value {
                "owner" => owner = self.text(&attribute.expr),
                "reason" => reason = self.text(&attribute.expr),
                "until" => until = self.date(&attribute.expr),
                "databases" => databases = self.texts(&attribute.expr),
                _ => self.found.push(unknown_argument(&attribute.name, "waive", &names)),
            }
        }
        for nested in &block.body.blocks {
            self.found.push(unknown_argument(&nested.kind, "waive", &names));
        }
        for slot in forms::WAIVE.slots.iter().filter(|slot| slot.need == Need::Required) {
            let given = |given: &RawAttribute| &*given.name.value == slot.name;
            if !block.body.attributes.iter().any(given) {
                self.found.push(
                    Diagnostic::error(code::MISSING_ARGUMENT, "missing argument")
                        .at(block.header, format!("`waive` needs `{}`", slot.name))
                        .detail(slot.doc),
                );
            }
        }
        Some(Waiver {
            code: rule?.code,
            owner: owner?.value,
            reason: reason?.value,
            until: until?,
            databases,
            span: block.header,
        })
    }

    fn date(&mut self, expr: &Expr) -> Option<Date> {
        let text = self.text(expr)?;
        let date = text.value.parse::<Date>().ok();
        if date.is_none() {
            self.found.push(
                Diagnostic::error(code::NOT_ALLOWED, "value not allowed")
                    .at(text.span, "expected a day such as `2027-01-31`"),
            );
        }
        date
    }

    fn texts(&mut self, expr: &Expr) -> Vec<String> {
        let Some(value) = self.value(expr) else {
            return Vec::new();
        };
        let texts: Option<Vec<String>> = value.elements().and_then(|elements| {
            elements
                .iter()
                .map(|element| Some(element.as_text()?.to_owned()))
                .collect()
        });
        if texts.is_none() {
            self.wrong(
                expr.span,
                format!("a list of known strings is required, this is {}", shown(&value)),
            );
        }
        texts.unwrap_or_default()
    }

    /// The value of an expression over variables and locals.
    fn value(&mut self, expr: &Expr) -> Option<Value> {
        self.enter_locals(expr);
        let here = Here::new(self.room, Site::EARLY);
        let evaluator = Evaluator::new(&here, &self.room.inputs.door);
        let value = evaluator.eval(expr);
        self.found.extend(evaluator.take_found());
        self.stuck |= value.is_err();
        value.ok()
    }

    /// Evaluates the locals that an expression needs, those first that others need.
    fn enter_locals(&mut self, expr: &Expr) {
        let mut waiting = self.locals_of(expr);
        while let Some(at) = waiting.last().copied() {
            match self.locals.get(&at) {
                None => {
                    self.locals.insert(at, Visit::Entered);
                    let needed = self.room.all.locals.get(at).map(|(_, expr)| self.locals_of(expr));
                    waiting.extend(needed.unwrap_or_default());
                }
                Some(Visit::Entered) => {
                    self.locals.insert(at, Visit::Done);
                    self.found.extend(local(self.room, at, Site::EARLY));
                    waiting.pop();
                }
                Some(Visit::Done) => {
                    waiting.pop();
                }
            }
        }
    }

    fn locals_of(&self, expr: &Expr) -> Vec<usize> {
        let mut locals = Vec::new();
        expr.references(&mut |reference, _| {
            if let Ok(Named::Local(at)) = self.room.all.named(reference, Site::EARLY)
                && !self.locals.contains_key(&at)
            {
                locals.push(at);
            }
        });
        locals
    }

    fn wrong(&mut self, span: Span, text: String) {
        self.found
            .push(Diagnostic::error(code::CONVERSION, "wrong type").at(span, text));
    }

    fn text(&mut self, expr: &Expr) -> Option<Spanned<String>> {
        let value = self.value(expr)?;
        if value.is_null() {
            return None;
        }
        let text = convert(&value, &Type::String).ok();
        let text = text.as_ref().and_then(Value::as_text).map(str::to_owned);
        if text.is_none() {
            self.wrong(
                expr.span,
                format!("a known string is required, this is {}", shown(&value)),
            );
        }
        text.map(|value| Spanned { value, span: expr.span })
    }

    /// A text of the `azure` block, which stands in ids and so in plans.
    fn shown(&mut self, name: &str, expr: &Expr) -> Option<Spanned<String>> {
        let value = self.value(expr)?;
        if vault::hangs_on_vault(&value) {
            self.found.push(vault::refused(expr.span));
            return None;
        }
        if order::deep_marks(&value).sensitive {
            self.found.push(
                Diagnostic::error(code::SENSITIVE_SHOWN, "sensitive value where it would be shown")
                    .at(expr.span, format!("`{name}` is stored and shown in plans"))
                    .hint("wrap it in `nonsensitive(…)` if it may be seen"),
            );
            return None;
        }
        self.text(expr)
    }

    fn tags(&mut self, expr: &Expr) -> Option<Spanned<BTreeMap<String, String>>> {
        let value = self.value(expr)?;
        if value.is_null() {
            return None;
        }
        if order::deep_marks(&value).ephemeral {
            self.found.push(
                Diagnostic::error(code::EPHEMERAL_KEPT, "ephemeral value where it would be kept")
                    .at(
                        expr.span,
                        "`tags` are written on everything that is created, and kept in the state",
                    )
                    .hint("take them from something that is not ephemeral"),
            );
            return None;
        }
        if vault::hangs_on_vault(&value) {
            self.found.push(vault::refused(expr.span));
            return None;
        }
        if order::deep_marks(&value).sensitive {
            self.found.push(
                Diagnostic::error(code::SENSITIVE_SHOWN, "sensitive value where it would be shown")
                    .at(expr.span, "`tags` are stored and shown in plans")
                    .hint("wrap it in `nonsensitive(…)` if it may be seen"),
            );
            return None;
        }
        let tags = convert(&value, &Type::Map(Type::String.into()))
            .ok()
            .and_then(|map| match &map.shape {
                Shape::Map(entries, _) => entries
                    .iter()
                    .map(|(name, value)| Some((name.to_string(), value.as_text()?.to_owned())))
                    .collect::<Option<BTreeMap<_, _>>>(),
                _ => None,
            });
        if tags.is_none() {
            self.wrong(
                expr.span,
                format!("a map of known strings is required, this is {}", shown(&value)),
            );
        }
        for problem in tags.iter().flat_map(tags::problems) {
            self.found
                .push(Diagnostic::error(code::NOT_ALLOWED, "value not allowed").at(expr.span, problem));
        }
        tags.map(|value| Spanned { value, span: expr.span })
    }
}
