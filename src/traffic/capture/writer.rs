//! Writes a capture while the run goes on.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::line::{Client, Entry, Format, Header, Line, VERSION};
use crate::observe::{Event, Input, Moment, Observation, Observer};
use crate::traffic::secrets::redact;

/// How long a line may wait in our buffer, so that a recording can be followed while it is made.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Bytes written at once, at most.
const BUFFER: usize = 64 << 10;

/// A capture could not be written: our own failure, not the peer's.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the recording {}: {reason}", file.display())]
pub struct CaptureError {
    /// The file.
    pub file: PathBuf,
    /// What the system said.
    #[source]
    pub reason: io::Error,
}

/// Writes what goes into conversations to a file, as an observer. Clones write to the same file; any number of threads may use
/// them. Lines stay whole, and those of one connection stay in order.
#[derive(Clone)]
pub struct CaptureWriter {
    output: Arc<Mutex<Output>>,
    path: Arc<Path>,
    case: Option<Arc<str>>,
}

struct Output {
    file: BufWriter<Box<dyn Write + Send>>,
    flushed: Moment,
    over: bool,
    /// Why nothing more is written.
    broken: Option<io::Error>,
}

impl CaptureWriter {
    /// Creates the file, which must be written anew, and begins it.
    ///
    /// # Errors
    /// [`CaptureError`] when the system does not let us.
    pub fn create(path: &Path, client: Client) -> Result<Self, CaptureError> {
        File::create(path)
            .and_then(|file| Self::over(Box::new(file), path, client))
            .map_err(|reason| CaptureError { file: path.to_owned(), reason })
    }

    /// The same for anything that can be written to; the path is for messages.
    pub(in crate::traffic) fn over(to: Box<dyn Write + Send>, path: &Path, client: Client) -> io::Result<Self> {
        let header = Header {
            chatproof: Format::Capture,
            version: VERSION,
            started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            tool: concat!("chatproof ", env!("CARGO_PKG_VERSION")).to_owned(),
            client,
        };
        let mut file = BufWriter::with_capacity(BUFFER, to);
        file.write_all(&bytes(&header))?;
        file.flush()?;
        let output = Output { file, flushed: Moment::default(), over: false, broken: None };
        Ok(Self { output: Arc::new(Mutex::new(output)), path: path.into(), case: None })
    }

    /// A writer for one certification case, with its own time and connections, into the same file.
    #[must_use]
    pub fn of_case(&self, name: &str) -> Self {
        Self { case: Some(name.into()), ..self.clone() }
    }

    /// An observer that tells another one everything and this one what goes into conversations.
    pub fn beside(&self, observer: Arc<dyn Observer>) -> Arc<dyn Observer> {
        Arc::new(Beside { observer, writer: self.clone() })
    }

    /// The case is over: nothing of it follows.
    pub fn case_over(&self, at: Moment) {
        self.write(at, Entry::End {});
    }

    /// The recording is over: whatever still comes is not written.
    ///
    /// # Errors
    /// [`CaptureError`], when anything could not be written. What was written until then is a recording that is cut off; the run
    /// did not mind.
    pub fn finish(&self, at: Moment) -> Result<(), CaptureError> {
        Self { case: None, ..self.clone() }.write(at, Entry::End {});
        let mut output = self.output();
        output.over = true;
        let flushed = match output.broken.take() {
            Some(broken) => Err(broken),
            None => output.file.flush(),
        };
        flushed.map_err(|reason| CaptureError { file: self.path.to_path_buf(), reason })
    }

    fn write(&self, at: Moment, entry: Entry<'_>) {
        let line = bytes(&Line { at, case: self.case.as_deref().map(Into::into), entry });
        let mut output = self.output();
        if output.over || output.broken.is_some() {
            return;
        }
        let mut written = output.file.write_all(&line);
        if at.since(output.flushed) >= FLUSH_EVERY {
            output.flushed = at;
            written = written.and_then(|()| output.file.flush());
        }
        output.broken = written.err();
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for CaptureWriter {
    fn observe(&self, _: &Observation<'_>) {}

    fn wants_inputs(&self) -> bool {
        true
    }

    fn input(&self, input: &Input<'_>) {
        let connection = input.connection;
        let hidden = |text: &str| Cow::Owned(redact(input.transcript, text));
        let entry = match &input.event {
            Event::Opened { took } => Entry::Opened {
                connection,
                dialect: input.dialect.name.clone(),
                transport: input.transport,
                took: took.map(|took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)),
            },
            Event::User(id) => Entry::User { connection, id: hidden(id) },
            Event::Frame { direction, intended, text } => {
                Entry::Frame { connection, direction: *direction, intended: *intended, text: hidden(text) }
            }
            Event::Call { number, action, intended, body } => Entry::Call {
                connection,
                number: *number,
                action: hidden(action),
                intended: *intended,
                body: body.map_or(Cow::Borrowed(""), hidden),
                unreadable: body.err().map(hidden),
            },
            Event::Answer { call, answer, body } => {
                let body = hidden(&String::from_utf8_lossy(body));
                Entry::Answer { connection, call: *call, outcome: (*answer).into(), body }
            }
            Event::Garbage(direction, what) => Entry::Garbage { connection, direction: *direction, what: hidden(what) },
            Event::Ping => Entry::Ping { connection },
            Event::Withheld(number) => Entry::Withheld { connection, number: *number },
            Event::Pong => Entry::Pong { connection },
            Event::Closed(how) => Entry::Closed { connection, how: *how },
        };
        self.write(input.at, entry);
    }
}

/// See [`CaptureWriter::beside`].
struct Beside {
    observer: Arc<dyn Observer>,
    writer: CaptureWriter,
}

impl Observer for Beside {
    fn observe(&self, observation: &Observation<'_>) {
        self.observer.observe(observation);
    }

    fn wants_inputs(&self) -> bool {
        true
    }

    fn input(&self, input: &Input<'_>) {
        self.writer.input(input);
    }
}

/// One line. Our own types always serialise.
fn bytes(line: &impl serde::Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(line).unwrap_or_default();
    line.push(b'\n');
    line
}

impl std::fmt::Debug for CaptureWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureWriter").field("path", &self.path).field("case", &self.case).finish_non_exhaustive()
    }
}
