//! PostgreSQL servers of our own on loopback, for the simulator and for tests. It never touches a server that it did not start.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use thiserror::Error;
use tokio::process::Command;

use crate::database::{ChannelBinding, Endpoint, Host, Port, Roots, SslMode, UserName, WordError};
use crate::secret::Secret;

/// The user id that a server runs as when pgferry itself is root, which PostgreSQL refuses to be: `nobody`.
const NOBODY: u32 = 65534;

/// The server programs of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs(PathBuf);

/// A running server. It is stopped when this is dropped, and also when the whole process dies.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: Programs,
    owner: Option<u32>,
    port: Port,
    password: Secret,
    /// Waits for its standard input to close, which the death of this process does too, and then stops the server.
    guardian: Child,
}

/// What becomes of a server's folder once it has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It stays, and can be started again.
    Keep,
    /// It goes.
    Remove,
}

/// Why no server of our own is running.
#[derive(Debug, Error)]
pub enum LocalError {
    /// A file or folder of the server cannot be made.
    #[error("cannot prepare `{path}`")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program cannot be run.
    #[error("cannot run `{program}`")]
    Program {
        /// Which.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("`{program}` failed: {said}")]
    Failed {
        /// Which.
        program: PathBuf,
        /// What it said.
        said: String,
    },
    /// No free port.
    #[error("no port is free on loopback")]
    NoPort(#[source] io::Error),
    /// A made-up word of ours is refused, which names the defect.
    #[error("cannot name the server")]
    Word(#[from] WordError),
}

impl Programs {
    /// The programs in a folder such as `/usr/lib/postgresql/17/bin`, when all that is needed is there.
    pub fn in_folder(folder: &Path) -> Option<Self> {
        let complete = ["initdb", "pg_ctl", "postgres"]
            .iter()
            .all(|program| folder.join(program).is_file());
        complete.then(|| Self(folder.to_owned()))
    }

    /// The path of one program.
    pub fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }
}

impl Cluster {
    /// Makes a new server in `folder`, which must exist and be empty, and starts it with these settings on top.
    ///
    /// # Errors
    /// When a program is missing or fails; what it said is told.
    pub async fn create(
        programs: &Programs,
        folder: &Path,
        password: Secret,
        settings: &[(&str, &str)],
        afterwards: Afterwards,
    ) -> Result<Self, LocalError> {
        let owner = runs_as(folder)?;
        let word = folder.join("word");
        let trouble = |source| LocalError::Folder {
            path: folder.to_owned(),
            source,
        };
        std::fs::write(&word, password.expose()).map_err(trouble)?;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).map_err(trouble)?;
        if let Some(owner) = owner {
            chown(folder, Some(owner), None).map_err(trouble)?;
            chown(&word, Some(owner), None).map_err(trouble)?;
        }
        let mut initdb = command(&programs.path("initdb"), owner);
        initdb
            .args([
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
                "--username=postgres",
                "--auth=scram-sha-256",
            ])
            .arg("--pwfile")
            .arg(&word)
            .arg("--pgdata")
            .arg(folder.join("data"));
        finish(initdb, &programs.path("initdb")).await?;
        std::fs::remove_file(&word).map_err(trouble)?;
        Self::start(programs, folder, password, settings, afterwards).await
    }

    /// Starts the server that was made in `folder`.
    ///
    /// # Errors
    /// When a program is missing or fails; what the server's log says is told.
    pub async fn start(
        programs: &Programs,
        folder: &Path,
        password: Secret,
        settings: &[(&str, &str)],
        afterwards: Afterwards,
    ) -> Result<Self, LocalError> {
        let owner = runs_as(&folder.join("data"))?;
        let port = free_port()?;
        let mut options = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off -c full_page_writes=off"
        );
        for (name, value) in settings {
            options.push_str(&format!(" -c {name}={value}"));
        }
        let pg_ctl = programs.path("pg_ctl");
        let log = folder.join("log");
        let mut start = command(&pg_ctl, owner);
        start
            .args(["start", "-w", "-s", "-t", "60"])
            .arg("-D")
            .arg(folder.join("data"))
            .arg("-l")
            .arg(&log)
            .arg("-o")
            .arg(&options)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = start.status().await.map_err(|source| LocalError::Program {
            program: pg_ctl.clone(),
            source,
        })?;
        if !status.success() {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let said = said.lines().rev().take(5).collect::<Vec<_>>().join(" | ");
            return Err(LocalError::Failed { program: pg_ctl, said });
        }
        Ok(Self {
            folder: folder.to_owned(),
            guardian: guardian(&pg_ctl, folder, owner, afterwards)?,
            programs: programs.clone(),
            owner,
            port,
            password,
        })
    }

    /// How its administrator signs in, without TLS.
    ///
    /// # Errors
    /// Never, as long as loopback has an address.
    pub fn endpoint(&self) -> Result<Endpoint, LocalError> {
        Ok(Endpoint {
            host: "127.0.0.1".parse::<Host>()?,
            port: self.port,
            via: None,
            user: "postgres".parse::<UserName>()?,
            password: Some(self.password.clone()),
            ssl_mode: SslMode::Disable,
            roots: Roots::System,
            channel_binding: ChannelBinding::Prefer,
        })
    }

    /// The folder with its data, its log and its configuration.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file into the data folder, readable by the server only, as it demands of keys.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn place(&self, name: &str, text: &str) -> Result<(), LocalError> {
        let path = self.folder.join("data").join(name);
        let write = || {
            std::fs::write(&path, text)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            match self.owner {
                Some(owner) => chown(&path, Some(owner), None),
                None => Ok(()),
            }
        };
        write().map_err(|source| LocalError::Folder {
            path: path.clone(),
            source,
        })
    }

    /// Makes the server read its configuration again.
    ///
    /// # Errors
    /// When the program fails.
    pub async fn reload(&self) -> Result<(), LocalError> {
        let pg_ctl = self.programs.path("pg_ctl");
        let mut reload = command(&pg_ctl, self.owner);
        reload.args(["reload", "-s", "-D"]).arg(self.folder.join("data"));
        finish(reload, &pg_ctl).await
    }

    /// Stops the server at once, as a crash would.
    ///
    /// # Errors
    /// When the guardian cannot be waited for.
    pub fn stop(mut self) -> Result<(), LocalError> {
        self.end().map_err(|source| LocalError::Program {
            program: self.programs.path("pg_ctl"),
            source,
        })
    }

    fn end(&mut self) -> io::Result<()> {
        drop(self.guardian.stdin.take());
        self.guardian.wait().map(|_| ())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A guardian that cannot be waited for still does its work.
        let _ = self.end();
    }
}

/// Root hands its servers to `nobody`; everybody else runs them as themselves.
fn runs_as(folder: &Path) -> Result<Option<u32>, LocalError> {
    let owner = std::fs::metadata(folder)
        .map_err(|source| LocalError::Folder {
            path: folder.to_owned(),
            source,
        })?
        .uid();
    Ok(matches!(owner, 0 | NOBODY).then_some(NOBODY))
}

fn free_port() -> Result<Port, LocalError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(LocalError::NoPort)?;
    let address = listener.local_addr().map_err(LocalError::NoPort)?;
    Ok(Port::new(address.port())?)
}

fn command(program: &Path, owner: Option<u32>) -> Command {
    let mut command = Command::new(program);
    // Servers must not depend on who starts them: locale, PG* variables and the like stay outside.
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .current_dir("/");
    if let Some(owner) = owner {
        command.uid(owner).gid(owner);
    }
    command
}

async fn finish(mut command: Command, program: &Path) -> Result<(), LocalError> {
    let output = command.output().await.map_err(|source| LocalError::Program {
        program: program.to_owned(),
        source,
    })?;
    if output.status.success() {
        Ok(())
    } else {
        Err(LocalError::Failed {
            program: program.to_owned(),
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}

fn guardian(pg_ctl: &Path, folder: &Path, owner: Option<u32>, afterwards: Afterwards) -> Result<Child, LocalError> {
    let shell = Path::new("/bin/sh");
    let stop = "cat >/dev/null; \"$1\" stop -s -w -m immediate -D \"$2/data\"";
    let script = match afterwards {
        Afterwards::Keep => stop.to_owned(),
        Afterwards::Remove => format!("{stop}; rm -rf -- \"$2\""),
    };
    let mut command = command(shell, owner).into_std();
    command
        .args(["-c", &script, "guardian"])
        .arg(pg_ctl)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().map_err(|source| LocalError::Program {
        program: shell.to_owned(),
        source,
    })
}
