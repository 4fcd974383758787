//! The streams and their owner: standard output is data, standard error is narrative. Nothing else in the program prints.
//!
//! Whoever reads our output may stop early (`pgferry plan | head`): that is no error, and work goes on.

use std::borrow::Cow;
use std::io::{self, BufRead, BufWriter, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::color::{ColorWish, SIMULATED, paint};
use super::runner;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Only results, warnings and errors.
    Quiet,
    /// What is going on, too.
    Normal,
    /// Every detail.
    Detailed,
}

/// Whether a person can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interaction {
    /// There is a terminal, and nobody forbade it.
    Possible,
    /// There is none, or `--input=false`.
    Impossible,
}

/// What the flags say about output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// About colour.
    pub(crate) color: ColorWish,
    /// How much is told.
    pub(crate) verbosity: Verbosity,
    /// Whether `--input=false` forbids questions.
    pub(crate) questions: Interaction,
    /// Who reads along.
    pub(crate) reader: Reader,
}

/// Who reads along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Somebody who takes no text for a command.
    Anybody,
    /// The runner of a pipeline.
    Runner,
}

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// For people.
    Text,
    /// For programs.
    Data,
    /// For programs, a document of JSON a line.
    JsonLines,
    /// For the runner of a pipeline.
    Commands,
}

/// Owns the streams. Cheap to share.
#[derive(Clone)]
pub(crate) struct Ui(Arc<Shared>);

struct Shared {
    streams: Mutex<Streams>,
    settings: Settings,
    width: usize,
    live: LiveLines,
    after_answers: Mutex<Option<AfterAnswer>>,
}

/// What is done whenever a person has answered.
type AfterAnswer = Arc<dyn Fn() + Send + Sync>;

/// Whether standard error can show lines that change in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LiveLines {
    /// A terminal.
    Shown,
    /// A file or a pipe: only lines that stay.
    Not,
}

struct Streams {
    out: Stream,
    err: Stream,
    /// How many lines at the end of standard error are going to be replaced.
    drawn: usize,
    headed: Headed,
    /// Whether a program has been given what it asked for.
    answered: bool,
}

#[derive(PartialEq, Eq)]
enum Headed {
    NotNeeded,
    /// What follows is not real.
    Needed {
        what: String,
        /// Whether standard output says so.
        out: bool,
        /// Whether standard error does.
        err: bool,
    },
}

/// One of the two streams.
#[derive(Clone, Copy)]
enum On {
    Out,
    Err,
}

struct Stream {
    to: Box<dyn Write + Send>,
    styles: Styles,
    terminal: bool,
    reader: Reader,
    state: StreamState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Styles {
    Kept,
    Removed,
}

enum StreamState {
    Open,
    /// The reader went away.
    Closed,
    Failed(io::Error),
}

/// The width of what goes to files and pipes, so that it is the same everywhere.
const WIDTH_OF_FILES: usize = 80;

/// Text in wider lines is hard to read.
const WIDEST: usize = 120;

impl Ui {
    /// The process's own streams.
    pub(crate) fn new(settings: Settings) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let (out_terminal, err_terminal) = (out.is_terminal(), err.is_terminal());
        let is_asking = settings.questions == Interaction::Possible && io::stdin().is_terminal() && err_terminal;
        let settings = Settings {
            questions: if is_asking {
                Interaction::Possible
            } else {
                Interaction::Impossible
            },
            ..settings
        };
        let terminal = terminal_size::terminal_size().filter(|_| out_terminal || err_terminal);
        let width = terminal.map_or(WIDTH_OF_FILES, |(terminal_size::Width(width), _)| usize::from(width));
        Self(Arc::new(Shared {
            streams: Mutex::new(Streams {
                out: Stream::new(Box::new(out), out_terminal, &settings),
                err: Stream::new(Box::new(err), err_terminal, &settings),
                drawn: 0,
                headed: Headed::NotNeeded,
                answered: false,
            }),
            settings,
            width: width.max(40),
            live: if err_terminal && settings.verbosity > Verbosity::Quiet {
                LiveLines::Shown
            } else {
                LiveLines::Not
            },
            after_answers: Mutex::new(None),
        }))
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How wide running text and tables may be.
    pub(crate) fn width(&self) -> usize {
        self.0.width.min(WIDEST)
    }

    /// How wide a line may be that must not wrap.
    pub(crate) fn terminal_width(&self) -> usize {
        self.0.width
    }

    /// How much is told.
    pub(crate) fn verbosity(&self) -> Verbosity {
        self.0.settings.verbosity
    }

    /// Whether lines can change in place.
    pub(crate) fn live_lines(&self) -> LiveLines {
        self.0.live
    }

    /// Whether a person can be asked.
    pub(crate) fn interaction(&self) -> Interaction {
        self.0.settings.questions
    }

    /// From now on every output for people is headed by what says that nothing of it is real.
    pub(crate) fn simulated(&self, what: impl Into<String>) {
        let mut streams = self.streams();
        if streams.headed == Headed::NotNeeded {
            streams.headed = Headed::Needed {
                what: what.into(),
                out: false,
                err: false,
            };
        }
    }

    /// A result for people.
    pub(crate) fn show(&self, text: &str) {
        let mut streams = self.streams();
        streams.head(On::Out);
        streams.clear_live();
        streams.out.write(text);
    }

    /// A result for programs, as it is: without heading, without styles, and in a pipeline, too, which is not meant to log it.
    pub(crate) fn data(&self, text: &str) {
        let mut streams = self.streams();
        streams.clear_live();
        streams.answered = true;
        streams.out.put(text, Sort::Data);
    }

    /// Results for programs as lines of JSON.
    pub(crate) fn json_lines(&self, lines: &str) {
        let mut streams = self.streams();
        streams.clear_live();
        streams.answered = true;
        streams.out.put(lines, Sort::JsonLines);
    }

    /// A document for programs. A large one is written while it is made into text, and is never there as a whole.
    pub(crate) fn document(&self, document: &impl Serialize) {
        let mut streams = self.streams();
        streams.clear_live();
        streams.answered = true;
        streams.out.document(document);
    }

    /// A result for programs stands in a file.
    pub(crate) fn answered_in_a_file(&self) {
        self.streams().answered = true;
    }

    /// Whether there was a result for programs.
    pub(crate) fn has_answered(&self) -> bool {
        self.streams().answered
    }

    /// Whether the reader of standard output went away, or it takes no more.
    pub(crate) fn is_unread(&self) -> bool {
        !matches!(self.streams().out.state, StreamState::Open)
    }

    /// Bytes of a protocol, as they are.
    pub(crate) fn protocol(&self, bytes: &[u8]) {
        self.streams().out.write_bytes(bytes);
    }

    /// What is going on.
    pub(crate) fn say(&self, text: &str) {
        if self.verbosity() > Verbosity::Quiet {
            self.alert(text);
        }
    }

    /// What has to be read even by those who want to hear nothing: warnings and errors.
    pub(crate) fn alert(&self, text: &str) {
        let mut streams = self.streams();
        streams.head(On::Err);
        streams.clear_live();
        streams.err.write(text);
    }

    /// Commands for the runner of a pipeline, one a line.
    pub(crate) fn command(&self, lines: &str) {
        let mut streams = self.streams();
        streams.head(On::Err);
        streams.clear_live();
        streams.err.put(lines, Sort::Commands);
    }

    /// Replaces the live lines by these, which must not be wider than the terminal.
    pub(crate) fn draw(&self, lines: &[String]) {
        if self.0.live == LiveLines::Not {
            return;
        }
        let mut streams = self.streams();
        streams.head(On::Err);
        let back = streams.rewind();
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        streams.err.redraw(&back, &text);
        streams.drawn = lines.len();
    }

    /// Adds lines that stay, above the live ones, which are drawn again.
    pub(crate) fn say_above(&self, staying: &str, live: &[String]) {
        self.say(staying);
        self.draw(live);
    }

    /// From now on this is done whenever a person has answered, before anybody learns the answer.
    pub(crate) fn after_answers(&self, what: impl Fn() + Send + Sync + 'static) {
        *self.after_answer() = Some(Arc::new(what));
    }

    fn after_answer(&self) -> MutexGuard<'_, Option<AfterAnswer>> {
        self.0.after_answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, and gives the answer without surrounding space. `None` where nobody can be asked.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        if self.interaction() == Interaction::Impossible {
            return None;
        }
        {
            let mut streams = self.streams();
            streams.clear_live();
            streams.err.write(question);
        }
        let mut answer = String::new();
        // End of input is the answer of somebody who left: no.
        io::stdin().lock().read_line(&mut answer).ok()?;
        let then = self.after_answer().clone();
        if let Some(then) = then {
            then();
        }
        Some(answer.trim().to_owned())
    }

    /// The same, but what is typed does not appear.
    pub(crate) fn ask_secret(&self, question: &str) -> Option<String> {
        if self.interaction() == Interaction::Impossible {
            return None;
        }
        {
            let mut streams = self.streams();
            streams.clear_live();
            streams.err.write(question);
        }
        rpassword::read_password().ok()
    }

    /// Everything was said; whether it could be written.
    ///
    /// # Errors
    /// When standard output took not all of it. A reader who went away is none.
    pub(crate) fn finish(&self) -> Result<(), io::Error> {
        let mut streams = self.streams();
        streams.clear_live();
        streams.out.finish()
    }
}

impl Streams {
    /// Heads the stream that is about to be written to, unless the reader knows.
    fn head(&mut self, on: On) {
        let Headed::Needed { what, out, err } = &mut self.headed else {
            return;
        };
        let (this, other) = match on {
            On::Out => (out, *err),
            On::Err => (err, *out),
        };
        // Two terminals are one screen, and two pipes usually end in one log.
        if *this || other && self.out.terminal == self.err.terminal {
            return;
        }
        *this = true;
        let line = format!("{}  {what}\n\n", paint(SIMULATED, "SIMULATED"));
        match on {
            On::Out => self.out.write(&line),
            On::Err => self.err.write(&line),
        }
    }

    /// What moves the cursor up over the live lines and takes them away.
    fn rewind(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\r\x1b[J"),
        }
    }

    fn clear_live(&mut self) {
        let text = self.rewind();
        if !text.is_empty() {
            self.err.redraw(&text, "");
        }
    }
}

/// A stream that is written to in large pieces.
struct Pieces<'a>(&'a mut Stream);

/// How large.
const PIECE: usize = 1 << 16;

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A document as a text. Its `Display` would hand it over in small pieces, of which a large plan has millions.
pub(crate) fn pretty(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("a document has text keys only");
    text.push('\n');
    text
}

impl Stream {
    fn new(to: Box<dyn Write + Send>, terminal: bool, settings: &Settings) -> Self {
        let styles = match settings.color {
            ColorWish::Always => Styles::Kept,
            ColorWish::OnTerminal if terminal => Styles::Kept,
            ColorWish::OnTerminal | ColorWish::Never => Styles::Removed,
        };
        Self {
            to,
            styles,
            terminal,
            reader: settings.reader,
            state: StreamState::Open,
        }
    }

    fn write(&mut self, text: &str) {
        self.put(text, Sort::Text);
    }

    fn put(&mut self, text: &str, sort: Sort) {
        let said = self.as_said(text, sort);
        self.write_bytes(said.as_bytes());
    }

    fn document(&mut self, document: &impl Serialize) {
        match self.reader {
            Reader::Runner => self.write_bytes(runner::disarmed_json(&pretty(document)).as_bytes()),
            Reader::Anybody => {
                let mut to = BufWriter::with_capacity(PIECE, Pieces(self));
                serde_json::to_writer_pretty(&mut to, document)
                    .map_err(io::Error::from)
                    .and_then(|()| to.write_all(b"\n"))
                    .and_then(|()| to.flush())
                    .expect("a stream takes whatever it is given, and keeps what went wrong");
            }
        }
    }

    /// Cursor movements reach the terminal even where colours do not.
    fn redraw(&mut self, movements: &str, text: &str) {
        let said = self.as_said(text, Sort::Text);
        self.write_bytes(format!("{movements}{said}").as_bytes());
    }

    fn as_said<'a>(&self, text: &'a str, sort: Sort) -> Cow<'a, str> {
        let text = match self.styles {
            Styles::Kept => Cow::Borrowed(text),
            Styles::Removed if text.contains('\x1b') => Cow::Owned(anstream::adapter::strip_str(text).to_string()),
            Styles::Removed => Cow::Borrowed(text),
        };
        match (self.reader, sort) {
            (Reader::Anybody, _) | (Reader::Runner, Sort::Data | Sort::Commands) => text,
            (Reader::Runner, Sort::Text) => runner::disarmed(&text).into(),
            (Reader::Runner, Sort::JsonLines) => runner::disarmed_json(&text).into_owned().into(),
        }
    }

    fn write_bytes(&mut self, bytes: &[u8]) {
        if !matches!(self.state, StreamState::Open) {
            return;
        }
        if let Err(error) = self.to.write_all(bytes).and_then(|()| self.to.flush()) {
            self.state = match error.kind() {
                io::ErrorKind::BrokenPipe => StreamState::Closed,
                _ => StreamState::Failed(error),
            };
        }
    }

    fn finish(&mut self) -> Result<(), io::Error> {
        match std::mem::replace(&mut self.state, StreamState::Closed) {
            StreamState::Open | StreamState::Closed => Ok(()),
            StreamState::Failed(error) => Err(error),
        }
    }
}

#[cfg(test)]
pub(crate) mod recorded {
    //! Streams that can be read back.

    use super::*;

    /// What was written.
    #[derive(Clone, Default)]
    pub(crate) struct Recording(Arc<Mutex<Vec<u8>>>);

    impl Recording {
        /// As text.
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Recording {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A stream whose reader went away.
    pub(crate) struct Deaf;

    impl Write for Deaf {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Ui {
        /// One whose streams are these, without colours and questions.
        pub(crate) fn over(
            out: impl Write + Send + 'static,
            err: impl Write + Send + 'static,
            verbosity: Verbosity,
            live: LiveLines,
        ) -> Self {
            let settings = Settings {
                color: ColorWish::Never,
                verbosity,
                questions: Interaction::Impossible,
                reader: Reader::Anybody,
            };
            let stream = |to, terminal| Stream::new(to, terminal, &settings);
            Self(Arc::new(Shared {
                streams: Mutex::new(Streams {
                    out: stream(Box::new(out), false),
                    err: stream(Box::new(err), live == LiveLines::Shown),
                    drawn: 0,
                    headed: Headed::NotNeeded,
                    answered: false,
                }),
                settings,
                width: 80,
                live,
                after_answers: Mutex::new(None),
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::recorded::{Deaf, Recording};
    use super::*;

    fn recorded(verbosity: Verbosity, live: LiveLines) -> (Ui, Recording, Recording) {
        let (out, err) = (Recording::default(), Recording::default());
        (Ui::over(out.clone(), err.clone(), verbosity, live), out, err)
    }

    #[test]
    fn what_is_simulated_is_headed_once_and_never_in_data() {
        let (ui, out, err) = recorded(Verbosity::Normal, LiveLines::Not);
        ui.simulated("against the simulator");
        ui.data("{}\n");
        assert_eq!(out.text(), "{}\n");
        ui.show("a plan\n");
        ui.say("working\n");
        assert_eq!(out.text(), "{}\nSIMULATED  against the simulator\n\na plan\n");
        assert_eq!(err.text(), "working\n");
    }

    #[test]
    fn a_terminal_says_that_it_is_simulated_when_the_results_go_elsewhere() {
        let (ui, out, err) = recorded(Verbosity::Normal, LiveLines::Shown);
        ui.simulated("against the simulator");
        ui.say("working\n");
        assert_eq!(
            (out.text().as_str(), err.text().as_str()),
            ("", "SIMULATED  against the simulator\n\nworking\n")
        );
        ui.show("a plan\n");
        assert_eq!(out.text(), "SIMULATED  against the simulator\n\na plan\n");
    }

    #[test]
    fn quiet_keeps_results_and_alerts() {
        let (ui, out, err) = recorded(Verbosity::Quiet, LiveLines::Not);
        ui.say("working\n");
        ui.alert("error: it broke\n");
        ui.show("result\n");
        assert_eq!(
            (out.text().as_str(), err.text().as_str()),
            ("result\n", "error: it broke\n")
        );
    }

    #[test]
    fn lines_that_change_are_replaced_and_gone_before_anything_else_is_said() {
        let (ui, out, err) = recorded(Verbosity::Normal, LiveLines::Shown);
        ui.draw(&["a 1".into(), "b 1".into()]);
        ui.draw(&["a 2".into()]);
        ui.show("result\n");
        assert_eq!(err.text(), "a 1\nb 1\n\u{1b}[2A\r\u{1b}[Ja 2\n\u{1b}[1A\r\u{1b}[J");
        assert_eq!(out.text(), "result\n");
    }

    #[test]
    fn a_runner_is_commanded_by_nobody_else() {
        let err = Recording::default();
        let settings = Settings {
            color: ColorWish::Never,
            verbosity: Verbosity::Normal,
            questions: Interaction::Impossible,
            reader: Reader::Runner,
        };
        let mut stream = Stream::new(Box::new(err.clone()), false, &settings);
        let (text, command) = ("##vso[task.complete]\n", "##vso[task.logissue type=error;]a\n");
        stream.write(text);
        stream.document(&text);
        stream.put(text, Sort::Data);
        stream.put(command, Sort::Commands);
        assert_eq!(
            err.text(),
            "# #vso[task.complete]\n\"##vso\\u005btask.complete]\\n\"\n##vso[task.complete]\n##vso[task.logissue type=error;]a\n"
        );
    }

    #[test]
    fn a_reader_who_went_away_is_no_error_and_work_goes_on() {
        let err = Recording::default();
        let ui = Ui::over(Deaf, err.clone(), Verbosity::Normal, LiveLines::Not);
        ui.show("a long plan\n");
        ui.show("more of it\n");
        ui.say("working\n");
        assert!(ui.finish().is_ok());
        assert_eq!(err.text(), "working\n");
    }
}
