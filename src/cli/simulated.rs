//! Finds the simulator that serves a project, or starts it in a process of its own. It knows of it only what it announces.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;

use super::color::WARNING;
use super::error::CommandError;
use super::project::{Project, keep_out_of_git};
use super::ui::Ui;
use super::view::layout::hang;
use crate::simulator::serve::{ServeError, announce_path, identity};
use crate::simulator::{Seed, digest};

/// What is said of everything that comes from it. A state that others share is real, whatever it remembers.
pub(crate) fn not_real(project: &Project) -> &'static str {
    if project.backend.is_local() {
        "against the simulator; nothing real is touched"
    } else {
        "against the simulator; nothing real is touched but the `state`"
    }
}

/// How long a simulator may take until it serves: loading a world of ten thousand objects is a matter of a second.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks for its announcement.
const PAUSE: Duration = Duration::from_millis(10);
/// A simulator that nobody asks anything for so long ends.
const IDLE_EXIT: &str = "60s";
/// How often a command that is at work, or waits for an answer, tells the simulator that somebody is there.
const PULSE: Duration = Duration::from_secs(1);

/// What a serving simulator writes beside the project's state.
#[derive(Debug, Deserialize)]
struct Announced {
    port: u16,
}

/// Where the project's simulator answers; it is started when it does not.
///
/// # Errors
/// When it cannot be started; what it said is in the error.
pub(crate) async fn address(project: &Project, ui: &Ui) -> Result<String, CommandError> {
    let address = found(project, ui).await?;
    tokio::spawn(keep_awake(format!("{address}/_simulator/clock")));
    Ok(address)
}

/// Keeps the simulator from ending: whoever reads a plan for minutes before saying yes must find it as it was.
async fn keep_awake(clock: String) {
    let Ok(client) = reqwest::Client::builder().no_proxy().build() else {
        return;
    };
    loop {
        tokio::time::sleep(PULSE).await;
        if client.get(&clock).send().await.is_err() {
            return;
        }
    }
}

async fn found(project: &Project, ui: &Ui) -> Result<String, CommandError> {
    let hidden = project.hidden();
    if let Some(serving) = answering(&project.directory).await {
        return Ok(attached(serving, project, ui));
    }
    check_seed(project)?;
    keep_out_of_git(&hidden)?;
    let home = home(&project.directory);
    fs::create_dir_all(&home).map_err(|source| CommandError::Directory {
        path: home.clone(),
        source,
    })?;
    let log = home.join("serve.log");
    let mut child = start(project, &log)?;
    let mut waited = Duration::ZERO;
    loop {
        if let Some(serving) = answering(&project.directory).await {
            return Ok(attached(serving, project, ui));
        }
        let ended = child.try_wait().ok().flatten().is_some();
        // One that ended because another command was faster leaves that other one's announcement.
        if ended && let Some(serving) = answering(&project.directory).await {
            return Ok(attached(serving, project, ui));
        }
        if ended || waited >= PATIENCE {
            let said = fs::read_to_string(&log).unwrap_or_default();
            return Err(CommandError::Simulator { said });
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
}

/// Where the simulator of a directory keeps its world.
pub(crate) fn home(directory: &Path) -> PathBuf {
    directory.join(".pgferry").join("simulator")
}

/// A simulator that serves.
pub(crate) struct Serving {
    /// Where it answers.
    pub(crate) address: String,
    /// The digest of the seed that its world grew from; empty where it grew from none.
    seed_digest: String,
}

/// Its address, once it is told that it is one, and what is odd about its world.
fn attached(serving: Serving, project: &Project, ui: &Ui) -> String {
    ui.simulated(not_real(project));
    let named = project.settings.azure.world.as_ref();
    let text = seed(project).and_then(|path| fs::read_to_string(path).ok());
    if let Some(odd) = about_seed(
        named.map(|world| world.value.as_str()),
        text.as_deref(),
        &serving.seed_digest,
    ) {
        let odd = project.calling.in_text(&odd);
        let told = hang("warning: ", "         ", &odd, ui.width());
        ui.say(&told.replacen("warning:", &format!("{WARNING}warning:{WARNING:#}"), 1));
    }
    serving.address
}

/// What is odd about a world: it grew from a seed that has changed, or from none.
fn about_seed(named: Option<&str>, text: Option<&str>, grown_from: &str) -> Option<String> {
    match (named, text) {
        (None, _) if grown_from.is_empty() => Some(
            "the simulated Azure began empty; `world = \"world.json\"` in the `azure` block names a file that says what is \
             there, and `pgferry simulator reset` takes it up"
                .to_owned(),
        ),
        (Some(name), Some(text)) if digest(text) != grown_from => Some(format!(
            "`{name}` is not what the simulated world grew from; `pgferry simulator reset` takes it up"
        )),
        (None | Some(_), _) => None,
    }
}

/// What can be asked of a simulator beside ARM.
pub(crate) enum Ask {
    /// `GET`.
    Read(&'static str),
    /// `POST` with a body.
    Tell(&'static str, Json),
}

/// Asks a simulator.
///
/// # Errors
/// When it does not answer, or refuses.
pub(crate) async fn ask(address: &str, what: Ask) -> Result<Json, CommandError> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(CommandError::Loopback)?;
    let request = match &what {
        Ask::Read(path) => client.get(format!("{address}/_simulator/{path}")),
        Ask::Tell(path, body) => client.post(format!("{address}/_simulator/{path}")).json(body),
    };
    let answer = request
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(CommandError::Loopback)?;
    let text = answer.text().await.map_err(CommandError::Loopback)?;
    Ok(serde_json::from_str(&text).unwrap_or(Json::Null))
}

/// The simulator that is announced in a directory, if it answers and serves that very directory: a copy of a project announces the
/// simulator of the original.
pub(crate) async fn answering(directory: &Path) -> Option<Serving> {
    let announced: Announced = serde_json::from_slice(&fs::read(announce_path(directory)).ok()?).ok()?;
    let address = format!("http://127.0.0.1:{}", announced.port);
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()
        .ok()?;
    let answer = client.get(format!("{address}/_simulator/clock")).send().await.ok()?;
    let told: Json = serde_json::from_str(&answer.error_for_status().ok()?.text().await.ok()?).ok()?;
    let serves = told.get("directory").and_then(Json::as_str);
    if serves.is_some() && serves != identity(&home(directory)).as_deref() {
        return None;
    }
    let seed_digest = told.get("seed_digest").and_then(Json::as_str).unwrap_or_default();
    Some(Serving {
        address,
        seed_digest: seed_digest.to_owned(),
    })
}

/// Starts it in a process group of its own: an interrupt of the command must not end Azure, too.
fn start(project: &Project, log: &Path) -> Result<Child, CommandError> {
    let system = |doing| move |source| CommandError::System { doing, source };
    let program = std::env::current_exe().map_err(system("find this program"))?;
    let out = fs::File::create(log).map_err(|source| CommandError::Directory {
        path: log.to_owned(),
        source,
    })?;
    let err = out.try_clone().map_err(system("start the simulator"))?;
    let mut command = Command::new(program);
    // It outlives this command and needs nothing of its environment, which may hold passwords.
    command.env_clear().env("PATH", "/usr/bin:/bin");
    // It names everything from where it stands, so that it goes on serving a directory that is moved.
    command
        .current_dir(&project.directory)
        .args(["simulator", "serve", "--idle-exit", IDLE_EXIT]);
    // The world is named here, since what names it in the configuration may hang on variables of this command.
    match &project.settings.azure.world {
        Some(world) => command.arg("--world").arg(&world.value),
        None => command.arg("--no-world"),
    };
    command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
    command.spawn().map_err(system("start the simulator"))
}

/// Whether the world can be used, while its error can still be told as one.
fn check_seed(project: &Project) -> Result<(), CommandError> {
    let Some(path) = seed(project) else { return Ok(()) };
    let text = fs::read_to_string(&path).map_err(|source| ServeError::File {
        action: "read",
        path: path.clone(),
        source,
    });
    let parsed = text.and_then(|text| Seed::parse(&text).map_err(|source| ServeError::Seed { path, source }));
    parsed.map(|_| ()).map_err(CommandError::Serve)
}

/// The seed of a project's world, if its `azure` block names one.
pub(crate) fn seed(project: &Project) -> Option<PathBuf> {
    let world = project.settings.azure.world.as_ref()?;
    Some(project.directory.join(&world.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_odd_where_its_seed_has_changed_or_is_missing() {
        let grown_from = digest("{}");
        let odd = |named, text| about_seed(named, text, &grown_from);
        assert_eq!(odd(Some("world.json"), Some("{}")), None);
        insta::assert_snapshot!(odd(Some("world.json"), Some("{ }")).unwrap(), @"`world.json` is not what the simulated world grew from; `pgferry simulator reset` takes it up");
        // One that was served with a world of its own is nobody's mistake, nor is a file that was taken away.
        assert_eq!(odd(None, None), None);
        assert_eq!(odd(Some("world.json"), None), None);
        assert!(about_seed(None, None, "").unwrap().contains("world = \"world.json\""));
    }
}
