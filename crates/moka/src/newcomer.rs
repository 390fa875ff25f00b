//! Subjects without a place: what is known of them, and where they are counted.

use lockout_core::engine::Settled;
use lockout_core::{Charge, Record, Subject, Timestamp};

use crate::shard::Shard;
use crate::store::MokaStore;

impl MokaStore {
    /// What is known of a subject without a place.
    #[cold]
    pub(crate) fn without_place(
        &self,
        shard: &Shard,
        hash: u64,
        subject: &Subject,
        now: Timestamp,
    ) -> Option<Record> {
        let own = self.overflow.get(subject, now);
        if own.is_some() || !self.overflow.may_have_lost() {
            return own;
        }
        shard.residue.get(hash, now).cloned()
    }

    /// Charges a newcomer: in a place if there is room, otherwise in the overflow.
    #[cold]
    pub(crate) fn charge_newcomer(
        &self,
        shard: &mut Shard,
        hash: u64,
        subject: &Subject,
        now: Timestamp,
        charge: impl FnOnce(&mut Record) -> Charge,
    ) -> Charge {
        let known = self.without_place(shard, hash, subject, now);
        let mut record = known.unwrap_or_default();
        let charge = charge(&mut record);
        if shard.make_room(&self.locked, now) {
            self.overflow.remove(subject);
            if record.lock.is_some() {
                self.locked.insert(subject);
            }
            shard.insert(hash, subject, record);
        } else {
            shard.residue.absorb(hash, &record, now);
            self.overflow.put(subject, record);
        }
        charge
    }

    /// Settles a charge of a subject that has no place. If moka has given its record up, nothing
    /// of its own is left: the charge, and the lock that it may have set, stay where they were
    /// absorbed.
    #[cold]
    pub(crate) fn settle_without_place(
        &self,
        shard: &mut Shard,
        hash: u64,
        subject: &Subject,
        now: Timestamp,
        settle: impl FnOnce(&mut Record) -> Settled,
    ) -> Settled {
        let Some(mut record) = self.overflow.get(subject, now) else { return Settled::Quiet };
        let settled = settle(&mut record);
        if matches!(settled, Settled::Locked(_)) {
            shard.residue.absorb(hash, &record, now);
        }
        self.overflow.put(subject, record);
        settled
    }

    /// A place for a subject that an operator deals with, whatever the flood.
    pub(crate) fn place_for_operator<'a>(
        &self,
        shard: &'a mut Shard,
        hash: u64,
        subject: &Subject,
        now: Timestamp,
    ) -> &'a mut Record {
        if let Some(index) = shard.find(hash, subject) {
            return shard.at_mut(index);
        }
        let known = self.without_place(shard, hash, subject, now);
        shard.make_room(&self.locked, now);
        self.overflow.remove(subject);
        shard.insert(hash, subject, known.unwrap_or_default())
    }
}
