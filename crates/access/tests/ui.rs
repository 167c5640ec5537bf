//! What must not compile: ways around a decision.

#[test]
fn there_is_no_way_around_a_decision() {
    let cases = trybuild::TestCases::new();
    // The lawful way, so that the failures below are not failures to build at all.
    cases.pass("tests/ui/decided.rs");
    cases.compile_fail("tests/ui/fail_*.rs");
}
