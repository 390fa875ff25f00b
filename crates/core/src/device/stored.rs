//! Device cookies that are random and kept in a store.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::{CookieForm, DeviceCookie, DeviceId, TrustedDevices};
use crate::clock::Timestamp;
use crate::error::{Effect, Result, StoreError, StoreErrorKind};
use crate::lists::{ListEntry, ListName, ListStore};
use crate::names::Username;
use crate::store::Page;

/// Trusted devices by random tokens that a store keeps, as drf_bf_protect does (feature
/// `device-cookies`).
///
/// Every login writes to the store, and every attempt with a cookie reads from it, which
/// [`SignedDevices`](super::SignedDevices) spares. In return each device can be listed, and one that
/// fails too often is forgotten for good. The store has only hashes of tokens and names.
///
/// A browser that comes back keeps its token, whose life begins anew.
#[derive(Clone)]
pub struct StoredDevices {
    store: Arc<dyn ListStore>,
    form: CookieForm,
}

impl StoredDevices {
    /// How many devices a user may have; of more, the one whose cookie ends first is forgotten.
    pub const MAX_DEVICES: usize = 100;

    /// How many users one browser may be a device of; of more, those who logged in last.
    pub const MAX_USERS: usize = 8;

    const TOKEN_CHARS: usize = 32;

    /// Devices whose tokens `store` keeps.
    #[must_use]
    pub fn new(store: impl ListStore) -> Self {
        Self { store: Arc::new(store), form: CookieForm::default() }
    }

    /// Gives the cookies this form.
    #[must_use]
    pub fn form(mut self, form: CookieForm) -> Self {
        self.form = form;
        self
    }

    /// The token of `cookie` that is one of `username`.
    async fn token_of<'a>(
        &self,
        cookie: &'a str,
        username: &Username,
        now: Timestamp,
    ) -> Result<Option<&'a str>> {
        let list = list_of(username)?;
        for token in tokens(cookie).take(Self::MAX_USERS) {
            let key = device_of(token, username).to_string();
            if self.store.get(&list, &key, now).await?.is_some() {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    /// Makes room for one device more.
    async fn make_room(&self, list: &ListName, now: Timestamp) -> Result<()> {
        let devices = self.entries(list, now).await?;
        let surplus = (devices.len() + 1).saturating_sub(Self::MAX_DEVICES);
        let mut devices = devices;
        devices.sort_by_key(ListEntry::until);
        for device in devices.iter().take(surplus) {
            self.store.remove(list, device.key()).await?;
        }
        Ok(())
    }

    async fn entries(&self, list: &ListName, now: Timestamp) -> Result<Vec<ListEntry>> {
        let most = ListEntry::MOST_ON_A_PAGE;
        let Page { items, .. } = self.store.entries(list, None, most, now).await?;
        Ok(items)
    }
}

#[async_trait]
impl TrustedDevices for StoredDevices {
    async fn recognise(
        &self,
        cookie: &str,
        username: &Username,
        now: Timestamp,
    ) -> Result<Option<DeviceId>> {
        let token = self.token_of(cookie, username, now).await?;
        Ok(token.map(|token| device_of(token, username)))
    }

    async fn trust(
        &self,
        cookie: Option<&str>,
        username: &Username,
        now: Timestamp,
    ) -> Result<DeviceCookie> {
        let cookie = cookie.unwrap_or_default();
        let list = list_of(username)?;
        let token = match self.token_of(cookie, username, now).await? {
            Some(known) => known.to_owned(),
            None => {
                self.make_room(&list, now).await?;
                DeviceId::new(rand::random()).to_string()
            }
        };
        let until = now.saturating_add(self.form.lives());
        let key = device_of(&token, username).to_string();
        let entry = ListEntry::new(key, "", Some(until)).map_err(misuse)?;
        self.store.put(&list, &entry).await?;
        let others = tokens(cookie).filter(|other| *other != token);
        let value = std::iter::once(token.as_str()).chain(others).take(Self::MAX_USERS);
        self.form.with(value.collect::<Vec<_>>().join(".")).map_err(misuse)
    }

    async fn distrust(&self, device: DeviceId, username: &Username) -> Result<()> {
        self.store.remove(&list_of(username)?, &device.to_string()).await.map(drop)
    }

    async fn devices_of(&self, username: &Username, now: Timestamp) -> Result<Vec<DeviceId>> {
        let entries = self.entries(&list_of(username)?, now).await?;
        Ok(entries.iter().filter_map(|entry| entry.key().parse().ok()).collect())
    }
}

impl fmt::Debug for StoredDevices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredDevices")
            .field("store", &self.store)
            .field("form", &self.form)
            .finish()
    }
}

/// The list of a user's devices.
fn list_of(username: &Username) -> Result<ListName> {
    let user = hash(b"lockout device user 1\0", &[username.as_str()]);
    format!("devices/{user}").parse().map_err(misuse)
}

/// The device that a token makes a browser for one user.
fn device_of(token: &str, username: &Username) -> DeviceId {
    hash(b"lockout device token 1\0", &[token, username.as_str()])
}

/// What follows a text of one length is the rest, so no two lists of texts are hashed alike.
fn hash(purpose: &[u8], texts: &[&str]) -> DeviceId {
    let mut hash = Sha256::new_with_prefix(purpose);
    for text in texts {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let (first, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
    DeviceId::new(*first)
}

/// What of a cookie has the form of a token.
fn tokens(cookie: &str) -> impl Iterator<Item = &str> {
    let end = cookie.len().min(DeviceCookie::MAX_BYTES);
    let texts = cookie.get(..end).unwrap_or_default().split('.');
    texts.filter(|text| {
        text.len() == StoredDevices::TOKEN_CHARS && text.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

fn misuse(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    let message = "the store's lists cannot hold devices";
    StoreError::new(StoreErrorKind::Config, Effect::None, "devices", message).with_source(error)
}
