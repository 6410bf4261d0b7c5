//! The connection to the master: a DEALER socket of ZeroMQ under the worker's id, made anew whenever it breaks.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use zeromq::util::PeerIdentity;
use zeromq::{DealerSocket, Socket, SocketEvent, SocketOptions, SocketRecv, SocketSend, ZmqError};

/// Messages that wait for the socket, in either direction.
const WAITING: usize = 1024;
/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(1);
/// For one attempt; the socket tries more and more seldom within it.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The socket takes messages before it has sent them, and drops what it has when it goes.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// A connection to the master.
pub struct Link {
    orders: mpsc::Sender<Order>,
    news: mpsc::Receiver<News>,
    task: JoinHandle<()>,
}

/// What comes from there.
pub enum News {
    /// There is a connection again.
    Connected,
    /// The master said something.
    Said(Bytes),
}

enum Order {
    Say(Vec<u8>),
    Anew,
}

/// The address or the id cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{address}` cannot be used as the master's address: {reason}; write HOST:PORT, such as 127.0.0.1:5557")]
pub struct LinkError {
    address: String,
    reason: String,
}

impl Link {
    /// Begins to connect, and never stops to until dropped.
    ///
    /// # Errors
    /// When the address is not `HOST:PORT`.
    pub fn new(address: &str, id: &str) -> Result<Self, LinkError> {
        let unusable = |reason: String| LinkError { address: address.to_owned(), reason };
        let endpoint = format!("tcp://{address}");
        endpoint.parse::<zeromq::Endpoint>().map_err(|error| unusable(error.to_string()))?;
        let identity: PeerIdentity = id.parse().map_err(|error: ZmqError| unusable(error.to_string()))?;
        let (orders, told) = mpsc::channel(WAITING);
        let (tell, news) = mpsc::channel(WAITING);
        let task = tokio::spawn(keep(endpoint, identity, told, tell));
        Ok(Self { orders, news, task })
    }

    /// What comes next.
    pub async fn next(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            // The task lives as long as `self`.
            None => std::future::pending().await,
        }
    }

    /// Says something. While there is no connection nobody hears it.
    pub async fn say(&self, message: Vec<u8>) {
        let _ = self.orders.send(Order::Say(message)).await;
    }

    /// Makes the connection anew.
    pub async fn renew(&self) {
        let _ = self.orders.send(Order::Anew).await;
    }

    /// Ends it, when everything has been said.
    pub async fn close(self) {
        let Self { orders, task, news } = self;
        drop((orders, news));
        let _ = task.await;
    }
}

async fn keep(endpoint: String, identity: PeerIdentity, mut orders: mpsc::Receiver<Order>, news: mpsc::Sender<News>) {
    loop {
        let connecting = connect(&endpoint, &identity);
        let Some(mut socket) = unheard(&mut orders, connecting).await else { return };
        let mut events = socket.monitor();
        let _ = news.send(News::Connected).await;
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Say(message)) => {
                        if socket.send(message.into()).await.is_err() {
                            break;
                        }
                    }
                    Some(Order::Anew) => break,
                    None => return sleep(LAST_WORDS).await,
                },
                message = socket.recv() => match message {
                    Ok(message) => {
                        if let Some(frame) = message.get(0) {
                            let _ = news.send(News::Said(frame.clone())).await;
                        }
                    }
                    Err(_) => break,
                },
                event = events.next() => if matches!(event, Some(SocketEvent::Disconnected(_)) | None) {
                    break;
                },
            }
        }
        drop(socket);
        if unheard(&mut orders, sleep(AGAIN)).await.is_none() {
            return;
        }
    }
}

async fn connect(endpoint: &str, identity: &PeerIdentity) -> DealerSocket {
    loop {
        let mut options = SocketOptions::default();
        options.peer_identity(identity.clone()).connect_timeout(ATTEMPT);
        let mut socket = DealerSocket::with_options(options);
        if socket.connect(endpoint).await.is_ok() {
            return socket;
        }
        sleep(AGAIN).await;
    }
}

/// Waits for something while there is no connection. None when nobody needs one any more.
async fn unheard<T>(orders: &mut mpsc::Receiver<Order>, until: impl Future<Output = T>) -> Option<T> {
    tokio::pin!(until);
    loop {
        tokio::select! {
            done = &mut until => return Some(done),
            order = orders.recv() => { order?; }
        }
    }
}

#[cfg(test)]
mod tests {
    use zeromq::{RouterSocket, ZmqMessage};

    use super::*;

    async fn router(endpoint: &str) -> (RouterSocket, String) {
        let mut router = RouterSocket::new();
        let bound = router.bind(endpoint).await.unwrap();
        (router, bound.to_string())
    }

    async fn heard(router: &mut RouterSocket) -> Vec<Bytes> {
        router.recv().await.unwrap().into_vec()
    }

    #[tokio::test]
    async fn it_talks_under_its_id_and_comes_back_when_the_master_does() {
        let (mut master, endpoint) = router("tcp://127.0.0.1:0").await;
        let mut link = Link::new(endpoint.strip_prefix("tcp://").unwrap(), "me_1").unwrap();
        assert!(matches!(link.next().await, News::Connected));
        link.say(b"hello".to_vec()).await;
        assert_eq!(heard(&mut master).await, [&b"me_1"[..], b"hello"]);
        let answer = ZmqMessage::try_from(vec![Bytes::from("me_1"), Bytes::from("good morning")]).unwrap();
        master.send(answer).await.unwrap();
        assert!(matches!(link.next().await, News::Said(said) if said == "good morning"));

        assert!(master.close().await.is_empty());
        let (mut master, _) = router(&endpoint).await;
        assert!(matches!(link.next().await, News::Connected));
        link.say(b"again".to_vec()).await;
        link.close().await;
        assert_eq!(heard(&mut master).await, [&b"me_1"[..], b"again"]);
    }

    #[tokio::test]
    async fn what_is_no_address_is_told() {
        let told = Link::new("nowhere", "me_1").map(|_| ()).unwrap_err().to_string();
        assert!(told.starts_with("`nowhere` cannot be used as the master's address: "), "{told}");
        assert!(told.ends_with("; write HOST:PORT, such as 127.0.0.1:5557"), "{told}");
    }
}
