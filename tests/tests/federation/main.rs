//! Whole federations over TLS: what they compute, and what they do when parts of them are lost.

mod authority;
mod backups;
mod canaries;
mod cases;
mod crashes;
mod crowd;
mod disks;
mod lies;
mod losses;
mod membership;
mod metrics;
mod returns;
mod sessions;
mod studies;
mod sums;
mod support;
mod units;
