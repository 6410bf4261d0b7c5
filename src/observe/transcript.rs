//! The last frames of a connection, kept to explain a violation.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Moment;

/// Frames kept per connection.
const FRAMES: usize = 6;
/// Longest text kept of a frame, in bytes.
const LONGEST: usize = 2048;
/// Secrets kept of a connection; the oldest is given up first. There are far fewer in so few frames.
const SECRETS: usize = 16;

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

/// One frame, as it is shown to people: secrets replaced, long texts cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TranscriptFrame {
    /// When it passed.
    pub at: Moment,
    /// Which way.
    pub direction: Direction,
    /// Its text, at most 2 KiB.
    pub text: String,
}

/// A ring of the last frames. Texts are reused, so that a frame costs one copy and no allocation.
#[derive(Debug, Default)]
pub struct Transcript {
    frames: VecDeque<TranscriptFrame>,
    secrets: VecDeque<Box<str>>,
}

impl Transcript {
    /// Hides a token wherever it appears from now on.
    pub fn hide(&mut self, secret: &str) {
        let bare = secret.strip_prefix("Bearer ").unwrap_or(secret);
        self.hide_text(bare);
        // As it stands in the text of a frame.
        let quoted = serde_json::Value::from(bare).to_string();
        self.hide_text(&quoted[1..quoted.len() - 1]);
    }

    fn hide_text(&mut self, bare: &str) {
        if bare.is_empty() || self.secrets.iter().any(|known| **known == *bare) {
            return;
        }
        if self.secrets.len() == SECRETS {
            self.secrets.pop_front();
        }
        self.secrets.push_back(bare.into());
    }

    pub(super) fn add(&mut self, at: Moment, direction: Direction, text: &str) {
        let mut frame = if self.frames.len() < FRAMES { None } else { self.frames.pop_front() }
            .unwrap_or_else(|| TranscriptFrame { at, direction, text: String::new() });
        frame.at = at;
        frame.direction = direction;
        frame.text.clear();
        let end = floor_char_boundary(text, LONGEST);
        frame.text.push_str(&text[..end]);
        if end < text.len() {
            frame.text.push('…');
        }
        self.frames.push_back(frame);
    }

    /// The last frame alone, with the same secrets, for whoever has to tell of it later.
    pub fn latest(&self) -> Self {
        Self { frames: self.frames.back().cloned().into_iter().collect(), secrets: self.secrets.clone() }
    }

    /// Replaces the connection's secrets in a text that is about to be shown.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // The longest first: one secret may be a part of another.
        let mut secrets: Vec<&Box<str>> = self.secrets.iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in secrets {
            if text.contains(&**secret) {
                text = text.replace(&**secret, "[redacted]");
            }
        }
        text
    }

    /// The frames, oldest first, without secrets.
    pub fn frames(&self) -> Vec<TranscriptFrame> {
        self.frames.iter().map(|frame| TranscriptFrame { text: self.redact(&frame.text), ..frame.clone() }).collect()
    }
}

fn floor_char_boundary(text: &str, at_most: usize) -> usize {
    if text.len() <= at_most {
        return text.len();
    }
    (0..=at_most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_last_frames_and_hides_the_token() {
        let mut transcript = Transcript::default();
        transcript.hide("Bearer s3cret");
        for n in 0..10 {
            transcript.add(Moment(n), Direction::ToServer, &format!("{n} has s3cret"));
        }
        let frames = transcript.frames();
        assert_eq!(frames.len(), FRAMES);
        assert_eq!(frames[0].text, "4 has [redacted]");
        assert_eq!(frames[5].at, Moment(9));
        assert_eq!(transcript.latest().frames(), frames[5..]);
    }

    #[test]
    fn a_long_frame_is_cut_between_characters() {
        let mut transcript = Transcript::default();
        transcript.add(Moment(0), Direction::ToClient, &"ü".repeat(LONGEST));
        let text = &transcript.frames()[0].text;
        assert!(text.len() <= LONGEST + '…'.len_utf8() && text.ends_with('…'));
    }
}
