//! What is different about a call of the Web API.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Compiler;
use super::steps::Scope;
use crate::protocol::{Multipart, Transport};
use crate::scenario::file;
use crate::scenario::plan::WebOptions;
use crate::scenario::problem::Problem;
use crate::scenario::read::join;
use crate::scenario::template::Template;
use crate::session::Upload;

impl Compiler<'_> {
    pub(super) fn web_options(
        &mut self,
        call: &file::CallStep,
        pointer: &str,
        scope: &Scope<'_>,
    ) -> Option<Box<WebOptions>> {
        let given: Vec<&str> = [
            ("authorization", call.authorization.is_some()),
            ("query", call.query.is_some()),
            ("content_type", call.content_type.is_some()),
            ("upload", call.upload.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, is_given)| is_given.then_some(key))
        .collect();
        if let Some(transport @ (Transport::Websocket | Transport::Socketio)) = scope.transport {
            for key in &given {
                let problem = Problem::new(self.places.key(&join(pointer, key)), format!("`{key}` is of the Web API"));
                let help = format!("`{}` has `transport: {transport}`", scope.actor);
                self.problems.push(match *key {
                    "query" => problem.help(format!("{help}; `reconnect` has a `query`, too")),
                    _ => problem.help(help),
                });
            }
        }
        if given.is_empty() {
            return None;
        }
        let authorization = call.authorization.as_ref().map(|text| match text.as_str() {
            "none" => None,
            text => self.template(&text.into(), &join(pointer, "authorization"), scope),
        });
        Some(Box::new(WebOptions {
            authorization,
            query: self.query(call.query.as_ref(), &join(pointer, "query"), scope),
            content_type: call.content_type.clone(),
            upload: call.upload.as_ref().map(|upload| self.upload(upload, call, pointer, scope)),
        }))
    }

    /// Changes of a URL's query.
    pub(super) fn query(
        &mut self,
        query: Option<&BTreeMap<String, Value>>,
        pointer: &str,
        scope: &Scope<'_>,
    ) -> Vec<(String, Template)> {
        let mut changes = Vec::new();
        for (member, value) in query.into_iter().flatten() {
            let at = join(pointer, member);
            if value.is_array() || value.is_object() {
                self.problem(&at, format!("`{member}` is a text or a number in a URL, or null to leave it out"));
            }
            changes.extend(self.template(value, &at, scope).map(|template| (member.clone(), template)));
        }
        changes
    }

    fn upload(&mut self, upload: &file::Upload, call: &file::CallStep, pointer: &str, scope: &Scope<'_>) -> Upload {
        let at = join(pointer, "upload");
        if let Some(catalog) = scope.dialect.map(|dialect| &dialect.catalog)
            && let Some(spec) = catalog.action(&call.call)
        {
            match &spec.multipart {
                None => {
                    let range = self.places.key(&at);
                    self.problems.push(Problem::new(range, format!("`{}` takes no file", call.call)));
                }
                Some(multipart) if upload.bytes as u64 > multipart.max_bytes && call.deliberately.is_none() => {
                    let message = format!("`{}` takes at most {} bytes", call.call, multipart.max_bytes);
                    let problem = Problem::new(self.places.value(&join(&at, "bytes")), message);
                    let source = format!("documented in {} {}", catalog.document, multipart.line);
                    let help = "to send it all the same, add `deliberately: invalid`";
                    self.problems.push(problem.help(format!("{source}; {help}")));
                }
                Some(_) => {}
            }
        }
        let kind = upload.r#type.as_deref().unwrap_or("application/octet-stream");
        if !kind.split_once('/').is_some_and(|(kind, of)| !kind.is_empty() && !of.is_empty()) {
            self.problem(&join(&at, "type"), format!("`{kind}` is no media type such as `image/png`"));
        }
        Upload {
            bytes: upload.bytes,
            name: upload.name.clone().unwrap_or_else(|| "file".to_owned()),
            kind: kind.to_owned(),
        }
    }
}

/// The payload of a call with its file in place, so that it can be looked at as a whole.
pub(super) fn with_upload(payload: &Template, multipart: &Multipart) -> Template {
    let member = multipart.file.strip_prefix(&multipart.prefix).unwrap_or(&multipart.file);
    let file = (member.to_owned(), Template::Literal(Value::from("a file")));
    let mut members = match payload {
        Template::Literal(Value::Object(map)) => {
            map.iter().map(|(name, value)| (name.clone(), Template::Literal(value.clone()))).collect()
        }
        Template::Literal(Value::Null) => Vec::new(),
        Template::Object(members) => members.clone(),
        other => return other.clone(),
    };
    members.push(file);
    Template::Object(members)
}
