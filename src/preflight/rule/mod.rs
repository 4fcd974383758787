//! The rules: each one file, named by its code, with what it asks in `sql/` and what it means in the explanation of its code. A rule
//! is pure; what it asks is asked by `gather`.

pub(crate) mod pf023;
pub(crate) mod pf040;
pub(crate) mod pf041;
pub(crate) mod pf042;
pub(crate) mod pf043;
pub(crate) mod pf044;
pub(crate) mod pf045;
pub(crate) mod pf047;
pub(crate) mod pf050;
pub(crate) mod pf051;
pub(crate) mod pf052;
pub(crate) mod pf053;
pub(crate) mod pf054;
pub(crate) mod pf055;
pub(crate) mod pf056;
pub(crate) mod pf057;
pub(crate) mod pf058;
pub(crate) mod pf059;
pub(crate) mod pf060;
pub(crate) mod pf061;
pub(crate) mod pf062;
pub(crate) mod pf064;
pub(crate) mod pf065;
pub(crate) mod pf066;
pub(crate) mod pf067;
pub(crate) mod pf068;
pub(crate) mod pf069;
pub(crate) mod pf070;
pub(crate) mod pf071;
pub(crate) mod pf072;
pub(crate) mod pf073;
pub(crate) mod pf075;
pub(crate) mod pf076;
pub(crate) mod pf077;
pub(crate) mod pf078;
pub(crate) mod pf080;
pub(crate) mod pf082;
pub(crate) mod pf083;
pub(crate) mod pf084;
pub(crate) mod pf085;
pub(crate) mod pf086;
pub(crate) mod pf087;
pub(crate) mod pf089;
pub(crate) mod pf090;
pub(crate) mod pf091;
pub(crate) mod pf092;
pub(crate) mod pf093;
pub(crate) mod pf094;
pub(crate) mod pf095;
pub(crate) mod pf096;
pub(crate) mod pf097;
pub(crate) mod pf098;
pub(crate) mod pf099;
pub(crate) mod pf100;
pub(crate) mod pf102;
pub(crate) mod pf103;
pub(crate) mod pf104;
pub(crate) mod pf105;
pub(crate) mod pf106;
pub(crate) mod pf107;
pub(crate) mod pf108;
pub(crate) mod pf109;
pub(crate) mod pf110;
pub(crate) mod pf111;
pub(crate) mod pf112;
pub(crate) mod pf113;
pub(crate) mod pf114;
pub(crate) mod pf115;
pub(crate) mod pf116;
pub(crate) mod pf117;
pub(crate) mod pf118;
pub(crate) mod pf119;
pub(crate) mod pf120;
pub(crate) mod pf121;
pub(crate) mod pf122;
pub(crate) mod pf123;
pub(crate) mod pf124;
pub(crate) mod pf125;
pub(crate) mod pf126;
pub(crate) mod pf127;
pub(crate) mod pf128;
pub(crate) mod pf129;
pub(crate) mod pf130;
pub(crate) mod pf131;
pub(crate) mod pf132;
pub(crate) mod pf135;
pub(crate) mod pf140;
pub(crate) mod pf141;
pub(crate) mod pf142;
pub(crate) mod pf143;
pub(crate) mod pf144;
pub(crate) mod pf145;
pub(crate) mod pf149;

use super::facts::Ask;
use super::look::{Judged, Look};
use crate::diagnostic::Code;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its code; `pgferry explain` says why it matters and what to do.
    pub code: Code,
    /// What it is about.
    pub over: Over,
    /// For which migrations it counts.
    pub when: When,
    /// The codes under which the service reports the same.
    pub service: &'static [u32],
    /// What is asked of what it is about.
    pub asks: &'static [&'static Ask],
    /// What is asked of the server that a database is on.
    pub of_server: &'static [&'static Ask],
    /// What is asked of the target beside a source.
    pub of_target: &'static [&'static Ask],
    /// What it says of what was seen.
    pub judge: fn(&Look<'_>) -> Judged,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The way to any server or database.
    Contact,
    /// The source's server.
    Source,
    /// The target's server.
    Target,
    /// Either server.
    Both,
    /// A database on the source.
    Database,
    /// A database of the same name on the target.
    Arrival,
}

/// For which migrations a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// For all.
    Always,
    /// For those that replay changes.
    Online,
}

/// Every rule, by code.
pub static ALL: &[&Rule] = &[
    &pf023::RULE,
    &pf040::RULE,
    &pf041::RULE,
    &pf042::RULE,
    &pf043::RULE,
    &pf044::RULE,
    &pf045::RULE,
    &pf047::RULE,
    &pf050::RULE,
    &pf051::RULE,
    &pf052::RULE,
    &pf053::RULE,
    &pf054::RULE,
    &pf055::RULE,
    &pf056::RULE,
    &pf057::RULE,
    &pf058::RULE,
    &pf059::RULE,
    &pf060::RULE,
    &pf061::RULE,
    &pf062::RULE,
    &pf064::RULE,
    &pf065::RULE,
    &pf066::RULE,
    &pf067::RULE,
    &pf068::RULE,
    &pf069::RULE,
    &pf070::RULE,
    &pf071::RULE,
    &pf072::RULE,
    &pf073::RULE,
    &pf075::RULE,
    &pf076::RULE,
    &pf077::RULE,
    &pf078::RULE,
    &pf080::RULE,
    &pf082::RULE,
    &pf083::RULE,
    &pf084::RULE,
    &pf085::RULE,
    &pf086::RULE,
    &pf087::RULE,
    &pf089::RULE,
    &pf090::RULE,
    &pf091::RULE,
    &pf092::RULE,
    &pf093::RULE,
    &pf094::RULE,
    &pf095::RULE,
    &pf096::RULE,
    &pf097::RULE,
    &pf098::RULE,
    &pf099::RULE,
    &pf100::RULE,
    &pf102::RULE,
    &pf103::RULE,
    &pf104::RULE,
    &pf105::RULE,
    &pf106::RULE,
    &pf107::RULE,
    &pf108::RULE,
    &pf109::RULE,
    &pf110::RULE,
    &pf111::RULE,
    &pf112::RULE,
    &pf113::RULE,
    &pf114::RULE,
    &pf115::RULE,
    &pf116::RULE,
    &pf117::RULE,
    &pf118::RULE,
    &pf119::RULE,
    &pf120::RULE,
    &pf121::RULE,
    &pf122::RULE,
    &pf123::RULE,
    &pf124::RULE,
    &pf125::RULE,
    &pf126::RULE,
    &pf127::RULE,
    &pf128::RULE,
    &pf129::RULE,
    &pf130::RULE,
    &pf131::RULE,
    &pf132::RULE,
    &pf135::RULE,
    &pf140::RULE,
    &pf141::RULE,
    &pf142::RULE,
    &pf143::RULE,
    &pf144::RULE,
    &pf145::RULE,
    &pf149::RULE,
];

/// All that has to be asked where rules of this kind look, each question once.
pub fn asks(over: Over) -> Vec<&'static Ask> {
    let mut asks: Vec<&'static Ask> = Vec::new();
    let mut add = |more: &[&'static Ask]| {
        for ask in more {
            if !asks.iter().any(|known| known.wanted == ask.wanted) {
                asks.push(ask);
            }
        }
    };
    for rule in ALL {
        if rule.over == over {
            add(rule.asks);
        }
        match over {
            Over::Source | Over::Target => add(rule.of_server),
            Over::Contact | Over::Both | Over::Database | Over::Arrival => {}
        }
        if over == Over::Target {
            add(rule.of_target);
        }
    }
    asks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::code;

    #[test]
    fn rules_stand_in_order_and_explain_themselves() {
        assert!(ALL.is_sorted_by(|a, b| a.code < b.code));
        for rule in ALL {
            let explanation = code::find(rule.code.as_str()).unwrap();
            let paragraphs = explanation
                .text
                .split("\n\n")
                .take(2)
                .filter(|text| !text.starts_with("```"));
            assert_eq!(paragraphs.count(), 2, "{}: why, then what to do", rule.code);
        }
    }

    #[test]
    fn no_two_questions_have_one_name() {
        let all = || {
            ALL.iter()
                .flat_map(|rule| rule.asks.iter().chain(rule.of_server).chain(rule.of_target))
        };
        for ask in all() {
            for other in all().filter(|other| other.wanted == ask.wanted) {
                assert_eq!(other.sql, ask.sql, "{}", ask.wanted);
            }
        }
    }

    #[test]
    fn questions_only_read() {
        for ask in ALL
            .iter()
            .flat_map(|rule| rule.asks.iter().chain(rule.of_server).chain(rule.of_target))
        {
            let statement = ask
                .sql
                .lines()
                .filter(|line| !line.starts_with("--"))
                .collect::<Vec<_>>()
                .join(" ");
            assert!(statement.starts_with("select "), "{}", ask.wanted);
        }
    }
}
