//! What the peers were asked, and who was not there.

use super::Section;
use crate::report::raw::Raw;

pub(super) fn section(raw: &Raw) -> Section {
    let mut section = Section::default();
    section.add("## What each was asked to do");
    section.add(
        "The same for all, as far as they can: three failures of a name are tolerated and the fourth locks it \
         for five minutes; thirty of an address; the client's address is what the proxy at 127.0.0.1 says; no \
         session is written.",
    );
    section.add(ASKED);
    let logins = raw.logins.iter().flat_map(|run| &run.figures.not_run);
    let attacks = raw.attacks.iter().flat_map(|run| &run.figures.not_run);
    let mut missing: Vec<_> =
        logins.chain(attacks).map(|it| format!("- `{}`: {}", it.contender, it.why)).collect();
    missing.sort_unstable();
    missing.dedup();
    if !missing.is_empty() {
        section.add("Not run, or not all of it:");
        section.add(missing.join("\n"));
    }
    section
}

const ASKED: &str = "\
| app | how it was asked | what it cannot do |
| --- | --- | --- |
| `plain`, `django`, `node` | the password alone | anything against guessing |
| `moka` | the default policy, room for a million records | share counts with another process |
| `redis`, `postgres`, `mariadb`, `sqlite` | the default policy; locks durable on PostgreSQL, all durable on MariaDB and SQLite | |
| `redis-cached` | `redis` behind a `LockCache` | |
| `governor` | quotas of 4 for a name, 31 for an address, 4 for the pair, refilled over five minutes; in process | it counts successes too and cannot give them back, so that whoever logs in often is refused; it never locks, but lets a guess through every 75 s |
| `limitador` | 0.14 in process: limits of 4, 31 and 4 in five minutes, a place reserved before the password and counted if that was wrong | forget failures when a login succeeds, make lockouts longer, unlock one name |
| `limitador-redis` | 0.6 on Redis, the last release whose storage there can be built without RocksDB: check and count before the password | the same, and it counts successes |
| `django-defender` | its decorator with limits of 3 and 30, on Redis; its record of attempts in SQLite, as it is unless it is switched off; gunicorn with 2 processes of 32 threads | an exact limit: it checks before the password and counts after it; a success clears the address too |
| `django-defender-unlogged` | the same without the record of attempts | the same |
| `django-axes` | a limit of 4 for names (it locks at the limit, not over it), in PostgreSQL | an exact limit; another limit for addresses |
| `rate-limiter-flexible` | its documentation's recipe for logins, on Redis, in 2 processes of Node, with the name alone as the first key | an exact limit; a window that is renewed by each failure |";
