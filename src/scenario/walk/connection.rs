//! An actor's connection: opened, logged in, pumped, opened again.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

use super::actor::{Walker, lock};
use super::proof::{Obstacle, Stopped};
use super::strand::Strand;
use crate::message::ApiError;
use crate::observe::{Closing, ConnectionId, Moment};
use crate::protocol::Transport;
use crate::scenario::plan::{Actor, Step};
use crate::session::{
    Backoff, CallOutcome, Query, RtmSession, Session, SessionContext, SessionError, Token, Variation, WebSession,
};

/// Attempts to establish a broken connection again, before the actor is given up.
const RECONNECTS: u32 = 8;

/// For a server that takes a connection, to end it, when it should not have taken it.
const REFUSED_WITHIN: Duration = Duration::from_secs(5);

/// What an actor has of a connection.
pub(super) struct Connection {
    session: Mutex<Option<Arc<Session>>>,
    token: Mutex<Option<Token>>,
    /// Told when there is a session to pump.
    opened: Notify,
    ready_since: Mutex<Moment>,
    /// Whether it is established again when it breaks.
    persistent: bool,
    /// The server said that it would end the connection, so it is not established again.
    dismissed: Mutex<bool>,
    nonces: AtomicU64,
    pool: String,
}

/// Why there is no connection, or nobody is logged in on it.
pub(super) struct Fault {
    /// In words, for the report.
    pub reason: String,
    /// Whose doing it is.
    pub obstacle: Obstacle,
}

impl Fault {
    /// The end of a line of steps.
    pub fn at(self, step: &Step) -> Stopped {
        Stopped { obstacle: self.obstacle, ..Stopped::broken(step, self.reason) }
    }

    pub fn ours(reason: String) -> Self {
        Self { reason, obstacle: Obstacle::Circumstances }
    }

    pub fn exhausted(reason: String) -> Self {
        Self { reason, obstacle: Obstacle::Machine }
    }
}

impl From<&SessionError> for Fault {
    fn from(error: &SessionError) -> Self {
        let obstacle = match error {
            _ if error.is_answer() => Obstacle::Server,
            _ if error.is_ours() => Obstacle::Machine,
            _ => Obstacle::Circumstances,
        };
        Self { reason: error.to_string(), obstacle }
    }
}

impl Connection {
    pub fn new(actor: &Actor, persistent: bool) -> Self {
        Self {
            session: Mutex::default(),
            token: Mutex::default(),
            opened: Notify::new(),
            ready_since: Mutex::default(),
            persistent,
            dismissed: Mutex::new(false),
            nonces: AtomicU64::new(0),
            pool: actor.credentials.clone(),
        }
    }

    /// When the connection was ready for the first step.
    pub fn ready_since(&self) -> Moment {
        *lock(&self.ready_since)
    }

    /// A `custom_id` that nobody else uses: of this process, which has drawn a number for itself, and of this call. The
    /// seed has no part in it, as a run with the same seed may have been against the same server.
    pub fn nonce(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        static RUN: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
        let run = RUN.get_or_init(rand::random);
        let own = self.nonces.fetch_add(1, Ordering::Relaxed);
        format!("cp-{run:x}-{:x}-{own:x}", COUNT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Walker {
    /// Takes a token, connects, and logs in where the actor does so by itself. The login is intended for the moment at
    /// which the connection stood.
    ///
    /// # Errors
    /// [`Fault`], also when the login is refused.
    pub async fn connect(&self, due: Moment, query: &Query) -> Result<(), Fault> {
        let token = self.token().map_err(Fault::ours)?;
        match self.actor.transport {
            Transport::Web => {
                let session = Session::Web(WebSession::new(&self.context(), &token, None));
                *lock(&self.connection.session) = Some(Arc::new(session));
                *lock(&self.connection.ready_since) = due;
            }
            Transport::Websocket | Transport::Socketio => {
                let session = self.open(&token, query).await.map_err(|error| Fault::from(&error))?;
                // In a box, here and below: an actor lives long, and would keep the room for this all its life.
                Box::pin(self.log_in(&session)).await?;
                *lock(&self.connection.ready_since) = self.stage.clock.now();
            }
        }
        Ok(())
    }

    /// Opens a real-time connection over the actor's transport.
    ///
    /// # Errors
    /// [`SessionError`], when there is none.
    pub async fn open_rtm(&self, token: &Token, query: &Query) -> Result<RtmSession, SessionError> {
        match self.actor.transport {
            Transport::Socketio => RtmSession::connect_socketio(&self.context(), token, query).await,
            Transport::Websocket | Transport::Web => RtmSession::connect_varied(&self.context(), token, query).await,
        }
    }

    /// The same, and has it pumped.
    async fn open(&self, token: &Token, query: &Query) -> Result<Arc<Session>, SessionError> {
        let session = Box::pin(self.open_rtm(token, query)).await?;
        let session = Arc::new(Session::Rtm(session));
        *lock(&self.connection.session) = Some(session.clone());
        self.connection.opened.notify_one();
        Ok(session)
    }

    /// Connects without logging in, and looks whether the server refuses: by its answer to the handshake, or by ending
    /// the connection soon.
    ///
    /// # Errors
    /// [`Fault`], when it does not.
    pub async fn be_refused(&self, query: &Query) -> Result<(), Fault> {
        let token = self.token().map_err(Fault::ours)?;
        let session = match self.open(&token, query).await {
            Ok(session) => session,
            Err(SessionError::Http { .. } | SessionError::Reset { .. } | SessionError::Declined { .. }) => {
                return Ok(());
            }
            Err(error) => return Err(Fault::from(&error)),
        };
        let Session::Rtm(rtm) = &*session else { return Ok(()) };
        let ended = tokio::time::timeout(REFUSED_WITHIN, rtm.ended()).await;
        self.disconnect().await;
        match ended {
            Ok(_) => Ok(()),
            Err(_) => {
                let reason = format!("the server took the connection and kept it for {REFUSED_WITHIN:?}");
                Err(Fault { reason, obstacle: Obstacle::Server })
            }
        }
    }

    /// Waits until the server ends the connection, or until it has kept it long enough when it need not end it.
    ///
    /// # Errors
    /// [`Fault`], when it does so too early or too late, counted from `began`, or when there is no connection.
    pub async fn be_closed(&self, began: Moment, within: Option<Duration>, not_before: Duration) -> Result<(), Fault> {
        let session = lock(&self.connection.session).clone();
        let Some(Session::Rtm(rtm)) = session.as_deref() else {
            return Err(Fault::ours("there is no connection".to_owned()));
        };
        let broken = |reason: String| Err(Fault { reason, obstacle: Obstacle::Server });
        let deadline = self.stage.clock.instant(began + within.unwrap_or(not_before));
        match tokio::time::timeout_at(deadline.into(), rtm.ended()).await {
            Ok((Closing::ByUs, _)) => Err(Fault::ours("we closed the connection ourselves".to_owned())),
            Ok((Closing::ServerSilent, _)) => {
                broken("the server kept the connection and answered no ping of socket.io in time".to_owned())
            }
            Ok((_, at)) if at.since(began) < not_before => {
                let after = at.since(began).as_secs_f64();
                broken(format!(
                    "the server ended the connection after {after:.1} s, expected not before {not_before:?}"
                ))
            }
            Ok(_) => Ok(()),
            Err(_) => within
                .map_or(Ok(()), |within| broken(format!("the server did not end the connection within {within:?}"))),
        }
    }

    async fn log_in(&self, session: &Session) -> Result<(), Fault> {
        let (Some(login), Session::Rtm(session)) = (&self.actor.login, session) else { return Ok(()) };
        let now = self.stage.clock.now();
        let extra = login
            .fill(&mut Strand::script(self, now))
            .map_err(|hole| Fault::ours(format!("login: {hole} has no value")))?;
        let reason = match session.login(&extra, now).await {
            CallOutcome::Answered { success: true, .. } => return Ok(()),
            CallOutcome::Answered { payload, .. } => match ApiError::from_payload(&payload) {
                Some(error) => format!("login was refused with `{}` ({})", error.kind, error.message),
                None => "login was refused without a readable error".to_owned(),
            },
            CallOutcome::TimedOut => "login was not answered in time".to_owned(),
            CallOutcome::Closed => "the connection was closed during login".to_owned(),
            CallOutcome::Failed(reason) => format!("login failed: {reason}"),
            CallOutcome::NotSent(reason) | CallOutcome::Exhausted(reason) => {
                return Err(Fault::ours(format!("login could not be sent: {reason}")));
            }
        };
        Err(Fault { reason, obstacle: Obstacle::Server })
    }

    /// Sends a request on the present connection.
    pub async fn call(&self, action: &str, payload: &Value, variation: &Variation, intended: Moment) -> CallOutcome {
        let session = lock(&self.connection.session).clone();
        match session {
            Some(session) => session.call(action, payload, variation, intended).await,
            None => CallOutcome::NotSent("there is no connection".to_owned()),
        }
    }

    /// Whether there is a connection on which pushes can come.
    pub fn is_open(&self) -> bool {
        matches!(lock(&self.connection.session).as_deref(), Some(Session::Rtm(session)) if !session.is_over())
    }

    /// The present connection, or the one that has just ended.
    pub fn connection_id(&self) -> Option<ConnectionId> {
        lock(&self.connection.session).as_deref().and_then(Session::connection)
    }

    /// A text without the actor's token.
    pub fn redact(&self, text: &str) -> String {
        match &*lock(&self.connection.token) {
            Some(token) => token.redact(text),
            None => text.to_owned(),
        }
    }

    /// Closes the present connection, if there is one.
    pub async fn disconnect(&self) {
        let session = lock(&self.connection.session).take();
        if let Some(session) = session {
            session.close().await;
        }
    }

    /// Id of the user who is logged in.
    pub fn user(&self) -> Option<String> {
        match lock(&self.connection.session).as_deref() {
            Some(Session::Rtm(session)) => session.user(),
            _ => None,
        }
    }

    /// Reads whatever connection there is, for as long as it is polled.
    pub async fn pump(&self) -> Infallible {
        loop {
            let session = lock(&self.connection.session).clone();
            match session.as_deref() {
                Some(Session::Rtm(rtm)) => {
                    let closing = rtm
                        .pump(|message| {
                            if *message.action == *self.actor.dialect.catalog.disconnect.push {
                                *lock(&self.connection.dismissed) = true;
                            }
                            self.inbox.put(self.stage.clock.now(), message);
                        })
                        .await;
                    Box::pin(self.ended(closing)).await;
                }
                _ => self.connection.opened.notified().await,
            }
        }
    }

    /// The connection is over: a persistent actor establishes it again, unless the server had sent it away.
    async fn ended(&self, closing: Closing) {
        let gone = *lock(&self.connection.dismissed) || self.stage.wind_down.is_cancelled();
        if closing == Closing::ByUs || !self.connection.persistent || gone {
            // Calls on it end as closed; the next one that is opened is pumped.
            self.connection.opened.notified().await;
            return;
        }
        lock(&self.connection.session).take();
        let mut backoff = Backoff::new(self.seed);
        for _ in 0..RECONNECTS {
            tokio::time::sleep(backoff.next_delay()).await;
            let Ok(token) = self.token() else { return };
            if let Ok(session) = self.open_rtm(&token, &[]).await {
                let session = Arc::new(Session::Rtm(session));
                *lock(&self.connection.session) = Some(session.clone());
                let Session::Rtm(rtm) = &*session else { return };
                // The login needs somebody who reads, and that is us.
                let logged_in = tokio::select! {
                    logged_in = self.log_in(&session) => logged_in.is_ok(),
                    _ = rtm.pump(|message| self.inbox.put(self.stage.clock.now(), message)) => false,
                };
                if logged_in {
                    return;
                }
                lock(&self.connection.session).take();
            }
        }
    }

    /// Leaves the cast and gives tokens back, so that other actors may use them.
    pub fn give_back_tokens(&self) {
        let own = lock(&self.connection.token).take().filter(|_| self.actor.identity.is_none());
        for (pool, token) in own.map(|token| (self.connection.pool.clone(), token)).into_iter().chain(self.cast.leave())
        {
            self.stage.surroundings.return_token(&pool, token);
        }
    }

    /// The actor's token, which it takes when it first needs it.
    ///
    /// # Errors
    /// In words, when there is none.
    pub fn token(&self) -> Result<Token, String> {
        let mut held = lock(&self.connection.token);
        if let Some(token) = held.as_ref() {
            return Ok(token.clone());
        }
        let pool = &self.connection.pool;
        let take = || self.stage.surroundings.take_token(pool);
        let token = match &self.actor.identity {
            Some(identity) => self.cast.token(identity, pool, take)?,
            None => take()?,
        };
        *held = Some(token.clone());
        Ok(token)
    }

    pub fn context(&self) -> SessionContext {
        let session = self.stage.session.clone();
        let pings = self.actor.keep_alive.unwrap_or(session.pings);
        SessionContext { dialect: self.actor.dialect.clone(), pings, ..session }
    }
}
