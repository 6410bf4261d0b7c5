//! The control endpoint: what no client's request can cause, over JSON and HTTP on a port of its own that only this machine reaches.
//!
//! A web page in a browser on this machine must not reach it: what it takes is JSON by its content type, which no page can send without
//! asking first, and whoever asks under a name that only now stands for this machine is sent away.

mod orders;
mod state;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::ReferenceError;
use super::refusal::Refusal;
use super::server::Shared;
use crate::local::names_this_machine;
use crate::protocol::Protocol;

/// What every order needs.
pub struct Room {
    shared: Arc<Shared>,
    protocol: Arc<Protocol>,
}

/// A control endpoint that is bound to its address.
pub struct Control {
    listener: TcpListener,
    addr: SocketAddr,
    router: Router,
}

impl Control {
    /// Binds the address.
    ///
    /// # Errors
    /// When it can be reached from other machines, or cannot be bound.
    pub async fn bind(addr: SocketAddr, shared: Arc<Shared>, protocol: Arc<Protocol>) -> Result<Self, ReferenceError> {
        if !addr.ip().is_loopback() {
            return Err(ReferenceError::NotLoopback { addr });
        }
        let unbound = |source| ReferenceError::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(unbound)?;
        let addr = listener.local_addr().map_err(unbound)?;
        let router = Router::new()
            .route("/state", get(state::state))
            .route("/chats", post(orders::start_chat))
            .route("/chats/{id}/close", post(orders::close_thread))
            .route("/chats/{id}/system-messages", post(orders::system_message))
            .route("/customers/{id}/ban", post(orders::ban))
            .route("/customers/{id}/unban", post(orders::unban))
            .route("/agents/{id}/delete", post(orders::delete_agent))
            .route("/tokens/revoke", post(orders::revoke))
            .route("/licences/{number}", post(orders::stand))
            .route("/disconnect", post(orders::disconnect))
            .route("/refuse", post(orders::refuse))
            .route("/clock", post(orders::advance))
            .fallback(|| async {
                Complaint::new(StatusCode::NOT_FOUND, "there is no such order; see docs/reference-server.md")
            })
            .layer(from_fn(only_by_address))
            .with_state(Arc::new(Room { shared, protocol }));
        Ok(Self { listener, addr, router })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves for ever.
    pub async fn run(self) {
        // A listener that broke takes nothing else with it.
        let _ = axum::serve(self.listener, self.router).await;
        std::future::pending::<()>().await;
    }
}

/// Lets in who names this machine by its address, or as everybody does.
async fn only_by_address(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if names_this_machine(host) {
        next.run(request).await
    } else {
        Complaint::new(StatusCode::FORBIDDEN, "the control endpoint is asked by its address, such as 127.0.0.1")
            .into_response()
    }
}

/// Why an order is not carried out.
pub struct Complaint {
    status: StatusCode,
    message: String,
}

impl Complaint {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn unknown(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what} `{id}`; GET /state tells who and what there is"))
    }
}

impl From<Refusal> for Complaint {
    fn from(refusal: Refusal) -> Self {
        Self::new(StatusCode::BAD_REQUEST, refusal.message)
    }
}

impl From<JsonRejection> for Complaint {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Complaint {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.message }))).into_response()
    }
}

/// What came with an order.
pub struct Order<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Order<T> {
    type Rejection = Complaint;

    async fn from_request(request: Request, state: &S) -> Result<Self, Complaint> {
        let Json(order) = Json::from_request(request, state).await?;
        Ok(Self(order))
    }
}

type Reply = Result<Json<Value>, Complaint>;
type Here = State<Arc<Room>>;
type Named = Path<String>;
