//! A fixed rate.

use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::Result;

/// Ticks at fixed times. The kernel's timer keeps to microseconds; the runtime's has milliseconds,
/// which is more than most logins take.
#[derive(Debug)]
pub(super) struct Pace {
    timer: AsyncFd<OwnedFd>,
    interval: Duration,
    next: Instant,
    /// Ticks that are over and have not been given out.
    due: u64,
}

impl Pace {
    /// So many ticks in a second, the first one an interval from now.
    pub(super) fn new(per_second: u32) -> Result<Self> {
        let interval = Duration::from_secs(1) / per_second.max(1);
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let time = Timespec {
            tv_sec: i64::try_from(interval.as_secs())?,
            tv_nsec: interval.subsec_nanos().into(),
        };
        let next = Instant::now() + interval;
        let both = Itimerspec { it_interval: time, it_value: time };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &both)?;
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe; it is for types that let go of their descriptor"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self { timer, interval, next, due: 0 })
    }

    /// Waits for the next tick and says when it was to be: on time even when this is called late.
    pub(super) async fn tick(&mut self) -> Result<Instant> {
        while self.due == 0 {
            let mut ready = self.timer.readable().await?;
            let mut ticks = [0; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut ticks)?)) {
                Ok(read) => {
                    read?;
                    self.due = u64::from_ne_bytes(ticks);
                }
                Err(_not_yet) => {}
            }
        }
        self.due -= 1;
        let at = self.next;
        self.next += self.interval;
        Ok(at)
    }
}
