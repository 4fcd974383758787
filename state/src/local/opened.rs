//! A local state from the inside: database, ledger and view, checked against each other. Whoever has one holds the lock.

use super::database::Database;
use super::large::LargeFiles;
use super::layout::Layout;
use super::occupancy::Occupancy;
use super::view;
use crate::ledger::Ledger;
use crate::snapshot::Serial;
use crate::store::{Damage, Holder, Keeper, StoreError};

/// The inside of a local state.
pub(super) struct Opened {
    pub(super) layout: Layout,
    pub(super) database: Database,
    pub(super) ledger: Ledger,
    pub(super) large: LargeFiles,
    /// The serial that the view in place shows.
    pub(super) viewed: Serial,
    occupancy: Occupancy,
}

/// What is known of the view before the state is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ViewTrust {
    /// It is whole as far as anybody knows.
    Whole,
    /// It was found damaged.
    Damaged,
}

impl Opened {
    /// Opens the state, creating it if it is new. Afterwards the view is there and shows everything.
    pub(super) fn open(layout: Layout, occupancy: Occupancy, trust: ViewTrust) -> Result<Self, StoreError> {
        match open_checked(&layout, trust) {
            Ok((database, ledger)) => {
                let (large, viewed) = (LargeFiles::new(&layout), ledger.serial());
                Ok(Self {
                    layout,
                    database,
                    ledger,
                    large,
                    viewed,
                    occupancy,
                })
            }
            Err(error) => {
                occupancy.retreat(&layout);
                Err(error)
            }
        }
    }

    /// Tells the others that a writer is inside.
    pub(super) fn announce(&mut self, holder: Holder) -> Result<(), StoreError> {
        self.occupancy.announce(&self.layout, holder)
    }

    /// Brings the view up to date, clears up and lets the next one in. Where this fails, the next one to look finds out
    /// that the view may lag.
    pub(super) fn close(self) -> Result<(), StoreError> {
        let Self {
            layout,
            database,
            ledger,
            large,
            viewed,
            occupancy,
        } = self;
        if viewed != ledger.serial() {
            view::write(&layout, &ledger)?;
        }
        if large.any() {
            let mut used = view::large_in_views(&layout)?;
            used.extend(ledger.rows().iter().filter_map(|(_, cell)| cell.content.elsewhere()));
            large.keep_only(&used)?;
        }
        database.close();
        occupancy.leave(&layout)
    }
}

/// The database and what is in it, in agreement with the view.
fn open_checked(layout: &Layout, trust: ViewTrust) -> Result<(Database, Ledger), StoreError> {
    if layout.stored_format()?.is_none() {
        layout.mark()?;
    }
    let header = view::header(layout)?;
    let view_exists = layout.view().is_file();
    let large = LargeFiles::new(layout);
    if !view_exists && !layout.has_database() {
        let ledger = Ledger::fresh();
        Database::make(layout, ledger.serial(), ledger.rows())?;
    }
    let mut database = Database::open(layout)?;
    let damaged = |damage| StoreError::Corrupt {
        path: layout.database(),
        damage,
        keeper: Keeper::Directory,
        last_good: None,
    };
    let ledger = match database.contents()? {
        Some((serial, rows)) => {
            if database.is_bloated(&rows)? {
                database = database.rewrite(layout, serial, &rows)?;
            }
            Ledger::of(serial, rows, &large)?.ok_or_else(|| damaged(Damage::Checksum))?
        }
        // The view is there before the first commit can be made, so where there is one, there was a database.
        None if view_exists => return Err(damaged(Damage::Database("it is empty".to_owned()))),
        None => {
            let ledger = Ledger::fresh();
            database = database.rewrite(layout, ledger.serial(), ledger.rows())?;
            ledger
        }
    };
    // A view of a state without a commit says nothing about one that was taken over since.
    let expected = ledger.head().lineage;
    let header = header.filter(|header| header.lineage == expected || header.serial != Serial::ZERO);
    if let Some(header) = &header {
        if header.lineage != expected {
            return Err(StoreError::LineageMismatch {
                expected,
                found: header.lineage,
            });
        }
        if header.serial > ledger.serial() {
            return Err(damaged(Damage::Behind {
                database: ledger.serial(),
                seen: header.serial,
            }));
        }
        view::keep_earlier(layout, header)?;
    }
    let is_current = header.is_some_and(|header| header.serial == ledger.serial());
    if !is_current || trust == ViewTrust::Damaged {
        view::write(layout, &ledger)?;
    }
    Ok((database, ledger))
}
