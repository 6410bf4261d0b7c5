//! Walks a JSON text, line by line as it would stand indented, and finds what a pointer points to.

/// What a transcript puts at the end of a text that it cut.
pub(super) const CUT: char = '…';

/// A text that has been walked.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Indentation and text of each line.
    pub lines: Vec<(usize, String)>,
    /// The deepest value on the way of the pointer, if there is one.
    pub best: Option<Best>,
    /// Steps of the pointer.
    pub wanted: Option<usize>,
}

/// A value on the way of a pointer.
#[derive(Debug)]
pub(super) struct Best {
    /// Steps of the pointer that lead to it.
    pub depth: usize,
    /// Its first and its last line.
    pub lines: (usize, usize),
    /// The lines in which the values around it begin, the outermost first.
    pub around: Vec<usize>,
}

/// Why a walk came to nothing, or not to the end.
enum End {
    NotJson,
    Cut,
}

/// Walks a text; nothing when it is no JSON. `wanted` are the steps to what should be found; of values with the same name the last
/// counts, as it does for parsers.
pub(super) fn walk(text: &str, wanted: Option<&[String]>) -> Option<Walked> {
    let mut walker = Walker {
        tokens: Tokens { rest: text, is_cut: text.ends_with(CUT) },
        wanted,
        walked: Walked { wanted: wanted.map(<[String]>::len), ..Walked::default() },
        line: String::new(),
        open: Vec::new(),
    };
    match walker.run() {
        Ok(()) => {}
        Err(End::Cut) => walker.cut(),
        Err(End::NotJson) => return None,
    }
    Some(walker.walked)
}

/// An object or array that is open.
struct Open {
    closing: char,
    /// Position of the next item of an array.
    item: usize,
    /// The line in which it begins.
    line: usize,
    /// Whether all steps that lead to it are the pointer's.
    on_the_way: bool,
}

struct Walker<'a> {
    tokens: Tokens<'a>,
    wanted: Option<&'a [String]>,
    walked: Walked,
    /// The line that is being written.
    line: String,
    open: Vec<Open>,
}

impl Walker<'_> {
    fn run(&mut self) -> Result<(), End> {
        loop {
            let on_the_way = self.step()?;
            if self.value(on_the_way)? {
                continue;
            }
            while let Some(inside) = self.open.last() {
                match self.tokens.next()? {
                    Token::Sign(',') => {
                        self.line.push(',');
                        self.end_line();
                        break;
                    }
                    Token::Sign(closing) if closing == inside.closing => self.close(closing),
                    _ => return Err(End::NotJson),
                }
            }
            if self.open.is_empty() {
                self.end_line();
                return self.tokens.is_over().then_some(()).ok_or(End::NotJson);
            }
        }
    }

    /// From a value to one in it: past a member's name, or to the next item. Says whether the pointer goes there, too.
    fn step(&mut self) -> Result<bool, End> {
        let depth = self.open.len();
        let Some(inside) = self.open.last_mut() else { return Ok(self.wanted.is_some()) };
        let step = if inside.closing == ']' {
            inside.item += 1;
            (inside.item - 1).to_string()
        } else {
            let Token::Text(name) = self.tokens.next()? else { return Err(End::NotJson) };
            self.line.push_str(name);
            let Token::Sign(':') = self.tokens.next()? else { return Err(End::NotJson) };
            self.line.push_str(": ");
            serde_json::from_str(name).map_err(|_| End::NotJson)?
        };
        Ok(inside.on_the_way && self.wanted.is_some_and(|wanted| wanted.get(depth - 1) == Some(&step)))
    }

    /// A value begins. Says whether something can be in it.
    fn value(&mut self, on_the_way: bool) -> Result<bool, End> {
        let (depth, line) = (self.open.len(), self.walked.lines.len());
        if on_the_way && self.walked.best.as_ref().is_none_or(|best| best.depth <= depth) {
            let around = self.open.iter().map(|open| open.line).collect();
            self.walked.best = Some(Best { depth, lines: (line, line), around });
        }
        let (opening, closing) = match self.tokens.next()? {
            Token::Text(value) | Token::Word(value) => {
                self.line.push_str(value);
                return Ok(false);
            }
            Token::Sign('{') => ('{', '}'),
            Token::Sign('[') => ('[', ']'),
            Token::Sign(_) => return Err(End::NotJson),
        };
        self.line.push(opening);
        if self.tokens.takes(closing) {
            self.line.push(closing);
            return Ok(false);
        }
        self.end_line();
        self.open.push(Open { closing, item: 0, line, on_the_way });
        Ok(true)
    }

    fn close(&mut self, closing: char) {
        self.end_line();
        self.line.push(closing);
        let last = self.walked.lines.len();
        let Some(closed) = self.open.pop() else { return };
        let depth = self.open.len();
        let of_this = |best: &&mut Best| best.depth == depth && best.lines.0 == closed.line;
        if let Some(best) = self.walked.best.as_mut().filter(of_this) {
            best.lines.1 = last;
        }
    }

    fn end_line(&mut self) {
        self.walked.lines.push((self.open.len(), std::mem::take(&mut self.line)));
    }

    /// The text ends here, whatever is open.
    fn cut(&mut self) {
        if !self.line.ends_with(CUT) {
            self.line.push(CUT);
        }
        self.end_line();
        let last = self.walked.lines.len() - 1;
        if let Some(best) = &mut self.walked.best
            && self.open.get(best.depth).is_some_and(|open| open.line == best.lines.0)
        {
            best.lines.1 = last;
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Token<'a> {
    /// A bracket, a colon or a comma.
    Sign(char),
    /// With its quotes.
    Text(&'a str),
    /// A number, true, false or null.
    Word(&'a str),
}

struct Tokens<'a> {
    rest: &'a str,
    is_cut: bool,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Result<Token<'a>, End> {
        self.rest = self.rest.trim_start();
        let end = || if self.is_cut { End::Cut } else { End::NotJson };
        let first = self.rest.chars().next().ok_or_else(end)?;
        match first {
            CUT if self.is_cut && self.rest.len() == CUT.len_utf8() => Err(End::Cut),
            '{' | '}' | '[' | ']' | ':' | ',' => {
                self.take(1);
                Ok(Token::Sign(first))
            }
            '"' => {
                let mut escaped = false;
                let closing = self.rest.char_indices().skip(1).find(|&(_, c)| {
                    let closes = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    closes
                });
                let length = closing.map(|(at, _)| at + 1).or(self.is_cut.then_some(self.rest.len()));
                Ok(Token::Text(self.take(length.ok_or(End::NotJson)?)))
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | '[' | ']' | ':' | ',' | '"');
                Ok(Token::Word(self.take(self.rest.find(ends).unwrap_or(self.rest.len()))))
            }
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Whether this comes next; it is taken then.
    fn takes(&mut self, sign: char) -> bool {
        self.rest = self.rest.trim_start();
        let taken = self.rest.strip_prefix(sign);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn is_over(&self) -> bool {
        self.rest.trim_start().is_empty()
    }
}
