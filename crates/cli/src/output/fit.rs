//! The figures of a report as people read them.

use std::fmt::Write as _;

use ripieno_analysis::{FedAvgReport, GlmReport, Report, VectorReport};
use ripieno_terminal::{Style, figure, percent, table, wrap};

/// The figures of a result.
pub(crate) fn of_report(report: &Report, style: Style) -> String {
    match report {
        Report::Glm(glm) => of_glm(glm, style),
        Report::FedAvg(fedavg) => of_fedavg(fedavg),
        Report::Vector(vector) => of_vector(vector),
    }
}

/// The table of coefficients, and what is known of the fit.
fn of_glm(glm: &GlmReport, style: Style) -> String {
    let (low, high) = (format!("{} % from", percent(glm.confidence)), "to".to_owned());
    let header = ["term", "estimate", "std. error", &glm.statistic, "p", &low, &high];
    // The lists of a report have one length.
    let get = |list: &[f64], i: usize| list.get(i).copied().unwrap_or(f64::NAN);
    let rows = glm.terms.iter().enumerate().map(|(i, term)| {
        let [low, high] = glm.confidence_intervals.get(i).copied().unwrap_or([f64::NAN; 2]);
        [
            term.clone(),
            figure(get(&glm.coefficients, i), 6),
            figure(get(&glm.standard_errors, i), 5),
            figure(get(&glm.statistics, i), 4),
            p_value(get(&glm.p_values, i)),
            figure(low, 5),
            figure(high, 5),
        ]
    });
    let mut text = table(&header, rows);
    let ending = if glm.converged { style.good("converged") } else { style.bad("NO ESTIMATE") };
    let _ = write!(
        text,
        "\n\n  {} family, {} rows\n  deviance {} on {} degrees of freedom; null deviance {} on {}",
        glm.family,
        glm.n,
        figure(glm.deviance, 8),
        glm.df_residual,
        figure(glm.null_deviance, 8),
        glm.df_null
    );
    if glm.family == "gaussian" {
        let _ = write!(text, "; dispersion {}", figure(glm.dispersion, 6));
    }
    let _ = write!(text, "\n  {ending}\n{}", wrap(&glm.message, 4));
    text
}

fn p_value(p: f64) -> String {
    if p < 1e-16 { "<1e-16".into() } else { figure(p, 3) }
}

fn of_fedavg(report: &FedAvgReport) -> String {
    let rows = report.terms.iter().zip(&report.parameters);
    let rows = rows.map(|(term, value)| [term.clone(), figure(*value, 8)]);
    let mut text = table(&["term", "parameter"], rows);
    let metrics = report.metrics.iter().filter(|(name, _)| *name != "n");
    let metrics: Vec<_> =
        metrics.map(|(name, value)| format!("{name} {}", figure(*value, 5))).collect();
    let _ = write!(
        text,
        "\n\n  {} family, {} training rounds\n  on {} training rows: {}\n  {} values clipped",
        report.family,
        report.training_rounds,
        report.n,
        metrics.join(", "),
        report.clipped
    );
    text
}

fn of_vector(report: &VectorReport) -> String {
    format!(
        "  {} values, summed {} times; the last sum has {} summands\n  mean {}, norm {}, {} values \
         clipped\n  digest of the sum {}",
        report.length,
        report.summed_rounds,
        report.summands,
        figure(report.mean, 6),
        figure(report.norm, 6),
        report.clipped,
        report.sum_digest
    )
}
