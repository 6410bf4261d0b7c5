//! What passed on a connection around a violation: each frame in a line, and behind it as indented JSON.

use maud::{Markup, Render as _, html};

use super::frame_text::{FrameText, Line, Mark, frame_text};
use crate::observe::{Direction, TranscriptFrame};
use crate::report::format::{moment, one_line, shortened};

/// Widest line of a frame that is folded up.
const LINE: usize = 110;
/// Bytes that the frames of a page may take. Beyond, only those that something is wrong with are shown.
const ALL: usize = 600 * 1024;

/// How much room a page has left for frames.
#[derive(Debug)]
pub(in crate::report) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(ALL)
    }
}

/// The frame that a reader should look at.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Unfolded<'a> {
    /// Its position.
    pub frame: usize,
    /// Where in its payload.
    pub pointer: Option<&'a str>,
    /// Whether it is the frame itself that is wrong.
    pub is_wrong: bool,
}

/// Frames, oldest first, all but one folded up.
pub(in crate::report) fn frames(frames: &[TranscriptFrame], unfolded: Option<Unfolded<'_>>, room: &mut Room) -> Markup {
    let mut left_out = 0;
    let mut shown = Vec::with_capacity(frames.len());
    for (at, frame) in frames.iter().enumerate() {
        let unfolded = unfolded.filter(|unfolded| unfolded.frame == at);
        if unfolded.is_none() && room.0 == 0 {
            left_out += 1;
            continue;
        }
        let markup = one(frame, unfolded);
        room.0 = room.0.saturating_sub(markup.0.len());
        shown.push(markup);
    }
    html! {
        @if !frames.is_empty() {
            div.frames {
                @for markup in shown { (markup) }
                @if left_out > 0 { p.note { "Left out to keep this page small: " (left_out) " more. The JSON report has them." } }
            }
        }
    }
}

fn one(frame: &TranscriptFrame, unfolded: Option<Unfolded<'_>>) -> Markup {
    let way = match frame.direction {
        Direction::ToServer => "→ to the server",
        Direction::ToClient => "← from the server",
    };
    let text = frame_text(&frame.text, unfolded.and_then(|unfolded| unfolded.pointer));
    let is_wrong = unfolded.is_some_and(|unfolded| unfolded.is_wrong);
    html! {
        details.frame.wrong[is_wrong] open[unfolded.is_some()] {
            summary {
                span.at { (moment(frame.at)) } " " (way) " "
                @if is_wrong { strong { "this one" } } @else { code { (shortened(&one_line(&frame.text), LINE)) } }
            }
            (lines(&text))
            @if text.mark == Mark::Holder { p.note { "What is missing cannot be marked; what should hold it is." } }
        }
    }
}

fn lines(text: &FrameText) -> Markup {
    html! {
        pre data-copy="" {
            @for line in &text.lines {
                @match line {
                    Line::Text { indent, text, marked } => {
                        (" ".repeat(2 * indent))
                        @if *marked { mark { (text) } } @else { (text) }
                    }
                    Line::Left(1) => span.left { "… a line …" },
                    Line::Left(count) => span.left { "… " (count.render()) " lines …" },
                }
                "\n"
            }
        }
    }
}
