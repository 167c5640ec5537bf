//! What the types forbid: each program in tests/ui must not compile, for the reason that its
//! `.stderr` shows.

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
