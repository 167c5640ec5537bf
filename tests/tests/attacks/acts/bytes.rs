//! Bytes that are no message: wrong lengths, oversize counts, fields and bodies that nobody knows.

use ripieno_secagg::epoch::{Acceptance, Advert};
use ripieno_study::{SiteIndex, SiteSet};
use ripieno_tests::made;
use ripieno_wire::ToSite;

use crate::stage::{Run, Stage};

/// More than any message has of anything.
const MANY: usize = 129;

pub(crate) async fn play(stage: &mut Stage, run: &Run, slot: u16) -> Result<(), String> {
    counts(stage).await?;
    lengths(stage).await?;
    numbers(stage, run, slot).await?;
    bodies(stage).await
}

/// Lists with more entries than there can be sites.
async fn counts(stage: &mut Stage) -> Result<(), String> {
    let gathered = stage.gather(2).await?;
    let epoch = gathered.announced.epoch;
    let (advert, slots) = (gathered.forger.advert.clone(), 2);
    let adverts: Vec<Advert> = vec![advert.clone(); MANY];
    let mut wide = advert;
    let slot = wide.slots[0];
    wide.slots.resize(65, slot);
    let dealers = SiteSet::default();
    let (transcript, signature) =
        (gathered.forger.advert.charter, gathered.forger.advert.signature);
    let acceptance = Acceptance { transcript, from: stage.corrupt.site, dealers, signature };
    let victim = stage.site(0);
    for message in [
        ToSite::Adverts { epoch, slots, adverts },
        ToSite::Adverts { epoch, slots, adverts: vec![wide] },
        ToSite::Acceptances { epoch, acceptances: vec![acceptance; MANY] },
    ] {
        let name = "oversize counts";
        stage.cut_off(name, victim, message.encode(), "allowed").await?;
    }
    Ok(())
}

/// A digest, a key and a signature of another length, and a message cut short.
async fn lengths(stage: &mut Stage) -> Result<(), String> {
    let victim = stage.site(1);
    let slot_id = |length: usize| [field(1, &vec![7; length]), vec![0x10, 0]].concat();
    for length in [0, 31, 33, 4096] {
        // void_request.slot_id.transcript
        let bytes = field(22, &field(1, &slot_id(length)));
        stage.cut_off("wrong lengths", victim, bytes.into(), "slot_id.transcript").await?;
    }
    let mut cut = field(22, &field(1, &slot_id(32)));
    cut.truncate(20);
    stage.cut_off("a message cut short", victim, cut.into(), "to_site").await?;
    Ok(())
}

/// Sites and slots that cannot be, and sets in which one stands twice.
async fn numbers(stage: &mut Stage, run: &Run, slot: u16) -> Result<(), String> {
    let victim = stage.site(2);
    let case = stage.case(1, made::WIDE_MAY_CHANGE).await?;
    let contract = stage.sign(case.contract(run, slot));
    let round_0 = {
        let mut signed = contract.clone();
        signed.contract.round = 0;
        ToSite::Contract(signed).encode()
    };
    stage.cut_off("a round or a tile of size 0", victim, round_0, "round").await?;
    let tile_0 = {
        let mut signed = contract.clone();
        signed.contract.plan.tile_lanes = 0;
        ToSite::Contract(signed).encode()
    };
    stage.cut_off("a round or a tile of size 0", victim, tile_0, "a tile has").await?;
    let all = contract.contract.participants.clone();
    let signed = ToSite::Contract(contract).encode();
    // The body of the contract's message is that of the proposal's first field.
    let (_, body) = split(&signed);
    let mut twice: Vec<u8> = all.iter().map(low).collect();
    twice.insert(0, twice[0]);
    let reversed: Vec<u8> = twice.iter().skip(1).rev().copied().collect();
    // One text after the other is new: the same again is not written down again.
    for survivors in [twice, vec![0, 1, 2, 3], reversed] {
        let bytes = field(21, &[field(1, body), field(2, &survivors)].concat());
        let name = "duplicates in a set of survivors";
        stage.cut_off(name, victim, bytes.into(), "survivors").await?;
    }
    Ok(())
}

fn low(site: SiteIndex) -> u8 {
    u8::try_from(site.get()).expect("a small federation")
}

/// No body, two, or one that nobody knows; and a message too long for the session.
async fn bodies(stage: &mut Stage) -> Result<(), String> {
    let victim = stage.site(3);
    let void = field(22, &field(1, &[field(1, &[7; 32]), vec![0x10, 0]].concat()));
    for bytes in [vec![], field(15, &[1, 2, 3]), [void.clone(), void].concat()] {
        let name = "a message with no body, two, or another";
        stage.cut_off(name, victim, bytes.into(), "to_site").await?;
    }
    let long = field(15, &vec![0; (1 << 20) + 1]);
    stage.cut_off("a message too long", victim, long.into(), "bytes came in the session").await?;
    Ok(())
}

/// A field of Protocol Buffers with a length.
pub(crate) fn field(number: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 12);
    varint(u64::from(number) << 3 | 2, &mut bytes);
    varint(body.len() as u64, &mut bytes);
    bytes.extend_from_slice(body);
    bytes
}

fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

/// Head and body of a message that is one field.
fn split(message: &[u8]) -> (&[u8], &[u8]) {
    let long = |bytes: &[u8]| bytes.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    let key = long(message);
    message.split_at(key + long(&message[key..]))
}
