//! A federation for tests: coordinator, sites and a researcher, in one process or as real ones.
//!
//! [`Setup::found`] makes a [`Federation`] the way real ones are made: a coordinator's folder, an
//! invitation and an enrolment for each site, a charter that every steward signs, a researcher for
//! whom a site vouches. Daemons of either [`Kind`] have their folders, speak TLS over the loopback,
//! and can be killed and started again. Each site has a [`Relay`] between itself and the
//! coordinator, which can be cut; so the coordinator may listen on another port after each start.
//!
//! Everything waits for events or for conditions, with a deadline; a failure shows what every
//! process printed; whatever was started ends with the test.

pub mod audits;
mod coordinator;
pub mod cost;
mod crowd;
mod federation;
mod founding;
mod logs;
pub mod made;
pub mod observers;
mod process;
mod relay;
mod researcher;
mod running;
mod serve;
mod settings;
mod site;
mod unit;
mod wait;
mod watch;

pub use coordinator::{Coordinator, Special};
pub use crowd::{Arrivals, Crowd};
pub use federation::{Federation, Programs};
pub use founding::{Setup, sign_when_proposed};
pub use logs::Logs;
pub use process::{Process, run};
pub use relay::{Relay, Scissors};
pub use researcher::{Researcher, new_key, some_digest, unix_now};
pub use running::Kind;
pub use serve::{log, serve};
pub use site::{STEWARD, Site};
pub use wait::{until, within};
pub use watch::{Watch, line};

use std::process::ExitCode;

use ripieno_terminal::{Exit, Failure};

/// How a program under test ends: as those do that are shipped.
#[must_use]
pub fn exit(result: Result<Exit, Failure>) -> ExitCode {
    result.map_or_else(
        |failure| {
            ripieno_terminal::to_stderr(&failure.text());
            failure.exit().into()
        },
        Into::into,
    )
}
