//! How many files and sockets this process may have open: as many as the system lets it.

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::{info, warn};

/// Files of the database, the logs and the uploads under way, and what the runtime needs.
const OTHERS: u64 = 512;

/// Raises the bound to the highest that the system allows, and says how many connections that is;
/// warns where the configuration takes more.
pub(crate) fn raise(connections: usize) {
    let bound = match highest() {
        Ok(bound) => bound,
        Err(error) => return warn!(%error, "the bound on open files cannot be raised"),
    };
    let most = bound.saturating_sub(OTHERS);
    if (connections as u64) <= most {
        info!(open_files = bound, connections, "the system allows as many connections as are set");
    } else {
        warn!(
            open_files = bound,
            connections,
            "the system allows about {most} connections, fewer than connections.most: raise the \
             bound on open files (LimitNOFILE of systemd, ulimit -n), or set a lower number"
        );
    }
}

/// Sets the soft bound to the hard one; says what it is now.
fn highest() -> io::Result<u64> {
    let mut limits = getrlimit(Resource::Nofile);
    // None: without bound.
    if limits.current != limits.maximum {
        limits.current = limits.maximum;
        setrlimit(Resource::Nofile, limits)?;
    }
    Ok(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_raised_as_far_as_it_goes() {
        let before = getrlimit(Resource::Nofile);
        let bound = highest().unwrap();
        assert_eq!(Some(bound), before.maximum.or(Some(u64::MAX)));
        assert_eq!(highest().unwrap(), bound, "and stays there");
    }
}
