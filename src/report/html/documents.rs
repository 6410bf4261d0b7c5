//! Where the documents say what was broken, and in which words of ours.

use maud::{Markup, html};

use crate::observe::{Side, Violation};
use crate::protocol::{Check, Erratum, ErratumId, Kind, Line, Requirement, Sentences};
use crate::report::format::one_line;

/// What a violation breaks, as items of a list of terms.
pub(super) fn of(violation: &Violation) -> Markup {
    let sentences = Sentences::embedded(violation.dialect.as_str());
    let requirement = sentences.and_then(|sentences| broken(violation, sentences));
    let source = violation.source.as_deref().map(Source::of);
    let errata = source.iter().flat_map(|source| source.errata(sentences));
    html! {
        @if let Some(source) = &source {
            dt { "document" } dd { (one_line(&source.place())) @if let Some(remark) = source.remark() { " (" (one_line(remark)) ")" } }
        }
        @match (requirement, &violation.requirement) {
            (Some(requirement), _) => { dt { "sentence" } dd { (sentence(requirement)) } },
            (None, Some(id)) => { dt { "sentence" } dd { code { (one_line(&id.to_string())) } } },
            (None, None) => {},
        }
        @for erratum in errata { dt { "in dispute" } dd { (dispute(erratum)) } }
    }
}

/// A requirement in our words.
fn sentence(requirement: &Requirement) -> Markup {
    html! {
        code { (requirement.id) } " (" (requirement.level) ", “" (requirement.section) "”): " (requirement.statement)
    }
}

/// What is open about a passage, and how we read it.
fn dispute(erratum: &Erratum) -> Markup {
    html! { code { (erratum.id) } ": " (erratum.about) " We read: " (erratum.taken) }
}

/// The requirement that a violation breaks: the one that it names, or the one that is checked by the schema at that place.
fn broken<'a>(violation: &Violation, sentences: &'a Sentences) -> Option<&'a Requirement> {
    if let Some(id) = &violation.requirement {
        return sentences.requirements.get(id);
    }
    let (action, pointer) = (violation.action.as_deref()?, violation.pointer.as_deref()?);
    // A catalog's names have no figures alone, so these are positions in arrays.
    let is_position = |step: &str| step.bytes().all(|byte| byte.is_ascii_digit());
    let path: String =
        pointer.split('/').skip(1).filter(|step| !is_position(step)).flat_map(|step| ["/", step]).collect();
    let kinds: &[Kind] = match violation.kind.side() {
        Side::Server => &[Kind::Response, Kind::Push],
        Side::Client => &[Kind::Request],
    };
    let precision = |check: &Check| match check {
        Check::Schema { member, .. } => {
            let place = violation.place.as_ref();
            kinds.iter().any(|kind| check.looks_at((*kind, action, &path), place)).then_some(member.len())
        }
        _ => None,
    };
    let candidates = sentences.requirements.values().filter_map(|row| {
        let most = row.check.iter().filter_map(precision).max()?;
        Some((most, row))
    });
    candidates.max_by_key(|(most, _)| *most).map(|(_, row)| row)
}

/// The comment of a schema's constraint, or a rule's document and line: `customer-v0.3 598,600; C03-A13; a remark`.
struct Source<'a> {
    document: &'a str,
    lines: &'a str,
    rest: &'a str,
}

impl<'a> Source<'a> {
    fn of(text: &'a str) -> Self {
        let (first, rest) = text.split_once(';').unwrap_or((text, ""));
        let (document, lines) = first.trim().split_once(' ').unwrap_or((first.trim(), ""));
        Self { document, lines, rest: rest.trim() }
    }

    fn place(&self) -> String {
        let figures = self.lines.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
        let lines = self.lines.replace(',', ", ");
        match (self.lines.is_empty(), figures, lines.contains(',')) {
            (true, ..) => self.document.to_owned(),
            (_, true, false) => format!("{}, line {lines}", self.document),
            (_, true, true) => format!("{}, lines {lines}", self.document),
            (_, false, _) => format!("{}, {lines}", self.document),
        }
    }

    fn errata(&self, sentences: Option<&'a Sentences>) -> Vec<&'a Erratum> {
        let ids = self.rest.split([';', ',']).map(|word| ErratumId(word.trim().into()));
        sentences.map_or_else(Vec::new, |sentences| ids.filter_map(|id| sentences.errata.get(&id)).collect())
    }

    /// What is written behind the errata.
    fn remark(&self) -> Option<&'a str> {
        let is_errata =
            |part: &str| part.split(',').all(|word| word.trim().split('-').count() == 2 && !word.trim().contains(' '));
        self.rest.split(';').map(str::trim).find(|part| !part.is_empty() && !is_errata(part))
    }
}

/// Lines of a document as people cite them.
pub(in crate::report) fn cite(document: &str, lines: &[Line]) -> String {
    let lines = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    Source { document, lines: &lines, rest: "" }.place()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{ConnectionId, Moment, ViolationKind};
    use crate::protocol::{Place, RequirementId, Transport};

    fn violation(kind: ViolationKind, action: &str, pointer: &str, source: &str) -> Violation {
        Violation {
            kind,
            at: Moment(0),
            connection: ConnectionId(1),
            dialect: "customer/v0.3".into(),
            transport: Transport::Websocket,
            action: Some(action.into()),
            requirement: None,
            source: Some(source.into()),
            pointer: Some(pointer.into()),
            keyword: None,
            place: None,
            expected: String::new(),
            got: String::new(),
        }
    }

    fn sentence_of(violation: &Violation) -> Option<&'static str> {
        let sentences = Sentences::embedded(violation.dialect.as_str()).unwrap();
        broken(violation, sentences).map(|requirement| &*requirement.statement)
    }

    #[test]
    fn a_source_is_told_as_people_cite() {
        let place = |text| Source::of(text).place();
        assert_eq!(place("customer-v0.3 598"), "customer-v0.3, line 598");
        assert_eq!(place("customer-v0.3 155,156; a push has no outcome"), "customer-v0.3, lines 155, 156");
        assert_eq!(place("agent-v3.0 rtm/pushes:761,762"), "agent-v3.0, rtm/pushes:761, 762");
        assert_eq!(place("agent-v3.0"), "agent-v3.0");
        assert_eq!(cite("agent-v3.0", &[Line::Own(7), Line::Own(9)]), "agent-v3.0, lines 7, 9");
        assert_eq!(cite("agent-v3.0", &[Line::Companion("rtm/pushes:1".into())]), "agent-v3.0, rtm/pushes:1");
        assert_eq!(
            Source::of("a 1; A02-A29, A02-A54; unfinished, nobody has to send it").remark(),
            Some("unfinished, nobody has to send it")
        );
        assert_eq!(Source::of("a 1; A02-A29, A02-A54").remark(), None);
    }

    #[test]
    fn the_sentence_is_the_one_named_or_that_of_the_member() {
        let named = Violation {
            requirement: Some(RequirementId("C03-B14".into())),
            ..violation(ViolationKind::WrongType, "send_event", "/event/order", "customer-v0.3 598")
        };
        assert_eq!(sentence_of(&named), Some("A response repeats the request_id of its request, once."));
        let at =
            |action, pointer| sentence_of(&violation(ViolationKind::WrongType, action, pointer, "customer-v0.3 1"));
        let reason = at("customer_disconnected", "/reason");
        assert!(reason.is_some_and(|text| text.contains("reason")), "{reason:?}");
        assert!(at("send_file", "/url").is_some_and(|text| text.contains("URL") || text.contains("url")));
        assert_eq!(at("fly", "/x"), None);
        // The request has a member of that name as well, of which this sentence does not speak.
        let asked = violation(ViolationKind::RequestType, "send_file", "/url", "customer-v0.3 1");
        assert_eq!(sentence_of(&asked), None);
        let place = Place { file: "objects/event-system_message".into(), member: "/text".into() };
        let inside = Violation { place: Some(place), ..violation(ViolationKind::WrongType, "fly", "/a/0/text", "") };
        assert!(sentence_of(&inside).is_some());
    }

    #[test]
    fn a_disputed_passage_is_told_with_our_reading() {
        let told =
            of(&violation(ViolationKind::DisputedReading, "start_chat", "/chat", "customer-v0.3 1029; C03-A16")).0;
        assert!(told.contains("<dt>document</dt><dd>customer-v0.3, line 1029</dd>"), "{told}");
        assert!(told.contains("We read: The server wraps every value"), "{told}");
        assert!(
            !of(&violation(ViolationKind::WrongType, "start_chat", "/chat", "customer-v0.3 1029"))
                .0
                .contains("We read")
        );
    }
}
