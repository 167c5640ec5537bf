//! Files of a coordinator that are changed, cut, missing, or can grow no more.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ripieno_coordinator::{Config, Server};
use ripieno_rpc::{InviteRequest, OperatorStatusRequest};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{Hub, audit, failure, in_time};

/// What a start says of this folder.
async fn start(folder: &Path) -> Result<Server, String> {
    let config = Config::load(folder).map_err(|error| error.to_string())?;
    in_time(Server::start(config)).await.map_err(|error| error.to_string())
}

/// A coordinator that has stopped in order, with a list of authorities and an audit log.
async fn stopped() -> Hub {
    let mut hub = Hub::start().await;
    hub.enrol("north").await;
    hub.stop().await;
    hub
}

/// Asserts that a start is refused with these words.
async fn assert_refused(folder: &Path, words: &[&str], what: &str) {
    match start(folder).await {
        Ok(_) => panic!("{what}: it starts"),
        Err(text) => {
            assert!(words.iter().any(|word| text.contains(word)), "{what}: {text}");
        }
    }
}

/// Files that a coordinator only reads: with each, what an error names, and every so many bytes one
/// is changed.
const READ: [(&str, &[&str], usize); 4] = [
    // Another seed is another key; what the old one signed tells.
    ("coordinator.key", &["coordinator.key"], 5),
    ("authority.pem", &["authority.pem"], 31),
    ("authorities.list", &["authorities.list"], 47),
    ("audit.log", &["audit.log"], 97),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_cut_or_missing_file_is_named_and_nothing_is_made_in_its_place() {
    let hub = stopped().await;
    let folder = hub.folder();
    for (name, words, stride) in READ {
        let path = folder.join(name);
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(stride) {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert_refused(&folder, words, &format!("{name}, byte {at}")).await;
            assert_eq!(fs::read(&path).unwrap(), bytes, "{name} is left as it is");
        }
        fs::write(&path, &good[..good.len() / 2]).unwrap();
        // A log that was cut between two entries is as good as an older one.
        if name != "audit.log" {
            assert_refused(&folder, words, &format!("{name}, cut")).await;
        }
        fs::remove_file(&path).unwrap();
        if name != "authorities.list" {
            assert_refused(&folder, words, &format!("{name}, missing")).await;
            assert!(!path.exists(), "{name} was not made anew");
        }
        fs::write(&path, &good).unwrap();
        let secret = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&path, secret).unwrap();
    }
    let path = folder.join("coordinator.db");
    fs::rename(&path, folder.join("away")).unwrap();
    assert_refused(&folder, &["coordinator.db is missing"], "no database").await;
    assert!(!path.exists());
    fs::rename(folder.join("away"), &path).unwrap();
    start(&folder).await.map(drop).expect("all of it was put back");
}

/// What people write is theirs, and another letter may be another meaning; what is none is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_none_is_named_and_left_as_it_is() {
    let hub = stopped().await;
    let folder = hub.folder();
    let path = folder.join("coordinator.toml");
    let good = fs::read_to_string(&path).unwrap();
    // Cut in the midst of its last word that is not a comment.
    let line = good.lines().rfind(|line| line.contains('=') && !line.starts_with('#')).unwrap();
    let cut = &good[..good.find(line).unwrap() + line.find('=').unwrap()];
    let unknown = format!("unheard_of = 1\n{good}");
    let no_text = [good.as_bytes(), &[0xff]].concat();
    let cases = [
        ("cut", cut.as_bytes()),
        ("empty", b"".as_slice()),
        ("an unknown key", unknown.as_bytes()),
        ("no text", &no_text),
    ];
    for (what, bytes) in cases {
        fs::write(&path, bytes).unwrap();
        assert_refused(&folder, &["coordinator.toml"], what).await;
        assert_eq!(fs::read(&path).unwrap(), bytes, "{what}: it is left as it is");
    }
    fs::remove_file(&path).unwrap();
    assert_refused(&folder, &["coordinator.toml"], "missing").await;
    assert!(!path.exists(), "it was not made anew");
    fs::write(&path, &good).unwrap();
    start(&folder).await.map(drop).expect("it was put back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_list_of_revoked_certificates_is_made_anew_and_said() {
    let mut hub = stopped().await;
    fs::write(hub.folder().join("revoked.pem"), "-----BEGIN X509 CRL-----\n").unwrap();
    hub.serve().await;
    assert!(audit(&hub.folder()).contains("list-damaged"));
    hub.stop().await;
}

/// Commits that the audit log knows are gone with the log beside the database.
#[tokio::test(flavor = "multi_thread")]
async fn repro_a_lost_log_beside_the_database_is_not_lost_in_silence() {
    let mut hub = Hub::start().await;
    hub.stop().await;
    let database = hub.folder().join("coordinator.db");
    let older = fs::read(&database).unwrap();
    hub.serve().await;
    hub.invite("north").await;
    hub.stop().await;
    assert!(!audit(&hub.folder()).contains("commits-lost"));
    fs::write(&database, older).unwrap();
    // As if the number of the last list did not tell.
    fs::remove_file(hub.folder().join("revoked.pem")).unwrap();
    hub.serve().await;
    let said = audit(&hub.folder());
    assert!(said.contains("commits-lost") && said.contains("coordinator.db-wal"), "{said}");
    hub.stop().await;
    hub.serve().await;
    assert_eq!(audit(&hub.folder()).matches("commits-lost").count(), 1, "said once");
    let status = hub.operator().await.status(OperatorStatusRequest {}).await.unwrap().into_inner();
    let says = |alarm: &String| alarm.contains("The database is older than the audit log");
    assert!(status.alarms.iter().any(says), "and shown from then on: {:?}", status.alarms);
}

/// What a commit meets from now on.
async fn break_the_database(folder: &Path) {
    let path = folder.join("coordinator.db");
    let mut other = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON invitations \
                  BEGIN SELECT RAISE (ABORT, 'the disk of this test is broken'); END";
    sqlx::raw_sql(refuse).execute(&mut other).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_cannot_write_takes_no_work_and_says_why() {
    let mut hub = Hub::start().await;
    let member = hub.enrol("north").await;
    let mut there = hub.attend(&member, None).await;
    let mut health = HealthClient::new(hub.channel(None));
    break_the_database(&hub.folder()).await;
    let request = InviteRequest { site: "south".into(), hours: 1 };
    failure(hub.operator().await.invite(request.clone())).await;
    there.end().await;
    let folder = hub.folder();
    let mut operator = hub.operator().await;
    let mut server = hub.take();
    let fatal = in_time(server.failed()).await.unwrap().to_string();
    assert!(fatal.contains("the disk of this test"), "{fatal}");

    let check = HealthCheckRequest { service: String::new() };
    let answer = in_time(health.check(check)).await.unwrap().into_inner();
    assert_eq!(answer.status(), tonic_health::pb::health_check_response::ServingStatus::NotServing);
    let status = in_time(operator.status(OperatorStatusRequest {})).await.unwrap().into_inner();
    let [alarm] = &status.alarms[..] else { panic!("{:?}", status.alarms) };
    assert!(alarm.contains("takes no more work") && alarm.contains(&fatal), "{alarm}");
    let refused = failure(operator.invite(request)).await;
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
    assert_refused(&folder, &["in use"], "a second one").await;
    drop(server);
}
