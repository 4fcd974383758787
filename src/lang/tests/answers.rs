//! Compares with recorded answers of Terraform.

use super::*;

const RECORDED: &str = include_str!("terraform.txt");

/// Where pgferry is stricter on purpose: infinity, negative positions and the like have no use here.
const STRICTER: [&str; 0] = [];

fn recorded() -> Vec<(String, String)> {
    let mut recorded: Vec<(String, String)> = Vec::new();
    for line in RECORDED.lines().filter(|line| !line.starts_with('#')) {
        match (line.strip_prefix("> "), recorded.last_mut()) {
            (Some(expression), _) => recorded.push((expression.to_owned(), String::new())),
            (None, Some((_, answer))) => {
                answer.push_str(line);
                answer.push('\n');
            }
            (None, None) => panic!("an answer stands before the first expression"),
        }
    }
    recorded
}

#[test]
fn expressions_evaluate_as_in_terraform() {
    let mut different = String::new();
    let recorded = recorded();
    assert!(recorded.len() > 600);
    for (expression, answer) in &recorded {
        let ours = match eval(expression) {
            Ok(value) => format!("{}\n", Displayed(&value)),
            Err(_) => "!\n".to_owned(),
        };
        if ours != *answer && !STRICTER.contains(&expression.as_str()) {
            writeln!(different, "> {expression}\nterraform: {answer}pgferry:   {ours}").unwrap();
        }
    }
    assert!(different.is_empty(), "{different}");
}
