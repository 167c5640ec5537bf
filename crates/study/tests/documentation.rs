//! docs/study.md: its examples are studies, and its errors are the errors.

use ripieno_study::Study;
use ripieno_study::manifest::AnalysisSpec;

const TEXT: &str = include_str!("../../../docs/study.md");

/// Fenced blocks: what follows the fence, and the content.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let parts: Vec<_> = TEXT.split("```").collect();
    assert!(parts.len() % 2 == 1, "a block is not closed");
    parts.iter().skip(1).step_by(2).filter_map(|block| block.split_once('\n')).collect()
}

#[test]
fn every_example_is_a_study() {
    let examples: Vec<_> = blocks().into_iter().filter(|(kind, _)| *kind == "toml").collect();
    let kinds: Vec<_> = examples
        .iter()
        .map(|(_, text)| {
            let study = Study::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            study.manifest().analysis.kind()
        })
        .collect();
    assert_eq!(kinds, AnalysisSpec::KINDS);
}

#[test]
fn every_refused_example_has_the_error_below_it() {
    let blocks = blocks();
    let refused = blocks.windows(2).filter(|pair| pair[0].0 == "toml refused");
    let mut seen = 0;
    for pair in refused {
        let error = Study::parse(pair[0].1).expect_err(pair[0].1).to_string();
        assert_eq!(pair[1], ("text", format!("{error}\n").as_str()));
        seen += 1;
    }
    assert_eq!(seen, 5);
}
