//! Uploaded files: kept in memory for a while, and served under the address that the upload answered with.

use std::collections::VecDeque;

use bytes::Bytes;

/// All kept files together are at most this many bytes; the oldest go first.
const KEPT_BYTES: usize = 64 << 20;

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// The name it had at the sender.
    pub name: String,
    /// Its MIME type.
    pub content_type: String,
    /// In bytes.
    pub size: usize,
    /// Where it can be fetched.
    pub url: String,
}

/// The files that are kept.
#[derive(Debug, Default)]
pub struct Files {
    kept: VecDeque<(u64, String, Bytes)>,
    bytes: usize,
    number: u64,
}

impl Files {
    /// Keeps a file. `base` is the address of this server, such as `http://127.0.0.1:9000`.
    pub fn keep(&mut self, base: &str, name: String, content_type: String, content: Bytes) -> StoredFile {
        self.number += 1;
        let url = format!("{base}/files/{}", self.number);
        let file = StoredFile { name, content_type: content_type.clone(), size: content.len(), url };
        self.bytes += content.len();
        self.kept.push_back((self.number, content_type, content));
        while self.bytes > KEPT_BYTES {
            let Some((_, _, oldest)) = self.kept.pop_front() else { break };
            self.bytes -= oldest.len();
        }
        file
    }

    /// Type and content of a kept file.
    pub fn get(&self, number: u64) -> Option<(String, Bytes)> {
        let (_, content_type, content) = self.kept.iter().find(|(kept, _, _)| *kept == number)?;
        Some((content_type.clone(), content.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_files_go_when_there_are_too_many_bytes() {
        let mut files = Files::default();
        let ten = Bytes::from(vec![0; 10 << 20]);
        for n in 1..=7 {
            let file = files.keep("http://host", format!("{n}.bin"), "a/b".into(), ten.clone());
            assert_eq!((file.url, file.size), (format!("http://host/files/{n}"), 10 << 20));
        }
        assert_eq!(files.get(1), None);
        assert_eq!(files.get(7), Some(("a/b".to_owned(), ten)));
    }
}
