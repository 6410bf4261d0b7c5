//! Whether the reported latencies are true: `chatproof run` against servers that take known times, and what it reports beside what it
//! must report. Also what a closed loop would have said of the server that stalls.
//!
//! `cargo bench --bench truth`; it fails when a percentile is off by more than 1 % and more than 1 ms. What else happens on the machine only
//! adds to what is measured. The server notes what it adds there, and that counts as taken. What it adds at the generator is in the generator's own
//! account of its lag and delay, which therefore come on top of the 1 %. Of other pauses nobody knows, so each measurement may be made three times.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::exit,
    reason = "a bench speaks to people and fails when it cannot go on"
)]

mod delays;
mod server;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chatproof::load::{Profile, Spacing, Stage, schedule};
use serde_json::Value;

use crate::delays::{Delays, percentile};
use crate::server::Over;

const RATE: f64 = 200.0;
const FOR: Duration = Duration::from_secs(20);
/// How often a measurement may be made.
const TRIES: usize = 3;
const PERCENTILES: [(&str, f64); 5] =
    [("p50_us", 50.0), ("p90_us", 90.0), ("p99_us", 99.0), ("p999_us", 99.9), ("max_us", 100.0)];

fn main() {
    println!("{RATE} arrivals a second for {} s; milliseconds", FOR.as_secs());
    println!(
        "{:<28} {:<10} {:<20} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "answers take", "over", "", "p50", "p90", "p99", "p99.9", "max"
    );
    let mut off = Vec::new();
    for over in [Over::Websocket, Over::Web] {
        for delays in Delays::ALL {
            show(delays, over, "planned", percentiles(&exact(delays, &[])));
            let mut wrong = Vec::new();
            for _ in 0..TRIES {
                let server = server::start(delays, over);
                let arrivals = format!("arrive: {{ rate: {RATE}/s, spacing: even, at_most: 1000 }}");
                let measured = measure(server.address, over, &arrivals, "response");
                let exact = exact(delays, &server.late());
                let wanted = percentiles(&exact);
                show(delays, over, "exact", wanted);
                show(delays, over, "reported", measured.percentiles);
                show(delays, over, "lag of the generator", measured.late);
                wrong = differences((exact.len() as u64, wanted), &measured);
                if wrong.is_empty() {
                    break;
                }
            }
            off.extend(wrong.into_iter().map(|wrong| format!("{} over {over:?}: {wrong}", delays.name())));
            if delays == Delays::Stalling {
                let server = server::start(delays, over);
                let measured = measure(server.address, over, "concurrent: 10", "service");
                show(delays, over, "a closed loop of 10", measured.percentiles);
            }
        }
    }
    if off.is_empty() {
        println!("every percentile is within 1 % or 1 ms of the exact one");
    } else {
        println!("{}", off.join("\n"));
        std::process::exit(1);
    }
}

/// What a run reported.
struct Measured {
    answered: u64,
    percentiles: [Duration; 5],
    /// How late the generator says it was itself.
    late: [Duration; 5],
}

/// What is not as it must be.
fn differences((exact, wanted): (u64, [Duration; 5]), measured: &Measured) -> Vec<String> {
    let mut wrong = Vec::new();
    if measured.answered != exact {
        wrong.push(format!("{} requests, not {exact}", measured.answered));
    }
    for (place, (name, _)) in PERCENTILES.iter().enumerate() {
        let (wanted, late) = (wanted[place], measured.late[place]);
        let off = measured.percentiles[place].abs_diff(wanted);
        if off > Duration::from_millis(1).max(wanted / 100) + late {
            wrong.push(format!("{name} is off by {off:?}, of which the generator knows {late:?}"));
        }
    }
    wrong
}

/// What each of the scheduled requests takes from the moment at which it is due, shortest first, when the server is late with its answers by
/// this much.
fn exact(delays: Delays, late: &[Duration]) -> Vec<Duration> {
    let profile = Profile { stages: vec![Stage { from: RATE, to: RATE, over: FOR }], spacing: Spacing::Even };
    let late = late.iter().copied().chain(std::iter::repeat(Duration::ZERO));
    let mut exact: Vec<_> = schedule(&profile, 1, FOR)
        .zip(late)
        .enumerate()
        .map(|(number, (due, late))| delays.of(number as u64, due) + late)
        .collect();
    exact.sort_unstable();
    exact
}

fn percentiles(sorted: &[Duration]) -> [Duration; 5] {
    PERCENTILES.map(|(_, percent)| percentile(sorted, percent))
}

/// Runs chatproof against such a server.
fn measure(address: SocketAddr, over: Over, arrivals: &str, phase: &str) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let (actor, action) = match over {
        Over::Websocket => ("{ dialect: customer/v0.3, transport: websocket, steps: [{ stay: 0s }] }", "login"),
        Over::Web => (
            "{ dialect: agent/v3.0, transport: web, steps: [{ call: send_typing_indicator, payload: { chat_id: c, is_typing: true } }] }",
            "send_typing_indicator",
        ),
    };
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let load = format!("{{ for: {}s, populations: [{{ actor: somebody, {arrivals} }}] }}", FOR.as_secs());
    let scenario = file("truth.yaml", format!("actors:\n  somebody: {actor}\nload: {load}\n"));
    let tokens: Vec<String> = (0..2000).map(|number| format!("t{number}")).collect();
    let tokens = tokens.join(", ");
    let tokens = file("tokens.yaml", format!("customers: [{tokens}]\nagents: [{tokens}]\n"));
    let report = folder.path().join("report");
    let run = Command::new(env!("CARGO_BIN_EXE_chatproof"))
        .arg("run")
        .arg(&scenario)
        .args(["--target", &format!("http://{address}"), "--allow-saturated", "--token-file"])
        .arg(&tokens)
        .arg("--report")
        .arg(&report)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    read(&report, action, phase)
}

fn read(report: &Path, action: &str, phase: &str) -> Measured {
    let report: Value = serde_json::from_slice(&std::fs::read(report.join("report.json")).unwrap()).unwrap();
    let requests = report["requests"].as_array().unwrap();
    let row = requests.iter().find(|row| row["action"] == action).unwrap();
    let micros = |value: &Value| Duration::from_micros(value.as_u64().unwrap());
    let generator = &report["generator"];
    Measured {
        answered: row["answered"].as_u64().unwrap(),
        percentiles: PERCENTILES.map(|(name, _)| micros(&row[phase][name])),
        // A closed loop has no arrivals that could be late.
        late: PERCENTILES.map(|(name, _)| {
            micros(&generator["delay"][name]).max(generator["lag"].get(name).map_or(Duration::ZERO, micros))
        }),
    }
}

fn show(delays: Delays, over: Over, what: &str, percentiles: [Duration; 5]) {
    let [p50, p90, p99, p999, max] = percentiles.map(|value| value.as_secs_f64() * 1000.0);
    let over = format!("{over:?}").to_lowercase();
    println!("{:<28} {over:<10} {what:<20} {p50:>9.2} {p90:>9.2} {p99:>9.2} {p999:>9.2} {max:>9.2}", delays.name());
}
