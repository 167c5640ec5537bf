//! The one-hot oracle: site i adds 1 at position i, so the opened sum names exactly whose update is
//! in it. Every pattern of dropouts, duplicates and late messages either opens the sum of the
//! survivors or nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use ripieno_secagg::coordinator::{Deciding, MemorySpool, Opened, Opening};
use ripieno_study::{Membership, Packing, SiteSet};

use crate::common::play::play;
use crate::common::scene::{Scene, Slot, first};
use crate::common::script::{Ending, scripts};
use crate::common::site;
use crate::common::study::{self, Study};

/// Each script ends as the rules count it; [`play`] asserts the sum itself. The scripts are not
/// all of one kind.
#[test]
fn every_script_opens_the_sum_of_its_survivors_or_nothing() {
    let endings = RefCell::new(BTreeMap::<&str, u32>::new());
    let config = ProptestConfig { cases: 160, failure_persistence: None, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&scripts(), |script| {
        let ending = play(&script);
        prop_assert_eq!(&ending, &script.ending());
        let name = match ending {
            Ending::NoEpoch => "no epoch",
            Ending::NoRound => "no round",
            Ending::Void => "void",
            Ending::Unresolved => "unresolved",
            Ending::Stalled(_) => "stalled",
            Ending::Opened(_) => "opened",
        };
        *endings.borrow_mut().entry(name).or_default() += 1;
        Ok(())
    });
    let endings = endings.into_inner();
    println!("{endings:?}");
    outcome.unwrap();
    for often in ["opened", "void"] {
        assert!(endings.get(often).is_some_and(|count| *count >= 10), "{endings:?}");
    }
}

/// One slot of one study on its way.
enum Phase {
    Idle,
    Started(Slot),
    Uploaded(Slot),
    Proposed(Deciding, MemorySpool),
    Certified(Opening, MemorySpool),
    Opened(Opened, MemorySpool),
    Closed,
}

struct Thread {
    study: Study,
    number: u16,
    survivors: SiteSet,
    phase: Phase,
}

impl Thread {
    fn new(number: u16, survivors: SiteSet) -> Self {
        let plan = study::plan([Packing::Two, Packing::Three][usize::from(number % 2)], 6);
        let study = Study::new(u64::from(number), Membership::MayChange, plan);
        Self { study, number, survivors, phase: Phase::Idle }
    }

    /// Takes the slot one step further.
    fn step(&mut self, scene: &mut Scene) {
        std::mem::swap(&mut self.study, &mut scene.study);
        let all = scene.all();
        self.phase = match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Idle => Phase::Started(scene.started(self.number)),
            Phase::Started(mut slot) => {
                scene.collect(&mut slot, &self.survivors);
                Phase::Uploaded(slot)
            }
            Phase::Uploaded(slot) => {
                Phase::Proposed(slot.collecting.propose().expect("enough"), slot.spool)
            }
            Phase::Proposed(deciding, spool) => {
                Phase::Certified(scene.certify(deciding, &all), spool)
            }
            Phase::Certified(opening, spool) => Phase::Opened(scene.opened(opening, &spool), spool),
            Phase::Opened(opened, spool) => {
                scene.close(&opened, &spool);
                Phase::Closed
            }
            Phase::Closed => Phase::Closed,
        };
        std::mem::swap(&mut self.study, &mut scene.study);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn slots_of_two_studies_interleave(
        order in prop::collection::vec(any::<bool>(), 12),
        lost in (1_u16..=6, 1_u16..=6),
    ) {
        let mut scene = Scene::new(6, 1, Membership::MayChange);
        let lose = |index| first(6).difference(&[site(index)].into_iter().collect());
        let mut threads = [Thread::new(0, lose(lost.0)), Thread::new(1, lose(lost.1))];
        let rest = [false, true].into_iter().cycle().take(12);
        for second in order.into_iter().chain(rest) {
            threads[usize::from(second)].step(&mut scene);
        }
        prop_assert!(threads.iter().all(|thread| matches!(thread.phase, Phase::Closed)));
        prop_assert!(threads.iter().all(|thread| thread.study.round == 2));
    }
}
