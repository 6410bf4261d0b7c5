//! One connection of a client: HTTP requests are passed on and answered, websockets are joined.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::body::{self, Observed};
use super::polling::Opening;
use super::tap::{Agreement, Tap};
use super::trouble::Reply;
use super::upstream::{Line, NoAnswer};
use super::web::{Call, Calls};
use super::{Relayed, Shared, messages, pipe, polling, secrets};
use crate::message::Framing;
use crate::protocol::Route;
use crate::protocol::{Dialect, Transport};

/// Headers that are about one connection, not about the message (RFC 9110, 7.6.1). `Expect` is among them because whoever reads a body
/// for somebody else has already asked for it.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
    HeaderName::from_static("keep-alive"),
];

/// The client's connection is dropped without an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped on purpose, or because the server did")]
pub(super) struct Cut;

/// Why a request gets no answer of the server.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error(transparent)]
    Cut(#[from] Cut),
}

/// A client's connection.
struct Relay {
    shared: Arc<Shared>,
    line: Mutex<Line>,
    calls: Calls,
    /// Its place among all connections; a websocket takes it along.
    place: Arc<OwnedSemaphorePermit>,
}

/// Serves a client until it goes.
pub(super) async fn serve(shared: Arc<Shared>, client: TcpStream, place: OwnedSemaphorePermit) {
    // Small messages must not wait for one another.
    let _ = client.set_nodelay(true);
    let calls = Calls::new(shared.clone());
    let relay = Arc::new(Relay { shared, line: Mutex::new(Line::new()), calls, place: Arc::new(place) });
    let service = service_fn(move |request| {
        let relay = relay.clone();
        async move { relay.answer(request).await }
    });
    // Clients that speak no HTTP are told so by hyper, and have said nothing that could be judged.
    let _ = http1::Builder::new()
        .preserve_header_case(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(client), service)
        .with_upgrades()
        .await;
}

impl Relay {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Relayed>, Cut> {
        let path = request.uri().path().to_owned();
        let route = self.shared.routes.find(&path);
        let answered = match (route, is_websocket(&request)) {
            (Some(Route::Websocket(dialect)), true) => self.join(request, Some((dialect, Framing::Bare))).await,
            (Some(Route::Socketio(dialect)), true) => self.join(request, Some((dialect, Framing::Packets))).await,
            (Some(Route::Socketio(dialect)), false) => self.poll(request, &dialect).await,
            (Some(Route::Web(dialect, action)), false) if request.method() == Method::POST => {
                self.call(request, &dialect, &action).await
            }
            // A browser asks by itself whether a call is allowed.
            (Some(_), false) if request.method() == Method::OPTIONS => self.pass(request).await,
            (_, upgrades) => {
                self.shared.not_judged(&path);
                if upgrades { self.join(request, None).await } else { self.pass(request).await }
            }
        };
        match answered {
            Ok(response) => Ok(response),
            Err(Unanswered::Cut(cut)) => Err(cut),
            Err(Unanswered::NoAnswer(error)) => {
                self.shared.unanswered(&error);
                Ok(refuse(&error))
            }
        }
    }

    /// Relays something that nobody judges.
    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Relayed>, Unanswered> {
        let request = self.for_upstream(request).map(BodyExt::boxed);
        Ok(for_client(self.ask(request).await?).map(BodyExt::boxed))
    }

    async fn ask(&self, request: Request<Relayed>) -> Result<Response<Incoming>, NoAnswer> {
        self.line.lock().await.ask(&self.shared.upstream, request).await
    }

    /// Relays a call of the Web API.
    async fn call(
        &self,
        request: Request<Incoming>,
        dialect: &Arc<Dialect>,
        action: &str,
    ) -> Result<Response<Relayed>, Unanswered> {
        let overheard = self.calls.of(dialect, request.headers());
        let call = Arc::new(Call::new(overheard, dialect, action, request.headers()));
        let (asking, answering) = (call.clone(), call);
        let mut request = self.for_upstream(request);
        let is_troubled = self.shared.mode.is_troubled();
        let request = if self.shared.mode.is_by_message() {
            if is_troubled {
                // Nobody here could take a compressed body apart.
                request.headers_mut().remove(header::ACCEPT_ENCODING);
            }
            let (head, body) = request.into_parts();
            let Ok(whole) = Limited::new(body, body::LONGEST).collect().await.map(Collected::to_bytes) else {
                return Ok(invalid("The body is too large, or it broke off"));
            };
            if let Some(refusal) = asking.asked(&whole).filter(|_| self.shared.mode.enforce) {
                asking.withheld();
                return Ok(invalid(&refusal.message));
            }
            if let Some((status, error)) = self.shared.calls_trouble.called(&self.shared, &asking) {
                // It is as if the server had said so, as on a websocket.
                answering.answered(status.as_u16(), error.as_bytes());
                return Ok(response(status, "application/json", error));
            }
            Request::from_parts(head, full(whole))
        } else {
            request.map(|body| Observed::new(body, move |bytes| drop(asking.asked(bytes))).boxed())
        };
        let response = self.ask(request).await.inspect_err(|_| answering.withheld())?;
        let status = response.status().as_u16();
        if is_troubled && response.body().size_hint().lower() <= body::LONGEST as u64 {
            let (mut head, body) = for_client(response).into_parts();
            // What breaks off breaks off for the client, too.
            let body = Limited::new(body, body::LONGEST).collect().await.map_err(|_| Cut)?.to_bytes();
            answering.answered(status, &body);
            return match self.shared.calls_trouble.answered(&self.shared, &answering, &body) {
                Reply::Cut => Err(Cut.into()),
                Reply::After(time, body) => {
                    tokio::time::sleep(time).await;
                    head.headers.remove(header::CONTENT_LENGTH);
                    Ok(Response::from_parts(head, full(body.into())))
                }
            };
        }
        let observed = move |body| Observed::new(body, move |bytes| answering.answered(status, bytes)).boxed();
        Ok(for_client(response).map(observed))
    }

    /// Relays a request of socket.io's polling.
    async fn poll(&self, request: Request<Incoming>, dialect: &Arc<Dialect>) -> Result<Response<Relayed>, Unanswered> {
        let began = Instant::now();
        let shared = self.shared.clone();
        let query = request.uri().query().unwrap_or_default();
        let (opens, polls) = (polling::member(query, "sid").is_none(), request.method() == Method::GET);
        let session = shared.sessions.find(query, shared.watch.clock.now());
        if session.is_none() && !opens {
            shared.not_judged(request.uri().path());
        }
        let secret = authorization(request.headers()).map(str::to_owned);
        let mut request = self.for_upstream(request);
        if shared.mode.is_by_message() {
            // Nobody here could take a compressed body apart.
            request.headers_mut().remove(header::ACCEPT_ENCODING);
        }
        if let Some(mailbox) = session.as_ref().and_then(|session| session.mailbox.clone()) {
            let (mut head, body) = request.into_parts();
            if polls {
                return mailbox.poll(&shared, head).await;
            }
            if head.method == Method::POST {
                let body = Limited::new(body, body::LONGEST).collect().await.map_err(|_| Cut)?.to_bytes();
                head.headers.remove(header::CONTENT_LENGTH);
                return mailbox.post(&shared, head, body).await;
            }
            request = Request::from_parts(head, body);
        }
        let session = session.map(|session| session.overheard);
        let speaker = session.clone().filter(|_| request.method() == Method::POST);
        let request = request.map(|body| match speaker {
            Some(speaker) => Observed::new(body, move |bytes| polling::said_by_client(&speaker, bytes)).boxed(),
            None => body.boxed(),
        });
        let response = for_client(self.ask(request).await?);
        if !polls || response.status() != StatusCode::OK {
            return Ok(response.map(BodyExt::boxed));
        }
        let (head, body) = response.into_parts();
        let opening = Opening { dialect: dialect.clone(), secret, began, head: head.clone() };
        let heard = move |bytes: &[u8]| match session {
            Some(session) => polling::said_by_server(&session, bytes),
            None if opens => shared.sessions.opened(&shared, opening, bytes),
            None => {}
        };
        Ok(Response::from_parts(head, Observed::new(body, heard).boxed()))
    }

    /// Joins a client's websocket to one of the server.
    async fn join(
        &self,
        mut request: Request<Incoming>,
        spoken: Option<(Arc<Dialect>, Framing)>,
    ) -> Result<Response<Relayed>, Unanswered> {
        let began = Instant::now();
        let shared = self.shared.clone();
        let client = hyper::upgrade::on(&mut request);
        let secret = authorization(request.headers()).map(str::to_owned);
        let sid = polling::member(request.uri().query().unwrap_or_default(), "sid");
        let session = shared.sessions.find(request.uri().query().unwrap_or_default(), shared.watch.clock.now());
        let session = session.map(|session| session.overheard);
        let mut request = self.rewritten(request).map(BodyExt::boxed);
        let by_message = spoken.is_some() && shared.mode.is_by_message();
        if by_message {
            // Nobody here could write compressed frames anew.
            request.headers_mut().remove(header::SEC_WEBSOCKET_EXTENSIONS);
        }
        // The connection becomes the websocket, so it cannot be the one for calls.
        let mut response = Line::new().ask(&shared.upstream, request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(for_client(response).map(BodyExt::boxed));
        }
        let server = hyper::upgrade::on(&mut response);
        let spoken = spoken.filter(|(_, framing)| {
            let strange = *framing == Framing::Packets && sid.is_some() && session.is_none();
            if strange {
                shared.not_judged("a session of socket.io that began elsewhere");
            }
            !strange
        });
        let heard = spoken.and_then(|(dialect, framing)| match agreement(response.headers()) {
            Ok(agreement) => {
                let probes = session.is_some() && framing == Framing::Packets;
                let overheard = session.filter(|_| probes).unwrap_or_else(|| {
                    let transport = match framing {
                        Framing::Bare => Transport::Websocket,
                        Framing::Packets => Transport::Socketio,
                    };
                    let secrets: Vec<&str> = secret.as_deref().into_iter().collect();
                    let overheard = shared.watch.begin(&dialect, transport, &secrets);
                    overheard.connected(began.elapsed());
                    overheard
                });
                Some((overheard, framing, agreement, probes))
            }
            Err(what) => {
                shared.not_judged(&what);
                None
            }
        });
        let place = self.place.clone();
        tokio::spawn(async move {
            let _place = place;
            let joined = tokio::try_join!(client, server);
            let Ok((client, server)) = joined else { return };
            let (client, server) = (TokioIo::new(client), TokioIo::new(server));
            let stop = shared.stop.clone();
            let relaying = async move {
                match heard {
                    Some((overheard, framing, _, probes)) if by_message => {
                        messages::relay(shared, client, server, (overheard, framing, probes)).await;
                    }
                    Some((overheard, framing, agreement, probes)) => {
                        pipe::pipe(client, server, Some(Tap::new(overheard, framing, agreement, probes))).await;
                    }
                    None => pipe::pipe(client, server, None).await,
                }
            };
            tokio::select! {
                () = relaying => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(response.map(BodyExt::boxed))
    }

    /// The same request for the server's address.
    fn rewritten<B>(&self, request: Request<B>) -> Request<B> {
        let target = &self.shared.upstream.target;
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        // What was a path stays one behind a prefix that is one.
        head.uri = format!("{}{path}", target.prefix()).parse().unwrap_or_else(|_| Uri::from_static("/"));
        if let Ok(host) = HeaderValue::from_str(target.authority()) {
            head.headers.insert(header::HOST, host);
        }
        head.version = http::Version::HTTP_11;
        Request::from_parts(head, body)
    }

    fn for_upstream<B>(&self, request: Request<B>) -> Request<B> {
        let mut request = self.rewritten(request);
        drop_hop_by_hop(request.headers_mut());
        request
    }
}

pub(super) fn for_client<B>(mut response: Response<B>) -> Response<B> {
    drop_hop_by_hop(response.headers_mut());
    response
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn is_websocket<B>(request: &Request<B>) -> bool {
    let value = request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// The secret in the headers of a request.
pub(super) fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(secrets::of_header)
}

fn agreement(headers: &HeaderMap) -> Result<Option<Agreement>, String> {
    let values = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    Agreement::read(Some(&texts.join(",")))
}

/// What a client is told when the server cannot be asked.
fn refuse(error: &NoAnswer) -> Response<Relayed> {
    response(StatusCode::BAD_GATEWAY, "text/plain; charset=utf-8", format!("chatproof proxy: {error}\n"))
}

/// What a client is told when its call is not what the documents ask for (customer-v0.3 541; C03-A08).
fn invalid(message: &str) -> Response<Relayed> {
    let error = json!({ "error": { "type": "validation", "message": message } });
    response(StatusCode::BAD_REQUEST, "application/json", error.to_string())
}

/// An answer that is not the server's.
pub(super) fn response(status: StatusCode, content_type: &'static str, text: String) -> Response<Relayed> {
    let mut response = Response::new(full(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A body that is at hand.
pub(super) fn full(bytes: Bytes) -> Relayed {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
