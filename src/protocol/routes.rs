//! What a path is for, by the catalogs.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Channel, Dialect, Protocol};

/// What happens at a path.
#[derive(Debug, Clone)]
pub enum Route {
    /// Real-time messaging over a websocket.
    Websocket(Arc<Dialect>),
    /// Real-time messaging over socket.io.
    Socketio(Arc<Dialect>),
    /// An action of the Web API.
    Web(Arc<Dialect>, Box<str>),
}

/// The paths of all dialects: the documented ones and their aliases.
#[derive(Debug)]
pub struct Routes {
    exact: HashMap<Box<str>, Route>,
    /// What stands before the name of an action.
    actions: Vec<(Box<str>, Arc<Dialect>)>,
}

impl Routes {
    /// All paths that the catalogs name. Where several dialects claim one, such as those without a version, the oldest gets it: it is
    /// from the time when there was no other.
    pub fn new(protocol: &Protocol) -> Self {
        let mut exact = HashMap::new();
        let mut actions = Vec::new();
        for dialect in protocol.dialects() {
            let catalog = &dialect.catalog;
            let mut add = |path: &str, route: Route| {
                exact.entry(path.into()).or_insert(route);
            };
            catalog.rtm.websocket.iter().for_each(|path| add(path, Route::Websocket(dialect.clone())));
            catalog.rtm.socketio.iter().for_each(|path| add(path, Route::Socketio(dialect.clone())));
            for (name, action) in &catalog.actions {
                if let Some(path) = action.path.as_deref().filter(|_| action.transports.contains(&Channel::Web)) {
                    add(path, Route::Web(dialect.clone(), name.as_str().into()));
                }
            }
            let before = catalog.web.path.iter().filter_map(|path| path.strip_suffix("{action}"));
            actions.extend(before.map(|before| (before.into(), dialect.clone())));
        }
        Self { exact, actions }
    }

    /// What a path is for; none when it belongs to no dialect.
    pub fn find(&self, path: &str) -> Option<Route> {
        // socket.io's clients put a slash at the end.
        let path = path.trim_end_matches('/');
        self.exact.get(path).cloned().or_else(|| {
            self.actions.iter().find_map(|(before, dialect)| {
                let action = path.strip_prefix(&**before)?;
                (!action.is_empty() && !action.contains('/')).then(|| Route::Web(dialect.clone(), action.into()))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> String {
        let routes = Routes::new(&Protocol::embedded().unwrap());
        match routes.find(path) {
            Some(Route::Websocket(dialect)) => format!("ws {}", dialect.name),
            Some(Route::Socketio(dialect)) => format!("sio {}", dialect.name),
            Some(Route::Web(dialect, action)) => format!("{action} {}", dialect.name),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn documented_paths_and_their_aliases_are_known() {
        for (path, what) in [
            ("/customer/v0.3/rtm/ws", "ws customer/v0.3"),
            ("/customer/v0.3/rtm/sio/", "sio customer/v0.3"),
            ("/customer/v0.3/action/send_event", "send_event customer/v0.3"),
            ("/agent/v3.0/rtm/ws", "ws agent/v3.0"),
            ("/v3.0/agent/action/nonsense", "nonsense agent/v3.0"),
            ("/agent/rtm/ws", "ws agent/v0.2"),
            ("/customer/file", "send_file customer/v0.2"),
        ] {
            assert_eq!(found(path), what, "{path}");
        }
    }

    #[test]
    fn what_belongs_to_no_dialect_is_told_as_such() {
        for path in
            ["/", "", "/customer/v0.9/rtm/ws", "/customer/v0.3/action/", "/customer/v0.3/action/a/b", "/files/1"]
        {
            assert_eq!(found(path), "none", "{path}");
        }
    }
}
