//! Manifests: what is accepted, with its defaults, and what is refused, with its line.

use proptest::prelude::*;
use ripieno_study::Study;
use ripieno_study::manifest::{
    AnalysisSpec, Family, Manifest, ManifestError, Missing, Standardise, UpdateEncoding,
};
use ripieno_study::plan::{Clip, Packing};
use ripieno_study::{Digest, Membership};

/// Lines 1 to 15.
const GLM: &str = r#"name = "heart disease, four hospitals"
purpose = "research"

[data]
dataset = "heart"
outcome = "y"
features = ["age", "mean radius"]
missing = "error"

[analysis]
kind = "glm"
family = "binomial"

[aggregation]
minimum_sites = 3
"#;

const FEDAVG: &str = r#"name = "n"
purpose = "research"
[data]
dataset = "heart"
outcome = "y"
features = ["age"]
[analysis]
kind = "fedavg"
family = "gaussian"
rounds = 5
local_steps = 2
learning_rate = 0.1
"#;

const VECTOR: &str = r#"name = "n"
purpose = "bench"
[analysis]
kind = "vector"
length = 1000
"#;

fn parse(text: &str) -> Manifest {
    Study::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}")).manifest().clone()
}

fn refused(text: &str) -> ManifestError {
    Study::parse(text).map(|study| study.manifest().clone()).expect_err(text)
}

fn edited(base: &str, from: &str, to: &str) -> String {
    assert!(base.contains(from), "{from} is not in the base");
    base.replacen(from, to, 1)
}

#[test]
fn a_glm_with_its_defaults() {
    let manifest = parse(GLM);
    assert_eq!(manifest.name, "heart disease, four hospitals");
    let data = manifest.data.unwrap();
    assert_eq!(data.columns().collect::<Vec<_>>(), ["y", "age", "mean radius"]);
    assert_eq!(data.missing, Missing::Error);
    let AnalysisSpec::Glm(glm) = manifest.analysis else { panic!() };
    assert_eq!((glm.family, glm.max_iterations), (Family::Binomial, 25));
    assert_eq!((glm.tolerance, glm.confidence), (1e-12, 0.95));
    let aggregation = manifest.aggregation;
    assert_eq!((aggregation.minimum_sites, aggregation.corrupt), (3, None));
    assert_eq!(aggregation.membership, Membership::Fixed);
    assert_eq!(aggregation.encoding, UpdateEncoding::Wide);
}

#[test]
fn a_fedavg_with_its_defaults() {
    let manifest = parse(FEDAVG);
    let AnalysisSpec::FedAvg(fedavg) = manifest.analysis else { panic!() };
    assert_eq!((fedavg.rounds, fedavg.local_steps, fedavg.batch_size), (5, 2, None));
    assert_eq!((fedavg.learning_rate, fedavg.shuffle, fedavg.seed), (0.1, false, 0));
    assert_eq!((fedavg.standardise, fedavg.max_rows), (Standardise::None, None));
    assert_eq!(manifest.aggregation.encoding, UpdateEncoding::Wide);
    assert_eq!(manifest.aggregation.minimum_sites, 3);
}

#[test]
fn a_vector_needs_no_data_and_is_packed() {
    let manifest = parse(VECTOR);
    assert!(manifest.data.is_none());
    let AnalysisSpec::Vector(vector) = manifest.analysis else { panic!() };
    assert_eq!((vector.length, vector.seed, vector.rounds), (1000, 0, 1));
    assert_eq!(
        manifest.aggregation.encoding,
        UpdateEncoding::Packed { packing: Packing::Three, range: 1.0, clip: Clip::Refuse }
    );
}

#[test]
fn forms_of_batch_size_and_standardise() {
    let with = |line: &str| match parse(&format!("{FEDAVG}{line}\n")).analysis {
        AnalysisSpec::FedAvg(fedavg) => (fedavg.batch_size, fedavg.standardise),
        other => panic!("{other:?}"),
    };
    assert_eq!(with("batch_size = 32").0, Some(32));
    assert_eq!(with("batch_size = 0").0, None);
    assert_eq!(with("batch_size = \"all\"").0, None);
    for (text, meaning) in [
        ("false", Standardise::None),
        ("\"none\"", Standardise::None),
        ("true", Standardise::Site),
        ("\"site\"", Standardise::Site),
    ] {
        assert_eq!(with(&format!("standardise = {text}")).1, meaning, "{text}");
    }
}

#[test]
fn packed_updates() {
    let packed = |fields: &str| {
        let text = format!("{FEDAVG}[aggregation]\nencoding = \"packed\"\n{fields}");
        parse(&text).aggregation.encoding
    };
    let encoding = |packing, range, clip| UpdateEncoding::Packed { packing, range, clip };
    assert_eq!(packed(""), encoding(Packing::Two, 1.0, Clip::Refuse));
    assert_eq!(
        packed("fields_per_lane = 4\nrange = 8\nclip = \"l2\"\n"),
        encoding(Packing::Four, 8.0, Clip::L2)
    );
}

#[test]
fn an_unwritten_minimum_rises_with_corrupt() {
    let minimum =
        |lines: &str| parse(&edited(GLM, "minimum_sites = 3\n", lines)).aggregation.minimum_sites;
    assert_eq!(minimum("corrupt = 2\n"), 5);
    assert_eq!(minimum("corrupt = 2\nminimum_sites = 6\n"), 6);
    assert_eq!(minimum("corrupt = 125\n"), 128);
}

#[test]
fn the_most_sums_that_a_study_opens() {
    let sums = |text: &str| parse(text).most_sums();
    assert_eq!(sums(GLM), 52);
    assert_eq!(sums(FEDAVG), 6);
    assert_eq!(sums(&format!("{FEDAVG}[aggregation]\nencoding = \"packed\"\n")), 7);
    let known = format!("{FEDAVG}max_rows = 9\n[aggregation]\nencoding = \"packed\"\n");
    assert_eq!(sums(&known), 6);
    assert_eq!(sums(&format!("{VECTOR}rounds = 4\n")), 4);
}

#[test]
fn the_digest_is_over_the_bytes() {
    let digest = |text: &str| -> Digest { Study::parse(text).unwrap().digest() };
    assert_eq!(digest(GLM), digest(GLM));
    assert_ne!(digest(GLM), digest(&format!("{GLM}# a comment\n")));
    assert_eq!(Study::parse(GLM).unwrap().text(), GLM);
}

/// Base, what is replaced, by what, the line of the error, and what it says.
type Bad = (&'static str, &'static str, &'static str, usize, &'static str);

#[rustfmt::skip]
const BAD: &[Bad] = &[
    // The document.
    (GLM, "name = \"heart disease, four hospitals\"", "name = \"\"", 1, "name is empty"),
    (GLM, "name = \"heart disease, four hospitals\"", "name = \" x\"", 1, "blanks at its ends"),
    (GLM, "name = \"heart disease, four hospitals\"", "name = \"a\\tb\"", 1, "control character"),
    (GLM, "name = \"heart disease, four hospitals\"", "name = 3", 1, "name wants a string, found an integer"),
    (GLM, "name = \"heart disease, four hospitals\"\n", "", 1, "the manifest lacks the key name"),
    (GLM, "purpose = \"research\"", "purpos = \"research\"", 2, "unknown key \"purpos\" in the manifest; allowed: \"name\", \"purpose\""),
    (GLM, "purpose = \"research\"", "purpose = \"   \"", 2, "purpose is empty"),
    (GLM, "purpose = \"research\"", "purpose = research", 2, "not valid TOML"),
    (GLM, "purpose = \"research\"", "name = \"again\"", 2, "not valid TOML"),
    (GLM, "[aggregation]", "[agregation]", 14, "unknown key \"agregation\""),
    (GLM, "[data]\ndataset = \"heart\"\noutcome = \"y\"\nfeatures = [\"age\", \"mean radius\"]\nmissing = \"error\"\n", "", 6, "analysis.kind is glm, which reads data"),
    (GLM, "[data]\ndataset", "[analysis]\ndataset", 10, "not valid TOML: duplicate key"),
    (VECTOR, "[analysis]\nkind = \"vector\"\nlength = 1000\n", "", 1, "lacks the table [analysis]"),
    (VECTOR, "[analysis]\nkind = \"vector\"\nlength = 1000\n", "analysis = 3\n", 3, "analysis is a table, not an integer"),
    // [data]
    (GLM, "dataset = \"heart\"", "dataset = \"\"", 5, "data.dataset is empty"),
    (GLM, "dataset = \"heart\"\n", "", 4, "[data] lacks the key dataset"),
    (GLM, "outcome = \"y\"\n", "", 4, "[data] lacks the key outcome"),
    (GLM, "outcome = \"y\"", "outcome = \"\"", 6, "data.outcome is empty"),
    (GLM, "outcome = \"y\"", "outcomes = \"y\"", 6, "unknown key \"outcomes\" in [data]"),
    (GLM, "[\"age\", \"mean radius\"]", "[]", 7, "data.features names 0 columns; allowed: 1 to 4096"),
    (GLM, "[\"age\", \"mean radius\"]", "\"age\"", 7, "data.features wants a list"),
    (GLM, "[\"age\", \"mean radius\"]", "[\"age\", 3]", 7, "data.features wants a string"),
    (GLM, "[\"age\", \"mean radius\"]", "[\n  \"age\",\n  \"sex\",\n  \"age\",\n]", 10, "data.features names \"age\" twice"),
    (GLM, "[\"age\", \"mean radius\"]", "[\"age\",\n\"y\"]", 8, "names \"y\", which is the outcome"),
    (GLM, "[\"age\", \"mean radius\"]", "[\"(Intercept)\"]", 7, "which every model has already"),
    (GLM, "missing = \"error\"", "missing = \"drop\"", 8, "data.missing is \"drop\"; allowed: \"error\", \"drop-row\""),
    // glm
    (GLM, "kind = \"glm\"", "kind = \"glmm\"", 11, "analysis.kind is \"glmm\"; allowed: \"glm\", \"fedavg\", \"vector\""),
    (GLM, "kind = \"glm\"\n", "", 10, "[analysis] lacks the key kind"),
    (GLM, "family = \"binomial\"\n", "", 10, "[analysis] lacks the key family"),
    (GLM, "family = \"binomial\"", "family = \"gamma\"", 12, "analysis.family is \"gamma\"; allowed: \"gaussian\", \"binomial\", \"poisson\""),
    (GLM, "family = \"binomial\"", "family = \"binomial\"\nrounds = 3", 13, "unknown key \"rounds\" in [analysis]"),
    (GLM, "family = \"binomial\"", "family = \"binomial\"\ntolerance = 0", 13, "analysis.tolerance is 0; allowed: numbers above 0"),
    (GLM, "family = \"binomial\"", "family = \"binomial\"\ntolerance = -1e-9", 13, "analysis.tolerance"),
    (GLM, "family = \"binomial\"", "family = \"binomial\"\ntolerance = nan", 13, "analysis.tolerance is nan"),
    (GLM, "family = \"binomial\"", "family = \"binomial\"\ntolerance = \"small\"", 13, "analysis.tolerance wants a number"),
    (GLM, "family = \"binomial\"", "family = \"binomial\"\nconfidence = 95", 13, "analysis.confidence is 95; allowed"),
    (GLM, "family = \"binomial\"", "family = \"binomial\"\nmax_iterations = 0", 13, "analysis.max_iterations is 0; allowed: integers from 1 to 1000"),
    (GLM, "family = \"binomial\"", "family = \"binomial\"\nmax_iterations = 2.5", 13, "analysis.max_iterations wants an integer"),
    // fedavg
    (FEDAVG, "rounds = 5", "rounds = 0", 10, "analysis.rounds is 0; allowed: integers from 1 to 100000"),
    (FEDAVG, "rounds = 5", "rounds = -1", 10, "analysis.rounds is -1"),
    (FEDAVG, "rounds = 5", "rounds = 99999999999999999999999999", 10, "analysis.rounds is 99999"),
    (FEDAVG, "rounds = 5\n", "", 7, "[analysis] lacks the key rounds"),
    (FEDAVG, "local_steps = 2", "local_steps = 0", 11, "analysis.local_steps is 0"),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 0.0", 12, "analysis.learning_rate is 0.0; allowed: finite numbers above 0"),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = inf", 12, "analysis.learning_rate is inf"),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = nan", 12, "analysis.learning_rate is nan"),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 1e999", 12, "analysis.learning_rate is 1e999"),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 0.1\nbatch_size = -3", 13, "analysis.batch_size is -3"),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 0.1\nbatch_size = \"some\"", 13, "analysis.batch_size is \"some\"; allowed: \"all\""),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 0.1\nbatch_size = 1.5", 13, "analysis.batch_size wants an integer"),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 0.1\nshuffle = 1", 13, "analysis.shuffle wants a boolean"),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 0.1\nstandardise = \"all\"", 13, "analysis.standardise is \"all\"; allowed: \"none\", \"site\""),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 0.1\nstandardise = 1", 13, "allowed: true, false, \"none\", \"site\""),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 0.1\nseed = -1", 13, "analysis.seed is -1"),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 0.1\nmax_rows = 0", 13, "analysis.max_rows is 0"),
    (FEDAVG, "learning_rate = 0.1", "learning_rate = 0.1\nmomentum = 0.9", 13, "unknown key \"momentum\""),
    // vector
    (VECTOR, "length = 1000", "length = 0", 5, "analysis.length is 0"),
    (VECTOR, "length = 1000", "length = 3221225473", 5, "analysis.length takes 1073741825 lanes in this encoding; allowed: up to 1073741824"),
    (VECTOR, "length = 1000", "length = 536870913\n[aggregation]\nencoding = \"wide\"", 5, "analysis.length takes 1073741826 lanes"),
    (VECTOR, "length = 1000", "length = 10\nrounds = 0", 6, "analysis.rounds is 0"),
    (VECTOR, "length = 1000", "length = 10\nfamily = \"gaussian\"", 6, "unknown key \"family\""),
    (VECTOR, "length = 1000\n", "", 3, "[analysis] lacks the key length"),
    // [aggregation]
    (GLM, "minimum_sites = 3", "minimum_sites = 2", 15, "aggregation.minimum_sites is 2; allowed: integers from 3 to 128"),
    (GLM, "minimum_sites = 3", "minimum_sites = 129", 15, "aggregation.minimum_sites is 129"),
    (GLM, "minimum_sites = 3", "minimum_sites = 3\ncorrupt = 1", 15, "aggregation.minimum_sites is 3, but with corrupt = 1"),
    (GLM, "minimum_sites = 3", "corrupt = 126", 15, "aggregation.corrupt is 126; allowed: integers from 0 to 125"),
    (GLM, "minimum_sites = 3", "membership = \"open\"", 15, "aggregation.membership is \"open\"; allowed: \"fixed\", \"may-change\""),
    (GLM, "minimum_sites = 3", "encoding = \"packed\"", 15, "statistics of a glm are always wide"),
    (GLM, "minimum_sites = 3", "encoding = \"wide\"\nrange = 2.0", 16, "aggregation.range is for packed updates only"),
    (GLM, "minimum_sites = 3", "deadline = 3", 15, "unknown key \"deadline\" in [aggregation]"),
    (VECTOR, "length = 1000", "length = 10\n[aggregation]\nfields_per_lane = 5", 7, "aggregation.fields_per_lane is 5; allowed: integers from 1 to 4"),
    (VECTOR, "length = 1000", "length = 10\n[aggregation]\nrange = 0", 7, "aggregation.range is 0; allowed"),
    (VECTOR, "length = 1000", "length = 10\n[aggregation]\nrange = -1.5", 7, "aggregation.range is -1.5"),
    (VECTOR, "length = 1000", "length = 10\n[aggregation]\nclip = \"l1\"", 7, "aggregation.clip is \"l1\"; allowed: \"refuse\", \"coordinate\", \"l2\""),
    (VECTOR, "length = 1000", "length = 10\n[aggregation]\nencoding = \"wide\"\nclip = \"l2\"", 8, "aggregation.clip is for packed updates only"),
];

#[test]
fn every_bad_manifest_is_refused_at_its_line() {
    for (base, from, to, line, says) in BAD {
        let text = edited(base, from, to);
        let error = refused(&text);
        assert!(error.to_string().contains(says), "{error}\nwanted: {says}\n{text}");
        assert_eq!(error.line, *line, "{error}\n{text}");
    }
}

#[test]
fn errors_point_at_the_value_or_the_key() {
    let value = refused(&edited(GLM, "kind = \"glm\"", "kind = \"glmm\""));
    assert_eq!((value.line, value.column), (11, 8));
    let key = refused(&edited(GLM, "missing", "mising"));
    assert_eq!((key.line, key.column), (8, 1));
    assert!(value.to_string().starts_with("line 11, column 8: analysis.kind"), "{value}");
}

#[test]
fn limits_on_length() {
    let long = format!("{GLM}#{}", "x".repeat(64 * 1024));
    assert!(refused(&long).reason.contains("bytes; allowed: up to 65536"));
    let label = edited(GLM, "\"age\"", &format!("\"{}\"", "a".repeat(257)));
    assert!(refused(&label).reason.contains("has 257 bytes; allowed: up to 256"));
    let features = |n: usize| {
        let names: Vec<_> = (0..n).map(|i| format!("\"f{i}\"")).collect();
        edited(GLM, "[\"age\", \"mean radius\"]", &format!("[{}]", names.join(",")))
    };
    assert_eq!(parse(&features(4096)).data.unwrap().features.len(), 4096);
    let error = refused(&features(4097));
    assert!(error.reason.contains("names 4097 columns") && error.line == 7, "{error}");
}

#[test]
fn inline_and_dotted_tables_are_the_same_manifest() {
    let text = "name = \"n\"\npurpose = \"p\"\nanalysis = { kind = \"vector\", length = 3 }\n\
                aggregation.minimum_sites = 2\n";
    let error = refused(text);
    assert_eq!((error.line, error.column), (4, 29), "{error}");
    assert_eq!(parse(&text.replace("= 2", "= 4")).aggregation.minimum_sites, 4);
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = Study::parse(&text);
    }

    #[test]
    fn arbitrary_edits_never_panic_and_errors_lie_in_the_text(
        base in prop::sample::select(vec![GLM, FEDAVG, VECTOR]),
        cut in any::<prop::sample::Index>(),
        length in 0_usize..12,
        insert in "[\\PC\n\"=\\[\\]{}0-9a-zé.-]{0,12}",
    ) {
        let start = cut.index(base.len());
        let end = (start + length).min(base.len());
        let text = format!("{}{insert}{}", &base[..start], &base[end..]);
        if let Err(error) = Study::parse(&text) {
            prop_assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1);
            prop_assert!(error.column >= 1);
        }
    }
}
