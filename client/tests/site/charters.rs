//! How a site comes under a charter: words, signatures, succession, and what it never signs.

use bytes::Bytes;
use ripieno_client::{Daemon, Ending};
use ripieno_identity::{
    Charter, CharterFields, CharterSite, ConsentRecord, Consenter, FederationPolicy, PublicKey,
    RatifiedCharter, SigningKey,
};
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Say;
use ripieno_rpc::{LedgerBehind, SignCharterRequest, SiteCharterRequest, VouchRequest};
use ripieno_secagg::epoch::advertise::Announcement;
use ripieno_study::{Digest, SiteIndex};
use ripieno_wire::membership::{decode_consent, encode_charter, encode_history};
use ripieno_wire::{FromSite, ToSite, decode_credential};
use tonic::Code;
use zeroize::Zeroizing;

use crate::support::*;

/// Three sites, of which this one is the first.
struct Members {
    fake: Fake,
    folder: Folder,
    others: [SigningKey; 2],
}

/// Remembers nothing: for the other sites.
struct Forgetful;

impl ConsentRecord for Forgetful {
    type Error = std::convert::Infallible;

    fn settle(&mut self, _: &str, _: u32, digest: Digest) -> Result<Digest, Self::Error> {
        Ok(digest)
    }
}

impl Members {
    async fn new() -> Self {
        let fake = Fake::start().await;
        let folder = Folder::enrolled(&fake).await;
        let others = [21, 22].map(|seed| SigningKey::from_seed(&Zeroizing::new([seed; 32])));
        Self { fake, folder, others }
    }

    fn fields(&self) -> CharterFields {
        let keys = [self.folder.key().public(), self.others[0].public(), self.others[1].public()];
        let sites = (1..).zip(keys).map(|(number, key)| site(number, key));
        CharterFields {
            federation: "North".into(),
            version: 1,
            previous: None,
            sites: sites.collect(),
            next_index: 4,
            coordinator: self.fake.key.public(),
            corrupt: 0,
            quorum: 2,
            policy: FederationPolicy { minimum_sites: 3 },
        }
    }

    fn charter(&self) -> Charter {
        Charter::new(self.fields()).unwrap()
    }

    /// Version 1, in force.
    fn founded(&self) -> RatifiedCharter {
        self.founded_as(self.charter())
    }

    /// A charter of these three sites, with everyone's signature.
    fn founded_as(&self, charter: Charter) -> RatifiedCharter {
        let own = self.folder.key();
        let keys = [&own, &self.others[0], &self.others[1]];
        let consents = (1..).zip(keys).map(|(number, key)| {
            Consenter::new(index(number), key, Forgetful).found(&charter).unwrap()
        });
        let consents = consents.collect();
        RatifiedCharter::found(charter, consents).unwrap()
    }

    /// Version 2, by the signatures of the others.
    fn followed(&self, first: &RatifiedCharter, fields: CharterFields) -> RatifiedCharter {
        let previous = Some(first.digest());
        let next = Charter::new(CharterFields { version: 2, previous, ..fields }).unwrap();
        let consents = [2, 3].into_iter().zip(&self.others).map(|(number, key)| {
            Consenter::new(index(number), key, Forgetful).succeed(first, &next).unwrap()
        });
        let consents = consents.collect();
        first.succeed(next, consents).unwrap()
    }

    /// What the site's people are told first of what its coordinator says.
    async fn alarm(&self, session: Vec<Act>) -> String {
        self.fake.sessions(vec![session]);
        let daemon = self.folder.start().await;
        until_status(&daemon, |status| !status.alarms.is_empty()).await;
        let alarm = status(&daemon).await.alarms.remove(0);
        within(daemon.shutdown()).await.unwrap();
        alarm
    }

    /// Version 2 without this site, in force by the signatures of the others.
    fn without_it(&self) -> Vec<RatifiedCharter> {
        let first = self.founded();
        let third = SigningKey::from_seed(&Zeroizing::new([23; 32])).public();
        let sites = vec![
            site(2, self.others[0].public()),
            site(3, self.others[1].public()),
            site(4, third),
        ];
        let next = Charter::new(CharterFields {
            version: 2,
            previous: Some(first.digest()),
            sites,
            next_index: 5,
            ..self.fields()
        });
        let next = next.unwrap();
        let consents = [2, 3].into_iter().zip(&self.others).map(|(number, key)| {
            Consenter::new(index(number), key, Forgetful).succeed(&first, &next).unwrap()
        });
        let consents = consents.collect();
        let second = first.succeed(next, consents).unwrap();
        vec![first, second]
    }

    /// Signs the proposed charter at the site.
    async fn sign(&self, daemon: &Daemon, words: &str) -> Result<u32, tonic::Status> {
        let request = SignCharterRequest { words: words.into(), steward: "Eve".into() };
        let signed = within(desk(daemon).await.sign_charter(request)).await;
        signed.map(|response| response.into_inner().version)
    }

    /// The daemon, with this charter in force.
    async fn serving(&self) -> Daemon {
        self.fake.sessions(vec![vec![propose(&self.charter())]]);
        let daemon = self.folder.start().await;
        until_status(&daemon, |status| status.charter_to_sign).await;
        self.sign(&daemon, &words(&self.charter())).await.unwrap();
        within(daemon.shutdown()).await.unwrap();
        self.fake.sessions(vec![vec![charters(&[self.founded()])]]);
        let daemon = self.folder.start().await;
        until_status(&daemon, |status| status.charter_version == 1).await;
        daemon
    }
}

fn index(number: u16) -> SiteIndex {
    SiteIndex::new(number).unwrap()
}

fn site(number: u16, key: PublicKey) -> CharterSite {
    CharterSite { index: index(number), name: format!("site {number}"), key }
}

fn words(charter: &Charter) -> String {
    charter.fingerprint_words().join(" ")
}

fn propose(charter: &Charter) -> Act {
    Act::Say(Say::Proposal(encode_charter(charter)))
}

fn charters(history: &[RatifiedCharter]) -> Act {
    Act::Say(Say::Charters(encode_history(history)))
}

fn consents(script: &Script) -> Vec<Bytes> {
    let consent = |said: &Said| match said {
        Said::Consent(bytes) => Some(bytes.clone()),
        _ => None,
    };
    script.heard.iter().filter_map(consent).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charter_is_signed_by_its_words_alone() {
    let members = Members::new().await;
    let charter = members.charter();
    members.fake.sessions(vec![vec![propose(&charter)]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| status.charter_to_sign).await;

    let right = words(&charter);
    let mut wrong: Vec<&str> = right.split(' ').collect();
    for place in [2, 23] {
        // Whatever stands there is another one.
        wrong[place] = if wrong[place] == "zoo" { "zone" } else { "zoo" };
    }
    let refused = members.sign(&daemon, &wrong.join(" ")).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    // The whole of it, so the right words are not told. (Some are words of any sentence.)
    let said = "words 3, 24 are not the charter's. If the other sites read you exactly these words, they \
                hold another charter: do not sign, and call the federation's operator";
    assert_eq!(refused.message(), said);
    let refused = members.sign(&daemon, "zoo zoo").await.unwrap_err();
    assert!(refused.message().starts_with("2 words"), "{refused:?}");
    assert!(members.fake.read(consents).is_empty());

    let typed = right.to_uppercase().replace(' ', "\n ");
    assert_eq!(members.sign(&daemon, &typed).await.unwrap(), 1);
    members.fake.until(|script| !consents(script).is_empty()).await;
    let consent = decode_consent(members.fake.read(consents)[0].clone()).unwrap();
    assert_eq!(consent.site, index(1));
    let shown = within(desk(&daemon).await.show_charter(SiteCharterRequest {})).await.unwrap();
    assert!(shown.into_inner().signed);
    within(daemon.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_was_kept_is_sent_again_in_every_session() {
    let members = Members::new().await;
    members.fake.sessions(vec![vec![propose(&members.charter())]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| status.charter_to_sign).await;
    // As after a crash between the record and the message: it never reaches the coordinator.
    members.fake.stop().await;
    until_status(&daemon, |status| status.connection != "connected").await;
    members.sign(&daemon, &words(&members.charter())).await.unwrap();
    within(daemon.shutdown()).await.unwrap();
    assert!(members.fake.read(consents).is_empty());

    // The same coordinator elsewhere: same authority, same key.
    let Members { fake, folder, .. } = members;
    let again = fake.elsewhere(&folder).await;
    let daemon = folder.start().await;
    again.until(|script| consents(script).len() == 1).await;
    within(daemon.shutdown()).await.unwrap();
    let daemon = folder.start().await;
    again.until(|script| consents(script).len() == 2).await;
    let sent = again.read(consents);
    assert_eq!(sent[0], sent[1]);
    within(daemon.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_charter_of_a_version_is_signed_and_no_other() {
    let members = Members::new().await;
    let other = Charter::new(CharterFields { quorum: 3, ..members.fields() }).unwrap();
    members.fake.sessions(vec![vec![propose(&members.charter())]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| status.charter_to_sign).await;
    members.sign(&daemon, &words(&members.charter())).await.unwrap();
    within(daemon.shutdown()).await.unwrap();

    members.fake.sessions(vec![vec![propose(&other)]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| status.charter_to_sign).await;
    let refused = members.sign(&daemon, &words(&other)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("signed another version 1"), "{refused:?}");
    within(daemon.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_says_hello_and_vouches() {
    let members = Members::new().await;
    let daemon = members.serving().await;
    let status = status(&daemon).await;
    assert_eq!((status.index, status.charter_to_sign), (1, false));
    let hello = |script: &Script| {
        script.heard.iter().any(|said| match said {
            Said::FromSite(bytes) => {
                matches!(FromSite::decode(bytes.clone()), Ok(FromSite::Hello(_)))
            }
            _ => false,
        })
    };
    members.fake.until(hello).await;

    let researcher = SigningKey::from_seed(&Zeroizing::new([31; 32])).public();
    let request = VouchRequest {
        name: "Ada".into(),
        role: "researcher".into(),
        department: "statistics".into(),
        clearance: "aggregate".into(),
        researcher: Bytes::copy_from_slice(researcher.as_bytes()),
        days: 30,
        steward: "Eve".into(),
    };
    let vouched = within(desk(&daemon).await.vouch(request.clone())).await.unwrap();
    let credential = decode_credential(vouched.into_inner().credential).unwrap();
    credential.verify(&members.founded(), now()).unwrap();
    let ended = credential.verify(&members.founded(), now() + 31 * 24 * 3600);
    assert!(ended.is_err());
    for wrong in [
        VouchRequest { days: 0, ..request.clone() },
        VouchRequest { days: 367, ..request.clone() },
        VouchRequest { name: "a\nb".into(), ..request.clone() },
        VouchRequest { researcher: vec![0; 32].into(), ..request.clone() },
        VouchRequest { researcher: vec![1; 31].into(), ..request },
    ] {
        let refused = within(desk(&daemon).await.vouch(wrong)).await.err().unwrap();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
    within(daemon.shutdown()).await.unwrap();
    let shown = members.folder.run(&["audit", "show", "--json"]).await.json();
    let vouched = |entry: &&serde_json::Value| entry["fields"]["step"] == "vouched";
    assert_eq!(shown["entries"].as_array().unwrap().iter().filter(vouched).count(), 1);
    assert_eq!(members.folder.run(&["audit", "verify"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_the_charter_leaves_out_ends() {
    let members = Members::new().await;
    within(members.serving().await.shutdown()).await.unwrap();
    let last = charters(&members.without_it());
    members.fake.sessions(vec![vec![Act::End], vec![last]]);
    let mut daemon = members.folder.start().await;
    let Ok(Ending::Revoked(why)) = within(daemon.ended()).await else { panic!("it is revoked") };
    assert!(why.contains("version 2 of the charter does not list this site"), "{why}");
    within(daemon.shutdown()).await.unwrap();
    // What it holds tells the doctor.
    let doctor = members.folder.run(&["doctor"]).await;
    assert_eq!(doctor.code, 9, "{doctor:?}");
    assert!(doctor.out.contains("does not list this site"), "{doctor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_joins_takes_a_charter_when_its_words_were_compared() {
    let members = Members::new().await;
    let founded = members.founded();
    // It signed nothing itself: its own signature was made elsewhere.
    members.fake.sessions(vec![vec![charters(std::slice::from_ref(&founded))]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| status.charter_to_sign).await;
    assert_eq!(status(&daemon).await.charter_version, 0);
    assert_eq!(members.sign(&daemon, &words(founded.charter())).await.unwrap(), 1);
    until_status(&daemon, |status| status.charter_version == 1).await;
    within(daemon.shutdown()).await.unwrap();
    let daemon = members.folder.start().await;
    assert_eq!(status(&daemon).await.charter_version, 1, "also after a restart");
    within(daemon.shutdown()).await.unwrap();
}

/// Check H1: the coordinator is the one of the invitation.
#[tokio::test(flavor = "multi_thread")]
async fn a_charter_of_another_coordinator_is_an_alarm() {
    let members = Members::new().await;
    let other = SigningKey::from_seed(&Zeroizing::new([40; 32])).public();
    let charter = Charter::new(CharterFields { coordinator: other, ..members.fields() }).unwrap();
    let own = members.folder.key();
    let keys = [&own, &members.others[0], &members.others[1]];
    let consents = (1..).zip(keys).map(|(number, key)| {
        Consenter::new(index(number), key, Forgetful).found(&charter).unwrap()
    });
    let ratified = RatifiedCharter::found(charter.clone(), consents.collect()).unwrap();
    members.fake.sessions(vec![vec![charters(&[ratified])]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| !status.alarms.is_empty()).await;
    let status = status(&daemon).await;
    assert!(
        status.alarms[0].contains("another coordinator than the invitation"),
        "{:?}",
        status.alarms
    );
    assert_eq!((status.charter_version, status.charter_to_sign), (0, false));
    within(daemon.shutdown()).await.unwrap();
}

/// Check H1: also of those that follow the ones that wait, and of a proposal.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_joins_waits_for_no_charter_of_another_coordinator() {
    let members = Members::new().await;
    let coordinator = SigningKey::from_seed(&Zeroizing::new([40; 32])).public();
    let first = members.founded();
    let second = members.followed(&first, CharterFields { coordinator, ..members.fields() });
    let waiting = charters(std::slice::from_ref(&first));
    let alarm = members.alarm(vec![waiting, charters(&[second])]).await;
    assert!(alarm.contains("another coordinator than the invitation"), "{alarm}");

    let members = Members::new().await;
    let other = Charter::new(CharterFields { coordinator, ..members.fields() }).unwrap();
    let alarm = members.alarm(vec![propose(&other)]).await;
    assert!(alarm.contains("the proposed charter is of another coordinator"), "{alarm}");
}

/// Check H1: nobody is asked to sign what no site may sign.
#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_that_cannot_follow_is_an_alarm() {
    let members = Members::new().await;
    within(members.serving().await.shutdown()).await.unwrap();
    let fields = CharterFields { version: 2, ..members.fields() };
    let previous = Some(members.founded().digest());
    let renamed = CharterFields { previous, federation: "South".into(), ..fields };
    members.fake.sessions(vec![vec![propose(&Charter::new(renamed).unwrap())]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| !status.alarms.is_empty()).await;
    assert!(!status(&daemon).await.charter_to_sign);
    within(daemon.shutdown()).await.unwrap();
}

/// Check H1: the others' signatures do not make good that this site signed another one.
#[tokio::test(flavor = "multi_thread")]
async fn words_are_not_confirmed_where_another_charter_was_signed() {
    let members = Members::new().await;
    members.fake.sessions(vec![vec![propose(&members.charter())]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| status.charter_to_sign).await;
    members.sign(&daemon, &words(&members.charter())).await.unwrap();
    within(daemon.shutdown()).await.unwrap();

    let other = Charter::new(CharterFields { quorum: 3, ..members.fields() }).unwrap();
    members.fake.sessions(vec![vec![charters(&[members.founded_as(other.clone())])]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| status.charter_to_sign).await;
    let refused = members.sign(&daemon, &words(&other)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("another version 1"), "{refused:?}");
    assert_eq!(status(&daemon).await.charter_version, 0);
    within(daemon.shutdown()).await.unwrap();
}

/// A record that cannot be written leaves the site silent: its people see why, and what to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_cannot_keep_its_records_says_so() {
    let members = Members::new().await;
    within(members.serving().await.shutdown()).await.unwrap();
    members.fake.sessions(vec![vec![Act::End]]);
    let daemon = members.folder.start().await;
    assert_eq!(status(&daemon).await.trouble, "");
    std::fs::remove_dir_all(members.folder.file("studies")).unwrap();
    let announced = ToSite::Announce(Announcement { epoch: 1, slots: 1 }).encode();
    members.fake.sessions(vec![vec![Act::Say(Say::ToSite(announced))]]);
    until_status(&daemon, |status| !status.trouble.is_empty()).await;
    let shown = members.folder.run(&["status", "--json"]).await.json();
    assert!(shown["trouble"].as_str().unwrap().contains("could not be kept"), "{shown}");
    let alarm = shown["alarms"][0].as_str().unwrap();
    assert!(alarm.contains("takes part in nothing more"), "{alarm}");
    let shown = members.folder.run(&["status"]).await;
    assert!(shown.out.contains("silent"), "{shown:?}");
    let doctor = members.folder.run(&["doctor", "--json"]).await.json();
    let steps = doctor["steps"].as_array().unwrap();
    let row = |name: &str| steps.iter().find(|step| step["step"] == name).unwrap();
    assert_eq!(row("records")["ok"], false, "{doctor}");
    assert!(row("records")["advice"].as_str().unwrap().contains("restart"), "{doctor}");
    assert_eq!(row("daemon")["ok"], true, "said once: {doctor}");
    within(daemon.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_peers_refuse_is_an_alarm_of_its_own_site() {
    let members = Members::new().await;
    within(members.serving().await.shutdown()).await.unwrap();
    let behind = Say::LedgerBehind(LedgerBehind {
        refused_by: vec![2, 3, 99, 1 << 20],
        by_coordinator: false,
    });
    members.fake.sessions(vec![vec![Act::Say(behind)]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| !status.alarms.is_empty()).await;
    let alarm = status(&daemon).await.alarms.remove(0);
    assert!(alarm.contains("refused (check L1) by site 2, site 3."), "{alarm}");
    // Nobody has signed it: the people ask first.
    for said in ["Nothing proves it", "Call the stewards", "never move", "come back as a new site"]
    {
        assert!(alarm.contains(said), "{said}: {alarm}");
    }
    within(daemon.shutdown()).await.unwrap();
    let shown = members.folder.run(&["audit", "show", "--json"]).await.json();
    let entries = shown["entries"].as_array().unwrap();
    let said = |entry: &serde_json::Value| {
        entry["fields"]["problem"].as_str().is_some_and(|problem| problem.contains("check L1"))
    };
    assert_eq!(entries.iter().filter(|entry| said(entry)).count(), 1, "{shown}");
}

/// A study that ends for a ledger that somebody refused names nobody: it is a hint, and neither it
/// nor what is said of this site's own ledger takes the place of the other.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_hint_and_a_refused_ledger_stand_beside_each_other() {
    let members = Members::new().await;
    within(members.serving().await.shutdown()).await.unwrap();
    let reason = "check L1 failed: was it restored from a backup?".to_owned();
    let ended = ToSite::Ended { study: Digest::from_bytes([7; 32]), reason }.encode();
    let named = LedgerBehind { refused_by: vec![], by_coordinator: true };
    members.fake.sessions(vec![vec![
        Act::Say(Say::LedgerBehind(named)),
        Act::Say(Say::ToSite(ended.clone())),
        Act::Say(Say::LedgerBehind(LedgerBehind { refused_by: vec![3], by_coordinator: false })),
        Act::Say(Say::ToSite(ended)),
    ]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| status.alarms.iter().any(|alarm| alarm.contains("site 3")))
        .await;
    let alarms = status(&daemon).await.alarms;
    assert_eq!(alarms.len(), 2, "{alarms:?}");
    assert!(alarms[1].contains("peers have seen a newer ledger"), "{alarms:?}");
    assert!(alarms[1].contains("as a new site"), "{alarms:?}");
    within(daemon.shutdown()).await.unwrap();
    let shown = members.folder.run(&["audit", "show", "--json"]).await.json();
    assert!(shown.to_string().contains("by the coordinator itself."), "{shown}");
}

/// A coordinator that was restored from an old copy turns its sites away.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_doctor_says_that_the_coordinator_turns_the_site_away() {
    let members = Members::new().await;
    let daemon = members.serving().await;
    within(daemon.shutdown()).await.unwrap();
    let step = async |name: &str| {
        let steps = members.folder.run(&["doctor", "--json"]).await.json()["steps"].clone();
        let found = steps.as_array().unwrap().iter().find(|step| step["step"] == name).cloned();
        found.unwrap_or_else(|| panic!("no step {name}: {steps}"))
    };
    members.fake.sessions(vec![vec![]]);
    assert_eq!(step("gRPC").await["ok"], true);
    members.fake.set(|script| script.newest = Some(0));
    let refused = step("gRPC").await;
    assert_eq!(refused["ok"], false, "{refused}");
    assert!(refused["problem"].as_str().unwrap().contains("later charter"), "{refused}");
    assert!(refused["network_team"].is_null(), "it is not theirs to mend: {refused}");
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| status.problem.contains("later charter")).await;
    let waits = step("daemon").await;
    assert_eq!(waits["ok"], false, "{waits}");
    assert!(waits["problem"].as_str().unwrap().contains("later charter"), "{waits}");
    within(daemon.shutdown()).await.unwrap();
}

/// What is left of a site says whether it has ever enrolled.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_site_that_lost_a_file_of_its_connection_is_told_how_it_comes_back() {
    let members = Members::new().await;
    let daemon = members.serving().await;
    within(daemon.shutdown()).await.unwrap();
    let folder = &members.folder;
    for name in ["connection.pem", "authorities.pem"] {
        let bytes = std::fs::read(folder.file(name)).unwrap();
        std::fs::remove_file(folder.file(name)).unwrap();
        let ran = folder.run(&["doctor", "--json"]).await;
        let steps = ran.json()["steps"].clone();
        let failed = steps.as_array().unwrap().iter().find(|step| step["ok"] == false).unwrap();
        assert_eq!(failed["step"], "enrolment", "{failed}");
        assert!(failed["problem"].as_str().unwrap().contains(name), "{failed}");
        assert!(failed["advice"].as_str().unwrap().contains("under its own name"), "{failed}");
        let refused = folder.run(&["run"]).await;
        assert_eq!(refused.code, 7, "{refused:?}");
        for said in [name, "restore", "under its own name", "records accept"] {
            assert!(refused.err.contains(said), "{said}: {refused:?}");
        }
        // It may start without, and then says the same.
        accept_records(folder).await;
        let daemon = folder.start().await;
        until_status(&daemon, |status| status.problem.contains("under its own name")).await;
        within(daemon.shutdown()).await.unwrap();
        std::fs::write(folder.file(name), bytes).unwrap();
        accept_records(folder).await;
    }
}

async fn accept_records(folder: &Folder) {
    let accept = ["records", "accept", "--reason", "the disk lost it", "--steward", "Eve"];
    let ran = folder.run(&accept).await;
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// The words of a charter that others have signed are confirmed, not signed.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_anew_is_told_that_it_takes_part() {
    let members = Members::new().await;
    let founders = [&members.others[0], &members.others[1], &key(23)];
    let sites = (2..).zip(founders).map(|(number, key)| site(number, key.public()));
    let fields = CharterFields { sites: sites.collect(), next_index: 5, ..members.fields() };
    let first = Charter::new(fields.clone()).unwrap();
    let consents = (2..)
        .zip(founders)
        .map(|(number, key)| Consenter::new(index(number), key, Forgetful).found(&first).unwrap());
    let consents = consents.collect();
    let first = RatifiedCharter::found(first, consents).unwrap();
    members.fake.sessions(vec![vec![charters(std::slice::from_ref(&first))]]);
    let daemon = members.folder.start().await;
    let charter_step = async || {
        let steps = members.folder.run(&["doctor", "--json"]).await.json()["steps"].clone();
        let found = steps.as_array().unwrap().iter().find(|step| step["step"] == "charter");
        found.unwrap()["problem"].as_str().unwrap().to_owned()
    };
    until(async || charter_step().await.contains("does not list this site yet")).await;
    within(daemon.shutdown()).await.unwrap();

    let mut sites = fields.sites.clone();
    sites.push(site(5, members.folder.key().public()));
    let previous = Some(first.digest());
    let next = CharterFields { version: 2, previous, sites, next_index: 6, quorum: 3, ..fields };
    let next = Charter::new(next).unwrap();
    let consents = (2..4).zip(founders).map(|(number, key)| {
        Consenter::new(index(number), key, Forgetful).succeed(&first, &next).unwrap()
    });
    let consents = consents.collect();
    let second = first.succeed(next, consents).unwrap();
    members.fake.sessions(vec![vec![charters(&[first, second.clone()])]]);
    let daemon = members.folder.start().await;
    until_status(&daemon, |status| status.charter_to_sign).await;
    let typed = members.folder.file("words.txt");
    std::fs::write(&typed, words(second.charter())).unwrap();
    let ran =
        members.folder.run(&["charter", "sign", "--words-file", typed.to_str().unwrap()]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("are confirmed") && ran.out.contains("takes part"), "{ran:?}");
    within(daemon.shutdown()).await.unwrap();
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}
