//! Bodies on their way, of which a copy is kept up to a limit.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// Longest body that is judged, in bytes: the documents allow uploads of 10 MB (customer-v0.3 1243), and multipart adds a little. Longer
/// ones are relayed all the same.
pub(super) const LONGEST: usize = 12 << 20;

/// Whoever is told of a body.
type Tell = Box<dyn FnOnce(&[u8]) + Send + Sync>;

/// Relays a body, and tells at its end what it was.
pub(super) struct Observed {
    inner: Incoming,
    copy: Vec<u8>,
    /// None once it was told, or when there was too much.
    tell: Option<Tell>,
}

impl Observed {
    /// Tells of the body once it has passed as a whole. Of what breaks off, and of what is too long, nothing is told.
    pub fn new(inner: Incoming, tell: impl FnOnce(&[u8]) + Send + Sync + 'static) -> Self {
        let mut observed = Self { inner, copy: Vec::new(), tell: Some(Box::new(tell)) };
        observed.tell_if_over();
        observed
    }

    fn tell_if_over(&mut self) {
        if self.inner.is_end_stream() {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell(&std::mem::take(&mut self.copy));
        }
    }
}

impl Body for Observed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref().filter(|_| self.tell.is_some()) {
                    if self.copy.len() + data.len() > LONGEST {
                        (self.tell, self.copy) = (None, Vec::new());
                    } else {
                        self.copy.extend_from_slice(data);
                    }
                }
                // Whoever counts the bytes does not ask for more after the last one.
                self.tell_if_over();
            }
            Poll::Ready(None) => self.tell(),
            Poll::Ready(Some(Err(_))) => self.tell = None,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
