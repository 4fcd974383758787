//! The palette, and who decides about colour. Views always write styles; the streams take them out where nobody wants them.

use anstyle::{AnsiColor, Style};

/// What somebody wishes about colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorWish {
    /// On a terminal.
    #[value(name = "auto")]
    OnTerminal,
    /// Always.
    Always,
    /// Never.
    Never,
}

const fn color(color: AnsiColor) -> Style {
    color.on_default()
}

/// Created.
pub(crate) const ADD: Style = color(AnsiColor::Green);
/// Changed in place.
pub(crate) const CHANGE: Style = color(AnsiColor::Yellow);
/// Deleted or lost.
pub(crate) const REMOVE: Style = color(AnsiColor::Red);
/// Adopted or moved on: something of ours goes its way.
pub(crate) const ADVANCE: Style = color(AnsiColor::Cyan);
/// What may be skipped while reading.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What must not be skipped.
pub(crate) const STRONG: Style = Style::new().bold();
/// The word "error", and a loss.
pub(crate) const ERROR: Style = color(AnsiColor::BrightRed).bold();
/// The word "warning".
pub(crate) const WARNING: Style = color(AnsiColor::Yellow).bold();
/// The word "hint".
pub(crate) const HINT: Style = color(AnsiColor::Cyan).bold();
/// Good news.
pub(crate) const GOOD: Style = color(AnsiColor::Green).bold();
/// The heading of everything that is not real.
pub(crate) const SIMULATED: Style = color(AnsiColor::Magenta).bold();

/// A text in a style, for use within `format!`.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
