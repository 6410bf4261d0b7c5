//! The comparison for people: what it comes to, what changed, and every action in a line.

use std::io::{self, Write};
use std::time::Duration;

use super::{CompareReport, Compared, wanted};
use crate::compare::{ActionDifferences, ActionName, Change, Counts, Difference, Figure, Outcome, is_new_failure};
use crate::observe::ViolationKind;
use crate::report::Style;
use crate::report::format::{counted, duration, grouped, one_line, significant};
use crate::report::terminal::{Cell, Column, Line, Page, Table};

/// Writes the report as text.
///
/// # Errors
/// When the writer fails.
pub fn terminal(report: &CompareReport<'_>, out: &mut impl Write, style: Style) -> io::Result<()> {
    let mut page = Page::new(out, style.color, style.width.clamp(60, 100));
    page.heading("Comparison", &format!("of two runs of `{}`", one_line(&report.new.meta.scenario)))?;
    page.labelled("base", &what_ran(&report.base))?;
    page.labelled("new", &what_ran(&report.new))?;
    page.labelled(
        "tolerance",
        &format!("{}%, and 1ms for times; a larger difference counts if it is sure by 95 %", plain(report.tolerance)),
    )?;
    for note in report.notes {
        page.labelled("note", &one_line(note))?;
    }
    page.heading("Result", "")?;
    let color = match report.differences.outcome() {
        Outcome::Worse => page.palette.bad,
        Outcome::NotWorse => page.palette.good,
        Outcome::Unknown => page.palette.doubtful,
    };
    page.paragraph(2, &format!("{color}{}{color:#}", report.sentence()))?;
    changes(&mut page, report)?;
    actions(&mut page, report)?;
    errors(&mut page, report)?;
    violations(&mut page, report)?;
    only_in_one(&mut page, report)
}

fn what_ran(run: &Compared<'_>) -> String {
    let meta = run.meta;
    format!(
        "{}: {} against {} from {}, seed {}, chatproof {}",
        one_line(run.tally),
        duration(meta.duration),
        one_line(&meta.target),
        one_line(&meta.started),
        meta.seed,
        one_line(&meta.version)
    )
}

const CHANGES: [Column; 5] = [
    Column { title: "", gives_way: 0 },
    Column { title: "base", gives_way: 2 },
    Column { title: "new", gives_way: 2 },
    Column { title: "difference", gives_way: 0 },
    Column { title: "95 % sure to be", gives_way: 1 },
];

/// What is worse, what is better, and where the load was another one.
fn changes(page: &mut Page<'_, impl Write>, report: &CompareReport<'_>) -> io::Result<()> {
    let of_actions =
        || report.differences.actions.iter().flat_map(|action| action.differences.iter().map(move |d| (action, d)));
    type Belongs = fn(&Difference) -> bool;
    let groups: [(&str, Belongs); 3] = [
        ("worse", Difference::is_worse),
        ("better", Difference::is_better),
        ("another load", |difference| difference.figure == Figure::Rate && is_change(difference)),
    ];
    let mut rows = Vec::new();
    for (title, belongs) in groups {
        let mut meant = of_actions().filter(|(_, difference)| belongs(difference)).peekable();
        if meant.peek().is_some() {
            rows.push(Line::Group(title.to_owned(), String::new()));
            rows.extend(meant.map(|(action, difference)| change(page, action, difference)));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    page.heading("Changes", "")?;
    Table::new(&CHANGES, &rows, page.width).write(page)
}

fn change<W>(page: &Page<'_, W>, action: &ActionDifferences, difference: &Difference) -> Line {
    let style = style(page, difference);
    let ActionName { dialect, transport, action } = &action.name;
    let name = format!("{} {} ({dialect} {transport})", one_line(action), difference.figure);
    let sure = |(low, high)| format!("{} to {}", signed(difference.figure, low), signed(difference.figure, high));
    Line::Cells(vec![
        name.into(),
        value(difference.figure, difference.base).into(),
        value(difference.figure, difference.new).into(),
        Cell { text: signed(difference.figure, difference.difference()), style },
        difference.interval.map(sure).unwrap_or_default().into(),
    ])
}

fn style<W>(page: &Page<'_, W>, difference: &Difference) -> anstyle::Style {
    if difference.is_worse() {
        page.palette.bad
    } else if difference.is_better() {
        page.palette.good
    } else if difference.change == Change::Unknown {
        page.palette.faint
    } else {
        anstyle::Style::new()
    }
}

fn is_change(difference: &Difference) -> bool {
    matches!(difference.change, Change::Up | Change::Down)
}

const ACTIONS: [Column; 9] = [
    Column { title: "", gives_way: 0 },
    Column { title: "p50", gives_way: 0 },
    Column { title: "p90", gives_way: 3 },
    Column { title: "p99", gives_way: 0 },
    Column { title: "mean", gives_way: 2 },
    Column { title: "rate", gives_way: 4 },
    Column { title: "errors", gives_way: 0 },
    Column { title: "timeouts", gives_way: 0 },
    Column { title: "requests", gives_way: 1 },
];

/// One line an action, under its dialect and transport.
fn actions(page: &mut Page<'_, impl Write>, report: &CompareReport<'_>) -> io::Result<()> {
    let actions = &report.differences.actions;
    if actions.is_empty() {
        return Ok(());
    }
    let (mut rows, mut last) = (Vec::new(), None);
    for action in actions {
        let group = (&action.name.dialect, action.name.transport);
        if last.replace(group) != Some(group) {
            rows.push(Line::Group(format!("{} {}", group.0, group.1), String::new()));
        }
        rows.push(Line::Cells(cells(page, action)));
    }
    page.heading("Requests", "from base to new; response times from the intended moment to the answer")?;
    Table::new(&ACTIONS, &rows, page.width).write(page)?;
    let any = |meant: fn(&Difference) -> bool| actions.iter().flat_map(|action| &action.differences).any(meant);
    if any(is_change) {
        page.paragraph(2, "* is sure, and more than the tolerance")?;
    }
    if any(|difference| difference.change == Change::Unknown) {
        page.paragraph(2, &format!("? is not sure of anything: {}", wanted()))?;
    }
    Ok(())
}

fn cells<W>(page: &Page<'_, W>, action: &ActionDifferences) -> Vec<Cell> {
    let cell = |column: &Column| {
        let is_meant = |difference: &&Difference| difference.figure.to_string() == column.title;
        let Some(difference) = action.differences.iter().find(is_meant) else { return Cell::default() };
        let mark = match difference.change {
            Change::Up | Change::Down => "*",
            Change::Unknown => "?",
            Change::Same => "",
        };
        let text = signed(difference.figure, difference.difference());
        Cell { text: format!("{text}{mark}"), style: style(page, difference) }
    };
    let figures = ACTIONS[1..ACTIONS.len() - 1].iter().map(cell);
    let (base, new) = action.sent;
    let requests = Cell::from(if base == new { grouped(new) } else { format!("{}→{}", grouped(base), grouped(new)) });
    [Cell::from(one_line(&action.name.action))].into_iter().chain(figures).chain([requests]).collect()
}

/// Errors that only one of the runs has.
fn errors(page: &mut Page<'_, impl Write>, report: &CompareReport<'_>) -> io::Result<()> {
    let mut told = Vec::new();
    for action in &report.differences.actions {
        for error in &action.errors {
            let ActionName { dialect, transport, action } = &action.name;
            let of = format!("{} of {} ({dialect} {transport})", one_line(&error.of), one_line(action));
            told.extend(appeared(error).map(|(label, times)| (label, format!("{of}, {times}"))));
        }
    }
    list(page, "Errors", &told)
}

fn violations(page: &mut Page<'_, impl Write>, report: &CompareReport<'_>) -> io::Result<()> {
    let line = |violations: &Counts<ViolationKind>| {
        let kind = violations.of;
        match appeared(violations) {
            Some((label, times)) => {
                let worse = if is_new_failure(violations) { ": worse" } else { "" };
                (label, format!("{kind}, {times}{worse}"))
            }
            None => ("both", format!("{kind}, {} and {}", grouped(violations.base), counted(violations.new, "time"))),
        }
    };
    list(page, "Violations", &report.differences.violations.iter().map(line).collect::<Vec<_>>())
}

/// What only one run asked for.
fn only_in_one(page: &mut Page<'_, impl Write>, report: &CompareReport<'_>) -> io::Result<()> {
    let of = |label, names: &[ActionName]| -> Vec<(&str, String)> {
        let text = |ActionName { dialect, transport, action }: &ActionName| {
            (label, format!("{} ({dialect} {transport})", one_line(action)))
        };
        names.iter().map(text).collect()
    };
    let told = [of("new", &report.differences.new), of("gone", &report.differences.gone)].concat();
    list(page, "Actions of one run only", &told)
}

fn list(page: &mut Page<'_, impl Write>, title: &str, lines: &[(&str, String)]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    page.heading(title, "")?;
    lines.iter().try_for_each(|(label, text)| page.labelled(label, text))
}

/// Whether something is only in one of the runs, and how often.
fn appeared<T>(counts: &Counts<T>) -> Option<(&'static str, String)> {
    if counts.is_new() {
        Some(("new", counted(counts.new, "time")))
    } else if counts.is_gone() {
        Some(("gone", counted(counts.base, "time")))
    } else {
        None
    }
}

fn value(figure: Figure, value: f64) -> String {
    match figure {
        Figure::Time(_) => duration(Duration::try_from_secs_f64(value).unwrap_or_default()),
        Figure::Rate => format!("{}/s", significant(value)),
        Figure::Errors | Figure::Timeouts => format!("{}%", plain(value)),
    }
}

/// A difference: in percent, or for parts of a whole in percentage points.
fn signed(figure: Figure, difference: f64) -> String {
    let text = plain(difference.abs());
    let unit = if matches!(figure, Figure::Errors | Figure::Timeouts) { "pp" } else { "%" };
    match (text.as_str(), difference) {
        ("0", _) => format!("0{unit}"),
        (_, difference) if difference.is_nan() => "?".to_owned(),
        (text, difference) => format!("{}{text}{unit}", if difference < 0.0 { '-' } else { '+' }),
    }
}

/// A part as the number of a percentage: `0`, `5`, `12.5`.
fn plain(part: f64) -> String {
    let text = significant(part * 100.0);
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
pub mod samples {
    //! Made-up comparisons.

    use crate::compare::{Differences, Run, compare};
    use crate::observe::{Moment, ViolationKind};
    use crate::record::{ActionTally, Tally};
    use crate::report::compare::{CompareReport, Compared};
    use crate::report::{Meta, sample};

    pub struct Pair {
        base: Meta,
        new: Meta,
        differences: Differences,
        notes: Vec<String>,
    }

    impl Pair {
        fn of(base: &Tally, new: &Tally, notes: &[&str]) -> Self {
            let meta = sample::passing().meta;
            let run = |tally| Run { tally, duration: meta.duration };
            let differences = compare(run(base), run(new), 0.05);
            let notes = notes.iter().map(|note| (*note).to_owned()).collect();
            let new = Meta { seed: 43, target: "https://api.example.com".to_owned(), ..meta.clone() };
            Self { base: meta, new, differences, notes }
        }

        pub fn report(&self) -> CompareReport<'_> {
            let base = Compared { tally: "before/tally.json", meta: &self.base };
            let new = Compared { tally: "after/tally.json", meta: &self.new };
            CompareReport { base, new, differences: &self.differences, tolerance: 0.05, notes: &self.notes }
        }
    }

    /// Answers of 30 s whose times repeat every second, `ms` at the median; seconds differ a little.
    fn tally(ms: u64, a_second: u64) -> Tally {
        let time = |second: u64, n: u64| ms * (500 + 1_000 * (n % 21) / 20) + 10 * ms * (second * second % 7);
        let answers: Vec<_> =
            (0..30).flat_map(|second| (0..a_second).map(move |n| (second, time(second, n)))).collect();
        sample::answered(&answers, Moment(30_000_000_000))
    }

    fn actions(tally: &mut Tally) -> &mut std::collections::BTreeMap<String, ActionTally> {
        let dialect = tally.dialects.values_mut().next().unwrap();
        &mut dialect.transports.values_mut().next().unwrap().actions
    }

    fn with(mut tally: Tally, name: &str, action: Tally) -> Tally {
        let mut action = action;
        let action = actions(&mut action).remove("send_event").unwrap();
        actions(&mut tally).insert(name.to_owned(), action);
        tally
    }

    /// Slower, faster, errors, violations, actions of one run only, another load, and what is not known.
    pub fn worse() -> Pair {
        let mut base = with(with(tally(20, 42), "login", tally(40, 8)), "start_chat", tally(30, 2));
        let mut new = with(with(tally(30, 42), "login", tally(32, 12)), "list_chats", tally(30, 2));
        let failing = actions(&mut new).get_mut("send_event").unwrap();
        failing.succeeded -= 40;
        failing.errors = [("internal".to_owned(), 40)].into();
        let before = actions(&mut base).get_mut("send_event").unwrap();
        before.errors = [("validation".to_owned(), 2)].into();
        use ViolationKind::{DuplicatePush, ReorderedDelivery, WrongType};
        let violate = |tally: &mut Tally, kind, times| {
            (0..times).for_each(|_| tally.violations.add(sample::violation(kind, "one", "two"), Vec::new));
        };
        violate(&mut base, DuplicatePush, 1);
        violate(&mut base, ReorderedDelivery, 3);
        violate(&mut new, ReorderedDelivery, 5);
        violate(&mut new, WrongType, 2);
        Pair::of(&base, &new, &["the base was interrupted, so it is a part of a run"])
    }

    pub fn same() -> Pair {
        Pair::of(&tally(20, 42), &tally(20, 42), &[])
    }

    pub fn short() -> Pair {
        let few: Vec<_> = (0..5).map(|second| (second, 20_000)).collect();
        let few = sample::answered(&few, Moment(5_000_000_000));
        Pair::of(&few, &few, &[])
    }

    pub fn nothing() -> Pair {
        Pair::of(&Tally::default(), &tally(20, 2), &[])
    }

    /// Names and texts that a terminal would obey.
    pub fn hostile() -> Pair {
        let run = sample::hostile();
        let mut pair = Pair::of(&run.tally, &run.tally, &[sample::HOSTILE]);
        pair.new = Meta { scenario: sample::HOSTILE.to_owned(), started: sample::HOSTILE.to_owned(), ..run.meta };
        pair.differences.new = pair.differences.actions.iter().map(|action| action.name.clone()).collect();
        for error in pair.differences.actions.iter_mut().flat_map(|action| &mut action.errors) {
            error.base = 0;
        }
        pair
    }

    pub fn all() -> [Pair; 5] {
        [worse(), same(), short(), nothing(), hostile()]
    }
}

#[cfg(test)]
mod tests {
    use textwrap::core::display_width;

    use super::samples::Pair;
    use super::*;
    use crate::report::format::is_unseen;

    fn written(pair: &Pair, width: usize, color: bool) -> String {
        let mut bytes = Vec::new();
        terminal(&pair.report(), &mut bytes, Style { color, width }).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn whole_reports() {
        insta::assert_snapshot!("worse", written(&samples::worse(), 100, false));
        insta::assert_snapshot!("same", written(&samples::same(), 100, false));
        insta::assert_snapshot!("short", written(&samples::short(), 100, false));
        insta::assert_snapshot!("nothing", written(&samples::nothing(), 100, false));
    }

    #[test]
    fn differences_have_a_sign_and_a_unit() {
        let (rate, errors) = (Figure::Rate, Figure::Errors);
        assert_eq!([0.471, -0.03, 0.00004, 11.53].map(|part| signed(rate, part)), ["+47.1%", "-3%", "0%", "+1,153%"]);
        assert_eq!([0.0031, -0.5, 0.0].map(|part| signed(errors, part)), ["+0.31pp", "-50pp", "0pp"]);
        assert_eq!([0.05, 0.0, 0.125, 1.0].map(plain), ["5", "0", "12.5", "100"]);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_foreign_is_obeyed() {
        for pair in samples::all() {
            for width in [60, 80, 100] {
                let text = written(&pair, width, false);
                let wide: Vec<&str> = text.lines().filter(|line| display_width(line) > width).collect();
                assert!(wide.is_empty(), "wider than {width}: {wide:#?}");
                let raw: Vec<&str> = text.split('\n').filter(|line| line.contains(is_unseen)).collect();
                assert!(raw.is_empty(), "{raw:#?}");
            }
        }
        assert!(written(&samples::hostile(), 100, false).contains("\\u{1b}[31mred"));
    }

    #[test]
    fn colours_are_only_there_when_they_are_welcome() {
        assert!(!written(&samples::worse(), 100, false).contains('\u{1b}'));
        assert!(written(&samples::worse(), 100, true).contains('\u{1b}'));
    }
}
