//! What the documents show besides Rust, which the doc tests compile.

use lockout_core::Policy;

const README: &str = include_str!("../../README.md");

fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let fence = format!("```{language}\n");
    let mut rest = README;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&fence)?;
        let (block, after) = after.split_once("```")?;
        rest = after;
        Some(block)
    })
}

#[test]
fn the_policies_of_the_readme_are_policies() {
    let policies: Vec<Policy> = blocks("toml").map(|toml| toml::from_str(toml).unwrap()).collect();
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0].rules().len(), 6);
}

#[test]
fn the_commands_of_the_readme_name_what_there_is() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let words = blocks("sh").flat_map(str::split_whitespace);
    let paths: Vec<_> =
        words.filter(|word| word.starts_with("scripts/") || word.starts_with("crates/")).collect();
    assert!(paths.len() >= 4, "{paths:?}");
    for path in paths {
        assert!(root.join(path).exists(), "{path}");
    }
}
