//! A state in PostgreSQL whose role signs in with tokens of Microsoft Entra. The server is real; the identity endpoint is ours, and
//! with each token that it issues the one before stops being the role's password: what a connection was opened with once is of
//! no use for the next.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::backend::{database_block, script};
use crate::support::{Ferry, until};

/// The requests that the endpoint was sent.
type Asked = Arc<Mutex<Vec<String>>>;

/// An endpoint for managed identities as App Service has it, whose tokens are passwords of this role.
fn identity(role: &'static str) -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Asked::default();
    let requests = Arc::clone(&asked);
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(request)) = lines.next() else { continue };
            // The rest of the head; nothing comes after it.
            let _ = lines
                .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
                .count();
            let mut requests = requests.lock().unwrap();
            requests.push(request);
            let token = format!("token-{role}-{}", requests.len());
            script(None, &format!("ALTER ROLE \"{role}\" PASSWORD '{token}'"));
            // It has ended when it is given: nobody may count on it for another connection.
            let body = json!({ "access_token": token, "expires_on": "1", "resource": "r", "token_type": "Bearer" });
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = (&stream).write_all((head + &body).as_bytes());
        }
    });
    (port, asked)
}

/// A project that keeps its state under this role, and what its endpoint was asked.
fn project(role: &'static str) -> (Ferry, Asked) {
    script(
        None,
        &format!("CREATE ROLE \"{role}\" LOGIN PASSWORD 'none yet'; GRANT CREATE ON DATABASE postgres TO \"{role}\""),
    );
    let mut ferry = Ferry::example("quickstart");
    let block = database_block(role, &mut ferry)
        .replace("user     = \"postgres\"", &format!("user     = \"{role}\""))
        .replace("password = var.state_password", "entra_auth = true")
        .replace(
            "ssl_mode = \"disable\"",
            &format!("ssl_mode = \"disable\"\n    schema   = \"{role}\""),
        );
    let (_, block) = block.split_once("\n\n").unwrap();
    ferry.write("state.hcl", block);
    let (port, asked) = identity(role);
    ferry.give("PGFERRY_CREDENTIAL", "managed_identity");
    ferry.give("IDENTITY_ENDPOINT", &format!("http://127.0.0.1:{port}/token"));
    ferry.give("IDENTITY_HEADER", "of the machine");
    (ferry, asked)
}

#[test]
fn a_state_is_opened_with_tokens_that_are_fetched_anew_for_each_connection() {
    let (ferry, asked) = project("entra_release");
    let applied = ferry.apply();
    ferry.expect_no_changes();
    let requests = asked.lock().unwrap().clone();
    assert!(requests.len() >= 3, "{requests:#?}");
    for request in &requests {
        assert!(request.contains("ossrdbms-aad.database.windows.net"), "{request}");
    }
    // A password from anywhere else opens nothing.
    let roles = ferry.run(&["rbac"]).expect(0).out;
    let roles = roles.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        roles.contains("make `user` a variable") && roles.contains("pgaadauth_create_principal"),
        "{roles}"
    );
    let said = applied.all() + &ferry.run(&["plan", "-vv"]).expect(0).all();
    assert!(!said.contains("token-entra"), "{said}");
    for (path, bytes) in ferry.files() {
        assert!(
            !String::from_utf8_lossy(&bytes).contains("token-entra"),
            "a token is in {}",
            path.display()
        );
    }
}

#[test]
fn a_connection_that_ends_in_the_middle_of_an_apply_is_replaced_with_a_new_token() {
    let (ferry, asked) = project("entra_cut");
    ferry.world(|world| world["clock"] = "manual".into());
    ferry.wake_simulator();
    let mut first = ferry.start(&["apply", "--auto-approve"]);
    until("the apply writes", || !ferry.writes().is_empty() || first.has_ended());
    let before = asked.lock().unwrap().len();
    script(
        None,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'entra_cut'",
    );
    ferry.control(reqwest::Method::POST, "clock", Some(json!({ "mode": "event" })));
    let _ = first.finish(Duration::from_secs(120)).expect(0);
    assert!(asked.lock().unwrap().len() > before);
    ferry.expect_no_changes();
    assert_eq!(ferry.created().len(), 3, "{:#?}", ferry.created());
}

#[test]
fn a_token_is_sent_to_nobody_who_has_not_proved_to_be_the_server() {
    let ferry = Ferry::example("quickstart");
    let refused = |more: &str, part: &str| {
        ferry.write(
            "state.hcl",
            &format!(
                "variable \"p\" {{\n  default = \"\"\n}}\npgferry {{\n  state \"postgres\" {{\n    host = \"pg.example\"\n    \
                 database = \"tools\"\n    user = \"u\"\n    name = \"n\"\n    {more}\n  }}\n}}\n"
            ),
        );
        let said = ferry.run(&["plan"]).expect(1).all();
        assert!(said.contains(part), "{said}");
        assert!(said.contains("state.hcl:"), "{said}");
    };
    for mode in ["disable", "prefer", "require"] {
        refused(
            &format!("entra_auth = true\n    ssl_mode = \"{mode}\""),
            "only sent to a server whose certificate is checked",
        );
    }
    refused(
        "entra_auth = true\n    password = var.p",
        "`password` has no place beside it",
    );
    refused("entra_auth = \"perhaps\"", "`entra_auth` is `true` or `false`");
    refused(
        "password = var.p\n    pooler = \"perhaps\"",
        "`pooler` is `true` or `false`",
    );
}

#[test]
fn where_there_is_no_login_it_says_so() {
    let (mut ferry, _) = project("entra_none");
    ferry.give("PGFERRY_CREDENTIAL", "client_secret");
    let said = ferry.run(&["plan"]).expect(1).all();
    assert!(said.contains("no token to sign in with"), "{said}");
    assert!(said.contains("AZURE_CLIENT_SECRET is not set"), "{said}");
}
