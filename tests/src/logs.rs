//! What a process printed, kept for when a test fails.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Lines that are kept of each process.
const MOST: usize = 4000;

/// The lines of one process, in the order in which they came. A clone is a handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    lines: Vec<String>,
    /// How many streams may bring more.
    open: usize,
}

impl Logs {
    /// Takes lines in the background until the other end is closed.
    pub fn take(&self, from: impl Read + Send + 'static) {
        let logs = self.clone();
        logs.kept().open += 1;
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                let lines = &mut logs.kept().lines;
                if lines.len() < MOST {
                    lines.push(line);
                }
            }
            logs.kept().open -= 1;
        });
    }

    /// Whether nothing more can come: a process may end before its last lines are read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.kept().open == 0
    }

    /// Everything so far.
    #[must_use]
    pub fn text(&self) -> String {
        self.kept().lines.join("\n")
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whoever panicked with the lock has left whole lines.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
