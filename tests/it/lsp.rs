//! The language server as an editor meets it: the built program, its standard input and output, and much that is no protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value as Json, json};

struct Editor {
    server: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
    asked: u64,
}

impl Editor {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgferry"));
        command.arg("lsp").current_dir(folder.path()).env_clear();
        let mut server = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            input: server.stdin.take(),
            output: BufReader::new(server.stdout.take().unwrap()),
            server,
            folder,
            asked: 0,
        }
    }

    fn initialized() -> Self {
        let mut editor = Self::start();
        let answer = editor.ask("initialize", json!({ "capabilities": {} }));
        assert_eq!(answer.pointer("/result/capabilities/hoverProvider"), Some(&json!(true)));
        assert_eq!(
            answer.pointer("/result/capabilities/positionEncoding"),
            Some(&json!("utf-16"))
        );
        editor.tell("initialized", json!({}));
        editor
    }

    fn send(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    fn message(&mut self, message: &Json) {
        let body = message.to_string();
        self.send(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn tell(&mut self, method: &str, params: Json) {
        self.message(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn receive(&mut self) -> Json {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server went away");
            match line.trim().strip_prefix("Content-Length: ") {
                Some(number) => length = number.parse().unwrap(),
                None if line.trim().is_empty() => break,
                None => panic!("{line}"),
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The answer to a request; what is published meanwhile is passed over.
    fn ask(&mut self, method: &str, params: Json) -> Json {
        self.asked += 1;
        let id = self.asked;
        self.message(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive();
            if message.get("id") == Some(&json!(id)) {
                return message;
            }
        }
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}/{name}", self.folder.path().display())
    }

    fn open(&mut self, name: &str, text: &str) {
        let document = json!({ "uri": self.uri(name), "languageId": "hcl", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// What is published next about a file.
    fn problems(&mut self, name: &str) -> Vec<Json> {
        let uri = self.uri(name);
        loop {
            let message = self.receive();
            if message.pointer("/params/uri") == Some(&json!(uri)) {
                return message
                    .pointer("/params/diagnostics")
                    .unwrap()
                    .as_array()
                    .unwrap()
                    .clone();
            }
        }
    }

    fn at(&self, name: &str, line: u64, character: u64) -> Json {
        json!({ "textDocument": { "uri": self.uri(name) }, "position": { "line": line, "character": character } })
    }

    fn end(mut self) -> i32 {
        let answer = self.ask("shutdown", Json::Null);
        assert_eq!(answer.get("result"), Some(&Json::Null));
        let after = self.ask("textDocument/hover", json!({}));
        assert_eq!(after.pointer("/error/code"), Some(&json!(-32600)));
        self.tell("exit", Json::Null);
        self.server.wait().unwrap().code().unwrap()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

const AZURE: &str = "azure {\n  cloud = \"simulator\"\n  subscription_id = \"00000000-0000-4000-8000-000000000001\"\n  \
                     resource_group = \"rg\"\n}\n";

#[test]
fn a_directory_is_checked_with_what_is_not_saved_yet() {
    let mut editor = Editor::initialized();
    std::fs::write(editor.folder.path().join("azure.hcl"), AZURE).unwrap();
    editor.open("main.hcl", "# é😀\nnetwork \"hub\" { nmae = \"é😀/x\" }\n");
    let problems = editor.problems("main.hcl");
    let unknown = problems.iter().find(|problem| problem["code"] == "C010").unwrap();
    assert_eq!(unknown["range"]["start"], json!({ "line": 1, "character": 16 }));
    assert!(
        unknown["message"].as_str().unwrap().contains("did you mean `name`?"),
        "{unknown}"
    );
    let range = json!({ "start": { "line": 1, "character": 16 }, "end": { "line": 1, "character": 20 } });
    let uri = editor.uri("main.hcl");
    editor.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [{ "range": range, "text": "name" }] }),
    );
    let problems = editor.problems("main.hcl");
    assert_eq!(problems[0]["code"], "C104", "{problems:?}");
    let whole = "network \"hub\" { name = \"vnet\" }\n";
    editor.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri, "version": 3 }, "contentChanges": [{ "text": whole }] }),
    );
    assert_eq!(editor.problems("main.hcl"), Vec::<Json>::new());
    assert_eq!(editor.end(), 0);
}

#[test]
fn what_is_asked_about_a_place_is_answered() {
    let mut editor = Editor::initialized();
    std::fs::write(editor.folder.path().join("azure.hcl"), AZURE).unwrap();
    editor.open(
        "names.hcl",
        "variable \"region\" {}\nlocals {\n  zone = upper(\"a\")\n}\n",
    );
    editor.open("main.hcl", "network \"hub\" {\n  name = \"😀${local.zone}\"\n  \n}\n");
    let completed = editor.ask("textDocument/completion", editor.at("main.hcl", 2, 2));
    let labels: Vec<&str> = completed["result"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["label"].as_str().unwrap())
        .collect();
    assert!(labels.contains(&"vnet_id") && !labels.contains(&"name"), "{labels:?}");
    // Behind the character that takes two units: the `z` of `zone`.
    let there = editor.at("main.hcl", 1, 21);
    let hovered = editor.ask("textDocument/hover", there.clone());
    assert!(
        hovered["result"]["contents"]["value"]
            .as_str()
            .unwrap()
            .contains("\"A\""),
        "{hovered}"
    );
    let target = editor.ask("textDocument/definition", there);
    assert_eq!(target["result"]["uri"], editor.uri("names.hcl"));
    assert_eq!(target["result"]["range"]["start"], json!({ "line": 2, "character": 2 }));
    let document = json!({ "textDocument": { "uri": editor.uri("names.hcl") } });
    let symbols = editor.ask("textDocument/documentSymbol", document);
    assert_eq!(symbols["result"][0]["name"], "variable \"region\"");
    assert_eq!(symbols["result"][1]["children"][0]["name"], "zone");
    editor.open("wide.hcl", "locals {\n a = 1\n}\n");
    let wide = json!({ "textDocument": { "uri": editor.uri("wide.hcl") }, "options": { "tabSize": 8, "insertSpaces": false } });
    let edits = editor.ask("textDocument/formatting", wide);
    assert_eq!(edits["result"][0]["newText"], "locals {\n  a = 1\n}\n");
    assert_eq!(edits["result"][0]["range"]["end"], json!({ "line": 3, "character": 0 }));
    assert_eq!(editor.end(), 0);
}

#[test]
fn nothing_that_is_sent_ends_the_conversation() {
    let mut editor = Editor::start();
    let early = editor.ask("textDocument/hover", json!({}));
    assert_eq!(early.pointer("/error/code"), Some(&json!(-32002)));
    let _ = editor.ask("initialize", json!({}));
    for strange in [
        "hello\r\n\r\n",
        "Content-Length: x\r\n\r\n",
        "Content-Length: 9\r\n\r\n{\"id\": 1,",
    ] {
        editor.send(strange.as_bytes());
        assert_eq!(
            editor.receive().pointer("/error/code"),
            Some(&json!(-32700)),
            "{strange}"
        );
    }
    // A frame of 80 MB, which is passed over.
    editor.send(b"Content-Length: 80000000\r\n\r\n");
    for _ in 0..80 {
        editor.send(&vec![b' '; 1_000_000]);
    }
    assert_eq!(editor.receive().pointer("/error/code"), Some(&json!(-32700)));
    editor.message(&json!({ "jsonrpc": "2.0", "id": "a", "nothing": 1 }));
    assert_eq!(editor.receive().pointer("/error/code"), Some(&json!(-32600)));
    editor.message(&json!({ "jsonrpc": "2.0", "id": null, "result": 1 }));
    assert_eq!(
        editor.ask("no/such", json!({})).pointer("/error/code"),
        Some(&json!(-32601))
    );
    editor.tell("$/setTrace", json!({ "value": "off" }));
    editor.tell("textDocument/didOpen", json!({ "textDocument": 1 }));
    editor.open("main.hcl", "network \"a\" {");
    for (line, character) in [(0, 13), (0, 99), (99, 0), (u64::from(u32::MAX) + 1, u64::MAX)] {
        for method in [
            "textDocument/completion",
            "textDocument/hover",
            "textDocument/definition",
        ] {
            let answer = editor.ask(method, editor.at("main.hcl", line, character));
            assert!(answer.get("result").is_some(), "{answer}");
        }
    }
    let range = json!({ "start": { "line": 9, "character": 9 }, "end": { "line": 0, "character": 0 } });
    let uri = editor.uri("main.hcl");
    editor.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri }, "contentChanges": [{ "range": range, "text": "é" }, 7, {}] }),
    );
    let hovered = editor.ask("textDocument/hover", editor.at("closed.hcl", 0, 0));
    assert_eq!(hovered.pointer("/error/code"), Some(&json!(-32602)));
    let missing = editor.ask(
        "textDocument/completion",
        json!({ "textDocument": { "uri": uri }, "position": { "line": -1 } }),
    );
    assert_eq!(missing.pointer("/error/code"), Some(&json!(-32602)));
    editor.message(&json!({ "jsonrpc": "2.0", "method": "textDocument/didOpen",
        "params": { "textDocument": { "uri": "untitled:1", "text": "locals {\n  a = \n}" } } }));
    let answer = editor.ask(
        "textDocument/completion",
        json!({ "textDocument": { "uri": "untitled:1" }, "position": { "line": 1, "character": 6 } }),
    );
    assert!(
        answer["result"]["items"]
            .as_array()
            .is_some_and(|items| items.len() > 100)
    );
    assert_eq!(editor.end(), 0);
}

#[test]
fn an_input_that_ends_ends_the_server() {
    let mut editor = Editor::initialized();
    drop(editor.input.take());
    assert_eq!(editor.server.wait().unwrap().code(), Some(1));
}

/// Whoever renames a variable of a module sees at once who still gives it by its old name, wherever the module lies.
#[test]
fn what_is_not_saved_yet_of_a_module_counts_for_whoever_calls_it() {
    let mut editor = Editor::initialized();
    std::fs::create_dir_all(editor.folder.path().join("live")).unwrap();
    std::fs::create_dir_all(editor.folder.path().join("modules/eu")).unwrap();
    let stored = "variable \"host\" {}\n\noutput \"url\" {\n  value = var.host\n}\n";
    std::fs::write(editor.folder.path().join("modules/eu/main.hcl"), stored).unwrap();
    let main = "module \"eu\" {\n  source   = \"../modules/eu\"\n  for_each = { a = 1 }\n  host     = \"h\"\n}\n\noutput \"o\" {\n  value = \
                module.eu[\"a\"].url\n}\n";
    editor.open("live/main.hcl", main);
    assert_eq!(editor.problems("live/main.hcl"), Vec::<Json>::new());
    editor.open("modules/eu/main.hcl", &stored.replace("\"host\"", "\"address\""));
    let problems = editor.problems("live/main.hcl");
    assert!(
        problems
            .iter()
            .any(|problem| problem["message"].to_string().contains("`address` is missing"))
    );
    // The module's own mistake is told in its file, once, though two directories lead to it.
    let problems = editor.problems("modules/eu/main.hcl");
    let unknown = problems.iter().filter(|problem| problem["code"] == "C020");
    assert_eq!(unknown.count(), 1, "{problems:?}");
    let place = editor.at("live/main.hcl", 7, 29);
    let answer = editor.ask("textDocument/definition", place);
    assert_eq!(
        answer.pointer("/result/uri"),
        Some(&json!(editor.uri("modules/eu/main.hcl"))),
        "{answer}"
    );
    assert_eq!(editor.end(), 0);
}
