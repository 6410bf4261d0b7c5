//! Browsers: a page of another origin may call, poll and read the answers, with credentials.

use reqwest::{Client, Method, Response};

use super::*;

const ORIGIN: &str = "http://shop.example";

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

fn lets_in(response: &Response) -> bool {
    header(response, "access-control-allow-origin") == ORIGIN
        && header(response, "access-control-allow-credentials") == "true"
}

#[tokio::test]
async fn a_page_asks_before_it_calls_and_is_let_in() {
    let server = TestServer::start().await;
    let http = Client::new();
    for path in ["/customer/v0.3/action/start_chat?license_id=1", "/v3.0/agent/action/start_chat"] {
        let preflight = http
            .request(Method::OPTIONS, format!("http://{}{path}", server.addr))
            .header("Origin", ORIGIN)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization,content-type");
        let answer = preflight.send().await.unwrap();
        assert!(answer.status().is_success() && lets_in(&answer), "{answer:?}");
        assert!(header(&answer, "access-control-allow-methods").contains("POST"));
        assert_eq!(header(&answer, "access-control-allow-headers"), "authorization,content-type");
    }
}

#[tokio::test]
async fn a_page_may_read_what_it_is_answered_even_when_it_is_refused() {
    let server = TestServer::start().await;
    let http = Client::new();
    let base = format!("http://{}", server.addr);
    let call = http.post(format!("{base}/customer/v0.3/action/start_chat?license_id=1")).header("Origin", ORIGIN);
    let refused = call.send().await.unwrap();
    assert!(refused.status() == 401 && lets_in(&refused), "{refused:?}");
    let poll = http.get(format!("{base}/customer/v0.3/rtm/sio/?license_id=1&EIO=3&transport=polling"));
    let opened = poll.header("Origin", ORIGIN).send().await.unwrap();
    assert!(opened.status() == 200 && lets_in(&opened), "{opened:?}");
    // Who is no page is told nothing about origins.
    let plain = http.get(format!("{base}/files/1")).send().await.unwrap();
    assert_eq!(header(&plain, "access-control-allow-origin"), "");
}
