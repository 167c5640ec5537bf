//! Runs that were played once, message by message.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use ripieno_study::SiteIndex;
use ripieno_wire::{FromSite, ToSite};

use crate::common::federation::{Federation, Settings};
use crate::common::network::{Fate, Flight, Hook};
use crate::common::studies::{fedavg, glm, vector};

/// Something that happened in a run.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // There are some hundred in a process.
pub(crate) enum Moment {
    Down(SiteIndex, ToSite),
    Up(SiteIndex, FromSite),
    /// It became so late.
    Time(Duration),
}

/// All that happened in a run.
pub(crate) struct Trace {
    /// The study.
    pub(crate) text: String,
    pub(crate) moments: Vec<Moment>,
}

/// What goes wrong in a run, so that all messages of the protocol occur.
#[derive(Clone, Copy)]
enum Mishap {
    None,
    /// The last site is lost with its first upload.
    Lost,
    /// The first survivors are not signed in time.
    Unsigned,
}

/// The runs, recorded when they are first asked for.
pub(crate) fn traces() -> &'static [Trace] {
    static TRACES: LazyLock<Vec<Trace>> = LazyLock::new(record_all);
    &TRACES
}

/// Of four sites one may be corrupt; two slots an epoch, so there is more than one.
pub(crate) fn settings() -> Settings {
    Settings::new(4, 1).slots(2)
}

fn record_all() -> Vec<Trace> {
    let changing = "membership = \"may-change\"";
    vec![
        record(vector(5, 3, ""), Mishap::None),
        record(vector(6, 2, changing), Mishap::Lost),
        record(vector(7, 1, ""), Mishap::Unsigned),
        record(vector(17_000, 1, changing), Mishap::None),
        record(glm(changing), Mishap::None),
        record(fedavg(""), Mishap::None),
    ]
}

fn record(text: String, mishap: Mishap) -> Trace {
    let moments = Rc::new(RefCell::new(Vec::new()));
    let mut federation = Federation::new(&settings());
    federation.network.hook = Some(hook(mishap, Rc::clone(&moments)));
    // Not by the network: so that they are seen.
    let hellos: Vec<_> =
        federation.sites.iter().map(|(site, s)| (*site, FromSite::Hello(s.hello()))).collect();
    hellos.into_iter().for_each(|(site, hello)| federation.answer(site, hello));
    let study = federation.submit(&text);
    let mut now = Duration::ZERO;
    while federation.step(&[study]) {
        if federation.network.now > now {
            now = federation.network.now;
            moments.borrow_mut().push(Moment::Time(now));
        }
    }
    drop(federation);
    let moments = moments.take();
    Trace { text, moments }
}

fn hook(mishap: Mishap, moments: Rc<RefCell<Vec<Moment>>>) -> Hook {
    let mut dropped = 0;
    Box::new(move |flight| {
        let falls = match (mishap, flight) {
            (Mishap::Lost, Flight::Up(from, FromSite::Trailer { .. })) => from.get() == 4,
            (Mishap::Unsigned, Flight::Down(_, ToSite::Propose(_))) => true,
            _ => false,
        };
        if falls && dropped < 4 {
            dropped += 1;
            return match mishap {
                Mishap::Lost => Fate::Lose(Duration::from_secs(30)),
                _ => Fate::Drop,
            };
        }
        moments.borrow_mut().push(match flight.clone() {
            Flight::Down(site, message) => Moment::Down(site, message),
            Flight::Up(site, message) => Moment::Up(site, message),
        });
        Fate::Pass
    })
}
