//! Measures how long a page of the record of attempts takes in a large table, in turn with the same
//! page of a small one, on servers of its own, and prints a table.
//!
//! `attempts [--rows N] [--only postgres|mariadb|sqlite] [--json FILE]`

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lockout_benches::attempts::{BEGIN, BUSY_NAME, EACH, Filling, MARIADB, POSTGRES, SQLITE, STEP};
use lockout_benches::row::{Row, median, write_json};
use lockout_core::{
    Attempt, AttemptEntry, AttemptLog, AttemptQuery, Cursor, LoggedOutcome, Username,
};
use lockout_sql::sqlx::{self, ColumnIndex, Decode, Executor, Type};
use lockout_sql::{Dialect, SqlStore};
use lockout_testkit::servers::{MariaDbServer, PostgresServer};
use tokio::runtime::Runtime;

/// The rows of the small table.
const FEW: u64 = 10_000;
/// Those of the large one, unless others are asked for.
const MANY: u64 = 10_000_000;
/// Pages of each kind; the median is taken.
const SAMPLES: u64 = 31;
/// The most that a page of the large table may take, for one of the small one.
const AT_MOST: f64 = 3.0;
/// The bytes of an attempt's texts, in the mean.
const TEXTS: f64 = 162.0;
/// How many are appended, and then pruned.
const PRUNED: u32 = 100_000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("attempts: {error}");
            ExitCode::from(2)
        }
    }
}

#[derive(Debug, Default)]
struct Arguments {
    rows: Option<u64>,
    only: Option<String>,
    json: Option<String>,
}

impl Arguments {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut read = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(flag) = arguments.next() {
            let value = arguments.next();
            match (flag.as_str(), value) {
                ("--rows", Some(rows)) => read.rows = Some(rows.parse()?),
                ("--only", Some(only)) => read.only = Some(only),
                ("--json", Some(file)) => read.json = Some(file),
                _ => {
                    let usage = "usage: attempts [--rows N] [--only NAME] [--json FILE]";
                    return Err(usage.into());
                }
            }
        }
        Ok(read)
    }

    fn wants(&self, database: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == database)
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read()?;
    let many = arguments.rows.unwrap_or(MANY);
    let runtime = Runtime::new()?;
    let mut rows = Vec::new();
    Row::print_head();
    if arguments.wants("postgres") {
        let server = PostgresServer::builder()
            .config("shared_buffers", "1GB")
            .config("max_wal_size", "8GB")
            .config("maintenance_work_mem", "512MB")
            .start()?;
        let url = server.url();
        let measured = measure::<sqlx::Postgres>("postgres", &url, POSTGRES, many);
        rows.extend(runtime.block_on(measured)?);
    }
    if arguments.wants("mariadb") {
        let server = MariaDbServer::builder()
            // The others have the cache of the system besides.
            .config("innodb-buffer-pool-size", "4G")
            .config("innodb-log-file-size", "1G")
            .start()?;
        let url = server.url();
        let measured = measure::<sqlx::MySql>("mariadb", &url, MARIADB, many);
        rows.extend(runtime.block_on(measured)?);
    }
    if arguments.wants("sqlite") {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}", folder.path().join("attempts.db").display());
        let measured = measure::<sqlx::Sqlite>("sqlite", &url, SQLITE, many);
        rows.extend(runtime.block_on(measured)?);
    }
    arguments.json.map_or(Ok(()), |file| write_json(&rows, &file))
}

type Log = Arc<dyn AttemptLog>;

/// A table, and how many attempts are in it.
struct Table {
    log: Log,
    rows: u64,
}

async fn measure<D: Dialect>(
    name: &str,
    url: &str,
    filling: Filling,
    many: u64,
) -> Result<Vec<Row>, Box<dyn Error>>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    for<'r> i64: Decode<'r, D> + Type<D>,
    usize: ColumnIndex<D::Row>,
{
    let (mut tables, mut size) = (Vec::new(), 0);
    for (table, rows) in [("few", FEW), ("many", many)] {
        let store = SqlStore::<D>::builder();
        let store = store.table(table).timeout(Duration::from_secs(600)).open(url)?;
        let start = Instant::now();
        let log = filling.fill(&store, table, rows).await?;
        size = filling.size(&store, table).await?;
        eprintln!("{name}: {rows} rows in {:.0} s", start.elapsed().as_secs_f64());
        tables.push(Table { log, rows });
    }
    let mut rows = vec![on_disk(name, size, many)?];
    for page in Page::ALL {
        rows.extend(pages(name, page, &tables).await?);
    }
    rows.push(prune(name, &tables[1]).await?);
    Ok(rows)
}

/// How much room an attempt takes.
fn on_disk(name: &str, size: i64, rows: u64) -> Result<Row, Box<dyn Error>> {
    let each = u32::try_from(size / i64::try_from(rows)?)?;
    let what = format!("{name}: an attempt in its table and indexes");
    Ok(Row::new(what, "its texts", [TEXTS, f64::from(each)], "B").printed())
}

/// A kind of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    First,
    Hundredth,
    Username,
    Address,
    Outcome,
    Both,
    Rare,
}

impl Page {
    const ALL: [Self; 7] = [
        Self::First,
        Self::Hundredth,
        Self::Username,
        Self::Address,
        Self::Outcome,
        Self::Both,
        Self::Rare,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::First => "first page",
            Self::Hundredth => "hundredth page",
            Self::Username => "page of a username",
            Self::Address => "page of an address",
            Self::Outcome => "page of an outcome",
            Self::Both => "page of a busy username and an outcome",
            Self::Rare => "call for an outcome that a busy name has not",
        }
    }

    /// The query of one sample: of another username or address each time.
    async fn query(self, table: &Table, sample: u64) -> Result<AttemptQuery, Box<dyn Error>> {
        let query = AttemptQuery::default();
        let others = table.rows / EACH;
        let other = sample * 37 % others;
        let address = other.to_be_bytes();
        let busy = Username::new(BUSY_NAME);
        Ok(match self {
            Self::First => query,
            Self::Hundredth => AttemptQuery { after: page_end(table, 99).await?, ..query },
            Self::Username => {
                AttemptQuery { username: Username::new(&format!("user-{other}")), ..query }
            }
            Self::Address => {
                AttemptQuery { ip: Some([10, address[5], address[6], address[7]].into()), ..query }
            }
            Self::Outcome => AttemptQuery { outcome: Some(LoggedOutcome::Busy), ..query },
            Self::Both => {
                AttemptQuery { username: busy, outcome: Some(LoggedOutcome::Locked), ..query }
            }
            Self::Rare => {
                AttemptQuery { username: busy, outcome: Some(LoggedOutcome::Cancelled), ..query }
            }
        })
    }
}

/// Where the page of this number ends.
async fn page_end(table: &Table, number: u32) -> Result<Option<Cursor>, Box<dyn Error>> {
    let mut query = AttemptQuery::default();
    for _ in 0..number {
        query.after = table.log.recent(&query).await?.next;
    }
    Ok(query.after)
}

/// How long such a page takes: one that nobody has asked for before, and the same again.
async fn pages(name: &str, page: Page, tables: &[Table]) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut figures = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    for sample in 0..SAMPLES {
        for (which, table) in tables.iter().enumerate() {
            let query = page.query(table, sample).await?;
            for again in [0, 1] {
                let start = Instant::now();
                let found = table.log.recent(&query).await?;
                figures[again][which].push(start.elapsed().as_secs_f64() * 1e6);
                let expected = if page == Page::Rare { 0 } else { query.limit };
                if found.items.len() != expected {
                    return Err(format!("{page:?}: {} of {expected}", found.items.len()).into());
                }
            }
        }
    }
    let varies = matches!(page, Page::Username | Page::Address);
    let rows = figures.into_iter().zip(["at first", "again"]).map(|(figures, when)| {
        let medians = figures.map(median);
        let what = format!("{name}: {}, {when}", page.name());
        let row = Row::new(what, "the same in 10,000 rows", medians, "us");
        Row { at_most: (page != Page::Rare).then_some(AT_MOST), ..row }
    });
    // What does not vary has been asked for before.
    Ok(rows.skip(usize::from(!varies)).map(Row::printed).collect())
}

/// How long it takes to delete what it takes so long to append.
async fn prune(name: &str, table: &Table) -> Result<Row, Box<dyn Error>> {
    let after = |number: u64| BEGIN.saturating_add(Duration::from_millis(number * STEP));
    let entries: Vec<_> = (0..PRUNED)
        .map(|number| {
            let attempt = Attempt::new().username(&format!("user-{}", number % 1_000));
            let attempt = attempt.ip(number.to_be_bytes()).user_agent("curl/8.5.0").path("/login");
            let at = after(table.rows + u64::from(number));
            AttemptEntry::new(at, &attempt, LoggedOutcome::Failed)
        })
        .collect();
    let start = Instant::now();
    for batch in entries.chunks(500) {
        table.log.append(batch).await?;
    }
    let appended = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let limit = usize::try_from(PRUNED)?;
    let count = table.log.prune(after(u64::from(PRUNED) + 1), limit).await?;
    let pruned = start.elapsed().as_secs_f64() * 1e3;
    if count != limit {
        return Err(format!("{count} pruned").into());
    }
    let what = format!("{name}: prune 100,000 of {}", table.rows);
    Ok(Row::new(what, "append 100,000, 500 at a time", [appended, pruned], "ms").printed())
}
