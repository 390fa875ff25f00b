//! What a request says of itself, for the log alone.

/// The texts of a request that the log keeps. They decide nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) user_agent: Option<Box<str>>,
    pub(crate) accept: Option<Box<str>>,
    pub(crate) path: Option<Box<str>>,
}

/// The first `most` characters of `text`, those replaced that could forge a line or that a
/// database refuses; `None` if there are none. Looks at no more of the text than it keeps.
pub(super) fn kept(text: &str, most: usize) -> Option<Box<str>> {
    let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
    let text = &text[..end];
    if text.is_empty() {
        None
    } else if text.contains(is_unsafe) {
        Some(text.replace(is_unsafe, "\u{fffd}").into_boxed_str())
    } else {
        Some(text.into())
    }
}

/// Controls, line and paragraph separators, and what turns the direction of writing.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(kept(&"é".repeat(9), 3).as_deref(), Some("ééé"));
        assert_eq!(kept("abc", 3).as_deref(), Some("abc"));
        assert_eq!(kept("", 3), None);
    }

    #[test]
    fn no_text_forges_a_line() {
        let text = "a\0b\r\n\u{85}\u{2028}\u{202e}\u{1b}[2J\u{7f}é\u{ffff}😀'\"%_";
        let kept = kept(text, 100).unwrap();
        assert_eq!(&*kept, "a�b������[2J�é\u{ffff}😀'\"%_");
    }
}
