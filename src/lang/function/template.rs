//! Functions that fill in templates which do not stand in the configuration itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Span};
use crate::lang::code;
use crate::lang::convert::convert;
use crate::lang::eval::{Evaluated, Evaluator, Frames, Reported, Resolved, Scope};
use crate::lang::expr::{Expr, Node, Reference};
use crate::lang::function::{Body, Function, Parameter, Wants, unsaid};
use crate::lang::marks::Marks;
use crate::lang::order;
use crate::lang::syntax;
use crate::lang::value::{Type, Value};

const VARS: Parameter = Parameter::new("vars", Wants::Any);

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "templatefile",
        doc: "The template in a file, filled in with the given variables.",
        parameters: &[Parameter::new("path", Wants::String), VARS],
        rest: None,
        body: Body::Lazy(template_file),
    },
    Function {
        name: "templatestring",
        doc: "The template that a reference names, filled in with the given variables.",
        parameters: &[Parameter::new("template", Wants::String), VARS],
        rest: None,
        body: Body::Lazy(template_string),
    },
];

fn refuse(evaluator: &Evaluator<'_>, span: Span, text: impl Into<String>) -> Reported {
    evaluator.fail(Diagnostic::error(code::BAD_ARGUMENT, "invalid argument").at(span, text))
}

fn template_file(evaluator: &Evaluator<'_>, arguments: &[Expr], frames: Frames<'_>, span: Span) -> Evaluated {
    let [path, variables] = two(evaluator, arguments, span, "templatefile")?;
    let (file, marks) = text(evaluator, path, frames)?;
    let Some(file) = file else {
        return unknown(evaluator, variables, frames, marks);
    };
    let refused = |text: String| refuse(evaluator, path.span, if marks.hide() { unsaid(marks) } else { text });
    let content = evaluator.files().read(&file);
    let content = content.map_err(|error| refused(error.to_string()))?;
    let content = String::from_utf8(content).map_err(|_| refused(format!("`{file}` is not UTF-8 text")))?;
    let values = evaluator.eval_in(variables, frames)?;
    let filled = Filling {
        evaluator,
        variables: variables.span,
        template: path.span,
        marks,
    };
    let value = filled.fill(&content, &values)?;
    if value.is_null() {
        return Err(refuse(evaluator, path.span, "the template makes null"));
    }
    Ok(value.marked(marks))
}

fn template_string(evaluator: &Evaluator<'_>, arguments: &[Expr], frames: Frames<'_>, span: Span) -> Evaluated {
    let [template, variables] = two(evaluator, arguments, span, "templatestring")?;
    if !matches!(template.node, Node::Reference(_)) {
        let text = "a reference to the template is required: one that stands here needs no function";
        return Err(refuse(evaluator, template.span, text));
    }
    let (content, marks) = text(evaluator, template, frames)?;
    let Some(content) = content else {
        return unknown(evaluator, variables, frames, marks);
    };
    let values = evaluator.eval_in(variables, frames)?;
    let filled = Filling {
        evaluator,
        variables: variables.span,
        template: template.span,
        marks,
    };
    let value = filled.fill(&content, &values)?;
    let text = Some(&value)
        .filter(|value| !value.is_null())
        .and_then(|value| convert(value, &Type::String).ok());
    let text = text.ok_or_else(|| refuse(evaluator, template.span, "the template does not make a string"))?;
    Ok(text.marked(marks))
}

fn two<'e>(
    evaluator: &Evaluator<'_>,
    arguments: &'e [Expr],
    span: Span,
    name: &str,
) -> Result<[&'e Expr; 2], Reported> {
    match arguments {
        [first, second] => Ok([first, second]),
        _ => Err(evaluator.fail(
            Diagnostic::error(code::ARGUMENT_COUNT, "wrong number of arguments")
                .at(span, format!("`{name}` takes a template and its variables")),
        )),
    }
}

/// What is made of a template that is not known yet: its marks and those of the variables are.
fn unknown(evaluator: &Evaluator<'_>, variables: &Expr, frames: Frames<'_>, marks: Marks) -> Evaluated {
    let values = evaluator.eval_in(variables, frames)?;
    Ok(Value::unknown(Type::String).marked(marks | order::deep_marks(&values)))
}

/// The text of an argument, which may be unknown, and its marks.
fn text(evaluator: &Evaluator<'_>, expr: &Expr, frames: Frames<'_>) -> Result<(Option<Arc<str>>, Marks), Reported> {
    let value = evaluator.eval_in(expr, frames)?;
    let refused = || refuse(evaluator, expr.span, "a string is required");
    let converted = convert(&value, &Type::String).map_err(|_| refused())?;
    if converted.is_unknown() {
        return Ok((None, converted.marks));
    }
    let text = converted.as_text().ok_or_else(refused)?;
    Ok((Some(text.into()), converted.marks))
}

struct Filling<'f, 'e> {
    evaluator: &'f Evaluator<'e>,
    template: Span,
    variables: Span,
    /// The marks of the template itself.
    marks: Marks,
}

impl Filling<'_, '_> {
    /// What the template makes: a text, or with `${…}` alone the value itself.
    fn fill(&self, content: &str, variables: &Value) -> Evaluated {
        if variables.is_unknown() {
            return Ok(Value::unknown(Type::String).marked(self.marks | variables.marks));
        }
        let Some(entries) = variables.entries() else {
            return Err(refuse(
                self.evaluator,
                self.variables,
                "a map or object of the variables is required",
            ));
        };
        // The template is no file of the configuration, so its places are told in words.
        let refused = |found: &Diagnostics| {
            let text = match self.marks.hide() {
                true => unsaid(self.marks),
                false => in_words(content, found),
            };
            refuse(self.evaluator, self.template, text)
        };
        let parsed = syntax::template(FileId(u32::MAX), content).map_err(|found| refused(&found))?;
        let mut nested = false;
        parsed.calls(&mut |call| {
            let name = call.name.value.trim_start_matches("core::");
            nested |= matches!(name, "templatefile" | "templatestring");
        });
        if nested {
            return Err(refuse(
                self.evaluator,
                self.template,
                "a template cannot fill in another one",
            ));
        }
        let scope = Variables {
            entries,
            marks: variables.marks,
        };
        let inner = Evaluator::new(&scope, self.evaluator.files());
        let value = inner.eval(&parsed).map_err(|_| refused(&inner.take_found()))?;
        // As in Terraform the marks of every variable count, whether the template uses it or not.
        let marks = self.marks | order::deep_marks(variables) | order::deep_marks(&value);
        Ok(value.marked(marks))
    }
}

fn in_words(content: &str, found: &Diagnostics) -> String {
    let Some(mark) = found.iter().find_map(|found| found.primary.as_ref()) else {
        return "the template has no value".to_owned();
    };
    let before = content.get(..mark.span.start as usize).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    format!("line {line} of the template: {}", mark.text)
}

/// The names that a template sees.
struct Variables<'v> {
    entries: &'v BTreeMap<Arc<str>, Value>,
    /// The marks that all of them have.
    marks: Marks,
}

impl Scope for Variables<'_> {
    fn resolve(
        &self,
        reference: &Reference,
        evaluator: &Evaluator<'_>,
        _frames: Frames<'_>,
    ) -> Result<Resolved, Reported> {
        let name = &reference.root.value;
        match self.entries.get(name) {
            Some(value) => Ok(Resolved {
                value: value.clone().marked(self.marks),
                steps: 0,
            }),
            None => Err(evaluator.fail(
                Diagnostic::error(code::UNKNOWN_REFERENCE, "unknown reference")
                    .at(reference.root.span, format!("no variable `{name}` is given")),
            )),
        }
    }
}
