//! A Cluster: the subjects of one attempt are on several nodes, so each is charged and settled by
//! itself.

use futures_util::future::join_all;
use lockout_core::engine::{self, Settled, Standing};
use lockout_core::{
    Charge, Effect, Outcome, Record, Reservation, Reserved, Result, Rule, Settlement, StoreError,
    Subject, Timestamp,
};
use redis::Cmd;

use crate::call::{self, evalsha, reserving, settling};
use crate::error::STORE;
use crate::packed;
use crate::scripts::Script;
use crate::store::{Parts, RedisStore, time};

type Claim<'a> = (&'a Subject, &'a Rule);

/// What a node had of one subject when it was asked to charge it.
struct Seen {
    before: Vec<u8>,
    record: Record,
    standing: Standing,
}

/// What one subject's node was told to write.
struct Charged<'a> {
    claim: Claim<'a>,
    charge: Charge,
    before: Vec<u8>,
    left: Vec<u8>,
}

impl RedisStore {
    /// An attempt that is refused anyway must not take a place from anybody, not even for a moment:
    /// so it is looked at first, and charged only then.
    pub(crate) async fn reserve_apart(
        &self,
        reservation: &Reservation<'_>,
        now: Timestamp,
    ) -> Result<Reserved> {
        let standings = self.look(reservation.claims(), now).await?;
        match engine::refusal(reservation, &standings, now) {
            Some(refusal) => Ok(Reserved::Refused(refusal)),
            None => self.charge_in_turn(reservation, now).await,
        }
    }

    /// Charges one subject after the other, in the order of the policy's rules, up to the first that
    /// refuses after all; those before it then take their charge back.
    ///
    /// All at once would be sooner, but of attempts for the same subjects each could take a last
    /// place that another one needs, so that none is admitted. In turn, whoever has a place of the
    /// first subject finds one of the others.
    pub(crate) async fn charge_in_turn(
        &self,
        reservation: &Reservation<'_>,
        now: Timestamp,
    ) -> Result<Reserved> {
        let mut charged = Vec::with_capacity(reservation.claims().len());
        let mut standings = Vec::with_capacity(reservation.claims().len());
        let mut failed = None;
        for claim in reservation.claims() {
            match self.charge_alone(reservation, claim, now).await {
                Ok(Seen { before, mut record, standing }) => {
                    standings.push(standing);
                    if !is_charged(reservation, standing) {
                        break;
                    }
                    let charge = engine::charge(reservation, claim.1, &mut record, now);
                    let left = packed::pack(&record);
                    charged.push(Charged { claim, charge, before, left });
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let refused = match (failed, engine::refusal(reservation, &standings, now)) {
            (Some(error), _) => Err(error),
            (None, Some(refusal)) => Ok(refusal),
            (None, None) => {
                let charges = charged.into_iter().map(|charged| charged.charge).collect();
                return Ok(Reserved::Charged(charges));
            }
        };
        let undone = charged.iter().map(|charged| self.undo(reservation, charged, now));
        // A charge that cannot be taken back stays, which errs towards refusing.
        let lost = join_all(undone).await.into_iter().find_map(Result::err);
        match (refused, lost) {
            (Ok(refusal), _) => {
                // Those behind the first that refused may refuse as well.
                let rest = reservation.claims().skip(standings.len());
                standings.extend(self.look(rest, now).await?);
                let all = engine::refusal(reservation, &standings, now);
                Ok(Reserved::Refused(all.unwrap_or(refusal)))
            }
            (Err(error), None) => Err(error),
            (Err(error), Some(lost)) => {
                let message = "a node failed, and what others had charged could not be taken back";
                let error = StoreError::new(error.kind(), Effect::Unknown, STORE, message);
                Err(error.with_source(lost))
            }
        }
    }

    /// How these subjects stand.
    async fn look<'a>(
        &self,
        claims: impl Iterator<Item = Claim<'a>>,
        now: Timestamp,
    ) -> Result<Vec<Standing>> {
        let Parts { line, keys, .. } = &*self.0;
        let keys: Vec<_> = claims.map(|(subject, _)| keys.record(subject)).collect();
        let standing = |value| Ok(engine::standing(&call::record(call::bytes(value)?)?, now));
        line.read(&keys).await?.iter().map(standing).collect()
    }

    async fn charge_alone(
        &self,
        reservation: &Reservation<'_>,
        claim: Claim<'_>,
        now: Timestamp,
    ) -> Result<Seen> {
        let Parts { line, keys, scripts, .. } = &*self.0;
        let mut command = evalsha(&scripts.reserve, keys, &[keys.record(claim.0)]);
        command.arg(reserving(reservation, std::iter::once(claim), now));
        let answer = line.run(&scripts.reserve, &command).await?;
        let before = call::all_bytes(&answer, 1)?.concat();
        let record = call::record(&before)?;
        let standing = engine::standing(&record, now);
        Ok(Seen { before, record, standing })
    }

    async fn undo(
        &self,
        reservation: &Reservation<'_>,
        charged: &Charged<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let Charged { claim: (subject, rule), charge, before, left } = charged;
        let script = &self.0.scripts.undo;
        let mut command = self.settling_once(script, subject, now);
        command.arg(settling(reservation, rule, charge, Outcome::Cancelled)).arg(left).arg(before);
        self.0.line.run(script, &command).await.map(drop)
    }

    /// Settles each charge on its node.
    pub(crate) async fn settle_apart(
        &self,
        reservation: &Reservation<'_>,
        writes: &[(Claim<'_>, &Charge)],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Settlement> {
        let script = &self.0.scripts.settle_once;
        let settle = async |((subject, rule), charge): &(Claim<'_>, &Charge)| -> Result<Settled> {
            let mut command = self.settling_once(script, subject, now);
            command.arg(settling(reservation, rule, charge, outcome));
            let answer = self.0.run_to_settle(script, &command, outcome).await?;
            let mut record = call::record(&call::all_bytes(&answer, 1)?.concat())?;
            Ok(engine::settle(reservation, rule, &mut record, charge, outcome, now))
        };
        let mut settlement = Settlement::default();
        let mut failed = None;
        for (((subject, _), _), answer) in
            writes.iter().zip(join_all(writes.iter().map(settle)).await)
        {
            match answer {
                Ok(settled) => settlement.add(subject, settled),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(settlement), Err)
    }

    fn settling_once(&self, script: &Script, subject: &Subject, now: Timestamp) -> Cmd {
        let keys = &self.0.keys;
        let mut command = Cmd::new();
        command.arg("EVALSHA").arg(script.hash()).arg(3);
        keys.add(&[keys.record(subject)], &mut command);
        command.arg(keys.settling(subject, fastrand::u64(..)));
        command.arg(time(now)).arg(keys.unlocks());
        command
    }
}

/// Whether a subject that stands like this is charged when it is asked about alone: under `all` it
/// does not refuse the attempt without the others.
fn is_charged(reservation: &Reservation<'_>, standing: Standing) -> bool {
    reservation.locks_to_refuse() > 1 || standing == Standing::Free
}
