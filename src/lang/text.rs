//! Templates: texts put together from pieces. What is unknown stays open in a way that can be settled later.

use crate::diagnostic::{Diagnostic, Span};
use crate::lang::code;
use crate::lang::convert::convert;
use crate::lang::eval::{Evaluated, Evaluator, Frames, Names, Reported, shown, with_names};
use crate::lang::expr::Piece;
use crate::lang::marks::Marks;
use crate::lang::syntax::normalized;
use crate::lang::value::{Coming, Residual, ResidualPiece, Shape, Type, Value};
use crate::lang::vault;

/// The text that a template makes.
pub(super) fn template(evaluator: &Evaluator<'_>, pieces: &[Piece], frames: Frames<'_>) -> Evaluated {
    let mut writer = Writer::default();
    writer.pieces(evaluator, pieces, frames)?;
    Ok(writer.value())
}

#[derive(Default)]
struct Writer {
    /// What is known since the last open piece.
    known: String,
    pieces: Vec<ResidualPiece>,
    openness: Openness,
    marks: Marks,
    /// A residual goes into plans, so a known text that is marked must not be part of one.
    secret: bool,
}

/// Whether the text can be written down.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Openness {
    /// All of it is known.
    #[default]
    Known,
    /// It can once other resources are there.
    Later,
    /// Something in it is unknown in a way that nobody can write down.
    Never,
}

impl Writer {
    fn pieces(&mut self, evaluator: &Evaluator<'_>, pieces: &[Piece], frames: Frames<'_>) -> Result<(), Reported> {
        let mut problem = None;
        for piece in pieces {
            if let Err(reported) = self.piece(evaluator, piece, frames) {
                problem = Some(reported);
            }
        }
        problem.map_or(Ok(()), Err)
    }

    fn piece(&mut self, evaluator: &Evaluator<'_>, piece: &Piece, frames: Frames<'_>) -> Result<(), Reported> {
        match piece {
            Piece::Text(text) => self.known.push_str(text),
            Piece::Interpolation(inner) => {
                let value = evaluator.eval_in(inner, frames)?;
                self.write(evaluator, &value, inner.span)?;
            }
            Piece::If {
                condition,
                then,
                otherwise,
                span: _,
            } => {
                let truth = evaluator.truth(&evaluator.eval_in(condition, frames)?, condition.span)?;
                self.marks |= truth.marks;
                self.secret |= truth.marks.hide();
                match truth.value {
                    Some(true) => self.pieces(evaluator, then, frames)?,
                    Some(false) => self.pieces(evaluator, otherwise, frames)?,
                    None => self.openness = Openness::Never,
                }
            }
            Piece::For {
                key,
                value,
                collection,
                body,
                span: _,
            } => {
                let walked = evaluator.eval_in(collection, frames)?;
                self.marks |= walked.marks;
                self.secret |= walked.marks.hide();
                let Some(elements) = evaluator.walked(&walked, collection.span)? else {
                    self.openness = Openness::Never;
                    return Ok(());
                };
                let names = Names {
                    key: key.as_ref(),
                    value,
                };
                for (key, value) in &elements {
                    with_names(names, key, value, frames, |frames| self.pieces(evaluator, body, frames))?;
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, evaluator: &Evaluator<'_>, value: &Value, span: Span) -> Result<(), Reported> {
        let refuse = |text: String| {
            evaluator.fail(Diagnostic::error(code::TEMPLATE, "cannot be put into a text").at(span, text))
        };
        vault::refuse(evaluator, value, span)?;
        if value.is_null() {
            return Err(refuse("this is null".to_owned()));
        }
        let text = convert(value, &Type::String).map_err(|_| {
            refuse(format!(
                "a string, number or bool is required, this is {}",
                shown(value)
            ))
        })?;
        self.marks |= text.marks;
        match text.shape {
            Shape::Text(known) => {
                self.secret |= text.marks.hide();
                self.known.push_str(&known);
            }
            Shape::Unknown(unknown) => match unknown.comes {
                Coming::Later(residual) => self.open(residual),
                Coming::Untold | Coming::FromVault(_) => self.openness = Openness::Never,
            },
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, residual: Residual) {
        self.close_text();
        self.pieces.push(ResidualPiece::Open(residual));
        if self.openness == Openness::Known {
            self.openness = Openness::Later;
        }
    }

    fn close_text(&mut self) {
        if !self.known.is_empty() {
            self.pieces.push(ResidualPiece::Text(std::mem::take(&mut self.known)));
        }
    }

    fn value(mut self) -> Value {
        let value = match self.openness {
            Openness::Known => Value::text(normalized(&self.known)),
            Openness::Later if !self.secret => {
                self.close_text();
                Value::open(Type::String, Residual::Template(self.pieces))
            }
            Openness::Later | Openness::Never => Value::unknown(Type::String),
        };
        value.marked(self.marks)
    }
}
