//! The compiled schemas of one dialect, dispatched by (kind, name).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Registry, ValidationError, Validator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Catalog, Patch, Place, ProtocolError, SchemaFiles};

/// Base of the addresses under which the files know each other; never fetched.
const BASE: &str = "chatproof:///";

/// Longest excerpt of a peer's value in a message, in characters.
const EXCERPT: usize = 120;

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The payload of a request.
    Request,
    /// The payload of a successful response.
    Response,
    /// The payload of a push.
    Push,
    /// A whole RTM frame, or the body of a failed Web call.
    Envelope,
    /// One of the objects that payloads are made of.
    Object,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Request, Self::Response, Self::Push, Self::Envelope, Self::Object];

    /// The folder that holds the schemas of this kind.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Request => "requests",
            Self::Response => "responses",
            Self::Push => "pushes",
            Self::Envelope => "envelopes",
            Self::Object => "objects",
        }
    }
}

/// How a value misses its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MismatchKind {
    /// Another JSON type than documented.
    WrongType,
    /// A required member is not there.
    MissingMember,
    /// The right type, but a value that is not allowed.
    WrongValue,
}

/// One place in a payload that a schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// How it is wrong.
    pub kind: MismatchKind,
    /// JSON pointer to the offending (or missing) member, from the payload.
    pub pointer: String,
    /// The JSON Schema keyword that failed.
    pub keyword: String,
    /// What the schema allows there.
    pub expected: String,
    /// What was there: a short excerpt.
    pub got: String,
    /// Document and line, from the nearest `$comment`.
    pub source: Option<String>,
    /// The member of a schema file whose constraint failed.
    pub place: Option<Place>,
}

/// All validators of a dialect.
pub struct Schemas {
    /// What the addresses of all its files begin with.
    pub(super) folder: String,
    /// By kind, then by name.
    validators: [HashMap<Box<str>, Validator>; Kind::ALL.len()],
    /// Parsed files by address, to find the `$comment` behind a failed keyword.
    pub(super) documents: Arc<HashMap<String, Value>>,
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas").field("files", &self.documents.len()).finish_non_exhaustive()
    }
}

impl Schemas {
    pub(super) fn compile(files: &SchemaFiles, folder: &str, catalog: &Catalog) -> Result<Self, ProtocolError> {
        let mut documents = HashMap::new();
        for (path, text) in files.json_below(folder) {
            let value: Value = serde_json::from_str(text)
                .map_err(|e| ProtocolError::Inconsistent { path: path.to_owned(), reason: e.to_string() })?;
            documents.insert(format!("{BASE}{path}"), value);
        }
        let schemas = Self::build(documents, folder)?;
        schemas.check_complete(folder, catalog)?;
        Ok(schemas)
    }

    /// The same with some of the files changed.
    ///
    /// # Errors
    /// When a patch does not fit its file, or what comes out is no schema.
    pub fn patched<'a>(&self, patches: impl IntoIterator<Item = &'a Patch>) -> Result<Self, ProtocolError> {
        let folder = self.folder.trim_start_matches(BASE).trim_end_matches('/');
        let mut documents = (*self.documents).clone();
        for patch in patches {
            let path = format!("{folder}/{}", patch.file);
            let document = documents.get_mut(&format!("{BASE}{path}")).ok_or_else(|| ProtocolError::Inconsistent {
                path: format!("{folder}/errata.yaml"),
                reason: format!("a patch names `{}`, which does not exist", patch.file),
            })?;
            patch.apply(document).map_err(|reason| ProtocolError::Inconsistent { path, reason })?;
        }
        Self::build(documents, folder)
    }

    fn build(documents: HashMap<String, Value>, folder: &str) -> Result<Self, ProtocolError> {
        let inconsistent = |path: &str, reason: String| ProtocolError::Inconsistent { path: path.to_owned(), reason };
        let registry = documents
            .iter()
            .try_fold(Registry::new(), |registry, (address, document)| registry.add(address, document))
            .and_then(jsonschema::RegistryBuilder::prepare)
            .map_err(|e| inconsistent(folder, e.to_string()))?;
        let mut validators: [HashMap<Box<str>, Validator>; Kind::ALL.len()] = Default::default();
        for kind in Kind::ALL {
            let prefix = format!("{BASE}{folder}/{}/", kind.folder());
            for (address, document) in &documents {
                let Some(name) = address.strip_prefix(&prefix).and_then(|file| file.strip_suffix(".json")) else {
                    continue;
                };
                let validator = jsonschema::draft202012::options()
                    .with_registry(&registry)
                    .with_base_uri(address.clone())
                    .offline()
                    .build(document)
                    .map_err(|e| inconsistent(address, e.to_string()))?;
                validators[kind as usize].insert(name.into(), validator);
            }
        }
        drop(registry);
        Ok(Self { folder: format!("{BASE}{folder}/"), validators, documents: Arc::new(documents) })
    }

    /// Every action and push of the catalog has its files, and no file is without its row.
    fn check_complete(&self, folder: &str, catalog: &Catalog) -> Result<(), ProtocolError> {
        let described = |name: &str| catalog.action(name).is_some();
        let rows = [
            (Kind::Request, catalog.actions.keys().filter(|name| described(name)).collect::<Vec<_>>()),
            (Kind::Response, catalog.actions.keys().filter(|name| described(name)).collect()),
            (Kind::Push, catalog.pushes.keys().collect()),
        ];
        for (kind, names) in rows {
            let files = self.names(kind);
            let odd = names
                .iter()
                .map(|name| name.as_str())
                .find(|name| !files.contains(name))
                .map(|name| format!("no schema file for `{name}`"))
                .or_else(|| {
                    let orphan = files.iter().find(|file| !names.iter().any(|name| name == *file))?;
                    Some(format!("`{orphan}.json` has no row in the catalog"))
                });
            if let Some(reason) = odd {
                return Err(ProtocolError::Inconsistent { path: format!("{folder}/{}", kind.folder()), reason });
            }
        }
        Ok(())
    }

    /// Names of all schemas of a kind, sorted.
    pub fn names(&self, kind: Kind) -> Vec<&str> {
        let mut names: Vec<&str> = self.validators[kind as usize].keys().map(AsRef::as_ref).collect();
        names.sort_unstable();
        names
    }

    /// Whether there is a schema of that kind and name.
    pub fn knows(&self, kind: Kind, name: &str) -> bool {
        self.validator(kind, name).is_some()
    }

    /// Whether a value is as its schema says; true when no schema of that name exists.
    pub fn is_valid(&self, kind: Kind, name: &str, value: &Value) -> bool {
        self.validator(kind, name).is_none_or(|validator| validator.is_valid(value))
    }

    /// Everything that is wrong with a value; empty when it is valid, or when no schema of that name exists.
    pub fn check(&self, kind: Kind, name: &str, value: &Value) -> Vec<Mismatch> {
        let Some(validator) = self.validator(kind, name) else { return Vec::new() };
        // The cheap question first: nearly every message is valid.
        if validator.is_valid(value) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for error in validator.iter_errors(value) {
            self.collect(&error, &mut found);
        }
        found.dedup();
        found
    }

    /// The schema at an address: `chatproof:///customer/v0.3/objects/thread.json#/properties/id`.
    pub(super) fn at(&self, address: &str) -> Option<&Value> {
        let (file, fragment) = address.split_once('#')?;
        self.documents.get(file)?.pointer(fragment)
    }

    pub(super) fn validator(&self, kind: Kind, name: &str) -> Option<&Validator> {
        self.validators[kind as usize].get(name)
    }

    fn collect(&self, error: &ValidationError<'_>, found: &mut Vec<Mismatch>) {
        if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } = error.kind() {
            // The alternative that came furthest tells best what is wrong.
            let closest = context.iter().filter(|errors| !errors.is_empty()).max_by_key(|errors| {
                let depth = errors.iter().map(|e| e.instance_path().as_str().len()).max();
                (depth, std::cmp::Reverse(errors.len()))
            });
            if let Some(errors) = closest
                && errors.iter().any(|e| e.instance_path().as_str().len() > error.instance_path().as_str().len())
            {
                for inner in errors {
                    self.collect(inner, found);
                }
                return;
            }
        }
        found.push(self.mismatch(error));
    }

    fn mismatch(&self, error: &ValidationError<'_>) -> Mismatch {
        let mut pointer = error.instance_path().as_str().to_owned();
        let mut place =
            error.absolute_keyword_location().and_then(|location| Place::of(location.as_str(), &self.folder));
        let (kind, expected, got) = match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let step = format!("/{}", escaped(name));
                pointer.push_str(&step);
                if let Some(place) = &mut place {
                    place.member.push_str(&step);
                }
                (MismatchKind::MissingMember, format!("a member `{name}`"), "nothing".to_owned())
            }
            ValidationErrorKind::Type { kind } => {
                let expected = expected_types(kind);
                (MismatchKind::WrongType, expected, excerpt(error.instance()))
            }
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }
                if context.iter().all(|errors| errors.iter().all(|e| is_type_error_here(e, error))) =>
            {
                let expected: Vec<String> = context.iter().flatten().map(|e| self.mismatch(e).expected).collect();
                (MismatchKind::WrongType, expected.join(" or "), excerpt(error.instance()))
            }
            _ => (MismatchKind::WrongValue, expectation(error), excerpt(error.instance())),
        };
        Mismatch {
            kind,
            pointer,
            keyword: error.kind().keyword().to_owned(),
            expected,
            got,
            source: self.source(error),
            place,
        }
    }

    /// The nearest `$comment` at or above the keyword that failed.
    fn source(&self, error: &ValidationError<'_>) -> Option<String> {
        let location = error.absolute_keyword_location()?.to_string();
        let (address, fragment) = location.split_once('#')?;
        let mut here = self.documents.get(address)?;
        let mut comment = None;
        for token in std::iter::once("").chain(fragment.split('/').skip(1)) {
            if !token.is_empty() {
                let token = token.replace("~1", "/").replace("~0", "~");
                here = match here {
                    Value::Object(map) => map.get(&token)?,
                    Value::Array(items) => items.get(token.parse::<usize>().ok()?)?,
                    _ => break,
                };
            }
            if let Some(text) = here.get("$comment").and_then(Value::as_str) {
                comment = Some(text);
            }
        }
        comment.map(str::to_owned)
    }
}

/// A member's name as a step of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The address, with its fragment, that a reference in a file names.
pub(super) fn resolved(from: &str, reference: &str) -> Option<String> {
    let target = url::Url::parse(from).ok()?.join(reference).ok()?;
    Some(if target.fragment().is_some() { target.to_string() } else { format!("{target}#") })
}

fn is_type_error_here(inner: &ValidationError<'_>, outer: &ValidationError<'_>) -> bool {
    matches!(inner.kind(), ValidationErrorKind::Type { .. }) && inner.instance_path() == outer.instance_path()
}

fn expected_types(kind: &jsonschema::error::TypeKind) -> String {
    match kind {
        jsonschema::error::TypeKind::Single(one) => one.to_string(),
        jsonschema::error::TypeKind::Multiple(set) => {
            set.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" or ")
        }
    }
}

/// What the failed keyword allows, in words.
fn expectation(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Enum { options } => format!("one of {options}"),
        ValidationErrorKind::Constant { expected_value } => format!("{expected_value}"),
        ValidationErrorKind::Minimum { limit } => format!("at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        ValidationErrorKind::MinLength { limit } => format!("at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("at most {limit} items"),
        ValidationErrorKind::MinProperties { limit } => format!("at least {limit} members"),
        ValidationErrorKind::MaxProperties { limit } => format!("at most {limit} members"),
        ValidationErrorKind::Pattern { pattern } => format!("text that matches {pattern}"),
        ValidationErrorKind::FalseSchema | ValidationErrorKind::Not { .. } => "this to be absent".to_owned(),
        other => format!("what `{}` allows", other.keyword()),
    }
}

/// A value, shortened for a message.
fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
