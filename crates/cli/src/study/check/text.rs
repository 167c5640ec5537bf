//! The facts as people read them.

use ripieno_study::manifest::{
    AnalysisSpec, DataSpec, Family, Missing, Standardise, UpdateEncoding,
};
use ripieno_study::plan::Clip;
use ripieno_study::{Membership, Study};

use super::Answer;
use super::facts::{Facts, Upload};
use ripieno_terminal::{Style, bytes, counted, percent, table, wrap};

/// Features that are named.
const MOST_NAMES: usize = 12;

/// Everything, in sections.
pub(crate) fn of(study: &Study, facts: &Facts, answer: Option<&Answer>) -> String {
    let style = Style::of_stdout();
    let manifest = study.manifest();
    let heading = format!("{}  (study {})", style.bold(&manifest.name), study.digest().short());
    let mut lines = vec![
        ("purpose", manifest.purpose.clone()),
        ("computes", analysis(&manifest.analysis)),
        ("reads", manifest.data.as_ref().map_or("no data".into(), data)),
        ("encoding", encoding(manifest.aggregation.encoding)),
        ("rounds", format!("at most {}", facts.rounds_at_most)),
    ];
    lines.extend(facts.uploads.iter().map(|step| ("upload", upload(step))));
    let line = |(key, text): &(&str, String)| {
        let text = wrap(text, 12);
        format!("  {key:<10}{}", text.trim_start())
    };
    let lines: Vec<_> = lines.iter().map(line).collect();
    let federations = facts.federations.iter().map(|row| {
        let or = |number: Option<String>| number.unwrap_or_else(|| "–".into());
        [
            row.sites.to_string(),
            row.corrupt.to_string(),
            or(row.threshold.map(|t| t.to_string())),
            or(row.minimum.map(|m| m.to_string())),
            or(row.may_be_missing.map(|missing| missing.to_string())),
            row.problem.clone().unwrap_or_default(),
        ]
    });
    let header = ["sites", "c corrupt", "t open", "m summed", "may be missing", ""];
    let mut sections = vec![
        heading,
        lines.join("\n"),
        format!("{}\n{}", style.bold("In a federation of"), table(&header, federations)),
        format!("{}\n{}", style.bold("Privacy"), privacy(study)),
    ];
    sections.extend(answer.map(|answer| at_coordinator(answer, style)));
    if answer.is_none_or(|answer| answer.problems.is_empty()) {
        sections.push(style.good("The study is good."));
    }
    sections.join("\n\n")
}

/// What the coordinator says.
fn at_coordinator(answer: &Answer, style: Style) -> String {
    let title = style.bold(format!("In {}, at {}", answer.federation, answer.coordinator));
    let lines = answer.problems.iter().map(|line| ("problem", line));
    let lines = lines.chain(answer.warnings.iter().map(|line| ("warning", line)));
    let lines: Vec<_> = lines.map(|(kind, line)| wrap(&format!("{kind}: {line}"), 2)).collect();
    if lines.is_empty() {
        return format!("{title}\n  nothing stands in its way");
    }
    format!("{title}\n{}", lines.join("\n"))
}

fn analysis(analysis: &AnalysisSpec) -> String {
    match analysis {
        AnalysisSpec::Glm(glm) => format!(
            "glm, {} family: at most {} Newton steps, tolerance {:e}, {} % intervals",
            family(glm.family),
            glm.max_iterations,
            glm.tolerance,
            percent(glm.confidence)
        ),
        AnalysisSpec::FedAvg(fedavg) => {
            let batch = fedavg.batch_size.map_or("all rows".into(), |rows| counted(rows, "row"));
            let standardise = match fedavg.standardise {
                Standardise::None => "features as they are",
                Standardise::Site => "features standardised at each site",
            };
            format!(
                "fedavg, {} family: {} of {} with {batch}, rate {}, {standardise}",
                family(fedavg.family),
                counted(fedavg.rounds, "round"),
                counted(fedavg.local_steps, "step"),
                fedavg.learning_rate
            )
        }
        AnalysisSpec::Vector(vector) => {
            format!("vector: {} random values, {} times", vector.length, vector.rounds)
        }
    }
}

fn family(family: Family) -> &'static str {
    match family {
        Family::Gaussian => "gaussian",
        Family::Binomial => "binomial",
        Family::Poisson => "poisson",
    }
}

fn data(data: &DataSpec) -> String {
    let shown: Vec<_> = data.features.iter().take(MOST_NAMES).map(String::as_str).collect();
    let more = match data.features.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let missing = match data.missing {
        Missing::Error => "a missing value is an error",
        Missing::DropRow => "rows with a missing value are left out",
    };
    format!(
        "data set {:?}: outcome {}; features {}{more}; {missing}",
        data.dataset,
        data.outcome,
        shown.join(", ")
    )
}

fn encoding(encoding: UpdateEncoding) -> String {
    match encoding {
        UpdateEncoding::Wide => "wide: exact 128-bit fixed point".into(),
        UpdateEncoding::Packed { packing, range, clip } => {
            let clip = match clip {
                Clip::Refuse => "an error",
                Clip::Coordinate => "moved to its end",
                Clip::L2 => "shortened as a whole",
            };
            format!(
                "packed: {} values of {} bits in a lane, within ±{range}; outside of it {clip}",
                packing.fields(),
                packing.width()
            )
        }
    }
}

fn upload(upload: &Upload) -> String {
    let vectors = upload
        .vectors
        .iter()
        .map(|vector| format!("{} {} ({})", vector.name, vector.values, vector.encoding));
    let vectors: Vec<_> = vectors.collect();
    format!(
        "{} a site in a round of kind {:?}, for any number of sites: {}",
        bytes(upload.bytes),
        upload.step,
        vectors.join(", ")
    )
}

fn privacy(study: &Study) -> &'static str {
    match study.manifest().aggregation.membership {
        Membership::Fixed => {
            "  membership is fixed: every sum is over the same sites, or it is not opened. A lost \
             site\n  makes the study wait. No noise is added: what the result says, it says."
        }
        Membership::MayChange => {
            "  membership may change: a lost site is recovered and the study goes on without it.\n  \
             DIFFERENCING IS NOT PREVENTED: from a sum with a site and a sum without it, whoever \
             sees\n  both can compute that site's part, up to what changed in between. Sites ask \
             their steward\n  before they approve. No noise is added: what the result says, it says."
        }
    }
}
