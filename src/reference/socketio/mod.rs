//! socket.io, as the clients of 1.x and 2.x speak it: engine.io protocol 3 over polling or a websocket, or the one and then the other.
//!
//! The documents name the transport and its paths (customer-v0.3 106; agent-v0.2 companion C-RM02:114; agent-v3.0 old/ref:141).
//!
//! This is written here because the crate for it falls short over polling. With socketioxide 0.18.9 and its feature `v4`, the session of
//! a 1.x client ends at the first text beyond ASCII that it is sent, and a browser's polls are answered in the form for text, not in that for
//! bytes. What is left out here: JSONP polling (browsers of before 2012), and namespaces, acknowledgements and binary events, which the
//! API does not use.

mod polled;
mod wire;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use http::{Method, Request, StatusCode, header};
use serde::Deserialize;

pub use polled::Sessions;
pub use wire::SocketIoWire;

use super::connection;
use super::render::Spoken;
use super::server::Shared;
use super::web;
use super::wire::{Wire, upgrade};
use crate::protocol::Dialect;

/// The members of the query that are engine.io's.
#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "EIO")]
    protocol: Option<String>,
    transport: Option<String>,
    sid: Option<String>,
    b64: Option<String>,
}

/// Answers a request to a path of socket.io.
pub async fn answer(shared: Arc<Shared>, dialect: Arc<Dialect>, spoken: Spoken, request: Request<Body>) -> Response {
    let Ok(Query(asked)) = Query::<Asked>::try_from_uri(request.uri()) else { return refused(3, "Bad request") };
    if asked.protocol.as_deref() != Some("3") {
        return refused(5, "Unsupported protocol version: this is socket.io of 1.x and 2.x, with EIO=3");
    }
    let session = match &asked.sid {
        Some(sid) => match shared.sessions.get(sid) {
            Some(session) => Some(session),
            None => return refused(1, "Session ID unknown"),
        },
        None => None,
    };
    match (asked.transport.as_deref(), request.method(), session) {
        (Some("polling" | "websocket"), &Method::GET, None) => {
            if let Err(refusal) = web::check_query(&shared, &dialect.catalog.rtm.query, request.uri().query()) {
                return web::refused(spoken, refusal.status(spoken), &refusal);
            }
            if asked.transport.as_deref() == Some("websocket") {
                return open_websocket(shared, dialect, spoken, request);
            }
            let (polling, session) = shared.sessions.open(asked.b64.is_some());
            let wire = SocketIoWire::polling(polling, session.sid()).await;
            tokio::spawn(connection::serve(shared, dialect, spoken, Wire::SocketIo(Box::new(wire))));
            session.poll().await
        }
        (Some("polling"), &Method::GET, Some(session)) => session.poll().await,
        (Some("polling"), &Method::POST, Some(session)) => session.post(request.into_body()).await,
        (Some("websocket"), &Method::GET, Some(session)) => upgrade(spoken, request, |socket| session.probe(socket)),
        (Some("polling" | "websocket"), _, _) => refused(2, "Bad handshake method"),
        _ => refused(0, "Transport unknown"),
    }
}

/// Opens a session that never polls.
fn open_websocket(shared: Arc<Shared>, dialect: Arc<Dialect>, spoken: Spoken, request: Request<Body>) -> Response {
    upgrade(spoken, request, move |socket| async move {
        let wire = SocketIoWire::websocket(socket, &polled::new_sid()).await;
        connection::serve(shared, dialect, spoken, Wire::SocketIo(Box::new(wire))).await;
    })
}

/// The errors of engine.io, which the older clients show.
fn refused(code: u8, message: &str) -> Response {
    let body = serde_json::json!({ "code": code, "message": message }).to_string();
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
