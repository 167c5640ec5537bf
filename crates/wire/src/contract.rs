//! The contract of a round, and the verdicts that ride beside it.

use ripieno_secagg::round::publish::Verdict;
use ripieno_secagg::round::start::SignedContract;
use ripieno_study::contract::SUITE;
use ripieno_study::{Contract, Membership, Privacy};

use crate::error::{Fault, WireError};
use crate::field::{
    Wire, bounded, digest, list, number, put, put_list, put_site, put_sites, required, signature,
    site, sites, slot,
};
use crate::limits::{MAX_SITES, MAX_TILES};
use crate::pb;
use pb::privacy::Mechanism;

impl Wire for SignedContract {
    type Proto = pb::SignedContract;

    fn to_proto(&self) -> pb::SignedContract {
        pb::SignedContract {
            contract: Some(self.contract.to_proto()),
            verdicts: put_list(&self.verdicts),
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::SignedContract) -> Result<Self, WireError> {
        Ok(Self {
            contract: required("signed_contract.contract", proto.contract)?,
            verdicts: list("signed_contract.verdicts", proto.verdicts, MAX_SITES)?,
            signature: signature("signed_contract.signature", &proto.signature)?,
        })
    }
}

impl Wire for Contract {
    type Proto = pb::Contract;

    fn to_proto(&self) -> pb::Contract {
        pb::Contract {
            suite: SUITE.into(),
            transcript: put(self.transcript),
            slot: u32::from(self.slot),
            cohort: self.cohort,
            study: put(self.study),
            round: self.round,
            participants: put_sites(&self.participants),
            minimum: u32::from(self.minimum),
            membership: put_membership(self.membership),
            plan: Some(self.plan.to_proto()),
            privacy: Some(self.privacy.to_proto()),
            state: put(self.state),
        }
    }

    fn from_proto(proto: pb::Contract) -> Result<Self, WireError> {
        if proto.suite != SUITE {
            return Err(Fault::Unknown.of("contract.suite"));
        }
        Ok(Self {
            transcript: digest("contract.transcript", &proto.transcript)?,
            slot: slot("contract.slot", proto.slot)?,
            cohort: proto.cohort,
            study: digest("contract.study", &proto.study)?,
            round: number("contract.round", proto.round, 1..=u32::MAX)?,
            participants: sites("contract.participants", &proto.participants)?,
            minimum: number("contract.minimum", proto.minimum, 0..=u16::MAX)?,
            membership: membership(proto.membership)?,
            plan: required("contract.plan", proto.plan)?,
            privacy: required("contract.privacy", proto.privacy)?,
            state: digest("contract.state", &proto.state)?,
        })
    }
}

impl Wire for Privacy {
    type Proto = pb::Privacy;

    fn to_proto(&self) -> pb::Privacy {
        let mechanism = match self {
            Privacy::NoNoise => Some(Mechanism::NoNoise(pb::NoNoise {})),
            // A mechanism that these messages cannot say: every receiver refuses the contract.
            _ => None,
        };
        pb::Privacy { mechanism }
    }

    fn from_proto(proto: pb::Privacy) -> Result<Self, WireError> {
        match proto.mechanism {
            Some(Mechanism::NoNoise(_)) => Ok(Privacy::NoNoise),
            None => Err(Fault::Missing.of("privacy.mechanism")),
        }
    }
}

fn membership(value: i32) -> Result<Membership, WireError> {
    match pb::Membership::try_from(value) {
        Ok(pb::Membership::Fixed) => Ok(Membership::Fixed),
        Ok(pb::Membership::MayChange) => Ok(Membership::MayChange),
        Ok(pb::Membership::Unspecified) | Err(_) => Err(Fault::Unknown.of("contract.membership")),
    }
}

fn put_membership(membership: Membership) -> i32 {
    match membership {
        Membership::Fixed => pb::Membership::Fixed,
        Membership::MayChange => pb::Membership::MayChange,
    }
    .into()
}

impl Wire for Verdict {
    type Proto = pb::Verdict;

    fn to_proto(&self) -> pb::Verdict {
        pb::Verdict {
            ctx: put(self.ctx),
            sum: put(self.sum),
            from: put_site(self.from),
            tiles: self.tiles.clone(),
            holds: self.holds,
            signature: put(self.signature),
        }
    }

    fn from_proto(proto: pb::Verdict) -> Result<Self, WireError> {
        Ok(Self {
            ctx: digest("verdict.ctx", &proto.ctx)?,
            sum: digest("verdict.sum", &proto.sum)?,
            from: site("verdict.from", proto.from)?,
            tiles: tiles(proto.tiles)?,
            holds: proto.holds,
            signature: signature("verdict.signature", &proto.signature)?,
        })
    }
}

fn tiles(tiles: Vec<u32>) -> Result<Vec<u32>, WireError> {
    let field = "verdict.tiles";
    bounded(field, tiles.len(), 0..=MAX_TILES as usize)?;
    if !tiles.is_sorted_by(|low, high| low < high) {
        return Err(Fault::Order.of(field));
    }
    if let Some(last) = tiles.last() {
        number(field, *last, 0..=MAX_TILES.saturating_sub(1))?;
    }
    Ok(tiles)
}
