//! What a process has cost: time of the processor, and memory.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Time that the processor has spent on a process, by the system's own count in nanoseconds. Threads
/// that have ended are not in it.
#[must_use]
pub fn cpu(process: u32) -> Duration {
    of_threads(&format!("/proc/{process}/task"), |_| true)
}

/// The same of the threads of this process that have this name.
#[must_use]
pub fn cpu_of_threads(name: &str) -> Duration {
    of_threads("/proc/self/task", |own| own.trim_end() == name)
}

fn of_threads(folder: &str, which: impl Fn(&str) -> bool) -> Duration {
    let threads = fs::read_dir(folder).into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let read = |file| fs::read_to_string(thread.path().join(file)).ok();
        let text = read("comm").filter(|name| which(name)).and_then(|_| read("schedstat"))?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// Memory of a process that is in use, in bytes: now, and at the most since
/// [`forget_peak`] or its start.
///
/// # Panics
/// Where there is no such process.
#[must_use]
pub fn memory(process: u32) -> (u64, u64) {
    let text = fs::read_to_string(file(process, "status")).expect("a process that runs");
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
    };
    let both = field("VmRSS:").zip(field("VmHWM:"));
    both.expect("the system says how much memory a process has")
}

/// The most memory counts from now on.
pub fn forget_peak(process: u32) {
    // Where the system does not let it, the peak is that since the start.
    let _ = fs::write(file(process, "clear_refs"), "5");
}

fn file(process: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_are_seen() {
        let own = std::process::id();
        let (before, (here, _)) = (cpu(own), memory(own));
        let mut block = vec![1_u8; 64 << 20];
        block.iter_mut().for_each(|byte| *byte = std::hint::black_box(byte.wrapping_mul(3)));
        let (now, peak) = memory(own);
        assert!(now > here + (32 << 20) && peak >= now, "{here} {now} {peak}");
        assert!(cpu(own) > before + Duration::from_millis(1));
    }
}
