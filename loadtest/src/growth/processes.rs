//! One store, and one or two processes.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::crowd::{self, attempts_of};
use super::figures::ProcessesFigure;
use super::filling::fill;
use super::home::{Home, Kind};
use super::plan::Plan;
use crate::Error;
use crate::number::median;
use crate::throughput::per_second;

/// The first argument of a process that [`child`] is the work of.
pub const CHILD: &str = "growth-child";

/// How many tasks call at once, in all processes together.
pub const TASKS: u32 = 64;

/// How many processes are compared with one.
const MOST: u32 = 2;

/// What a child says after each turn.
#[derive(Debug, Serialize, Deserialize)]
struct Turn {
    per_second: f64,
}

/// Failed logins in a second from one process and from two, at the same store.
///
/// # Errors
/// If a server or a child does not start, or a call fails.
pub async fn processes(kind: Kind, plan: Plan) -> Result<Vec<ProcessesFigure>, Error> {
    let home = Home::start(kind, plan.some()).await?;
    let attempts = attempts_of(plan.some());
    fill(&home, 0, attempts).await?;
    let url = home.url.as_deref().ok_or("no two processes share their memory")?;
    let mut teams = (1..=MOST)
        .map(|count| Team::start(kind, url, count, attempts))
        .collect::<Result<Vec<_>, _>>()?;
    let mut rates = vec![Vec::new(); teams.len()];
    for round in 0..=plan.turns {
        for (team, rates) in teams.iter_mut().zip(&mut rates) {
            let rate = team.turn(plan.turn)?;
            // The first turn makes connections.
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    let figure = |(processes, of): (u32, &Vec<f64>)| {
        let ratios: Vec<_> = of.iter().zip(&rates[0]).map(|(many, one)| many / one).collect();
        let (store, per_second) = (kind.to_string(), median(of.iter().copied()));
        ProcessesFigure { store, processes, tasks: TASKS, per_second, ratio: median(ratios) }
    };
    Ok((1..).zip(&rates).map(figure).collect())
}

/// Processes that work at once.
#[derive(Debug)]
struct Team(Vec<Member>);

impl Team {
    fn start(kind: Kind, url: &str, count: u32, attempts: u64) -> Result<Self, Error> {
        let member = |_| Member::start(kind, url, TASKS / count, attempts);
        (0..count).map(member).collect::<Result<_, _>>().map(Self)
    }

    /// What all of them do in a second.
    fn turn(&mut self, turn: Duration) -> Result<f64, Error> {
        for member in &mut self.0 {
            writeln!(member.orders, "{}", turn.as_millis())?;
        }
        let mut sum = 0.0;
        for member in &mut self.0 {
            let mut line = String::new();
            if member.answers.read_line(&mut line)? == 0 {
                return Err("a child has ended: its error is above".into());
            }
            sum += serde_json::from_str::<Turn>(&line)?.per_second;
        }
        Ok(sum)
    }
}

/// One of them. It ends when this is dropped.
#[derive(Debug)]
struct Member {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Member {
    fn start(kind: Kind, url: &str, tasks: u32, attempts: u64) -> Result<Self, Error> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([CHILD, kind.name(), url, &tasks.to_string(), &attempts.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = process.stdin.take().ok_or("a child without input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("a child without output")?);
        Ok(Self { process, orders, answers })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a process does whose first argument is [`CHILD`] and whose further ones are `arguments`:
/// `STORE URL TASKS ATTEMPTS`. For each line with a number of milliseconds it makes failed logins
/// for so long and prints how many in a second, as JSON; at the end of its input it ends.
///
/// # Errors
/// If an argument or a line is none, or a call fails.
pub async fn child(arguments: &[String]) -> Result<(), Error> {
    let [kind, url, tasks, attempts] = arguments else {
        return Err(format!("usage: {CHILD} STORE URL TASKS ATTEMPTS").into());
    };
    let guard = kind.parse::<Kind>()?.guard(url)?;
    let (tasks, attempts) = (tasks.parse()?, attempts.parse()?);
    // Two processes draw the same numbers, though not of the same subjects.
    let mut draw = u64::from(std::process::id()) << 40;
    for line in io::stdin().lines() {
        let turn = Duration::from_millis(line?.trim().parse()?);
        let guard = guard.clone();
        let call = move |number| {
            let number = crowd::one_of(attempts, draw + number);
            let guard = guard.clone();
            async move { crowd::fail(&guard, &crowd::attempt(number)).await }
        };
        let turn = Turn { per_second: per_second(tasks, turn, call).await? };
        println!("{}", serde_json::to_string(&turn)?);
        draw += 1 << 32;
    }
    Ok(())
}
