//! What is compared, and how well it should do.

/// A comparison of a subject with a reference.
#[derive(Clone, Debug)]
pub struct Contest {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) goal: Goal,
    pub(crate) speed: bool,
    /// Units of work in one call: of the subject, of the reference.
    pub(crate) work: (f64, f64),
}

/// What a ratio should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// No less than this.
    AtLeast(f64),
    /// No more than this.
    AtMost(f64),
    /// Shown for information.
    None,
}

impl Contest {
    /// The ratio is the subject's speed as a fraction of the reference's. The name should say so.
    #[must_use]
    pub fn fraction(name: impl Into<String>, goal: Goal) -> Self {
        Self::new(name, goal, true)
    }

    /// The ratio is the subject's cost as a multiple of the reference's. The name should say so.
    #[must_use]
    pub fn multiple(name: impl Into<String>, goal: Goal) -> Self {
        Self::new(name, goal, false)
    }

    fn new(name: impl Into<String>, goal: Goal, speed: bool) -> Self {
        Self { name: name.into(), unit: "ns".into(), goal, speed, work: (1.0, 1.0) }
    }

    /// What minimum and median of the subject are given in: by default "ns", nanoseconds a call.
    /// With [`Contest::work`] it is something like "ns/lane".
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// How many units of work one call of the subject does, and one of the reference: costs are
    /// compared for each unit. By default both do 1.
    #[must_use]
    pub fn work(mut self, subject: f64, reference: f64) -> Self {
        self.work = (subject, reference);
        self
    }

    /// The ratio of one round, from the cost of a call of each.
    pub(crate) fn ratio(&self, subject: f64, reference: f64) -> f64 {
        let cost = (subject / self.work.0) / (reference / self.work.1);
        if self.speed { 1.0 / cost } else { cost }
    }
}

impl Goal {
    /// Whether a ratio reaches it; `None` where there is nothing to reach.
    #[must_use]
    pub fn reached(self, ratio: f64) -> Option<bool> {
        match self {
            Goal::AtLeast(bound) => Some(ratio >= bound),
            Goal::AtMost(bound) => Some(ratio <= bound),
            Goal::None => None,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Goal::AtLeast(bound) => write!(f, "≥ {bound}"),
            Goal::AtMost(bound) => write!(f, "≤ {bound}"),
            Goal::None => f.write_str("–"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_of_speed_and_a_multiple_of_cost() {
        let goal = Goal::None;
        assert_eq!(Contest::fraction("a", goal).ratio(2.0, 1.0), 0.5);
        assert_eq!(Contest::multiple("a", goal).ratio(2.0, 1.0), 2.0);
        // Twice the time for four times the work.
        assert_eq!(Contest::multiple("a", goal).work(4.0, 1.0).ratio(2.0, 1.0), 0.5);
        assert_eq!(Goal::AtLeast(0.5).reached(0.4), Some(false));
        assert_eq!(Goal::AtMost(0.5).reached(0.4), Some(true));
    }
}
