//! The pages in a real browser: they open without complaints, and what they promise to do, they do. Behind the feature `other-tools`,
//! because Chromium has to be installed (`.ci/run` does).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "browser/drive.rs"]
mod drive;
#[path = "live/going.rs"]
mod going;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use drive::{Browser, DESK, HEIGHT, Look, Page};
use going::Going;
use serde_json::{Value, json};
use support::{binary, check, root};

/// Somebody's traffic in which the server once sent a text in place of a number.
fn faulty() -> PathBuf {
    root().join("tests/recordings/chromium-server-fault.har")
}

/// A certification in which one requirement is broken.
fn certified() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binary())
        .current_dir(root())
        .args(["certify", "--only", "C03-B1*", "--only", "C03-B7*", "--defect", "thread-closed-untold", "--quick"])
        .arg("--report")
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

/// Whether an element can be seen without scrolling.
fn is_in_sight(page: &mut Page<'_>, selector: &str) -> bool {
    let place = page.tell(&format!(
        "(() => {{ const r = document.querySelector({selector:?}).getBoundingClientRect(); return [r.top, r.bottom, r.height]; }})()"
    ));
    let number = |at: usize| place[at].as_f64().unwrap();
    number(0) >= 0.0 && number(1) <= f64::from(HEIGHT) && number(2) > 0.0
}

/// How far the page can be scrolled sideways.
fn sideways(page: &mut Page<'_>) -> i64 {
    let tell = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    page.tell(tell).as_i64().unwrap()
}

/// The shown rows of a table, as the texts of one column.
fn column(page: &mut Page<'_>, table: &str, column: usize) -> Vec<String> {
    let told = page.tell(&format!(
        "[...document.querySelector('#{table}').tBodies[0].rows].filter((row) => row.offsetHeight > 0)\
         .map((row) => row.cells[{column}].textContent)"
    ));
    told.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Starting a browser takes longer than all that is asked of it, so each page is looked at in one go.
#[test]
fn the_page_of_a_failing_run() {
    let run = check(&faulty());
    let file = run.folder().join("report.html");
    let mut browser = Browser::start();
    leads_from_its_cause_to_the_frame_and_the_line(&mut browser, &file);
    fits_every_window_by_day_and_by_night(&mut browser, &file);
    let folder = tempfile::tempdir().unwrap();
    shows_what_a_peer_says_and_obeys_none_of_it(&mut browser, &hostile(folder.path()));
}

#[test]
fn the_page_of_a_failing_certification() {
    let folder = certified();
    let file = folder.path().join("report.html");
    let mut browser = Browser::start();
    sorts_and_filters_tables(&mut browser, &file);
    can_be_used_by_keyboard(&mut browser, &file);
    fits_every_window_by_day_and_by_night(&mut browser, &file);
}

#[test]
fn the_page_of_a_run_has_its_charts() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binary())
        .current_dir(root())
        .args(["run", "tests/scenarios/conversation.yaml", "--report"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let mut browser = Browser::start();
    let mut page = browser.open(&folder.path().join("report.html"), DESK);
    // Whether something is drawn on each of the charts over time.
    let drawn = "[...document.querySelectorAll('.plot canvas')].map((canvas) => canvas.getContext('2d')\
                 .getImageData(0, 0, canvas.width, canvas.height).data.some((part) => part > 0))";
    assert_eq!(page.tell(drawn), json!([true, true, true, true]));
    let shown = "[...document.querySelectorAll('svg.chart')].filter((chart) => chart.getBoundingClientRect().height > 0).length";
    assert!(page.tell(shown).as_u64().unwrap() >= 2, "percentile curves and a heat map");
    // They come from the page's own data, and from nothing else.
    page.tell("document.querySelectorAll('script[data-chart]').forEach((data) => data.remove())");
    page.tell("window.chatproof.start(document.getElementById('main'))");
    assert_eq!(page.tell(drawn), json!([]));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_page_of_a_run_that_goes_on_keeps_up_with_it_until_its_verdict() {
    const SENT: &str =
        "[...document.querySelectorAll('#latency-table tbody tr')].map((row) => Number(row.cells[3].dataset.sort))";
    const HEADING: &str = "#latency-table th:nth-child(4)";
    let mut browser = Browser::start();
    // Longer than is looked at.
    let going = Going::start(&["--for", "60s", "--quiet", "--defect", "wrong-type"]);
    let mut page = browser.visit(&format!("http://{}/", going.addr), DESK);
    page.wait_until(&format!("{SENT}.length > 3"));
    assert_eq!(page.tell(&format!("document.querySelector('{HEADING}').textContent")), "sent");
    // The least first. Clicks of a mouse could fall into the moment in which the page is made anew.
    page.tell(&format!("for (const _ of [1, 2]) document.querySelector('{HEADING} button').click()"));
    let order = format!("document.querySelector('{HEADING}').ariaSort");
    assert_eq!(page.tell(&order), "ascending");
    let before = numbers(&page.tell(SENT));
    assert!(before.is_sorted(), "{before:?}");
    let sum = before.iter().sum::<u64>();
    page.wait_until(&format!("{SENT}.reduce((sum, sent) => sum + sent, 0) > {sum} + 20"));
    let after = numbers(&page.tell(SENT));
    assert!(after.is_sorted(), "{after:?}");
    assert_eq!(page.tell(&order), "ascending");

    going.interrupt();
    page.wait_until("document.getElementById('live').textContent === 'The run is over.'");
    let (_, said, folder) = going.end();
    let verdict = "document.querySelector('.verdict').innerText";
    let (shown, sent) = (page.tell(verdict), numbers(&page.tell(SENT)));
    assert!(sent.is_sorted(), "{sent:?}");
    assert_eq!(page.complaints(), Vec::<String>::new());
    // The report says the same.
    let mut page = browser.open(&folder.path().join("report.html"), DESK);
    assert_eq!(page.tell(verdict), shown, "{said}");
    assert!(shown.as_str().unwrap().contains("wrong_type"), "{shown}");
    let mut written = numbers(&page.tell(SENT));
    written.sort_unstable();
    assert_eq!(written, sent);
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

/// From a verdict to the offending frame and the line of the document it breaks: one click.
fn leads_from_its_cause_to_the_frame_and_the_line(browser: &mut Browser, file: &Path) {
    let mut page = browser.open(file, DESK);
    assert!(is_in_sight(&mut page, ".causes li"));
    assert!(page.tell("document.querySelector('.causes').textContent").as_str().unwrap().contains("wrong_type"));
    // Whatever is folded up is unfolded by the link.
    page.tell("document.querySelectorAll('details.finding').forEach((details) => { details.open = false; })");
    assert!(!is_in_sight(&mut page, "#violation-wrong_type mark"));
    page.click(".causes li a");
    assert!(is_in_sight(&mut page, "#violation-wrong_type mark"));
    let told = page.tell("document.querySelector('#violation-wrong_type dl').innerText");
    assert!(told.as_str().unwrap().contains("customer-v0.3, line"), "{told}");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

fn fits_every_window_by_day_and_by_night(browser: &mut Browser, file: &Path) {
    for look in [DESK, Look { dark: true, ..DESK }, Look { width: 400, ..DESK }] {
        let mut page = browser.open(file, look);
        page.tell("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
        assert_eq!(sideways(&mut page), 0, "{look:?}");
        // Without a sideways scroll bar, the parts themselves may not be cut off either.
        let wide = page.tell(
            "[...document.querySelectorAll('main > *, section > *')]\
             .filter((part) => part.getBoundingClientRect().right > innerWidth + 1).map((part) => part.outerHTML.slice(0, 80))",
        );
        assert_eq!(wide, json!([]), "{look:?}");
        let paper = page.tell("getComputedStyle(document.body).backgroundColor");
        let ink = page.tell("getComputedStyle(document.querySelector('td, dd, li')).color");
        assert_eq!(brightness(&paper) < brightness(&ink), look.dark, "{paper} {ink}");
        assert_eq!(page.complaints(), Vec::<String>::new(), "{look:?}");
    }
}

/// From `rgb(1, 2, 3)`.
fn brightness(color: &Value) -> u32 {
    let text = color.as_str().unwrap();
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    numbers.take(3).map(|part| part.parse::<u32>().unwrap()).sum()
}

fn sorts_and_filters_tables(browser: &mut Browser, file: &Path) {
    const TABLE: &str = "requirements-table";
    let mut page = browser.open(file, DESK);
    let (ids, verdicts) = (column(&mut page, TABLE, 0), column(&mut page, TABLE, 1));
    let mut failed: Vec<&String> =
        ids.iter().zip(&verdicts).filter(|(_, verdict)| *verdict == "fail").map(|(id, _)| id).collect();
    failed.sort();
    assert!(failed.contains(&&"C03-B71".to_owned()) && failed.len() < ids.len(), "{ids:?} {verdicts:?}");

    page.click(&format!("#{TABLE} th:nth-child(2) button"));
    let (mut rising, mut falling) = (verdicts.clone(), verdicts);
    rising.sort();
    falling.sort_by(|a, b| b.cmp(a));
    assert_eq!(column(&mut page, TABLE, 1), rising);
    assert_eq!(page.tell("document.querySelector('#requirements-table th:nth-child(2)').ariaSort"), "ascending");
    page.tell("document.querySelector('#requirements-table th:nth-child(2) button').focus()");
    page.press("Enter", 13);
    assert_eq!(column(&mut page, TABLE, 1), falling);

    let choose = |page: &mut Page<'_>, verdict: &str| {
        let select = "document.querySelector('[data-filter=requirements-table][data-column=\"1\"]')";
        page.tell(&format!(
            "{select}.value = '{verdict}'; {select}.dispatchEvent(new Event('input', {{bubbles: true}}))"
        ));
    };
    choose(&mut page, "fail");
    let mut left = column(&mut page, TABLE, 0);
    left.sort();
    assert_eq!(left.iter().collect::<Vec<_>>(), failed);
    choose(&mut page, "");
    assert_eq!(column(&mut page, TABLE, 0).len(), ids.len());

    page.click("input[data-filter=requirements-table]");
    page.type_in("c03-b71 fail");
    assert_eq!(column(&mut page, TABLE, 0), ["C03-B71"]);
    let count = page.tell("document.querySelector('[data-count=requirements-table]').textContent");
    assert_eq!(count, format!("1 of {}", ids.len()));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

fn can_be_used_by_keyboard(browser: &mut Browser, file: &Path) {
    let mut page = browser.open(file, DESK);
    page.press("Tab", 9);
    assert_eq!(page.tell("document.activeElement.textContent"), "Skip to the report");
    assert!(is_in_sight(&mut page, "a.skip"));
    let lost = page.tell(
        "[...document.querySelectorAll('main a, main summary, main button, main input, main select, main .box')]\
         .filter((part) => part.tabIndex < 0).length",
    );
    assert_eq!(lost, 0);
    let unnamed = page
        .tell("[...document.querySelectorAll('input, select')].filter((field) => field.labels.length === 0).length");
    assert_eq!(unnamed, 0);
}

/// What a browser obeys wherever it is not escaped.
const SAYS: &str =
    "</script></pre><script>document.title = 'obeyed'</script><img src=x onerror=\"document.title = 'obeyed'\">";

/// The traffic of a server and a client that say this in every text.
fn hostile(folder: &Path) -> PathBuf {
    let response =
        json!({"request_id": "1", "action": SAYS, "type": "response", "success": true, "payload": {SAYS: SAYS}});
    let event = json!({"id": SAYS, "order": SAYS, "type": SAYS});
    let push = json!({"action": "incoming_event", "type": "push", "payload": {"chat_id": SAYS, "event": event}});
    let request = json!({"request_id": SAYS, "action": SAYS, "payload": {SAYS: SAYS}});
    let frames = [
        ("to_server", request.to_string()),
        ("to_server", SAYS.to_owned()),
        ("to_client", response.to_string()),
        ("to_client", push.to_string()),
        ("to_client", SAYS.to_owned()),
    ];
    let header = json!({
        "chatproof": "capture", "version": 1, "started": "2026-01-02T03:04:05Z", "tool": "a test", "client": "observed"
    });
    let opened = json!({"connection": 1, "dialect": "customer/v0.3", "transport": "websocket"});
    let mut lines = vec![header, json!({"at": 0, "opened": opened})];
    lines.extend(frames.map(
        |(direction, text)| json!({"at": 5_000_000, "frame": {"connection": 1, "direction": direction, "text": text}}),
    ));
    lines.push(json!({"at": 9_000_000, "end": {}}));
    let file = folder.join("hostile.ndjson");
    std::fs::write(&file, lines.iter().map(|line| line.to_string() + "\n").collect::<String>()).unwrap();
    file
}

fn shows_what_a_peer_says_and_obeys_none_of_it(browser: &mut Browser, traffic: &Path) {
    let run = check(traffic);
    assert_eq!(run.code, 1, "{}\n{}", run.stdout, run.stderr);
    let mut page = browser.open(&run.folder().join("report.html"), DESK);
    page.tell("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
    let shown = page.tell("document.querySelector('#violations').innerText").as_str().unwrap().to_owned();
    assert!(shown.matches(SAYS).count() > 3, "{shown}");
    assert_ne!(page.tell("document.title"), "obeyed");
    assert_eq!(page.tell("document.querySelectorAll('img').length"), 0);
    // What its policy forbids, a browser complains about.
    assert_eq!(page.complaints(), Vec::<String>::new());
}
