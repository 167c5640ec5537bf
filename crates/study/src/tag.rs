//! Domain-separation tags: one per kind of hashed or signed message, all in this file.
//!
//! Two messages of different kinds can never have the same digest, because the tag is the first
//! thing that is hashed (docs/protocol.md §2, §3).

/// The kind of a hashed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// A study manifest, as its bytes were written.
    Study,
    /// The whole contract of a round; its digest is `ctx`.
    Context,
    /// A contract together with what rides beside it, as signed by the coordinator.
    Contract,
    /// A charter: who is in the federation.
    Charter,
    /// A site's consent to the successor of a charter.
    CharterConsent,
    /// A researcher's credential, signed by the home site.
    Credential,
    /// A researcher's submission of a study.
    Submission,
    /// A researcher's request to the coordinator.
    Request,
    /// The secret of an invitation.
    Invitation,
    /// A request for a certificate.
    CertificateRequest,
    /// An invited site's claim to its key.
    Enrol,
    /// The list of authorities for connections that a coordinator signed.
    Authorities,
    /// The check digits of a text that people copy.
    Text,
    /// A site's epoch advert (E1).
    Advert,
    /// The transcript of an epoch, `T`.
    Epoch,
    /// A commitment to a slot's `self` secret.
    SelfCommit,
    /// A dealer's Merkle leaf over one share (E2).
    ShareLeaf,
    /// An inner node of a dealer's tree.
    ShareNode,
    /// A dealer's signed root (E2).
    ShareRoot,
    /// A holder's acceptance of dealers (E3).
    Acceptance,
    /// A tile of masked lanes.
    Tile,
    /// An inner node of a tile tree.
    TileNode,
    /// The trailer of an upload (R2).
    Trailer,
    /// All trailers of a survivor set, in index order (R3).
    Trailers,
    /// The one outcome of a slot: survivors (R3).
    Outcome,
    /// The one outcome of a slot: void (R3).
    Void,
    /// A holder's released shares (R4).
    Release,
    /// A tile of the opened sum.
    SumTile,
    /// An inner node of the tree over the opened sum.
    SumNode,
    /// The coordinator's receipt (R5).
    Receipt,
    /// A site's verdict on tiles of the sum (R5).
    Verdict,
    /// What a site draws cohorts with, as long as it is hidden.
    DrawNonce,
    /// A site's commitment to it.
    DrawCommit,
    /// All commitments of a draw.
    DrawList,
    /// The seed of a draw.
    Draw,
    /// The random words that permute the sites of a draw.
    DrawWord,
    /// A site's word on the sum of its cohort, for the other cohorts.
    CohortWord,
    /// The sums of all cohorts in a round.
    Total,
    /// A record of a site's ledger.
    Ledger,
    /// The sums of a study that a site's data is in (R2).
    History,
    /// The state of an analysis between rounds.
    State,
    /// An event of a site's own record.
    Audit,
    /// The stable local lineage of a data set.
    Lineage,
    /// The content of a data set.
    Content,
    /// A record of what a coordinator must not forget.
    Record,
    /// The plan of a governed view.
    View,
    /// A table as a governed view shows it: its bytes and the plan.
    Governed,
    /// A person who wants to be in no study, on a site's list.
    OptOut,
    /// A made-up value.
    Fake,
    /// A site's key for pseudonyms or tokens, and what is made with it.
    Pseudonym,
}

impl Tag {
    /// The bytes that are hashed first.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        match self {
            Tag::Study => b"ripieno-1/study",
            Tag::Context => b"ripieno-1/ctx",
            Tag::Contract => b"ripieno-1/contract",
            Tag::Charter => b"ripieno-1/charter",
            Tag::CharterConsent => b"ripieno-1/charter-consent",
            Tag::Credential => b"ripieno-1/credential",
            Tag::Submission => b"ripieno-1/submission",
            Tag::Request => b"ripieno-1/request",
            Tag::Invitation => b"ripieno-1/invitation",
            Tag::CertificateRequest => b"ripieno-1/certificate-request",
            Tag::Enrol => b"ripieno-1/enrol",
            Tag::Authorities => b"ripieno-1/authorities",
            Tag::Text => b"ripieno-1/text",
            Tag::Advert => b"ripieno-1/advert",
            Tag::Epoch => b"ripieno-1/epoch",
            Tag::SelfCommit => b"ripieno-1/self-commit",
            Tag::ShareLeaf => b"ripieno-1/share-leaf",
            Tag::ShareNode => b"ripieno-1/share-node",
            Tag::ShareRoot => b"ripieno-1/share-root",
            Tag::Acceptance => b"ripieno-1/acceptance",
            Tag::Tile => b"ripieno-1/tile",
            Tag::TileNode => b"ripieno-1/tile-node",
            Tag::Trailer => b"ripieno-1/trailer",
            Tag::Trailers => b"ripieno-1/trailers",
            Tag::Outcome => b"ripieno-1/outcome",
            Tag::Void => b"ripieno-1/void",
            Tag::Release => b"ripieno-1/release",
            Tag::SumTile => b"ripieno-1/sum-tile",
            Tag::SumNode => b"ripieno-1/sum-node",
            Tag::Receipt => b"ripieno-1/receipt",
            Tag::Verdict => b"ripieno-1/verdict",
            Tag::DrawNonce => b"ripieno-1/draw-nonce",
            Tag::DrawCommit => b"ripieno-1/draw-commit",
            Tag::DrawList => b"ripieno-1/draw-list",
            Tag::Draw => b"ripieno-1/draw",
            Tag::DrawWord => b"ripieno-1/draw-word",
            Tag::CohortWord => b"ripieno-1/cohort-word",
            Tag::Total => b"ripieno-1/total",
            Tag::Ledger => b"ripieno-1/ledger",
            Tag::History => b"ripieno-1/history",
            Tag::State => b"ripieno-1/state",
            Tag::Audit => b"ripieno-1/audit",
            Tag::Lineage => b"ripieno-1/lineage",
            Tag::Content => b"ripieno-1/content",
            Tag::Record => b"ripieno-1/record",
            Tag::View => b"ripieno-1/view",
            Tag::Governed => b"ripieno-1/governed",
            Tag::OptOut => b"ripieno-1/opt-out",
            Tag::Fake => b"ripieno-1/fake",
            Tag::Pseudonym => b"ripieno-1/pseudonym",
        }
    }
}
