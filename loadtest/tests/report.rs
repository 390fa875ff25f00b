//! What is written about figures is what was measured.

use std::fs;
use std::path::{Path, PathBuf};

use lockout_loadtest::report::figures::Quotations;
use lockout_loadtest::report::measured::measured;
use lockout_loadtest::report::page;
use lockout_loadtest::report::raw::Raw;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder").to_owned()
}

fn raw() -> Raw {
    Raw::read(&root().join("docs/results")).expect("the files are there")
}

#[test]
fn page_and_charts_are_made_of_what_is_kept() {
    let files = page::files(&raw()).unwrap();
    assert!(files.len() > 10, "{}", files.len());
    for (path, text) in files {
        let there = fs::read_to_string(root().join("docs").join(&path)).unwrap();
        assert!(there == text, "{path} is not what scripts/report --page writes");
    }
}

#[test]
fn documents_quote_what_was_measured() {
    let list = fs::read_to_string(root().join("docs/results/figures.toml")).unwrap();
    let quotations = Quotations::read(&list).unwrap();
    let measured = measured(&raw());
    let mut documents = 0;
    for document in quotations.documents() {
        let there = fs::read_to_string(root().join(document)).unwrap();
        let right = quotations.rewritten(document, &there, &measured).unwrap();
        for (line, (there, right)) in there.lines().zip(right.lines()).enumerate() {
            let place = format!("{}:{}", document.display(), line + 1);
            assert_eq!(there, right, "{place} is not what scripts/report --page writes");
        }
        documents += 1;
    }
    assert!(documents >= 3, "{documents}");
}

#[test]
fn what_is_kept_is_of_whole_runs() {
    let raw = raw();
    assert!(raw.logins.as_ref().unwrap().full);
    assert!(raw.attacks.as_ref().unwrap().full);
    assert!(raw.throughput.as_ref().unwrap().full);
    assert!(raw.growth.as_ref().unwrap().full);
    assert!(raw.processes.as_ref().unwrap().full);
    assert!(raw.clusters.as_ref().unwrap().full);
    assert!(raw.expenses.as_ref().unwrap().full);
}
