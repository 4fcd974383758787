//! A PostgreSQL server of the benchmark's own on loopback, which makes everything durable as servers do. It is killed when this
//! is dropped.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use pgferry_state::{Dial, SignInRefused};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Where `tests/run` installs the programs.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// Whom a server runs as where we are root, which PostgreSQL refuses to be: `nobody`.
const NOBODY: u32 = 65534;

pub(crate) struct Server {
    child: Child,
    port: u16,
    _folder: TempDir,
}

/// The way to the server.
pub(crate) struct ToServer(u16);

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let owner = (folder.path().metadata().unwrap().uid() == 0).then_some(NOBODY);
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        chown(folder.path(), owner, None).unwrap();
        let data = folder.path().join("data");
        let mut make = command("initdb", owner, folder.path());
        make.args([
            "--encoding=UTF8",
            "--locale=C",
            "--username=postgres",
            "--auth=trust",
            "--pgdata",
        ]);
        assert!(make.arg(&data).status().unwrap().success());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|free| free.local_addr())
            .unwrap()
            .port();
        let mut serve = command("postgres", owner, folder.path());
        serve.arg("-D").arg(&data).args(["-c", "listen_addresses=127.0.0.1"]);
        serve.args(["-c", &format!("port={port}"), "-c", "unix_socket_directories="]);
        let child = serve.spawn().unwrap();
        let server = Self {
            child,
            port,
            _folder: folder,
        };
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub(crate) fn dial(&self) -> ToServer {
        ToServer(self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever it leaves goes with its folder.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(program: &str, owner: Option<u32>, folder: &Path) -> Command {
    let mut command = Command::new(PathBuf::from(PROGRAMS).join(program));
    command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(owner) = owner {
        command.uid(owner);
    }
    command
}

#[async_trait]
impl Dial for ToServer {
    async fn dial(&self) -> Result<Client, SignInRefused> {
        let login = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.0);
        let mut tries = 0;
        loop {
            match tokio_postgres::connect(&login, NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return Ok(client);
                }
                // It listens before it lets anybody in.
                Err(_) if tries < 250 => tries += 1,
                Err(error) => return Err(SignInRefused(error.to_string())),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn place(&self) -> String {
        "the benchmark's server".to_owned()
    }
}
