//! Serves the sample app.

use std::net::Ipv4Addr;

use clap::Args;
use lockout_loadtest::Result;
use lockout_loadtest::app::accounts::Accounts;
use lockout_loadtest::app::{App, Protection, serve};
use lockout_loadtest::contender::{Contender, Hash};
use tokio::net::TcpListener;

/// Serves the sample login app on 127.0.0.1, until it is ended.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// What protects it.
    contender: Contender,
    /// How passwords are checked.
    #[arg(long, value_enum, default_value_t = Hash::Argon2)]
    hash: Hash,
    /// Where the store is, if it needs one.
    #[arg(long)]
    url: Option<String>,
    /// The port; 0 takes any free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
}

impl Serve {
    pub(crate) async fn run(self) -> Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let protection = Protection::of(self.contender, self.url.as_deref()).await?;
        let app = App::new(protection, Accounts::new(self.hash)?);
        println!("listening on {}", listener.local_addr()?);
        serve(app, listener).await
    }
}
