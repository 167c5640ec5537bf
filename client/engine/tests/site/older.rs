//! A site goes on with an older ledger, and the coordinator's receipts hold what it signed since
//! (check L1).

use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_study::{Check, Culprit};
use ripieno_wire::{FromSite, Published, ToSite};

use crate::common::federation::{Backup, Federation, Settings};
use crate::common::site;
use crate::common::studies::vector;
use crate::lies::{assert_refused, next_contract, next_published, sign_receipt};

/// Site 2 has its part in the first round's sum; a copy of its folder from before, and the sum,
/// which has not arrived there.
fn opened() -> (Federation, Backup, Published) {
    let mut federation = Federation::new(&Settings::new(4, 0));
    federation.begin(&vector(8, 3, ""));
    let contract = next_contract(&mut federation, site(2));
    let copy = federation.tapes[&site(2)].backup();
    federation.deliver(site(2), ToSite::Contract(contract));
    let published = next_published(&mut federation, site(2));
    (federation, copy, published)
}

fn go_back(federation: &mut Federation, copy: &Backup) {
    federation.tapes[&site(2)].go_back(copy);
    federation.restart(site(2));
}

#[test]
fn a_receipt_with_a_trailer_that_the_ledger_does_not_know_ends_all_that_the_site_does() {
    let (mut federation, copy, published) = opened();
    go_back(&mut federation, &copy);
    assert_eq!(federation.sites[&site(2)].behind(), None);
    let message = ToSite::Published(published);
    assert_refused(&mut federation, site(2), message, Check::L1, Culprit::Own);
    let behind = federation.sites[&site(2)].behind().unwrap();
    assert!(behind.contains("not in it"), "{behind}");
    let log = federation.log(site(2));
    let alarms = log.iter().filter(|entry| entry.starts_with("alarm") && entry.contains("slot"));
    assert_eq!(alarms.count(), 1, "{log:?}");
    // Nothing else is done, and nothing more is promised of the studies.
    let shelf = federation.tapes[&site(2)].shelf.saved();
    let announced = ToSite::Announce(Announcement { epoch: 9, slots: 4 });
    let answers = federation.tell(site(2), announced);
    let says_so = |answer: &FromSite| matches!(answer, FromSite::Refused { refusal, .. } if refusal.check == Check::L1);
    assert!(matches!(answers.as_slice(), [one] if says_so(one)), "{answers:?}");
    assert_eq!(federation.tapes[&site(2)].shelf.saved(), shelf);
}

/// The ledger of the site itself knows all that it signed; and of what somebody else made up it can
/// know nothing.
#[test]
fn nobody_else_can_make_a_site_believe_that_its_ledger_is_older() {
    let (mut federation, copy, published) = opened();
    federation.tell(site(2), ToSite::Published(published.clone()));
    assert_eq!(federation.sites[&site(2)].behind(), None, "it has all of its records");
    go_back(&mut federation, &copy);
    let forged = |federation: &Federation, change: &dyn Fn(&mut Published)| {
        let mut forged = published.clone();
        change(&mut forged);
        sign_receipt(federation, &mut forged.receipt);
        ToSite::Published(forged)
    };
    let own = |trailer: &&mut ripieno_secagg::round::upload::Trailer| trailer.from == site(2);
    let lies: [&dyn Fn(&mut Published); 3] = [
        // Another's trailer in its name; its own, changed; its own, of another round.
        &|lie| lie.receipt.trailers.iter_mut().take(1).for_each(|other| other.from = site(2)),
        &|lie| lie.receipt.trailers.iter_mut().find(own).unwrap().ledger.count += 1,
        &|lie| lie.contract.contract.slot += 1,
    ];
    for lie in lies {
        let message = forged(&federation, lie);
        federation.tell(site(2), message);
        assert_eq!(federation.sites[&site(2)].behind(), None);
    }
    federation.tell(site(2), ToSite::Published(published));
    assert!(federation.sites[&site(2)].behind().is_some(), "but what it signed itself");
}
