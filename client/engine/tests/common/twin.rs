//! A site that deals shares of one secret on two polynomials: each share is well signed, and they
//! fit together only within one half.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use rand::rngs::ChaCha20Rng;
use rand::{TryCryptoRng, TryRng};
use ripieno_client_engine::Site;
use ripieno_secagg::epoch::Bundle;
use ripieno_study::SiteIndex;
use ripieno_wire::{FromSite, ToSite};

use super::federation::{Federation, START, Tapes, rng};
use super::network::{Fate, Flight, Hook};
use super::tape::{Board, Tape};

/// A generator whose stream a test may leave for another one.
#[derive(Clone)]
struct Fork(Rc<RefCell<ChaCha20Rng>>);

impl TryRng for Fork {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.borrow_mut().try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.borrow_mut().try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.borrow_mut().try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for Fork {}

/// A second process of a site, with the same key and the same secrets.
struct Twin {
    site: Site<Tape, Tape, Fork, Board>,
    fork: Fork,
    bundles: Vec<Bundle>,
}

impl Twin {
    /// Follows what its site hears in the set-up of the first epoch.
    fn hears(&mut self, message: &ToSite) {
        match message {
            ToSite::Announce(announced) if announced.epoch == 1 => {}
            ToSite::Adverts { epoch: 1, .. } => {
                // The advert was the same; from here on the polynomials are others.
                *self.fork.0.borrow_mut() = rng("another polynomial");
            }
            _ => return,
        }
        for answer in self.site.handle(message.clone(), START) {
            if let FromSite::Bundles(bundles) = answer {
                self.bundles = bundles;
            }
        }
    }
}

/// In the first epoch, `dealer` deals shares on another polynomial to `holder`.
pub(crate) fn two_faced(federation: &Federation, dealer: SiteIndex, holder: SiteIndex) -> Hook {
    let fork = Fork(Rc::new(RefCell::new(federation.secrets(dealer))));
    let site = federation.make_site_with(dealer, Tapes::default(), fork.clone());
    let mut twin = Twin { site, fork, bundles: Vec::new() };
    Box::new(move |flight| match flight {
        Flight::Down(to, message) if *to == dealer => {
            twin.hears(message);
            Fate::Pass
        }
        Flight::Up(from, FromSite::Bundles(bundles)) if *from == dealer => {
            let other = twin.bundles.drain(..).find(|bundle| bundle.to == holder);
            let Some(other) = other else { return Fate::Pass };
            let mut bundles = bundles.clone();
            assert!(bundles.iter().all(|bundle| bundle.transcript == other.transcript));
            bundles.iter_mut().filter(|b| b.to == holder).for_each(|b| *b = other.clone());
            Fate::Replace(vec![Flight::Up(*from, FromSite::Bundles(bundles))])
        }
        _ => Fate::Pass,
    })
}
