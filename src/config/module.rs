//! The directories of a configuration: the root, and those that `module` blocks name, each read and parsed once. It evaluates
//! nothing and opens no file itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::lost::Lost;
use crate::config::overriding;
use crate::config::parse::{self, Parsed, RawBlock};
use crate::config::source::{ReadError, Role, SourceFile, Sources, Unreadable};
use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Span};
use crate::lang::code;
use crate::lang::expr::Node;

/// What a module's source must look like.
const LOCAL_ONLY: &str = "modules come from directories of this repository: `source = \"./modules/server\"`";

/// Everything that is written: the blocks of the root and of every module that it calls.
#[derive(Debug)]
pub struct Configuration {
    /// The root's blocks.
    pub root: Vec<RawBlock>,
    /// What the root may declare besides, where not all of it could be read.
    pub(super) lost: Lost,
    /// Blocks of modules by the directory that they lie in, as seen from the root, with what they may declare besides.
    modules: BTreeMap<Arc<str>, (Vec<RawBlock>, Lost)>,
    /// The first name of each directory by every name that is used.
    names: BTreeMap<Arc<str>, Arc<str>>,
}

/// The root's directory, as seen from itself.
pub(super) const ROOT: &str = ".";

/// Reads and parses the root and every module. At least one problem of every block that has one is found.
///
/// # Errors
/// All that is wrong with the texts, and sources of modules that lead nowhere.
pub fn parse(sources: &mut Sources) -> Result<Configuration, Diagnostics> {
    let (configuration, found) = parsed(sources);
    found.or(configuration).map(|(configuration, _)| configuration)
}

/// The same where something is wrong: whatever could be read, beside all that is wrong with the rest.
pub fn parsed(sources: &mut Sources) -> (Configuration, Diagnostics) {
    let files: Vec<_> = sources.of_role(Role::Configuration).collect();
    let Parsed {
        blocks: root,
        lost,
        mut found,
    } = blocks_of(sources, ROOT, &files);
    let mut waiting = called(&root, ROOT, &mut found);
    let mut configuration = Configuration {
        lost,
        ..Configuration::of_root(root)
    };
    while let Some((directory, span)) = waiting.pop() {
        if configuration.names.contains_key(&directory) {
            continue;
        }
        let first = match sources.read_module(&directory) {
            Ok(first) => first,
            Err(error) => {
                found.push(unreadable(&error, span));
                continue;
            }
        };
        configuration.names.insert(directory, Arc::clone(&first));
        if &*first == ROOT || configuration.modules.contains_key(&first) {
            continue;
        }
        let files: Vec<_> = sources.of_module(&first).collect();
        let Parsed {
            blocks,
            lost,
            found: problems,
        } = blocks_of(sources, &first, &files);
        found.extend(problems);
        waiting.extend(called(&blocks, &first, &mut found));
        configuration.modules.insert(first, (blocks, lost));
    }
    (configuration, found)
}

/// The blocks of these files of a directory; what cannot be read of it is told, and may declare anything.
fn blocks_of(sources: &Sources, directory: &str, files: &[(FileId, &SourceFile)]) -> Parsed {
    let (over, base): (Vec<_>, Vec<_>) = files.iter().partition(|(_, file)| overriding::is_override(&file.name));
    let mut parsed = parse::blocks(&base);
    let over = parse::blocks(&over);
    parsed.lost.extend(over.lost);
    parsed.found.extend(over.found);
    let unreadable = sources.unreadable(directory).iter();
    for file in unreadable.filter(|file| matches!(file.role, Role::Configuration | Role::Module)) {
        parsed.lost.extend(Lost::anything());
        parsed.found.push(unreadable_file(file));
    }
    let problems = overriding::put_over(&mut parsed.blocks, &parsed.lost, over.blocks);
    parsed.found.extend(problems);
    parsed
}

impl Configuration {
    /// Without modules.
    pub fn of_root(root: Vec<RawBlock>) -> Self {
        Self {
            root,
            lost: Lost::default(),
            modules: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// The module that a block in the directory `from` calls: its directory, its blocks, and what it may declare besides.
    pub(super) fn called_by(&self, block: &RawBlock, from: &str) -> Option<(&str, &[RawBlock], &Lost)> {
        let named = source(block, from).ok()??;
        let first = self.names.get(&named)?;
        if &**first == ROOT {
            return Some((ROOT, &self.root, &self.lost));
        }
        let (directory, (blocks, lost)) = self.modules.get_key_value(first)?;
        Some((directory, blocks, lost))
    }
}

/// The directories that the `module` blocks of a directory name.
fn called(blocks: &[RawBlock], from: &str, found: &mut Diagnostics) -> Vec<(Arc<str>, Span)> {
    let mut directories = Vec::new();
    for block in blocks.iter().filter(|block| &*block.kind.value == "module") {
        let Some(attribute) = block.body.attribute("source") else {
            found.push(
                Diagnostic::error(code::MISSING_ARGUMENT, "missing argument")
                    .at(block.header, "`source` is missing")
                    .hint(LOCAL_ONLY),
            );
            continue;
        };
        match source(block, from) {
            Ok(Some(directory)) => directories.push((directory, attribute.expr.span)),
            Ok(None) => {}
            Err(problem) => found.push(*problem),
        }
    }
    directories
}

/// The directory that a `module` block names, as seen from the root. Nothing where there is no `source`.
fn source(block: &RawBlock, from: &str) -> Result<Option<Arc<str>>, Box<Diagnostic>> {
    let Some(attribute) = block.body.attribute("source") else {
        return Ok(None);
    };
    let span = attribute.expr.span;
    let refuse = |text: &str| Diagnostic::error(code::MODULE_SOURCE, "source of a module").at(span, text);
    let text = match &attribute.expr.node {
        Node::Literal(value) => value.as_text(),
        _ => None,
    };
    let Some(text) = text else {
        return Err(refuse("a plain string is required: modules are read before anything is evaluated").into());
    };
    if text == "." || text == ".." || text.starts_with("./") || text.starts_with("../") {
        return Ok(Some(joined(from, text).into()));
    }
    let is_address = text.contains("::") || text.contains("://") || text.starts_with("git@") || text.contains("?ref=");
    let parts = text.split('/').count();
    let hosted = text.split('/').next().is_some_and(|host| host.contains('.'));
    let problem = if is_address || hosted {
        refuse("this version takes no modules from the network")
            .hint("keep it in this repository, for example as a git submodule")
    } else if text.starts_with('/') {
        refuse("a path that starts at the root of the disk leads elsewhere on every machine")
    } else if parts == 3 && !text.starts_with("modules/") {
        refuse("this names a module of a registry, and there is no registry for pgferry")
            .hint(format!("for a directory write \"./{text}\""))
    } else {
        refuse("a path starts with `./` or `../`").hint(format!("did you mean \"./{text}\"?"))
    };
    Err(problem.hint(LOCAL_ONLY).into())
}

/// A relative path from a directory, without `.` and with as few `..` as can be; the root is `.`.
fn joined(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                None | Some(&"..") => parts.push(".."),
                Some(_) => {
                    parts.pop();
                }
            },
            name => parts.push(name),
        }
    }
    if parts.is_empty() {
        ROOT.to_owned()
    } else {
        parts.join("/")
    }
}

fn unreadable(error: &ReadError, span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::error(code::MODULE_SOURCE, "source of a module").at(span, error.to_string());
    match std::error::Error::source(error) {
        Some(cause) => diagnostic.detail(format!("The system says: {cause}.")),
        None => diagnostic,
    }
}

/// What to say of a file that counts and cannot be read.
pub(super) fn unreadable_file(file: &Unreadable) -> Diagnostic {
    let error = &*file.error;
    let told = match std::error::Error::source(error) {
        Some(cause) => format!("{error}. The system says: {cause}."),
        None => format!("{error}."),
    };
    let diagnostic = Diagnostic::error(code::UNREADABLE_FILE, "file that cannot be read").detail(told);
    match error {
        ReadError::NotText { .. } => diagnostic.hint("save the file as UTF-8"),
        ReadError::NoDirectory(_)
        | ReadError::NotADirectory(_)
        | ReadError::Empty(_)
        | ReadError::ForTerraform { .. }
        | ReadError::NotRegular(_)
        | ReadError::TooLarge { .. }
        | ReadError::NoFile(_)
        | ReadError::Refused { .. } => diagnostic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_root() {
        assert_eq!(joined(".", "./a"), "a");
        assert_eq!(joined("a/b", "../c/./d"), "a/c/d");
        assert_eq!(joined("a", "../../b"), "../b");
        assert_eq!(joined("../b", ".."), "..");
        assert_eq!(joined("a", ".."), ".");
    }
}
