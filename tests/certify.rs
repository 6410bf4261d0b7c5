//! `chatproof certify` as a user meets it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sha2::{Digest, Sha256};
use support::tokens::{file, listed, many_tokens};
use support::{binary, root, serve};

/// A finished certification.
struct Certified {
    code: i32,
    stdout: String,
    stderr: String,
    folder: tempfile::TempDir,
}

impl Certified {
    fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.file(name)).unwrap()
    }

    /// Verdicts of the only dialect, by requirement.
    fn verdicts(&self) -> BTreeMap<String, String> {
        let certificate = &self.json("certificate.json")["certificates"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        certificate["rows"].as_array().unwrap().iter().map(|row| (text(&row["id"]), text(&row["verdict"]))).collect()
    }
}

fn certify(arguments: &[&str]) -> Certified {
    let folder = tempfile::tempdir().unwrap();
    let Output { status, stdout, stderr } = Command::new(binary())
        .current_dir(root())
        .args(["certify", "--report"])
        .arg(folder.path())
        .args(arguments)
        .output()
        .unwrap();
    Certified {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
        folder,
    }
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

#[test]
fn a_requirement_that_holds_passes_and_the_same_one_broken_fails_with_its_evidence() {
    let clean = certify(&["--only", "C03-B71"]);
    assert_eq!(clean.code, 0, "{}{}", clean.stdout, clean.stderr);
    assert_eq!(clean.verdicts(), BTreeMap::from([("C03-B71".to_owned(), "pass".to_owned())]));
    let broken = certify(&["--only", "C03-B71", "--defect", "thread-closed-untold"]);
    assert_eq!(broken.code, 1, "{}{}", broken.stdout, broken.stderr);
    assert_eq!(broken.verdicts()["C03-B71"], "fail");
    for told in ["fail (server)  C03-B71", "customer-v0.3 893", "step:closing_causes_thread_closed", "→", "←"] {
        assert!(broken.stdout.contains(told), "{told}:\n{}", broken.stdout);
    }
    // The page shows just this output; only the times differ.
    let timeless = |line: &str| {
        let line = line.trim();
        let rest = line.strip_prefix('+').and_then(|rest| rest.split_once(' '));
        rest.map_or(line, |(_, rest)| rest).to_owned()
    };
    let page = std::fs::read_to_string(root().join("docs/certify.md")).unwrap();
    let example = page.split("```").find(|block| block.contains("what does not pass")).unwrap();
    assert!(example.lines().count() > 8, "{example}");
    let shown: BTreeSet<String> = broken.stdout.lines().map(timeless).collect();
    for line in example.lines().map(timeless) {
        assert!(shown.contains(&line), "docs/certify.md shows `{line}`, which is not in:\n{}", broken.stdout);
    }
    let junit = String::from_utf8(broken.file("junit.xml")).unwrap();
    assert!(junit.contains("<failure") && junit.contains("C03-B71"), "{junit}");
}

#[test]
fn the_attestation_has_the_hashes_of_what_was_written() {
    let run = certify(&["--only", "C03-B71", "--seed", "7"]);
    let attestation = run.json("attestation.json");
    let hash = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(attestation["certificate"], hash(&run.file("certificate.json")));
    assert_eq!(attestation["history"], hash(&run.file("history.ndjson")));
    let errata = std::fs::read(root().join("schemas/customer/v0.3/errata.yaml")).unwrap();
    assert_eq!(attestation["dialects"]["customer/v0.3"]["data"]["errata"], hash(&errata));
    assert_eq!(
        (&attestation["seed"], &attestation["dialects"]["customer/v0.3"]["judgement"]),
        (&7.into(), &"passed".into())
    );
    let history = String::from_utf8(run.file("history.ndjson")).unwrap();
    assert!(history.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert!(history.contains("\"pushed\":\"thread_closed\""), "{history}");
}

#[test]
fn unknown_dialects_and_patterns_that_match_nothing_are_exit_2() {
    for (arguments, told) in [
        (
            &["--dialect", "customer/v9"][..],
            "unknown dialect `customer/v9`; known: agent/v0.2, agent/v3.0, customer/v0.2, customer/v0.3",
        ),
        (
            &["--only", "C09-*"],
            "--only C09-*: no requirement of agent/v0.2, agent/v3.0, customer/v0.2, customer/v0.3 has such an id",
        ),
        (
            &["--dialect", "agent/v3.0", "--only", "C03-B71"],
            "--only C03-B71: no requirement of agent/v3.0 has such an id",
        ),
        (&["--profile", "lenient"], "invalid value 'lenient'"),
        (&["--target", "http://127.0.0.1:1"], "--token-file"),
    ] {
        let run = certify(arguments);
        assert_eq!(run.code, 2, "{arguments:?} {}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains(told), "{arguments:?} {}", run.stderr);
    }
}

#[test]
fn malformed_and_stale_waivers_are_exit_3_and_good_ones_change_only_the_exit_code() {
    let waiver =
        |id: &str, day: &str| file(&format!("- {{ requirement: {id}, reason: known, owner: Ann, expires: {day} }}\n"));
    let with = |waivers: &tempfile::NamedTempFile, more: &[&str]| {
        let mut arguments = vec!["--only", "C03-B71", "--only", "C03-B72", "--waivers", path(waivers)];
        arguments.extend(more);
        certify(&arguments)
    };
    for (waivers, told) in [
        (file("- waive everything"), "not a list of waivers"),
        (waiver("C03-B999", "2999-01-01"), "there is no such requirement"),
        (waiver("C03-B71", "2020-01-01"), "expired on 2020-01-01"),
        (waiver("C03-B71", "2999-01-01"), "is stale: the requirement is not broken"),
    ] {
        let run = with(&waivers, &[]);
        assert_eq!(run.code, 3, "{told}: {}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
    }
    let missing = certify(&["--waivers", "no-such-file"]);
    assert_eq!(missing.code, 3);
    assert!(missing.stderr.contains("no-such-file"), "{}", missing.stderr);
    let run = with(&waiver("C03-B71", "2999-01-01"), &["--defect", "thread-closed-untold"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let certificate = run.json("certificate.json");
    assert_eq!((&certificate["judgement"], &certificate["accepted"]), (&"failed".into(), &"non_strict".into()));
    assert_eq!(run.json("attestation.json")["dialects"]["customer/v0.3"]["judgement"], "failed");
    assert!(run.stdout.contains("waived: known (Ann, until 2999-01-01)"), "{}", run.stdout);
}

#[test]
fn a_target_without_an_action_is_exit_5_unless_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("schemas"), folder.path());
    let dialect = folder.path().join("customer/v0.3");
    let catalog = std::fs::read_to_string(dialect.join("catalog.yaml")).unwrap();
    let (before, rest) = catalog.split_once("  send_sneak_peek:").unwrap();
    let (_, after) = rest.split_once("  close_thread:").unwrap();
    std::fs::write(dialect.join("catalog.yaml"), format!("{before}  close_thread:{after}")).unwrap();
    for kind in ["requests", "responses"] {
        std::fs::remove_file(dialect.join(kind).join("send_sneak_peek.json")).unwrap();
    }
    let tokens = many_tokens();
    let run = |more: &[&str]| {
        // The customer who was banned in one run could not log in in the next.
        let server = serve(&["--schemas", folder.path().to_str().unwrap()]);
        let mut arguments = vec!["--target", &server.url, "--token-file", path(&tokens), "--quick"];
        arguments.extend(["--only", "C03-B12", "--only", "C03-B70", "--only", "C03-B71"]);
        arguments.extend(more);
        certify(&arguments)
    };
    let partial = run(&[]);
    assert_eq!(partial.code, 5, "{}{}", partial.stdout, partial.stderr);
    assert_eq!(partial.verdicts()["C03-B70"], "not_exercised", "{}", partial.stdout);
    assert_eq!(partial.verdicts()["C03-B71"], "pass", "{}", partial.stdout);
    assert_eq!(partial.json("certificate.json")["certificates"][0]["not_offered"][0], "send_sneak_peek");
    let allowed = run(&["--allow-missing"]);
    assert_eq!(allowed.code, 0, "{}{}", allowed.stdout, allowed.stderr);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &copied) } else { std::fs::copy(&path, &copied).map(drop).unwrap() }
    }
}

#[test]
fn nobody_there_is_exit_4_and_too_few_tokens_are_exit_3() {
    let (few, many) = (file("agents: [one]\ncustomers: [two]\n"), many_tokens());
    let nobody = certify(&["--target", "http://127.0.0.1:1", "--token-file", path(&many)]);
    assert_eq!(nobody.code, 4, "{}{}", nobody.stdout, nobody.stderr);
    let run = certify(&["--target", "http://127.0.0.1:1", "--token-file", path(&few)]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("tokens in the pool"), "{}", run.stderr);
}

#[test]
fn somebody_elses_server_is_certified_and_no_token_appears() {
    let server = serve(&["--defect", "thread-closed-untold"]);
    let tokens = many_tokens();
    let run =
        certify(&["--target", &server.url, "--token-file", path(&tokens), "--dialect", "customer/v0.3", "--quick"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.verdicts()["C03-B71"], "fail", "{}", run.stdout);
    let mut everything = run.stdout.clone() + &run.stderr;
    for name in ["certificate.json", "certificate.txt", "junit.xml", "history.ndjson", "attestation.json"] {
        everything += &String::from_utf8(run.file(name)).unwrap();
    }
    assert!(everything.contains("-c4nary"), "user ids are shown");
    for token in listed("agent:agents").into_iter().chain(listed("customer:customers")) {
        assert!(!everything.contains(&token), "the token {token} leaked");
    }
}

#[test]
fn the_profiles_read_the_documents_differently() {
    // C03-A17: the Scopes object of the documents wraps the groups once more than every sample does.
    let verdicts =
        |profile: &str| certify(&["--only", "C03-B63", "--profile", profile, "--quick"]).verdicts()["C03-B63"].clone();
    assert_eq!(verdicts("consensus"), "pass");
    assert_eq!(verdicts("strict"), "pass");
    assert_ne!(verdicts("literal"), "pass");
}

#[test]
fn the_cases_may_come_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("customer/v0.3");
    std::fs::create_dir_all(&target).unwrap();
    let broken = "actors: { a: { dialect: customer/v0.3, transport: websocket, steps: [ { call: ping, name: x, proves: [C03-B999] } ] } }\n\
                  load: { for: 1s, populations: [ { actor: a, together: 1 } ] }\n";
    std::fs::write(target.join("own.yaml"), broken).unwrap();
    let run = certify(&["--cases", folder.path().to_str().unwrap()]);
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(run.stderr.contains("step `x` proves C03-B999, which is no requirement"), "{}", run.stderr);
}

#[test]
fn the_clean_server_passes_over_socketio_and_what_speaks_of_websockets_is_left_out() {
    let certified = certify(&["--transport", "socketio", "--quick"]);
    assert_eq!(certified.code, 0, "{}", certified.stdout);
    assert!(certified.stdout.contains("over socket.io"), "{}", certified.stdout);
    let certificate = certified.json("certificate.json");
    assert_eq!((certificate["transport"].as_str(), certified.json("attestation.json")["transport"].as_str()), {
        let socketio = Some("socketio");
        (socketio, socketio)
    });
    assert_eq!(certificate["certificates"].as_array().unwrap().len(), 4);
    let history = String::from_utf8(certified.file("history.ndjson")).unwrap();
    // The only websockets are those by which an actor of the Web API tries what is not offered in real time.
    let opened = |transport: &str| {
        let opened = format!(r#""fact":"connected","transport":"{transport}""#);
        history.lines().filter(|line| line.contains(&opened)).count()
    };
    assert!(opened("socketio") > 100 && opened("websocket") < 10, "{} {}", opened("socketio"), opened("websocket"));
    let pings = certify(&["--transport", "socketio", "--only", "A30-B01"]);
    assert_eq!(pings.verdicts()["A30-B01"], "not_exercised");
    assert_eq!(pings.code, 5, "nothing was shown");
    assert!(pings.stdout.contains("it speaks of websocket, and this certification"), "{}", pings.stdout);
    assert_eq!(certify(&["--only", "A30-B01"]).verdicts()["A30-B01"], "pass");
}

#[test]
fn a_dialect_without_a_path_for_socketio_is_told_apart() {
    let schemas = tempfile::tempdir().unwrap();
    copy_without_socketio(&root().join("schemas"), schemas.path(), "agent/v3.0/catalog.yaml");
    let folder = schemas.path().to_str().unwrap();
    let asked = certify(&["--schemas", folder, "--transport", "socketio", "--dialect", "agent/v3.0"]);
    assert_eq!(asked.code, 2);
    let told = "the documents of agent/v3.0 have no path for socket.io; those of agent/v0.2, customer/v0.2, customer/v0.3 have one";
    assert!(asked.stderr.contains(told), "{}", asked.stderr);
    let others = certify(&["--schemas", folder, "--transport", "socketio", "--only", "C03-B63", "--only", "A30-B01"]);
    assert!(others.stderr.contains("left out: the documents of agent/v3.0 have no path"), "{}", others.stderr);
}

/// Copies a folder; the file that ends like this loses its paths of socket.io.
fn copy_without_socketio(from: &Path, to: &Path, without: &str) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_without_socketio(&path, &target, without);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let kept = |line: &&str| !path.ends_with(without) || !line.trim_start().starts_with("socketio:");
            std::fs::write(target, text.lines().filter(kept).map(|line| format!("{line}\n")).collect::<String>())
                .unwrap();
        }
    }
}
