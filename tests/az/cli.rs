//! The CLI, signed in to the simulator of a project, with a configuration of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{Ferry, Running, until};

/// The CLI.
pub(crate) struct Az {
    home: TempDir,
    authority: PathBuf,
    /// The simulator that it asks.
    _serving: Running,
}

impl Az {
    /// Serves a project's world with TLS, and signs in there as a service principal.
    pub(crate) fn of(ferry: &Ferry) -> Self {
        let mut serving = ferry.start(&["simulator", "serve", "--tls", "--clock", "event"]);
        let announced = || -> Option<Json> {
            let text = fs::read(ferry.path(".pgferry/simulator.json")).ok()?;
            serde_json::from_slice(&text).ok()
        };
        until("the simulator speaks TLS", || {
            assert!(!serving.has_ended(), "the simulator does not serve");
            announced().is_some_and(|told| told["tls_port"].is_u64())
        });
        let port = announced().unwrap()["tls_port"].as_u64().unwrap();
        let az = Self {
            home: tempfile::tempdir().unwrap(),
            authority: ferry.path(".pgferry/simulator/ca.pem"),
            _serving: serving,
        };
        let endpoint = format!("https://localhost:{port}");
        let _ = az.run(&[
            "cloud",
            "register",
            "-n",
            "Simulated",
            "--endpoint-resource-manager",
            &endpoint,
        ]);
        let _ = az.run(&["cloud", "set", "-n", "Simulated"]);
        let tenant = "00000000-0000-0000-0000-000000000000";
        let user = "00000000-0000-4000-8000-0000000000c1";
        let login = [
            "login",
            "--service-principal",
            "-u",
            user,
            "-p",
            "any",
            "--tenant",
            tenant,
        ];
        let accounts = az.run(&login);
        assert_eq!(accounts[0]["state"], "Enabled", "{accounts:#}");
        az
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/az/bin/az");
        assert!(
            program.exists(),
            "{} is not there; tests/run --long installs it",
            program.display()
        );
        Command::new(program)
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("LC_ALL", "C.UTF-8")
            .env("AZURE_CONFIG_DIR", self.home.path().join("az"))
            .env("REQUESTS_CA_BUNDLE", &self.authority)
            .env("AZURE_CORE_COLLECT_TELEMETRY", "no")
            .env("AZURE_CORE_ONLY_SHOW_ERRORS", "yes")
            // Clouds that Microsoft does not know vouch for themselves.
            .env("AZURE_CORE_INSTANCE_DISCOVERY", "no")
            .output()
            .unwrap()
    }

    /// Runs a command, insists that it went well, and answers with what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> Json {
        let output = self.output(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "az {arguments:?}\n{out}\n{err}");
        serde_json::from_str(&out).unwrap_or(Json::Null)
    }

    /// Runs a command, insists that it failed, and answers with what it said.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(!output.status.success(), "az {arguments:?}\n{}", text(&output.stdout));
        text(&output.stderr)
    }

    /// A command about the migrations of a server.
    pub(crate) fn migration(&self, verb: &str, group: &str, server: &str, more: &[&str]) -> Json {
        let arguments = migration(verb, group, server);
        self.run(&[&arguments[..], more].concat())
    }

    /// Writes the properties of a migration where the CLI reads them.
    pub(crate) fn properties(&self, properties: &Json) -> String {
        let path = self.home.path().join("migration.json");
        fs::write(&path, serde_json::to_vec(properties).unwrap()).unwrap();
        path.display().to_string()
    }
}

/// The beginning of a command about the migrations of a server.
pub(crate) fn migration<'a>(verb: &'a str, group: &'a str, server: &'a str) -> [&'a str; 8] {
    [
        "postgres",
        "flexible-server",
        "migration",
        verb,
        "-g",
        group,
        "-s",
        server,
    ]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
