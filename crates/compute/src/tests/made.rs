//! Made data: the ways in which a fit does not end well, and units.

use ndarray::{Array1, Array2};
use rand::rngs::ChaCha20Rng;
use rand::{Rng, SeedableRng};
use ripieno_analysis::{GlmReport, Members, Status, for_study};
use ripieno_study::manifest::{AnalysisSpec, Family, GlmSpec, UpdateEncoding};

use super::{Site, assert_close, glm_report, glm_spec, manifest, run_glm, run_with, summed};
use crate::error::RowError;
use crate::{Rows, on_rows};

/// Rows `(features, outcome)` dealt to three sites in turn.
fn dealt(rows: &[(Vec<f64>, f64)]) -> Vec<Site> {
    let site = |first: usize| {
        let own: Vec<_> = rows.iter().skip(first).step_by(3).collect();
        let entry = |(row, column): (usize, usize)| own[row].0[column];
        let features = Array2::from_shape_fn((own.len(), rows[0].0.len()), entry);
        (features, Array1::from_iter(own.iter().map(|row| row.1)))
    };
    (0..3).map(site).collect()
}

struct Draw(ChaCha20Rng);

impl Draw {
    fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn event(&mut self, log_odds: f64) -> f64 {
        f64::from(u8::from(self.uniform() < 1.0 / (1.0 + (-log_odds).exp())))
    }

    /// A count of this mean, by multiplying uniforms.
    fn count(&mut self, mean: f64) -> f64 {
        let (limit, mut product, mut count) = ((-mean).exp(), self.uniform(), 0.0);
        while product > limit {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }
}

fn logistic_rows(seed: u64, count: usize) -> Vec<(Vec<f64>, f64)> {
    let mut draw = Draw::new(seed);
    let row = |_| {
        let (a, b) = (2.0 * draw.uniform() - 1.0, draw.uniform());
        let y = draw.event(0.3 + 1.2 * a - 0.7 * b);
        (vec![a, b], y)
    };
    (0..count).map(row).collect()
}

fn fit(family: Family, features: &[&str], rows: &[(Vec<f64>, f64)]) -> GlmReport {
    run_glm(glm_spec(family), features, &dealt(rows))
}

#[test]
fn a_line_through_four_points() {
    // y = 1, 3, 2, 5 at x = 0..3: slope 1.1, intercept 1.1, RSS 2.7, by hand.
    let rows: Vec<_> =
        [1.0, 3.0, 2.0, 5.0].iter().enumerate().map(|(x, y)| (vec![x as f64], *y)).collect();
    let report = fit(Family::Gaussian, &["x"], &rows);
    assert!(report.converged, "{}", report.message);
    assert_close("coefficients", &report.coefficients, &[1.1, 1.1], 1e-11);
    assert_close("deviances", &[report.deviance, report.null_deviance], &[2.7, 8.75], 1e-11);
    let slope_error = (1.35_f64 / 5.0).sqrt();
    assert_close("error", &report.standard_errors[1..], &[slope_error], 1e-11);
    // With 2 degrees of freedom P(|T| > t) = 1 − t/√(2 + t²), and the 97.5 % point is 4.30265….
    let t = 1.1 / slope_error;
    assert_close("p", &report.p_values[1..], &[1.0 - t / (2.0 + t * t).sqrt()], 1e-11);
    let half = 4.302652729749464 * slope_error;
    assert_close("interval", &report.confidence_intervals[1], &[1.1 - half, 1.1 + half], 1e-8);
    assert_eq!((report.df_residual, report.df_null, report.statistic.as_ref()), (2, 3, "t"));
}

#[test]
fn a_two_by_two_table_has_its_log_odds_ratio() {
    // 10 of 30 and 25 of 40 events: log odds −log 2, odds ratio (25/15)/(10/20) = 10/3.
    let group = |x: f64, events: usize, n: usize| {
        (0..n).map(move |i| (vec![x], f64::from(u8::from(i < events))))
    };
    let rows: Vec<_> = group(0.0, 10, 30).chain(group(1.0, 25, 40)).collect();
    let report = fit(Family::Binomial, &["exposed"], &rows);
    let expected = [-(2_f64.ln()), (10.0_f64 / 3.0).ln()];
    assert_close("coefficients", &report.coefficients, &expected, 1e-11);
    let errors = [(0.1_f64 + 0.05).sqrt(), (0.1 + 0.05 + 0.04 + 1.0 / 15.0_f64).sqrt()];
    assert_close("errors", &report.standard_errors, &errors, 1e-11);
    assert_eq!(report.statistic, "z");
}

#[test]
fn large_counts_by_group_have_their_log_means() {
    let counts = [[1_900_000_000.0, 2_100_000_000.0, 2_000_000_000.0], [3.0, 0.0, 6.0]];
    let rows: Vec<_> = (counts.iter().zip([1.0, 0.0]))
        .flat_map(|(group, x)| group.iter().map(move |y| (vec![x], *y)))
        .collect();
    let report = fit(Family::Poisson, &["city"], &rows);
    assert!(report.converged, "{}", report.message);
    let expected = [3_f64.ln(), (2e9_f64 / 3.0).ln()];
    // Residuals of 1e8 are known to 1e-8, and that is shared by an information of 9.
    assert_close("coefficients", &report.coefficients, &expected, 1e-8);
    assert_close("error", &report.standard_errors[..1], &[(1.0_f64 / 9.0).sqrt()], 1e-7);
}

#[test]
fn poisson_deviances_match_their_definition() {
    let mut draw = Draw::new(5);
    let row = |_| {
        let x = 2.0 * draw.uniform();
        (vec![x], draw.count((0.2 + 0.9 * x).exp()))
    };
    let rows: Vec<_> = (0..300).map(row).collect();
    let report = fit(Family::Poisson, &["x"], &rows);
    assert!(report.converged, "{}", report.message);
    let deviance = |mean: &dyn Fn(f64) -> f64| -> f64 {
        let log = |y: f64, mean: f64| if y > 0.0 { y * (y / mean).ln() } else { 0.0 };
        rows.iter().map(|(x, y)| 2.0 * (log(*y, mean(x[0])) - (y - mean(x[0])))).sum()
    };
    let [a, b] = report.coefficients[..] else { panic!("two coefficients") };
    let mean = rows.iter().map(|row| row.1).sum::<f64>() / 300.0;
    let expected = [deviance(&|x| (a + b * x).exp()), deviance(&|_| mean)];
    assert_close("deviances", &[report.deviance, report.null_deviance], &expected, 1e-8);
    let score: f64 = rows.iter().map(|(x, y)| x[0] * (y - (a + b * x[0]).exp())).sum();
    assert!(score.abs() < 1e-8, "{score}");
}

#[test]
fn units_of_columns_do_not_matter() {
    let mut draw = Draw::new(3);
    let noisy: Vec<_> = (0..90)
        .map(|i| {
            let (a, b) = (draw.uniform(), f64::from(i % 7));
            (vec![a, b], 40.0 + 3.0 * a - 0.5 * b + draw.uniform())
        })
        .collect();
    let plain = fit(Family::Gaussian, &["a", "b"], &noisy);
    for (unit_a, unit_b, unit_y) in [(1e-7, 1e5, 1e-6), (1e9, 1e-8, 1e7), (1.0, 1e-6, 1e-9)] {
        let scaled: Vec<_> =
            noisy.iter().map(|(x, y)| (vec![x[0] * unit_a, x[1] * unit_b], y * unit_y)).collect();
        let report = fit(Family::Gaussian, &["a", "b"], &scaled);
        assert!(report.converged, "{}", report.message);
        let back = |values: &[f64]| {
            [values[0] / unit_y, values[1] * unit_a / unit_y, values[2] * unit_b / unit_y]
        };
        assert_close("coefficients", &back(&report.coefficients), &plain.coefficients, 1e-9);
        assert_close("errors", &back(&report.standard_errors), &plain.standard_errors, 1e-9);
        let deviances = [report.deviance / unit_y / unit_y, report.null_deviance / unit_y / unit_y];
        assert_close("deviances", &deviances, &[plain.deviance, plain.null_deviance], 1e-8);
    }
}

#[test]
fn tiny_columns_of_a_binomial_fit() {
    let rows = logistic_rows(8, 400);
    let plain = fit(Family::Binomial, &["a", "b"], &rows);
    let tiny: Vec<_> = rows.iter().map(|(x, y)| (vec![x[0] * 1e-8, x[1]], *y)).collect();
    let report = fit(Family::Binomial, &["a", "b"], &tiny);
    let back = [report.coefficients[0], report.coefficients[1] * 1e-8, report.coefficients[2]];
    assert_close("coefficients", &back, &plain.coefficients, 1e-9);
}

#[test]
fn complete_separation_is_said() {
    let rows: Vec<_> = (0..60)
        .map(|i| {
            let x = f64::from(i) / 10.0;
            (vec![x, f64::from(i % 5)], f64::from(u8::from(x > 3.05)))
        })
        .collect();
    let report = fit(Family::Binomial, &["dose", "ward"], &rows);
    assert_eq!(report.status, Status::Separated, "{}", report.message);
    assert!(report.message.contains("dose") && report.message.contains("all rows"));
}

#[test]
fn few_rows_for_many_columns_are_separated() {
    let features = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    for seed in 0..20 {
        let mut draw = Draw::new(seed);
        let rows: Vec<_> = (0..18)
            .map(|row| {
                let spread = 10_f64.powi(row % 3);
                let x = features.iter().map(|_| spread * (draw.uniform() - 0.5)).collect();
                (x, f64::from(row % 2))
            })
            .collect();
        let report = fit(Family::Binomial, &features, &rows);
        assert_eq!(report.status, Status::Separated, "{seed}: {}", report.message);
    }
}

#[test]
fn quasi_complete_separation_names_the_terms_concerned() {
    let mut rows = logistic_rows(4, 240);
    // A rare marker that only events have.
    for (number, (x, y)) in rows.iter_mut().enumerate() {
        x.push(f64::from(u8::from(*y == 1.0 && number % 40 == 0)));
    }
    assert!(rows.iter().any(|(x, _)| x[2] == 1.0));
    let report = fit(Family::Binomial, &["a", "b", "marker"], &rows);
    assert_eq!(report.status, Status::Separated, "{}", report.message);
    assert!(report.message.contains("combination of marker predicts"), "{}", report.message);
    assert!(report.message.contains("some rows"));
}

#[test]
fn groups_without_counts_separate_a_poisson_fit() {
    let mut draw = Draw::new(6);
    let rows: Vec<_> = (0..120)
        .map(|i| {
            let closed = f64::from(u8::from(i % 4 == 0));
            (vec![closed, draw.uniform()], if closed == 1.0 { 0.0 } else { draw.count(4.0) })
        })
        .collect();
    let report = fit(Family::Poisson, &["closed", "x"], &rows);
    assert_eq!(report.status, Status::Separated, "{}", report.message);
    assert!(report.message.contains("combination of closed predicts"), "{}", report.message);
}

#[test]
fn rare_events_are_not_separation() {
    // 1 event in 3000 unexposed, 2 in 3000 exposed: finite, if extreme, log odds.
    let rows: Vec<_> = (0..6000)
        .map(|i| {
            let x = f64::from(u8::from(i >= 3000));
            (vec![x], f64::from(u8::from([0, 3000, 3001].contains(&i))))
        })
        .collect();
    let report = fit(Family::Binomial, &["exposed"], &rows);
    assert!(report.converged, "{}", report.message);
    let odds = |events: f64| (events / (3000.0 - events)).ln();
    assert_close("coefficients", &report.coefficients, &[odds(1.0), odds(2.0) - odds(1.0)], 1e-9);
}

#[test]
fn an_outcome_without_variation_is_said() {
    let ill: Vec<_> = (0..30).map(|i| (vec![f64::from(i)], 1.0)).collect();
    let report = fit(Family::Binomial, &["x"], &ill);
    assert_eq!(report.status, Status::Separated);
    assert!(report.message.contains("is 1 in every row"), "{}", report.message);
    let none: Vec<_> = (0..30).map(|i| (vec![f64::from(i)], 0.0)).collect();
    assert_eq!(fit(Family::Poisson, &["x"], &none).status, Status::Separated);
}

#[test]
fn collinear_columns_are_named() {
    for family in [Family::Gaussian, Family::Binomial, Family::Poisson] {
        let mut rows = logistic_rows(2, 90);
        for (x, _) in &mut rows {
            let sum = 1e-3 * (x[0] - 3.0);
            x.insert(1, sum);
        }
        let report = fit(family, &["weight", "grams", "b"], &rows);
        assert_eq!(report.status, Status::Collinear, "{}", report.message);
        let expected = "column grams is a linear combination of (Intercept), weight:";
        assert!(report.message.contains(expected), "{}", report.message);
        rows.iter_mut().for_each(|(x, _)| x[1] = 0.0);
        let report = fit(family, &["weight", "unused", "b"], &rows);
        assert_eq!(report.status, Status::Collinear, "{}", report.message);
        assert!(report.message.contains("unused is zero at every site"), "{}", report.message);
        assert!(serde_json::to_string(&report).unwrap().contains("\"coefficients\":[null,"));
    }
}

#[test]
fn too_few_steps_are_said() {
    let spec = GlmSpec { max_iterations: 2, ..glm_spec(Family::Binomial) };
    let report = run_glm(spec, &["a", "b"], &dealt(&logistic_rows(1, 200)));
    assert_eq!((report.status, report.converged), (Status::NotConverged, false));
    assert!(report.message.contains("max_iterations"), "{}", report.message);
    assert!(report.coefficients.iter().all(|value| value.is_finite()));
}

#[test]
fn rows_far_out_do_not_lead_a_fit_astray() {
    // In both the first point is worse than the null model. In the second the step from there
    // overshoots too, and is shortened; without going back, the first one does not converge.
    let cases = [
        ([(200.0, 1000.0), (1000.0, 0.0)], [4.504139331542028, 0.0006709049599444982]),
        ([(20.0, 1000.0), (50.0, 50.0)], [4.143135264994739, 0.034738494103598645]),
    ];
    let near = [0.0, 1.0, 0.0, 2.0, 1.0, 0.0, 0.0, 1.0];
    for (far, expected) in cases {
        let rows: Vec<_> = (near.iter().enumerate().map(|(x, y)| (x as f64, *y)).chain(far))
            .map(|(x, y)| (vec![x], y))
            .collect();
        let report = fit(Family::Poisson, &["x"], &rows);
        assert!(report.converged, "{}", report.message);
        // Expected: the same algorithm over the pooled rows in another language, where the retreat
        // is what makes it converge.
        assert_close("coefficients", &report.coefficients, &expected, 1e-10);
    }
}

#[test]
fn all_figures_are_of_the_last_set_of_sites() {
    let rows = logistic_rows(12, 600);
    let sites = dealt(&rows);
    let analysis = AnalysisSpec::Glm(glm_spec(Family::Binomial));
    let study = manifest(&["a", "b"], analysis, UpdateEncoding::Wide);
    // Who is there changes from round to round, until the analysis asks for the same sites.
    let flapping = [vec![0, 1, 2], vec![0, 2], vec![0, 1, 2], vec![1, 2]];
    let (report, rounds) = run_with(&study, &sites, |round, before, wish| match wish {
        Members::Same => before.last().unwrap().survivors.clone(),
        Members::Any => flapping[round % 4].clone(),
    });
    let report = glm_report(report);
    assert!(report.converged, "{}", report.message);
    let last = rounds.last().unwrap();
    assert_eq!(last.members, Members::Same);
    let own: Vec<Site> = last.survivors.iter().map(|site| sites[*site].clone()).collect();
    let pooled = run_glm(glm_spec(Family::Binomial), &["a", "b"], &own);
    assert_eq!(report.n, pooled.n);
    assert_close("coefficients", &report.coefficients, &pooled.coefficients, 1e-9);
    assert_close("errors", &report.standard_errors, &pooled.standard_errors, 1e-9);
    assert_close("deviance", &[report.deviance], &[pooled.deviance], 1e-9);
}

#[test]
fn the_next_state_is_the_same_wherever_it_is_computed() {
    let sites = dealt(&logistic_rows(12, 60));
    let analysis = AnalysisSpec::Glm(glm_spec(Family::Binomial));
    let study = manifest(&["a", "b"], analysis, UpdateEncoding::Wide);
    let analysis = for_study(&study).unwrap();
    let step = || {
        let state = analysis.initial();
        analysis.combine(&state, &summed(&study, analysis.as_ref(), &state, &sites, &[0, 1, 2]), 3)
    };
    assert_eq!(step(), step());
}

#[test]
fn outcomes_that_a_family_does_not_have_are_refused_by_row() {
    for (family, bad) in [
        (Family::Binomial, 2.0),
        (Family::Binomial, 0.5),
        (Family::Poisson, -1.0),
        (Family::Poisson, 1.5),
        (Family::Poisson, 1e10),
    ] {
        let study = manifest(&["x"], AnalysisSpec::Glm(glm_spec(family)), UpdateEncoding::Wide);
        let state = for_study(&study).unwrap().initial();
        let (features, outcome) = (Array2::zeros((3, 1)), Array1::from(vec![0.0, 1.0, bad]));
        let rows = Rows { features: features.view(), outcome: outcome.view() };
        let refused = on_rows(&study, &state, rows);
        assert!(matches!(refused, Err(RowError::Outcome { row: 2, .. })), "{refused:?}");
    }
}
