//! How typed names become the names that are counted.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use smol_str::SmolStr;

/// A name as it is counted: a username, or the value of a scope of the application's own. At most
/// [`Username::MAX_CHARS`] long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Username(SmolStr);

impl Username {
    /// The most characters of a name that are counted: a longer one is cut between two characters.
    pub const MAX_CHARS: usize = 255;

    /// The most bytes that may be typed for a name, space around it among them; more is
    /// [no name](Self::INVALID).
    pub const MAX_TYPED_BYTES: usize = 4096;

    /// The one name that everything is counted for which cannot be a name, U+FFFD: what holds control
    /// characters, line separators or U+FFFD itself, what nothing is left of once invisible
    /// characters are gone, and what is longer than [4096 bytes](Self::MAX_TYPED_BYTES).
    ///
    /// All of it together has one limit. With a limit each, whoever appends NUL and any text to a
    /// name would have as many as he likes, and some programs read on only up to NUL.
    pub const INVALID: &'static str = "\u{fffd}";

    /// The username that `typed` stands for, by [the default](Names::Precis); `None` if it is empty
    /// or nothing but space: an empty name is no name and is never counted.
    #[must_use]
    pub fn new(typed: &str) -> Option<Self> {
        Names::Precis.username(typed)
    }

    /// The name that is written like this, as it is.
    pub(crate) fn written(text: &str) -> Option<Self> {
        let longest = text.char_indices().nth(Self::MAX_CHARS).is_none();
        (longest && !text.is_empty()).then(|| Self(SmolStr::new(text)))
    }

    /// The name that is written like this, but for what is too long.
    pub(crate) fn kept(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(SmolStr::new(cut(text))))
    }

    /// The name as it is counted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for what cannot be a name.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.0 == Self::INVALID
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How typed names become the names that are counted. Choose what your login does when it looks for
/// the account: of two spellings that reach one account, each would otherwise have a limit of its
/// own; of two accounts with one count, each could lock the other.
///
/// Space around a name never counts, and what cannot be a name is [one name](Username::INVALID).
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Names {
    /// Every character counts: `Alice` and `alice` are two accounts.
    Exact,
    /// `A` to `Z` count as `a` to `z`, every other character as itself.
    AsciiLowercase,
    /// The default, and the strictest: compatibility-composed (NFKC), with full case folding, without
    /// characters that nobody sees. Full-width, zero-width, composed and decomposed spellings of a
    /// name are one name; letters of different scripts that merely look alike are not.
    ///
    /// It is Unicode's identifier folding (`NFKC_Casefold`, Unicode Standard section 3.13), which goes
    /// beyond the profile `UsernameCaseMapped` of PRECIS (RFC 8265): that one keeps `ß` from `ss` and
    /// rejects what is merely ignored here.
    #[default]
    Precis,
    /// The application's own: see [`Names::custom`].
    Custom(CustomNames),
}

impl Names {
    /// Names as `canonical` makes them from what is typed, of which space around has been taken away
    /// and which is never empty, invisible, longer than [4096 bytes](Username::MAX_TYPED_BYTES) or
    /// without a meaning as text. `None` says that it cannot be a name.
    ///
    /// What it makes is cut at [255 characters](Username::MAX_CHARS).
    ///
    /// ```
    /// use lockout_core::Names;
    ///
    /// // A mailbox takes what follows a `+` for a remark.
    /// let names = Names::custom(|typed| {
    ///     let (name, host) = typed.rsplit_once('@')?;
    ///     let name = name.split('+').next()?;
    ///     Some(format!("{name}@{host}").to_ascii_lowercase())
    /// });
    /// let alice = names.username("alice@example.com");
    /// assert_eq!(names.username("Alice+shop@Example.com "), alice);
    /// ```
    #[must_use]
    pub fn custom(canonical: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::Custom(CustomNames(Arc::new(canonical)))
    }

    /// The name that `typed` stands for; `None` if it is empty or nothing but space.
    #[inline]
    pub(crate) fn name_of(&self, typed: &Typed) -> Option<Username> {
        if typed.is_plain && !matches!(self, Self::Custom(_)) {
            return Some(Username(typed.text.clone()));
        }
        self.made_of(&typed.text)
    }

    /// The username that `typed` stands for; `None` if it is empty or nothing but space.
    #[must_use]
    pub fn username(&self, typed: &str) -> Option<Username> {
        self.name_of(&Typed::new(typed))
    }

    #[cold]
    fn made_of(&self, typed: &str) -> Option<Username> {
        let typed = typed.trim();
        if typed.is_empty() {
            return None;
        }
        let name = self.name(typed).unwrap_or(SmolStr::new_static(Username::INVALID));
        Some(Username(name))
    }

    /// The name that `typed` stands for, which is short enough and not empty; `None` if it is none.
    fn name(&self, typed: &str) -> Option<SmolStr> {
        // What nearly every name is, and folds to itself.
        let is_plain = typed.bytes().all(is_plain);
        if !is_plain && !is_name(typed) {
            return None;
        }
        match self {
            Self::Custom(custom) => custom.name(typed),
            _ if is_plain => counted(typed),
            Self::Exact => counted(typed),
            Self::AsciiLowercase => counted(&typed.to_ascii_lowercase()),
            Self::Precis => folded(typed),
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "Exact",
            Self::AsciiLowercase => "AsciiLowercase",
            Self::Precis => "Precis",
            Self::Custom(_) => "Custom(..)",
        })
    }
}

/// Two functions are the same if they are one and the same.
impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Custom(one), Self::Custom(other)) => Arc::ptr_eq(&one.0, &other.0),
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }
}

impl Eq for Names {}

/// A function of the application's own that makes names; [`Names::custom`] makes one.
#[derive(Clone)]
pub struct CustomNames(Arc<Canonical>);

type Canonical = dyn Fn(&str) -> Option<String> + Send + Sync;

impl CustomNames {
    fn name(&self, typed: &str) -> Option<SmolStr> {
        let name = (self.0)(typed)?;
        let name = name.trim();
        if is_name(name) { counted(name) } else { None }
    }
}

impl fmt::Debug for CustomNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomNames(..)")
    }
}

/// What somebody has typed for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    text: SmolStr,
    /// Whether it stands for itself, unless a function of the application says otherwise: found out
    /// once, since an attempt is asked for its name more often.
    is_plain: bool,
}

impl Typed {
    pub(crate) fn new(text: &str) -> Self {
        if text.len() > Username::MAX_TYPED_BYTES {
            return Self { text: SmolStr::new_static(Username::INVALID), is_plain: false };
        }
        let is_plain = (1..=Username::MAX_CHARS).contains(&text.len())
            && !text.starts_with(' ')
            && !text.ends_with(' ')
            && text.bytes().all(is_plain);
        Self { text: SmolStr::new(text), is_plain }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

/// Printable ASCII without capitals.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'@' | b'['..=b'~')
}

/// Whether a text can be a name: it has no character that no name has, and one that is seen.
fn is_name(text: &str) -> bool {
    !text.contains(is_no_part_of_a_name) && is_seen(text)
}

fn is_seen(text: &str) -> bool {
    let invisible = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    text.chars().any(|c| !c.is_whitespace() && !invisible.contains(c))
}

/// Controls, line and paragraph separators, and what stands for bytes that were no text.
fn is_no_part_of_a_name(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffd}')
}

/// The first [`Username::MAX_CHARS`] characters, without a space that the cut left at the end.
fn cut(name: &str) -> &str {
    let end = name.char_indices().nth(Username::MAX_CHARS);
    end.map_or(name, |(end, _)| name[..end].trim_end())
}

/// What of a name is counted; `None` if nothing of it is seen.
fn counted(name: &str) -> Option<SmolStr> {
    let name = cut(name);
    is_seen(name).then(|| SmolStr::new(name))
}

/// `NFKC_Casefold` of the decomposed name; `None` if nothing is left.
fn folded(name: &str) -> Option<SmolStr> {
    let mut name = DecomposingNormalizerBorrowed::new_nfd().normalize(name);
    // Only what this iota becomes has a case, and by then marks behind it would stand before it.
    if name.contains('\u{37a}') {
        name = name.replace('\u{37a}', " \u{3b9}").into();
    }
    // The second round folds what the first one has brought to light.
    let name = fold_once(&fold_once(&name));
    counted(name.trim())
}

fn fold_once(name: &str) -> String {
    let invisible = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let folded = CaseMapper::new().fold_string(name);
    let visible: Cow<'_, str> = if folded.chars().any(|c| invisible.contains(c)) {
        folded.chars().filter(|c| !invisible.contains(*c)).collect::<String>().into()
    } else {
        folded
    };
    ComposingNormalizerBorrowed::new_nfkc().normalize(&visible).into_owned()
}

#[cfg(feature = "serde")]
mod text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

    use super::Names;

    const NAMES: [(&str, Names); 3] = [
        ("exact", Names::Exact),
        ("ascii_lowercase", Names::AsciiLowercase),
        ("precis", Names::Precis),
    ];

    impl Serialize for Names {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let name = NAMES.iter().find(|(_, names)| names == self);
            let (name, _) = name.ok_or_else(|| {
                ser::Error::custom("names: a function of the application cannot be written down")
            })?;
            serializer.serialize_str(name)
        }
    }

    impl<'de> Deserialize<'de> for Names {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            let names = NAMES.into_iter().find(|(name, _)| *name == text);
            names.map(|(_, names)| names).ok_or_else(|| {
                de::Error::unknown_variant(&text, &["exact", "ascii_lowercase", "precis"])
            })
        }
    }
}
