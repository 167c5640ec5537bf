//! Any well-formed value of each domain type.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use ripieno_identity::{
    Charter, CharterConsent, CharterFields, CharterSite, Credential, CredentialFields,
    FederationPolicy, PublicKey, Signature, SigningKey, Submission,
};
use ripieno_secagg::cohort::{CohortSum, DrawCommit, Reveal, Total, Word};
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_secagg::epoch::{Acceptance, Advert, Bundle, SlotAdvert};
use ripieno_secagg::round::open::{Release, ShareProof, SiteSecret};
use ripieno_secagg::round::outcome::{
    Ballot, Certificate, Outcome, Proposal, VoidCertificate, Vote,
};
use ripieno_secagg::round::publish::{Receipt, TilePart, Verdict};
use ripieno_secagg::round::start::SignedContract;
use ripieno_secagg::round::upload::Trailer;
use ripieno_secagg::{Head, Kind, SlotId};
use ripieno_study::plan::Clip;
use ripieno_study::{
    Check, Contract, Culprit, Digest, Encoding, InputSpec, Membership, Packing, Plan, Privacy,
    Refusal, SiteIndex, SiteSet,
};
use zeroize::Zeroizing;

use crate::{
    FromSite, Hello, Invitation, Parts, Published, StudyAnswer, StudyOffer, StudyVerdict, ToSite,
};

pub(super) fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

pub(super) fn site() -> impl Strategy<Value = SiteIndex> {
    (1..=u16::MAX).prop_map(|index| SiteIndex::new(index).unwrap())
}

fn signature() -> impl Strategy<Value = Signature> {
    vec(any::<u8>(), 64).prop_map(|bytes| Signature::from_bytes(bytes.try_into().unwrap()))
}

fn public_key() -> impl Strategy<Value = PublicKey> {
    any::<[u8; 32]>().prop_map(|seed| SigningKey::from_seed(&Zeroizing::new(seed)).public())
}

fn sites() -> impl Strategy<Value = SiteSet> {
    btree_set(site(), 0..6).prop_map(|sites| sites.into_iter().collect())
}

fn lanes() -> impl Strategy<Value = Vec<u64>> {
    vec(any::<u64>(), 1..20)
}

fn path() -> impl Strategy<Value = Vec<Digest>> {
    vec(digest(), 0..5)
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Zåß€ ._-]{1,30}"
}

pub(super) fn slot_id() -> impl Strategy<Value = SlotId> {
    (digest(), 0..64_u16).prop_map(|(transcript, slot)| SlotId { transcript, slot })
}

pub(super) fn head() -> impl Strategy<Value = Head> {
    (any::<u64>(), digest()).prop_map(|(count, digest)| Head { count, digest })
}

fn slot_advert() -> impl Strategy<Value = SlotAdvert> {
    (any::<[u8; 32]>(), digest())
        .prop_map(|(mask_key, self_commitment)| SlotAdvert { mask_key, self_commitment })
}

pub(super) fn advert() -> impl Strategy<Value = Advert> {
    let fields = (digest(), any::<u64>(), site(), any::<[u8; 32]>());
    (fields, vec(slot_advert(), 1..5), head(), signature()).prop_map(
        |((charter, epoch, from, channel_key), slots, ledger, signature)| Advert {
            charter,
            epoch,
            from,
            channel_key,
            slots,
            ledger,
            signature,
        },
    )
}

pub(super) fn bundle() -> impl Strategy<Value = Bundle> {
    let sealed = (vec(any::<u8>(), 24), vec(any::<u8>(), 80));
    (digest(), site(), site(), sealed, digest(), signature(), path()).prop_map(
        |(transcript, from, to, (nonce, sealed), root, signature, path)| Bundle {
            transcript,
            from,
            to,
            nonce: nonce.try_into().unwrap(),
            sealed,
            root,
            signature,
            path,
        },
    )
}

pub(super) fn acceptance() -> impl Strategy<Value = Acceptance> {
    (digest(), site(), sites(), signature()).prop_map(|(transcript, from, dealers, signature)| {
        Acceptance { transcript, from, dealers, signature }
    })
}

pub(super) fn credential() -> impl Strategy<Value = Credential> {
    let texts = (text(), text(), text(), text(), text());
    (texts, any::<u64>(), site(), public_key(), signature()).prop_map(
        |(
            (name, role, department, clearance, federation),
            expires,
            home,
            researcher,
            signature,
        )| {
            let fields = CredentialFields {
                name,
                role,
                department,
                clearance,
                expires,
                federation,
                home,
                researcher,
            };
            Credential { fields, signature }
        },
    )
}

/// A charter of 3 to 8 sites, of any version.
pub(super) fn charter() -> impl Strategy<Value = Charter> {
    let sites = vec(public_key(), 4..9).prop_filter("keys differ", |keys| {
        keys.iter().collect::<std::collections::HashSet<_>>().len() == keys.len()
    });
    (sites, 1..=u32::MAX, digest(), 1..9000_u16).prop_map(|(mut keys, version, digest, gap)| {
        let coordinator = keys.remove(0);
        let sites: Vec<_> =
            (1..).zip(keys).map(|(n, key)| charter_site(n * gap.min(4000), key)).collect();
        let n = u16::try_from(sites.len()).unwrap();
        Charter::new(CharterFields {
            federation: "North-West 2.1_b".into(),
            version,
            previous: (version > 1).then_some(digest),
            next_index: sites.last().unwrap().index.get() + gap,
            coordinator,
            corrupt: n - 3,
            quorum: n,
            policy: FederationPolicy { minimum_sites: n },
            sites,
        })
        .unwrap()
    })
}

fn charter_site(index: u16, key: PublicKey) -> CharterSite {
    CharterSite { index: SiteIndex::new(index).unwrap(), name: format!("site {index}"), key }
}

pub(super) fn consent() -> impl Strategy<Value = CharterConsent> {
    (site(), signature()).prop_map(|(site, signature)| CharterConsent { site, signature })
}

pub(super) fn invitation() -> impl Strategy<Value = Invitation> {
    let rest = ("[a-z0-9.-]{1,40}:[1-9][0-9]{0,3}", text(), any::<u64>(), any::<[u8; 32]>());
    (digest(), public_key(), rest).prop_map(
        |(authority, coordinator, (address, site, expires, secret))| Invitation {
            address,
            authority,
            coordinator,
            site,
            expires,
            secret: Zeroizing::new(secret),
        },
    )
}

pub(super) fn submission() -> impl Strategy<Value = Submission> {
    (digest(), credential(), signature()).prop_map(|(study, credential, signature)| Submission {
        study,
        credential,
        signature,
    })
}

pub(super) fn study_offer() -> impl Strategy<Value = StudyOffer> {
    ("(?s).{0,200}", submission()).prop_map(|(text, submission)| StudyOffer { text, submission })
}

pub(super) fn study_answer() -> impl Strategy<Value = StudyAnswer> {
    let verdict = prop_oneof![
        Just(StudyVerdict::Approved),
        text().prop_map(|reason| StudyVerdict::Pending { reason }),
        (text(), text()).prop_map(|(rule, reason)| StudyVerdict::Refused { rule, reason }),
    ];
    (digest(), verdict).prop_map(|(study, verdict)| StudyAnswer { study, verdict })
}

fn encoding() -> impl Strategy<Value = Encoding> {
    let packing = (1..=4_u32).prop_map(|fields| Packing::from_fields(fields).unwrap());
    let clip = prop_oneof![Just(Clip::Refuse), Just(Clip::Coordinate), Just(Clip::L2)];
    let range = prop::num::f64::POSITIVE | prop::num::f64::SUBNORMAL;
    let range = range.prop_map(f64::abs);
    prop_oneof![
        Just(Encoding::Wide),
        (packing, range, clip).prop_map(|(packing, range, clip)| Encoding::Packed {
            packing,
            range,
            clip
        }),
    ]
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let inputs = vec((1..=1_u64 << 20, encoding()), 1..5).prop_map(|inputs| {
        let spec = |(number, (length, encoding)): (usize, (u64, Encoding))| InputSpec {
            name: format!("vector {number}"),
            length,
            encoding,
        };
        inputs.into_iter().enumerate().map(spec).collect()
    });
    (inputs, 9..=17_u32).prop_map(|(inputs, bits)| Plan { inputs, tile_lanes: 1 << bits })
}

pub(super) fn contract() -> impl Strategy<Value = Contract> {
    let digests = (digest(), digest(), digest());
    let numbers = (0..64_u16, any::<u32>(), 1..=u32::MAX, any::<u16>());
    let membership = prop_oneof![Just(Membership::Fixed), Just(Membership::MayChange)];
    (digests, numbers, sites(), membership, plan()).prop_map(
        |((transcript, study, state), numbers, participants, membership, plan)| {
            let (slot, cohort, round, minimum) = numbers;
            Contract {
                transcript,
                slot,
                cohort,
                study,
                round,
                participants,
                minimum,
                membership,
                plan,
                privacy: Privacy::NoNoise,
                state,
            }
        },
    )
}

pub(super) fn hello() -> impl Strategy<Value = Hello> {
    let rounds = btree_map(digest(), 1..=u32::MAX, 0..3);
    (vec(slot_id(), 0..3), rounds, any::<u64>())
        .prop_map(|(unresolved, rounds, last_epoch)| Hello { unresolved, rounds, last_epoch })
}

pub(super) fn verdict() -> impl Strategy<Value = Verdict> {
    let tiles = btree_set(0..1_u32 << 21, 0..8).prop_map(|tiles| tiles.into_iter().collect());
    (digest(), digest(), site(), tiles, any::<bool>(), signature()).prop_map(
        |(ctx, sum, from, tiles, holds, signature)| Verdict {
            ctx,
            sum,
            from,
            tiles,
            holds,
            signature,
        },
    )
}

pub(super) fn signed_contract() -> impl Strategy<Value = SignedContract> {
    (contract(), vec(verdict(), 0..3), signature()).prop_map(|(contract, verdicts, signature)| {
        SignedContract { contract, verdicts, signature }
    })
}

pub(super) fn trailer() -> impl Strategy<Value = Trailer> {
    let digests = (digest(), digest(), digest(), digest());
    (digests, site(), 0..=1_u64 << 30, head(), signature()).prop_map(
        |((ctx, root, history, audit), from, lanes, ledger, signature)| Trailer {
            ctx,
            from,
            root,
            lanes,
            history,
            ledger,
            audit,
            signature,
        },
    )
}

pub(super) fn proposal() -> impl Strategy<Value = Proposal> {
    (signed_contract(), sites(), vec(trailer(), 0..4))
        .prop_map(|(contract, survivors, trailers)| Proposal { contract, survivors, trailers })
}

pub(super) fn outcome() -> impl Strategy<Value = Outcome> {
    (slot_id(), digest(), sites(), digest()).prop_map(|(id, ctx, survivors, trailers)| Outcome {
        id,
        ctx,
        survivors,
        trailers,
    })
}

pub(super) fn ballot() -> impl Strategy<Value = Ballot> {
    let vote = prop_oneof![Just(Vote::Void), digest().prop_map(Vote::Survivors)];
    (slot_id(), site(), vote, signature()).prop_map(|(id, from, vote, signature)| Ballot {
        id,
        from,
        vote,
        signature,
    })
}

pub(super) fn certificate() -> impl Strategy<Value = Certificate> {
    (outcome(), btree_map(site(), signature(), 0..4))
        .prop_map(|(outcome, signatures)| Certificate { outcome, signatures })
}

pub(super) fn void_certificate() -> impl Strategy<Value = VoidCertificate> {
    (slot_id(), btree_map(site(), signature(), 0..4))
        .prop_map(|(id, signatures)| VoidCertificate { id, signatures })
}

pub(super) fn site_secret() -> impl Strategy<Value = SiteSecret> {
    (site(), any::<[u8; 32]>()).prop_map(|(site, scalar)| SiteSecret { site, scalar })
}

pub(super) fn release() -> impl Strategy<Value = Release> {
    let secrets = || vec(site_secret(), 0..4);
    (slot_id(), digest(), site(), secrets(), secrets(), signature()).prop_map(
        |(id, ctx, from, selfs, roots, signature)| Release {
            id,
            ctx,
            from,
            selfs,
            roots,
            signature,
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Root), Just(Kind::Own)]
}

pub(super) fn share_proof() -> impl Strategy<Value = ShareProof> {
    (slot_id(), site(), site_secret(), kind(), path(), path(), digest(), signature()).prop_map(
        |(id, holder, share, kind, leaf_path, path, root, signature)| ShareProof {
            id,
            holder,
            dealer: share.site,
            kind,
            share,
            leaf_path,
            path,
            root,
            signature,
        },
    )
}

pub(super) fn receipt() -> impl Strategy<Value = Receipt> {
    let secrets = || vec(site_secret(), 0..4);
    let ends = (digest(), digest(), any::<u64>(), signature());
    (certificate(), vec(trailer(), 0..4), secrets(), secrets(), ends).prop_map(
        |(certificate, trailers, selfs, roots, (sum, next_state, at, signature))| Receipt {
            certificate,
            trailers,
            selfs,
            roots,
            sum,
            next_state,
            at,
            signature,
        },
    )
}

pub(super) fn tile_part() -> impl Strategy<Value = TilePart> {
    (site(), lanes(), path()).prop_map(|(from, lanes, path)| TilePart {
        from,
        lanes: lanes.into(),
        path,
    })
}

pub(super) fn published() -> impl Strategy<Value = Published> {
    let tiles = btree_map(0..1_u32 << 21, vec(tile_part(), 0..3), 0..3);
    let parts = prop_oneof![
        btree_map(site(), lanes(), 0..4).prop_map(Parts::Whole),
        tiles.prop_map(Parts::Tiles),
    ];
    (signed_contract(), receipt(), lanes(), parts).prop_map(|(contract, receipt, sum, parts)| {
        Published { contract, receipt, sum: sum.into(), parts }
    })
}

pub(super) fn refusal() -> impl Strategy<Value = Refusal> {
    let culprit =
        prop_oneof![Just(Culprit::Coordinator), site().prop_map(Culprit::Site), Just(Culprit::Own)];
    (prop::sample::select(Check::ALL.as_slice()), culprit, text())
        .prop_map(|(check, culprit, reason)| Refusal { check, culprit, reason })
}

/// One strategy a variant, in order.
pub(super) fn to_site_variants() -> Vec<BoxedStrategy<ToSite>> {
    let announcement =
        (any::<u64>(), 1..=64_u16).prop_map(|(epoch, slots)| Announcement { epoch, slots });
    vec![
        announcement.prop_map(ToSite::Announce).boxed(),
        (any::<u64>(), 1..=64_u16, vec(advert(), 0..3))
            .prop_map(|(epoch, slots, adverts)| ToSite::Adverts { epoch, slots, adverts })
            .boxed(),
        (any::<u64>(), vec(bundle(), 0..3))
            .prop_map(|(epoch, bundles)| ToSite::Bundles { epoch, bundles })
            .boxed(),
        (any::<u64>(), vec(acceptance(), 0..3))
            .prop_map(|(epoch, acceptances)| ToSite::Acceptances { epoch, acceptances })
            .boxed(),
        study_offer().prop_map(ToSite::Study).boxed(),
        (digest(), text()).prop_map(|(study, reason)| ToSite::Ended { study, reason }).boxed(),
        signed_contract().prop_map(ToSite::Contract).boxed(),
        (signed_contract(), 0..=1_u32 << 21)
            .prop_map(|(contract, taken)| ToSite::Resume { contract, taken })
            .boxed(),
        proposal().prop_map(ToSite::Propose).boxed(),
        slot_id().prop_map(ToSite::VoidRequest).boxed(),
        (certificate(), option::of(proposal()))
            .prop_map(|(certificate, proposal)| ToSite::Open { certificate, proposal })
            .boxed(),
        void_certificate().prop_map(ToSite::Voided).boxed(),
        (slot_id(), site(), kind())
            .prop_map(|(id, dealer, kind)| ToSite::Prove { id, dealer, kind })
            .boxed(),
        published().prop_map(ToSite::Published).boxed(),
        (digest(), vec(verdict(), 0..3))
            .prop_map(|(study, verdicts)| ToSite::Settled { study, verdicts })
            .boxed(),
    ]
}

/// One strategy a variant, in order.
pub(super) fn from_site_variants() -> Vec<BoxedStrategy<FromSite>> {
    vec![
        advert().prop_map(FromSite::Advert).boxed(),
        vec(bundle(), 0..3).prop_map(FromSite::Bundles).boxed(),
        acceptance().prop_map(FromSite::Acceptance).boxed(),
        study_answer().prop_map(FromSite::StudyAnswer).boxed(),
        (slot_id(), 0..1_u32 << 21, lanes())
            .prop_map(|(id, number, lanes)| FromSite::Tile { id, number, lanes: lanes.into() })
            .boxed(),
        (slot_id(), trailer()).prop_map(|(id, trailer)| FromSite::Trailer { id, trailer }).boxed(),
        ballot().prop_map(FromSite::Ballot).boxed(),
        release().prop_map(FromSite::Release).boxed(),
        share_proof().prop_map(FromSite::Proof).boxed(),
        verdict().prop_map(FromSite::Verdict).boxed(),
        (digest(), digest()).prop_map(|(ctx, next)| FromSite::State { ctx, next }).boxed(),
        (option::of(slot_id()), option::of(digest()), refusal())
            .prop_map(|(id, study, refusal)| FromSite::Refused { id, study, refusal })
            .boxed(),
        hello().prop_map(FromSite::Hello).boxed(),
    ]
}

pub(super) fn to_site() -> impl Strategy<Value = ToSite> {
    prop::strategy::Union::new(to_site_variants())
}

pub(super) fn from_site() -> impl Strategy<Value = FromSite> {
    prop::strategy::Union::new(from_site_variants())
}

pub(super) fn draw_commit() -> impl Strategy<Value = DrawCommit> {
    (digest(), digest(), site(), digest(), signature()).prop_map(
        |(charter, study, from, commitment, signature)| DrawCommit {
            charter,
            study,
            from,
            commitment,
            signature,
        },
    )
}

pub(super) fn reveal() -> impl Strategy<Value = Reveal> {
    (site(), any::<[u8; 32]>()).prop_map(|(from, nonce)| Reveal { from, nonce })
}

pub(super) fn word() -> impl Strategy<Value = Word> {
    (digest(), digest(), digest(), site(), signature()).prop_map(
        |(ctx, outcome, sum, from, signature)| Word { ctx, outcome, sum, from, signature },
    )
}

pub(super) fn total() -> impl Strategy<Value = Total> {
    let sum = (contract(), outcome(), lanes(), vec(word(), 0..3)).prop_map(
        |(contract, outcome, lanes, words)| CohortSum { contract, outcome, lanes, words },
    );
    (vec(sum, 0..3), digest(), signature()).prop_map(|(cohorts, next_state, signature)| Total {
        cohorts,
        next_state,
        signature,
    })
}
