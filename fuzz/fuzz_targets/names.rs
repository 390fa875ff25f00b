//! Any text as a name, in every mode.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lockout_core::{Names, Subject, Username};

fuzz_target!(|typed: &str| {
    for names in [Names::Exact, Names::AsciiLowercase, Names::Precis] {
        let Some(name) = names.username(typed) else {
            assert!(typed.trim().is_empty());
            continue;
        };
        let text = name.as_str();
        assert!((1..=Username::MAX_CHARS).contains(&text.chars().count()));
        assert!(!text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')));
        assert_eq!(text, text.trim());
        assert_eq!(names.username(text).as_ref(), Some(&name), "it folds once and for all");
        assert!(
            typed.len() <= Username::MAX_TYPED_BYTES && !typed.contains('\0') || name.is_invalid()
        );
        let subject = Subject::from(name);
        assert_eq!(subject.to_string().parse(), Ok(subject));
    }
    if let Ok(subject) = typed.parse::<Subject>() {
        assert_eq!(subject.to_string().parse(), Ok(subject));
    }
});
