//! Pings, silence, and stopping.

use super::*;

/// Short enough to wait for, long enough to do something in between.
const SHORT: Duration = Duration::from_millis(300);

fn timing() -> Timing {
    Timing { customer_idle: SHORT, agent_idle: SHORT, agent_login: SHORT, ..Timing::default() }
}

#[tokio::test]
async fn a_silent_customer_is_closed() {
    let server = TestServer::with(&[], timing()).await;
    let mut customer = server.customer("carl").await;
    assert_eq!(customer.closed().await, Some(1000));
    assert_eq!(customer.pushes, []);
    assert_eq!(server.connect("customer/v0.3").await.closed().await, Some(1000));
}

#[tokio::test]
async fn a_silent_agent_is_told_before_he_is_closed() {
    let server = TestServer::with(&[], timing()).await;
    let mut agent = server.agent("amy").await;
    assert_eq!(agent.closed().await, Some(1008));
    assert_eq!(agent.pushes[0].name, "agent_disconnected");
    assert_eq!(agent.pushes[0].payload["reason"], "ping_timeout");
}

#[tokio::test]
async fn an_agent_who_never_logs_in_is_closed_though_he_pings() {
    let server = TestServer::with(&[], Timing { agent_login: SHORT, ..Timing::default() }).await;
    let mut agent = server.connect("agent/v3.0").await;
    let mut pings = 0;
    let code = loop {
        agent.request("ping", Value::Null).await;
        match agent.next().await {
            Got::Closed(code) => break code,
            _ => pings += 1,
        }
        tokio::time::sleep(SHORT / 5).await;
    };
    assert_eq!(code, Some(1008));
    assert!(pings > 1);
}

#[tokio::test]
async fn both_kinds_of_ping_keep_a_connection_open() {
    let server = TestServer::with(&[], timing()).await;
    let mut agent = server.agent("amy").await;
    for n in 0..8_u8 {
        tokio::time::sleep(SHORT / 4).await;
        if n % 2 == 0 {
            agent.ok("ping", Value::Null).await;
        } else {
            agent.socket.send(Message::Ping(vec![n].into())).await.unwrap();
            assert_eq!(agent.frame().await.unwrap().unwrap(), Message::Pong(vec![n].into()));
        }
    }
    agent.nothing().await;
}

#[tokio::test]
async fn stopping_closes_every_connection() {
    let server = TestServer::start().await;
    let mut peers = [server.agent("amy").await, server.customer("carl").await, server.connect("agent/v3.0").await];
    let half_open = TcpStream::connect(server.addr).await.unwrap();
    let TestServer { addr, stop, running, .. } = server;
    drop(stop);
    for peer in &mut peers {
        assert_eq!(peer.closed().await, Some(1001));
    }
    tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
    assert!(TcpStream::connect(addr).await.is_err());
    drop(half_open);
}

#[tokio::test]
async fn a_connection_that_is_gone_gets_no_more_chats() {
    let server = TestServer::start().await;
    let agent = server.agent("amy").await;
    drop(agent);
    let mut late = server.agent("zoe").await;
    // The end of the other connection is noticed at some time, not at once.
    let mut customers = 0;
    while late.pushed().await.is_empty() {
        customers += 1;
        assert!(customers < 1000);
        server.customer(&format!("c{customers}")).await.start().await;
    }
    for n in 0..4 {
        server.customer(&format!("d{n}")).await.start().await;
        late.only("incoming_chat_thread").await;
    }
}
