//! R2 and R3: trailers, proposals and ballots.

use ripieno_secagg::round::outcome::{Ballot, Outcome, Proposal, Vote};
use ripieno_secagg::round::upload::Trailer;
use ripieno_study::plan::MAX_LANES;

use crate::error::{Fault, WireError};
use crate::field::{
    Wire, digest, list, put, put_list, put_site, put_sites, required, signature, site, sites,
};
use crate::limits::MAX_SITES;
use crate::pb;

impl Wire for Trailer {
    type Proto = pb::Trailer;

    fn to_proto(&self) -> pb::Trailer {
        pb::Trailer {
            ctx: put(self.ctx),
            from: put_site(self.from),
            root: put(self.root),
            lanes: self.lanes,
            history: put(self.history),
            ledger: Some(self.ledger.to_proto()),
            audit: put(self.audit),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::Trailer) -> Result<Self, WireError> {
        if proto.lanes > MAX_LANES {
            return Err(Fault::Number { low: 0, high: MAX_LANES }.of("trailer.lanes"));
        }
        Ok(Self {
            ctx: digest("trailer.ctx", &proto.ctx)?,
            from: site("trailer.from", proto.from)?,
            root: digest("trailer.root", &proto.root)?,
            lanes: proto.lanes,
            history: digest("trailer.history", &proto.history)?,
            ledger: required("trailer.ledger", proto.ledger)?,
            audit: digest("trailer.audit", &proto.audit)?,
            signature: signature("trailer.signature", &proto.signature)?,
        })
    }
}

impl Wire for Proposal {
    type Proto = pb::Proposal;

    fn to_proto(&self) -> pb::Proposal {
        pb::Proposal {
            contract: Some(self.contract.to_proto()),
            survivors: put_sites(&self.survivors),
            trailers: put_list(&self.trailers),
        }
    }

    fn from_proto(proto: pb::Proposal) -> Result<Self, WireError> {
        Ok(Self {
            contract: required("proposal.contract", proto.contract)?,
            survivors: sites("proposal.survivors", &proto.survivors)?,
            trailers: list("proposal.trailers", proto.trailers, MAX_SITES)?,
        })
    }
}

impl Wire for Outcome {
    type Proto = pb::Outcome;

    fn to_proto(&self) -> pb::Outcome {
        pb::Outcome {
            slot_id: Some(self.id.to_proto()),
            ctx: put(self.ctx),
            survivors: put_sites(&self.survivors),
            trailers: put(self.trailers),
        }
    }

    fn from_proto(proto: pb::Outcome) -> Result<Self, WireError> {
        Ok(Self {
            id: required("outcome.slot_id", proto.slot_id)?,
            ctx: digest("outcome.ctx", &proto.ctx)?,
            survivors: sites("outcome.survivors", &proto.survivors)?,
            trailers: digest("outcome.trailers", &proto.trailers)?,
        })
    }
}

impl Wire for Ballot {
    type Proto = pb::Ballot;

    fn to_proto(&self) -> pb::Ballot {
        let vote = match &self.vote {
            Vote::Survivors(digest) => pb::ballot::Vote::Survivors(put(digest)),
            Vote::Void => pb::ballot::Vote::Void(pb::Void {}),
        };
        pb::Ballot {
            slot_id: Some(self.id.to_proto()),
            from: put_site(self.from),
            signature: put(self.signature),
            vote: Some(vote),
        }
    }

    fn from_proto(proto: pb::Ballot) -> Result<Self, WireError> {
        let vote = match proto.vote {
            None => return Err(Fault::Missing.of("ballot.vote")),
            Some(pb::ballot::Vote::Survivors(bytes)) => {
                Vote::Survivors(digest("ballot.survivors", &bytes)?)
            }
            Some(pb::ballot::Vote::Void(_)) => Vote::Void,
        };
        Ok(Self {
            id: required("ballot.slot_id", proto.slot_id)?,
            from: site("ballot.from", proto.from)?,
            vote,
            signature: signature("ballot.signature", &proto.signature)?,
        })
    }
}
