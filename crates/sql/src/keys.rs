//! Subjects and other texts as the text that their rows have.

use std::borrow::Cow;

use lockout_core::Subject;

/// What stands before the characters that are written otherwise: PostgreSQL's text has no NUL.
const ESCAPE: char = '\u{1}';

/// The text of `subject`: its own, [`escaped`].
pub(crate) fn text_of(subject: &Subject) -> String {
    let text = subject.to_string();
    match escaped(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    }
}

/// The subject of a text that [`text_of`] made.
pub(crate) fn subject_of(text: &str) -> Option<Subject> {
    unescaped(text)?.parse().ok()
}

/// The text in which U+0000 is U+0001 `0` and U+0001 is U+0001 `1`: at most twice as long.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => escaped.extend([ESCAPE, '0']),
            ESCAPE => escaped.extend([ESCAPE, '1']),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// The text of which [`escaped`] made this one.
pub(crate) fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(ESCAPE) {
        return Some(Cow::Borrowed(text));
    }
    let mut characters = text.chars();
    let mut unescaped = String::with_capacity(text.len());
    while let Some(character) = characters.next() {
        unescaped.push(match character {
            ESCAPE => match characters.next()? {
                '0' => '\0',
                '1' => ESCAPE,
                _ => return None,
            },
            other => other,
        });
    }
    Some(Cow::Owned(unescaped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_of_one_subject_and_has_no_nul() {
        for name in ["alice", "a\0b", "a\u{1}b", "a\u{1}0b", "\0\0", "\u{1}\u{1}1", "ä\0"] {
            let subject = Subject::username(name).unwrap();
            let text = text_of(&subject);
            assert!(!text.contains('\0'), "{text:?}");
            assert_eq!(subject_of(&text), Some(subject), "{text:?}");
        }
        assert_eq!(text_of(&Subject::username("alice").unwrap()), "username:alice");
    }

    #[test]
    fn what_is_no_subject_is_found_out() {
        for text in ["", "alice", "username:a\u{1}", "username:a\u{1}2"] {
            assert_eq!(subject_of(text), None, "{text:?}");
        }
    }
}
