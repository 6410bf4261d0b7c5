//! Lists that are read page by page.

use serde::Deserialize;
use serde_json::Value;

use crate::reference::refusal::Refusal;

/// The default length of a page (719, 1526).
const LIMIT: usize = 10;

/// In which direction a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Oldest first.
    Asc,
    /// Newest first, the default.
    #[default]
    Desc,
}

/// A stretch of a list. Its id is opaque to clients (A30-Q51); it says where the page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    from: usize,
    limit: usize,
}

impl Page {
    /// The page with that id, or the first one.
    ///
    /// # Errors
    /// When nobody was given such an id.
    pub fn new(id: Option<String>, limit: Option<usize>) -> Result<Self, Refusal> {
        let from = match id {
            None => 0,
            Some(id) => id
                .strip_prefix("from-")
                .and_then(|from| from.parse().ok())
                .ok_or_else(|| Refusal::validation("`page_id`: there is no such page"))?,
        };
        Ok(Self { from, limit: limit.unwrap_or(LIMIT) })
    }

    /// What of the list is on the page.
    pub fn of<'a, T>(&self, list: &'a [T]) -> impl Iterator<Item = &'a T> + use<'a, T> {
        list.iter().skip(self.from).take(self.limit)
    }
}

/// Puts in the ids of the neighbouring pages; they are there only if the pages are (A30-B68).
pub fn put_page_ids(response: &mut Value, page: &Page, total: usize) {
    let next = page.from.saturating_add(page.limit);
    if next < total {
        response["next_page_id"] = format!("from-{next}").into();
    }
    if page.from > 0 {
        response["previous_page_id"] = format!("from-{}", page.from.saturating_sub(page.limit)).into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn walking_the_pages_gives_every_item_once() {
        let list: Vec<u32> = (0..25).collect();
        let (mut seen, mut id, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = Page::new(id, None).unwrap();
            seen.extend(page.of(&list).copied());
            let mut response = json!({});
            put_page_ids(&mut response, &page, list.len());
            assert_eq!(response.get("previous_page_id").is_some(), pages > 0);
            pages += 1;
            match response.get("next_page_id") {
                Some(next) => id = next.as_str().map(str::to_owned),
                None => break,
            }
        }
        assert_eq!((seen, pages), (list, 3));
        assert!(Page::new(Some("3".into()), None).is_err());
    }
}
