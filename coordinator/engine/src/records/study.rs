//! Where a study stands.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{Message, Oneof};

/// A study. All deadlines begin anew when it is read.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StudyRecord {
    /// `ToSite::Study`: manifest and submission.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) offer: Bytes,
    /// When it was submitted, in seconds since 1970.
    #[prost(uint64, tag = "2")]
    pub(crate) submitted: u64,
    /// The round that runs, or comes next.
    #[prost(uint32, tag = "3")]
    pub(crate) round: u32,
    /// The state that it starts from, as JSON; empty where the study is over.
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) state: Bytes,
    #[prost(uint32, repeated, tag = "5")]
    pub(crate) willing: Vec<u32>,
    #[prost(uint32, repeated, tag = "6")]
    pub(crate) undecided: Vec<u32>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) declined: Vec<DeclinedRecord>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) refusers: Vec<RefuserRecord>,
    #[prost(btree_map = "uint32, uint32", tag = "9")]
    pub(crate) strikes: BTreeMap<u32, u32>,
    #[prost(message, optional, tag = "10")]
    pub(crate) fixed: Option<SetRecord>,
    #[prost(bool, tag = "11")]
    pub(crate) opened: bool,
    #[prost(bool, tag = "12")]
    pub(crate) renew: bool,
    #[prost(uint32, tag = "13")]
    pub(crate) renewals: u32,
    #[prost(message, optional, tag = "14")]
    pub(crate) preferred: Option<SetRecord>,
    #[prost(uint32, tag = "15")]
    pub(crate) readmissions: u32,
    #[prost(message, repeated, tag = "16")]
    pub(crate) voided: Vec<VoidedRecord>,
    /// How it ends once the slot under way has its outcome.
    #[prost(message, optional, tag = "17")]
    pub(crate) doomed: Option<EndRecord>,
    /// `ToSite::Settled`: the verdicts on the last sum.
    #[prost(bytes = "bytes", tag = "18")]
    pub(crate) settled: Bytes,
    #[prost(oneof = "PhaseRecord", tags = "20, 21, 22, 23, 24, 25, 26, 27")]
    pub(crate) phase: Option<PhaseRecord>,
}

/// A phase, as far as it cannot be found out again.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum PhaseRecord {
    #[prost(message, tag = "20")]
    Offering(OfferingRecord),
    #[prost(message, tag = "21")]
    Waiting(WaitingRecord),
    #[prost(message, tag = "22")]
    Collecting(SlotRecord),
    #[prost(message, tag = "23")]
    Deciding(SlotRecord),
    #[prost(message, tag = "24")]
    Opening(SlotRecord),
    #[prost(message, tag = "25")]
    Voiding(SlotRecord),
    #[prost(message, tag = "26")]
    Settling(SettlingRecord),
    #[prost(message, tag = "27")]
    Over(EndRecord),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OfferingRecord {
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) asked: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) answers: Vec<AnswerRecord>,
    /// Whether stewards are waited for.
    #[prost(bool, tag = "3")]
    pub(crate) extended: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AnswerRecord {
    #[prost(uint32, tag = "1")]
    pub(crate) site: u32,
    /// `FromSite::StudyAnswer`.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) answer: Bytes,
}

/// Every site that took part is waited for anew.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct WaitingRecord {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SlotRecord {
    /// Number of the epoch.
    #[prost(uint64, tag = "1")]
    pub(crate) epoch: u64,
    /// What holders are asked for: contract, proposal, certificate with proposal, or VOID.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) message: Bytes,
    #[prost(uint32, repeated, tag = "3")]
    pub(crate) participants: Vec<u32>,
    /// `FromSite::Trailer` of every complete upload, while they come in.
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub(crate) trailers: Vec<Bytes>,
    /// Participants that said no, while uploads come in.
    #[prost(uint32, repeated, tag = "5")]
    pub(crate) refused: Vec<u32>,
    /// Participants whose upload was not complete, once the slot is to be void.
    #[prost(uint32, repeated, tag = "6")]
    pub(crate) missing: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SettlingRecord {
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) lost: Vec<u32>,
}

/// How a study ended, or is to end.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EndRecord {
    /// 1 with a result, 2 given up, 3 cancelled.
    #[prost(uint32, tag = "1")]
    pub(crate) kind: u32,
    /// The report as JSON, or the reason.
    #[prost(string, tag = "2")]
    pub(crate) text: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SetRecord {
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) sites: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct DeclinedRecord {
    #[prost(uint32, tag = "1")]
    pub(crate) site: u32,
    #[prost(string, tag = "2")]
    pub(crate) rule: String,
    #[prost(string, tag = "3")]
    pub(crate) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RefuserRecord {
    #[prost(uint32, tag = "1")]
    pub(crate) site: u32,
    /// `FromSite::Refused`.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) refused: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct VoidedRecord {
    #[prost(uint64, tag = "1")]
    pub(crate) epoch: u64,
    #[prost(uint32, tag = "2")]
    pub(crate) slot: u32,
    #[prost(uint32, repeated, tag = "3")]
    pub(crate) missing: Vec<u32>,
}
