//! Bodies of uploads.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream;
use multer::Multipart;
use serde_json::{Map, Value};

use crate::protocol;

/// The payload of an upload: its parts by name, and in place of the file its name (customer-v0.3 846-848).
///
/// # Errors
/// In words, when the body is no form.
pub(super) fn payload(spec: &protocol::Multipart, content_type: &str, body: &[u8]) -> Result<Value, String> {
    let boundary = multer::parse_boundary(content_type).map_err(|error| format!("The body is no form: {error}"))?;
    let whole = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(body))]);
    // All of it is there, so nothing has to be waited for.
    let read = read(spec, Multipart::new(whole, boundary)).now_or_never();
    read.unwrap_or_else(|| Err("The form is cut off".to_owned()))
}

async fn read(spec: &protocol::Multipart, mut parts: Multipart<'_>) -> Result<Value, String> {
    let broken = |error: multer::Error| format!("The body is no form: {error}");
    let mut payload = Map::new();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let Some(name) = part.name() else { continue };
        let alias = spec.alias_prefix.as_deref().and_then(|prefix| name.strip_prefix(prefix));
        let Some(member) = alias.or_else(|| name.strip_prefix(&spec.prefix)).map(str::to_owned) else { continue };
        let is_file = spec.file.strip_prefix(&spec.prefix) == Some(&member);
        let value = match part.file_name().map(str::to_owned) {
            Some(file) if is_file => file,
            _ => part.text().await.map_err(broken)?,
        };
        payload.insert(member, value.into());
    }
    Ok(Value::Object(payload))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::protocol::Protocol;

    static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::embedded().unwrap());

    const FORM: &str = "multipart/form-data; boundary=b";

    fn read(content_type: &str, body: &str) -> Result<Value, String> {
        let dialect = PROTOCOL.dialect("customer/v0.3").unwrap();
        let spec = dialect.catalog.action("send_file").unwrap().multipart.as_ref().unwrap();
        payload(spec, content_type, body.as_bytes())
    }

    fn whole() -> String {
        let part = |name: &str, text: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let file = "--b\r\nContent-Disposition: form-data; name=\"payload.file\"; filename=\"cat.png\"\r\n\r\nbytes\r\n--b--\r\n";
        format!("{}{}{file}", part("payload.chat_id", "C1"), part("payload.custom_id", "7"))
    }

    #[test]
    fn parts_become_members_and_the_file_its_name() {
        let read = read(FORM, &whole());
        assert_eq!(read, Ok(json!({"chat_id": "C1", "custom_id": "7", "file": "cat.png"})));
    }

    #[test]
    fn what_is_no_form_is_told_in_words() {
        assert!(read("application/json", "{}").unwrap_err().contains("no form"));
        assert!(read(FORM, "--b\r\nnothing").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Cut or overwritten anywhere, a form is read or refused in words.
        #[test]
        fn no_damaged_form_breaks_us(from in 0..300usize, length in 0..20usize, with in "[-a-z:;=\"\r\né]{0,6}", head in ".{0,20}") {
            let whole = whole();
            let (from, to) = (from.min(whole.len()), (from + length).min(whole.len()));
            let body = format!("{}{with}{}", &whole[..from], &whole[to..]);
            for content_type in [FORM, &format!("multipart/form-data; boundary={head}")] {
                if let Err(told) = read(content_type, &body) {
                    prop_assert!(told.starts_with("The "), "{told}");
                }
            }
        }
    }
}
