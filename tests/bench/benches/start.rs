//! How long the command takes to start, and how large the programs are: `cargo build --release`, then
//! `cargo bench -p ripieno-bench --bench start`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use ripieno_bench::{Bench, Contest, Goal, Row, measure};

const ROUNDS: usize = 60;
/// What `ripieno --version` may take, in milliseconds.
const MOST: f64 = 30.0;

fn main() -> anyhow::Result<()> {
    let mut bench = Bench::start("start of the command");
    let folder = release()?;
    for program in ["ripieno", "ripieno-coordinator", "ripieno-site"] {
        let Ok(metadata) = std::fs::metadata(folder.join(program)) else {
            println!("{program} is not in {}: cargo build --release makes it", folder.display());
            continue;
        };
        let megabytes = metadata.len() as f64 / 1e6;
        bench.add(Row::figure(format!("size of {program}"), "MB", &[megabytes]));
    }
    let command = folder.join("ripieno");
    if !command.exists() {
        return bench.finish();
    }
    run(&command, &["--version"])?;
    let name = "start: ripieno --version: multiple of the cost of /bin/true";
    let contest = Contest::multiple(name, Goal::None).unit("ms").work(1e6, 1e6);
    let mut times = Vec::new();
    let mut start = || {
        let time = measure::wall(|| drop(run(&command, &["--version"])));
        times.push(time / 1e6);
        time
    };
    bench.pairs(&contest, ROUNDS, &mut start, || {
        measure::wall(|| drop(run(Path::new("/bin/true"), &[])))
    });
    bench.add(Row::figure("start: ripieno --version", "ms", &times).goal(Goal::AtMost(MOST)));
    bench.finish()
}

fn run(program: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    let status = command.args(arguments).stdout(Stdio::null()).status();
    let status = status.with_context(|| program.display().to_string())?;
    anyhow::ensure!(status.success(), "{} ended with {status}", program.display());
    Ok(())
}

/// This program is in `release/deps`.
fn release() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().nth(2).context("a bench is in a target folder")?;
    Ok(folder.to_owned())
}
