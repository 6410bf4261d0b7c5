//! What all sections share: the width, the colours, headings and labelled paragraphs.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::observe::Grade;
use crate::report::format::shortened;
use crate::verdict::Judgement;

/// Where the text of a labelled paragraph begins.
const LABEL: usize = 13;

/// The colours by what they mean. Without colours all of them are plain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Palette {
    pub title: Style,
    pub faint: Style,
    pub good: Style,
    pub doubtful: Style,
    pub bad: Style,
}

impl Palette {
    fn new(color: bool) -> Self {
        if !color {
            return Self::default();
        }
        Self {
            title: Style::new().bold(),
            faint: Style::new().dimmed(),
            good: AnsiColor::Green.on_default().bold(),
            doubtful: AnsiColor::Yellow.on_default().bold(),
            bad: AnsiColor::Red.on_default().bold(),
        }
    }

    /// The colour of a judgement, and its name.
    pub fn judgement(&self, judgement: Judgement) -> (Style, &'static str) {
        match judgement {
            Judgement::Passed => (self.good, "PASSED"),
            Judgement::NonStrict => (self.doubtful, "PASSED, NON-STRICT"),
            Judgement::Failed => (self.bad, "FAILED"),
            Judgement::Inconclusive => (self.doubtful, "INCONCLUSIVE"),
        }
    }

    /// The colour of a grade.
    pub fn grade(&self, grade: Grade) -> Style {
        match grade {
            Grade::Info => self.faint,
            Grade::NonStrict => self.doubtful,
            Grade::Fail => self.bad,
        }
    }
}

/// The paper that the sections are written on.
pub struct Page<'a, W> {
    pub out: &'a mut W,
    pub palette: Palette,
    pub width: usize,
}

impl<'a, W: Write> Page<'a, W> {
    pub fn new(out: &'a mut W, color: bool, width: usize) -> Self {
        Self { out, palette: Palette::new(color), width }
    }

    /// An empty line and the title of a section, perhaps with a remark.
    pub fn heading(&mut self, title: &str, remark: &str) -> io::Result<()> {
        let Palette { title: bold, faint, .. } = self.palette;
        writeln!(self.out)?;
        if remark.is_empty() {
            return writeln!(self.out, "{bold}{title}{bold:#}");
        }
        let remark = shortened(remark, self.width.saturating_sub(title.len() + 2));
        writeln!(self.out, "{bold}{title}{bold:#}  {faint}{remark}{faint:#}")
    }

    /// A label, and beside it a paragraph that is wrapped. The text must be free of unseen characters.
    pub fn labelled(&mut self, label: &str, text: &str) -> io::Result<()> {
        let faint = self.palette.faint;
        for (n, line) in wrapped(text, self.width - LABEL).iter().enumerate() {
            let label = if n == 0 { label } else { "" };
            writeln!(self.out, "  {faint}{label:<room$}{faint:#}{line}", room = LABEL - 2)?;
        }
        Ok(())
    }

    /// A paragraph that is wrapped and indented by two more columns after its first line. The text must be free of
    /// unseen characters but for colours of ours, which take no room.
    pub fn paragraph(&mut self, indent: usize, text: &str) -> io::Result<()> {
        for (n, line) in wrapped(text, self.width - indent - 2).iter().enumerate() {
            let indent = if n == 0 { indent } else { indent + 2 };
            writeln!(self.out, "{:indent$}{line}", "")?;
        }
        Ok(())
    }
}

fn wrapped(text: &str, width: usize) -> Vec<Cow<'_, str>> {
    textwrap::wrap(text, textwrap::Options::new(width).word_splitter(textwrap::WordSplitter::NoHyphenation))
}
