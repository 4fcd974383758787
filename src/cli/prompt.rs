//! Asks for the variables that have no value, where somebody sits at a terminal and `--input=false` does not forbid it. What is
//! wrong with an answer, or with the configuration, is for others to say.

use super::Call;
use super::env::Env;
use super::project::{Project, Purpose};
use super::ui::Interaction;
use crate::arm::Cloud;
use crate::config::{Inputs, Sources, Unset, parse, unset};

/// The environment, and in it what was answered. Without a terminal it is what it was.
pub(crate) fn answered(call: &Call<'_>, purpose: Purpose) -> Env {
    secrets_answered(call, purpose, plain_answered(call))
}

/// The same where signals are listened to: one that comes while a variable is asked for is heard. Passwords are asked for on the
/// spot all the same, since a terminal that shows nothing must not be left so.
pub(crate) async fn answered_or_interrupted(call: &Call<'_>, purpose: Purpose) -> Env {
    if call.ui.interaction() == Interaction::Impossible {
        return call.env.clone();
    }
    let (env, ui) = (call.env.clone(), call.ui.clone());
    let (directory, wishes, calling) = (call.directory.clone(), call.wishes.clone(), call.calling.clone());
    let command = call.command.clone();
    let plain = tokio::task::spawn_blocking(move || {
        plain_answered(&Call {
            directory,
            wishes,
            env: &env,
            ui: &ui,
            calling,
            command,
        })
    });
    let env = plain.await.unwrap_or_else(|_| call.env.clone());
    secrets_answered(call, purpose, env)
}

fn plain_answered(call: &Call<'_>) -> Env {
    let mut env = call.env.clone();
    for variable in missing(call, &env).into_iter().filter(|variable| !variable.sensitive) {
        ask(call, &variable, &mut env);
    }
    env
}

fn secrets_answered(call: &Call<'_>, purpose: Purpose, mut env: Env) -> Env {
    // Who only looks needs no passwords, and the simulator takes any.
    if purpose != Purpose::Change {
        return env;
    }
    let secrets: Vec<Unset> = missing(call, &env)
        .into_iter()
        .filter(|variable| variable.sensitive)
        .collect();
    if !secrets.is_empty() && is_real(call, &env, purpose) {
        for variable in secrets {
            ask(call, &variable, &mut env);
        }
    }
    env
}

fn is_real(call: &Call<'_>, env: &Env, purpose: Purpose) -> bool {
    let project = Project::load(&call.directory, &call.wishes, env, purpose, call.ui.width());
    project.is_ok_and(|project| project.cloud() != Cloud::Simulator)
}

/// The variables of the root that have no value; none where nobody can be asked, or the configuration cannot be read.
fn missing(call: &Call<'_>, env: &Env) -> Vec<Unset> {
    if call.ui.interaction() == Interaction::Impossible {
        return Vec::new();
    }
    let read = || {
        let mut sources = Sources::read(&call.directory).ok()?;
        let supplied = call.wishes.supplied(env, &call.directory);
        let inputs = Inputs::gather(&mut sources, &supplied).ok()?;
        let configuration = parse(&mut sources).ok()?;
        Some(unset(&configuration, &inputs))
    };
    read().unwrap_or_default()
}

fn ask(call: &Call<'_>, variable: &Unset, env: &mut Env) {
    let mut question = format!("var.{}\n", variable.name);
    if let Some(description) = &variable.description {
        question.push_str(&format!("  {description}\n"));
    }
    question.push_str("\n  Enter a value: ");
    let answer = match variable.sensitive {
        true => call.ui.ask_secret(&question),
        false => call.ui.ask(&question),
    };
    call.ui.say("");
    // Nothing is no answer: the variable stays without a value, which is told as always.
    if let Some(answer) = answer.filter(|answer| !answer.is_empty()) {
        env.variables.insert(variable.name.to_string(), answer);
    }
}
