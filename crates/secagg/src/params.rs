//! The numbers of an epoch (docs/protocol.md §1).

use ripieno_study::{Check, Refusal};

/// The most share-holders of one cohort: the mask graph is complete.
pub const MAX_HOLDERS: usize = 128;
/// The most one-time slots of an epoch.
pub const MAX_SLOTS: u16 = 64;

/// `n`, `c`, `t` and `B` of an epoch, and what follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    holders: u16,
    corrupt: u16,
    slots: u16,
}

impl Parameters {
    /// Parameters for `holders` sites of which `corrupt` may collude, with `slots` slots (check A2).
    ///
    /// # Errors
    /// Where the numbers leave no survivor set that could be opened.
    pub fn new(holders: usize, corrupt: u16, slots: u16) -> Result<Self, Refusal> {
        let refuse = |reason: String| Err(Refusal::coordinator(Check::A2, reason));
        if !(3..=MAX_HOLDERS).contains(&holders) {
            return refuse(format!("an epoch has 3 to {MAX_HOLDERS} holders, not {holders}"));
        }
        if !(1..=MAX_SLOTS).contains(&slots) {
            return refuse(format!("an epoch has 1 to {MAX_SLOTS} slots, not {slots}"));
        }
        let holders = u16::try_from(holders).unwrap_or(u16::MAX);
        let params = Self { holders, corrupt, slots };
        let minimum = params.minimum(0);
        if minimum > holders {
            return refuse(format!(
                "{minimum} survivors are needed against {corrupt} corrupt sites, but only \
                 {holders} sites are in the epoch"
            ));
        }
        Ok(params)
    }

    /// `n`: share-holders.
    #[must_use]
    pub const fn holders(self) -> u16 {
        self.holders
    }

    /// `c`: sites assumed corrupt.
    #[must_use]
    pub const fn corrupt(self) -> u16 {
        self.corrupt
    }

    /// `B`: slots.
    #[must_use]
    pub const fn slots(self) -> u16 {
        self.slots
    }

    /// `t`: the smallest threshold with 2t > n + c and t > c.
    #[must_use]
    pub fn threshold(self) -> u16 {
        let sum = self.holders.saturating_add(self.corrupt);
        (sum / 2 + 1).max(self.corrupt.saturating_add(1))
    }

    /// `m`: the fewest survivors, max(t, c + 3, `wanted`).
    #[must_use]
    pub fn minimum(self, wanted: u16) -> u16 {
        self.threshold().max(self.corrupt.saturating_add(3)).max(wanted)
    }

    /// `v`: signatures of a VOID certificate, n − t + 1 + c. Then fewer than `t` holders are left
    /// that could still sign a survivor set.
    #[must_use]
    pub fn void_quorum(self) -> u16 {
        (self.holders + 1 + self.corrupt).saturating_sub(self.threshold())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_make_outcomes_unique_for_every_size() {
        for n in 3..=MAX_HOLDERS {
            for c in 0..=n as u16 {
                let Ok(params) = Parameters::new(n, c, 1) else {
                    assert!(n < usize::from(c) + 3 || 2 * n <= n + usize::from(c));
                    continue;
                };
                let (n, c, t) = (n as u16, c, params.threshold());
                assert!(2 * t > n + c && t > c, "two outcomes would need more than c doubles");
                assert!(2 * (t - 1) <= n + c || t - 1 <= c, "t is the smallest");
                // Of v signers at most c also sign survivors: n − (v − c) < t signatures remain.
                assert!(n - (params.void_quorum() - c) < t);
                assert!(params.void_quorum() <= t);
                assert!(params.minimum(0) >= t && params.minimum(0) >= c + 3);
            }
        }
    }

    #[test]
    fn the_text_s_examples() {
        let params = |n, c| Parameters::new(n, c, 64).unwrap();
        assert_eq!(params(3, 0).minimum(0), 3);
        assert_eq!(params(4, 1).minimum(0), 4, "four sites with c = 1 tolerate no dropout");
        assert_eq!(params(4, 0).minimum(0), 3);
        assert!(Parameters::new(3, 1, 64).is_err(), "three sites allow c = 0 only");
        assert!(Parameters::new(129, 0, 64).is_err());
        assert!(Parameters::new(4, 0, 65).is_err());
    }
}
