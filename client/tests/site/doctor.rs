//! Each thing that can keep a site from connecting, staged.

use std::os::unix::fs::PermissionsExt as _;

use ripieno_transport::authority::Authority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::*;

/// The step of a doctor's report that failed first, with its code.
async fn first_failure(folder: &Folder) -> (i32, serde_json::Value) {
    let ran = folder.run(&["doctor", "--json"]).await;
    let steps = ran.json()["steps"].as_array().unwrap().clone();
    let failed = steps.into_iter().find(|step| step["ok"] == false);
    (ran.code, failed.unwrap_or_default())
}

async fn assert_fails(folder: &Folder, code: i32, step: &str, problem: &str) -> serde_json::Value {
    let (ended, failed) = first_failure(folder).await;
    assert_eq!((ended, failed["step"].as_str()), (code, Some(step)), "{failed}");
    assert!(failed["problem"].as_str().unwrap().contains(problem), "{failed}");
    assert!(!failed["advice"].as_str().unwrap().is_empty(), "{failed}");
    failed
}

/// Tells a folder to go elsewhere.
fn change(folder: &Folder, from: &str, to: &str) {
    let path = folder.file("site.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    assert!(config.contains(from), "{config}");
    std::fs::write(path, config.replace(from, to)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_none_or_open_or_wrong() {
    let folder = Folder::new();
    std::fs::set_permissions(&folder.dir, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_fails(&folder, 7, "folder", "mode 755").await;
    std::fs::set_permissions(&folder.dir, std::fs::Permissions::from_mode(0o700)).unwrap();
    folder.append("\nnonsense = 1\n");
    assert_fails(&folder, 7, "folder", "site.toml, line").await;
    std::fs::remove_file(folder.file("site.toml")).unwrap();
    assert_fails(&folder, 7, "folder", "is missing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_gone() {
    let folder = Folder::new();
    std::fs::remove_file(folder.file("site.key")).unwrap();
    assert_fails(&folder, 7, "folder", "site.key").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_and_a_table_that_cannot_be_read() {
    let folder = Folder::new();
    folder.append("[[data]]\nname = \"t\"\npath = \"t.csv\"\n");
    assert_fails(&folder, 7, "data sets", "there is no such file").await;
    std::fs::write(folder.file("policy.toml"), "[[dataset]]\nname = 1\n").unwrap();
    assert_fails(&folder, 7, "policy", "line 2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_has_not_enrolled() {
    assert_fails(&Folder::new(), 9, "enrolment", "has not enrolled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_is_not_there() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    fake.stop().await;
    let failed = assert_fails(&folder, 8, "port", "connection refused").await;
    let ask = failed["network_team"].as_str().unwrap();
    assert!(ask.contains(&fake.address.to_string()) && ask.contains("outbound TCP"), "{ask}");
    change(&folder, &fake.address.to_string(), "no-such-host.invalid:8443");
    let failed = assert_fails(&folder, 8, "name", "no-such-host.invalid").await;
    assert!(failed["network_team"].as_str().unwrap().contains("resolve no-such-host.invalid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_looks_inside_is_named() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let device = Authority::create(&name("Hospital IT Security"), days(30)).unwrap();
    let inspecting = Fake::start_with(device).await;
    change(&folder, &fake.address.to_string(), &inspecting.address.to_string());
    let failed = assert_fails(&folder, 8, "certificate", "Hospital IT Security").await;
    let ask = failed["network_team"].as_str().unwrap();
    assert!(ask.contains("Hospital IT Security") && ask.contains("TLS inspection"), "{ask}");
}

/// The authority was replaced while the site was away: the network team can do nothing about it.
#[tokio::test(flavor = "multi_thread")]
async fn repro_an_authority_that_was_replaced_is_no_inspection() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let next = Fake::start().await;
    change(&folder, &fake.address.to_string(), &next.address.to_string());
    let failed = assert_fails(&folder, 8, "certificate", "North").await;
    assert!(failed["network_team"].is_null(), "{failed}");
    let advice = failed["advice"].as_str().unwrap();
    assert!(advice.contains("replaced") && advice.contains("under its own name"), "{advice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_wants_a_sign_in_or_is_none() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let proxy = answering(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n").await;
    change(
        &folder,
        "name = \"st-anna\"",
        &format!("name = \"st-anna\"\nproxy = \"http://{proxy}\""),
    );
    let failed = assert_fails(&folder, 8, "proxy", "407").await;
    assert!(failed["network_team"].as_str().unwrap().contains(&format!("proxy {proxy}")));
    let other = answering(b"220 mail.example.org ESMTP\r\n").await;
    change(&folder, &proxy, &other);
    assert_fails(&folder, 8, "proxy", "not that of an HTTP proxy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn something_that_speaks_no_tls() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let other = answering(b"220 mail.example.org ESMTP\r\n").await;
    change(&folder, &fake.address.to_string(), &other);
    assert_fails(&folder, 8, "TLS", "does not speak TLS").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    fake.set(|script| script.clock = 3600);
    assert_fails(&folder, 7, "clock", "s behind the coordinator's").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_charter_and_no_daemon() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    assert_fails(&folder, 9, "charter", "no charter is in force").await;
    let steps = folder.run(&["doctor", "--json"]).await.json()["steps"].clone();
    let daemon = steps.as_array().unwrap().last().unwrap().clone();
    assert_eq!((daemon["step"].as_str(), daemon["ok"].as_bool()), (Some("daemon"), Some(false)));
    assert!(daemon["advice"].as_str().unwrap().contains("run --dir"), "{daemon}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_does_not_disturb_a_running_daemon() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let daemon = folder.start().await;
    until_status(&daemon, |status| status.connection == "connected").await;
    let (_, failed) = first_failure(&folder).await;
    assert_eq!(failed["step"], "charter", "all else is well: {failed}");
    assert_eq!(fake.read(|script| script.arrivals), 1);
    within(daemon.shutdown()).await.unwrap();
}

/// A port that answers everybody with this, and its address.
async fn answering(with: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tcp.read(&mut [0; 1024]).await;
            let _ = tcp.write_all(with).await;
        }
    });
    address.to_string()
}
