//! More of everything.

use super::markdown::{figure, table};
use super::{Chart, Drawing, Section};
use crate::growth::figures::{
    ClusterFigure, ExpenseFigure, GrowthFigure, MapFigure, ProcessesFigure,
};
use crate::number::float;
use crate::report::chart::{Lines, Scale};
use crate::report::raw::{Growth, Raw, Run};

pub(super) fn section(raw: &Raw) -> Section {
    let mut section = Section::default();
    if let Some(Run { figures, .. }) = &raw.growth {
        subjects(figures, &mut section);
    }
    if let Some(Run { figures, .. }) = &raw.expenses {
        expenses(figures, &mut section);
    }
    if let Some(Run { figures, .. }) = &raw.processes {
        processes(figures, &mut section);
    }
    if let Some(Run { figures, .. }) = &raw.clusters {
        clusters(figures, &mut section);
    }
    section
}

/// The names of the stores, in the order in which they were measured.
fn stores(figures: &[GrowthFigure]) -> Vec<&str> {
    let mut names: Vec<_> = figures.iter().map(|figure| figure.store.as_str()).collect();
    names.dedup();
    names
}

fn subjects(Growth { stores: figures, maps }: &Growth, section: &mut Section) {
    let mut sizes: Vec<u64> = figures.iter().map(|figure| figure.subjects).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let of = |store: &str, size| {
        figures.iter().find(|figure| figure.store == store && figure.subjects == size)
    };
    let mut head = vec!["store".to_owned()];
    head.extend(sizes.iter().map(|size| crate::report::chart::short(float(*size))));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows = |cell: &dyn Fn(&GrowthFigure) -> Option<f64>| {
        let row = |store: &&str| {
            let cells = sizes.iter().map(|size| figure(of(store, *size).and_then(cell)));
            std::iter::once((*store).to_owned()).chain(cells).collect::<Vec<_>>()
        };
        stores(figures).iter().map(row).collect::<Vec<_>>()
    };
    section.add("## When there are more subjects");
    section.add(
        "A failed login (`begin` over three subjects, then `fail`) of subjects that are there, drawn evenly: \
         its median beside that in a store of a thousand, call by call in the same turns. `bare map` is three \
         visits to a `HashMap` of as many entries: what lies in memory and no longer in a cache takes longer, \
         whoever fetches it.",
    );
    let mut all = rows(&|figure| Some(figure.ratio));
    all.push(map_row(maps, &sizes));
    section.add(table(&head, all));
    section.add("The same in µs:");
    section.add(table(&head, rows(&|figure| Some(figure.latency.p50_ns / 1e3))));
    section.show(growth_chart(figures));
    section.add("Failed logins a second, 32 at once:");
    section.add(table(&head, rows(&|figure| Some(figure.per_second))));
    section.add(
        "Bytes that a subject takes: of the process for `moka`, of the server's memory for `redis`, on disk \
         for the others.",
    );
    section.add(table(&head, rows(&|figure| figure.bytes_per_subject)));
}

fn map_row(maps: &[MapFigure], sizes: &[u64]) -> Vec<String> {
    let ratio = |size| maps.iter().find(|map| map.subjects == size).map(|map| map.ratio);
    let cells = sizes.iter().map(|size| figure(ratio(*size)));
    std::iter::once("bare map".to_owned()).chain(cells).collect()
}

fn growth_chart(figures: &[GrowthFigure]) -> Chart {
    let line = |store: &&str| {
        let points = figures.iter().filter(|figure| figure.store == *store);
        let points = points.map(|figure| (float(figure.subjects), figure.latency.p50_ns / 1e3));
        ((*store).to_owned(), points.collect())
    };
    Chart {
        name: "growth",
        shows: "The median failed login of each store with more and more subjects",
        drawing: Drawing::Lines(Lines {
            x_axis: "subjects (number)",
            y_axis: "median failed login (µs)",
            scale: Scale::Logarithmic,
            lines: stores(figures).iter().map(line).collect(),
        }),
    }
}

fn expenses(figures: &[ExpenseFigure], section: &mut Section) {
    section.add("## What a login costs everybody");
    section.add(
        "Processor time of the server and of the process that calls it, in µs for each login, at 64 at once, \
         without HTTP and passwords; and bytes to and from Redis. [Capacity](capacity.md) reckons with these.",
    );
    let rows = figures.iter().map(|it| {
        let cells = [
            Some(it.per_second),
            it.server_cpu_us,
            Some(it.client_cpu_us),
            it.input_bytes,
            it.output_bytes,
        ];
        std::iter::once(format!("{}, {}", it.store, it.login.name()))
            .chain(cells.map(figure))
            .collect()
    });
    let head = ["store, login", "logins/s", "server, µs", "caller, µs", "B to it", "B from it"];
    section.add(table(&head, rows));
}

fn processes(figures: &[ProcessesFigure], section: &mut Section) {
    section.add("## One process and two");
    section.add(
        "Failed logins a second, 64 at once in all, from one process and from two that share a store. Two \
         processors, of which the server has its part.",
    );
    let rows = figures.iter().map(|it| {
        let name = format!("{}, {}", it.store, it.processes);
        vec![name, figure(Some(it.per_second)), figure(Some(it.ratio))]
    });
    section.add(table(&["store, processes", "logins/s", "beside one"], rows));
}

fn clusters(figures: &[ClusterFigure], section: &mut Section) {
    section.add("## Redis Clusters of one, two and three masters");
    section.add(
        "64 logins at once. What each master did, by its own count: the work spreads evenly. That it also \
         becomes faster, two processors cannot show: all masters and the caller are on them.",
    );
    let rows = figures.iter().map(|it| {
        let shares = it.nodes.iter().map(|node| format!("{:.0} %", node.share * 100.0));
        let cpu = it.nodes.iter().map(|node| node.cpu_us_per_login).sum();
        let commands = it.nodes.iter().map(|node| node.commands_per_login).sum();
        vec![
            format!("{}, {}", it.masters, it.login.name()),
            figure(Some(it.per_second)),
            shares.collect::<Vec<_>>().join(", "),
            figure(Some(commands)),
            figure(Some(cpu)),
        ]
    });
    let head =
        ["masters, login", "logins/s", "part of the commands", "commands a login", "servers, µs"];
    section.add(table(&head, rows));
}
