//! The tables of bad forms leave out no field of the `.proto` files.

use std::collections::BTreeSet;

const FILES: [&str; 6] = [
    include_str!("../../../../../proto/ripieno/v1/common.proto"),
    include_str!("../../../../../proto/ripieno/v1/epoch.proto"),
    include_str!("../../../../../proto/ripieno/v1/study.proto"),
    include_str!("../../../../../proto/ripieno/v1/round.proto"),
    include_str!("../../../../../proto/ripieno/v1/session.proto"),
    include_str!("../../../../../proto/ripieno/v1/membership.proto"),
];

/// Fields of which every value is good.
const FREE: [&str; 13] = [
    "acceptances.epoch",
    "advert.epoch",
    "adverts.epoch",
    "announcement.epoch",
    "bundles.epoch",
    "contract.cohort",
    "credential.expires",
    "hello.last_epoch",
    "invitation.expires",
    "ledger_head.count",
    "open_request.proposal",
    "receipt.at",
    "verdict.holds",
];

/// Fields that are judged by others: those of a plan by the plan itself, the version of a charter
/// by the charter, the number of a list by the one that is held, an optional message by its own fields, a body by the envelope.
const ELSEWHERE: [&str; 9] = [
    "authority_list.number",
    "charter.version",
    "from_site.body",
    "input_spec.length",
    "input_spec.name",
    "packed.range",
    "plan.tile_lanes",
    "refusal_report.slot_id",
    "to_site.body",
];

#[test]
fn every_field_has_a_bad_form_in_a_table() {
    let tables =
        [include_str!("set_up.rs"), include_str!("round.rs"), include_str!("membership.rs")];
    let quoted: BTreeSet<_> = tables
        .into_iter()
        .flat_map(|table| table.split('"'))
        .filter_map(|text| text.split_once(": "))
        .map(|(name, _)| name)
        .collect();
    let fields: BTreeSet<_> = FILES.into_iter().flat_map(fields).collect();
    assert!(fields.len() > 100, "the files were read");
    for known in FREE.iter().chain(&ELSEWHERE) {
        assert!(fields.contains(*known), "{known} is no field");
    }
    let lacking: Vec<_> = fields
        .iter()
        .map(String::as_str)
        .filter(|name| !quoted.contains(name))
        .filter(|name| !FREE.contains(name) && !ELSEWHERE.contains(name))
        .collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}

/// All fields of a file as `message.field`. A oneof counts as one field; of its members only those
/// that are no messages count too.
fn fields(file: &str) -> Vec<String> {
    let (mut fields, mut message, mut in_oneof) = (Vec::new(), None, false);
    for line in file.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let words: Vec<_> = line.split_whitespace().collect();
        match (words.as_slice(), message.as_deref()) {
            (["message", name, ..], _) if !line.ends_with('}') => message = Some(snake(name)),
            (["oneof", name, "{"], Some(message)) => {
                in_oneof = true;
                fields.push(format!("{message}.{name}"));
            }
            (["}"], _) if in_oneof => in_oneof = false,
            (["}"], _) => message = None,
            ([.., kind, name, "=", _], Some(message)) => {
                let is_message = kind.starts_with(char::is_uppercase);
                if !(in_oneof && is_message) {
                    fields.push(format!("{message}.{name}"));
                }
            }
            _ => {}
        }
    }
    fields
}

/// `SlotAdvert` as `slot_advert`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}
