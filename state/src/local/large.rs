//! Texts that are too large for a database row, each in a file named by its hash. Never changes a file once written.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::layout::{Layout, create_private_dir, io_error, remove_file, write_whole};
use crate::hex;
use crate::ledger::LargeTexts;
use crate::rows::{Content, LargeRef, RowKey};
use crate::store::{Damage, Keeper, StoreError};

/// The longest text that stays in its row. A page of the database holds up to 16 rows, and pages over 128 KiB are put
/// by sled into files that it never syncs; with the longest keys, 16 rows of this size stay under that.
const LONGEST_INLINE: usize = 4 * 1024;

/// The files of one state's large texts.
#[derive(Clone, Debug)]
pub(super) struct LargeFiles {
    layout: Layout,
}

impl LargeFiles {
    pub(super) fn new(layout: &Layout) -> Self {
        Self { layout: layout.clone() }
    }

    /// Moves a text that is too large for its row into a file, durably.
    pub(super) fn settle(&self, content: &mut Content) -> Result<(), StoreError> {
        let Content::Inline(text) = content else { return Ok(()) };
        if text.len() <= LONGEST_INLINE {
            return Ok(());
        }
        let name = LargeRef::to(text);
        create_private_dir(&self.layout.large())?;
        write_whole(&self.path(name), text.as_bytes())?;
        *content = Content::Large(name);
        Ok(())
    }

    /// Removes every file that is not in use.
    pub(super) fn keep_only(&self, used: &BTreeSet<LargeRef>) -> Result<(), StoreError> {
        let dir = self.layout.large();
        let used: BTreeSet<String> = used.iter().map(file_name).collect();
        for entry in fs::read_dir(&dir).map_err(io_error("read", &dir))? {
            let entry = entry.map_err(io_error("read", &dir))?;
            if !entry.file_name().to_str().is_some_and(|name| used.contains(name)) {
                remove_file(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        self.layout.large().is_dir()
    }

    fn path(&self, name: LargeRef) -> PathBuf {
        self.layout.large().join(file_name(&name))
    }
}

impl LargeTexts for LargeFiles {
    fn read(&self, name: LargeRef) -> Result<Arc<str>, StoreError> {
        let path = self.path(name);
        match fs::read(&path).map(String::from_utf8) {
            Ok(Ok(text)) if LargeRef::to(&text) == name => Ok(text.into()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_error("read", &path)(error)),
            Ok(_) | Err(_) => Err(StoreError::Corrupt {
                path,
                damage: Damage::LargeDocument,
                keeper: Keeper::Directory,
                last_good: None,
            }),
        }
    }

    fn meaningless(&self, what: &RowKey, why: serde_json::Error) -> StoreError {
        let damage = Damage::Meaning {
            what: what.to_string(),
            why: why.to_string(),
        };
        StoreError::Corrupt {
            path: self.layout.database(),
            damage,
            keeper: Keeper::Directory,
            last_good: None,
        }
    }
}

fn file_name(name: &LargeRef) -> String {
    format!("{}.json", hex::encode(&name.0))
}
