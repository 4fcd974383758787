//! What the files of a configuration declare, for an editor.

use std::ops::Range;

use super::outline::{Block, Outline};

/// The files of a directory, the open ones as they are in the editor.
pub struct Project {
    /// The files.
    pub files: Vec<File>,
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
        Self {
            files: files.into_iter().map(file).collect(),
        }
    }

    /// The file of that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.files.iter().position(|file| file.name == name)
    }

    /// Every top-level block of a kind that has a label: resources, variables, outputs.
    pub fn labelled<'p>(&'p self, kind: &'p str) -> impl Iterator<Item = Declared<'p>> {
        self.blocks()
            .filter(move |(_, block)| block.kind.text == kind)
            .filter_map(|(file, block)| {
                let label = block.labels.first()?;
                Some(Declared {
                    file,
                    name: &label.text,
                    range: label.range.clone(),
                    block,
                })
            })
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
        let files = self.files.iter().enumerate();
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
