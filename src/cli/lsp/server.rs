//! The server's side of the protocol: open documents, requests and their answers. It reads files through [`check`](super::check) and
//! writes none.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value as Json, json};

use super::{check, uri};
use crate::cli::env::Env;
use crate::cli::exit::Exit;
use crate::cli::project::Wishes;
use crate::config::layout::formatted;
use crate::config::parse::check_syntax;
use crate::config::source::Role;
use crate::config::{ReadError, Sources};
use crate::diagnostic::FileId;
use crate::editor::outline::{Block, Word};
use crate::editor::{Item, ItemKind, Lines, Outline, Position, Project, complete, definition, hover};

/// What is to be done after a message.
pub(super) enum Turn {
    /// These are to be sent.
    Answer(Vec<Json>),
    /// The client wants no more.
    Exit,
}

/// Where the conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    Running,
    ShutDown,
}

/// The server.
pub(super) struct Server {
    stage: Stage,
    wishes: Wishes,
    env: Env,
    /// Texts by URI.
    documents: BTreeMap<String, Document>,
    /// Directories in which something changed.
    changed: BTreeSet<PathBuf>,
    /// What was told about, by directory.
    told: BTreeMap<PathBuf, BTreeSet<String>>,
}

struct Document {
    path: Option<PathBuf>,
    text: String,
}

/// Why a request has no result: the protocol's number, and words.
type Refusal = (i64, String);

fn bad(what: &str) -> Refusal {
    (-32602, format!("the parameters lack {what}"))
}

impl Server {
    /// One that knows no document.
    pub(super) fn new(wishes: Wishes, env: Env) -> Self {
        Self {
            stage: Stage::Fresh,
            wishes,
            env,
            documents: BTreeMap::new(),
            changed: BTreeSet::new(),
            told: BTreeMap::new(),
        }
    }

    /// How the process ends, as the protocol wants it.
    pub(super) fn exit(&self) -> Exit {
        match self.stage {
            Stage::ShutDown => Exit::Done,
            Stage::Fresh | Stage::Running => Exit::Error,
        }
    }

    /// Whether anything changed since the last check.
    pub(super) fn has_to_check(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Takes a message, or several in one.
    pub(super) fn receive(&mut self, message: &Json) -> Turn {
        let Some(method) = message.get("method").and_then(Json::as_str) else {
            // An answer to us, who ask nothing, or nothing that has a meaning.
            let answers = message.get("result").is_some() || message.get("error").is_some();
            return Turn::Answer(if answers {
                Vec::new()
            } else {
                let id = message.get("id").cloned().unwrap_or(Json::Null);
                vec![refused(&id, &(-32600, "this is no request".to_owned()))]
            });
        };
        let params = message.get("params").unwrap_or(&Json::Null);
        match (message.get("id"), method) {
            (None, "exit") => Turn::Exit,
            (None, _) => {
                if self.stage == Stage::Running {
                    self.notice(method, params);
                }
                Turn::Answer(Vec::new())
            }
            (Some(id), _) => Turn::Answer(vec![match self.answer(method, params) {
                Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
                Err(refusal) => refused(id, &refusal),
            }]),
        }
    }

    fn answer(&mut self, method: &str, params: &Json) -> Result<Json, Refusal> {
        match (self.stage, method) {
            (Stage::Fresh, "initialize") => {
                self.stage = Stage::Running;
                Ok(capabilities())
            }
            (Stage::Fresh, _) => Err((-32002, "the server is not initialized".to_owned())),
            (Stage::ShutDown, _) => Err((-32600, "the server was shut down".to_owned())),
            (Stage::Running, "shutdown") => {
                self.stage = Stage::ShutDown;
                Ok(Json::Null)
            }
            (Stage::Running, "textDocument/completion") => self.completion(params),
            (Stage::Running, "textDocument/hover") => self.hover(params),
            (Stage::Running, "textDocument/definition") => self.definition(params),
            (Stage::Running, "textDocument/documentSymbol") => self.symbols(params),
            (Stage::Running, "textDocument/formatting") => self.formatted(params),
            (Stage::Running, "initialize") => Err((-32600, "the server is initialized already".to_owned())),
            (Stage::Running, _) => Err((-32601, format!("there is no method `{method}` here"))),
        }
    }

    fn notice(&mut self, method: &str, params: &Json) {
        let Some(name) = params.pointer("/textDocument/uri").and_then(Json::as_str) else {
            return;
        };
        match method {
            "textDocument/didOpen" => {
                if let Some(text) = params.pointer("/textDocument/text").and_then(Json::as_str) {
                    let path = uri::path(name);
                    let text = text.to_owned();
                    self.documents.insert(name.to_owned(), Document { path, text });
                }
            }
            "textDocument/didChange" => {
                if let Some(document) = self.documents.get_mut(name) {
                    let changes = params.get("contentChanges").and_then(Json::as_array);
                    changes.into_iter().flatten().for_each(|change| document.change(change));
                }
            }
            "textDocument/didClose" => {
                if let Some(closed) = self.documents.remove(name) {
                    self.changed.extend(closed.directory());
                }
            }
            "textDocument/didSave" => {}
            _ => return,
        }
        self.changed
            .extend(self.documents.get(name).and_then(Document::directory));
        // Any of the others may call the changed directory as a module.
        let others = self.documents.values().filter_map(Document::directory);
        self.changed.extend(others.collect::<Vec<_>>());
    }

    /// Checks what changed, and tells of every file that has, or had, something wrong with it.
    pub(super) fn check(&mut self) -> Vec<Json> {
        let mut messages: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        for directory in std::mem::take(&mut self.changed) {
            let problems = match self.sources(&directory) {
                Ok(sources) => {
                    let names = |name: &str| self.uri_of(&directory, name);
                    check::problems(&directory, sources, &self.wishes, &self.env, &names)
                }
                Err(_) => BTreeMap::new(),
            };
            let mut told = BTreeSet::new();
            for (name, problems) in problems {
                let uri = self.uri_of(&directory, &name);
                // A module's file is told about by whoever calls it, too.
                let all = messages.entry(uri.clone()).or_default();
                let new = problems.into_iter().filter(|problem| !all.contains(problem));
                let new: Vec<Json> = new.collect();
                all.extend(new);
                told.insert(uri);
            }
            let before = self.told.insert(directory, told.clone()).unwrap_or_default();
            for gone in before.difference(&told) {
                messages.entry(gone.clone()).or_default();
            }
        }
        let messages = messages.into_iter();
        messages.map(|(uri, problems)| publish(&uri, problems)).collect()
    }

    fn open_in(&self, directory: &Path) -> BTreeMap<String, &str> {
        let open = self.documents.values().filter_map(|document| {
            let path = document.path.as_deref()?;
            let name = path.file_name()?.to_str()?;
            (path.parent()? == directory).then(|| (name.to_owned(), document.text.as_str()))
        });
        open.collect()
    }

    /// The files of a directory as they are in the editor, and those of its modules, too.
    fn sources(&self, directory: &Path) -> Result<Sources, ReadError> {
        let elsewhere = self.documents.values().filter_map(|document| {
            let path = document.path.clone()?;
            (path.parent()? != directory).then(|| (path, document.text.clone()))
        });
        check::sources(directory, &self.open_in(directory), elsewhere.collect())
    }

    fn uri_of(&self, directory: &Path, name: &str) -> String {
        let path = straight(&directory.join(name));
        let mut open = self.documents.iter();
        match open.find(|(_, document)| document.path.as_deref() == Some(&path)) {
            Some((uri, _)) => uri.clone(),
            None => uri::of(&path),
        }
    }

    fn document(&self, params: &Json) -> Result<&Document, Refusal> {
        let uri = params.pointer("/textDocument/uri").and_then(Json::as_str);
        let uri = uri.ok_or_else(|| bad("a document"))?;
        self.documents
            .get(uri)
            .ok_or_else(|| (-32602, format!("`{uri}` is not open")))
    }

    /// The project of a document, the document's number in it, and the byte that the parameters point at.
    fn place(&self, params: &Json) -> Result<(Project, usize, usize), Refusal> {
        let document = self.document(params)?;
        let position = params
            .get("position")
            .and_then(position)
            .ok_or_else(|| bad("a position"))?;
        let offset = Lines::of(&document.text).offset(position);
        let directory = document.directory();
        let name = document
            .path
            .as_deref()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str());
        if let (Some(directory), Some(name)) = (&directory, name)
            && let Ok(mut sources) = self.sources(directory)
        {
            // Modules are followed as far as they can be; what is wrong is told elsewhere.
            let _ = crate::config::parse(&mut sources);
            let of = |role| {
                let files = sources.of_role(role);
                files.map(|(_, file)| (file.name.clone(), file.text.to_string()))
            };
            let project = Project::of(of(Role::Configuration)).with_modules(of(Role::Module));
            if let Some(file) = project.find(name) {
                return Ok((project, file, offset));
            }
        }
        let alone = Project::of([(name.unwrap_or_default().to_owned(), document.text.clone())]);
        Ok((alone, 0, offset))
    }

    fn completion(&self, params: &Json) -> Result<Json, Refusal> {
        let (project, file, offset) = self.place(params)?;
        let text = project
            .files
            .get(file)
            .map(|file| file.text.as_str())
            .unwrap_or_default();
        let lines = Lines::of(text);
        let items = complete(&project, file, offset);
        let items: Vec<Json> = items
            .iter()
            .enumerate()
            .map(|(at, item)| completion_item(at, item, &lines))
            .collect();
        Ok(json!({ "isIncomplete": false, "items": items }))
    }

    fn hover(&self, params: &Json) -> Result<Json, Refusal> {
        let (project, file, offset) = self.place(params)?;
        let directory = self.document(params)?.directory();
        let constants = || {
            let sources = directory.as_ref().and_then(|directory| self.sources(directory).ok());
            sources
                .map(|sources| check::constants(sources, &self.env))
                .unwrap_or_default()
        };
        let Some((text, place)) = hover(&project, file, offset, &constants) else {
            return Ok(Json::Null);
        };
        Ok(json!({ "contents": { "kind": "markdown", "value": text }, "range": range_in(&project, file, place) }))
    }

    fn definition(&self, params: &Json) -> Result<Json, Refusal> {
        let (project, file, offset) = self.place(params)?;
        let document = self.document(params)?;
        let Some(target) = definition(&project, file, offset) else {
            return Ok(Json::Null);
        };
        let uri = match (document.directory(), project.files.get(target.file)) {
            (Some(directory), Some(file)) => self.uri_of(&directory, &file.name),
            _ => params
                .pointer("/textDocument/uri")
                .and_then(Json::as_str)
                .unwrap_or_default()
                .to_owned(),
        };
        Ok(json!({ "uri": uri, "range": range_in(&project, target.file, target.range) }))
    }

    fn symbols(&self, params: &Json) -> Result<Json, Refusal> {
        let document = self.document(params)?;
        let lines = Lines::of(&document.text);
        let outline = Outline::of(&document.text);
        Ok(outline.blocks.iter().map(|block| symbol(block, &lines)).collect())
    }

    fn formatted(&self, params: &Json) -> Result<Json, Refusal> {
        let document = self.document(params)?;
        Ok(match laid_out(&document.text) {
            Some(text) if text != document.text => {
                let whole = check::range(&Lines::of(&document.text), 0..document.text.len());
                json!([{ "range": whole, "newText": text }])
            }
            Some(_) | None => json!([]),
        })
    }
}

/// A path without the `..` that lead to modules beside the directory: an editor knows their files without them.
fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if straight.file_name().is_some() => {
                straight.pop();
            }
            part => straight.push(part),
        }
    }
    straight
}

impl Document {
    fn directory(&self) -> Option<PathBuf> {
        self.path.as_deref()?.parent().map(Path::to_owned)
    }

    /// Takes up a change: a range and its new text, or a whole new text.
    fn change(&mut self, change: &Json) {
        let Some(text) = change.get("text").and_then(Json::as_str) else {
            return;
        };
        let place = |name: &str| change.pointer(&format!("/range/{name}")).and_then(position);
        match (place("start"), place("end")) {
            (Some(start), Some(end)) => {
                let lines = Lines::of(&self.text);
                let (start, end) = (lines.offset(start), lines.offset(end));
                self.text.replace_range(start.min(end)..start.max(end), text);
            }
            _ => self.text = text.to_owned(),
        }
    }
}

fn capabilities() -> Json {
    json!({
        "capabilities": {
            "positionEncoding": "utf-16",
            "textDocumentSync": { "openClose": true, "change": 2, "save": {} },
            "completionProvider": { "triggerCharacters": ["."] },
            "hoverProvider": true,
            "definitionProvider": true,
            "documentSymbolProvider": true,
            "documentFormattingProvider": true,
        },
        "serverInfo": { "name": "pgferry", "version": env!("CARGO_PKG_VERSION") },
    })
}

fn refused(id: &Json, (code, message): &Refusal) -> Json {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

fn publish(uri: &str, problems: Vec<Json>) -> Json {
    json!({
        "jsonrpc": "2.0",
        "method": "textDocument/publishDiagnostics",
        "params": { "uri": uri, "diagnostics": problems },
    })
}

/// A place, held within what counts as one: numbers may be anything.
fn position(json: &Json) -> Option<Position> {
    let number = |name: &str| {
        let number = json.get(name)?.as_u64()?;
        Some(u32::try_from(number).unwrap_or(u32::MAX))
    };
    Some(Position {
        line: number("line")?,
        character: number("character")?,
    })
}

fn range_in(project: &Project, file: usize, range: Range<usize>) -> Json {
    let text = project
        .files
        .get(file)
        .map(|file| file.text.as_str())
        .unwrap_or_default();
    check::range(&Lines::of(text), range)
}

fn completion_item(at: usize, item: &Item, lines: &Lines<'_>) -> Json {
    // Numbers of the protocol's CompletionItemKind.
    let kind = match item.kind {
        ItemKind::Block => 7,
        ItemKind::Argument => 10,
        ItemKind::Word => 20,
        ItemKind::Reference => 6,
        ItemKind::Function => 3,
    };
    json!({
        "label": item.label,
        "kind": kind,
        "detail": item.detail,
        "documentation": { "kind": "markdown", "value": item.documentation },
        // The order is ours: what fits best comes first.
        "sortText": format!("{at:05}"),
        "filterText": item.insert,
        "textEdit": { "range": check::range(lines, item.range.clone()), "newText": item.insert },
    })
}

/// A block as a symbol, with what stands in it below it.
fn symbol(block: &Block, lines: &Lines<'_>) -> Json {
    let named = block.labels.first().unwrap_or(&block.kind);
    let locals = block.attributes.iter().filter(|_| block.kind.text == "locals");
    let locals = locals.map(|attribute| {
        let whole = attribute.name.range.start..attribute.value.end;
        entry(&attribute.name.text, 13, whole, &attribute.name, lines, Vec::new())
    });
    let nested = block.blocks.iter().map(|nested| symbol(nested, lines));
    let children: Vec<Json> = locals.chain(nested).collect();
    // Numbers of the protocol's SymbolKind: a class for what becomes something, a variable, a namespace for the rest.
    let kind = match block.kind.text.as_str() {
        "variable" | "output" => 13,
        _ if block.labels.is_empty() => 3,
        _ => 5,
    };
    entry(&block.header(), kind, block.whole.clone(), named, lines, children)
}

fn entry(name: &str, kind: u32, whole: Range<usize>, word: &Word, lines: &Lines<'_>, children: Vec<Json>) -> Json {
    // The protocol wants the one within the other.
    let whole = whole.start.min(word.range.start)..whole.end.max(word.range.end);
    json!({
        "name": name,
        "kind": kind,
        "range": check::range(lines, whole),
        "selectionRange": check::range(lines, word.range.clone()),
        "children": children,
    })
}

/// The text in the usual layout; nothing where it does not follow the grammar, and so cannot be laid out.
fn laid_out(text: &str) -> Option<String> {
    let sources = Sources::from_texts([("main.hcl", text)]);
    let file = sources.file(FileId(0))?;
    check_syntax(FileId(0), file).ok()?;
    Some(formatted(text))
}
