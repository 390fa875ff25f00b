//! What was measured, each figure under the name by which documents quote it.
//!
//! | name | figure |
//! | --- | --- |
//! | `PROGRAM: WHAT \| FLOOR: ratio` (or `ours`, `floor`) | of `scripts/bench PROGRAM`, the median of its runs |
//! | `added: APP, SCENARIO` | µs that a lockout adds to the median login |
//! | `logins: APP, SCENARIO` | logins a second with 64 connections |
//! | `burst: APP, PROTOCOL, HASH` | passwords verified of 500 guesses |
//! | `throughput: LIBRARY` | failed logins a second without HTTP |
//! | `growth: STORE, SUBJECTS: ratio` (or `us`, `bytes`) | of a failed login in a store of that size |
//! | `map: SUBJECTS` | of three visits to a bare map |
//! | `expense: STORE, LOGIN: server` (or `caller`, `rate`, `bytes`) | of a login |
//! | `cluster: MASTERS, LOGIN: server` (or `bytes`) | of a login |
//! | `capacity: LOGIN: masters` (or `gigabits`, `callers`, `postgres`) | for a million logins a second |
//! | `capacity: worst: gigabytes` (or `gigabytes a master`) | of memory then, if nobody comes twice |
//! | `capacity: 10000000 subjects: gigabytes` | of memory for as many |

use super::figures::Measured;
use super::page::{added_us, burst_verified};
use super::raw::{BenchRow, Raw};
use crate::contender::{Contender, Hash};
use crate::driver::{Protocol, Turn};
use crate::growth::capacity::{Assumed, Cost, needed};
use crate::growth::figures::{Login, NodeFigure};
use crate::logins::Load;
use crate::number::float;
use crate::number::median;

/// For how many logins a second capacity is reckoned.
const LOGINS: f64 = 1e6;
/// To what part cores are used then.
const USED: f64 = 0.5;
/// Subjects of a login: a name, an address and their pair.
const SUBJECTS: f64 = 3.0;
/// Seconds that a key lives with cooloffs of 300 s.
const KEPT: f64 = 388.0;

/// All figures of these.
#[must_use]
pub fn measured(raw: &Raw) -> Measured {
    let mut all = Measured::new();
    benches(raw, &mut all);
    logins(raw, &mut all);
    attacks(raw, &mut all);
    growth(raw, &mut all);
    expenses(raw, &mut all);
    capacity(&mut all);
    all
}

fn benches(raw: &Raw, all: &mut Measured) {
    for (program, runs) in &raw.benches {
        for row in runs.iter().flatten() {
            let of = |figure: fn(&BenchRow) -> f64| {
                let same = runs
                    .iter()
                    .flatten()
                    .filter(|other| other.what == row.what && other.floor == row.floor);
                median(same.map(figure))
            };
            let name = format!("{program}: {} | {}", row.what, row.floor);
            all.insert(format!("{name}: ratio"), of(|row| row.ratio));
            all.insert(format!("{name}: ours"), of(|row| row.ours_figure));
            all.insert(format!("{name}: floor"), of(|row| row.floor_figure));
        }
    }
}

fn logins(raw: &Raw, all: &mut Measured) {
    for rate in raw.throughput.iter().flat_map(|run| &run.figures) {
        all.insert(format!("throughput: {}", rate.name), rate.per_second);
    }
    let Some(run) = &raw.logins else { return };
    for figure in &run.figures.figures {
        let name = format!("{}, {}", figure.contender, figure.scenario.name());
        match figure.load {
            Load::Closed { .. } if figure.hash == Hash::Fast => {
                all.insert(format!("logins: {name}"), figure.median(Turn::per_second));
            }
            Load::Beside => {
                let added = added_us(&run.figures, figure.contender, figure.scenario);
                all.extend(added.map(|us| (format!("added: {name}"), us)));
            }
            _ => {}
        }
    }
}

fn attacks(raw: &Raw, all: &mut Measured) {
    let Some(run) = &raw.attacks else { return };
    for who in Contender::all() {
        for (protocol, spoken) in [(Protocol::Http1, "HTTP/1.1"), (Protocol::Http2, "HTTP/2")] {
            for hash in [Hash::Fast, Hash::Argon2] {
                let verified = burst_verified(&run.figures.figures, who, protocol, hash);
                let name = format!("burst: {who}, {spoken}, {}", hash.name());
                all.extend(verified.map(|verified| (name, float(verified))));
            }
        }
    }
}

fn growth(raw: &Raw, all: &mut Measured) {
    let Some(run) = &raw.growth else { return };
    for figure in &run.figures.stores {
        let name = format!("growth: {}, {}", figure.store, figure.subjects);
        all.insert(format!("{name}: ratio"), figure.ratio);
        all.insert(format!("{name}: us"), figure.latency.p50_ns / 1e3);
        all.extend(figure.bytes_per_subject.map(|bytes| (format!("{name}: bytes"), bytes)));
    }
    for map in &run.figures.maps {
        all.insert(format!("map: {}", map.subjects), map.ratio);
    }
}

fn expenses(raw: &Raw, all: &mut Measured) {
    for figure in raw.expenses.iter().flat_map(|run| &run.figures) {
        let name = format!("expense: {}, {}", figure.store, figure.login.name());
        all.insert(format!("{name}: caller"), figure.client_cpu_us);
        all.insert(format!("{name}: rate"), figure.per_second);
        all.extend(figure.server_cpu_us.map(|us| (format!("{name}: server"), us)));
        let bytes = figure.input_bytes.zip(figure.output_bytes).map(|(to, from)| to + from);
        all.extend(bytes.map(|bytes| (format!("{name}: bytes"), bytes)));
    }
    for figure in raw.clusters.iter().flat_map(|run| &run.figures) {
        let name = format!("cluster: {}, {}", figure.masters, figure.login.name());
        let server = figure.nodes.iter().map(|node| node.cpu_us_per_login).sum();
        let both = |node: &NodeFigure| node.input_bytes_per_login + node.output_bytes_per_login;
        let bytes = figure.nodes.iter().map(both).sum();
        all.insert(format!("{name}: server"), server);
        all.insert(format!("{name}: bytes"), bytes);
    }
}

/// What a million logins a second need, of what was measured of one.
fn capacity(all: &mut Measured) {
    for login in [Login::Fails, Login::Succeeds, Login::IsRefused] {
        let login = login.name();
        let get = |name: String| all.get(&name).copied();
        let (Some(server_us), Some(network_bytes), Some(client_us), Some(postgres_us)) = (
            get(format!("cluster: 3, {login}: server")),
            get(format!("cluster: 3, {login}: bytes")),
            get(format!("expense: redis, {login}: caller")),
            get(format!("expense: postgres, {login}: server")),
        ) else {
            continue;
        };
        let assumed = Assumed {
            logins: LOGINS,
            used: USED,
            new_subjects: 0.0,
            kept: 0.0,
            bytes_per_subject: 0.0,
            password_ms: 0.0,
        };
        let cost = Cost { server_us, client_us, network_bytes, passwords: 0.0 };
        let redis = needed(cost, assumed);
        let postgres = needed(Cost { server_us: postgres_us, ..cost }, assumed);
        all.insert(format!("capacity: {login}: masters"), redis.server_cores);
        all.insert(format!("capacity: {login}: gigabits"), redis.gigabits);
        all.insert(format!("capacity: {login}: callers"), redis.client_cores);
        all.insert(format!("capacity: {login}: postgres"), postgres.server_cores);
    }
    memory(all);
}

/// What subjects take in Redis: if each login brings three that nobody has counted, and if there are
/// ten million.
fn memory(all: &mut Measured) {
    let bytes = all.get("growth: redis, 1000000: bytes").copied();
    let masters = all.get("capacity: fails: masters").copied();
    let (Some(bytes), Some(masters)) = (bytes, masters) else { return };
    let worst = LOGINS * SUBJECTS * KEPT * bytes / 1e9;
    all.insert("capacity: worst: gigabytes".to_owned(), worst);
    all.insert("capacity: worst: gigabytes a master".to_owned(), worst / masters);
    all.insert("capacity: 10000000 subjects: gigabytes".to_owned(), 1e7 * bytes / 1e9);
}
