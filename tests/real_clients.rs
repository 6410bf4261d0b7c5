//! Clients written by others talk to the reference server: old socket.io clients under node and in a browser, Python's websocket-client,
//! and curl. Behind the feature `other-tools`, because they have to be installed (`.ci/run` does).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "real_clients/drive.rs"]
mod drive;
mod support;

use drive::{ANSWER, TEXT, VERSIONS, is_whole, transports};
use serde_json::{Value, json};
use support::proxied::proxy;
use support::serve;

#[test]
fn old_clients_of_socket_io_poll() {
    for version in VERSIONS {
        let server = serve(&[]);
        let lines = drive::node(version, &server.url, &["polling"]);
        is_whole(&lines);
        assert_eq!(transports(&lines), ["polling"], "{version}");
    }
}

#[test]
fn old_clients_of_socket_io_begin_by_polling_and_go_over_to_a_websocket() {
    for version in VERSIONS {
        let server = serve(&[]);
        let lines = drive::node(version, &server.url, &["polling", "websocket"]);
        is_whole(&lines);
        assert_eq!(transports(&lines).last(), Some(&"websocket"), "{version}");
    }
}

#[test]
fn old_clients_of_socket_io_use_a_websocket_alone() {
    for version in VERSIONS {
        let server = serve(&[]);
        let lines = drive::node(version, &server.url, &["websocket"]);
        is_whole(&lines);
        assert_eq!(transports(&lines), ["websocket"], "{version}");
    }
}

#[test]
fn a_page_of_another_origin_polls_talks_and_calls() {
    for version in VERSIONS {
        let server = serve(&[]);
        let told = drive::chromium(version, &server.url);
        for lines in [&told.polling, &told.upgrade, &told.websocket] {
            is_whole(lines);
        }
        assert_eq!(transports(&told.polling), ["polling"], "{version}");
        assert_eq!(transports(&told.upgrade).last(), Some(&"websocket"), "{version}");
        assert_eq!((&told.web["status"], &told.web["answer"]["customer"]["name"]), (&json!(200), &json!("Řehoř 😀")));
    }
}

#[test]
fn pythons_websocket_client_talks() {
    let server = serve(&[]);
    is_whole(&drive::python(&server.url));
}

#[test]
fn what_is_not_whole_is_noticed() {
    for wrong in [&["--defect", "duplicated-push"], &["--hardship", "push-before-response"]] {
        let server = serve(wrong);
        let noticed = (0..20).any(|_| {
            let lines = drive::python(&server.url);
            std::panic::catch_unwind(|| is_whole(&lines)).is_err()
        });
        assert!(noticed, "{wrong:?}");
    }
}

#[test]
fn curl_calls_and_uploads() {
    let server = serve(&[]);
    let url = |action: &str| format!("{}/customer/v0.3/action/{action}?license_id=1", server.url);
    let token = "Authorization: Bearer customer:carl";
    let call = |action: &str, body: &Value| {
        let (url, body) = (url(action), json!({ "payload": body }).to_string());
        let (status, answer) =
            drive::curl(&["-H", token, "-H", "Content-Type: application/json", "--data-binary", &body, &url]);
        (status, serde_json::from_str::<Value>(&answer).unwrap())
    };
    let refused = call("start_chat", &json!({}));
    assert_eq!((refused.0, &refused.1["error"]["type"]), (400, &json!("validation")), "no name was given yet");
    assert_eq!(call("update_customer", &json!({"customer": {"name": TEXT}})).0, 200);
    let (status, started) = call("start_chat", &json!({}));
    let chat = started["chat"]["id"].as_str().unwrap();
    assert_eq!(status, 200);
    let (_, sent) = call("send_event", &json!({"chat_id": chat, "event": {"type": "message", "text": TEXT}}));
    assert_eq!(sent["event"]["text"], TEXT);

    let folder = tempfile::tempdir().unwrap();
    let (file, content) = (folder.path().join("note.txt"), "a file é 😀\n".repeat(1000));
    std::fs::write(&file, &content).unwrap();
    let (chat, part) = (format!("payload.chat_id={chat}"), format!("payload.file=@{};type=text/plain", file.display()));
    let (status, answer) =
        drive::curl(&["-H", token, "-F", &chat, "-F", "payload.custom_id=mine", "-F", &part, &url("send_file")]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(drive::curl(&[answer["payload"]["url"].as_str().unwrap()]), (200, content));
}

/// What each of them does through a proxy, it does as well as without; neither it nor the server did anything wrong.
#[test]
fn the_proxy_is_not_in_their_way() {
    let through = |does: &dyn Fn(&str)| {
        let server = serve(&[]);
        let proxy = proxy(&server.url, &[]);
        does(&proxy.url);
        let ended = proxy.end();
        assert_eq!((ended.code, ended.kinds()), (0, Vec::new()), "{}\n{}", ended.stdout, ended.stderr);
    };
    for version in VERSIONS {
        for ways in [&["polling"] as &[&str], &["polling", "websocket"], &["websocket"]] {
            through(&|url| is_whole(&drive::node(version, url, ways)));
        }
        through(&|url| {
            let told = drive::chromium(version, url);
            [&told.polling, &told.upgrade, &told.websocket].into_iter().for_each(|lines| is_whole(lines));
        });
    }
    through(&|url| is_whole(&drive::python(url)));
}

/// Where the proxy makes it hard for clients that go over to a websocket meanwhile, they hear everything all the same, and nobody is blamed for
/// what the proxy did.
#[test]
fn what_is_hard_reaches_clients_that_change_their_transport() {
    let hard = ["unknown-pushes", "unknown-members", "duplicate-pushes"].map(|name| ["--hardship", name]).concat();
    for version in VERSIONS {
        let server = serve(&[]);
        let proxy = proxy(&server.url, &hard);
        let lines = drive::node(version, &proxy.url, &["polling", "websocket"]);
        assert_eq!(transports(&lines).last(), Some(&"websocket"), "{version}");
        for (who, text) in [("agent", TEXT), ("customer", ANSWER)] {
            let mut heard = lines.iter().filter(|line| line.who == who);
            assert!(heard.any(|line| line.message["payload"]["event"]["text"] == text), "{lines:#?}");
        }
        let mut pushes = lines.iter().map(|line| &line.message).filter(|message| message["type"] == "push");
        let is_hard = |push: &Value| push["action"] == "something_new_happened" || push["something_new"].is_object();
        assert!(pushes.all(is_hard), "{lines:#?}");
        let ended = proxy.end();
        assert_eq!((ended.code, ended.kinds()), (0, Vec::new()), "{}\n{}", ended.stdout, ended.stderr);
    }
}
