//! The report for people: what ran, the verdict, then the numbers and the evidence.

mod checklist;
mod conduct;
mod head;
mod page;
mod table;
mod traffic;
mod violations;

use std::io::{self, Write};

use super::RunReport;
pub(in crate::report) use page::Page;
pub(in crate::report) use table::{Cell, Column, Row as Line, Table};

/// How to write for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colours.
    pub color: bool,
    /// Columns there are. Fewer than 60 are taken as 60, more than 100 as 100: longer lines are hard to read.
    pub width: usize,
}

/// Writes the report as text, every line within the width where the words allow it.
///
/// # Errors
/// When the writer fails.
pub fn terminal(report: &RunReport<'_>, out: &mut impl Write, style: Style) -> io::Result<()> {
    let mut page = Page::new(out, style.color, style.width.clamp(60, 100));
    head::what_ran(&mut page, report.meta)?;
    head::verdict(&mut page, report)?;
    head::thresholds(&mut page, report.verdict)?;
    traffic::table(&mut page, report)?;
    traffic::errors(&mut page, report.tally)?;
    conduct::numbers(&mut page, report.tally)?;
    conduct::failed_steps(&mut page, &report.tally.steps)?;
    violations::list(&mut page, report)?;
    checklist::list(&mut page, report.checklist)
}

#[cfg(test)]
mod tests {
    use textwrap::core::display_width;

    use super::*;
    use crate::report::format::is_unseen;
    use crate::report::sample;

    fn written(sample: &sample::Run, style: Style) -> String {
        let mut bytes = Vec::new();
        terminal(&sample.report(), &mut bytes, style).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    const PLAIN: Style = Style { color: false, width: 100 };

    #[test]
    fn passing() {
        insta::assert_snapshot!(written(&sample::passing(), PLAIN));
    }

    #[test]
    fn failing() {
        insta::assert_snapshot!(written(&sample::failing(), PLAIN));
    }

    #[test]
    fn empty() {
        insta::assert_snapshot!(written(&sample::empty(), PLAIN));
    }

    #[test]
    fn observed() {
        insta::assert_snapshot!(written(&sample::observed(), PLAIN));
    }

    #[test]
    fn narrow() {
        insta::assert_snapshot!(written(&sample::failing(), Style { width: 72, ..PLAIN }));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [60, 80, 100] {
            for sample in [sample::passing(), sample::failing(), sample::observed(), sample::empty(), sample::hostile()]
            {
                let text = written(&sample, Style { width, ..PLAIN });
                let wide: Vec<&str> = text.lines().filter(|line| display_width(line) > width).collect();
                assert!(wide.is_empty(), "wider than {width}: {wide:#?}");
            }
        }
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let coloured = written(&sample::failing(), Style { color: true, ..PLAIN });
        let plain = written(&sample::failing(), PLAIN);
        assert!(!plain.contains('\u{1b}'));
        let mut stripped = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            stripped.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        stripped.push_str(rest);
        assert_ne!(coloured, plain);
        assert_eq!(stripped, plain);
    }

    #[test]
    fn nothing_that_a_peer_says_reaches_the_terminal_raw() {
        let text = written(&sample::hostile(), PLAIN);
        let raw: Vec<&str> = text.split('\n').filter(|line| line.contains(is_unseen)).collect();
        assert!(raw.is_empty(), "{raw:#?}");
        assert!(text.contains("\\u{1b}[31mred"), "{text}");
        let coloured = written(&sample::hostile(), Style { color: true, ..PLAIN });
        assert!(!coloured.contains("\u{1b}[2J") && !coloured.contains(['\u{7}', '\u{9b}', '\u{202e}', '\r']));
    }
}
