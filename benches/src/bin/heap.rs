//! Prints the bytes of heap for each subject, of bare moka and of ours.

use std::hint::black_box;

use lockout_benches::moka::{admit, bare, roomy_store};
use lockout_benches::scenario::{SUBJECTS, attempts, policy, ready, subjects};
use lockout_core::Guard;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

fn main() {
    let policy = policy(1, u32::MAX);
    let attempts = attempts();
    let subjects = subjects(&policy, &attempts);

    let before = HEAP.current_usage();
    let bare = black_box(bare(&subjects));
    let floor = HEAP.current_usage() - before;

    let before = HEAP.current_usage();
    let guard = Guard::new(roomy_store(), policy);
    for attempt in &attempts {
        ready(admit(&guard, attempt).fail()).expect("the store works");
    }
    let ours = HEAP.current_usage() - before;
    black_box((bare, guard));

    let each = usize::try_from(SUBJECTS).unwrap_or(1);
    println!("{} {}", floor / each, ours / each);
}
