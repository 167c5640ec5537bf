//! What the types forbid: each program in tests/ui must not compile, for the reason that its
//! `.stderr` shows.

/// What checks A2, S4 and U2 demand of the order of steps holds by the types.
#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
