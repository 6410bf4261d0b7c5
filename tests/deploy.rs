//! What lies in `deploy/`: the manifests are Kubernetes', and each machine works out its share. Behind the feature `other-tools`, because
//! a validator has to be installed (`.ci/run` does).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::root;

fn manifest(name: &str) -> PathBuf {
    root().join("deploy/kubernetes").join(name)
}

fn venv(tool: &str) -> Command {
    let path = root().join("target/venv/bin").join(tool);
    assert!(
        path.exists(),
        "{tool} is not installed; do: python3 -m venv target/venv && target/venv/bin/pip install kubernetes-validate==1.37.0"
    );
    Command::new(path)
}

/// Whether Kubernetes would take a manifest, and what its schemas say.
fn validate(path: &Path) -> (bool, String) {
    let output = venv("kubernetes-validate").arg("--strict").arg(path).output().unwrap();
    (output.status.success(), told(&output))
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_manifests_are_valid() {
    for name in ["run.yaml", "merge.yaml"] {
        let (valid, told) = validate(&manifest(name));
        assert!(valid && told.contains("passed for resource job/chatproof-"), "{told}");
    }
}

#[test]
fn a_broken_manifest_is_not() {
    let text = fs::read_to_string(manifest("run.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (right, wrong, expected) in [
        ("completions: 4", "completions: four", "spec.completions: 'four' is not of type"),
        ("backoffLimit: 0", "backofLimit: 0", "'backofLimit' was unexpected"),
        ("- name: share\n", "- image: share\n", "job/chatproof-shares"),
    ] {
        let broken = folder.path().join("broken.yaml");
        assert!(text.contains(right), "{right}");
        fs::write(&broken, text.replacen(right, wrong, 1)).unwrap();
        let (valid, told) = validate(&broken);
        assert!(!valid && told.contains(expected), "{wrong}: {told}");
    }
}

#[test]
fn all_numbers_of_shares_agree() {
    let text = fs::read_to_string(manifest("run.yaml")).unwrap();
    let after =
        |label: &str| text.split(label).nth(1).unwrap().split_whitespace().next().unwrap().trim_matches('"').to_owned();
    let shares = ["completions:", "parallelism:", "SHARES\n              value:"].map(after);
    assert_eq!(shares, ["4", "4", "4"]);
}

/// Something called chatproof that says how it was called.
fn echo(folder: &Path) -> PathBuf {
    let path = folder.join("chatproof");
    fs::write(&path, "#!/bin/sh\necho \"$@\"\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// What the shell in a container of a manifest calls.
fn called(name: &str, environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    echo(folder.path());
    let script = "import sys, yaml\n\
                  jobs = [d for d in yaml.safe_load_all(open(sys.argv[1])) if d['kind'] == 'Job']\n\
                  print(jobs[0]['spec']['template']['spec']['containers'][0]['args'][0])";
    let script = venv("python").args(["-c", script]).arg(manifest(name)).output().unwrap();
    assert!(script.status.success(), "{}", told(&script));
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(String::from_utf8(script.stdout).unwrap()).env("PATH", path).envs(environment.iter().copied());
    told(&shell.output().unwrap())
}

#[test]
fn a_pod_does_the_share_of_its_index() {
    let environment = [
        ("SHARES", "4"),
        ("TARGET", "https://x"),
        ("START_AT", "2026-05-01T12:00:00Z"),
        ("RUN", "r1"),
        ("JOB_COMPLETION_INDEX", "0"),
    ];
    assert_eq!(
        called("run.yaml", &environment),
        "run /scenario/scenario.yaml --target https://x --token-file /tokens/tokens.yaml --share 1/4 \
         --start-at 2026-05-01T12:00:00Z --report /tallies/r1/0\n"
    );
    let last = [&environment[..4], &[("JOB_COMPLETION_INDEX", "3")]].concat();
    assert!(called("run.yaml", &last).contains(" --share 4/4 "));
}

#[test]
fn a_task_of_an_array_does_the_share_of_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let chatproof = echo(folder.path());
    let task = |id: &str| {
        let mut command = Command::new("bash");
        command.arg(root().join("deploy/slurm/array.sbatch")).args(["--target", "https://x"]);
        command.envs([("SLURM_ARRAY_TASK_ID", id), ("SLURM_ARRAY_TASK_MIN", "5"), ("SLURM_ARRAY_TASK_COUNT", "3")]);
        command.env("CHATPROOF", &chatproof).envs([
            ("SCENARIO", "s.yaml"),
            ("START_AT", "1777636800"),
            ("TALLIES", "/t"),
        ]);
        told(&command.output().unwrap())
    };
    let call = |number: &str| {
        format!("run s.yaml --target https://x --share {number}/3 --start-at 1777636800 --report /t/{number}\n")
    };
    assert_eq!([task("5"), task("7")], [call("1"), call("3")]);
}
