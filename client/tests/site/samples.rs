//! What is shipped is read by the program.

use std::path::Path;

use ripieno_access::{Policies, Policy};
use ripieno_client::config::SiteFile;

#[test]
fn the_sample_configuration_has_everything_that_can_stand_in_one() {
    let text = include_str!("../../site.sample.toml");
    let site = SiteFile::parse(text, Path::new("site.sample.toml")).unwrap();
    assert_eq!(site.name.as_str(), "st-anna");
    assert_eq!(site.data.len(), 2);
    let coordinator = site.coordinator.unwrap();
    assert_eq!(coordinator.address.to_string(), "coordinator.example.org:8443");
    assert_eq!((site.retry.first_seconds, site.retry.longest_seconds), (0.5, 60.0));
    let table: toml::Table = text.parse().unwrap();
    for key in ["name", "policy", "proxy", "coordinator", "retry", "data"] {
        assert!(table.contains_key(key), "{key} is missing in the sample");
    }
}

#[test]
fn the_sample_policy_is_one() {
    let policy = Policy::parse(include_str!("../../policy.sample.toml")).unwrap();
    assert_eq!(policy.to_string(), "site policy with rules for \"heart\", \"teaching\"");
}

#[test]
fn the_sample_policies_about_columns_are_some() {
    let text = include_str!("../../policies.sample.cedar");
    let policies = Policies::baseline().unwrap().with_site("policies.sample.cedar", text).unwrap();
    let models: Vec<_> = policies.ids().map(|(id, model)| (id, model.name())).collect();
    for model in ["role", "attribute"] {
        assert!(models.iter().any(|(_, found)| *found == model), "{models:?}");
    }
    assert!(policies.warnings().is_empty(), "{:?}", policies.warnings());
}

#[test]
fn a_new_policy_shows_rules_that_are_read_when_they_are_uncommented() {
    let text = include_str!("../../policy.new.toml");
    assert_eq!(Policy::parse(text).unwrap().to_string(), "site policy: no data");
    let rules: Vec<_> = text
        .lines()
        .skip_while(|line| *line != "# [[dataset]]")
        .map(|line| line.strip_prefix("# ").unwrap())
        .collect();
    let policy = Policy::parse(&rules.join("\n")).unwrap();
    assert_eq!(policy.to_string(), "site policy with rules for \"heart\"");
}
