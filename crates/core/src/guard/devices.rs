//! What a guard does with the browsers that users have logged in with.

use super::Guard;
use crate::attempt::Attempt;
use crate::clock::Timestamp;
use crate::decision::{Outcome, Refusal};
use crate::device::{DeviceCookie, DeviceId, LockedDevice};
use crate::error::Result;
use crate::event::Event;
use crate::names::Username;
use crate::scope::Scope;
use crate::store::{Reserved, Settlement};
use crate::subject::Subject;

/// Who asks to be let in, with the cookie that his browser sent.
pub(crate) struct Asker {
    username: Username,
    cookie: Option<Box<str>>,
}

impl Guard {
    /// The cookie by which a browser that sent `cookie` is a trusted device of `username` from now on,
    /// for a way to prove oneself other than this login: a link for a new password that was sent by
    /// mail, say. `None` if the guard has no trusted devices, or if that is no name.
    ///
    /// Only to be called once the user has proved who he is.
    ///
    /// # Errors
    /// If devices are kept in a store and that fails.
    pub async fn trust_device(
        &self,
        username: &str,
        cookie: Option<&str>,
    ) -> Result<Option<DeviceCookie>> {
        let Some(username) = self.0.policy.names().username(username) else { return Ok(None) };
        self.trust(&username, cookie, self.now()).await
    }

    /// The device of `cookie`, if it is one of `username`. An attempt whose device nobody can look up
    /// is one of a stranger.
    #[cold]
    pub(super) async fn recognise(
        &self,
        cookie: &str,
        username: Option<&Username>,
        now: Timestamp,
    ) -> Option<DeviceId> {
        let devices = self.0.devices.as_ref()?;
        let username = username.filter(|username| !username.is_invalid())?;
        self.seen(devices.recognise(cookie, username, now).await).ok()?
    }

    /// Whether an attempt of a trusted device that was answered like this is one of any stranger.
    pub(super) fn distrusts(&self, reserved: &Result<Reserved>) -> bool {
        matches!(reserved, Ok(Reserved::Refused(refusal)) if self.distrusts_when(refusal))
    }

    pub(super) fn distrusts_when(&self, refusal: &Refusal) -> bool {
        matches!(refusal, Refusal::Locked { .. })
            && self.0.policy.locked_device() != LockedDevice::Refused
    }

    /// Whom to trust if the attempt succeeds.
    pub(super) fn asker(
        &self,
        attempt: &Attempt,
        username: Option<Username>,
    ) -> Option<Box<Asker>> {
        self.0.devices.as_ref()?;
        let username = username.filter(|username| !username.is_invalid())?;
        Some(Box::new(Asker { username, cookie: attempt.cookie().map(Into::into) }))
    }

    /// Gives whoever succeeded a cookie, and takes the trust from the device that failed too often. The
    /// outcome itself is settled: what fails here is told and changes nothing of it.
    #[cold]
    pub(crate) async fn settle_devices(
        &self,
        asker: Asker,
        outcome: Outcome,
        settlement: &mut Settlement,
        now: Timestamp,
    ) {
        let Asker { username, cookie } = asker;
        match outcome {
            Outcome::Success => {
                if self.0.policy.success_spans_devices() {
                    // Told by the call that failed.
                    let _ = self.forget_failures(&username, now).await;
                }
                let cookie = self.trust(&username, cookie.as_deref(), now).await;
                settlement.device_cookie = cookie.unwrap_or_default();
            }
            Outcome::Failure => {
                for subject in settlement.locked.iter().map(|lockout| &lockout.subject) {
                    let _ = self.distrust(subject, &username, now).await;
                }
            }
            Outcome::Cancelled => {}
        }
    }

    async fn trust(
        &self,
        username: &Username,
        cookie: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<DeviceCookie>> {
        let Some(devices) = self.0.devices.as_ref().filter(|_| !username.is_invalid()) else {
            return Ok(None);
        };
        let cookie = self.seen(devices.trust(cookie, username, now).await)?;
        self.tell(|| Event::DeviceTrusted(username.clone()));
        Ok(Some(cookie))
    }

    async fn distrust(&self, locked: &Subject, username: &Username, now: Timestamp) -> Result<()> {
        let (Some(device), Some(devices)) = (locked.as_device(), &self.0.devices) else {
            return Ok(());
        };
        self.seen(devices.distrust(device, username).await)?;
        let rule = self.0.policy.rule(Scope::Username);
        if let Some(rule) =
            rule.filter(|_| self.0.policy.locked_device() == LockedDevice::LocksName)
        {
            let until = rule.lockout_cooloff().at(0).after(now);
            let period = until.map(|until| until.saturating_since(now));
            self.lock(&self.named(username), period).await?;
        }
        Ok(())
    }

    /// Forgets the failures of a name and of its devices, but no lock.
    async fn forget_failures(&self, username: &Username, now: Timestamp) -> Result<()> {
        let Some(devices) = &self.0.devices else { return Ok(()) };
        let devices = self.seen(devices.devices_of(username, now).await)?;
        let namespace = self.0.policy.namespace();
        let of_devices = devices.into_iter().map(|device| Subject::device(device, false));
        let mut subjects: Vec<_> = of_devices.map(|subject| subject.within(namespace)).collect();
        subjects.push(self.named(username));
        let lockouts = self.status(&subjects).await?;
        for (subject, lockout) in subjects.iter().zip(lockouts) {
            if lockout.is_none() {
                self.unlock(subject).await?;
            }
        }
        Ok(())
    }

    fn named(&self, username: &Username) -> Subject {
        Subject::from(username.clone()).within(self.0.policy.namespace())
    }
}
