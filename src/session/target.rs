//! The server under test.

use std::net::SocketAddr;

use tokio::sync::OnceCell;
use url::Url;

use super::Query;
use crate::protocol::Catalog;

/// Why a URL cannot be a target. The URL is the user's, so this is an error of usage.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a target: {reason}; expected something like https://api.example.com or http://127.0.0.1:8080")]
pub struct TargetError {
    text: String,
    reason: String,
}

/// A server and the licence to use there.
#[derive(Debug)]
pub struct Target {
    pub(super) tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port as URLs write them; the port only where it is not the scheme's own.
    authority: String,
    /// What stands before the catalog's paths; empty or `/…` without a slash at its end.
    prefix: String,
    license_id: u64,
    resolved: OnceCell<Vec<SocketAddr>>,
}

impl Target {
    /// Reads `http://…`, `https://…`, `ws://…` or `wss://…`, with an optional path that stands before the
    /// documented ones.
    ///
    /// # Errors
    /// When it is not such a URL, or has a user name, a query or a fragment.
    pub fn parse(text: &str, license_id: u64) -> Result<Self, TargetError> {
        let wrong = |reason: &str| TargetError { text: text.to_owned(), reason: reason.to_owned() };
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        let (tls, usual_port) = match url.scheme() {
            "http" | "ws" => (false, 80),
            "https" | "wss" => (true, 443),
            _ => return Err(wrong("its scheme is none of http, https, ws, wss")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            // The text may hold a password, so it is not repeated.
            let text = format!("{}://…@{}", url.scheme(), url.host_str().unwrap_or_default());
            return Err(TargetError { text, reason: "credentials belong into a file, not into the URL".into() });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("a query or fragment has no meaning here"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
        let port = url.port().unwrap_or(usual_port);
        Ok(Self {
            tls,
            authority: if port == usual_port { host.to_owned() } else { format!("{host}:{port}") },
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            prefix: url.path().trim_end_matches('/').to_owned(),
            license_id,
            resolved: OnceCell::new(),
        })
    }

    /// Host and port, to name the peer in messages.
    pub fn peer(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Host and port as the `Host` header of a request writes them.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What stands before every path; empty or `/…` without a slash at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The URL of the websocket: the documented path with the query that the catalog asks for, and these changes of it.
    pub fn rtm_url(&self, catalog: &Catalog, changes: &Query) -> String {
        let path = catalog.rtm.websocket.first().map_or("", String::as_str);
        self.url(if self.tls { "wss" } else { "ws" }, path, &catalog.rtm.query, changes)
    }

    /// The URL of socket.io by polling, or of the websocket to which the session `sid` is upgraded. The path ends with
    /// the slash that its clients put there.
    pub fn socketio_url(&self, catalog: &Catalog, changes: &Query, sid: Option<&str>) -> String {
        let path = format!("{}/", catalog.rtm.socketio.first().map_or("", String::as_str));
        let scheme = match (sid, self.tls) {
            (None, false) => "http",
            (None, true) => "https",
            (Some(_), false) => "ws",
            (Some(_), true) => "wss",
        };
        let transport = if sid.is_some() { "websocket" } else { "polling" };
        let engine = [("EIO", Some("3")), ("transport", Some(transport)), ("sid", sid)];
        let engine = engine.into_iter().filter(|(_, value)| value.is_some());
        let engine = engine.map(|(member, value)| (member.to_owned(), value.map(str::to_owned)));
        let changes: Vec<_> = changes.iter().cloned().chain(engine).collect();
        self.url(scheme, &path, &catalog.rtm.query, &changes)
    }

    /// The URL of a Web API action, with these changes of its query.
    pub fn web_url(&self, catalog: &Catalog, action: &str, changes: &Query) -> String {
        let own = catalog.action(action).and_then(|spec| spec.path.as_deref());
        let path = own.or(catalog.web.path.first().map(String::as_str)).unwrap_or_default().replace("{action}", action);
        self.url(if self.tls { "https" } else { "http" }, &path, &catalog.web.query, changes)
    }

    fn url(&self, scheme: &str, path: &str, members: &[String], changes: &Query) -> String {
        let mut url = format!("{scheme}://{}{}{path}", self.authority, self.prefix);
        let is_changed = |member: &str| changes.iter().any(|(changed, _)| changed == member);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if members.iter().any(|member| member == "license_id") && !is_changed("license_id") {
            query.append_pair("license_id", &self.license_id.to_string());
        }
        query.extend_pairs(changes.iter().filter_map(|(member, value)| Some((member, value.as_ref()?))));
        let query = query.finish();
        if !query.is_empty() {
            url.push('?');
            url.push_str(&query);
        }
        url
    }

    /// The peer's addresses. A name is looked up once, so that thousands of sessions do not test the resolver.
    pub(super) async fn addresses(&self) -> std::io::Result<&[SocketAddr]> {
        let lookup = || async { Ok(tokio::net::lookup_host((&*self.host, self.port)).await?.collect()) };
        self.resolved.get_or_try_init(lookup).await.map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;

    #[test]
    fn the_urls_follow_the_catalog() {
        let protocol = Protocol::embedded().unwrap();
        let catalog = &protocol.dialect("customer/v0.3").unwrap().catalog;
        for (text, rtm, web) in [
            ("http://127.0.0.1:8080", "ws://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("ws://[::1]:80/", "ws://[::1]", "http://[::1]"),
            ("https://api.example.com", "wss://api.example.com", "https://api.example.com"),
            (
                "wss://api.example.com:8443/staging/",
                "wss://api.example.com:8443/staging",
                "https://api.example.com:8443/staging",
            ),
        ] {
            let target = Target::parse(text, 42).unwrap();
            assert_eq!(target.rtm_url(catalog, &[]), format!("{rtm}/customer/v0.3/rtm/ws?license_id=42"));
            assert_eq!(target.web_url(catalog, "ping", &[]), format!("{web}/customer/v0.3/action/ping?license_id=42"));
        }
        let older = &protocol.dialect("customer/v0.2").unwrap().catalog;
        let target = Target::parse("http://127.0.0.1:8080", 42).unwrap();
        assert_eq!(target.web_url(older, "send_file", &[]), "http://127.0.0.1:8080/customer/file?license_id=42");
        assert_eq!(Target::parse("ws://[::1]", 1).unwrap().peer(), "[::1]:80");
    }

    #[test]
    fn a_query_can_be_changed() {
        let protocol = Protocol::embedded().unwrap();
        let catalog = &protocol.dialect("customer/v0.3").unwrap().catalog;
        let target = Target::parse("http://h", 42).unwrap();
        let change = |member: &str, value: Option<&str>| (member.to_owned(), value.map(str::to_owned));
        let url = |changes: &Query| target.rtm_url(catalog, changes).replace("ws://h/customer/v0.3/rtm/ws", "");
        assert_eq!(url(&[change("license_id", None)]), "");
        assert_eq!(url(&[change("license_id", Some("a b"))]), "?license_id=a+b");
        assert_eq!(url(&[change("region", Some("eu"))]), "?license_id=42&region=eu");
        let changes = [change("license_id", None), change("region", Some("eu"))];
        let sio = "h/customer/v0.3/rtm/sio/?region=eu&EIO=3";
        assert_eq!(target.socketio_url(catalog, &changes, None), format!("http://{sio}&transport=polling"));
        let upgraded = format!("ws://{sio}&transport=websocket&sid=a%26b");
        assert_eq!(target.socketio_url(catalog, &changes, Some("a&b")), upgraded);
    }

    #[test]
    fn what_is_no_target_is_refused_without_repeating_a_password() {
        for (text, reason) in [
            ("localhost:8080", "scheme"),
            ("nonsense", "relative URL"),
            ("ftp://example.com", "scheme"),
            ("http://example.com/?a=b", "query"),
            ("http://", "host"),
        ] {
            let error = Target::parse(text, 1).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let error = Target::parse("https://me:s3cret@example.com", 1).unwrap_err().to_string();
        assert!(error.contains("credentials") && !error.contains("s3cret"), "{error}");
    }
}
