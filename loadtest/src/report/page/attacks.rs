//! Logins under attack.

use super::markdown::{figure, table};
use super::{Chart, Drawing, Section};
use crate::attacks::figure::{Counts, Honest};
use crate::attacks::{Attack, AttackFigure};
use crate::contender::{Contender, Hash};
use crate::driver::{Answer, Protocol};
use crate::number::float;
use crate::report::chart::{Bars, Scale};
use crate::report::raw::{Raw, Run};

pub(super) fn section(raw: &Raw) -> Section {
    let mut section = Section::default();
    let Some(Run { figures, .. }) = &raw.attacks else { return section };
    let figures = &figures.figures;
    section.add("## Under attack");
    section.add(
        "Each attack meets an app of its own with an empty store. `verified` is how many passwords were looked \
         at for the guesser, by the app's own count: what a guesser gets. At limit 3 the fourth failure locks, \
         so 4 is right.",
    );
    burst(figures, &mut section);
    one_account(figures, &mut section);
    spraying(figures, &mut section);
    flood(figures, &mut section);
    outage(figures, &mut section);
    section
}

fn of(figures: &[AttackFigure], attack: Attack) -> impl Iterator<Item = &AttackFigure> {
    figures.iter().filter(move |figure| figure.attack == attack)
}

/// The passwords that a burst got looked at.
pub(in crate::report) fn burst_verified(
    figures: &[AttackFigure],
    who: Contender,
    protocol: Protocol,
    hash: Hash,
) -> Option<u64> {
    of(figures, Attack::Burst)
        .find(|figure| {
            figure.contender == who && figure.protocol == protocol && figure.hash == hash
        })
        .map(|figure| figure.verified)
}

fn burst(figures: &[AttackFigure], section: &mut Section) {
    section.add("### 500 guesses at one account, released together");
    section.add(
        "All requests stand in the app but for their last bytes, which are sent at once. HTTP/2 over a few \
         connections, and HTTP/1.1 over 500, since not all speak HTTP/2. With argon2 a password takes long \
         enough that what checks first and counts afterwards lets the others in meanwhile. django-axes and \
         django-defender are held back by their server, which works on 64 requests at a time.",
    );
    let columns = [
        (Protocol::Http2, Hash::Fast),
        (Protocol::Http1, Hash::Fast),
        (Protocol::Http2, Hash::Argon2),
        (Protocol::Http1, Hash::Argon2),
    ];
    let cells = |who| {
        columns.map(|(protocol, hash)| burst_verified(figures, who, protocol, hash).map(float))
    };
    let rows: Vec<_> = Contender::all()
        .map(|who| (who, cells(who)))
        .filter(|(_, cells)| cells.iter().any(Option::is_some))
        .collect();
    section.add(table(
        &["verified", "HTTP/2, cheap", "HTTP/1.1, cheap", "HTTP/2, argon2", "HTTP/1.1, argon2"],
        rows.iter().map(|(who, cells)| {
            std::iter::once(who.to_string()).chain(cells.map(figure)).collect()
        }),
    ));
    section.show(Chart {
        name: "burst",
        shows: "How many of 500 guesses released together were verified",
        drawing: Drawing::Bars(Bars {
            axis: "passwords verified of 500 guesses released together over HTTP/1.1 (number)",
            scale: Scale::Logarithmic,
            series: vec!["cheap hash".to_owned(), "argon2".to_owned()],
            rows: rows
                .iter()
                .map(|(who, cells)| (who.to_string(), vec![cells[1], cells[3]]))
                .collect(),
        }),
    });
}

/// How many of honest users were let in.
fn let_in(honest: Option<Honest>) -> String {
    honest.map_or_else(|| "–".to_owned(), |it| format!("{} of {}", it.let_in, it.sent))
}

fn one_account(figures: &[AttackFigure], section: &mut Section) {
    section.add("### One account, from one address and from a thousand");
    section.add(
        "2,000 guesses, 400 a second, while others log in, and, in the second half of the table, the owner \
         tries with the right password: whoever knows a name can keep its owner out, unless the owner's \
         browser has a device cookie, which these apps do not hand out. Processor time is the app's and the \
         server's for all guesses.",
    );
    let row = |figure: &AttackFigure| {
        vec![
            format!("{}, {}", figure.contender, addresses(figure.addresses)),
            figure.verified.to_string(),
            self::figure(figure.time_to_lock_ms),
            let_in(figure.honest),
            figure.owner.map_or_else(
                || "–".to_owned(),
                |owner| format!("{} of {}", owner.refused, owner.sent),
            ),
            self::figure(Some(float(figure.app_cpu_us) / 1e3)),
            self::figure(Some(float(figure.store_cpu_us) / 1e3)),
        ]
    };
    let head = [
        "app",
        "verified",
        "first refusal after, ms",
        "others let in",
        "owner refused",
        "app, ms",
        "server, ms",
    ];
    let one = of(figures, Attack::OneAddress);
    section.add(table(&head, one.chain(of(figures, Attack::ManyAddresses)).map(row)));
}

fn addresses(addresses: u32) -> String {
    if addresses == 1 { "1 address".to_owned() } else { format!("{addresses} addresses") }
}

fn spraying(figures: &[AttackFigure], section: &mut Section) {
    section.add("### One password at each of 10,000 accounts");
    section.add(
        "From one address its limit ends it: 30 failures are tolerated, the next one locks. From a thousand \
         addresses each account and each address fails too seldom for any limit of either; nobody here can see \
         that, and only the wider `network` rule helps against addresses that are neighbours. What was not \
         sent within the time is not counted.",
    );
    let rows = of(figures, Attack::Spraying).map(|figure| {
        vec![
            format!("{}, {}", figure.contender, addresses(figure.addresses)),
            figure.guesses.to_string(),
            figure.verified.to_string(),
            let_in(figure.honest),
            self::figure(Some(float(figure.guesses) / figure.seconds)),
        ]
    });
    section.add(table(&["app", "guesses", "verified", "others let in", "guesses/s"], rows));
}

fn flood(figures: &[AttackFigure], section: &mut Section) {
    section.add("### A flood of made-up names");
    section.add(
        "A new name and a new address with each guess, from 64 connections, up to 200,000. Memory is what app \
         and server grew by; a server that writes to a disk has most of it there. The lock is that of an \
         account locked before the flood. `moka` has room for a million records here; a flood beyond the room \
         that it has makes newcomers share counts, and some of them are refused.",
    );
    let rows = of(figures, Attack::Flood).map(|figure| {
        vec![
            figure.contender.to_string(),
            figure.guesses.to_string(),
            figure.answers.of(Answer::Refused).to_string(),
            figure.bytes_per_guess().to_string(),
            let_in(figure.honest),
            self::figure(figure.honest.map(|honest| float(honest.p99_us) / 1e3)),
            match figure.lock_survived {
                Some(true) => "held",
                Some(false) => "gone",
                None => "–",
            }
            .to_owned(),
        ]
    });
    let head =
        ["app", "guesses", "refused", "B each", "others let in", "their p99, ms", "earlier lock"];
    section.add(table(&head, rows));
}

fn outage(figures: &[AttackFigure], section: &mut Section) {
    section.add("### The store is killed and comes back");
    section.add(
        "50 logins a second, a fifth of them mistyped. After two seconds the server is killed, after two more \
         it is started again. Answers: let in, wrong, refused, store failed (503), other errors. lockout fails \
         closed unless it is told otherwise: an attempt that cannot be counted is not let through. Starting \
         the server falls into *after*.",
    );
    let rows = of(figures, Attack::Outage).filter_map(|figure| {
        let outage = figure.outage.as_ref()?;
        Some(vec![
            figure.contender.to_string(),
            answers(&outage.before),
            answers(&outage.during),
            answers(&outage.after),
            self::figure(outage.let_in_after_ms),
            self::figure(figure.honest.map(|honest| float(honest.longest_us) / 1e3)),
        ])
    });
    let head = ["app", "before", "during", "after", "first let in, ms after", "longest answer, ms"];
    section.add(table(&head, rows));
}

fn answers(counts: &Counts) -> String {
    let answers =
        [Answer::Welcome, Answer::Wrong, Answer::Refused, Answer::Unavailable, Answer::Broken];
    answers.map(|answer| counts.of(answer).to_string()).join(" / ")
}
