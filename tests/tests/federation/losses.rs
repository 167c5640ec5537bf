//! A site is lost at each step of a study, under fixed membership and where it may change.

use std::collections::BTreeSet;
use std::sync::Arc;

use ripieno_rpc::DecideSlotRequest;
use ripieno_rpc::study_event::Event;
use ripieno_tests::observers::Trip;
use ripieno_tests::{Federation, Kind, Special, Watch, audits, made, until, within};
use ripieno_wire::ToSite;

use crate::sums::{expected, figures};
use crate::support::{DONE, all, assert_close, assert_sites_agree, complete, impatient, setup};

/// The site that is lost, by its place and by its index.
const LOST: (usize, u32) = (4, 5);
/// A sum that is verified whole, and one that is verified in parts.
const LENGTHS: [usize; 2] = [60, 140_000];

/// When the line of a site is cut: as the first such message is about to leave.
#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    at: fn(&ToSite) -> bool,
    /// By place in `LENGTHS`.
    size: usize,
}

const STEPS: [Step; 7] = [
    Step { name: "before the offer", at: |m| matches!(m, ToSite::Study(_)), size: 0 },
    Step { name: "at the adverts", at: |m| matches!(m, ToSite::Adverts { .. }), size: 0 },
    Step { name: "at the bundles", at: |m| matches!(m, ToSite::Bundles { .. }), size: 0 },
    Step { name: "before the contract", at: |m| matches!(m, ToSite::Contract(_)), size: 0 },
    Step { name: "after the upload", at: |m| matches!(m, ToSite::Propose(_)), size: 0 },
    Step { name: "after the ballot", at: |m| matches!(m, ToSite::Open { .. }), size: 0 },
    Step { name: "after the release", at: |m| matches!(m, ToSite::Published(_)), size: 1 },
];

/// Five sites of whom none is assumed corrupt: three are enough for a sum. Every round takes an
/// epoch, so that epochs are set up in every study.
async fn five(kind: Kind) -> Federation {
    let mut setup = impatient(setup(kind, 5)).corrupt(0).phase("slots", 1);
    // Only who is lost is to be left out, and nobody because the machine is busy.
    for phase in ["offer_seconds", "setup_seconds", "collect_seconds"] {
        setup = setup.phase(phase, 8);
    }
    setup.found().await
}

fn text(step: &str, size: usize, membership: &str) -> String {
    let name = step.replace(' ', "-");
    let rest =
        format!("[aggregation]\nencoding = \"wide\"\ncorrupt = 0\nmembership = \"{membership}\"\n");
    made::vector(&name, LENGTHS[size], 2, &rest)
}

/// Restarts the coordinator so that it cuts the line of the lost site at a step.
async fn trip(federation: &mut Federation, at: fn(&ToSite) -> bool) -> Arc<Trip> {
    let trip = Trip::new(federation.sites[LOST.0].relay.scissors(), at);
    federation.coordinator.stop().await;
    let special = Special { observer: Some(trip.clone()), ..Special::default() };
    federation.start_specially(special).await;
    federation.all_present().await;
    trip.arm();
    trip
}

async fn come_back(federation: &mut Federation) {
    let site = &mut federation.sites[LOST.0];
    site.kill().await;
    site.relay.mend();
    site.start().await;
}

fn assert_sound(federation: &Federation, watch: &Watch) {
    let logs = federation.verify_audits(&[]);
    audits::assert_outcomes_are_unique(&logs[..federation.sites.len()]);
    let blamed: BTreeSet<_> = watch.refused().into_iter().map(|r| (r.check, r.culprit)).collect();
    // Whoever lost its epochs says so; nobody names another site.
    assert!(blamed.iter().all(|(_, culprit)| !culprit.starts_with("site-")), "{watch}");
}

/// The study waits, and has the sum of all sites when the lost one is back.
#[tokio::test(flavor = "multi_thread")]
async fn under_fixed_membership_a_lost_site_is_waited_for() {
    let mut federation = five(Kind::InProcess).await;
    for step in STEPS {
        let trip = trip(&mut federation, step.at).await;
        let text = text(step.name, step.size, "fixed");
        let study = federation.researcher.submit(&text).await;
        let watch = federation.researcher.watch(study);
        within(DONE, step.name, trip.tripped()).await;
        come_back(&mut federation).await;
        watch.done(DONE).await;
        let result = federation.researcher.result(&study).await;
        assert_close(step.name, &figures(&result), &expected(&text, 2, 1..=5), 1e-9);
        let sums = watch.survivors();
        let everyone = BTreeSet::from([1, 2, 3, 4, 5]);
        assert!(sums.len() == 2 && sums.values().all(|u| *u == everyone), "{}\n{watch}", step.name);
        assert_sites_agree(&federation, &study, &all(&federation), &result).await;
        assert_sound(&federation, &watch);
    }
}

/// The others go on, and their sums are those of the sites that are named.
#[tokio::test(flavor = "multi_thread")]
async fn where_membership_may_change_the_others_go_on() {
    let mut federation = five(Kind::InProcess).await;
    for step in STEPS {
        let trip = trip(&mut federation, step.at).await;
        let text = text(step.name, step.size, "may-change");
        let study = federation.researcher.submit(&text).await;
        let watch = federation.researcher.watch(study);
        within(DONE, step.name, trip.tripped()).await;
        watch.done(DONE).await;
        let result = federation.researcher.result(&study).await;
        let sums = watch.survivors();
        let last = sums[&2].clone();
        assert!(!last.contains(&LOST.1) && last.len() >= 3, "{}\n{watch}", step.name);
        assert_close(step.name, &figures(&result), &expected(&text, 2, last), 1e-9);
        assert_sites_agree(&federation, &study, &[0, 1, 2, 3], &result).await;
        assert_sound(&federation, &watch);
        come_back(&mut federation).await;
    }
}

/// The line is cut twice while one upload is on its way: each time it goes on where it was, and little
/// more goes up than the upload itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_interrupted_goes_on_where_it_was() {
    let federation = setup(Kind::InProcess, 3).found().await;
    // 8 MB in 62 tiles, cut at two fifths twice.
    let text = made::vector("resumed", 3_000_000, 1, "[aggregation]\nfields_per_lane = 3\n");
    let upload = 1_000_000 * 8;
    let relay = &federation.sites[1].relay;
    let (before, _) = relay.bytes();
    relay.cut_after(upload * 2 / 5);
    let study = federation.researcher.submit(&text).await;
    let watch = federation.researcher.watch(study);
    within(DONE, "an upload that is cut", relay.is_cut()).await;
    relay.mend();
    relay.cut_after(upload * 2 / 5);
    within(DONE, "an upload that is cut again", relay.is_cut()).await;
    relay.mend();
    watch.done(3 * DONE).await;
    let sent = relay.bytes().0 - before;
    // What was under way when the line was cut is lost: at most a window of HTTP/2 each time. From its
    // beginning each time, the upload would take 14.4 MB.
    let most = upload + 2 * u64::from(ripieno_rpc::STREAM_WINDOW) + 400_000;
    assert!(sent < most, "{sent} bytes for {upload}");
    let result = federation.researcher.result(&study).await;
    assert_sites_agree(&federation, &study, &all(&federation), &result).await;
    assert_sound(&federation, &watch);
}

/// The line is cut when a part of the tiles is through.
#[tokio::test(flavor = "multi_thread")]
async fn lost_in_the_middle_of_its_upload() {
    let mut federation = five(Kind::Processes).await;
    let fixed = text("middle", 1, "fixed");
    let site = &federation.sites[LOST.0];
    // Two lanes a value, of eight bytes each: a third of the upload.
    site.relay.cut_after(LENGTHS[1] as u64 * 16 / 3);
    let study = federation.researcher.submit(&fixed).await;
    let watch = federation.researcher.watch(study);
    within(DONE, "an upload that is cut", site.relay.is_cut()).await;
    come_back(&mut federation).await;
    watch.done(DONE).await;
    let result = federation.researcher.result(&study).await;
    assert_close("fixed", &figures(&result), &expected(&fixed, 2, 1..=5), 1e-9);

    let changing = text("middle", 1, "may-change");
    let study = federation.researcher.submit(&changing).await;
    let watch = federation.researcher.watch(study);
    federation.sites[LOST.0].relay.cut_after(LENGTHS[1] as u64 * 16 / 3);
    within(DONE, "an upload that is cut", federation.sites[LOST.0].relay.is_cut()).await;
    federation.sites[LOST.0].kill().await;
    watch.done(DONE).await;
    let result = federation.researcher.result(&study).await;
    let last = watch.survivors()[&2].clone();
    assert_eq!(last, BTreeSet::from([1, 2, 3, 4]), "{watch}");
    assert_close("may change", &figures(&result), &expected(&changing, 2, last), 1e-9);
    assert_sound(&federation, &watch);
}

/// Processes that are killed as soon as something of theirs is seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_killed_after_its_approval_and_after_its_upload() {
    let mut federation = five(Kind::Processes).await;
    type Seen = fn(&Event) -> Option<()>;
    let steps: [(&str, Seen); 2] = [
        ("after approval", |event| match event {
            Event::Answered(e) if e.site == LOST.1 && e.verdict == "approved" => Some(()),
            _ => None,
        }),
        ("after upload", |event| match event {
            Event::Uploaded(e) if e.site == LOST.1 => Some(()),
            _ => None,
        }),
    ];
    for (name, seen) in steps {
        let text = text(name, 0, "fixed");
        let study = federation.researcher.submit(&text).await;
        let watch = federation.researcher.watch(study);
        watch.find(DONE, name, seen).await;
        federation.sites[LOST.0].restart().await;
        watch.done(DONE).await;
        let result = federation.researcher.result(&study).await;
        let sums = watch.survivors();
        // The first contract fixes the set: a site that comes back after it is not in it.
        let set = sums[&1].clone();
        assert!(sums.values().all(|sites| *sites == set), "{name}\n{watch}");
        assert!(set.contains(&LOST.1) || name == "after approval", "{name}\n{watch}");
        assert_close(name, &figures(&result), &expected(&text, 2, set), 1e-9);
        assert_sound(&federation, &watch);
    }
}

/// A site that is away for a whole study hears of its end, and is there for the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_away_for_a_whole_study() {
    let mut federation = five(Kind::Processes).await;
    federation.sites[LOST.0].kill().await;
    federation.present(&[0, 1, 2, 3]).await;
    let without = text("without", 0, "may-change");
    let study = federation.researcher.submit(&without).await;
    let watch = federation.researcher.watch(study);
    watch.done(DONE).await;
    federation.sites[LOST.0].start().await;
    federation.all_present().await;
    let with = text("with", 0, "fixed");
    let (study, watch, result) = complete(&federation, &with).await;
    assert_close("with", &figures(&result), &expected(&with, 2, 1..=5), 1e-9);
    assert_sites_agree(&federation, &study, &all(&federation), &result).await;
    assert_sound(&federation, &watch);
}

/// What a slot's round or study will say itself is not the steward's to say.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_slot_that_is_under_way_is_not_decided_about() {
    let mut federation = five(Kind::InProcess).await;
    let trip = trip(&mut federation, |message| matches!(message, ToSite::Propose(_))).await;
    let study = federation.researcher.submit(&text("under way", 0, "fixed")).await;
    let watch = federation.researcher.watch(study);
    within(DONE, "a slot that waits for its outcome", trip.tripped()).await;
    let site = &federation.sites[LOST.0];
    let status = site.status().await;
    assert!(status.unresolved.is_empty(), "{:?}", status.unresolved);
    let [slot] = status.slots.as_slice() else { panic!("{:?}", status.slots.len()) };
    assert!(slot.under_way);
    for opened in [true, false] {
        let request = DecideSlotRequest {
            transcript: slot.transcript.clone(),
            slot: slot.slot,
            opened,
            steward: "Grace".into(),
            reason: "it hangs".into(),
        };
        let refused = site.steward().await.decide_slot(request).await.err().expect("a refusal");
        let said = refused.message();
        assert!(said.contains("under way") && said.contains("study withdraw"), "{said}");
    }
    come_back(&mut federation).await;
    watch.done(DONE).await;
    until(DONE, "no slot without an outcome", || async {
        let slots = federation.sites[LOST.0].status().await.slots.len();
        if slots == 0 { Ok(()) } else { Err(format!("{slots} slots")) }
    })
    .await;
}
