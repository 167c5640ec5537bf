//! The checks of a site, each one a rule that a test can take away.

use ripieno_study::Check;

macro_rules! rules {
    ($($(#[doc = $demand:literal])+ $name:ident = $check:expr;)+) => {
        /// One demand of a check of docs/protocol-checks.md, or of a paragraph of docs/protocol.md.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $($(#[doc = $demand])+ $name,)+ }

        impl Rule {
            /// All of them, in the order of the protocol.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The check that it is part of.
            #[must_use]
            pub fn origin(self) -> Origin {
                match self { $(Self::$name => $check,)+ }
            }

            /// What it demands.
            #[must_use]
            pub fn demand(self) -> &'static str {
                match self { $(Self::$name => concat!($($demand,)+).trim_ascii(),)+ }
            }
        }
    };
}

/// Where a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A check.
    Check(Check),
    /// A section of docs/protocol.md, where no check has the id: the way in which a site works.
    Section(u8),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Check(check) => check.fmt(f),
            Self::Section(number) => write!(f, "§{number}"),
        }
    }
}

const fn check(check: Check) -> Origin {
    Origin::Check(check)
}

rules! {
    /// adverts are signed by sites of the charter
    AdvertSigned = check(Check::A1);
    /// c is the charter's
    CharterCorrupt = check(Check::A2);
    /// t is the smallest with 2t > n + c and t > c
    Threshold = check(Check::A2);
    /// m ≤ n, and 3 ≤ n
    EpochSize = check(Check::A2);
    /// one transcript per advert
    OneTranscript = check(Check::A2);
    /// the epoch is newer than the last
    NewerEpoch = check(Check::A2);
    /// a peer's count of records is not below what was seen
    LedgerCount = check(Check::L1);
    /// no count of records has two heads
    LedgerHeads = check(Check::L1);
    /// under fixed membership all survivors name the same sums of the study
    History = check(Check::L1);
    /// P has only dealers that t holders and all of P accepted
    Accepted = check(Check::S3);
    /// m is at least max(t, c + 3)
    Floor = check(Check::S3);
    /// m is at least what study and site require
    Wanted = check(Check::S3);
    /// the size of P is at least m
    Reach = check(Check::S3);
    /// who adds data is in P
    Member = check(Check::S3);
    /// a slot serves one contract
    OneContract = check(Check::S4);
    /// the ledger has a slot once
    EnteredOnce = check(Check::S4);
    /// who has signed uploads no more
    NoLateUpload = check(Check::S4);
    /// the approved releases cover the round
    Limit = check(Check::S7);
    /// no other slot of the study is unresolved
    Unresolved = check(Check::S8);
    /// P is that of every opened slot where membership is fixed
    SameSet = check(Check::S8);
    /// the membership rule is the study's
    StudyRule = check(Check::S8);
    /// the data is that of the study's sums so far
    SameData = check(Check::S8);
    /// U ⊆ P
    Subset = check(Check::C1);
    /// the size of U is at least m
    Minimum = check(Check::C1);
    /// U = P where membership is fixed
    WholeSet = check(Check::C1);
    /// each survivor has signed a trailer for this ctx
    Trailers = check(Check::C2);
    /// the own trailer, if shown, is the one that was sent
    OwnTrailer = check(Check::C2);
    /// no second survivor set is signed
    OneSet = check(Check::C3);
    /// VOID and a survivor set are not both signed
    SetOrVoid = check(Check::C3);
    /// t signatures of holders before shares are released
    Quorum = check(Check::U1);
    /// v signatures of holders before a slot counts as void
    VoidQuorum = check(Check::U1);
    /// the certificate is for the outcome that was signed here
    OwnOutcome = check(Check::U1);
    /// nothing is released where VOID was signed
    NotVoided = check(Check::U1);
    /// one kind of share for each dealer
    OneKind = check(Check::U2);
    /// one release for each slot
    OneRelease = check(Check::U2);
    /// secrets and signed outcomes are lost together when a site restarts
    MemoryOnly = Origin::Section(4);
    /// an upload is frozen for its slot
    Frozen = Origin::Section(5);
    /// the ledger's entry is durable before the upload leaves
    EntryFirst = Origin::Section(6);
    /// the certificate is in the ledger before shares are released
    CertificateFirst = Origin::Section(5);
}

/// The checks that have no rule here, and why.
pub const NOT_MODELLED: &[(Check, &str)] = &[
    (
        Check::H1,
        "there is one charter; what makes another impossible is counting q signatures, as for outcomes",
    ),
    (Check::A3, "encryption and encodings; that a dealer was accepted is in S3"),
    (
        Check::S1,
        "the coordinator is the adversary and signs any contract; slots are kept by their transcript, so none meets a contract of another epoch",
    ),
    (Check::S2, "there is one study, and it is approved"),
    (Check::S5, "states are numbers; a contract with another state is a contract with another ctx"),
    (Check::S6, "arithmetic"),
    (Check::R1, "run by an honest coordinator"),
    (Check::R2, "run by an honest coordinator"),
    (Check::P1, "whether a sum is right; this model asks what is open"),
    (Check::D1, "there is one cohort; what a draw decides, no claim rests on"),
    (Check::D2, "there is one cohort; whether the sums of others are right"),
];

/// Which rules the sites follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules(u64);

impl Rules {
    /// All of them.
    #[must_use]
    pub fn all() -> Self {
        Self(u64::MAX)
    }

    /// All but these.
    #[must_use]
    pub fn without(rules: &[Rule]) -> Self {
        Self(rules.iter().fold(u64::MAX, |bits, rule| bits & !(1 << *rule as u64)))
    }

    /// Whether a rule is followed.
    #[must_use]
    pub fn on(self, rule: Rule) -> bool {
        self.0 >> rule as u64 & 1 == 1
    }

    /// Whether a rule is not followed.
    #[must_use]
    pub fn off(self, rule: Rule) -> bool {
        !self.on(rule)
    }
}
