//! The one source of what a kind's block may hold: from these tables come decoding, JSON Schema and the reference.
//! Nothing here knows a particular kind.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use crate::address::Address;
use crate::arm::{ArmId, Body, Draft};
use crate::block::{Attribute as Written, Block, Body as BlockBody, Inner, Literal, Syntax};
use crate::diagnostic::code::{
    CONVERSION, EPHEMERAL_KEPT, LITERAL_SECRET, MISSING_ARGUMENT, NOT_ALLOWED, NOT_KNOWN, REPEATED_BLOCK,
    SENSITIVE_SHOWN, UNKNOWN_ARGUMENT, WRONG_REFERENCE,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::lang::display::quoted as in_quotes;
use crate::lang::{Coming, Marks, Residual, Shape, Value, vault};
use crate::length::Length;
use crate::secret::{SecretRef, VaultSecret};

/// What a kind's block may hold.
pub struct Schema {
    /// The kind's name.
    pub kind: &'static str,
    /// What it stands for, in one line.
    pub summary: &'static str,
    /// What a reader must know beyond the table of arguments.
    pub doc: &'static str,
    /// A block that can be pasted.
    pub example: &'static str,
    /// Its own arguments.
    pub arguments: &'static [Argument],
    /// Which arguments of [`COMMON`] it honours beside its own; the others are refused.
    pub common: &'static [&'static str],
    /// Its nested blocks.
    pub sections: &'static [Section],
    /// Attributes that can be referred to beside the arguments.
    pub exports: &'static [Export],
}

/// One argument.
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub ty: ArgumentType,
    /// Whether it must be given.
    pub need: Need,
    /// Meaning, unit, source of a fact.
    pub doc: &'static str,
    /// What happens when it is changed.
    pub effect: Effect,
}

/// What happens when an argument is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// From the next run on pgferry goes by it: the argument names what is looked at, or steers pgferry itself.
    Read,
    /// The object is changed in place.
    InPlace,
    /// The object is deleted and made anew.
    Replaces,
    /// Nothing that was created changes; what is created from then on is made with it.
    Later,
}

/// What an argument holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentType {
    /// A text known while planning.
    Text,
    /// A text that may be known only after apply.
    OpenText,
    /// `true` or `false`.
    Bool,
    /// A whole number between two bounds, inclusive.
    Whole(i64, i64),
    /// A list or set of texts.
    Texts,
    /// A list of whole numbers, or `true`.
    WholesOrTrue,
    /// Texts by text.
    Map,
    /// One of these words.
    Choice(&'static [Word]),
    /// A resource of one of these kinds.
    Reference(&'static [&'static str]),
    /// Several resources of one of these kinds.
    References(&'static [&'static str]),
    /// A length of time such as `15m`, `72h` or `0s`.
    Duration,
    /// Write-only: goes to Azure and nowhere else.
    Secret,
    /// The ARM id of an object of this type; may be known only after apply.
    Id(&'static str),
    /// An object: a resource of one of these kinds, or an ARM id of this type, which may be known only after apply.
    Object(&'static [&'static str], &'static str),
}

/// A word of an enumeration and how ARM spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// In the configuration.
    pub word: &'static str,
    /// On the wire.
    pub wire: &'static str,
}

/// Whether an argument must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must.
    Required,
    /// It may be left out.
    Optional,
    /// It may be left out; then this is meant (for the reference).
    Default(&'static str),
}

/// A nested block.
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// Meaning.
    pub doc: &'static str,
    /// Its arguments.
    pub arguments: &'static [Argument],
}

/// An attribute that Azure or the program fills in.
pub struct Export {
    /// Its name.
    pub name: &'static str,
    /// Meaning.
    pub doc: &'static str,
    /// Where it comes from.
    pub from: ExportFrom,
}

/// Where an exported attribute comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFrom {
    /// The ARM id.
    Id,
    /// A member of the object that Azure answers with.
    Object(&'static [&'static str]),
}

/// Where an object is found by its name.
pub const PLACE: &[&str] = &["subscription_id", "resource_group"];

/// Where an object is found by its name, and where it is made.
pub const PLACE_AND_REGION: &[&str] = &["subscription_id", "resource_group", "location"];

/// Arguments that say where an object lives; the `azure` block gives their defaults.
pub const COMMON: &[Argument] = &[
    Argument::optional(
        "subscription_id",
        ArgumentType::Text,
        "Subscription of the object. Default: the `azure` block's.",
    )
    .on_change(Effect::Replaces),
    Argument::optional(
        "resource_group",
        ArgumentType::Text,
        "Resource group of the object. Default: the `azure` block's.",
    )
    .on_change(Effect::Replaces),
    Argument::optional(
        "location",
        ArgumentType::Text,
        "Region of the object. Default: the `azure` block's.",
    )
    .on_change(Effect::Replaces),
    Argument::optional(
        "tenant_id",
        ArgumentType::Text,
        "Tenant of the subscription. Default: the `azure` block's.",
    ),
];

impl Argument {
    /// An argument that must be given.
    pub const fn required(name: &'static str, ty: ArgumentType, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            need: Need::Required,
            doc,
            effect: Effect::Read,
        }
    }

    /// An argument that may be left out.
    pub const fn optional(name: &'static str, ty: ArgumentType, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            need: Need::Optional,
            doc,
            effect: Effect::Read,
        }
    }

    /// An argument with a default.
    pub const fn default(name: &'static str, ty: ArgumentType, default: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            need: Need::Default(default),
            doc,
            effect: Effect::Read,
        }
    }

    /// The same, with another effect of a change than [`Effect::Read`].
    pub const fn on_change(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }
}

impl ArgumentType {
    /// In words: `a whole number from 1 to 65535`. The words of a choice are not among them.
    pub fn described(self) -> String {
        let kinds = |kinds: &[&str]| kinds.join("` or `");
        match self {
            Self::Text => "a text".to_owned(),
            Self::OpenText => "a text, which may be known only after apply".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Self::Texts => "a list of texts".to_owned(),
            Self::WholesOrTrue => "a list of whole numbers, or `true`".to_owned(),
            Self::Map => "a map of texts".to_owned(),
            Self::Choice(_) => "one of the allowed words".to_owned(),
            Self::Reference(of) => format!("a `{}`", kinds(of)),
            Self::References(of) => format!("a list of `{}`", kinds(of)),
            Self::Duration => "a length of time such as `15m`".to_owned(),
            Self::Secret => "a secret text, from a variable or a Key Vault".to_owned(),
            Self::Id(of) => format!("the ARM id of a `{of}`, which may be known only after apply"),
            Self::Object(of, arm_type) => format!(
                "a `{}`, or the ARM id of a `{arm_type}`, which may be known only after apply",
                kinds(of)
            ),
        }
    }

    /// The words that are allowed; empty where it is no choice.
    pub fn words(self) -> &'static [Word] {
        match self {
            Self::Choice(words) => words,
            Self::Text
            | Self::OpenText
            | Self::Bool
            | Self::Whole(..)
            | Self::Texts
            | Self::WholesOrTrue
            | Self::Map
            | Self::Reference(_)
            | Self::References(_)
            | Self::Duration
            | Self::Secret
            | Self::Id(_)
            | Self::Object(..) => &[],
        }
    }
}

impl Effect {
    /// In a sentence.
    pub fn described(self) -> &'static str {
        match self {
            Self::Read => "pgferry goes by a change from the next run on.",
            Self::InPlace => "A change is made in place.",
            Self::Replaces => "A change deletes the object and makes it anew.",
            Self::Later => "A change counts for what is created from then on.",
        }
    }
}

/// A value that is known, or will be once something was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term<T> {
    /// Known.
    Known(T),
    /// Known after apply.
    Open(Residual),
}

impl<T> Term<T> {
    /// The value, where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Open(_) => None,
        }
    }
}

/// The checked content of a block: every value has the type its argument wants.
pub struct Fields<'a> {
    owner: &'a Address,
    header: Span,
    content: Content<'a>,
    sections: BTreeMap<&'static str, Content<'a>>,
}

/// The checked arguments between two braces.
pub struct Content<'a> {
    span: Span,
    values: BTreeMap<&'static str, Read<'a>>,
}

struct Read<'a> {
    written: &'a Written,
    field: Field,
}

enum Field {
    Text(Term<String>),
    Bool(bool),
    Whole(i64),
    Texts(Vec<String>),
    Wholes(Vec<i64>),
    AllTrue,
    Map(BTreeMap<String, String>),
    Choice(Word),
    References(Vec<Address>),
    Duration(Duration),
    Secret(Option<VaultSecret>),
    Id(Term<ArmId>),
}

impl Schema {
    /// Every argument, the common ones that it honours too.
    pub fn all_arguments(&self) -> impl Iterator<Item = &'static Argument> {
        let honoured = |argument: &&Argument| self.common.contains(&argument.name);
        self.arguments.iter().chain(COMMON.iter().filter(honoured))
    }

    /// Checks a block against the tables.
    ///
    /// # Errors
    /// Everything that is unknown, missing, of a wrong type or out of bounds, each at its place.
    pub fn read<'a>(&'static self, block: &'a Block) -> Result<Fields<'a>, Diagnostics> {
        let mut found = Diagnostics::new();
        let title = format!("`{}`", self.kind);
        let arguments: Vec<&'static Argument> = self.all_arguments().collect();
        let content = found.absorb(read_content(&title, &arguments, self.sections, &block.body, block.span));
        let inner = self.sections.iter().flat_map(|section| section.arguments);
        let names: Vec<&str> = arguments
            .iter()
            .copied()
            .chain(inner)
            .map(|argument| argument.name)
            .collect();
        for (name, span) in &block.meta.lifecycle.ignore_changes {
            if !names.contains(&name.as_str()) {
                let unknown = Diagnostic::error(UNKNOWN_ARGUMENT, "unknown argument")
                    .at(*span, format!("{title} has no argument of this name"));
                found.push(match self.sections.iter().find(|section| section.name == name) {
                    Some(section) => unknown.hint(format!(
                        "`{name}` is a block: name what it holds, {}",
                        quoted(section.arguments.iter().map(|argument| argument.name))
                    )),
                    None => unknown.offer(name, names.iter().copied()),
                });
            }
        }
        let mut sections = BTreeMap::new();
        for nested in &block.body.blocks {
            let Some(section) = self.sections.iter().find(|section| section.name == &*nested.name) else {
                let unknown = Diagnostic::error(UNKNOWN_ARGUMENT, "unknown block")
                    .at(nested.span, format!("{title} has no block of this name"));
                found.push(match names.contains(&&*nested.name) {
                    true => unknown.hint(format!("`{0}` is an argument: write `{0} = …`", nested.name)),
                    false => unknown.offer(&nested.name, self.sections.iter().map(|section| section.name)),
                });
                continue;
            };
            for deeper in &nested.body.blocks {
                let unknown = Diagnostic::error(UNKNOWN_ARGUMENT, "unknown block")
                    .at(deeper.span, format!("`{}` has no block of this name", section.name));
                let is = |argument: &Argument| argument.name == &*deeper.name;
                found.push(if section.arguments.iter().any(is) {
                    unknown.hint(format!("`{0}` is an argument: write `{0} = …`", deeper.name))
                } else if self.sections.iter().any(|other| other.name == &*deeper.name) {
                    unknown.hint(format!("`{}` stands beside `{}`, not in it", deeper.name, section.name))
                } else {
                    unknown.hint(format!("`{}` holds arguments only", section.name))
                });
            }
            let arguments: Vec<&'static Argument> = section.arguments.iter().collect();
            let inner = read_content(
                &format!("`{}`", section.name),
                &arguments,
                &[],
                &nested.body,
                nested.span,
            );
            if let Some(inner) = found.absorb(inner)
                && sections.insert(section.name, inner).is_some()
            {
                found.push(
                    Diagnostic::error(REPEATED_BLOCK, "repeated block")
                        .at(nested.span, format!("`{}` may stand only once here", section.name)),
                );
            }
        }
        match content {
            Some(content) if !found.has_errors() => Ok(Fields {
                owner: &block.address,
                header: block.span,
                content,
                sections,
            }),
            _ => Err(about(found, &block.address)),
        }
    }
}

fn quoted<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn about(found: Diagnostics, address: &Address) -> Diagnostics {
    found
        .iter()
        .cloned()
        .map(|diagnostic| diagnostic.about(address))
        .collect()
}

fn read_content<'a>(
    title: &str,
    arguments: &[&'static Argument],
    sections: &[Section],
    body: &'a BlockBody,
    header: Span,
) -> Result<Content<'a>, Diagnostics> {
    let mut found = Diagnostics::new();
    let mut values = BTreeMap::new();
    for (name, written) in &body.attributes {
        let Some(argument) = arguments.iter().find(|argument| argument.name == &**name) else {
            let names = arguments
                .iter()
                .map(|argument| argument.name)
                .chain(sections.iter().map(|section| section.name));
            let unknown = Diagnostic::error(UNKNOWN_ARGUMENT, "unknown argument")
                .at(written.name, format!("{title} has no argument of this name"));
            let common = COMMON.iter().any(|argument| argument.name == &**name);
            found.push(match sections.iter().find(|section| section.name == &**name) {
                None if common => Diagnostic::error(UNKNOWN_ARGUMENT, "argument not supported yet")
                    .at(written.name, format!("{title} takes no `{name}` of its own yet"))
                    .hint(format!("remove it; the `azure` block's `{name}` holds for everything")),
                Some(section) => unknown.hint(format!("`{0}` is a block: write `{0} {{ … }}`", section.name)),
                None => unknown.offer(name, names),
            });
            continue;
        };
        if let Some(Some(field)) = found.absorb(read_field(title, argument, written)) {
            values.insert(argument.name, Read { written, field });
        }
    }
    for argument in arguments {
        let given = body
            .attributes
            .get(argument.name)
            .is_some_and(|written| !written.value.is_null());
        if argument.need == Need::Required && !given {
            found.push(
                Diagnostic::error(MISSING_ARGUMENT, "missing argument")
                    .at(header, format!("{title} needs `{}`", argument.name))
                    .detail(argument.doc),
            );
        }
    }
    found
        .or(Content {
            span: body.span,
            values,
        })
        .map(|(content, _)| content)
}

/// How many words an error lists itself.
const MOST_WORDS: usize = 8;

/// The marks of the value and of its parts. A reference hands on which resource it names, not what the resource holds.
fn marks_of_all(value: &Value) -> Marks {
    match &value.shape {
        Shape::Resource(_) => value.marks,
        _ => {
            let entries = value.entries().into_iter().flat_map(BTreeMap::values);
            let parts = value.elements().into_iter().flatten().chain(entries);
            parts.fold(value.marks, |marks, part| marks | marks_of_all(part))
        }
    }
}

/// Reads one value; `None` where it is null, which is the same as leaving the argument out.
fn read_field(title: &str, argument: &Argument, written: &Written) -> Result<Option<Field>, Diagnostics> {
    let value = &written.value;
    if let ArgumentType::Reference(kinds) | ArgumentType::References(kinds) = argument.ty {
        refuse_inner(kinds, written)?;
    }
    if value.is_null() && !value.marks.ephemeral {
        return Ok(None);
    }
    if argument.ty == ArgumentType::Secret {
        return match value.is_null() {
            true => Ok(None),
            false => read_secret(argument, written).map(Some),
        };
    }
    let marks = marks_of_all(value);
    if marks.ephemeral {
        return Err(
            Diagnostic::error(EPHEMERAL_KEPT, "ephemeral value where it would be kept")
                .at(
                    written.span,
                    format!("`{}` is kept in the state and in plans", argument.name),
                )
                .hint("only arguments that hold secrets take what is ephemeral; `ephemeralasnull(…)` leaves it out")
                .into(),
        );
    }
    if vault::hangs_on_vault(value) {
        return Err(vault::refused(written.span).into());
    }
    if marks.sensitive {
        return Err(
            Diagnostic::error(SENSITIVE_SHOWN, "sensitive value where it would be shown")
                .at(
                    written.span,
                    format!("`{}` is stored and shown in plans", argument.name),
                )
                .hint("wrap it in `nonsensitive(…)` if it may be seen")
                .into(),
        );
    }
    if let Shape::Unknown(unknown) = &value.shape {
        return match (argument.ty, &unknown.comes) {
            (ArgumentType::OpenText, Coming::Later(residual)) => Ok(Some(Field::Text(Term::Open(residual.clone())))),
            (ArgumentType::Id(_) | ArgumentType::Object(..), Coming::Later(residual)) => {
                Ok(Some(Field::Id(Term::Open(residual.clone()))))
            }
            _ => Err(Diagnostic::error(NOT_KNOWN, "value not known while planning")
                .at(written.span, format!("`{}` must be known before anything is created", argument.name))
                .detail(
                    "Only ids and texts that go to Azure unchanged may be filled in later, and only by a plain reference \
                     or a template.",
                )
                .into()),
        };
    }
    let wrong = |wanted: String| Diagnostics::from(wrong_type(written, &wanted, value));
    let text = || as_text(value);
    let field = match argument.ty {
        ArgumentType::Text | ArgumentType::OpenText => {
            Field::Text(Term::Known(text().ok_or_else(|| wrong("a text".into()))?))
        }
        ArgumentType::Bool => Field::Bool(as_bool(value).ok_or_else(|| wrong("`true` or `false`".into()))?),
        ArgumentType::Whole(min, max) => Field::Whole(
            as_whole(value)
                .filter(|number| (min..=max).contains(number))
                .ok_or_else(|| wrong(format!("a whole number from {min} to {max}")))?,
        ),
        ArgumentType::Texts => {
            let elements = value.elements().ok_or_else(|| {
                let wrong = wrong_type(written, "a list of texts", value);
                Diagnostics::from(match text() {
                    Some(text) if written.literal == Literal::Written => {
                        wrong.hint(format!("write `[{}]`", in_quotes(&text)))
                    }
                    Some(_) => wrong.hint("`[…]` around it makes a list"),
                    None => wrong,
                })
            })?;
            let texts: Option<Vec<String>> = elements.iter().map(as_text).collect();
            Field::Texts(texts.ok_or_else(|| wrong("a list of known texts".into()))?)
        }
        ArgumentType::WholesOrTrue => match (as_bool(value), value.elements()) {
            (Some(true), _) => Field::AllTrue,
            (Some(false), _) => Field::Wholes(Vec::new()),
            (None, Some(elements)) => {
                let numbers: Option<Vec<i64>> = elements.iter().map(as_whole).collect();
                Field::Wholes(numbers.ok_or_else(|| wrong("a list of whole numbers".into()))?)
            }
            (None, None) => return Err(wrong("a list of whole numbers, or `true`".into())),
        },
        ArgumentType::Map => {
            let entries = value.entries().ok_or_else(|| wrong("a map of texts".into()))?;
            let map: Option<BTreeMap<String, String>> = entries
                .iter()
                .map(|(key, value)| Some((key.to_string(), as_text(value)?)))
                .collect();
            Field::Map(map.ok_or_else(|| wrong("a map of known texts".into()))?)
        }
        ArgumentType::Choice(words) => {
            let text = text().ok_or_else(|| wrong("a text".into()))?;
            let word = words.iter().find(|word| word.word == text).ok_or_else(|| {
                let refused = Diagnostic::error(NOT_ALLOWED, "value not allowed");
                let name = argument.name;
                let refused = if words.len() > MOST_WORDS {
                    let text = format!("this is none of the {} words that `{name}` may be", words.len());
                    let hint = format!("`pgferry kinds {}` lists them", title.trim_matches('`'));
                    refused.at(written.span, text).hint(hint)
                } else {
                    let list: Vec<String> = words.iter().map(|word| format!("`{}`", word.word)).collect();
                    refused.at(written.span, format!("`{name}` is one of {}", list.join(", ")))
                };
                refused.suggest(&text, words.iter().map(|word| word.word))
            })?;
            Field::Choice(*word)
        }
        ArgumentType::Reference(kinds) => Field::References(vec![reference(kinds, written, value)?]),
        ArgumentType::References(kinds) => {
            let elements = value
                .elements()
                .ok_or_else(|| wrong(format!("a list of `{}`", kinds.join("` or `"))))?;
            let mut found = Diagnostics::new();
            let list: Vec<Address> = elements
                .iter()
                .filter_map(|element| found.absorb(reference(kinds, written, element)))
                .collect();
            Field::References(found.or(list)?.0)
        }
        ArgumentType::Duration => {
            let text = text().ok_or_else(|| wrong("a length of time such as `15m`".into()))?;
            Field::Duration(
                text.parse()
                    .map(|Length(length)| length)
                    .map_err(|_| wrong("a length of time such as `30s`, `15m` or `72h`".into()))?,
            )
        }
        ArgumentType::Id(arm_type) => Field::Id(Term::Known(arm_id(arm_type, written)?)),
        ArgumentType::Object(kinds, arm_type) => match &value.shape {
            Shape::Resource(_) => Field::References(vec![reference(kinds, written, value)?]),
            _ => Field::Id(Term::Known(arm_id(arm_type, written)?)),
        },
        ArgumentType::Secret => return read_secret(argument, written).map(Some),
    };
    Ok(Some(field))
}

fn arm_id(arm_type: &str, written: &Written) -> Result<ArmId, Diagnostics> {
    let refuse =
        |text: String| Diagnostics::from(Diagnostic::error(NOT_ALLOWED, "value not allowed").at(written.span, text));
    let text = as_text(&written.value).ok_or_else(|| {
        Diagnostics::from(wrong_type(
            written,
            &format!("the id of a `{arm_type}`"),
            &written.value,
        ))
    })?;
    let id = ArmId::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    if id.arm_type().as_str().eq_ignore_ascii_case(arm_type) {
        Ok(id)
    } else {
        Err(refuse(format!(
            "this is the id of a `{}`, not of a `{arm_type}`",
            id.arm_type()
        )))
    }
}

fn read_secret(argument: &Argument, written: &Written) -> Result<Field, Diagnostics> {
    if let Some(secret) = written.value.vault_secret() {
        return Ok(Field::Secret(Some(secret.clone())));
    }
    if vault::hangs_on_vault(&written.value) {
        return Err(vault::refused(written.span).into());
    }
    if written.literal == Literal::Written {
        return Err(Diagnostic::error(LITERAL_SECRET, "password in the configuration")
            .at_secret(
                written.span,
                format!("`{}` may not stand in a file that is shared", argument.name),
            )
            .detail(
                "The value is made only of what stands in the configuration: literals, locals, defaults of variables.",
            )
            .hint(format!(
                "declare `variable \"{0}\" {{ sensitive = true }}`, write `{0} = var.{0}`, and set PGFERRY_VAR_{0}",
                argument.name
            ))
            .into());
    }
    match &written.value.shape {
        Shape::Unknown(_) => Ok(Field::Secret(None)),
        Shape::Text(text) if !text.is_empty() => Ok(Field::Secret(None)),
        // Whatever it is instead may hold the password.
        _ => Err(Diagnostic::error(CONVERSION, "wrong type")
            .at(written.span, "expected a text that is not empty")
            .into()),
    }
}

fn wrong_type(written: &Written, wanted: &str, value: &Value) -> Diagnostic {
    let got = format!("{value:?}");
    Diagnostic::error(CONVERSION, "wrong type")
        .at(written.span, format!("expected {wanted}"))
        .detail(format!("The value is {got}."))
}

/// Refuses an attribute of a resource in place of the resource, as in `network.hub.id`.
fn refuse_inner(kinds: &[&str], written: &Written) -> Result<(), Diagnostics> {
    let single = std::slice::from_ref(&written.value);
    let named = &written.wording.named;
    let is_whole = named.iter().flatten().any(|inner| inner.span == written.span);
    let elements = written.value.elements().filter(|_| !is_whole).unwrap_or(single);
    let mut found = Diagnostics::new();
    for (inner, value) in named.iter().zip(elements) {
        let Some(inner) = inner else { continue };
        if matches!(value.shape, Shape::Resource(_)) {
            continue;
        }
        let Inner {
            resource, attribute, ..
        } = inner;
        found.push(if kinds.contains(&&*inner.kind) {
            Diagnostic::error(CONVERSION, "wrong type")
                .at(inner.span, format!("a whole `{}` is wanted here", inner.kind))
                .hint(format!(
                    "write `{}`, without `.{attribute}`",
                    written.wording.syntax.reference(resource)
                ))
        } else {
            Diagnostic::error(WRONG_REFERENCE, "reference to another kind")
                .at(inner.span, format!("`{resource}` is not a `{}`", kinds.join("` or `")))
        });
    }
    found.or(()).map(|_| ())
}

fn reference(kinds: &[&str], written: &Written, value: &Value) -> Result<Address, Diagnostics> {
    let Shape::Resource(resource) = &value.shape else {
        let wanted = format!("a resource such as `{}.NAME`", kinds.join(".NAME` or `"));
        let wrong = wrong_type(written, &wanted, value);
        let quoted = value.as_text().filter(|_| !value.marks.hide());
        let quoted = quoted.filter(|text| text.parse::<Address>().is_ok());
        return Err(match quoted {
            Some(address) => match written.wording.syntax {
                Syntax::Hcl => wrong.hint(format!("references stand without quotes: {address}")),
                Syntax::Json => wrong.hint(format!(
                    "in JSON a reference is written {}",
                    Syntax::Json.reference(address)
                )),
            }
            .into(),
            None => wrong.into(),
        });
    };
    if kinds.contains(&resource.address.kind().as_str()) {
        return Ok(resource.address.clone());
    }
    Err(Diagnostic::error(WRONG_REFERENCE, "reference to another kind")
        .at(
            written.span,
            format!("`{}` is not a `{}`", resource.address, kinds.join("` or `")),
        )
        .into())
}

fn as_text(value: &Value) -> Option<String> {
    match &value.shape {
        _ if value.marks.hide() => None,
        Shape::Text(text) => Some(text.to_string()),
        Shape::Number(number) => Some(number.to_string()),
        Shape::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn as_bool(value: &Value) -> Option<bool> {
    match value.as_text() {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => value.as_bool(),
    }
}

fn as_whole(value: &Value) -> Option<i64> {
    as_text(value)?.parse().ok()
}

impl<'a> Fields<'a> {
    /// The resource.
    pub fn owner(&self) -> &'a Address {
        self.owner
    }

    /// The block's header, for errors about the block as a whole.
    pub fn header(&self) -> Span {
        self.header
    }

    /// The arguments outside of nested blocks.
    pub fn top(&self) -> &Content<'a> {
        &self.content
    }

    /// The arguments of a nested block, where it stands.
    pub fn section(&self, name: &str) -> Option<&Content<'a>> {
        self.sections.get(name)
    }

    /// Which secret an argument outside of nested blocks holds.
    pub fn secret(&self, name: &str) -> SecretRef {
        let vault = match self.content.values.get(name).map(|read| &read.field) {
            Some(Field::Secret(vault)) => vault.clone(),
            Some(_) | None => None,
        };
        SecretRef {
            owner: self.owner.clone(),
            attribute: name.to_owned(),
            vault,
        }
    }
}

macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident -> $ty:ty { $($pattern:pat => $value:expr),+ })*) => {$(
        $(#[$doc])*
        pub fn $name(&self, name: &str) -> Option<$ty> {
            match &self.values.get(name)?.field {
                $($pattern => Some($value),)+
                _ => None,
            }
        }
    )*};
}

impl Content<'_> {
    readers! {
        /// A text known while planning.
        text -> &str { Field::Text(Term::Known(text)) => text }
        /// A text that may be open.
        open_text -> &Term<String> { Field::Text(term) => term }
        /// A truth value.
        bool -> bool { Field::Bool(value) => *value }
        /// A whole number.
        whole -> i64 { Field::Whole(number) => *number }
        /// Texts.
        texts -> &[String] { Field::Texts(texts) => texts }
        /// Texts by text.
        map -> &BTreeMap<String, String> { Field::Map(map) => map }
        /// A word of an enumeration.
        choice -> Word { Field::Choice(word) => *word }
        /// Resources.
        references -> &[Address] { Field::References(list) => list }
        /// A length of time.
        duration -> Duration { Field::Duration(length) => *length }
        /// An ARM id.
        id -> &Term<ArmId> { Field::Id(id) => id }
        /// Whole numbers; `None` inside means all of them.
        numbers -> Option<&[i64]> { Field::Wholes(numbers) => Some(numbers), Field::AllTrue => None }
    }

    /// The one resource that an argument names.
    pub fn reference(&self, name: &str) -> Option<&Address> {
        self.references(name)?.first()
    }

    /// Where the value of an argument stands; the whole body where it was left out.
    pub fn span(&self, name: &str) -> Span {
        self.values.get(name).map_or(self.span, |read| read.written.span)
    }

    /// Whether an argument was given.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }
}

impl Term<String> {
    /// As a part of a request body.
    pub fn to_body(&self) -> Body<Draft> {
        match self {
            Self::Known(text) => Body::text(text.as_str()),
            Self::Open(residual) => Body::Open(residual.clone()),
        }
    }
}
