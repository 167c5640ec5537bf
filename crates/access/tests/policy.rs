//! Policies: the shipped example, and every mistake with its line.

use ripieno_access::Policy;

const GOOD: &str = r#"[[dataset]]
name = "heart"
columns = "all"
purposes = "all"
analyses = "all"
roles = "all"
on_match = "ask"
"#;

#[test]
fn the_shipped_example_is_a_policy() {
    let policy = Policy::parse(include_str!("../policy.example.toml")).unwrap();
    assert_eq!(policy.to_string(), "site policy with rules for \"heart\", \"teaching\"");
    assert_eq!(Policy::parse("").unwrap().to_string(), "site policy: no data");
}

#[test]
fn every_mistake_has_its_line() {
    assert!(Policy::parse(GOOD).is_ok());
    let cases = [
        ("name = \"heart\"", "name = \"\"", 2, "its name is empty"),
        ("columns = \"all\"", "columns = \"every\"", 3, "found \"every\"; allowed: \"all\""),
        ("columns = \"all\"", "columns = 3", 3, "\"all\" or a list of names"),
        ("columns = \"all\"", "colums = \"all\"", 3, "unknown field `colums`"),
        ("purposes = \"all\"\n", "", 1, "missing field `purposes`"),
        ("roles = \"all\"\n", "", 1, "missing field `roles`"),
        ("analyses = \"all\"", "analyses = [\"glmm\"]", 5, "unknown analysis \"glmm\""),
        ("on_match = \"ask\"", "on_match = \"allow\"", 7, "unknown variant `allow`"),
        ("on_match = \"ask\"", "on_match = \"ask\"\nminimum_sites = 2", 8, "minimum_sites is 2"),
        ("on_match = \"ask\"", "on_match = \"ask\"\nminimum_rows = 0", 8, "minimum_rows is 0"),
        ("on_match = \"ask\"", "on_match = \"ask\"\nminimum_rows = -1", 8, "invalid value"),
        ("on_match = \"ask\"", "on_match = \"ask\"\nmembership = [\"open\"]", 8, "unknown variant"),
        ("on_match = \"ask\"", "on_match = \"ask\"\nexpires = \"soon\"", 8, "TOML datetime"),
        ("on_match = \"ask\"", "on_match = \"ask\"\nexpires = 12:00:00", 8, "expires wants a date"),
        ("[[dataset]]", "without_data = [\"sum\"]\n[[dataset]]", 1, "unknown analysis \"sum\""),
        ("[[dataset]]", "[[datasets]]", 1, "unknown field `datasets`"),
        ("on_match = \"ask\"", "on_match = ask", 7, ""),
        ("on_match = \"ask\"", "on_match = \"ask\"\nowner = \" \"", 8, "owner is empty"),
        ("on_match = \"ask\"", "on_match = \"ask\"\nunclassified = \"yes\"", 8, "unknown variant"),
        ("[[dataset]]", "environment = \"home\"\n[[dataset]]", 1, "unknown variant `home`"),
    ];
    for (from, to, line, says) in cases {
        let text = GOOD.replacen(from, to, 1);
        let error = Policy::parse(&text).expect_err(&text);
        assert_eq!(error.line, line, "{error}\n{text}");
        assert!(error.to_string().contains(says), "{error}\nwanted: {says}");
    }
    let twice = Policy::parse(&format!("{GOOD}{GOOD}")).unwrap_err();
    assert_eq!((twice.line, twice.column), (9, 8), "{twice}");
}
