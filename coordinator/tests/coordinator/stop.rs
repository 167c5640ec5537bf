//! An orderly stop, what is there afterwards, and who may open what.

use std::os::unix::fs::PermissionsExt as _;

use ripieno_coordinator::{Config, Folder, InitError, Server, Settings, init};
use ripieno_rpc::attend_response::Body as Heard;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::{Hub, audit, in_time};

#[tokio::test(flavor = "multi_thread")]
async fn sites_are_told_and_the_log_is_sealed() {
    let mut hub = Hub::start().await;
    let member = hub.enrol("north").await;
    let mut there = hub.attend(&member, None).await;
    hub.stop().await;
    let mut told = false;
    while let Ok(heard) = there.next().await {
        told |= matches!(heard, Heard::Closing(_));
    }
    assert!(told);
    let log = audit(&hub.folder());
    let last: Vec<_> = log.lines().rev().take(2).collect();
    assert!(last[0].contains("\"signature\"") && log.contains("stopped"), "{last:?}");
    hub.serve().await;
    hub.attend(&member, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_served() {
    let hub = Hub::start().await;
    let mut health = HealthClient::new(hub.channel(None));
    for service in ["", "ripieno.v1.SiteService", "ripieno.v1.StudyService"] {
        let request = HealthCheckRequest { service: service.into() };
        let answer = in_time(health.check(request)).await.unwrap().into_inner();
        assert_eq!(answer.status, 1, "{service}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_describe_themselves() {
    let hub = Hub::start().await;
    let mut reflection = ServerReflectionClient::new(hub.channel(None));
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let answers = in_time(reflection.server_reflection_info(tokio_stream::iter([request]))).await;
    let answer = in_time(answers.unwrap().into_inner().message()).await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("no list");
    };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"ripieno.v1.SiteService"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_is_its_owners_alone() {
    let hub = Hub::start().await;
    let mode = |name: &str| {
        let path = hub.folder().join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    for name in
        ["operator.sock", "coordinator.key", "authority.pem", "server.pem", "coordinator.db"]
    {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_has_the_folder() {
    let hub = Hub::start().await;
    let config = Config::load(hub.folder()).unwrap();
    let error = in_time(Server::start(config)).await.err().unwrap().to_string();
    assert!(error.contains("in use"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_is_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::at(dir.path().join("new"));
    let listen = ([127, 0, 0, 1], 0).into();
    let settings = Settings::new("North".into(), listen, vec!["127.0.0.1:1".into()]);
    init(&folder, &settings).await.unwrap();
    let key = std::fs::read(folder.key()).unwrap();
    let again = init(&folder, &settings).await.err().unwrap();
    assert!(matches!(again, InitError::Exists(_)), "{again}");
    // As if it had been interrupted.
    std::fs::remove_file(folder.config()).unwrap();
    let again = init(&folder, &settings).await.err().unwrap();
    assert!(matches!(&again, InitError::Unfinished { .. }), "{again}");
    assert!(again.to_string().contains("coordinator.key"), "{again}");
    assert_eq!(std::fs::read(folder.key()).unwrap(), key);
    let text = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(text >= 6);
}
