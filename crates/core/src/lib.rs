#![doc = include_str!("../README.md")]

mod access;
mod attempt;
mod client_ip;
mod clock;
#[cfg(feature = "serde")]
mod config;
mod cooloff;
mod decision;
mod device;
pub mod engine;
mod error;
mod event;
mod guard;
mod lists;
mod log;
mod memory;
mod names;
mod network;
mod permit;
mod policy;
mod record;
mod record_store;
mod rule;
mod scope;
mod server_clock;
#[cfg(feature = "simulate")]
pub mod simulate;
mod store;
mod subject;

pub use access::{
    Access, AccessList, AccessLists, Listed, Target, TargetError, UnknownAccess, Verdict,
};
pub use attempt::Attempt;
pub use client_ip::{ClientHeader, ClientIpError, TrustedProxies};
pub use clock::{Clock, FakeClock, Sleep, SystemClock, Timestamp};
pub use cooloff::{Cooloff, CooloffList, EscalateBy};
pub use decision::{Decision, Lockout, Outcome, Refusal};
pub use device::{
    CookieForm, CookieFormError, DeviceCookie, DeviceId, LockedDevice, TrustedDevices,
};
#[cfg(feature = "device-cookies")]
pub use device::{DeviceKey, DeviceKeyError, SignedDevices, StoredDevices};
pub use error::{Effect, Result, StoreError, StoreErrorKind};
#[cfg(feature = "broadcast")]
pub use event::Broadcast;
pub use event::{Event, Observer, Observers};
pub use guard::{Guard, GuardBuilder};
pub use lists::{ListEntry, ListError, ListName, ListStore, MemoryLists};
pub use log::{
    ATTEMPT_EXPIRATION, AttemptEntry, AttemptLog, AttemptQuery, LoggedOutcome, MemoryLog,
    UnknownOutcome, prune_all,
};
pub use memory::MapStore;
pub use names::{CustomNames, Names, Username};
pub use network::Network;
pub use permit::Permit;
pub use policy::{Combine, Policy, PolicyBuilder, Preset};
pub use record::{Lock, LockedBy, Record};
pub use record_store::{Change, Engined, RecordStore, Step};
pub use rule::{AfterLockout, OnSuccess, PolicyError, Rule, RuleBuilder};
pub use scope::{CustomScope, Namespace, Scope};
pub use server_clock::{ServerClock, ServerTime};
pub use store::{
    Charge, Claim, Cursor, LockedQuery, LockoutStore, Page, Place, Reservation, Reserved,
    Settlement, Spread, UnlockNotice,
};
pub use subject::{Subject, SubjectError};
