//! TCP connections, many thousands of them from one machine.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

/// Connects to the first of these addresses that answers.
pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    match addresses {
        [only] if loopback::is(only) => loopback::connect(*only).await,
        _ => TcpStream::connect(addresses).await,
    }
}

/// Linux looks for a free port in one half of its range first (`net.ipv4.ip_local_port_range`, 28,000 ports by default). When that half is in
/// use towards one peer, each further connection looks through all of it, and thousands of them take seconds of the kernel's time. On
/// loopback there are other addresses to connect from, each with ports of its own.
#[cfg(target_os = "linux")]
mod loopback {
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::sync::atomic::{AtomicU8, Ordering};

    use tokio::net::{TcpSocket, TcpStream};

    pub fn is(address: &SocketAddr) -> bool {
        address.is_ipv4() && address.ip().is_loopback()
    }

    pub async fn connect(peer: SocketAddr) -> io::Result<TcpStream> {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let from = Ipv4Addr::new(127, 0, 1, NEXT.fetch_add(1, Ordering::Relaxed).max(1));
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(peer).await
    }
}

#[cfg(not(target_os = "linux"))]
mod loopback {
    use std::io;
    use std::net::SocketAddr;

    use tokio::net::TcpStream;

    /// Elsewhere only the peer's own address is there.
    pub fn is(_: &SocketAddr) -> bool {
        false
    }

    pub async fn connect(peer: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(peer).await
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::collections::HashSet;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn connections_on_loopback_come_from_many_addresses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let mut from = HashSet::new();
        for _ in 0..20 {
            let peers = [peer];
            let (connected, accepted) = tokio::join!(connect(&peers), listener.accept());
            connected.unwrap();
            from.insert(accepted.unwrap().1.ip());
        }
        assert!(from.len() > 10 && from.iter().all(std::net::IpAddr::is_loopback), "{from:?}");
    }

    #[tokio::test]
    async fn nobody_there_is_an_error() {
        let peer = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(connect(&[peer]).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
