//! Bad forms of what several messages share, of epochs and of studies.

use pb::from_site::Body as From;
use pb::study_answer::Verdict as Answer;
use pb::to_site::Body as To;
use ripieno_study::{Check, Culprit};

use super::{any, bytes, from_site, refused, sample, table, to_site};
use crate::{StudyAnswer, StudyVerdict, pb};

const TEXT: &str = "x";

#[test]
fn common() {
    table! { sample(any::slot_id());
        "slot_id.transcript: 31 bytes, 32 expected" => |m| m.transcript = bytes(31),
        "slot_id.slot: not a number from 0 to 63" => |m| m.slot = 64,
    }
    table! { sample(any::head());
        "ledger_head.digest: 33 bytes, 32 expected" => |m| m.digest = bytes(33),
    }
    let unknown_check = |m: &mut pb::Refusal| m.check = "s3".into();
    table! { sample(any::refusal());
        "refusal.check: this version does not know the value; does the peer run another version?"
            => unknown_check,
        "refusal.culprit: this version does not know the value; \
         does the peer run another version?" => |m| m.culprit = 0,
        "refusal.reason: 2049 bytes, 0 to 2048 allowed" => |m| m.reason = TEXT.repeat(2049),
        "refusal.reason: the text has control characters" => |m| m.reason = "\u{1b}[2J".into(),
        "refusal.site: not a number from 1 to 65535" => |m| {
            (m.culprit, m.site) = (pb::Culprit::Site.into(), 0);
        },
        "refusal.site: a value is given where there must be none" => |m| {
            (m.culprit, m.site) = (pb::Culprit::Own.into(), 1);
        },
    }
    let refusal = ripieno_study::Refusal::own(Check::S7, TEXT);
    assert_eq!(refusal.culprit, Culprit::Own);
    refused(&refusal, "refusal.site: a value is given where there must be none", |m| m.site = 7);
}

#[test]
fn epochs() {
    table! { to_site(0);
        "announcement.slots: not a number from 1 to 64" => |body| {
            if let To::Announce(m) = body { m.slots = 0; }
        },
        "announcement.slots: not a number from 1 to 64" => |body| {
            if let To::Announce(m) = body { m.slots = 65; }
        },
    }
    table! { sample(any::advert());
        "advert.charter: 0 bytes, 32 expected" => |m| m.charter = bytes(0),
        "advert.from: not a number from 1 to 65535" => |m| m.from = 0,
        "advert.channel_key: 31 bytes, 32 expected" => |m| m.channel_key = bytes(31),
        "advert.slots: 0 items, 1 to 64 allowed" => |m| m.slots.clear(),
        "advert.slots: 65 items, 1 to 64 allowed" => |m| m.slots = vec![m.slots[0].clone(); 65],
        "slot_advert.mask_key: 33 bytes, 32 expected" => |m| m.slots[0].mask_key = bytes(33),
        "slot_advert.self_commitment: 0 bytes, 32 expected"
            => |m| m.slots[0].self_commitment = bytes(0),
        "advert.ledger: missing" => |m| m.ledger = None,
        "advert.signature: 63 bytes, 64 expected" => |m| m.signature = bytes(63),
    }
    table! { to_site(1);
        "adverts.slots: not a number from 1 to 64" => |body| {
            if let To::Adverts(m) = body { m.slots = 65; }
        },
        "adverts.adverts: 129 items, 0 to 128 allowed" => |body| {
            if let To::Adverts(m) = body { m.adverts = vec![pb::Advert::default(); 129]; }
        },
    }
    table! { sample(any::bundle());
        "bundle.transcript: 31 bytes, 32 expected" => |m| m.transcript = bytes(31),
        "bundle.from: not a number from 1 to 65535" => |m| m.from = 0,
        "bundle.to: not a number from 1 to 65535" => |m| m.to = 65536,
        "bundle.nonce: 23 bytes, 24 expected" => |m| m.nonce = bytes(23),
        "bundle.sealed: 4113 bytes, 0 to 4112 allowed" => |m| m.sealed = bytes(4113),
        "bundle.root: 31 bytes, 32 expected" => |m| m.root = bytes(31),
        "bundle.signature: 65 bytes, 64 expected" => |m| m.signature = bytes(65),
        "bundle.path: 41 items, 0 to 40 allowed" => |m| m.path = vec![bytes(32); 41],
        "bundle.path: 31 bytes, 32 expected" => |m| m.path = vec![bytes(31)],
    }
    table! { to_site(2);
        "bundles.bundles: 129 items, 0 to 128 allowed" => |body| {
            if let To::Bundles(m) = body { m.bundles = vec![pb::Bundle::default(); 129]; }
        },
    }
    table! { from_site(1);
        "dealt_bundles.bundles: 129 items, 0 to 128 allowed" => |body| {
            if let From::Bundles(m) = body { m.bundles = vec![pb::Bundle::default(); 129]; }
        },
    }
    table! { sample(any::acceptance());
        "acceptance.transcript: 31 bytes, 32 expected" => |m| m.transcript = bytes(31),
        "acceptance.from: not a number from 1 to 65535" => |m| m.from = 0,
        "acceptance.dealers: its keys do not strictly increase" => |m| m.dealers = vec![3, 3],
        "acceptance.dealers: its keys do not strictly increase" => |m| m.dealers = vec![3, 2],
        "acceptance.dealers: not a number from 1 to 65535" => |m| m.dealers = vec![0, 2],
        "acceptance.dealers: 129 items, 0 to 128 allowed" => |m| m.dealers = (1..=129).collect(),
        "acceptance.signature: 0 bytes, 64 expected" => |m| m.signature = bytes(0),
    }
    table! { to_site(3);
        "acceptances.acceptances: 129 items, 0 to 128 allowed" => |body| {
            if let To::Acceptances(m) = body {
                m.acceptances = vec![pb::Acceptance::default(); 129];
            }
        },
    }
}

#[test]
fn studies() {
    table! { sample(any::credential());
        "credential.name: 0 bytes, 1 to 128 allowed" => |m| m.name.clear(),
        "credential.name: the text has control characters" => |m| m.name = "a\nb".into(),
        "credential.role: 129 bytes, 1 to 128 allowed" => |m| m.role = TEXT.repeat(129),
        "credential.department: 0 bytes, 1 to 128 allowed" => |m| m.department.clear(),
        "credential.clearance: 0 bytes, 1 to 128 allowed" => |m| m.clearance.clear(),
        "credential.federation: 65 bytes, 1 to 64 allowed" => |m| m.federation = TEXT.repeat(65),
        "credential.home: not a number from 1 to 65535" => |m| m.home = 0,
        "credential.researcher: 31 bytes, 32 expected" => |m| m.researcher = bytes(31),
        "credential.researcher: the key is weak: its point is not of prime order"
            => |m| m.researcher = bytes(32),
        "credential.signature: 63 bytes, 64 expected" => |m| m.signature = bytes(63),
    }
    table! { sample(any::submission());
        "submission.study: 31 bytes, 32 expected" => |m| m.study = bytes(31),
        "submission.credential: missing" => |m| m.credential = None,
        "submission.signature: 0 bytes, 64 expected" => |m| m.signature = bytes(0),
    }
    table! { sample(any::hello());
        "hello.unresolved: 65 items, 0 to 64 allowed"
            => |m| m.unresolved = vec![pb::SlotId::default(); 65],
        "hello.studies: 65 items, 0 to 64 allowed"
            => |m| m.studies = vec![pb::StudyStanding::default(); 65],
        "study_standing.study: 31 bytes, 32 expected"
            => |m| m.studies = vec![pb::StudyStanding { study: bytes(31), next_round: 1 }],
        "study_standing.next_round: not a number from 1 to 4294967295"
            => |m| m.studies = vec![pb::StudyStanding { study: bytes(32), next_round: 0 }],
    }
    table! { sample(any::study_offer());
        "study_offer.text: 65537 bytes, 0 to 65536 allowed" => |m| m.text = TEXT.repeat(65537),
        "study_offer.submission: missing" => |m| m.submission = None,
    }
    let study = sample(any::digest());
    let answer = |verdict| StudyAnswer { study, verdict };
    table! { answer(StudyVerdict::Approved);
        "study_answer.study: 0 bytes, 32 expected" => |m| m.study = bytes(0),
        "study_answer.verdict: missing" => |m| m.verdict = None,
    }
    table! { to_site(5);
        "study_ended.study: 31 bytes, 32 expected" => |body| {
            if let To::Ended(m) = body { m.study = bytes(31); }
        },
        "study_ended.reason: 2049 bytes, 0 to 2048 allowed" => |body| {
            if let To::Ended(m) = body { m.reason = TEXT.repeat(2049); }
        },
    }
    table! { answer(StudyVerdict::Pending { reason: TEXT.into() });
        "study_pending.reason: 2049 bytes, 0 to 2048 allowed" => |m| {
            if let Some(Answer::Pending(m)) = &mut m.verdict { m.reason = TEXT.repeat(2049); }
        },
    }
    table! { answer(StudyVerdict::Refused { rule: TEXT.into(), reason: TEXT.into() });
        "study_refused.rule: 0 bytes, 1 to 256 allowed" => |m| {
            if let Some(Answer::Refused(m)) = &mut m.verdict { m.rule.clear(); }
        },
        "study_refused.reason: the text has control characters" => |m| {
            if let Some(Answer::Refused(m)) = &mut m.verdict { m.reason = "\r".into(); }
        },
    }
}
