//! Invitations and credentials as text, and what typing does to them.

use proptest::prelude::*;

use super::{any, sample};
use crate::{BadText, Invitation, credential_from_text, credential_to_text};

const WORD: &str = "ripieno-invitation-1.";
const TYPING: BadText = BadText::Typing { what: "invitation" };

proptest! {
    #[test]
    fn an_invitation_survives_its_text(invitation in any::invitation()) {
        let text = invitation.to_text();
        prop_assert!(text.starts_with(WORD) && text.is_ascii());
        prop_assert_eq!(Invitation::from_text(&text), Ok(invitation));
    }

    #[test]
    fn a_typing_error_is_told(invitation in any::invitation(), at: prop::sample::Index, to in "[A-Za-z0-9_-]") {
        let text = invitation.to_text();
        let at = WORD.len() + at.index(text.len() - WORD.len());
        let mut typed = text.to_string();
        typed.replace_range(at..=at, &to);
        prop_assume!(typed != *text);
        prop_assert_eq!(Invitation::from_text(&typed), Err(TYPING));
    }

    #[test]
    fn a_missing_or_doubled_part_is_told(invitation in any::invitation(), at: prop::sample::Index) {
        let text = invitation.to_text();
        let at = WORD.len() + at.index(text.len() - WORD.len());
        let (start, end) = text.split_at(at);
        prop_assert_eq!(Invitation::from_text(start), Err(TYPING));
        let doubled = format!("{start}{}{end}", &end[..1]);
        prop_assert_eq!(Invitation::from_text(&doubled), Err(TYPING));
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        let beginning = matches!(Invitation::from_text(&text), Err(BadText::Beginning { .. }));
        prop_assert!(beginning);
        let body = Invitation::from_text(&format!("{WORD}{text}"));
        prop_assert_eq!(body, Err(TYPING));
    }
}

#[test]
fn white_space_counts_nowhere() {
    let invitation = sample(any::invitation());
    let text = invitation.to_text();
    let lines: Vec<_> = text.as_bytes().chunks(16).map(String::from_utf8_lossy).collect();
    let wrapped = format!("  {}\r\n", lines.join("\n\t"));
    assert_eq!(Invitation::from_text(&wrapped), Ok(invitation));
    let credential = sample(any::credential());
    let wrapped = credential_to_text(&credential).replace('.', ".\n ");
    assert_eq!(credential_from_text(&wrapped), Ok(credential));
}

#[test]
fn another_text_is_told_from_a_typing_error() {
    let invitation = sample(any::invitation()).to_text();
    let credential = credential_to_text(&sample(any::credential()));
    let what = "invitation";
    let beginning = Err(BadText::Beginning { what, word: WORD });
    for text in ["", "hello", "ripieno-invitation", &credential, &"x".repeat(1 << 20)] {
        assert_eq!(Invitation::from_text(text), beginning, "{text:.40}");
    }
    let newer = invitation.replace(WORD, "ripieno-invitation-12.");
    let version = Err(BadText::Version { what, word: WORD });
    assert_eq!(Invitation::from_text(&newer), version);
    // The bytes of one do not pass for another.
    let moved = invitation.replace(WORD, "ripieno-credential-1.");
    assert_eq!(credential_from_text(&moved), Err(BadText::Typing { what: "credential" }));
}

#[test]
fn what_was_copied_well_and_cannot_be_used_is_told() {
    let mut invitation = sample(any::invitation());
    invitation.site = "s".repeat(65);
    let error = Invitation::from_text(&invitation.to_text()).unwrap_err().to_string();
    assert_eq!(error, "this invitation cannot be used: invitation.site: 65 bytes, 1 to 64 allowed");
}

#[test]
fn the_secret_is_neither_printed_nor_kept() {
    let mut invitation = sample(any::invitation());
    *invitation.secret = [0xab; 32];
    let text = format!("{invitation:?}");
    assert!(text.contains("secret: <redacted>"), "{text}");
    assert!(!text.contains("171") && !text.contains("abab"), "{text}");
    assert_ne!(invitation.secret_digest().as_bytes(), &[0xab; 32]);
    let error = Invitation::from_text(&format!("{}x", *invitation.to_text())).unwrap_err();
    assert!(!error.to_string().contains("q6ur"), "base64 of the secret: {error}");
}
