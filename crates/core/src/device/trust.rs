//! What makes a browser a trusted device.

use std::fmt;

use async_trait::async_trait;

use super::{DeviceCookie, DeviceId};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::names::Username;

/// Knows the browsers that users have logged in with, by their cookies: `SignedDevices`, which keeps
/// nothing, or `StoredDevices` (feature `device-cookies`).
///
/// A cookie is one user's: whoever has it is trusted for that name and for no other. What no such
/// cookie is, whatever its form, is the same as none.
#[async_trait]
pub trait TrustedDevices: fmt::Debug + Send + Sync + 'static {
    /// The device that `cookie`, as the browser sent it, is of, if it is one of `username`.
    ///
    /// # Errors
    /// If it is looked for in a store and that fails. The attempt is then one of any stranger.
    async fn recognise(
        &self,
        cookie: &str,
        username: &Username,
        now: Timestamp,
    ) -> Result<Option<DeviceId>>;

    /// The cookie by which the browser that sent `cookie` is one of `username` from now on. It stays
    /// one of the other users that it was one of.
    ///
    /// # Errors
    /// If it is kept in a store and that fails.
    async fn trust(
        &self,
        cookie: Option<&str>,
        username: &Username,
        now: Timestamp,
    ) -> Result<DeviceCookie>;

    /// Makes `device` one of `username` no more, where that is possible: its failures have locked it.
    ///
    /// # Errors
    /// If the store fails.
    async fn distrust(&self, device: DeviceId, username: &Username) -> Result<()>;

    /// Every device of `username` that is kept somewhere.
    ///
    /// # Errors
    /// If the store fails.
    async fn devices_of(&self, username: &Username, now: Timestamp) -> Result<Vec<DeviceId>>;
}
