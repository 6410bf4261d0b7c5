//! The frame that every page has: what it is about and how that was judged, above the sections.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::observe::Grade;
use crate::verdict::Judgement;

/// How pages look, after what the charts need.
const STYLE: &str = concat!(include_str!("assets/uPlot.min.css"), include_str!("assets/page.css"));
/// The charts' library with its licence, and what pages do.
const SCRIPT: &str = concat!(
    "/*!\n",
    include_str!("assets/uPlot.LICENSE"),
    "*/\n",
    include_str!("assets/uPlot.iife.min.js"),
    include_str!("assets/page.js")
);

/// What a page does that shows a run while it goes on.
const LIVE: &str = include_str!("assets/live.js");

/// A part of a page with a heading of its own.
pub(in crate::report) struct Section {
    /// Where links find it.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// What is below.
    pub body: Markup,
}

/// What a reader sees first.
pub(in crate::report) struct Head {
    /// What was done, in a word or two, such as `Run`.
    pub kind: &'static str,
    /// What it was done with or to.
    pub title: String,
    /// What that is about, in a sentence; may be empty.
    pub about: String,
    /// How it was judged.
    pub badge: Badge,
    /// What the badge means, in a sentence.
    pub meaning: String,
    /// Why, the most important first.
    pub causes: Vec<Cause>,
    /// What ran, where and when, each in a few words.
    pub facts: Vec<String>,
}

/// Something that speaks against what was tested, or for caution.
pub(in crate::report) struct Cause {
    /// In plain words.
    pub text: String,
    /// The id of the element that shows more.
    pub more: Option<String>,
    /// How bad it is.
    pub tone: Tone,
}

/// A word with a colour.
pub(in crate::report) struct Badge {
    /// The word; colours alone say nothing to many readers.
    pub word: String,
    /// The colour's meaning.
    pub tone: Tone,
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Tone {
    /// As it should be.
    Good,
    /// Neither good nor bad, or not known.
    Doubtful,
    /// Not as it should be.
    Bad,
    /// Not judged.
    Plain,
}

impl Tone {
    /// The class that gives an element its colour.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Doubtful => "doubtful",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }

    /// The colour of a judgement.
    pub fn of(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Passed => Self::Good,
            Judgement::NonStrict | Judgement::Inconclusive => Self::Doubtful,
            Judgement::Failed => Self::Bad,
        }
    }

    /// The colour of a grade.
    pub fn of_grade(grade: Grade) -> Self {
        match grade {
            Grade::Info => Self::Plain,
            Grade::NonStrict => Self::Doubtful,
            Grade::Fail => Self::Bad,
        }
    }
}

impl Badge {
    /// The badge of a judgement.
    pub fn of(judgement: Judgement) -> Self {
        let word = match judgement {
            Judgement::Passed => "passed",
            Judgement::NonStrict => "passed, non-strict",
            Judgement::Failed => "failed",
            Judgement::Inconclusive => "inconclusive",
        };
        Self { word: word.to_owned(), tone: Tone::of(judgement) }
    }

    /// The badge itself.
    pub fn markup(&self) -> Markup {
        html! { span class={ "badge " (self.tone.class()) } { (self.word) } }
    }
}

/// A whole page, which needs nothing but itself: its policy lets no browser load anything.
pub(in crate::report) fn page(head: &Head, sections: &[Section]) -> Markup {
    document(head, sections, &[SCRIPT], html! {})
}

/// The same of a run that goes on: the page asks where it came from for what is inside of `main`, and for nothing else.
pub(in crate::report) fn live(head: &Head, sections: &[Section]) -> Markup {
    document(head, sections, &[SCRIPT, LIVE], html! { p id="live" role="status" { "The run goes on." } })
}

fn document(head: &Head, sections: &[Section], scripts: &[&str], status: Markup) -> Markup {
    let hashes: Vec<String> = scripts.iter().map(|script| hash(script)).collect();
    let asks = if scripts.contains(&LIVE) { "; connect-src 'self'" } else { "" };
    let policy = format!("default-src 'none'; style-src {}; script-src {}{asks}", hash(STYLE), hashes.join(" "));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (head.badge.word) " · " (head.title) " · chatproof" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                (status)
                main id="main" tabindex="-1" { (content(head, sections)) }
                @for script in scripts { script { (PreEscaped(script)) } }
            }
        }
    }
}

/// All that tells of what was found: what is inside of `main`.
pub(in crate::report) fn content(head: &Head, sections: &[Section]) -> Markup {
    html! {
        header {
            p.maker { "chatproof · " (head.kind) }
            h1 { (head.title) }
            @if !head.about.is_empty() { p.about { (head.about) } }
            div class={ "verdict " (head.badge.tone.class()) } {
                p { (head.badge.markup()) " " (head.meaning) }
                @if !head.causes.is_empty() { (causes(&head.causes)) }
            }
            @if !head.facts.is_empty() { ul.facts { @for fact in &head.facts { li { (fact) } } } }
        }
        nav aria-label="Sections" {
            ul { @for section in sections { li { a href={ "#" (section.id) } { (section.title) } } } }
        }
        @for section in sections {
            section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                h2 id={ (section.id) "-title" } { (section.title) }
                (section.body)
            }
        }
    }
}

fn causes(causes: &[Cause]) -> Markup {
    html! {
        ol.causes {
            @for cause in causes {
                li class=(cause.tone.class()) {
                    (cause.text)
                    @if let Some(more) = &cause.more { " " a href={ "#" (more) } { "Show" } }
                }
            }
        }
    }
}

/// A source for the policy: exactly this text may be used.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}
