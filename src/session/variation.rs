//! How a request differs from the documented one, so that its refusal can be seen.

/// Changes of a URL's query: a member is set to a text, or left out.
pub type Query = [(String, Option<String>)];

/// What a Web API call does differently, and the file that goes with it. By default nothing.
#[derive(Clone, Default)]
pub struct Variation {
    /// Who asks.
    pub authorization: Authorization,
    /// Changes of the URL's query.
    pub query: Vec<(String, Option<String>)>,
    /// Media type of the body in place of the documented one. The body of an action that takes parts is then JSON.
    pub content_type: Option<String>,
    /// The file of an action that takes one.
    pub upload: Option<Upload>,
}

/// The `Authorization` header of a Web API call.
#[derive(Clone, Default)]
pub enum Authorization {
    /// The session's token.
    #[default]
    Token,
    /// No such header.
    None,
    /// This text.
    Text(String),
}

/// A made-up file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its size.
    pub bytes: usize,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub kind: String,
}
