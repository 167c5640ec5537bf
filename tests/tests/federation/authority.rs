//! Another authority for connections, while a federation of real sites goes on.

use std::fs;
use std::path::Path;

use ripieno_identity::{AuthorityList, SigningKey};
use ripieno_rpc::authority_request::Step;
use ripieno_rpc::site_service_client::SiteServiceClient;
use ripieno_rpc::{AuthorityRequest, AuthorityResponse, Keepalive, RenewRequest};
use ripieno_tests::{Federation, Kind, Special, made, new_key, until};
use ripieno_transport::client::{ClientTls, Connector, Deadlines, ProxySettings};
use ripieno_transport::{TlsIdentity, TrustedAuthorities};
use ripieno_wire::{decode_authorities, encode_authorities};

use crate::support::{DONE, all, assert_sites_agree, complete, setup};

/// The signed list, in the coordinator's folder.
const LIST: &str = "authorities.list";

async fn step(federation: &Federation, step: Step) -> AuthorityResponse {
    let request = AuthorityRequest { step: step.into(), force: false };
    let answer = federation.coordinator.operator().await.authority(request).await;
    answer.unwrap_or_else(|status| panic!("{status}")).into_inner()
}

/// Waits until every site holds this list, and a certificate by the authority that certifies.
async fn followed(federation: &Federation, list: u64) -> AuthorityResponse {
    until(DONE, "sites to follow the authority", || async {
        let status = step(federation, Step::Status).await;
        let follows = status
            .sites
            .iter()
            .all(|site| site.list == list && site.certified_by == status.present);
        let held: Vec<_> = status.sites.iter().map(|s| (s.list, s.certified_by.clone())).collect();
        if follows { Ok(status) } else { Err(format!("{} {held:?}", status.present)) }
    })
    .await
}

/// Where the sessions of the sites come from: another connection has another port.
async fn connections(federation: &Federation) -> Vec<String> {
    let sites = federation.coordinator.sites().await;
    assert!(sites.iter().all(|site| site.present));
    sites.into_iter().map(|site| site.address).collect()
}

/// A study to its result.
async fn round(federation: &Federation, name: &str) {
    let (study, watch, result) = complete(federation, &made::regression(name)).await;
    assert!(watch.refused().is_empty(), "{watch}");
    assert_sites_agree(federation, &study, &all(federation), &result).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_and_sessions_go_on_while_the_authority_is_replaced() {
    let mut federation = setup(Kind::InProcess, 4).found().await;
    let before = followed(&federation, 1).await.present;
    let sessions = connections(&federation).await;
    let old = federation.sites[0].dir().join("connection.pem");
    let old = TlsIdentity::load(&old).unwrap();
    // One who does not come back in time.
    let away = federation.researcher.clone();
    let away = away.at(&federation.coordinator.dir().join("authority.pem"), &federation.door());

    let prepared = step(&federation, Step::Prepare).await;
    assert_eq!((prepared.phase.as_str(), &prepared.present), ("prepared", &before));
    followed(&federation, 2).await;
    federation.follow_authorities().await;
    round(&federation, "prepared").await;

    let switched = step(&federation, Step::Switch).await;
    assert_eq!((&switched.present, &switched.other), (&prepared.other, &before));
    followed(&federation, 3).await;
    federation.follow_authorities().await;
    round(&federation, "switched").await;

    let retired = step(&federation, Step::Retire).await;
    assert_eq!((retired.phase.as_str(), retired.other.as_str()), ("settled", ""));
    followed(&federation, 4).await;
    federation.follow_authorities().await;
    round(&federation, "retired").await;

    assert_eq!(connections(&federation).await, sessions, "no session has ended");
    let refused = renewal(&federation, &old).await.unwrap_err();
    assert!(ripieno_rpc::connect_error(&refused).is_some(), "refused by TLS: {refused}");
    let shown = away.client().discover(ripieno_rpc::DiscoverRequest { proof: None }).await;
    let Err(shown) = shown else { panic!("the former authority is still trusted") };
    assert!(ripieno_rpc::connect_error(&shown).is_some(), "refused by TLS: {shown}");
    federation.sites[0].restart().await;
    federation.restart_coordinator().await;
    federation.all_present().await;
    // The site that was restarted refuses the slots of the epoch that it has left.
    let (study, _, result) = complete(&federation, &made::regression("afterwards")).await;
    assert_sites_agree(&federation, &study, &all(&federation), &result).await;
}

/// What a coordinator answers to who shows this certificate.
async fn renewal(federation: &Federation, shown: &TlsIdentity) -> Result<(), tonic::Status> {
    let site = &federation.sites[0];
    let trusted = TrustedAuthorities::load(&site.dir().join("authorities.pem")).unwrap();
    let tls = ClientTls::new(&trusted, Some(shown)).unwrap();
    let target = site.relay.address().parse().unwrap();
    let connector = Connector::new(target, tls, ProxySettings::none(), Deadlines::default());
    let channel = ripieno_rpc::channel(connector.unwrap(), Keepalive::default());
    SiteServiceClient::new(channel).renew(RenewRequest::default()).await.map(drop)
}

fn read(path: &Path) -> AuthorityList {
    decode_authorities(fs::read(path).unwrap().into()).unwrap()
}

/// Waits until every site says so.
async fn alarmed(federation: &Federation, words: &str) {
    for site in &federation.sites {
        until(DONE, "an alarm of a site", || async {
            let alarms = site.status().await.alarms;
            let raised = alarms.iter().any(|alarm| alarm.contains(words));
            if raised { Ok(()) } else { Err(format!("{}: {alarms:?}", site.name)) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_list_is_not_shown_and_an_older_one_is_refused() {
    let mut federation = setup(Kind::InProcess, 4).found().await;
    step(&federation, Step::Prepare).await;
    followed(&federation, 2).await;
    let path = federation.coordinator.dir().join(LIST);
    let good = read(&path);
    let held = fs::read(federation.sites[0].dir().join("authorities.pem")).unwrap();

    let another: SigningKey = new_key();
    let name = federation.coordinator.status().await.federation;
    let forged = AuthorityList::sign(3, good.authorities.clone(), &name, &another);
    federation.coordinator.stop().await;
    fs::write(&path, encode_authorities(&forged)).unwrap();
    let error = federation.try_start(Special::default()).await.expect_err("a forged list");
    assert!(error.contains(LIST) && error.contains("is not signed by"), "{error}");

    // It signs the first one again.
    fs::remove_file(&path).unwrap();
    federation.start_coordinator().await;
    alarmed(&federation, "number 2 is held already").await;
    let now = fs::read(federation.sites[0].dir().join("authorities.pem")).unwrap();
    assert_eq!(now, held, "whom the site trusts has not changed");

    federation.coordinator.stop().await;
    fs::write(&path, encode_authorities(&good)).unwrap();
    federation.start_coordinator().await;
    followed(&federation, 2).await;
    round(&federation, "with the true list").await;
}
