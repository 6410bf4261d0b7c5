//! Copies the bytes of an upgraded connection both ways, unchanged, and lets the tap hear them on the way.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::tap::Tap;

/// Read at once from either side. Most messages have some hundreds of bytes.
const CHUNK: usize = 8 << 10;
/// How long one direction may stay open after the other has ended.
const LINGER: Duration = Duration::from_secs(30);

/// Copies until both sides have ended, or one of them breaks.
pub(super) async fn pipe(client: impl AsyncRead + AsyncWrite, server: impl AsyncRead + AsyncWrite, tap: Option<Tap>) {
    let tap = tap.map(Mutex::new);
    let tell = |what: &dyn Fn(&mut Tap)| {
        if let Some(tap) = &tap {
            what(&mut tap.lock().unwrap_or_else(PoisonError::into_inner));
        }
    };
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    let up = copy(from_client, to_server, |bytes| tell(&|tap| tap.client_wrote(bytes)));
    let down = copy(from_server, to_client, |bytes| tell(&|tap| tap.server_wrote(bytes)));
    tokio::pin!(up, down);
    // An error ends both: the other side learns it by losing its connection too.
    tokio::select! {
        done = &mut up => {
            tell(&Tap::client_gone);
            if done.is_ok() {
                let _ = tokio::time::timeout(LINGER, down).await;
            }
        }
        done = &mut down => {
            tell(&Tap::server_gone);
            if done.is_ok() {
                let _ = tokio::time::timeout(LINGER, up).await;
            }
        }
    }
}

/// The tap hears the bytes before they are passed on, so that no answer is heard before its request.
async fn copy<R: AsyncRead, W: AsyncWrite>(
    mut from: ReadHalf<R>,
    mut to: WriteHalf<W>,
    hear: impl Fn(&[u8]),
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        hear(&chunk[..length]);
        to.write_all(&chunk[..length]).await?;
        to.flush().await?;
    }
}
