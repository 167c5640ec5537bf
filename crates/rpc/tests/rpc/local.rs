//! Calls between two processes of one machine.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use ripieno_rpc::OperatorStatusRequest;
use ripieno_rpc::local::{LocalError, connect, listen};
use ripieno_rpc::operator_service_client::OperatorServiceClient;
use tempfile::TempDir;

use crate::support::{in_time, serve_desk};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/operator.sock");
    (folder, path)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

async fn ask(path: &Path) -> String {
    let mut calls = OperatorServiceClient::new(in_time(connect(path)).await.unwrap());
    in_time(calls.status(OperatorStatusRequest {})).await.unwrap().into_inner().program
}

#[tokio::test]
async fn a_call_says_which_process_sent_it() {
    let (_folder, path) = folder();
    serve_desk(listen(&path).unwrap());
    let user = rustix::process::geteuid().as_raw();
    let expected = format!("user {user} process Some({})", std::process::id());
    assert_eq!(ask(&path).await, expected);
    assert_eq!(ask(&path).await, expected, "as often as one likes");
}

#[tokio::test]
async fn folder_and_socket_are_their_owners_alone() {
    let (_folder, path) = folder();
    let listener = listen(&path).unwrap();
    assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
    assert_eq!(listener.path(), path);
    drop(listener);
    assert!(!path.exists(), "it is removed with the listener");
    for exposed in [0o755, 0o710, 0o702] {
        let folder = path.parent().unwrap();
        fs::set_permissions(folder, Permissions::from_mode(exposed)).unwrap();
        let error = listen(&path).unwrap_err();
        assert!(matches!(error, LocalError::Exposed { mode, .. } if mode == exposed), "{error}");
        assert!(error.to_string().contains("chmod 700"), "{error}");
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced() {
    let (_folder, path) = folder();
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o700)).unwrap();
    // A process that was killed leaves its socket behind.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let error = in_time(connect(&path)).await.unwrap_err();
    assert!(matches!(error, LocalError::Nobody { .. }), "{error}");
    serve_desk(listen(&path).unwrap());
    ask(&path).await;
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_socket_that_is_in_use_is_left_alone() {
    let (_folder, path) = folder();
    serve_desk(listen(&path).unwrap());
    let error = listen(&path).unwrap_err();
    assert!(matches!(error, LocalError::InUse { .. }), "{error}");
    ask(&path).await;
}

#[tokio::test]
async fn a_successor_keeps_its_socket_when_the_first_goes() {
    let (_folder, path) = folder();
    let first = listen(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let second = listen(&path).unwrap();
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_foreign_file_in_the_way_is_not_touched() {
    let (_folder, path) = folder();
    drop(listen(&path).unwrap());
    fs::write(&path, "notes").unwrap();
    let error = listen(&path).unwrap_err();
    assert!(matches!(error, LocalError::NotASocket { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "notes");
    fs::remove_file(&path).unwrap();
    // A link is not followed, wherever it leads.
    std::os::unix::fs::symlink("elsewhere", &path).unwrap();
    let error = listen(&path).unwrap_err();
    assert!(matches!(error, LocalError::NotASocket { .. }), "{error}");
}

#[tokio::test]
async fn nobody_listening_is_said_with_what_to_look_at() {
    let (_folder, path) = folder();
    let error = in_time(connect(&path)).await.unwrap_err();
    assert!(matches!(error, LocalError::Nobody { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("is the daemon running") && text.contains("operator.sock"), "{text}");
}

#[tokio::test]
async fn a_daemon_that_stops_ends_the_calls_and_a_later_one_is_found() {
    let (_folder, path) = folder();
    let first = serve_desk(listen(&path).unwrap());
    let mut calls = OperatorServiceClient::new(in_time(connect(&path)).await.unwrap());
    in_time(calls.status(OperatorStatusRequest {})).await.unwrap();
    first.abort();
    let _ = first.await;
    serve_desk(listen(&path).unwrap());
    ask(&path).await;
}

#[tokio::test]
async fn a_path_that_is_too_long_is_said() {
    let (folder, _) = folder();
    let path = folder.path().join("x".repeat(108));
    for error in [listen(&path).unwrap_err(), in_time(connect(&path)).await.unwrap_err()] {
        assert!(matches!(error, LocalError::TooLong { .. }), "{error}");
        assert!(error.to_string().contains("at most 107"), "{error}");
    }
    assert!(!path.exists());
}
