//! What a site says when it attends.

use std::collections::BTreeMap;

use ripieno_secagg::SlotId;
use ripieno_study::Digest;

use crate::error::WireError;
use crate::field::{Wire, digest, list, map, number, put, put_list};
use crate::limits::MAX_STANDINGS;
use crate::pb;

/// A site is there, and says what it lacks, so that it can be told again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// Slots of its data that have neither certificate, also where its steward has decided about
    /// them; at most [`MAX_STANDINGS`].
    pub unresolved: Vec<SlotId>,
    /// For each study that it approved, the round that comes next; at most [`MAX_STANDINGS`].
    pub rounds: BTreeMap<Digest, u32>,
    /// Number of the last epoch that it advertised or joined under its charter; 0 for none.
    pub last_epoch: u64,
}

impl Wire for Hello {
    type Proto = pb::Hello;

    fn to_proto(&self) -> pb::Hello {
        let standing = |(study, round): (&Digest, &u32)| pb::StudyStanding {
            study: put(study),
            next_round: *round,
        };
        pb::Hello {
            unresolved: put_list(&self.unresolved),
            studies: self.rounds.iter().map(standing).collect(),
            last_epoch: self.last_epoch,
        }
    }

    fn from_proto(proto: pb::Hello) -> Result<Self, WireError> {
        crate::field::bounded("hello.studies", proto.studies.len(), 0..=MAX_STANDINGS)?;
        let standing = |standing: pb::StudyStanding| {
            let round = number("study_standing.next_round", standing.next_round, 1..=u32::MAX)?;
            Ok((digest("study_standing.study", &standing.study)?, round))
        };
        Ok(Self {
            unresolved: list("hello.unresolved", proto.unresolved, MAX_STANDINGS)?,
            rounds: map("hello.studies", proto.studies.into_iter().map(standing))?,
            last_epoch: proto.last_epoch,
        })
    }
}
