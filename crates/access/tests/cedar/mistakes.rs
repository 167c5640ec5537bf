//! Mistakes of policies, with their places.

use ripieno_access::Policies;

fn mistakes(text: &str) -> Vec<String> {
    let bad = Policies::baseline().unwrap().with_site("site.cedar", text).unwrap_err();
    assert!(!bad.faults.is_empty());
    bad.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn mistakes_have_file_line_and_policy() {
    let good = "@id(\"good\")\npermit (principal, action, resource);\n";
    let cases = [
        ("permit (principal, action, resource);", "site.cedar, line 3: it has no @id"),
        ("@id(\"good\")\npermit (principal, action, resource);", "policy \"good\": another policy"),
        ("@id(\"baseline.direct\")\npermit (principal, action, resource);", "are taken"),
        ("@id(\"grant\")\npermit (principal, action, resource);", "are taken"),
        ("@id(\"grants\")\npermit (principal, action, resource);", "are taken"),
        ("@id(\"a b\")\npermit (principal, action, resource);", "1 to 100 letters"),
        (
            "@id(\"x\")\nforbid (principal, action, resource) when {\n  resource.clas == \"direct\"\n};",
            "site.cedar, line 5, policy \"x\": ",
        ),
        (
            "@id(\"x\")\npermit (principal, action, resource) when { resource.class == 3 };",
            "\"x\": ",
        ),
        ("@id(\"x\")\npermit (principal, action == Action::\"read\", resource);", "\"x\": "),
        ("@id(\"x\")\npermit (principal == ?principal, action, resource);", "templates are for"),
        (
            "@id(\"x\")\npermit (principal, action, resource) when {\n  1 +\n};",
            "line 6, policy \"x\": ",
        ),
    ];
    for (text, says) in cases {
        let found = mistakes(&format!("{good}{text}\n"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("site.cedar, line ") && found[0].contains(says), "{found:?}");
    }
    let both = format!(
        "{good}permit (principal, action, resource);\n@id(\"a b\") permit (principal, action, resource);"
    );
    assert_eq!(mistakes(&both).len(), 2);
    assert!(mistakes(&" ".repeat((1 << 20) + 1))[0].contains("larger than"));
}

#[test]
fn a_policy_that_never_applies_is_a_warning() {
    let text = "@id(\"never\")\npermit (principal, action, resource) when { false };";
    let policies = Policies::baseline().unwrap().with_site("site.cedar", text).unwrap();
    let [warning] = policies.warnings() else { panic!("{:?}", policies.warnings()) };
    assert_eq!((warning.line, warning.policy.as_deref()), (1, Some("never")));
    assert!(Policies::baseline().unwrap().warnings().is_empty());
}
