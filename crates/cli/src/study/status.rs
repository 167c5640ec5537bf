//! Where studies stand, as text and as JSON.

use ripieno_rpc::{SiteStanding, StudyStatus};
use ripieno_terminal::{Style, clean, moment, table, wrap};
use serde_json::{Value, json};

use super::event::because;
use super::select::digest_of;

/// The longest text that is shown, in characters.
const MOST: usize = 1024;
/// The longest name in a table, in characters.
const MOST_NAME: usize = 40;

/// One study as JSON.
pub(crate) fn json(status: &StudyStatus) -> Value {
    let sites = status.sites.iter().map(|site| {
        json!({
            "index": site.index, "name": site.name, "present": site.present,
            "answer": site.answer, "rule": site.rule, "reason": site.reason,
            "participates": site.participates, "uploaded": site.uploaded,
        })
    });
    json!({
        "study": digest_of(status), "name": status.name, "researcher": status.researcher,
        "home": status.home, "submitted": status.submitted, "phase": status.phase,
        "round": status.round, "step": status.step, "reason": status.reason,
        "sites": sites.collect::<Vec<_>>(),
    })
}

/// Studies as one object, newest first.
pub(crate) fn list_json(studies: &[StudyStatus]) -> Value {
    json!({ "studies": studies.iter().map(json).collect::<Vec<_>>() })
}

/// Studies in a table.
pub(crate) fn list(studies: &[StudyStatus]) -> String {
    if studies.is_empty() {
        return "you have no studies here; submit one: ripieno study submit STUDY.toml".into();
    }
    let rows = studies.iter().map(|status| {
        [
            format!("{}  {}", short(status), clean(&status.name, MOST_NAME)),
            clean(&status.phase, MOST_NAME),
            status.round.to_string(),
            moment(status.submitted),
        ]
    });
    table(&["study", "phase", "round", "submitted"], rows)
}

/// One study, with what each site says.
pub(crate) fn text(status: &StudyStatus) -> String {
    let style = Style::of_stdout();
    let mut parts = vec![format!(
        "{}  (study {})\n  submitted by {} of {}, {}\n  {}{}",
        style.bold(clean(&status.name, MOST)),
        digest_of(status).map(|digest| digest.to_string()).unwrap_or_default(),
        clean(&status.researcher, MOST),
        clean(&status.home, MOST),
        moment(status.submitted),
        clean(&status.phase, MOST),
        if status.round > 0 {
            format!(", round {} {}", status.round, clean(&status.step, MOST))
        } else {
            String::new()
        }
    )];
    if !status.reason.is_empty() {
        parts.push(wrap(&clean(&status.reason, MOST), 2));
    }
    let yes = |is: bool| if is { "yes" } else { "–" }.to_owned();
    let rows = status.sites.iter().map(|site| {
        let name = clean(&site.name, MOST_NAME);
        let answer = clean(&site.answer, MOST_NAME);
        [name, yes(site.present), answer, yes(site.participates), yes(site.uploaded)]
    });
    parts.push(table(&["site", "there", "answer", "in the round", "uploaded"], rows));
    let why = reasons(status);
    if !why.is_empty() {
        let lines: Vec<_> = why.iter().map(|line| wrap(line, 2)).collect();
        parts.push(lines.join("\n"));
    }
    parts.join("\n\n")
}

/// What the sites say that refused or ask their steward, a line each.
pub(crate) fn reasons(status: &StudyStatus) -> Vec<String> {
    let line = |site: &SiteStanding| {
        let because = because(&clean(&site.rule, MOST), &clean(&site.reason, MOST));
        format!("{}: {}{because}", clean(&site.name, MOST_NAME), clean(&site.answer, MOST_NAME))
    };
    let says = |site: &&SiteStanding| matches!(site.answer.as_str(), "refused" | "pending");
    status.sites.iter().filter(says).map(line).collect()
}

/// The digest's first digits.
fn short(status: &StudyStatus) -> String {
    digest_of(status).map(|digest| digest.short()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> StudyStatus {
        let site = |name: &str, answer: &str, rule: &str, reason: &str| SiteStanding {
            name: name.into(),
            answer: answer.into(),
            rule: rule.into(),
            reason: reason.into(),
            ..SiteStanding::default()
        };
        StudyStatus {
            study: vec![0xab; 32].into(),
            name: "names\x1b[2J".into(),
            phase: "failed".into(),
            sites: vec![
                site("a", "willing", "", ""),
                site("b", "refused", "denied_columns", "the column \"name\" is denied"),
                site("c", "pending", "on_match", ""),
            ],
            ..StudyStatus::default()
        }
    }

    #[test]
    fn every_refusal_is_named_with_its_rule() {
        let why = [
            "b: refused by rule denied_columns: the column \"name\" is denied",
            "c: pending by rule on_match",
        ];
        assert_eq!(reasons(&status()), why);
        let text = text(&status());
        assert!(why.iter().all(|line| text.contains(line)), "{text}");
        assert!(!text.contains('\x1b'), "{text:?}");
        assert_eq!(json(&status())["sites"][1]["rule"], "denied_columns");
    }

    #[test]
    fn a_list_begins_with_short_digests() {
        assert!(list(&[status()]).contains("abababab  names"));
        assert!(list(&[]).contains("study submit"));
        assert_eq!(list_json(&[status()])["studies"][0]["phase"], "failed");
        assert_eq!(list_json(&[]), json!({ "studies": [] }));
    }
}
