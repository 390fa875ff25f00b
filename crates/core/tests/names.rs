//! Which spellings of a name or an address are counted as one.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use lockout_core::{
    Attempt, Guard, MapStore, Names, Network, Outcome, Policy, Rule, Scope, Subject, Username,
};
use proptest::prelude::*;

const MODES: [Names; 3] = [Names::Exact, Names::AsciiLowercase, Names::Precis];

/// Two spellings are one name in every mode.
const ALWAYS: [bool; 3] = [true, true, true];
/// As soon as A to Z are a to z.
const ASCII: [bool; 3] = [false, true, true];
/// Under `precis` alone.
const PRECIS: [bool; 3] = [false, false, true];
/// In none: whoever mixes them up logs in elsewhere, or not at all.
const NEVER: [bool; 3] = [false, false, false];

fn policy(names: Names) -> Policy {
    let builder = Policy::builder()
        .names(names)
        .namespace("otp".parse().unwrap())
        .rule(Rule::builder(Scope::Username))
        .rule(Rule::builder(Scope::UsernameIp))
        .rule(Rule::builder(Scope::custom("email").unwrap()));
    builder.build().unwrap()
}

/// The subjects of an attempt in which `typed` is the name and the value of a scope.
fn subjects(policy: &Policy, typed: &str) -> Vec<String> {
    let attempt =
        Attempt::new().username(typed).custom("email".parse().unwrap(), typed).ip([192, 0, 2, 1]);
    policy.claims(&attempt).iter().map(|claim| claim.subject().to_string()).collect()
}

/// Why, two spellings, and whether they are one name: exact, ascii_lowercase, precis.
type Pair<'a> = (&'a str, &'a str, &'a str, [bool; 3]);

fn check(pairs: &[Pair<'_>]) {
    for (why, left, right, is_one) in pairs {
        for (names, is_one) in MODES.into_iter().zip(is_one) {
            let policy = policy(names.clone());
            let (left, right) = (subjects(&policy, left), subjects(&policy, right));
            assert_eq!(left.len(), 3, "{why}: {left:?}");
            for (left, right) in left.iter().zip(&right) {
                let is_one_here = left == right;
                assert_eq!(is_one_here, *is_one, "{names:?}, {why}: {left:?} and {right:?}");
            }
        }
    }
}

/// Pairs that differ by one character between `al` and `ice`, or by its being there at all.
fn check_inner(characters: &[(&str, char)], other: &str, is_one: [bool; 3]) {
    for (why, c) in characters {
        check(&[(why, &format!("al{c}ice"), other, is_one)]);
    }
}

#[test]
fn case_is_folded_in_every_script() {
    check(&[
        ("the same", "alice", "alice", ALWAYS),
        ("ASCII", "Alice", "alice", ASCII),
        ("ASCII, all", "ALICE", "aLiCe", ASCII),
        ("Latin 1", "Élodie", "élodie", PRECIS),
        ("ASCII is all that differs", "ÉLODIE", "Élodie", ASCII),
        ("Latin Extended", "ŁUKASZ", "łukasz", PRECIS),
        ("Greek", "ΑΛΙΚΗ", "αλικη", PRECIS),
        ("Cyrillic", "АЛИСА", "алиса", PRECIS),
        ("Cyrillic palochka", "Ӏ", "ӏ", PRECIS),
        ("Armenian", "ԱՆԻ", "անի", PRECIS),
        ("Armenian ligature, full folding", "\u{587}", "եւ", PRECIS),
        ("Cherokee", "\u{13a0}", "\u{ab70}", PRECIS),
        ("Cherokee, the other block", "\u{13f0}", "\u{13f8}", PRECIS),
        ("Georgian Mtavruli", "\u{1c90}", "\u{10d0}", PRECIS),
        ("Georgian Khutsuri", "\u{10a0}", "\u{2d00}", PRECIS),
        ("two Georgian alphabets", "\u{10a0}", "\u{10d0}", NEVER),
        ("Deseret", "\u{10400}", "\u{10428}", PRECIS),
        ("Adlam", "\u{1e900}", "\u{1e922}", PRECIS),
        ("title case of a digraph", "ǅ", "Ǆ", PRECIS),
    ]);
}

#[test]
fn no_language_has_a_case_of_its_own() {
    check(&[
        ("I is i, in Turkey too", "IRMAK", "irmak", ASCII),
        ("dotted capital is not i", "İ", "i", NEVER),
        ("dotted capital is i with a dot", "İ", "i\u{307}", PRECIS),
        ("dotted capital, decomposed", "İ", "I\u{307}", PRECIS),
        ("I with a dot", "I\u{307}", "i\u{307}", ASCII),
        ("dotless is not i", "ı", "i", NEVER),
        ("dotless is not I", "ı", "I", NEVER),
        ("dotless and dotted", "ı", "İ", NEVER),
        ("sharp s in full", "Straße", "STRASSE", PRECIS),
        ("capital sharp s", "GROẞ", "groß", PRECIS),
        ("capital sharp s in full", "GROẞ", "gross", PRECIS),
        ("sharp s is no s", "ß", "s", NEVER),
        ("sharp s is no beta", "ß", "β", NEVER),
        ("umlauts in full are other letters", "müller", "mueller", NEVER),
        ("final sigma", "ΝΙΚΟΣ", "νικος", PRECIS),
        ("final sigma or not", "νικοσ", "νικος", PRECIS),
        ("lunate sigma", "\u{3f2}", "ς", PRECIS),
        ("long s", "ſ", "S", PRECIS),
        ("long s with a dot", "\u{1e9b}", "ṡ", PRECIS),
        ("symbols of Greek letters", "\u{3d0}\u{3d5}\u{3f0}", "βφκ", PRECIS),
        ("iota below is a letter in capitals", "ᾳ", "ΑΙ", PRECIS),
        ("iota below, capital", "ᾼ", "ᾳ", PRECIS),
        ("iota below before an accent", "α\u{345}\u{301}", "α\u{301}\u{345}", PRECIS),
        ("the same, composed", "ᾴ", "\u{1f71}ι", PRECIS),
        ("iota below alone", "a\u{37a}", "a ι", PRECIS),
        ("its accent stays with it", "a\u{37a}\u{300}", "a \u{1f76}", PRECIS),
        ("n after an apostrophe", "\u{149}", "\u{2bc}n", PRECIS),
        ("j with caron", "J\u{30c}", "ǰ", PRECIS),
    ]);
}

#[test]
fn width_and_form_of_a_letter_do_not_count() {
    check(&[
        ("full width", "ａｌｉｃｅ", "alice", PRECIS),
        ("full width, capitals", "ＡＬＩＣＥ", "alice", PRECIS),
        ("full width of both", "Ａ", "ａ", PRECIS),
        ("full-width digits", "１２３", "123", PRECIS),
        ("full-width signs", "alice＠example．org", "alice@example.org", PRECIS),
        ("half-width kana", "ｱﾘｽ", "アリス", PRECIS),
        ("half-width kana with its mark", "ﾊﾞ", "バ", PRECIS),
        ("half-width full stop", "｡", "。", PRECIS),
        ("the two kana", "あ", "ア", NEVER),
        ("small kana", "ァ", "ア", NEVER),
        ("half-width jamo", "\u{ffa1}", "\u{3131}", PRECIS),
        ("half-width jamo make a syllable", "\u{ffa1}\u{ffc2}", "가", PRECIS),
        ("ligature", "ﬁona", "fiona", PRECIS),
        ("ligature, capitals", "ﬁona", "FIONA", PRECIS),
        ("ligature of three", "oﬃce", "office", PRECIS),
        ("ligature with long s", "ﬅ", "st", PRECIS),
        ("ligature of Armenian", "\u{fb13}", "մն", PRECIS),
        ("digraph", "ǆ", "dž", PRECIS),
        ("a letter, not a ligature", "æ", "ae", NEVER),
        ("a letter, not a ligature, case", "Æ", "æ", PRECIS),
        ("superscript", "alice²", "alice2", PRECIS),
        ("ordinal", "1ª", "1a", PRECIS),
        ("modifier letter", "ᴬlice", "alice", PRECIS),
        ("Roman numeral", "henry Ⅷ", "henry viii", PRECIS),
        ("Roman numerals, case", "Ⅷ", "ⅷ", PRECIS),
        ("Roman fifty is an l", "ⅼ", "l", PRECIS),
        ("circled", "ⓐ①", "A1", PRECIS),
        ("squared", "🄰", "a", PRECIS),
        ("squared on black has no plain form", "🅰", "a", NEVER),
        ("bold", "𝐀lice", "alice", PRECIS),
        ("script", "𝒶ℯ", "ae", PRECIS),
        ("double-struck digit", "𝟛", "3", PRECIS),
        ("fraction", "½", "1\u{2044}2", PRECIS),
        ("fraction slash is no slash", "½", "1/2", NEVER),
        ("trade mark", "a™", "atm", PRECIS),
        ("units", "㎏", "KG", PRECIS),
        ("ellipsis", "a…", "a...", PRECIS),
        ("one dot leader", "a․b", "a.b", PRECIS),
        ("Ohm sign", "\u{2126}", "ω", PRECIS),
        ("Kelvin sign", "\u{212a}", "k", PRECIS),
        ("Kelvin sign and K", "\u{212a}", "K", PRECIS),
        ("Ångström sign", "\u{212b}", "å", PRECIS),
        ("Ångström sign, decomposed", "\u{212b}", "A\u{30a}", PRECIS),
        ("micro sign", "\u{b5}", "μ", PRECIS),
        ("litre", "ℓ", "l", PRECIS),
        ("estimated sign is no e", "℮", "e", NEVER),
        ("Kangxi radical", "\u{2f00}", "一", PRECIS),
        ("compatibility ideograph", "\u{f900}", "\u{8c48}", PRECIS),
        ("simplified ideograph", "國", "国", NEVER),
        ("Arabic ligature", "\u{fefb}", "لا", PRECIS),
        ("Arabic presentation forms", "\u{fe91}\u{fe8e}\u{fe8f}", "باب", PRECIS),
        ("Arabic vowels", "مُحمد", "محمد", NEVER),
        ("Arabic stretching", "محـمد", "محمد", NEVER),
        ("Persian yeh", "علی", "علي", NEVER),
        ("Hebrew presentation form", "\u{fb2a}", "ש\u{5c1}", PRECIS),
        ("non-breaking hyphen", "a\u{2011}b", "a\u{2010}b", PRECIS),
    ]);
}

#[test]
fn nobody_sees_what_does_not_count() {
    let invisible = [
        ("soft hyphen", '\u{ad}'),
        ("combining grapheme joiner", '\u{34f}'),
        ("Arabic letter mark", '\u{61c}'),
        ("Hangul initial filler", '\u{115f}'),
        ("Hangul medial filler", '\u{1160}'),
        ("Khmer inherent vowel", '\u{17b4}'),
        ("Mongolian variation selector", '\u{180b}'),
        ("Mongolian vowel separator", '\u{180e}'),
        ("zero width space", '\u{200b}'),
        ("zero width non-joiner", '\u{200c}'),
        ("zero width joiner", '\u{200d}'),
        ("left-to-right mark", '\u{200e}'),
        ("right-to-left mark", '\u{200f}'),
        ("right-to-left embedding", '\u{202b}'),
        ("pop directional formatting", '\u{202c}'),
        ("right-to-left override", '\u{202e}'),
        ("word joiner", '\u{2060}'),
        ("invisible times", '\u{2062}'),
        ("not assigned, to be ignored", '\u{2065}'),
        ("left-to-right isolate", '\u{2066}'),
        ("pop directional isolate", '\u{2069}'),
        ("deprecated format", '\u{206a}'),
        ("Hangul filler", '\u{3164}'),
        ("variation selector 1", '\u{fe00}'),
        ("variation selector 16", '\u{fe0f}'),
        ("byte order mark", '\u{feff}'),
        ("half-width Hangul filler", '\u{ffa0}'),
        ("shorthand format", '\u{1bca0}'),
        ("musical beam", '\u{1d173}'),
        ("language tag", '\u{e0001}'),
        ("tag letter", '\u{e0061}'),
        ("variation selector 17", '\u{e0100}'),
        ("last to be ignored", '\u{e0fff}'),
    ];
    check_inner(&invisible, "alice", PRECIS);
    for (why, c) in invisible {
        check(&[
            (why, &format!("{c}alice"), "alice", PRECIS),
            (why, &format!("alice{c}"), "alice", PRECIS),
            (why, &format!("alice {c} "), "alice", PRECIS),
            (why, &format!("al{c}ice"), "al ice", NEVER),
            // Nothing is left.
            (why, &c.to_string(), "\u{fffd}", ALWAYS),
            (why, &format!("{c} {c}"), "\u{fffd}", ALWAYS),
        ]);
    }
    let seen = [
        ("Braille without dots", '\u{2800}'),
        ("interlinear annotation", '\u{fff9}'),
        ("object replacement", '\u{fffc}'),
        ("no character", '\u{fffe}'),
        ("private use", '\u{e000}'),
        ("Arabic number sign", '\u{600}'),
    ];
    check_inner(&seen, "alice", NEVER);
    check_inner(&seen, "\u{fffd}", NEVER);
    check(&[
        ("two of them", "al\u{200b}ice", "al\u{200c}ice", PRECIS),
        ("an override hides nothing", "\u{202e}ecila", "alice", NEVER),
        ("Persian with and without joiner", "می\u{200c}خواهم", "میخواهم", PRECIS),
    ]);
}

#[test]
fn marks_are_composed_and_ordered_but_not_dropped() {
    check(&[
        ("composed", "jos\u{e9}", "jose\u{301}", PRECIS),
        ("composed, case", "JOS\u{c9}", "jose\u{301}", PRECIS),
        ("two marks", "\u{1ebf}", "e\u{302}\u{301}", PRECIS),
        ("half composed", "\u{ea}\u{301}", "\u{1ebf}", PRECIS),
        ("above and below in other order", "a\u{302}\u{323}", "a\u{323}\u{302}", PRECIS),
        ("with a joiner between", "a\u{302}\u{34f}\u{323}", "a\u{323}\u{302}", PRECIS),
        ("invisible before the mark", "e\u{200b}\u{301}", "é", PRECIS),
        ("both above: their order is seen", "a\u{301}\u{308}", "a\u{308}\u{301}", NEVER),
        ("twice the mark", "a\u{301}\u{301}", "á", NEVER),
        ("Vietnamese", "Nguyễn", "nguye\u{302}\u{303}n", PRECIS),
        ("Vietnamese, dot first", "Việt", "vie\u{323}\u{302}t", PRECIS),
        ("Vietnamese without marks", "Nguyễn", "nguyen", NEVER),
        ("horn", "ơ", "o", NEVER),
        ("stroke", "đ", "d", NEVER),
        ("Hangul jamo", "한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}", PRECIS),
        ("Hangul, last consonant apart", "한", "하\u{11ab}", PRECIS),
        ("Hangul without last consonant", "한", "하", NEVER),
        ("Hangul compatibility letters", "\u{314e}\u{314f}", "하", PRECIS),
        ("nukta, excluded from composition", "\u{958}", "\u{915}\u{93c}", PRECIS),
        ("kana with its mark", "が", "か\u{3099}", PRECIS),
        ("a mark of its own", "a\u{a8}", "a \u{308}", PRECIS),
        ("space before it is space around", "\u{a8}", "\u{308}", PRECIS),
        ("Spanish", "ñ", "n", NEVER),
    ]);
}

#[test]
fn what_cannot_be_a_name_is_nobody_elses() {
    let controls = [
        ("NUL", '\0'),
        ("tab", '\t'),
        ("line feed", '\n'),
        ("carriage return", '\r'),
        ("escape", '\u{1b}'),
        ("unit separator", '\u{1f}'),
        ("delete", '\u{7f}'),
        ("next line", '\u{85}'),
        ("C1 control sequence", '\u{9b}'),
        ("line separator", '\u{2028}'),
        ("paragraph separator", '\u{2029}'),
        ("stands for no text", '\u{fffd}'),
    ];
    for other in ["alice", "al ice", "al"] {
        check_inner(&controls, other, NEVER);
    }
    check_inner(&controls, "\u{fffd}", ALWAYS);
    check_inner(&controls, "bo\0b", ALWAYS);
    check(&[
        ("NUL at the end", "alice\0", "alice", NEVER),
        ("NUL at the end, and more", "alice\0", "alice\0x", ALWAYS),
        ("NUL at the beginning", "\0alice", "\0bob", ALWAYS),
        ("NUL is all", "\0", "bob\0", ALWAYS),
        ("CR LF", "al\r\nice", "al\nice", ALWAYS),
        ("CR LF at the end is space", "alice\r\n", "alice", ALWAYS),
        ("CR LF before what is not seen", "alice\r\n\u{200b}", "alice", NEVER),
        ("separator at the end is no space", "alice\u{1f}", "alice", NEVER),
        ("separator at the end", "alice\u{1f}", "bob\0", ALWAYS),
    ]);
}

#[test]
fn space_counts_between_characters_alone() {
    let spaces: Vec<_> = ('\0'..=char::MAX).filter(|c| c.is_whitespace()).collect();
    assert_eq!(spaces.len(), 25, "White_Space");
    for space in spaces {
        let why = &format!("{space:?}");
        check(&[
            (why, &format!("{space}alice"), "alice", ALWAYS),
            (why, &format!("alice{space}{space}"), "alice", ALWAYS),
            (why, &format!(" {space} alice\t{space} "), "alice", ALWAYS),
            (why, &format!("al{space}ice"), "alice", NEVER),
        ]);
        for names in MODES {
            assert_eq!(names.username(&format!("{space} {space}")), None, "{names:?} {why}");
            assert_eq!(subjects(&policy(names), &space.to_string()), [""; 0], "{why}");
        }
    }
    let like_a_space = [
        ("no-break space", '\u{a0}'),
        ("en quad", '\u{2000}'),
        ("figure space", '\u{2007}'),
        ("thin space", '\u{2009}'),
        ("hair space", '\u{200a}'),
        ("narrow no-break space", '\u{202f}'),
        ("mathematical space", '\u{205f}'),
        ("ideographic space", '\u{3000}'),
    ];
    check_inner(&like_a_space, "al ice", PRECIS);
    check(&[
        ("Ogham's is a stroke", "al\u{1680}ice", "al ice", NEVER),
        ("doubled", "al  ice", "al ice", NEVER),
        ("doubled, of other kinds", "al\u{a0}\u{3000}ice", "al  ice", PRECIS),
        ("not at all", "al ice", "alice", NEVER),
    ]);
}

#[test]
fn what_merely_looks_alike_is_somebody_else() {
    check(&[
        ("Cyrillic a", "\u{430}lice", "alice", NEVER),
        ("Cyrillic e", "alic\u{435}", "alice", NEVER),
        ("Cyrillic capital", "\u{410}lice", "Alice", NEVER),
        ("Greek omicron", "b\u{3bf}b", "bob", NEVER),
        ("Greek capital", "\u{391}lice", "alice", NEVER),
        ("Latin alpha", "\u{251}lice", "alice", NEVER),
        ("script g", "\u{261}", "g", NEVER),
        ("dotless j", "\u{237}", "j", NEVER),
        ("mathematical dotless i", "𝚤", "ı", PRECIS),
        ("palochka and l", "\u{4cf}", "l", NEVER),
        ("l and I", "alice", "aIice", NEVER),
        ("l and 1", "alice", "a1ice", NEVER),
        ("I and 1", "I", "1", NEVER),
        ("O and 0", "b0b", "bOb", NEVER),
        ("rn and m", "arnold", "amold", NEVER),
        ("acute", "álice", "alice", NEVER),
        ("breve", "ălice", "alice", NEVER),
        ("breve and caron", "ă", "ǎ", NEVER),
        ("cedilla and comma", "ş", "ș", NEVER),
        ("stroke through o", "ø", "o", NEVER),
        ("Arabic digit", "٣", "3", NEVER),
        ("Persian and Arabic digit", "۳", "٣", NEVER),
        ("Devanagari digit", "३", "3", NEVER),
        ("ideograph and vowel sign", "一", "ー", NEVER),
        ("en dash", "a–b", "a-b", NEVER),
        ("hyphen", "a\u{2010}b", "a-b", NEVER),
        ("curly apostrophe", "o’neil", "o'neil", NEVER),
        ("ideographic full stop", "a。b", "a.b", NEVER),
    ]);
}

#[test]
fn emoji_are_one_by_shape_and_two_by_colour() {
    check(&[
        ("another", "👍", "👎", NEVER),
        ("skin tone", "👍", "👍\u{1f3fd}", NEVER),
        ("two skin tones", "👍\u{1f3fb}", "👍\u{1f3ff}", NEVER),
        ("in colour or not", "❤\u{fe0f}", "❤", PRECIS),
        ("as text or as a picture", "☺\u{fe0e}", "☺\u{fe0f}", PRECIS),
        ("key", "1\u{fe0f}\u{20e3}", "1\u{20e3}", PRECIS),
        ("family, joined or not", "👨\u{200d}👩\u{200d}👧", "👨👩👧", PRECIS),
        ("a flag is no text", "🇩🇪", "de", NEVER),
        ("flag by tags", "🏴\u{e0067}\u{e0062}\u{e007f}", "🏴", PRECIS),
    ]);
}

#[test]
fn an_address_of_mail_is_a_name_like_any_other() {
    check(&[
        ("host in capitals", "alice@EXAMPLE.org", "alice@example.org", ASCII),
        ("mailbox in capitals", "Alice@example.org", "alice@example.org", ASCII),
        ("remark", "alice+shop@example.org", "alice@example.org", NEVER),
        ("dots", "a.lice@example.org", "alice@example.org", NEVER),
        ("host with a dot at its end", "alice@example.org.", "alice@example.org", NEVER),
        ("full-width at", "alice＠example.org", "alice@example.org", PRECIS),
        ("host in Punycode", "a@münchen.de", "a@xn--mnchen-3ya.de", NEVER),
        ("with a name", "Alice <alice@example.org>", "alice@example.org", NEVER),
        ("domain before the name", r"EXAMPLE\alice", r"example\Alice", ASCII),
        ("with or without domain", r"example\alice", "alice", NEVER),
        ("escape of a browser", "alice%40example.org", "alice@example.org", NEVER),
    ]);
}

fn name(names: &Names, typed: &str) -> String {
    names.username(typed).map_or_else(String::new, |name| name.as_str().to_owned())
}

fn is_line_or_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Of what is folded nothing is left to fold, compose or hide.
fn check_folded(text: &str) {
    // Of some composed letters only the decomposed form is folded (section 3.13, D139).
    let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(text);
    assert_eq!(CaseMapper::new().fold_string(&decomposed), decomposed, "{text:?}");
    assert!(ComposingNormalizerBorrowed::new_nfkc().is_normalized(text), "{text:?}");
    let invisible = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    assert!(!text.chars().any(|c| c.is_control() || invisible.contains(c)), "{text:?}");
}

/// What every name is, whatever was typed.
fn check_name(names: &Names, typed: &str) {
    let counted = names.username(typed);
    assert_eq!(counted.is_none(), typed.len() <= 4096 && typed.trim().is_empty(), "{typed:?}");
    let Some(counted) = counted else { return };
    let text = counted.as_str();
    assert_eq!(names.username(text).as_ref(), Some(&counted), "{names:?}: {typed:?}, {text:?}");
    assert!((1..=Username::MAX_CHARS).contains(&text.chars().count()), "{typed:?}");
    assert_eq!(text, text.trim(), "{typed:?}");
    assert!(!text.contains(is_line_or_control), "{typed:?}");
    assert_eq!(counted.is_invalid(), text.contains('\u{fffd}'), "{typed:?}");
    match names {
        Names::Exact => assert!(counted.is_invalid() || typed.contains(text)),
        Names::AsciiLowercase => assert_eq!(text, text.to_ascii_lowercase(), "{typed:?}"),
        Names::Precis => check_folded(text),
        names => panic!("{names:?} is not known here"),
    }
}

#[test]
fn every_character_folds_once_and_for_all() {
    let part = 0x11_0000 / 8;
    std::thread::scope(|scope| {
        for first in (0..=u32::from(char::MAX)).step_by(part) {
            scope.spawn(move || check_characters((first..).take(part).filter_map(char::from_u32)));
        }
    });
}

/// Each alone, and between two letters.
fn check_characters(characters: impl Iterator<Item = char>) {
    let mut unchanged = String::new();
    for c in characters {
        for typed in [c.to_string(), format!("a{c}b")] {
            for names in MODES {
                match names.username(&typed) {
                    // Folded again it stays as it is.
                    Some(name) if name.as_str() == typed => {
                        if names == Names::Precis {
                            // Nothing is composed across a space.
                            unchanged.extend([&typed, " "]);
                        }
                    }
                    _ => check_name(&names, &typed),
                }
            }
        }
        if unchanged.len() > 4096 {
            check_folded(&std::mem::take(&mut unchanged));
        }
    }
    check_folded(&unchanged);
}

/// Characters by which folding, composition and trimming get into each other's way.
fn awkward() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "a", "I", "İ", "ß", "ς", " ", "\u{a0}", "\u{a8}", "\u{301}", "\u{302}", "\u{323}",
            "\u{345}", "\u{37a}", "\u{34f}", "\u{200b}", "\u{200d}", "\u{fe0f}", "\u{1160}",
            "\u{1100}", "\u{1161}", "\u{11a8}", "\u{3164}", "\u{ffa0}", "\u{ffa1}", "\u{ffc2}", "ﬃ", "ﷺ", "ᾴ",
            "\u{1e9b}", "\u{3099}", "\u{f71}", "\u{f73}", "\u{958}", "\u{1e900}", "\u{ab70}", "½",
            "…",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_folds_once_and_for_all(text in ".*|\\PC{0,300}", awkward in awkward()) {
        for names in MODES {
            check_name(&names, &text);
            check_name(&names, &awkward);
            check_name(&names, &awkward.repeat(20));
            check_name(&names, &format!("{}{awkward}", "\u{200b}".repeat(250)));
        }
    }

    #[test]
    fn what_is_not_seen_changes_nothing(
        text in awkward(),
        at in any::<prop::sample::Index>(),
        c in prop::sample::select(vec!['\u{200b}', '\u{34f}', '\u{ad}', '\u{feff}', '\u{e0100}']),
    ) {
        let mut places: Vec<_> = text.char_indices().map(|(place, _)| place).collect();
        places.push(text.len());
        let mut other = text.clone();
        other.insert(places[at.index(places.len())], c);
        // Space at an end is none any more if something follows it, and then may be a control. And
        // an iota below is passed by no mark, if something stands between.
        let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(&text);
        let is_moved = |c| is_line_or_control(c) || matches!(c, '\u{345}' | '\u{37a}');
        if !text.trim().is_empty() && !decomposed.contains(is_moved) {
            prop_assert_eq!(Names::Precis.username(&other), Names::Precis.username(&text));
        }
    }

    #[test]
    fn an_attempt_counts_what_a_person_means_by_the_subject(text in "\\PC*|(?s).*") {
        for names in MODES {
            let policy = policy(names);
            let attempt = Attempt::new().username(&text);
            let claims = policy.claims(&attempt);
            let counted = claims.first().map(|claim| claim.subject().clone());
            prop_assert_eq!(policy.subject(&format!("username: {text}")).ok(), counted);
        }
    }
}

#[test]
fn what_cannot_be_a_name_is_one_name() {
    let too_long = "a".repeat(Username::MAX_TYPED_BYTES + 1);
    let too_long_in_capitals = too_long.to_uppercase();
    let wide = "é".repeat(Username::MAX_TYPED_BYTES / 2 + 1);
    let padded = format!("alice{}", " ".repeat(Username::MAX_TYPED_BYTES));
    for typed in [
        "\0",
        "alice\0",
        "\0alice",
        "al\0ice",
        "Alice\0' OR 1=1",
        "\u{fffd}",
        "\u{200b}",
        "\u{200b}\u{feff}",
        "\u{3164}",
        " \u{200b} \u{a0}\u{2060}",
        &too_long,
        &too_long_in_capitals,
        &wide,
        &padded,
    ] {
        for names in MODES.into_iter().chain([Names::custom(|typed| Some(typed.to_owned()))]) {
            let shown: String = typed.chars().take(20).collect();
            assert_eq!(name(&names, typed), Username::INVALID, "{names:?}: {shown:?}");
            let invalid = ["otp/username:", "otp/username_ip:192.0.2.1|", "otp/email:"];
            let invalid = invalid.map(|text| format!("{text}{}", Username::INVALID));
            assert_eq!(subjects(&policy(names), typed), invalid, "{shown:?}");
        }
    }
}

#[test]
fn a_long_name_is_cut_after_it_is_folded() {
    let max = Username::MAX_CHARS;
    for c in ["a", "é", "あ", "😀"] {
        for names in MODES {
            let whole = c.repeat(max);
            assert_eq!(name(&names, &whole), whole);
            assert_eq!(name(&names, &format!("{whole}{c}")), whole);
            assert_eq!(name(&names, &format!("{whole}!")), whole, "{names:?}");
            let shorter = c.repeat(max - 1);
            assert_eq!(name(&names, &shorter), shorter);
            assert_eq!(name(&names, &format!("{shorter} {c}")), shorter, "{names:?}");
        }
    }
    // Of what is seen in this one, nothing is counted where the rest is not dropped.
    let hidden = format!("{}alice", "\u{200b}".repeat(max));
    for names in [Names::Exact, Names::AsciiLowercase, Names::custom(|typed| Some(typed.into()))] {
        assert_eq!(name(&names, &hidden), Username::INVALID, "{names:?}");
    }
    let precis = |typed: &str| name(&Names::Precis, typed);
    assert_eq!(precis(&hidden), "alice");
    assert_eq!(precis(&"e\u{301}".repeat(max)), "é".repeat(max));
    assert_eq!(precis(&"ﬃ".repeat(100)), "ffi".repeat(85));
    // What fits is all folded, whatever becomes of it.
    assert_eq!(precis(&"ﷺ".repeat(1365)).chars().count(), max);
    assert_eq!(precis(&"A".repeat(Username::MAX_TYPED_BYTES)), "a".repeat(max));
}

#[test]
fn a_function_of_the_application_gets_clean_text_and_no_more_than_fits() {
    let calls = Arc::new(AtomicUsize::new(0));
    let custom = Names::custom({
        let calls = calls.clone();
        move |typed| {
            calls.fetch_add(1, Ordering::Relaxed);
            assert!((1..=Username::MAX_TYPED_BYTES).contains(&typed.len()));
            assert_eq!(typed, typed.trim());
            assert!(!typed.contains(char::is_control), "{typed:?}");
            Some(format!("<{typed}>"))
        }
    });
    for (typed, expected) in
        [("alice", "<alice>"), (" Alice\u{3000}\r\n", "<Alice>"), ("É\u{200b}", "<É\u{200b}>")]
    {
        assert_eq!(name(&custom, typed), expected);
    }
    assert_eq!(custom.username(" \t\u{a0}"), None);
    for no_name in ["\u{200b}", "\u{feff} \u{2060}", "al\0ice", "al\nice"] {
        assert_eq!(name(&custom, no_name), Username::INVALID);
    }
    let longest = "é".repeat(Username::MAX_TYPED_BYTES / 2);
    assert_eq!(name(&custom, &longest).chars().count(), Username::MAX_CHARS);
    assert_eq!(calls.load(Ordering::Relaxed), 4);
    // Ten megabytes of anything are no name, and are not looked at.
    for piece in ["a", "A", " ", "é", "ﷺ", "\0", "\u{200b}", "\u{301}", "😀"] {
        let flood = piece.repeat(10_000_000 / piece.len());
        for names in MODES.into_iter().chain([custom.clone()]) {
            assert_eq!(name(&names, &flood), Username::INVALID, "{names:?}: {piece:?}");
            assert_eq!(subjects(&policy(names), &flood).len(), 3);
        }
    }
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[test]
fn what_a_function_of_the_application_makes_is_a_name_or_none() {
    let made = |name: Option<&str>| {
        let name = name.map(str::to_owned);
        Names::custom(move |_| name.clone()).username("alice").unwrap().as_str().to_owned()
    };
    assert_eq!(made(Some("Bob ")), "Bob");
    assert_eq!(made(Some(&"é".repeat(10_000))), "é".repeat(Username::MAX_CHARS));
    for name in [
        None,
        Some(""),
        Some(" \u{3000}"),
        Some("a\0"),
        Some("a\nb"),
        Some("\u{200b}"),
        Some("a\u{2028}b"),
    ] {
        assert_eq!(made(name), Username::INVALID, "{name:?}");
    }
}

#[test]
fn a_subject_in_text_means_what_an_attempt_counts() {
    let policy = policy(Names::Precis);
    assert_eq!(
        subjects(&policy, " ＡLICE "),
        ["otp/username:alice", "otp/username_ip:192.0.2.1|alice", "otp/email:alice"]
    );
    for (text, subject) in [
        ("username: ALICE", "otp/username:alice"),
        ("reset/username:ALICE", "reset/username:alice"),
        ("email:Ali\u{ad}ce", "otp/email:alice"),
        ("username_ip:192.0.2.1|ALICE", "otp/username_ip:192.0.2.1|alice"),
        ("username:a\0b", "otp/username:\u{fffd}"),
    ] {
        assert_eq!(policy.subject(text).unwrap().to_string(), subject, "{text:?}");
    }
    let exact = self::policy(Names::Exact).subject("username: ALICE").unwrap();
    assert_eq!(exact.to_string(), "otp/username:ALICE");
}

#[tokio::test]
async fn two_accounts_have_counts_of_their_own_and_two_spellings_have_one() {
    for (names, is_one) in MODES.into_iter().zip(ASCII) {
        let rule = Rule::builder(Scope::Username).failure_limit(1);
        let policy = Policy::builder().names(names).rule(rule).build().unwrap();
        let guard = Guard::new(MapStore::new(), policy);
        let fails = async |typed: &str| {
            let attempt = Attempt::new().username(typed);
            guard.record(&attempt, Outcome::Failure).await.unwrap().is_some()
        };
        assert!(!fails("Alice").await && !fails("alice").await);
        assert_eq!(fails("Alice").await, is_one, "{:?}", guard.policy().names());
        assert_eq!(fails("ALICE").await, is_one);
        assert!(!fails("bob").await);
    }
}

#[test]
fn names_are_configured_by_name() {
    for (text, names) in [
        ("", Names::Precis),
        ("names = 'exact'", Names::Exact),
        ("names = 'ascii_lowercase'", Names::AsciiLowercase),
        ("names = 'precis'", Names::Precis),
    ] {
        let policy: Policy = toml::from_str(text).unwrap();
        assert_eq!(*policy.names(), names);
        let written = toml::Table::try_from(&policy).unwrap();
        assert_eq!(written.try_into(), Ok(policy));
    }
    for text in ["names = 'Exact'", "names = 'nfkc'", "names = 1"] {
        let error = toml::from_str::<Policy>(text).unwrap_err();
        assert!(error.message().starts_with("names: "), "{error}");
    }
    let custom = Policy::builder().names(Names::custom(|_| None)).rule(Rule::builder(Scope::Ip));
    let error = toml::Table::try_from(custom.build().unwrap()).unwrap_err();
    assert!(error.to_string().contains("a function of the application"), "{error}");
}

/// The subjects of the default rules for an address and for its wider network.
fn subjects_of_address(text: &str) -> Vec<String> {
    let address = Network::address_in(text).unwrap();
    let rules = Policy::builder()
        .rule(Rule::builder(Scope::Ip))
        .rule(Rule::builder(Scope::Network))
        .rule(Rule::builder(Scope::UsernameIp));
    let claims = rules.build().unwrap().claims(&Attempt::new().username("a").ip(address));
    claims.iter().map(|claim| claim.subject().to_string()).collect()
}

#[test]
fn every_spelling_of_an_address_is_one_subject() {
    for text in [
        "203.0.113.7",
        "\t203.0.113.7 ",
        "203.0.113.7:443",
        "::ffff:203.0.113.7",
        "::FFFF:CB00:7107",
        "[::ffff:203.0.113.7]:443",
        "::ffff:203.0.113.7%eth0",
        "64:ff9b::203.0.113.7",
        "[64:ff9b::cb00:7107]",
        "2002:cb00:7107::",
        "[2002:cb00:7107:ffff:ffff:ffff:ffff:ffff]:1",
    ] {
        let subjects = subjects_of_address(text);
        let expected = ["ip:203.0.113.7", "network:203.0.113.0/24", "username_ip:203.0.113.7|a"];
        assert_eq!(subjects, expected, "{text}");
        // An address that nobody has read from text is the same one.
        if let Ok(address) = text.parse::<IpAddr>() {
            let claims = Policy::default().claims(&Attempt::new().ip(address));
            assert_eq!(claims[0].subject().to_string(), "ip:203.0.113.7", "{text}");
        }
    }
    for text in [
        "2001:db8:1:2::3",
        "2001:DB8:1:2:0:0:0:3",
        "2001:0db8:0001:0002::0.0.0.3",
        "[2001:db8:1:2::3]",
        "[2001:db8:1:2::3]:65535",
        "2001:db8:1:2::3%en0",
        "[2001:db8:1:2::3%25en0]:80",
    ] {
        let expected =
            ["ip:2001:db8:1:2::/64", "network:2001:db8:1::/48", "username_ip:2001:db8:1:2::/64|a"];
        assert_eq!(subjects_of_address(text), expected, "{text}");
    }
}

#[test]
fn addresses_count_together_from_edge_to_edge_of_their_network() {
    // The rule, two addresses, and whether they are one subject.
    const IP: usize = 0;
    const NETWORK: usize = 1;
    for (rule, left, right, is_one) in [
        (IP, "2001:db8:1:2::", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
        (IP, "2001:db8:1:2::", "2001:db8:1:1:ffff:ffff:ffff:ffff", false),
        (IP, "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:3::", false),
        (IP, "203.0.113.7", "203.0.113.8", false),
        (IP, "203.0.113.7", "203.0.113.6", false),
        (NETWORK, "2001:db8:1::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff", true),
        (NETWORK, "2001:db8:1::", "2001:db8:0:ffff:ffff:ffff:ffff:ffff", false),
        (NETWORK, "2001:db8:1:ffff:ffff:ffff:ffff:ffff", "2001:db8:2::", false),
        (NETWORK, "203.0.113.0", "203.0.113.255", true),
        (NETWORK, "203.0.113.0", "203.0.112.255", false),
        (NETWORK, "203.0.113.255", "203.0.114.0", false),
        // Where the IPv4 address is what counts, none of its /48 or /64 does.
        (NETWORK, "::ffff:203.0.113.7", "::ffff:198.51.100.9", false),
        (IP, "64:ff9b::203.0.113.7", "64:ff9b::203.0.113.8", false),
        (IP, "2002:cb00:7107::1", "2002:cb00:7107:1::1", true),
        (IP, "2002:cb00:7107::", "2002:cb00:7108::", false),
    ] {
        let (one, other) = (subjects_of_address(left), subjects_of_address(right));
        assert_eq!(one[rule] == other[rule], is_one, "{left} and {right}: {one:?}, {other:?}");
    }
}

#[test]
fn a_subject_keeps_its_name_in_text() {
    for typed in ["alice", "a|b", "a:b/c#d", "é\u{200d}😀", "a\0", "Ünï çödé", "\"'\\%_"] {
        for names in MODES {
            for text in subjects(&policy(names), typed) {
                assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
            }
        }
    }
}
