//! A project in a directory of its own, the built pgferry in front of it and a simulator behind it. Nothing of the
//! environment reaches the commands, and nothing of them reaches beyond the directory and loopback.

pub(crate) mod backend;
pub(crate) mod gate;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;

/// A password that must never be seen anywhere but in a request.
pub(crate) const PASSWORD: &str = "c0rrect-h0rse/battery+staple";

/// A project.
pub(crate) struct Ferry {
    folder: TempDir,
    given: Vec<(String, String)>,
    /// What stands between it and the service that keeps its state.
    gate: Option<gate::Gate>,
}

/// What a command answered.
#[must_use]
#[derive(Debug)]
pub(crate) struct Answer {
    /// Exit code; negative for a signal.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// A command that is still running; killed when it goes out of sight.
pub(crate) struct Running {
    child: Child,
}

/// Copies files and folders, but for what is hidden.
fn copy_below(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_file() {
            fs::copy(&path, to.join(name)).unwrap();
        } else if !name.to_string_lossy().starts_with('.') {
            fs::create_dir(to.join(name)).unwrap();
            copy_below(&path, &to.join(name));
        }
    }
}

/// Holds a document against one of the schemas that are promised.
pub(crate) fn follows_schema(name: &str, document: &Json) {
    let schema = fs::read(root().join("schemas/pgferry").join(name)).unwrap();
    let schema: Json = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut surprising = document.clone();
    surprising["surprise"] = 1.into();
    assert!(!validator.is_valid(&surprising), "a new member is a decision");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Ferry {
    /// A copy of an example, its simulator's clock jumping from event to event.
    pub(crate) fn example(name: &str) -> Self {
        Self::copy(&root().join("examples").join(name))
    }

    /// A project of the kinds that the quickstart does without.
    pub(crate) fn guarded() -> Self {
        Self::copy(&root().join("tests/cases/guarded"))
    }

    /// A project of this text, on the world of the quickstart.
    pub(crate) fn of(text: &str) -> Self {
        let ferry = Self::example("quickstart");
        ferry.write("main.hcl", text);
        ferry
    }

    /// A copy of a directory.
    pub(crate) fn copy(from: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_below(from, folder.path());
        let ferry = Self {
            folder,
            given: Vec::new(),
            gate: None,
        };
        ferry.world(|world| world["clock"] = "event".into());
        ferry
    }

    /// Changes the seed of the world.
    pub(crate) fn world(&self, change: impl FnOnce(&mut Json)) {
        let path = self.path("world.json");
        if !path.exists() {
            return;
        }
        let mut world: Json = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut world);
        fs::write(&path, serde_json::to_vec_pretty(&world).unwrap()).unwrap();
    }

    /// A path in the project.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Replaces a text in `main.hcl`; the text must be there.
    pub(crate) fn edit(&self, before: &str, after: &str) {
        let text = fs::read_to_string(self.path("main.hcl")).unwrap();
        assert!(text.contains(before), "`{before}` is not in main.hcl");
        self.write("main.hcl", &text.replace(before, after));
    }

    /// Adds a text to `main.hcl`.
    pub(crate) fn append(&self, more: &str) {
        let text = fs::read_to_string(self.path("main.hcl")).unwrap();
        self.write("main.hcl", &format!("{text}\n{more}"));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgferry"));
        command.current_dir(self.folder.path()).args(arguments).env_clear();
        command
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC");
        command
            .env("PGFERRY_VAR_erp_password", PASSWORD)
            .env("PGFERRY_VAR_target_password", PASSWORD);
        command.envs(self.given.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Puts a variable into the environment of every command from now on.
    pub(crate) fn give(&mut self, name: &str, value: &str) {
        self.given.push((name.to_owned(), value.to_owned()));
    }

    /// Lets commands from now on reach the service that keeps the state without the gate; those that run keep to it.
    pub(crate) fn pass_by_the_gate(&self) {
        let gate = self.gate.as_ref().expect("a service keeps the state");
        let text = fs::read_to_string(self.path("state.hcl")).unwrap();
        let (from, to) = (gate.port.to_string(), gate.service.to_string());
        self.write("state.hcl", &text.replace(&from, &to));
    }

    /// What stands between it and the service that keeps its state, where there is a service.
    pub(crate) fn gate(&self) -> Option<&gate::Gate> {
        self.gate.as_ref()
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).output().unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command with one more variable in its environment.
    pub(crate) fn run_with(&self, name: &str, value: &str, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).env(name, value).output().unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command with a text on its standard input.
    pub(crate) fn run_fed(&self, input: &str, arguments: &[&str]) -> Answer {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that ends early reads no more.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a shell script, in the project's directory, that may mount what nobody else sees. `$PGFERRY` is the program.
    pub(crate) fn in_a_namespace(&self, script: &str) -> Answer {
        self.instead("unshare", &["--map-root-user", "--mount", "sh", "-c", script])
    }

    /// Runs a command that may do no more than any other user, also where the test itself runs as root.
    pub(crate) fn run_as_anybody(&self, arguments: &[&str]) -> Answer {
        if !is_root() {
            return self.run(arguments);
        }
        let least = ["--bounding-set=-dac_override,-dac_read_search", "--"];
        let program = [env!("CARGO_BIN_EXE_pgferry")];
        self.instead("setpriv", &[&least[..], &program, arguments].concat())
    }

    /// Runs another program in the directory and environment of a command.
    fn instead(&self, program: &str, arguments: &[&str]) -> Answer {
        let given = self.command(&[]);
        let given = given.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path());
        command.env_clear().envs(given);
        command.env("PGFERRY", env!("CARGO_BIN_EXE_pgferry"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A command on a terminal of its own.
    fn terminal(&self, arguments: &str) -> Command {
        let given = self.command(&[]);
        let given = given.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut command = Command::new("script");
        // A shell between the terminal and the command would end by a signal itself.
        let line = format!("exec {} {arguments}", env!("CARGO_BIN_EXE_pgferry"));
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        command.current_dir(self.folder.path()).env_clear().envs(given);
        command.env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin");
        command.env("TERM", "dumb").env("NO_COLOR", "1");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command on a terminal of its own, which what is typed is ready for.
    pub(crate) fn on_a_terminal(&self, typed: &str, arguments: &str) -> Answer {
        let mut child = self.terminal(arguments).spawn().unwrap();
        // A command that ends early reads no more.
        let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
        let output = child.wait_with_output().unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command on a terminal of its own, does something once it has asked this, and then types an answer.
    pub(crate) fn asked_on_a_terminal(
        &self,
        arguments: &str,
        question: &str,
        meanwhile: impl FnOnce(),
        typed: &[u8],
    ) -> Answer {
        let mut child = self.terminal(arguments).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (mut said, mut byte) = (Vec::new(), [0]);
        while !said.ends_with(question.as_bytes()) {
            assert_eq!(stdout.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
            said.extend(byte);
        }
        meanwhile();
        stdin.write_all(typed).unwrap();
        stdout.read_to_end(&mut said).unwrap();
        Answer {
            code: child.wait().unwrap().code().unwrap_or(-1),
            out: String::from_utf8_lossy(&said).into_owned(),
            err: String::new(),
        }
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let child = self
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running { child }
    }

    /// Starts a command whose every sync of the file `synced` is noted in `trace`.
    pub(crate) fn start_traced(&self, synced: &Path, trace: &Path, arguments: &[&str]) -> Running {
        let only = ["-e", "trace=fsync", "-P", synced.to_str().unwrap()];
        self.start_under(&only, trace, arguments)
    }

    /// Starts a command whose every call that touches files is noted in `trace`, with all bytes, and whose syncs last as long.
    pub(crate) fn start_recorded(&self, trace: &Path, arguments: &[&str]) -> Running {
        let calls = "trace=openat,write,pwrite64,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,\
                     unlink,unlinkat,mkdir,mkdirat,rmdir,close,dup,dup2,dup3,fcntl,lseek,pwritev,pwritev2,copy_file_range,\
                     creat,open,truncate";
        self.start_under(&["-xx", "-s", "1000000", "-e", calls], trace, arguments)
    }

    /// Starts a command whose calls are noted, each sync of which lasts so long that it can be killed right after.
    fn start_under(&self, noted: &[&str], trace: &Path, arguments: &[&str]) -> Running {
        let traced = self.command(arguments);
        let mut command = Command::new("strace");
        // With `-D` the command stays the child, and its tracer becomes a stranger.
        command.args([
            "-D",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-e",
            "signal=none",
            "-e",
            "inject=fsync:delay_exit=400000",
        ]);
        command.args(noted);
        command.arg("-o").arg(trace);
        command.arg(traced.get_program()).args(traced.get_args());
        command.current_dir(self.folder.path()).env_clear();
        let given = traced.get_envs();
        command.envs(given.filter_map(|(name, value)| Some((name, value?))));
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace is there; tests/run installs it");
        Running { child }
    }

    /// Applies, and insists that it went well.
    pub(crate) fn apply(&self) -> Answer {
        self.run(&["apply", "--auto-approve"]).expect(0)
    }

    /// Insists that there is nothing to do.
    pub(crate) fn expect_no_changes(&self) {
        let answer = self.run(&["plan", "--detailed-exitcode"]).expect(0);
        assert!(answer.out.contains("No changes"), "{}", answer.out);
    }

    fn port(&self) -> Option<u16> {
        let text = fs::read(self.path(".pgferry/simulator.json")).ok()?;
        let announced: Json = serde_json::from_slice(&text).ok()?;
        u16::try_from(announced.get("port")?.as_u64()?).ok()
    }

    /// Asks the simulator's control interface.
    pub(crate) fn control(&self, method: reqwest::Method, path: &str, body: Option<Json>) -> Json {
        let port = self.port().expect("the simulator is announced");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut request = client.request(method, format!("http://127.0.0.1:{port}/_simulator/{path}"));
            if let Some(body) = body {
                request = request.json(&body);
            }
            let text = request
                .send()
                .await
                .unwrap()
                .error_for_status()
                .unwrap()
                .text()
                .await
                .unwrap();
            if text.is_empty() {
                Json::Null
            } else {
                serde_json::from_str(&text).unwrap()
            }
        })
    }

    /// Calls the simulated ARM as somebody else would.
    pub(crate) fn arm(&self, method: &str, path_and_query: &str, body: Json) -> Json {
        let port = self.port().expect("the simulator is announced");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let base = format!("http://127.0.0.1:{port}");
            let form = "grant_type=client_credentials&client_id=other&client_secret=other&scope=https://management.azure.com/.default";
            let token = client
                .post(format!("{base}/00000000-0000-4000-8000-00000000aaaa/oauth2/v2.0/token"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form);
            let token: Json = token.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
            let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
            let mut request = client
                .request(method.parse().unwrap(), format!("{base}{path_and_query}"))
                .header("authorization", bearer);
            if !body.is_null() {
                request = request.json(&body);
            }
            let text = request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
            serde_json::from_str(&text).unwrap_or(Json::Null)
        })
    }

    /// Starts the simulator, so that its control interface can be used before the first command.
    pub(crate) fn wake_simulator(&self) {
        let _ = self.run(&["plan"]);
    }

    /// Every request that changed something, as `METHOD path`.
    pub(crate) fn writes(&self) -> Vec<String> {
        let mut all = self.requests();
        all.retain(|request| {
            ["PUT ", "PATCH ", "DELETE "]
                .iter()
                .any(|verb| request.starts_with(verb))
        });
        all
    }

    /// The paths of the migrations that were made, once for each time.
    pub(crate) fn created(&self) -> Vec<String> {
        let entries = self.entries().into_iter();
        let made = entries.filter(|entry| {
            let path = entry["path"].as_str().unwrap_or_default();
            entry["method"] == "PUT" && path.contains("/migrations/") && entry["status"] == 201
        });
        made.map(|entry| entry["path"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// What the simulator logged of every request.
    pub(crate) fn entries(&self) -> Vec<Json> {
        let log = self.control(reqwest::Method::GET, "requests", None);
        log.as_array()
            .cloned()
            .or_else(|| log["requests"].as_array().cloned())
            .unwrap_or_default()
    }

    /// Every request to ARM, as `METHOD path`.
    pub(crate) fn requests(&self) -> Vec<String> {
        let entries = self.entries();
        let text = |entry: &Json, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        entries
            .iter()
            .map(|entry| format!("{} {}", text(entry, "method"), text(entry, "path")))
            .collect()
    }

    /// Every file below the project, with its bytes.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = fs::read(&path) {
                    found.push((path, bytes));
                }
            }
        }
        found
    }
}

impl Drop for Ferry {
    fn drop(&mut self) {
        if let Some(port) = self.port() {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let client = reqwest::Client::builder().no_proxy().build().unwrap();
                let _ = client
                    .post(format!("http://127.0.0.1:{port}/_simulator/shutdown"))
                    .send()
                    .await;
            });
        }
    }
}

impl Answer {
    /// Insists on an exit code, showing everything otherwise.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "standard output:\n{}\nstandard error:\n{}",
            self.out, self.err
        );
        self
    }

    /// Everything that was said.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

impl Running {
    /// Sends a signal by its name, such as `KILL` or `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for the end, for at most so long.
    pub(crate) fn finish(mut self, within: Duration) -> Answer {
        let mut out = self.child.stdout.take().unwrap();
        let mut err = self.child.stderr.take().unwrap();
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            text
        });
        let err = std::thread::spawn(move || {
            let mut text = String::new();
            err.read_to_string(&mut text).unwrap();
            text
        });
        let deadline = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the command did not end within {within:?}");
            std::thread::sleep(Duration::from_millis(5));
        };
        Answer {
            code: status.code().unwrap_or(-1),
            out: out.join().unwrap(),
            err: err.join().unwrap(),
        }
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Those that have ended, and those that run.
    pub(crate) fn parted(all: Vec<Self>) -> (Vec<Self>, Vec<Self>) {
        let (mut ended, mut running) = (Vec::new(), Vec::new());
        for mut one in all {
            if one.has_ended() {
                ended.push(one);
            } else {
                running.push(one);
            }
        }
        (ended, running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often the harness goes round; more in `tests/run --long`.
pub(crate) fn rounds() -> u64 {
    option_env!("PGFERRY_TEST_ROUNDS").map_or(1, |text| text.parse().expect("a number of rounds"))
}

/// Whether a process may trace another; containers may forbid it.
pub(crate) fn may_trace() -> bool {
    let mut nothing = Command::new("strace");
    nothing.args(["-o", "/dev/null", "true"]);
    let said = nothing.output().expect("strace is there; tests/run installs it");
    said.status.success()
}

/// Whether the test runs as root.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Whether a file system can be mounted in a namespace of one's own; containers may forbid it.
pub(crate) fn may_mount() -> bool {
    let mut nothing = Command::new("unshare");
    nothing.args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]);
    nothing.output().is_ok_and(|said| said.status.success())
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Does each in a project of its own, several at a time: most of a run is waiting for the simulator's clock.
pub(crate) fn side_by_side<T: Send>(items: impl Iterator<Item = T> + Send, run: impl Fn(T) + Sync) {
    const AT_ONCE: usize = 6;
    let items = Mutex::new(items);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(item) = next else { break };
                    run(item);
                }
            });
        }
    });
}
