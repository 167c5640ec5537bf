//! How cost grows: points for the pictures, and exponents.

use std::path::Path;

use ripieno_bench::{Bench, Goal, Row, stats};
use serde_json::json;

use super::course::Measured;

/// Costs of rounds by number of sites and of values, in milliseconds.
#[derive(Default)]
pub(crate) struct Curves {
    points: Vec<Point>,
}

#[derive(Clone, Copy)]
struct Point {
    sites: usize,
    length: usize,
    wall: f64,
    coordinator: f64,
    site: f64,
}

/// Lengths below are the fixed cost of a round.
const SMALL: usize = 1000;

impl Curves {
    /// Takes the medians of what was measured.
    pub(crate) fn add(&mut self, measured: &Measured) {
        let median = |of: &dyn Fn(&super::course::Round) -> f64| {
            stats::median(&measured.rounds.iter().map(of).collect::<Vec<_>>())
        };
        self.points.push(Point {
            sites: measured.sites,
            length: measured.length,
            wall: median(&|round| round.wall()),
            coordinator: median(&|round| round.cpu().0),
            site: median(&|round| round.cpu().1),
        });
    }

    /// Adds the exponents, and keeps the points for the pictures.
    ///
    /// What a round costs that sums next to nothing is taken off first, with as many sites.
    pub(crate) fn report(&self, bench: &mut Bench) {
        let by_length = |point: &Point| point.length as f64;
        let by_sites = |point: &Point| point.sites as f64;
        let of_ten = |point: &Point| point.sites == 10;
        let of_many = |point: &Point| point.length == 100_000;
        type Cost = fn(&Point) -> f64;
        let sides: [(&str, Cost); 2] =
            [("a site", |point| point.site), ("the coordinator", |point| point.coordinator)];
        for (who, cost) in sides {
            let exponents = [
                ("values, 10 sites", self.exponent(of_ten, by_length, cost)),
                ("sites, 100000 values", self.exponent(of_many, by_sites, cost)),
            ];
            for (over, exponent) in exponents {
                if exponent.is_nan() {
                    continue;
                }
                let name = format!("exponent of CPU of {who} over {over}");
                bench.add(Row::figure(name, "", &[exponent]));
                let name = format!("CPU of {who} over {over}: exponent's distance from 1");
                let off = Row::figure(name, "", &[(exponent - 1.0).abs()]);
                bench.add(off.goal(Goal::AtMost(0.05)));
            }
        }
        self.keep();
    }

    fn exponent(
        &self,
        which: impl Fn(&Point) -> bool,
        along: impl Fn(&Point) -> f64,
        cost: impl Fn(&Point) -> f64,
    ) -> f64 {
        let fixed = |point: &Point| {
            let small = |one: &&Point| one.sites == point.sites && one.length < SMALL;
            self.points.iter().find(small).map_or(0.0, &cost)
        };
        let large = self.points.iter().filter(|point| point.length >= SMALL && which(point));
        let curve = large.map(|point| (along(point), (cost(point) - fixed(point)).max(1e-3)));
        stats::exponent(&curve.collect::<Vec<_>>())
    }

    fn keep(&self) {
        let point = |point: &Point| {
            json!({
                "sites": point.sites, "values": point.length, "wall_ms": point.wall,
                "coordinator_cpu_ms": point.coordinator, "site_cpu_ms": point.site,
            })
        };
        let points: Vec<_> = self.points.iter().map(point).collect();
        if points.is_empty() {
            return;
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-curves.json");
        let text = serde_json::to_string_pretty(&points).expect("numbers as JSON");
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
