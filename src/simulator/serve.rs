//! Puts a world behind HTTP on loopback: its own process, one per directory, until told to stop. Never decides what the
//! service answers; that is the world's.

mod authority;
mod connection;
mod door;
mod pace;

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::ClockMode;
use super::save::RestoreError;
use super::seed::{Seed, SeedError, digest};
use super::world::World;
use connection::Breakable;
use door::Door;
use pace::Pace;

/// Whether clients speak TLS to the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP alone.
    Off,
    /// At a second port, with a certificate of an authority made for this start; its certificate is written to `ca.pem` in
    /// the directory.
    OwnAuthority,
}

/// How to serve.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the world grows from when there is none yet, and returns to on reset; an empty world when absent.
    pub seed: Option<PathBuf>,
    /// Where the live world is kept.
    pub dir: PathBuf,
    /// The port, which is that of TLS where there is TLS; any free one when zero.
    pub port: u16,
    /// Whether clients speak TLS.
    pub tls: Tls,
    /// How simulated time passes; as it did before, or as the seed says, when absent.
    pub clock: Option<ClockMode>,
    /// Ends after so much real time without a request.
    pub idle_exit: Option<Duration>,
    /// The file that tells others where it serves.
    pub announce: PathBuf,
}

impl Options {
    /// The port of plain HTTP.
    fn plain_port(&self) -> u16 {
        match self.tls {
            Tls::Off => self.port,
            Tls::OwnAuthority => 0,
        }
    }
}

/// What the announced file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Port on 127.0.0.1 for plain HTTP: pgferry's own, whoever else is there.
    pub port: u16,
    /// Port on 127.0.0.1 for TLS, where that is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_port: Option<u16>,
    /// Process that serves.
    pub process_id: u32,
    /// Version of pgferry that serves.
    pub version: String,
    /// Digest of the seed the world grew from (see [`digest`]); empty without one.
    pub seed_digest: String,
}

/// Why serving ended otherwise than asked.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file or directory cannot be used.
    #[error("cannot {action} {path}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The seed is not one.
    #[error("cannot use the world file {path}", path = path.display())]
    Seed {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: SeedError,
    },
    /// The saved world is not one.
    #[error("cannot use the live world {path}; `simulator reset` makes a new one", path = path.display())]
    Restore {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: RestoreError,
    },
    /// Another simulator serves this directory.
    #[error("another simulator (process {process_id}) serves {dir}", dir = dir.display())]
    AlreadyServed {
        /// The directory.
        dir: PathBuf,
        /// Who serves it; zero when the other has not told yet.
        process_id: u32,
    },
    /// The port cannot be had.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port.
        port: u16,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate")]
    Certificate(#[source] authority::CertificateError),
    /// The server broke down.
    #[error("the server ended unexpectedly")]
    Server(#[source] io::Error),
    /// A fault told the service to die. What it had taken on is saved.
    #[error("the simulated service died, as a fault told it to")]
    ToldToDie,
}

/// Where a simulator for a working directory announces itself.
#[must_use]
pub fn announce_path(dir: &Path) -> PathBuf {
    dir.join(".pgferry").join("simulator.json")
}

/// Reads an announcement; nothing when there is none, or none that makes sense.
#[must_use]
pub fn read_announcement(path: &Path) -> Option<Announcement> {
    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok())
}

/// What tells a directory from its copies, and stays the same when it is moved; nothing where there is none.
#[must_use]
pub fn identity(dir: &Path) -> Option<String> {
    let directory = fs::metadata(dir).ok()?;
    Some(format!("{}:{}", directory.dev(), directory.ino()))
}

/// Drops the live world of a directory that nobody serves, so that the next start grows it from the seed.
///
/// # Errors
/// When somebody serves it, or the file cannot be removed.
pub fn forget(dir: &Path) -> Result<(), ServeError> {
    let _lock = lock(dir)?;
    let path = dir.join(WORLD_FILE);
    match fs::remove_file(&path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(ServeError::File {
            action: "remove",
            path,
            source,
        }),
    }
}

/// The live world.
const WORLD_FILE: &str = "world.json";

/// Serves until `stop` is ready, a client asks for shutdown, or nobody asked anything for long.
///
/// # Errors
/// When it cannot begin, or a fault tells it to die.
pub async fn serve(options: Options, stop: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
    let _lock = lock(&options.dir)?;
    let seed = read_seed(options.seed.as_deref())?;
    let (world, clock, seed_digest) = begin(&options, &seed)?;
    let door = Door::new(
        world,
        Pace::new(options.clock.unwrap_or(clock), Instant::now()),
        options.seed.clone(),
        seed_digest,
        identity(&options.dir),
    );
    let mut entrances = Entrances {
        plain: listen(options.plain_port())?,
        secure: None,
    };
    if options.tls == Tls::OwnAuthority {
        let made = authority::certificate().map_err(ServeError::Certificate)?;
        write_atomically(&options.dir.join("ca.pem"), made.authority_pem.as_bytes())?;
        entrances.secure = Some((listen(options.port)?, made.config));
    }
    save(&door, &options.dir).await?;
    announce(&options, &entrances, &door)?;
    let outcome = run(&options, Arc::clone(&door), entrances, stop).await;
    remove_announcement(&options.announce);
    // What was taken on stays, whoever dies: Azure forgets nothing either.
    save(&door, &options.dir).await?;
    outcome
}

/// Where clients come in.
struct Entrances {
    plain: TcpListener,
    secure: Option<(TcpListener, RustlsConfig)>,
}

async fn run(
    options: &Options,
    door: Arc<Door>,
    entrances: Entrances,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let handle = axum_server::Handle::<SocketAddr>::new();
    let breakable = Breakable::new(door.breakers());
    let begin = |listener| {
        let server = axum_server::from_tcp(listener)?;
        io::Result::Ok(server.http1_only().handle(handle.clone()))
    };
    let plainly = async {
        let server = begin(entrances.plain)?.acceptor(breakable.clone());
        server.serve(door::service(&door, "http")).await
    };
    let securely = async {
        let Some((listener, certificate)) = entrances.secure else {
            return Ok(());
        };
        let acceptor = RustlsAcceptor::new(certificate).acceptor(breakable.clone());
        let server = begin(listener)?.acceptor(acceptor);
        server.serve(door::service(&door, "https")).await
    };
    let serving = async { tokio::try_join!(plainly, securely).map(|_| ()) };
    let leaving = async {
        tokio::select! {
            () = stop => {}
            () = door.stopped() => {}
            () = door.idle_for(options.idle_exit) => {}
            () = door.drive() => {}
            () = keep_saving(&door, &options.dir) => {}
        }
        door.close();
        if door.died() {
            handle.shutdown();
        } else {
            handle.graceful_shutdown(Some(GRACE));
        }
        // Never ready: the server itself ends the select below.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = serving => served.map_err(ServeError::Server)?,
        () = leaving => {}
    }
    if door.died() {
        Err(ServeError::ToldToDie)
    } else {
        Ok(())
    }
}

/// How long open requests may take when the service ends.
const GRACE: Duration = Duration::from_millis(300);

/// Takes the directory; held as long as the returned file lives.
fn lock(dir: &Path) -> Result<File, ServeError> {
    let file_error = |action, path: &Path| {
        let path = path.to_owned();
        move |source| ServeError::File { action, path, source }
    };
    fs::create_dir_all(dir).map_err(file_error("create", dir))?;
    let path = dir.join("lock");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(file_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).map_err(file_error("write", &path))?;
            write!(file, "{}", std::process::id()).map_err(file_error("write", &path))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let process_id = fs::read_to_string(&path)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0);
            Err(ServeError::AlreadyServed {
                dir: dir.to_owned(),
                process_id,
            })
        }
        Err(TryLockError::Error(source)) => Err(ServeError::File {
            action: "lock",
            path,
            source,
        }),
    }
}

fn read_seed(path: Option<&Path>) -> Result<Option<String>, ServeError> {
    let Some(path) = path else { return Ok(None) };
    fs::read_to_string(path).map(Some).map_err(|source| ServeError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// The live world if there is one, else what grows from the seed.
fn begin(options: &Options, seed: &Option<String>) -> Result<(World, ClockMode, String), ServeError> {
    let path = options.dir.join(WORLD_FILE);
    match fs::read(&path) {
        Ok(text) => {
            let mut restored = World::restore(&text).map_err(|source| ServeError::Restore { path, source })?;
            // A world that goes on needs no seed, so one that has become unusable stops nothing; it holds no vaults then.
            let seed = seed.as_deref().and_then(|seed| Seed::parse(seed).ok());
            restored.world.vaults = seed.map(|seed| seed.vaults).unwrap_or_default();
            Ok((restored.world, restored.clock, restored.seed_digest))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let path = options.seed.clone().unwrap_or_default();
            let (world, clock) =
                grown(seed.as_deref(), real_now()).map_err(|source| ServeError::Seed { path, source })?;
            Ok((world, clock, seed.as_deref().map(digest).unwrap_or_default()))
        }
        Err(source) => Err(ServeError::File {
            action: "read",
            path,
            source,
        }),
    }
}

/// The world of a seed, and how its time passes.
fn grown(seed: Option<&str>, now: Timestamp) -> Result<(World, ClockMode), SeedError> {
    let seed = seed.map_or_else(|| Ok(Seed::default()), Seed::parse)?;
    let clock = seed.clock.unwrap_or(ClockMode::Factor(120.0));
    Ok((World::grow(seed, now)?, clock))
}

#[expect(clippy::disallowed_methods, reason = "a world whose seed names no time begins now")]
fn real_now() -> Timestamp {
    Timestamp::now()
}

fn listen(port: u16) -> Result<TcpListener, ServeError> {
    let refused = |source| ServeError::Listen { port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(listener)
}

fn announce(options: &Options, entrances: &Entrances, door: &Door) -> Result<(), ServeError> {
    let port_of = |listener: &TcpListener| {
        let address = listener.local_addr().map_err(|source| ServeError::Listen {
            port: options.port,
            source,
        });
        address.map(|address| address.port())
    };
    let announcement = Announcement {
        port: port_of(&entrances.plain)?,
        tls_port: match &entrances.secure {
            Some((listener, _)) => Some(port_of(listener)?),
            None => None,
        },
        process_id: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed_digest: door.seed_digest(),
    };
    let text = serde_json::to_vec_pretty(&announcement).unwrap_or_default();
    if let Some(parent) = options.announce.parent() {
        fs::create_dir_all(parent).map_err(|source| ServeError::File {
            action: "create",
            path: parent.to_owned(),
            source,
        })?;
    }
    write_atomically(&options.announce, &text)
}

/// Removes the announcement, unless somebody else has announced there since.
fn remove_announcement(path: &Path) {
    if read_announcement(path).is_some_and(|announcement| announcement.process_id == std::process::id()) {
        // Whoever reads a stale announcement finds nobody listening; that is no reason to fail at the end.
        let _ = fs::remove_file(path);
    }
}

/// Nobody ever sees half a file.
fn write_atomically(path: &Path, text: &[u8]) -> Result<(), ServeError> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    written.map_err(|source| ServeError::File {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

async fn save(door: &Arc<Door>, dir: &Path) -> Result<(), ServeError> {
    let (text, path) = (door.saved(), dir.join(WORLD_FILE));
    let written = tokio::task::spawn_blocking(move || write_atomically(&path, &text)).await;
    written.unwrap_or_else(|panic| Err(ServeError::Server(io::Error::other(panic))))
}

/// Saves what changed, seldom enough that saving takes at most a few hundredths of the time.
async fn keep_saving(door: &Arc<Door>, dir: &Path) {
    let mut pause = LEAST_PAUSE;
    let mut saved = door.revision();
    loop {
        tokio::time::sleep(pause).await;
        let revision = door.revision();
        if revision == saved {
            continue;
        }
        let began = Instant::now();
        // A disk that is full now may have room at the next try, and at the end the error is told.
        if save(door, dir).await.is_ok() {
            saved = revision;
        }
        pause = (began.elapsed() * 30).max(LEAST_PAUSE);
    }
}

const LEAST_PAUSE: Duration = Duration::from_millis(250);
