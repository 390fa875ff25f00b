//! Every site is a real process over a real store, and does what the contract says.

use lockout_loadtest::app::accounts::PASSWORD;
use lockout_loadtest::contender::{Contender, Hash};
use lockout_loadtest::driver::{Answer, Client, Login, Protocol};
use lockout_loadtest::peers::Tools;
use lockout_loadtest::site::{Programs, Site};

fn programs() -> Programs {
    Programs { own: env!("CARGO_BIN_EXE_lockout-loadtest").into(), tools: Tools::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_let_in_count_and_lock() {
    for contender in Contender::all().filter(|contender| contender.is_ours()) {
        let site = Site::start(contender, Hash::Fast, &programs()).unwrap();
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let mut client = Client::connect(site.address(), protocol).await.unwrap();
            let username = if protocol == Protocol::Http1 { "user1" } else { "user2" };
            let mut answers = Vec::new();
            for password in [PASSWORD, "a", "b", "c", "d", "e"] {
                let from = [203, 0, 113, 7].into();
                let login = Login { username: username.into(), password, from };
                answers.push(client.log_in(&login).await);
            }
            let [right, wrong, refused] = [Answer::Welcome, Answer::Wrong, Answer::Refused];
            assert_eq!(answers, [right, wrong, wrong, wrong, wrong, refused], "{contender}");
        }
        assert_eq!(site.verified().unwrap(), 10, "{contender}");
        assert!(site.usage().unwrap().memory > 0);
    }
}
