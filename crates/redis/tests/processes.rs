//! Guards in several processes share one limit.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::process::{Command, Stdio};

use lockout_core::{Attempt, Decision, Guard, Policy};
use lockout_redis::RedisStore;
use lockout_testkit::servers::TestRedis;

const URL: &str = "LOCKOUT_TEST_GUESSER_URL";
const PREFIX: &str = "LOCKOUT_TEST_GUESSER_PREFIX";
const GUESSES: u8 = 167;

/// What each of the processes does: guesses as fast as it can, from one address each.
async fn guess(url: &str, prefix: &str) -> usize {
    let store = RedisStore::builder().prefix(prefix).open(url).unwrap();
    let guard = Guard::new(store, Policy::default());
    let guess = |host| {
        let guard = guard.clone();
        async move {
            let attempt = Attempt::new().username("victim").ip([198, 51, 100, host]);
            match guard.begin(&attempt).await.unwrap() {
                Decision::Refused(_) => 0,
                Decision::Admitted(permit) => permit.fail().await.map(|_| 1).unwrap(),
            }
        }
    };
    futures_util::future::join_all((0..GUESSES).map(guess)).await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_guesses_through_three_processes_admit_limit_plus_one() {
    if let (Ok(url), Ok(prefix)) = (std::env::var(URL), std::env::var(PREFIX)) {
        println!("admitted={}", guess(&url, &prefix).await);
        return;
    }
    let TestRedis { url, prefix } = TestRedis::shared().unwrap();
    let guesser = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--nocapture").arg("--exact");
        command.arg("five_hundred_guesses_through_three_processes_admit_limit_plus_one");
        command.env(URL, &url).env(PREFIX, &prefix).stdout(Stdio::piped()).spawn().unwrap()
    };
    let guessers: Vec<_> = (0..3).map(|_| guesser()).collect();
    let mut admitted = 0;
    for guesser in guessers {
        let output = String::from_utf8(guesser.wait_with_output().unwrap().stdout).unwrap();
        let (_, count) = output.split_once("admitted=").unwrap();
        admitted += count.split_whitespace().next().unwrap().parse::<u32>().unwrap();
    }
    let limit = Policy::default().rules()[0].failure_limit();
    assert_eq!(admitted, limit + 1);
}
