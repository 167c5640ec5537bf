//! A site signs one charter per version, whatever it is asked.

use std::collections::HashMap;
use std::convert::Infallible;

use crate::common::{consents, fields, founded, index, key};
use ripieno_identity::charter::{Charter, CharterFields};
use ripieno_identity::{ConsentError, ConsentRecord, Consenter, RatifiedCharter};
use ripieno_study::{Check, Culprit, Digest};

/// A record in memory that outlives its consenter, as a file outlives a process.
#[derive(Debug, Default)]
struct Memory(HashMap<(String, u32), Digest>);

impl ConsentRecord for &mut Memory {
    type Error = Infallible;

    fn settle(&mut self, name: &str, version: u32, digest: Digest) -> Result<Digest, Infallible> {
        Ok(*self.0.entry((name.into(), version)).or_insert(digest))
    }
}

/// A record on a full disk.
#[derive(Debug)]
struct Full;

impl ConsentRecord for Full {
    type Error = &'static str;

    fn settle(&mut self, _: &str, _: u32, _: Digest) -> Result<Digest, &'static str> {
        Err("no space left")
    }
}

fn successor(current: &RatifiedCharter, change: fn(&mut CharterFields)) -> Charter {
    let mut fields = current.charter().fields().clone();
    (fields.version, fields.previous) = (fields.version + 1, Some(current.digest()));
    change(&mut fields);
    Charter::new(fields).unwrap()
}

fn refused<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, ConsentError<E>>) -> Culprit {
    match result {
        Err(ConsentError::Refused(refusal)) => {
            assert_eq!(refusal.check, Check::H1);
            refusal.culprit
        }
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn a_second_successor_is_refused_even_after_a_restart() {
    let (key, current, mut disk) = (key(1), founded(4), Memory::default());
    let one = successor(&current, |f| f.policy.minimum_sites = 4);
    let two = successor(&current, |f| f.quorum = 4);
    let first = Consenter::new(index(1), &key, &mut disk).succeed(&current, &one).unwrap();
    let mut again = Consenter::new(index(1), &key, &mut disk);
    assert_eq!(refused(again.succeed(&current, &two)), Culprit::Coordinator);
    assert_eq!(again.succeed(&current, &one).unwrap(), first, "the same one is signed again");
    let mut signed = consents(&one, &[2, 3]);
    signed.push(first);
    assert!(current.succeed(one, signed).is_ok());
}

#[test]
fn a_second_founding_charter_of_one_name_is_refused() {
    let (key, mut disk) = (key(1), Memory::default());
    let mut consenter = Consenter::new(index(1), &key, &mut disk);
    assert!(consenter.found(&Charter::new(fields(3)).unwrap()).is_ok());
    let other = consenter.found(&Charter::new(fields(4)).unwrap());
    assert_eq!(refused(other), Culprit::Coordinator);
}

#[test]
fn a_site_signs_only_where_it_has_a_say() {
    let (own, stranger, mut disk) = (key(1), key(9), Memory::default());
    let current = founded(4);
    let proposed = successor(&current, |f| f.quorum = 4);
    let wrong_key = Consenter::new(index(1), &stranger, &mut disk).succeed(&current, &proposed);
    assert_eq!(refused(wrong_key), Culprit::Own);
    let wrong_index = Consenter::new(index(2), &own, &mut disk).found(current.charter());
    assert_eq!(refused(wrong_index), Culprit::Own);
    let not_first = Consenter::new(index(1), &own, &mut disk).found(&proposed);
    assert_eq!(refused(not_first), Culprit::Coordinator);
    assert!(disk.0.is_empty(), "a refusal settles nothing");
}

#[test]
fn a_site_signs_no_charter_that_cannot_follow() {
    let (key, current, mut disk) = (key(1), founded(4), Memory::default());
    let skipped = successor(&current, |f| f.version = 3);
    let mut consenter = Consenter::new(index(1), &key, &mut disk);
    assert_eq!(refused(consenter.succeed(&current, &skipped)), Culprit::Coordinator);
    assert!(disk.0.is_empty());
}

#[test]
fn nothing_is_signed_that_was_not_recorded() {
    let (key, charter) = (key(1), Charter::new(fields(3)).unwrap());
    let result = Consenter::new(index(1), &key, Full).found(&charter);
    assert!(matches!(result, Err(ConsentError::Record("no space left"))), "{result:?}");
}
