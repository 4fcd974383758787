//! What a plan does and nothing else, in a form that is the same on every machine and in every run: what is approved, and
//! what two plans are compared by. No times, counters, order, serials, and nothing of what was seen on the way.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::action::Action;
use super::step::{Await, Finds, Member, Op, Remember, Response, Step, Until};
use super::{Gate, Plan};
use crate::address::UnitAddress;
use crate::arm::{ArmId, Body, Draft};
use crate::kind::Compare;
use crate::window::Window;

/// What is done to each unit, in order.
pub type Deeds = BTreeMap<UnitAddress, Vec<Json>>;

impl Plan {
    /// What it does to each unit. Units that only our memory is brought up to date about are not among them.
    pub fn deeds(&self) -> Deeds {
        let mut all = Deeds::new();
        self.each_units_deeds(|unit, deeds| drop(all.insert(unit.clone(), deeds)));
        all
    }

    /// Hands out what is done to each unit, in the order of their addresses: a large plan is never there twice.
    fn each_units_deeds(&self, mut take: impl FnMut(&UnitAddress, Vec<Json>)) {
        let changes = self.changes.iter();
        let noted: BTreeMap<&UnitAddress, &Action> = changes.map(|change| (&change.unit, &change.action)).collect();
        let mut steps: Vec<&Step> = self.steps.iter().collect();
        steps.sort_by(|a, b| (&a.unit, a.id).cmp(&(&b.unit, b.id)));
        for group in steps.chunk_by(|a, b| a.unit == b.unit) {
            let Some(unit) = group.first().map(|step| &step.unit) else {
                continue;
            };
            let action = noted.get(unit).copied();
            let deeds: Vec<Json> = group.iter().filter_map(|step| deed(step, action)).collect();
            if !deeds.is_empty() {
                take(unit, deeds);
            }
        }
    }

    /// What it does beside what it does to units: the losses it takes, and what gets another name.
    pub fn terms(&self) -> Vec<Json> {
        let losses = self.losses.iter().map(|loss| json!({ "loses": loss }));
        let moves = self.moves.iter().map(|moved| json!({ "moves": moved }));
        losses.chain(moves).collect()
    }

    /// The fingerprint of what it does.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut terms: Vec<String> = self.terms().iter().map(Json::to_string).collect();
        terms.sort();
        let mut hash = Sha256::new();
        for part in [
            &Self::FORMAT.to_string(),
            self.base.cloud.as_str(),
            self.base.subscription.as_str(),
        ] {
            hash.update(part.as_bytes());
            hash.update(b"\n");
        }
        let mut line = |text: String| {
            hash.update(text.as_bytes());
            hash.update(b"\n");
        };
        self.each_units_deeds(|unit, deeds| line(json!({ "unit": unit, "deeds": deeds }).to_string()));
        terms.into_iter().for_each(line);
        let digest = hash.finalize();
        Fingerprint(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// 128 bits over what a plan does, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_ascii_lowercase();
        if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text))
        } else {
            Err("a fingerprint has 32 hexadecimal digits; `pgferry plan` prints it")
        }
    }
}

/// What is written over or deleted, as it was seen: whoever approves an update or a deletion approves that of this. Of tags only
/// those that are declared count.
fn found(finds: &Finds, body: Option<&Body<Draft>>) -> Json {
    let members = match finds {
        Finds::Nothing => return "nothing".into(),
        Finds::Anything => return "anything".into(),
        Finds::Members(members) => members,
    };
    let value = |member: &Member| {
        let mut value = member.compare.canonical(&member.value);
        if let (Compare::Tags, Json::Object(tags)) = (member.compare, &mut value) {
            let way: Vec<&str> = member.path.iter().map(String::as_str).collect();
            let declared = body.and_then(|body| body.get(&way)).map(Body::to_shown);
            let declared = declared.as_ref().and_then(Json::as_object);
            let is_declared =
                |key: &str| declared.is_some_and(|tags| tags.keys().any(|tag| tag.eq_ignore_ascii_case(key)));
            tags.retain(|key, _| is_declared(key));
        }
        value
    };
    members
        .iter()
        .map(|member| json!([member.path, value(member)]))
        .collect()
}

fn deed(step: &Step, noted: Option<&Action>) -> Option<Json> {
    Some(match &step.op {
        Op::Put {
            target,
            body,
            query,
            finds,
            // What later steps are given is no doing.
            brings: _,
        } => json!({ "put": target, "body": body, "query": query, "finds": found(finds, Some(body)) }),
        Op::Start {
            migration,
            body,
            may_exist,
            // Both stand in the body.
            writes: _,
            tags: _,
            window,
        } => within(
            json!({ "start": migration, "body": body, "may_exist": may_exist }),
            window.as_ref(),
        ),
        Op::Delete { target, finds } => json!({ "delete": target, "finds": found(finds, None) }),
        Op::Await(Await {
            migration,
            until: until @ (Until::ReadyForCutover | Until::Succeeded),
            questions,
            ..
        }) => {
            let answers = questions.iter().filter_map(|(asked, response)| match response {
                Response::Answer(answer) => Some((asked, answer)),
                Response::Person(_) => None,
            });
            json!({ "await": migration, "until": until, "answers": answers.collect::<BTreeMap<_, _>>() })
        }
        // Whose turn it is at the target is for the hour to say.
        Op::Await(Await {
            until: Until::Ended, ..
        }) => return None,
        Op::Gate(Gate {
            migration,
            databases,
            max_lag,
            samples,
            opens,
            window,
        }) => {
            let gate = json!({
                "gate": migration, "databases": databases, "max_lag": max_lag.as_secs_f64(), "samples": samples, "opens": opens
            });
            within(gate, window.as_ref())
        }
        Op::Cutover { migration, databases } => json!({ "cutover": migration, "databases": databases }),
        // What is done is what is remembered: of which object, and what later plans will take for declared.
        Op::Note => match &step.then {
            Remember::Record(record) => {
                let attempts: Vec<&ArmId> = record.attempts.iter().map(|attempt| &attempt.id).collect();
                json!({
                    "note": noted?, "object": record.id, "origin": record.origin, "fields": record.fields, "attempts": attempts
                })
            }
            Remember::Unchanged | Remember::Forget => json!({ "note": noted? }),
        },
    })
}

/// A deed, and when it may be done, where that is limited.
fn within(mut deed: Json, window: Option<&Window>) -> Json {
    if let (Json::Object(members), Some(window)) = (&mut deed, window) {
        members.insert("window".to_owned(), json!(window));
    }
    deed
}
