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
    let mut env = call.env.clone();
    if call.ui.interaction() == Interaction::Impossible {
        return env;
    }
    let missing = missing(call, &env).unwrap_or_default();
    let (secrets, plain): (Vec<Unset>, Vec<Unset>) = missing.into_iter().partition(|unset| unset.sensitive);
    for variable in plain {
        ask(call, &variable, &mut env);
    }
    // Who only looks needs no passwords, and the simulator takes any.
    if purpose == Purpose::Change && !secrets.is_empty() && is_real(call, &env, purpose) {
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

/// The variables of the root that have no value; nothing where the configuration cannot be read.
fn missing(call: &Call<'_>, env: &Env) -> Option<Vec<Unset>> {
    let mut sources = Sources::read(&call.directory).ok()?;
    let supplied = call.wishes.supplied(env, &call.directory);
    let inputs = Inputs::gather(&mut sources, &supplied).ok()?;
    let configuration = parse(&mut sources).ok()?;
    Some(unset(&configuration, &inputs))
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
