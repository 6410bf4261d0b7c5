//! Listens to a websocket that is relayed, and tells its conversation what it hears.

mod frame;
mod inflate;
#[cfg(test)]
mod tests;

use frame::{FrameReader, Heard, Writer};
pub use inflate::Agreement;

use super::watch::Overheard;
use crate::message::Framing;
use crate::observe::Closing;

/// The ear at one websocket.
pub struct Tap {
    overheard: Overheard,
    framing: Framing,
    client: FrameReader,
    server: FrameReader,
    /// The websocket is only tried out by a session that polls; it matters once the session has moved here.
    probes: bool,
    /// Who wrote a closing frame, or could not be read any more. One direction alone says nothing: whoever heard only the answers would
    /// blame the server for them.
    over: bool,
}

impl Tap {
    /// Listens from the first byte after the handshake on; `probes` when a polling session tries the websocket out.
    pub fn new(overheard: Overheard, framing: Framing, agreement: Option<Agreement>, probes: bool) -> Self {
        Self {
            overheard,
            framing,
            client: FrameReader::new(Writer::Client, agreement.map(Agreement::of_client)),
            server: FrameReader::new(Writer::Server, agreement.map(Agreement::of_server)),
            probes,
            over: false,
        }
    }

    /// The client wrote these bytes. They are read after its closing frame as well, because nothing may come then.
    pub fn client_wrote(&mut self, bytes: &[u8]) {
        let (overheard, framing, probes) = (&self.overheard, self.framing, self.probes);
        let mut over = false;
        let mut end = |how| {
            over = true;
            if !probes || overheard.is_upgraded() {
                overheard.closed(how);
            }
        };
        self.client.read(bytes, &mut |heard| match heard {
            Heard::Text(text) => drop(overheard.client_text(framing, text)),
            Heard::Ping | Heard::Pong => overheard.client_pinged(),
            Heard::Close => end(Closing::ByClient),
            Heard::Odd(what) => overheard.client_garbage(&what),
            Heard::Garbage(what) => {
                overheard.client_garbage(&what);
                end(Closing::Broken);
            }
        });
        self.over |= over;
    }

    /// The server wrote these bytes.
    pub fn server_wrote(&mut self, bytes: &[u8]) {
        if self.over {
            return;
        }
        let (overheard, framing) = (&self.overheard, self.framing);
        let mut closing = None;
        self.server.read(bytes, &mut |heard| match heard {
            _ if closing.is_some() => {}
            Heard::Text(text) => drop(overheard.server_text(framing, text)),
            Heard::Pong => overheard.server_ponged(),
            Heard::Ping => {}
            Heard::Close => closing = Some(Closing::ByServer),
            Heard::Odd(what) => overheard.server_garbage(&what),
            Heard::Garbage(what) => {
                overheard.server_garbage(&what);
                closing = Some(Closing::Broken);
            }
        });
        if let Some(how) = closing {
            self.end(how);
        }
    }

    /// The client's connection ended.
    pub fn client_gone(&mut self) {
        if !self.over {
            self.end(Closing::DroppedByClient);
        }
    }

    /// The server's connection ended.
    pub fn server_gone(&mut self) {
        if !self.over {
            self.end(Closing::Broken);
        }
    }

    fn end(&mut self, how: Closing) {
        self.over = true;
        if !self.probes || self.overheard.is_upgraded() {
            self.overheard.closed(how);
        }
    }
}
