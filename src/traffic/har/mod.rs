//! HAR files as browsers export them: websockets by their `_webSocketMessages`, socket.io in both transports, and calls of the Web API.

mod entry;
mod import;
mod sorter;
#[cfg(test)]
mod tests;
mod timeline;

pub(super) use import::har;
