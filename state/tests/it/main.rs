//! The local store seen from outside: what it does beyond what every store does, and what it makes of damage.
#![expect(clippy::unwrap_used, reason = "whatever goes wrong here fails a test")]

mod damage;
mod local;

use std::fs;
use std::io;
use std::path::Path;

use pgferry_state::{Actor, Holder, Intent};

fn intent(who: &str) -> Intent {
    let (who, process) = (Actor::new(who), std::process::id());
    let since = jiff::Timestamp::UNIX_EPOCH;
    Intent {
        holder: Holder {
            who,
            process,
            command: "test".to_owned(),
            run: None,
            since,
        },
    }
}

/// Copies a directory as it is at one moment: where a file was replaced meanwhile, everything is copied anew.
fn copy_dir(from: &Path, to: &Path) {
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        match try_copy(from, to) {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_dir_all(to).unwrap(),
            Err(error) => panic!("{}: {error}", from.display()),
        }
    }
    panic!("{} never stands still", from.display());
}

fn try_copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let goal = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            try_copy(&entry.path(), &goal)?;
        } else {
            fs::copy(entry.path(), goal)?;
        }
    }
    Ok(())
}
