//! Draws the growth curves that `cargo bench -p ripieno-tests --bench rounds` measured, as SVG for the
//! docs: `just bench-plots`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
/// Around the plot: left, right, above, below.
const MARGINS: [f64; 4] = [70.0, 170.0, 40.0, 50.0];
const COLOURS: [&str; 6] = ["#0b5fa5", "#c4501b", "#2e7d32", "#7b1fa2", "#8d6e00", "#455a64"];

/// What one size of round costs, in milliseconds.
#[derive(Deserialize)]
struct Point {
    sites: usize,
    values: usize,
    wall_ms: f64,
    coordinator_cpu_ms: f64,
    site_cpu_ms: f64,
}

/// A line of a picture.
struct Line {
    name: String,
    dashed: bool,
    points: Vec<(f64, f64)>,
}

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("target/bench-curves.json");
    let text = fs::read_to_string(&file)
        .with_context(|| format!("{}: run the bench `rounds` first", file.display()))?;
    let points: Vec<Point> = serde_json::from_str(&text)?;
    let wall = |point: &Point| point.wall_ms;
    let coordinator = |point: &Point| point.coordinator_cpu_ms;
    let site = |point: &Point| point.site_cpu_ms;
    let pictures = [
        ("rounds-by-values.svg", "Round by values", "values", by_values(&points, &[(wall, false)])),
        (
            "cpu-by-values.svg",
            "CPU of a round by values (dashed: of a site)",
            "values",
            by_values(&points, &[(coordinator, false), (site, true)]),
        ),
        (
            "cpu-by-sites.svg",
            "CPU of a round by sites (dashed: of a site)",
            "sites",
            by_sites(&points, &[(coordinator, false), (site, true)]),
        ),
    ];
    for (name, title, axis, lines) in pictures {
        let path = root.join("docs").join(name);
        fs::write(&path, picture(title, axis, &lines)?)?;
        println!("{}", path.display());
    }
    Ok(())
}

type Cost = fn(&Point) -> f64;

/// One line for each number of sites.
fn by_values(points: &[Point], costs: &[(Cost, bool)]) -> Vec<Line> {
    let sites: BTreeSet<_> = points.iter().map(|point| point.sites).collect();
    let of = |(cost, dashed): &(Cost, bool)| {
        let (cost, dashed) = (*cost, *dashed);
        let line = move |sites: &usize| Line {
            name: format!("{sites} sites"),
            dashed,
            points: line(points.iter().filter(|p| p.sites == *sites), |p| p.values, cost),
        };
        sites.iter().map(line).collect::<Vec<_>>()
    };
    costs.iter().flat_map(of).collect()
}

/// One line for each number of values that was measured with several numbers of sites.
fn by_sites(points: &[Point], costs: &[(Cost, bool)]) -> Vec<Line> {
    let values: BTreeSet<_> = points.iter().map(|point| point.values).collect();
    let of = |(cost, dashed): &(Cost, bool)| {
        let (cost, dashed) = (*cost, *dashed);
        let line = move |values: &usize| Line {
            name: format!("{values} values"),
            dashed,
            points: line(points.iter().filter(|p| p.values == *values), |p| p.sites, cost),
        };
        values.iter().map(line).filter(|line| line.points.len() > 1).collect::<Vec<_>>()
    };
    costs.iter().flat_map(of).collect()
}

fn line<'a>(
    points: impl Iterator<Item = &'a Point>,
    along: fn(&Point) -> usize,
    cost: Cost,
) -> Vec<(f64, f64)> {
    let mut line: Vec<_> =
        points.map(|point| (along(point) as f64, cost(point).max(0.01))).collect();
    line.sort_by(|a, b| a.0.total_cmp(&b.0));
    line
}

/// Both axes are logarithmic.
fn picture(title: &str, axis: &str, lines: &[Line]) -> anyhow::Result<String> {
    let all = || lines.iter().flat_map(|line| &line.points);
    let x = Axis::of(all().map(|point| point.0), MARGINS[0], WIDTH - MARGINS[1]);
    let y = Axis::of(all().map(|point| point.1), HEIGHT - MARGINS[3], MARGINS[2]);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"white\"/>\n<text x=\"{}\" y=\"22\" font-size=\"15\">{title}</text>\n",
        MARGINS[0]
    );
    let (left, right) = (MARGINS[0], WIDTH - MARGINS[1]);
    let (top, bottom) = (MARGINS[2], HEIGHT - MARGINS[3]);
    for (value, at) in x.ticks() {
        writeln!(svg, "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#ddd\"/>")?;
        let below = bottom + 18.0;
        writeln!(svg, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{value}</text>")?;
    }
    for (value, at) in y.ticks() {
        writeln!(svg, "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#ddd\"/>")?;
        let (beside, middle) = (left - 6.0, at + 4.0);
        writeln!(svg, "<text x=\"{beside}\" y=\"{middle:.1}\" text-anchor=\"end\">{value}</text>")?;
    }
    let (middle, below) = ((left + right) / 2.0, HEIGHT - 10.0);
    writeln!(svg, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{axis}</text>")?;
    let side = (top + bottom) / 2.0;
    writeln!(svg, "<text transform=\"translate(16 {side}) rotate(-90)\">ms</text>")?;
    let names: BTreeSet<_> = lines.iter().map(|line| &line.name).collect();
    let mut named = BTreeSet::new();
    for line in lines {
        let place = names.iter().position(|name| **name == line.name).unwrap_or_default();
        let colour = COLOURS[place % COLOURS.len()];
        let dash = if line.dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        let at = |point: &(f64, f64)| format!("{:.1},{:.1}", x.at(point.0), y.at(point.1));
        let points: Vec<_> = line.points.iter().map(at).collect();
        let points = points.join(" ");
        writeln!(
            svg,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>"
        )?;
        for point in &line.points {
            let (cx, cy) = (x.at(point.0), y.at(point.1));
            writeln!(svg, "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3\" fill=\"{colour}\"/>")?;
        }
        if named.insert(&line.name) {
            let (beside, height) = (right + 12.0, top + 14.0 + 20.0 * named.len() as f64);
            let (from, middle) = (beside + 24.0, height - 4.0);
            writeln!(
                svg,
                "<path d=\"M{beside} {middle}h18\" stroke=\"{colour}\" stroke-width=\"2\"/>\
                 <text x=\"{from}\" y=\"{height}\">{}</text>",
                line.name
            )?;
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// One logarithmic axis, from one place of the picture to another.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// Over whole powers of ten around these values.
    fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.map(f64::log10) {
            (low, high) = (low.min(value.floor()), high.max(value.ceil()));
        }
        if low >= high {
            (low, high) = (0.0, 1.0);
        }
        Self { low, high, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.log10() - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// Each power of ten, as a text, and where it is.
    fn ticks(&self) -> impl Iterator<Item = (String, f64)> + '_ {
        let powers = self.low as i32..=self.high as i32;
        powers.map(|power| {
            let value = 10_f64.powi(power);
            let text = if power >= 6 { format!("1e{power}") } else { format!("{value}") };
            (text, self.at(value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_lie_equally_far_apart() {
        let axis = Axis::of([3.0, 500.0].into_iter(), 0.0, 30.0);
        let ticks: Vec<_> = axis.ticks().collect();
        let expected = [("1", 0.0), ("10", 10.0), ("100", 20.0), ("1000", 30.0)];
        assert_eq!(ticks.len(), expected.len());
        for ((text, at), (wanted, place)) in ticks.iter().zip(expected) {
            assert!(text == wanted && (at - place).abs() < 1e-9, "{text} {at}");
        }
    }

    #[test]
    fn every_line_is_drawn_and_named_once() {
        let point = |sites, values, cost| Point {
            sites,
            values,
            wall_ms: cost,
            coordinator_cpu_ms: cost,
            site_cpu_ms: cost / 2.0,
        };
        let points = [point(3, 30, 5.0), point(3, 3000, 50.0), point(10, 30, 9.0)];
        let coordinator: Cost = |point| point.coordinator_cpu_ms;
        let site: Cost = |point| point.site_cpu_ms;
        let lines = by_values(&points, &[(coordinator, false), (site, true)]);
        let svg = picture("a", "values", &lines).unwrap();
        assert_eq!((lines.len(), svg.matches("<polyline").count()), (4, 4));
        assert_eq!(svg.matches("3 sites").count(), 1);
        let lines = by_sites(&points, &[(coordinator, false)]);
        assert_eq!(lines.len(), 1, "one number of values was measured with several of sites");
    }
}
