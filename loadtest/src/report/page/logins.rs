//! Logins without an attack.

use super::markdown::{figure, table};
use super::{Chart, Drawing, Section};
use crate::contender::{Contender, Hash};
use crate::driver::{Answer, Turn};
use crate::logins::{Load, LoginFigure, Measured, Scenario};
use crate::report::chart::{Bars, Scale};
use crate::report::raw::{Raw, Run};
use crate::throughput::Rate;

/// Connections of the closed loop with the cheap hash.
const CONNECTIONS: usize = 64;

pub(super) fn section(raw: &Raw) -> Section {
    let mut section = Section::default();
    if let Some(Run { figures, .. }) = &raw.logins {
        added(figures, &mut section);
        taken(figures, &mut section);
        waiting(figures, &mut section);
        hashed(figures, &mut section);
    }
    if let Some(Run { figures, .. }) = &raw.throughput {
        libraries(figures, &mut section);
    }
    section
}

fn closed(measured: &Measured, who: Contender, scenario: Scenario) -> Option<&LoginFigure> {
    let load = Load::Closed { connections: CONNECTIONS };
    measured.figure(who, Hash::Fast, load, scenario)
}

/// What a contender adds to the median login, in microseconds.
pub(in crate::report) fn added_us(
    measured: &Measured,
    who: Contender,
    scenario: Scenario,
) -> Option<f64> {
    measured.figure(who, Hash::Fast, Load::Beside, scenario)?.added(|turn| turn.p50_us)
}

fn added(measured: &Measured, section: &mut Section) {
    section.add("## What a lockout adds to a login");
    section.add(
        "The median login (p50), less that of the same app without a lockout, in µs. One connection to \
         each, a login to one and to the other in turn; driver, apps and servers keep to one processor, so \
         that what is seen is work and not how long a virtual machine takes to wake an idle processor. The \
         password check is one salted hash. `plain`, `django` and `node` are beside themselves: what they \
         show is the noise.",
    );
    let all =
        || Contender::all().map(|who| (who, Scenario::ALL.map(|s| added_us(measured, who, s))));
    let rows = || all().filter(|(_, figures)| figures.iter().any(Option::is_some));
    let head = ["app", "all succeed", "5 % mistyped", "all fail"];
    section.add(table(
        &head,
        rows().map(|(who, figures)| {
            std::iter::once(who.to_string()).chain(figures.map(figure)).collect()
        }),
    ));
    let protected = rows().filter(|(who, _)| *who != who.without_lockout());
    // What is less than nothing is noise, and has no place on this axis.
    let positive = |figures: [Option<f64>; 3]| {
        figures.iter().map(|figure| figure.filter(|figure| *figure > 0.1)).collect()
    };
    section.show(Chart {
        name: "added",
        shows: "What each lockout adds to the median login",
        drawing: Drawing::Bars(Bars {
            axis: "added to the median login (µs)",
            scale: Scale::Logarithmic,
            series: head[1..].iter().map(|&name| name.to_owned()).collect(),
            rows: protected.map(|(who, figures)| (who.to_string(), positive(figures))).collect(),
        }),
    });
}

fn taken(measured: &Measured, section: &mut Section) {
    section.add("## How many logins");
    section.add(format!(
        "{CONNECTIONS} connections that are never idle: logins a second; and the processor time that each \
         takes in the app's processes and in the store's server when all fail. Driver, app and server share \
         the processors, so the driver is a good part of what the fastest are held up by: for those the \
         processor time says more. The same password hash."
    ));
    let rows = Contender::all().filter_map(|who| {
        let rates =
            Scenario::ALL.map(|s| closed(measured, who, s).map(|f| f.median(Turn::per_second)));
        let failing = closed(measured, who, Scenario::AllFailures)?;
        let app = failing.median(Turn::app_cpu_us_per_login);
        let store = failing.median(Turn::store_cpu_us_per_login);
        Some((who, rates, [app, store]))
    });
    let rows: Vec<_> = rows.collect();
    let head = ["app", "all succeed", "5 % mistyped", "all fail", "app, µs", "server, µs"];
    section.add(table(
        &head,
        rows.iter().map(|(who, rates, cpu)| {
            let cpu = cpu.map(|us| figure(Some(us)));
            std::iter::once(who.to_string()).chain(rates.map(figure)).chain(cpu).collect()
        }),
    ));
    section.show(Chart {
        name: "logins",
        shows: "Logins a second of each app with 64 connections",
        drawing: Drawing::Bars(Bars {
            axis: "logins (1/s)",
            scale: Scale::Logarithmic,
            series: head[1..4].iter().map(|&name| name.to_owned()).collect(),
            rows: rows.iter().map(|(who, rates, _)| (who.to_string(), rates.to_vec())).collect(),
        }),
    });
    let refused = rows.iter().filter_map(|(who, ..)| refused(measured, *who)).collect::<Vec<_>>();
    if !refused.is_empty() {
        section.add(format!("Not every login had its answer there: {}.", refused.join("; ")));
    }
}

/// Says so if logins were refused that should not be.
fn refused(measured: &Measured, who: Contender) -> Option<String> {
    let figures = Scenario::ALL.map(|scenario| closed(measured, who, scenario));
    let turns = || figures.iter().flatten().flat_map(|figure| &figure.turns);
    let count = |answer| turns().map(|turn| turn.count(answer)).sum::<u64>();
    let (refused, broken) =
        (count(Answer::Refused), count(Answer::Unavailable) + count(Answer::Broken));
    let all = turns().map(Turn::logins).sum::<u64>();
    (refused + broken > 0).then(|| {
        format!("of {all} logins, `{who}` refused {refused} and had an error for {broken}")
    })
}

fn waiting(measured: &Measured, section: &mut Section) {
    section.add("## How long a login takes when they come as they come");
    section.add(
        "Logins at a fixed rate whatever the app does, 5 % mistyped; times in ms from when a login was due, \
         so that waiting for the one before counts. Who does not keep up has a queue, which grows as long as \
         the turn lasts. Django's apps were not asked for the higher rates.",
    );
    let rates: Vec<u32> = {
        let loads = measured.figures.iter().filter(|figure| figure.hash == Hash::Fast);
        let mut rates: Vec<u32> = loads
            .filter_map(|figure| match figure.load {
                Load::Open { per_second } => Some(per_second),
                _ => None,
            })
            .collect();
        rates.sort_unstable();
        rates.dedup();
        rates
    };
    let of = |who, per_second| {
        measured.figure(who, Hash::Fast, Load::Open { per_second }, Scenario::Mixed)
    };
    let mut head = vec!["app".to_owned()];
    head.extend(rates.iter().map(|rate| format!("{rate}/s: p50, p99, p99.9")));
    let times = |found: Option<&LoginFigure>| {
        found.map_or_else(
            || "–".to_owned(),
            |found| {
                let times = [
                    found.median(|turn| turn.p50_us),
                    found.median(|turn| turn.p99_us),
                    found.median(|turn| turn.p999_us),
                ];
                times.map(|us| figure(Some(us / 1e3))).join(", ")
            },
        )
    };
    let who_was_asked =
        || Contender::all().filter(|who| rates.iter().any(|r| of(*who, *r).is_some()));
    section.add(table(
        &head.iter().map(String::as_str).collect::<Vec<_>>(),
        who_was_asked().map(|who| {
            let cells = rates.iter().map(|rate| times(of(who, *rate)));
            std::iter::once(who.to_string()).chain(cells).collect()
        }),
    ));
    let p99 = |who, rate: &u32| of(who, *rate).map(|found| found.median(|t| t.p99_us) / 1e3);
    section.show(Chart {
        name: "rates",
        shows: "The 99th percentile of a login's time at each rate",
        drawing: Drawing::Bars(Bars {
            axis: "99 of 100 logins took at most (ms)",
            scale: Scale::Logarithmic,
            series: rates.iter().map(|rate| format!("{rate}/s")).collect(),
            rows: who_was_asked()
                .map(|who| (who.to_string(), rates.iter().map(|rate| p99(who, rate)).collect()))
                .collect(),
        }),
    });
}

fn hashed(measured: &Measured, section: &mut Section) {
    let with = |who, closed: bool| {
        measured.figures.iter().find(|figure| {
            figure.contender == who
                && figure.hash == Hash::Argon2
                && matches!(figure.load, Load::Closed { .. }) == closed
        })
    };
    let rows: Vec<Vec<String>> = Contender::all()
        .filter_map(|who| {
            let (closed, open) = (with(who, true)?, with(who, false));
            let times = open.map_or([None, None], |open| {
                [open.median(|t| t.p50_us), open.median(|t| t.p99_us)].map(|us| Some(us / 1e3))
            });
            let rate = Some(closed.median(Turn::per_second));
            Some(
                std::iter::once(who.to_string())
                    .chain([rate, times[0], times[1]].map(figure))
                    .collect(),
            )
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    section.add("## With a password hash as it should be");
    section.add(
        "argon2id with 19 MiB, two passes, one lane; 5 % mistyped. Logins a second from 8 connections that \
         are never idle, and times at a rate that all keep up with. The hash is the cost; the lockout is lost \
         in it.",
    );
    section.add(table(&["app", "logins/s", "20/s: p50, ms", "p99, ms"], rows));
}

fn libraries(rates: &[Rate], section: &mut Section) {
    section.add("## The libraries alone");
    let Some(ours) = rates.iter().find(|rate| rate.name == "redis") else { return };
    section.add(format!(
        "Failed logins a second on Redis, without HTTP and without a password, {} at once; names and addresses \
         that nobody has counted. `redis` is `begin` over three subjects, then `fail`; \
         `rate-limiter-flexible` its documentation's recipe, which reads two keys and then counts on them; \
         `limitador-redis` one check of three limits, before the password.",
        ours.tasks
    ));
    section.add(table(
        &["library", "logins/s", "times ours"],
        rates.iter().map(|rate| {
            vec![
                rate.name.clone(),
                figure(Some(rate.per_second)),
                figure(Some(ours.per_second / rate.per_second)),
            ]
        }),
    ));
}
