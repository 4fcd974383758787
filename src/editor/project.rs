//! What the files of a configuration declare, for an editor.

use std::ops::Range;

use super::outline::{Block, Outline};

/// The files of a directory, the open ones as they are in the editor.
pub struct Project {
    /// The files: those of the directory, then those of the modules that it calls, whose names begin with their directory.
    pub files: Vec<File>,
    /// So many of them belong to the directory.
    own: usize,
}

/// A file.
pub struct File {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
    /// What it consists of.
    pub outline: Outline,
}

/// Something with a name.
pub struct Declared<'p> {
    /// The file, by its number.
    pub file: usize,
    /// The name.
    pub name: &'p str,
    /// The name's place.
    pub range: Range<usize>,
    /// The block that declares it.
    pub block: &'p Block,
}

impl Project {
    /// Of names and texts.
    pub fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let file = |(name, text): (String, String)| File {
            outline: Outline::of(&text),
            name,
            text,
        };
        let files: Vec<File> = files.into_iter().map(file).collect();
        let own = files.len();
        Self { files, own }
    }

    /// With the files of the modules that it calls, each named as seen from the directory, such as `modules/eu/main.hcl`.
    #[must_use]
    pub fn with_modules(mut self, files: impl IntoIterator<Item = (String, String)>) -> Self {
        self.files.extend(Self::of(files).files);
        self
    }

    /// What the module of a call declares with blocks of a kind, its variables or outputs.
    pub fn in_module<'p>(&'p self, call: &Declared<'_>, kind: &'p str) -> impl Iterator<Item = Declared<'p>> {
        let source = call.block.attribute("source");
        let source = source.map(|source| self.text(call.file, source.value.clone()).trim_matches('"'));
        let directory = source.map(|source| source.trim_start_matches("./").trim_end_matches('/').to_owned());
        let files = self.files.iter().enumerate().skip(self.own);
        let files = files.filter(move |(_, file)| {
            let place = file.name.rsplit_once('/').map(|(place, _)| place);
            place.is_some() && place == directory.as_deref()
        });
        files
            .flat_map(|(at, file)| file.outline.blocks.iter().map(move |block| (at, block)))
            .filter_map(move |(at, block)| labelled(at, block, kind))
    }

    /// The file of that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.files.iter().position(|file| file.name == name)
    }

    /// Every top-level block of a kind that has a label: resources, variables, outputs.
    pub fn labelled<'p>(&'p self, kind: &'p str) -> impl Iterator<Item = Declared<'p>> {
        self.blocks()
            .filter_map(move |(file, block)| labelled(file, block, kind))
    }

    /// Every local value: the name, and its place as that of its block's argument.
    pub fn locals(&self) -> impl Iterator<Item = (Declared<'_>, Range<usize>)> {
        let locals = self.blocks().filter(|(_, block)| block.kind.text == "locals");
        locals.flat_map(|(file, block)| {
            block.attributes.iter().map(move |attribute| {
                let declared = Declared {
                    file,
                    name: &attribute.name.text,
                    range: attribute.name.range.clone(),
                    block,
                };
                (declared, attribute.value.clone())
            })
        })
    }

    fn blocks(&self) -> impl Iterator<Item = (usize, &Block)> {
        let files = self.files.iter().take(self.own).enumerate();
        files.flat_map(|(at, file)| file.outline.blocks.iter().map(move |block| (at, block)))
    }

    /// The text of a range of a file.
    pub fn text(&self, file: usize, range: Range<usize>) -> &str {
        self.files
            .get(file)
            .and_then(|file| file.text.get(range))
            .unwrap_or_default()
            .trim()
    }
}

/// A block of a kind by its label.
fn labelled<'p>(file: usize, block: &'p Block, kind: &str) -> Option<Declared<'p>> {
    let label = block.labels.first().filter(|_| block.kind.text == kind)?;
    Some(Declared {
        file,
        name: &label.text,
        range: label.range.clone(),
        block,
    })
}
