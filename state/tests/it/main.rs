//! The local store seen from outside: what it does beyond what every store does, and what it makes of damage.
#![expect(clippy::unwrap_used, reason = "whatever goes wrong here fails a test")]

mod damage;
mod local;

use std::fs;
use std::path::{Path, PathBuf};

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

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let goal: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &goal);
        } else {
            fs::copy(entry.path(), goal).unwrap();
        }
    }
}
