//! All attacks on sites and on a coordinator, over the real wire, and a table of what stopped them.
//!
//! A coordinator and a corrupt site in evil hands speak TLS and gRPC with the daemons as they are
//! shipped. Each attack must be refused by a check that is named, with the culprit; the refusal must
//! stand in the audit log of whoever refused; and no share and no vector may leave a site after it.
//! The process ends with 1 where one got through.
//!
//! `cargo test -p ripieno-tests --test attacks -- --only WORD` shows the attacks whose names hold the
//! word.

mod acts;
mod forger;
mod intruder;
mod stage;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ripieno_tests::Programs;
use table::Row;
use tokio::runtime::Builder;

/// Plays attacks, and prints what stopped them.
#[derive(Parser)]
struct Arguments {
    /// Shows only the attacks whose names hold this.
    #[arg(long)]
    only: Option<String>,
    /// As other tests understand it: this one is called "attacks".
    filter: Option<String>,
    /// As other tests understand it.
    #[arg(long)]
    list: bool,
    /// As other tests understand it: there are none.
    #[arg(long)]
    ignored: bool,
    /// As other tests understand it, and passed over.
    #[arg(long)]
    nocapture: bool,
    /// As other tests understand it, and passed over.
    #[arg(long)]
    test_threads: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let asked = arguments.filter.as_deref().is_none_or(|filter| "attacks".contains(filter));
    if arguments.list {
        println!("attacks: test");
        return ExitCode::SUCCESS;
    }
    if !asked || arguments.ignored {
        return ExitCode::SUCCESS;
    }
    let runtime = Builder::new_multi_thread().enable_all().build().expect("threads");
    let began = Instant::now();
    let played = runtime.block_on(play());
    runtime.shutdown_background();
    let (mut rows, mut broken) = (Vec::new(), Vec::new());
    for act in played {
        match act {
            Ok(more) => rows.extend(more),
            Err(why) => broken.push(format!("an act did not come to its end: {why}")),
        }
    }
    broken.extend(table::missing(&rows));
    if let Some(word) = &arguments.only {
        rows.retain(|row: &Row| row.name.contains(word.as_str()));
    }
    report(&rows, &broken, began.elapsed().as_secs_f64())
}

fn report(rows: &[Row], broken: &[String], seconds: f64) -> ExitCode {
    print!("{}", table::text(rows));
    println!(
        "Evidence is the entry of the refusal in the log of who refused. All that a site sent after it \
         was\nlooked through: no tile and no share left it. A true coordinator's sums were those of \
         the true sites."
    );
    for why in broken {
        println!("BROKEN: {why}");
    }
    let through = rows.iter().filter(|row| row.evidence.is_err()).count();
    let (good, bad) = (rows.len() - through, through + broken.len());
    let well = bad == 0 && good > 0;
    let word = if well { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {good} passed; {bad} failed; 0 ignored; 0 measured; 0 filtered \
         out; finished in {seconds:.2}s\n"
    );
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn play() -> Vec<Result<Vec<Row>, String>> {
    let programs: Programs = ripieno_tests::programs!();
    let acts = [
        tokio::spawn(acts::set_up(programs.clone())),
        tokio::spawn(acts::contracts(programs.clone())),
        tokio::spawn(acts::outcomes(programs.clone())),
        tokio::spawn(acts::first_half(programs.clone())),
        tokio::spawn(acts::second_half(programs)),
    ];
    let mut played = Vec::new();
    for act in acts {
        played.push(act.await.unwrap_or_else(|error| Err(error.to_string())));
    }
    played
}
