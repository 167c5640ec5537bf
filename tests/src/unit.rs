//! The units of systemd that are shipped: daemons under test have the environment that these set.

/// Variables that a unit sets, with their values.
///
/// # Panics
/// Where a line sets anything but one variable.
pub(crate) fn environment(unit: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix("Environment="));
    lines.map(|line| line.split_once('=').unwrap_or_else(|| panic!("{line}: no NAME=VALUE")))
}
