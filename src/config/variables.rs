//! Variables: what is declared of them, what the operator gives, and the values that come of both.
//!
//! The environment is not read here; whoever starts a run passes it in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::block::Literal;
use crate::config::forms;
use crate::config::parse::{RawAttribute, RawBlock, parse_values};
use crate::config::source::{Door, Role, Sources};
use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Span};
use crate::lang::Marks;
use crate::lang::code;
use crate::lang::convert::convert;
use crate::lang::expr::{Expr, Name};
use crate::lang::order;
use crate::lang::syntax;
use crate::lang::types::{constant, constraint, written};
use crate::lang::value::{Type, Value};

/// The beginning of the names of environment variables that give values.
const ENVIRONMENT_PREFIX: &str = "PGFERRY_VAR_";

/// Names that the call of a module needs for itself.
const RESERVED: [&str; 8] = [
    "source",
    "version",
    "providers",
    "count",
    "for_each",
    "lifecycle",
    "depends_on",
    "locals",
];

/// What a sensitive variable without a value evaluates to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsetSensitive {
    /// To something unknown: who only plans or validates needs no passwords.
    Unknown,
    /// To a text made up for the purpose, as the simulator accepts any.
    MadeUp,
    /// It is an error.
    Refuse,
}

/// What the operator says on the command line, in order: later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// `--var name=value`
    Value {
        /// The name.
        name: String,
        /// The text after the equals sign.
        text: String,
    },
    /// `--var-file path`
    File(PathBuf),
}

/// Everything that gives values to variables besides the files that are taken up by their name.
#[derive(Clone, Debug)]
pub struct Supplied {
    /// From the command line.
    pub assignments: Vec<Assignment>,
    /// From the environment: the names without `PGFERRY_VAR_`.
    pub environment: BTreeMap<String, String>,
    /// What the environment holds for Terraform: the names without `TF_VAR_`. It gives no values here.
    pub meant_for_terraform: BTreeSet<String>,
    /// What to do without a password.
    pub unset_sensitive: UnsetSensitive,
    /// The directory where the operator stands, for `path.cwd`.
    pub cwd: String,
}

/// The values that are given, the strongest of each name.
pub struct Inputs {
    given: BTreeMap<Arc<str>, Given>,
    pub(super) unset_sensitive: UnsetSensitive,
    /// What would give values in Terraform, but not here: the names without `TF_VAR_`.
    meant_for_terraform: BTreeSet<String>,
    /// Names of files that look as if they gave values.
    not_read: Vec<String>,
    /// Whether a file could not be read that may give values, too.
    lost: bool,
    pub(super) cwd: Arc<str>,
    pub(super) door: Door,
}

struct Given {
    content: Content,
    origin: Origin,
}

enum Content {
    /// A text whose meaning hangs on the variable's type, and the file that stands for it.
    Text(FileId, Arc<str>),
    Expr(Expr),
}

#[derive(Clone, Copy)]
enum Origin {
    Environment,
    File(Span),
    Argument,
}

/// What is declared of a variable.
pub(super) struct Declared<'r> {
    pub(super) name: Name,
    pub(super) block: &'r RawBlock,
    ty: Option<Type>,
    default: Option<Value>,
    marks: Marks,
    nullable: bool,
}

impl Inputs {
    /// Gathers what is given, the strongest last: environment, `pgferry.vars.hcl`, `*.auto.vars.hcl` by name, command
    /// line in order.
    ///
    /// # Errors
    /// When a file cannot be read or is not well formed.
    pub fn gather(sources: &mut Sources, supplied: &Supplied) -> Result<Self, Diagnostics> {
        let (inputs, found) = Self::gathered(sources, supplied);
        found.or(inputs).map(|(inputs, _)| inputs)
    }

    /// The same where something is wrong: whatever could be read, beside all that is wrong with the rest.
    pub fn gathered(sources: &mut Sources, supplied: &Supplied) -> (Self, Diagnostics) {
        let mut inputs = Self {
            given: BTreeMap::new(),
            unset_sensitive: supplied.unset_sensitive,
            meant_for_terraform: supplied.meant_for_terraform.clone(),
            not_read: sources.values_not_read().into_iter().map(str::to_owned).collect(),
            lost: false,
            cwd: supplied.cwd.as_str().into(),
            door: sources.door(),
        };
        let unreadable = sources.unreadable(".").iter();
        let unreadable = unreadable.filter(|file| file.role == Role::AutomaticVariables);
        let mut found: Diagnostics = unreadable.map(super::module::unreadable_file).collect();
        for (name, text) in &supplied.environment {
            let file = sources.add_value(format!("<{ENVIRONMENT_PREFIX}{name}>"), text);
            inputs.insert(name, Content::Text(file, text.as_str().into()), Origin::Environment);
        }
        let mut automatic: Vec<_> = sources.of_role(Role::AutomaticVariables).map(|(id, _)| id).collect();
        let is_plain = |id: &FileId| {
            sources
                .file(*id)
                .is_some_and(|file| file.name.starts_with("pgferry.vars."))
        };
        automatic.sort_by_key(|id| (!is_plain(id), id.0));
        for id in automatic {
            inputs.take_file(sources, id, &mut found);
        }
        for assignment in &supplied.assignments {
            match assignment {
                Assignment::Value { name, text } => {
                    let file = sources.add_value(format!("<value of --var {name}>"), text);
                    inputs.insert(name, Content::Text(file, text.as_str().into()), Origin::Argument);
                }
                Assignment::File(path) => match sources.add_variable_file(path) {
                    Ok(id) => inputs.take_file(sources, id, &mut found),
                    Err(error) => found.push(
                        Diagnostic::error(code::VARIABLE_FILE, "a file of variable values cannot be read")
                            .detail(error.to_string()),
                    ),
                },
            }
        }
        inputs.lost = found.has_errors();
        (inputs, found)
    }

    /// The same, with another answer to what an unset sensitive variable is.
    #[must_use]
    pub fn with_unset_sensitive(mut self, unset_sensitive: UnsetSensitive) -> Self {
        self.unset_sensitive = unset_sensitive;
        self
    }

    /// Nothing given.
    pub fn none(sources: &Sources) -> Self {
        Self {
            given: BTreeMap::new(),
            unset_sensitive: UnsetSensitive::Unknown,
            meant_for_terraform: BTreeSet::new(),
            not_read: Vec::new(),
            lost: false,
            cwd: ".".into(),
            door: sources.door(),
        }
    }

    fn insert(&mut self, name: &str, content: Content, origin: Origin) {
        self.given.insert(name.into(), Given { content, origin });
    }

    fn take_file(&mut self, sources: &Sources, id: FileId, found: &mut Diagnostics) {
        let Some(file) = sources.file(id) else { return };
        for RawAttribute { name, expr, .. } in found.absorb(parse_values(id, file)).unwrap_or_default() {
            self.insert(&name.value, Content::Expr(expr), Origin::File(name.span));
        }
    }

    /// Files that look as if they gave values and are not read.
    pub(super) fn not_read(&self) -> Diagnostics {
        let warnings = self.not_read.iter().map(|file| {
            Diagnostic::warning(code::NOT_READ, "file that is not read")
                .detail(format!(
                    "`{file}` gives no values: its name is none of those that are read."
                ))
                .hint(format!(
                    "rename it to `{}`, or name it with `--var-file`",
                    renamed(file)
                ))
        });
        warnings.collect()
    }

    /// What is given for variables that nobody declares.
    pub(super) fn undeclared<'n>(&self, declared: &(dyn Fn(&str) -> bool + 'n), names: &[&str]) -> Diagnostics {
        let mut found = Diagnostics::new();
        for (name, given) in self.given.iter().filter(|(name, _)| !declared(name)) {
            let names = names.iter().copied();
            let declare = format!("variable \"{name}\" {{}}");
            match given.origin {
                // The environment is shared by many programs, so that Terraform does not look at it either.
                Origin::Environment => {}
                Origin::File(span) => found.push(
                    Diagnostic::warning(code::VARIABLE_UNDECLARED, "undeclared variable")
                        .at(span, "no `variable` block declares this")
                        .suggest(name, names)
                        .hint(format!("to use it, declare it: {declare}")),
                ),
                Origin::Argument => found.push(
                    Diagnostic::error(code::VARIABLE_UNDECLARED, "undeclared variable")
                        .detail(format!(
                            "`--var {name}=…` is given, but no `variable` block declares `{name}`."
                        ))
                        .suggest(name, names)
                        .hint(format!("to use it, declare it: {declare}")),
                ),
            }
        }
        found
    }
}

/// Reads a `variable` block, but for its validations.
pub(super) fn declare(block: &RawBlock) -> Result<Declared<'_>, Diagnostics> {
    let mut found = super::declare::single_label(block, "variable \"name\"");
    for attribute in &block.body.attributes {
        if !forms::VARIABLE.has(&attribute.name.value) {
            found.push(super::declare::unknown_argument(
                &attribute.name,
                "variable",
                &forms::VARIABLE.names(),
            ));
        }
    }
    for nested in &block.body.blocks {
        if &*nested.kind.value != "validation" {
            found.push(super::declare::unknown_argument(
                &nested.kind,
                "variable",
                &["validation"],
            ));
        }
    }
    if let Some(label) = block.labels.first().filter(|label| RESERVED.contains(&&*label.value)) {
        found.push(
            Diagnostic::error(code::BAD_NAME, "reserved name")
                .at(
                    label.span,
                    format!("a `module` block uses `{}` for itself", label.value),
                )
                .hint("choose another name"),
        );
    }
    let flag = |name: &str, default: bool, found: &mut Diagnostics| {
        let attribute = block.body.attribute(name);
        let said = attribute.and_then(|attribute| found.absorb(super::declare::truth(attribute)));
        said.unwrap_or(default)
    };
    let sensitive = flag("sensitive", false, &mut found);
    let nullable = flag("nullable", true, &mut found);
    let ephemeral = flag("ephemeral", false, &mut found);
    let ty = block
        .body
        .attribute("type")
        .and_then(|ty| found.absorb(constraint(&ty.expr)));
    let default = block.body.attribute("default").and_then(|default| {
        let value = found.absorb(constant(&default.expr))?;
        if sensitive && !value.is_null() {
            found.push(literal_default(default));
            return None;
        }
        let converted = converted(
            &value,
            ty.as_ref(),
            default.expr.span,
            "the default does not fit the type",
        );
        let value = found.absorb(converted.map_err(|found| Diagnostics::from(*found)))?;
        if !nullable && value.is_null() {
            let text = "the default is null, but `nullable` is false";
            found.push(Diagnostic::error(code::NULL_VALUE, "null default").at(default.expr.span, text));
        }
        Some(value)
    });
    let name = block.labels.first().unwrap_or(&block.kind).clone();
    found
        .or(Declared {
            name,
            block,
            ty,
            default,
            marks: Marks {
                sensitive,
                ephemeral,
                ..Marks::NONE
            },
            nullable,
        })
        .map(|(declared, _)| declared)
}

fn literal_default(default: &RawAttribute) -> Diagnostic {
    Diagnostic::error(code::LITERAL_SECRET, "secret in the configuration")
        .at_secret(default.expr.span, "a sensitive variable has no default")
        .detail("The configuration is read by everybody who may read the repository.")
        .hint("give the value in a `*.vars.hcl` file that is not committed, or as `PGFERRY_VAR_…`")
        .hint("where it may be left out, write `default = null`")
}

fn converted(value: &Value, ty: Option<&Type>, span: Span, problem: &str) -> Result<Value, Box<Diagnostic>> {
    let Some(ty) = ty else { return Ok(value.clone()) };
    convert(value, ty).map_err(|error| {
        Diagnostic::error(code::CONVERSION, "wrong type")
            .at(span, format!("{problem}: {error}"))
            .hint(format!("the type is `{}`", written(ty)))
            .into()
    })
}

/// The same problem at the same place, in words that quote nothing: what is given may be a password, marked or not.
fn unquoted(found: &Diagnostic, otherwise: &str) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(found.code, found.summary.clone());
    if let Some(mark) = &found.primary {
        diagnostic = diagnostic.at(
            mark.span,
            match found.code {
                code::MISPLACED => "only values stand here: nothing can be referred to",
                _ => otherwise,
            },
        );
    }
    if found.code == code::MISPLACED {
        diagnostic = diagnostic.hint("a text stands in quotes");
    }
    diagnostic
}

impl Declared<'_> {
    /// Whether the value is the default, which stands in the configuration.
    pub(super) fn literal(&self, inputs: &Inputs) -> Literal {
        if self.default.is_some() && !inputs.given.contains_key(&self.name.value) {
            Literal::Written
        } else {
            Literal::Derived
        }
    }

    /// Whether it has neither a default nor a value from outside.
    pub(super) fn is_unset(&self, inputs: &Inputs) -> bool {
        self.default.is_none() && !inputs.given.contains_key(&self.name.value)
    }

    /// Whether its value must not be shown.
    pub(super) fn is_sensitive(&self) -> bool {
        self.marks.sensitive
    }

    /// Whether its value must not be shown, or not be kept.
    pub(super) fn is_secret(&self) -> bool {
        self.marks.sensitive || self.marks.ephemeral
    }

    /// Whether whoever calls the module must give it a value.
    pub(super) fn is_required(&self) -> bool {
        self.default.is_none()
    }

    /// The value of a variable of a module, from the argument of the call.
    pub(super) fn given_by_call(&self, argument: Option<(&Value, &Expr)>) -> Result<Value, Diagnostics> {
        let value = match argument {
            Some((value, expr)) if !value.is_null() || self.nullable => {
                let is_shown = !value.is_null() && expr.is_written() && !order::deep_marks(value).vaulted;
                if self.marks.sensitive && is_shown {
                    return Err(self.literal_argument(expr).into());
                }
                if order::deep_marks(value).ephemeral && !self.marks.ephemeral {
                    return Err(self.ephemeral_argument(expr).into());
                }
                let problem = "the given value does not fit the type";
                let converted = converted(value, self.ty.as_ref(), expr.span, problem);
                converted.map_err(|diagnostic| diagnostic.and_at(self.name.span, "declared here"))?
            }
            // A variable that must be given and is not was reported with its call.
            Some(_) | None => match (&self.default, argument) {
                (Some(default), _) => default.clone(),
                (None, Some((_, expr))) => {
                    let text = "this is null, and the variable takes none and has no default";
                    let diagnostic = Diagnostic::error(code::NULL_VALUE, "null argument").at(expr.span, text);
                    return Err(diagnostic.and_at(self.name.span, "declared here").into());
                }
                (None, None) => return Err(Diagnostics::new()),
            },
        };
        Ok(value.marked(self.marks))
    }

    fn ephemeral_argument(&self, expr: &Expr) -> Diagnostic {
        let name = &self.name.value;
        Diagnostic::error(code::EPHEMERAL_KEPT, "ephemeral value where it could be kept")
            .at(
                expr.span,
                "this is ephemeral, but the module's variable does not say so",
            )
            .and_at(self.name.span, "declared here")
            .hint(format!("add `ephemeral = true` to `variable \"{name}\"` of the module"))
    }

    fn literal_argument(&self, expr: &Expr) -> Diagnostic {
        Diagnostic::error(code::LITERAL_SECRET, "secret in the configuration")
            .at_secret(
                expr.span,
                "the module's variable is sensitive, and this stands in the file",
            )
            .and_at(self.name.span, "declared here")
            .hint("give it a variable of the root that is sensitive too")
    }

    /// The value of the variable.
    pub(super) fn value(&self, inputs: &Inputs) -> Result<Value, Diagnostics> {
        let given = inputs
            .given
            .get(&self.name.value)
            .map(|given| self.given(given))
            .transpose()?;
        match given.flatten().or_else(|| self.default.clone()) {
            // Whether the default counts, or nothing at all, hangs on what could not be read.
            _ if inputs.lost && !inputs.given.contains_key(&self.name.value) => Err(Diagnostics::new()),
            Some(value) => Ok(value.marked(self.marks)),
            None if self.marks.sensitive => self.unset_sensitive(inputs),
            None => Err(self.unset(&inputs.meant_for_terraform).into()),
        }
    }

    /// The given value as the type wants it: nothing for a null that may not be.
    fn given(&self, given: &Given) -> Result<Option<Value>, Diagnostics> {
        let problem = "the given value does not fit the type";
        let read = self.read(given).and_then(|(value, span)| {
            if value.is_null() && !self.nullable {
                return Ok(None);
            }
            let converted = converted(&value, self.ty.as_ref(), span, problem);
            Ok(Some(converted.map_err(|diagnostic| {
                // What does not fit may be quoted by what says so.
                let diagnostic = match self.marks.sensitive {
                    true => diagnostic.at(span, problem),
                    false => *diagnostic,
                };
                diagnostic.and_at(self.name.span, "declared here")
            })?))
        });
        read.map_err(|found| match self.marks.sensitive {
            true => found.iter().cloned().map(Diagnostic::of_a_secret).collect(),
            false => found,
        })
    }

    fn read(&self, given: &Given) -> Result<(Value, Span), Diagnostics> {
        let expr = match &given.content {
            Content::Expr(expr) => expr.clone(),
            Content::Text(file, text) => {
                let span = Span::new(*file, 0..text.len());
                // A text is taken as it is, unless the type says that it has parts.
                match self.ty {
                    None | Some(Type::String | Type::Number | Type::Bool) => {
                        return Ok((Value::text(syntax::normalized(text)), span));
                    }
                    Some(
                        Type::Any | Type::List(_) | Type::Set(_) | Type::Map(_) | Type::Tuple(_) | Type::Object(_),
                    ) => syntax::expression(*file, text).map_err(|found| match self.marks.sensitive {
                        true => found
                            .iter()
                            .map(|found| unquoted(found, "this cannot be read"))
                            .collect(),
                        false => found,
                    })?,
                }
            }
        };
        let value = constant(&expr).map_err(|found| {
            let found = found.iter().map(|found| unquoted(found, "this has no value"));
            found.collect::<Diagnostics>()
        })?;
        Ok((value, expr.span))
    }

    fn unset_sensitive(&self, inputs: &Inputs) -> Result<Value, Diagnostics> {
        let ty = self.ty.clone().unwrap_or(Type::Any);
        let value = match inputs.unset_sensitive {
            UnsetSensitive::Unknown => Value::unknown(ty),
            UnsetSensitive::MadeUp => match ty {
                Type::String | Type::Any => Value::text(format!("made-up-{}", self.name.value)),
                Type::Number => Value::integer(1),
                Type::Bool => Value::bool(true),
                Type::List(_) | Type::Set(_) | Type::Map(_) | Type::Tuple(_) | Type::Object(_) => Value::unknown(ty),
            },
            UnsetSensitive::Refuse => return Err(self.unset(&inputs.meant_for_terraform).into()),
        };
        Ok(value.marked(self.marks))
    }

    fn unset(&self, meant_for_terraform: &BTreeSet<String>) -> Diagnostic {
        let name = &self.name.value;
        let ways = if self.marks.sensitive {
            format!("set {ENVIRONMENT_PREFIX}{name}, or name a file that holds it with `--var-file`")
        } else {
            format!(
                "give it with `--var {name}=…`, in `pgferry.vars.hcl`, in a file named with `--var-file`, or as \
                 {ENVIRONMENT_PREFIX}{name}; or add a `default`"
            )
        };
        let mut unset = Diagnostic::error(code::VARIABLE_UNSET, "variable without a value")
            .at(self.name.span, "this variable has no default and no value is given");
        if meant_for_terraform.contains(&**name) {
            unset = unset.hint(format!(
                "TF_VAR_{name} is set, but only {ENVIRONMENT_PREFIX}{name} is read"
            ));
        }
        unset.hint(ways)
    }
}

/// The name under which a file of values is read.
fn renamed(file: &str) -> String {
    let (stem, json) = match file.strip_suffix(".json") {
        Some(stem) => (stem, ".json"),
        None => (file, ""),
    };
    let stem = stem
        .strip_suffix(".tfvars")
        .or_else(|| stem.strip_suffix(".vars"))
        .unwrap_or(stem);
    let stem = if stem == "terraform" { "pgferry" } else { stem };
    format!("{stem}.vars.hcl{json}")
}
