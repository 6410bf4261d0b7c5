//! World files: the example that comes with chatproof, the schema that editors use, and what a user is told about broken ones.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use chatproof::protocol::Protocol;
use chatproof::reference::{WorldFile, world_schema};
use serde_json::Value;

const EXAMPLE: &str = "scenarios/worlds/two-licences.yaml";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_shipped_world_is_good_and_its_schema_says_so() {
    if let Err(errors) = WorldFile::load(&root().join(EXAMPLE), &Protocol::embedded().unwrap()) {
        panic!("{errors}");
    }
    let value: Value = serde_saphyr::from_str(&std::fs::read_to_string(root().join(EXAMPLE)).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&world_schema()).unwrap();
    let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
}

/// `UPDATE=1 cargo test --test worlds` writes it anew.
#[test]
fn the_published_editor_schema_is_current() {
    let path = root().join("reports/world.schema.json");
    let schema = format!("{:#}\n", world_schema());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), schema, "run UPDATE=1 cargo test --test worlds");
}

/// `UPDATE=1 cargo test --test worlds` writes the expected texts anew.
#[test]
fn broken_worlds_are_told_as_expected() {
    for case in ["broken", "misspelt"] {
        let output = Command::new(env!("CARGO_BIN_EXE_chatproof"))
            .current_dir(root())
            .args(["serve", "--listen", "127.0.0.1:0", "--world", &format!("tests/worlds/{case}.yaml")])
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{case} should be an unusable input: {told}");
        let path = root().join(format!("tests/worlds/{case}.txt"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &told).unwrap();
        }
        assert_eq!(told, std::fs::read_to_string(&path).unwrap(), "{case}");
        assert!(!told.contains("same"), "a token is a secret: {told}");
    }
}

/// A program that is stopped when its test is over.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_world_is_served_and_its_control_endpoint_tells_what_is_there() {
    let arguments =
        ["serve", "--listen", "127.0.0.1:0", "--world", EXAMPLE, "--control", "127.0.0.1:0", "--max-chats", "7"];
    let mut program = Command::new(env!("CARGO_BIN_EXE_chatproof"));
    program.current_dir(root()).args(arguments).stderr(Stdio::piped());
    let mut running = Running(program.spawn().unwrap());
    let mut said = BufReader::new(running.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let control = said.find_map(|line| Some(line.strip_prefix("control endpoint on http://")?.to_owned())).unwrap();
    assert_eq!(said.next().unwrap(), "tokens: those of the world file");
    let mut stream = TcpStream::connect(&control).unwrap();
    write!(stream, "GET /state HTTP/1.1\r\nHost: {control}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let state: Value = serde_json::from_str(body).unwrap();
    let numbers: Vec<&Value> = state["licences"].as_array().unwrap().iter().map(|licence| &licence["id"]).collect();
    assert_eq!(numbers, [104_130_623, 1520]);
    assert_eq!(state["licences"][0]["total_chats"], 2);
    assert!(!body.contains("s3cret"), "tokens are secrets");
}

#[test]
fn the_control_endpoint_is_for_this_machine_alone() {
    let output = Command::new(env!("CARGO_BIN_EXE_chatproof"))
        .args(["serve", "--listen", "127.0.0.1:0", "--control", "0.0.0.0:0"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("listens on this machine alone"), "{told}");
}
