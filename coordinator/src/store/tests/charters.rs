//! Charters: proposed, signed, in force.

use super::*;
use crate::store::{Proposal, RatifyError, Standing};

const NAMES: [&str; 3] = ["north", "south", "west"];

fn members(list: &[(&str, u16)]) -> Vec<(String, SiteIndex)> {
    list.iter().map(|(name, number)| ((*name).to_owned(), index(*number))).collect()
}

async fn standings(store: &Store) -> Vec<(Option<SiteIndex>, Standing)> {
    store.sites().await.unwrap().into_iter().map(|row| (row.index, row.standing)).collect()
}

#[tokio::test]
async fn signatures_belong_to_the_charter_that_is_proposed() {
    let (folder, store) = new_store().await;
    assert_eq!(store.proposal().await.unwrap(), None);
    assert!(!store.consent(&digest(1), index(1), Bytes::from("early")).await.unwrap());
    store.propose(Bytes::from("one"), digest(1)).await.unwrap();
    for (site, text) in [(2, "two"), (1, "one"), (2, "two again")] {
        assert!(store.consent(&digest(1), index(site), Bytes::from(text)).await.unwrap());
    }
    store.propose(Bytes::from("one"), digest(1)).await.unwrap();
    let store = reopened(&folder, store).await;
    let consents = vec![(index(1), Bytes::from("one")), (index(2), Bytes::from("two again"))];
    let expected = Proposal { digest: digest(1), charter: Bytes::from("one"), consents };
    assert_eq!(store.proposal().await.unwrap(), Some(expected), "the same again keeps them");
    store.propose(Bytes::from("other"), digest(2)).await.unwrap();
    assert!(!store.consent(&digest(1), index(3), Bytes::from("late")).await.unwrap());
    let other = store.proposal().await.unwrap().unwrap();
    assert_eq!((other.charter, other.consents), (Bytes::from("other"), vec![]));
}

#[tokio::test]
async fn a_ratified_charter_says_who_is_a_member() {
    let (folder, store) = new_store().await;
    enrol(&store, &NAMES).await;
    store.propose(Bytes::from("one"), digest(1)).await.unwrap();
    store.consent(&digest(1), index(1), Bytes::from("c")).await.unwrap();
    let first = members(&[("north", 1), ("south", 2)]);
    store.ratify(Bytes::from("charter 1"), 1, &first).await.unwrap();
    assert_eq!(store.proposal().await.unwrap(), None);
    use Standing::{Enrolled, Member, Revoked};
    let (one, two, three) = (Some(index(1)), Some(index(2)), Some(index(3)));
    assert_eq!(standings(&store).await, [(one, Member), (two, Member), (None, Enrolled)]);
    store.revoke("south", "left", NOW).await.unwrap();
    let second = members(&[("north", 1), ("west", 3)]);
    store.ratify(Bytes::from("charter 2"), 2, &second).await.unwrap();
    let store = reopened(&folder, store).await;
    assert_eq!(standings(&store).await, [(one, Member), (two, Revoked), (three, Member)]);
    assert_eq!(store.charters().await.unwrap(), ["charter 1", "charter 2"]);
}

#[tokio::test]
async fn a_charter_that_does_not_fit_changes_nothing() {
    let (_folder, store) = new_store().await;
    enrol(&store, &NAMES).await;
    store.invite(invitation(9, "invited")).await.unwrap();
    store.ratify(Bytes::from("1"), 1, &members(&[("north", 1), ("south", 2)])).await.unwrap();
    store.propose(Bytes::from("2"), digest(2)).await.unwrap();
    let before = (standings(&store).await, store.proposal().await.unwrap());
    let cases: [(u32, &[(&str, u16)]); 5] = [
        (1, &[("north", 1)]),
        (3, &[("north", 1)]),
        (2, &[("north", 1), ("nobody", 4)]),
        (2, &[("north", 1), ("invited", 4)]),
        (2, &[("north", 1), ("west", 2)]),
    ];
    let mut errors = Vec::new();
    for (version, list) in cases {
        let error = store.ratify(Bytes::from("2"), version, &members(list)).await.unwrap_err();
        errors.push(error);
        assert_eq!((standings(&store).await, store.proposal().await.unwrap()), before);
        assert_eq!(store.charters().await.unwrap(), ["1"]);
    }
    use RatifyError::{IndexTaken, NotNext, UnknownSite};
    assert!(matches!(errors[0], NotNext { version: 1, held: 1 }), "{}", errors[0]);
    assert!(matches!(errors[1], NotNext { version: 3, held: 1 }), "{}", errors[1]);
    assert!(matches!(&errors[2], UnknownSite(name) if name == "nobody"), "{}", errors[2]);
    assert!(matches!(&errors[3], UnknownSite(name) if name == "invited"), "{}", errors[3]);
    assert!(matches!(&errors[4], IndexTaken { site, .. } if site == "west"), "{}", errors[4]);
}

#[tokio::test]
async fn a_site_that_comes_back_has_a_new_index_and_nobody_gets_the_old_one() {
    let (_folder, store) = new_store().await;
    enrol(&store, &NAMES).await;
    let charters: [&[(&str, u16)]; 3] =
        [&[("north", 1), ("south", 2)], &[("north", 1)], &[("north", 1), ("south", 3)]];
    let expected = [(2, Standing::Member), (2, Standing::Enrolled), (3, Standing::Member)];
    for (version, (list, (number, standing))) in (1..).zip(charters.iter().zip(expected)) {
        store.ratify(Bytes::from("charter"), version, &members(list)).await.unwrap();
        assert_eq!(standings(&store).await[1], (Some(index(number)), standing));
    }
    let given = members(&[("north", 1), ("west", 2)]);
    let error = store.ratify(Bytes::from("4"), 4, &given).await.unwrap_err();
    assert!(error.to_string().contains("\"west\" cannot have it"), "{error}");
}
