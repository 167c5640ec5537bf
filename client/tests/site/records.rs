//! A folder of which a file is lost, and what its steward may take for what it is now.

use crate::support::*;

async fn accept(folder: &Folder) -> Ran {
    let reason =
        ["records", "accept", "--json", "--reason", "the disk lost it", "--steward", "Eve"];
    folder.run(&reason).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_file_is_accepted_by_name_and_written_down() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let nothing = accept(&folder).await;
    assert_eq!(nothing.json()["accepted"], serde_json::json!([]), "{nothing:?}");
    std::fs::remove_file(folder.file("connection.pem")).unwrap();
    let refused = folder.run(&["run"]).await;
    assert_eq!(refused.code, 7, "{refused:?}");
    for said in ["connection.pem", "is missing", "records accept"] {
        assert!(refused.err.contains(said), "{said}: {refused:?}");
    }
    let accepted = accept(&folder).await;
    assert_eq!(accepted.json()["accepted"], serde_json::json!(["connection.pem"]), "{accepted:?}");
    within(folder.start().await.shutdown()).await.unwrap();
    let shown = folder.run(&["audit", "show"]).await.out;
    for said in ["records-accepted", "connection.pem", "the disk lost it", "Eve"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_site_must_not_forget_is_never_accepted() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    for name in ["lineage", "site.key", "ledger", "people.log"] {
        let path = folder.file(name);
        let whole = std::fs::read(&path).unwrap();
        let mut other = whole.clone();
        // Another digit, another seed, another record.
        *other.last_mut().unwrap() ^= 1;
        other[0] ^= 1;
        std::fs::write(&path, other).unwrap();
        let refused = accept(&folder).await;
        assert_ne!(refused.code, 0, "{name}: {refused:?}");
        assert!(refused.err.contains(name), "{name}: {refused:?}");
        std::fs::remove_file(&path).unwrap();
        let refused = accept(&folder).await;
        assert!(refused.code != 0 && refused.err.contains(name), "{name}: {refused:?}");
        ripieno_files::write_atomically(&path, &whole, 0o600).unwrap();
    }
    within(folder.start().await.shutdown()).await.unwrap();
}

/// A folder that was made before there was an inventory, or whose inventory is lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_is_made_of_the_files_as_they_are() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    std::fs::remove_file(folder.file("inventory")).unwrap();
    let refused = folder.run(&["run"]).await;
    assert!(refused.code == 7 && refused.err.contains("inventory is missing"), "{refused:?}");
    assert!(refused.err.contains("records accept"), "{refused:?}");
    let lineage = std::fs::read(folder.file("lineage")).unwrap();
    std::fs::remove_file(folder.file("lineage")).unwrap();
    assert_ne!(accept(&folder).await.code, 0, "nor without its label");
    ripieno_files::write_atomically(&folder.file("lineage"), &lineage, 0o600).unwrap();
    let accepted = accept(&folder).await;
    assert_eq!(accepted.code, 0, "{accepted:?}");
    within(folder.start().await.shutdown()).await.unwrap();
    assert_eq!(accept(&folder).await.json()["accepted"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_inventory_is_short_after_a_start_and_refuses_what_it_refused() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    folder.add_to_inventory(format!("{{{}}}", " ".repeat(1 << 20)).as_bytes());
    within(folder.start().await.shutdown()).await.unwrap();
    let length = std::fs::metadata(folder.file("inventory")).unwrap().len();
    assert!(length < 16 << 10, "{length} bytes");
    within(folder.start().await.shutdown()).await.unwrap();
    std::fs::write(folder.file("connection.pem"), b"another").unwrap();
    let refused = folder.run(&["run"]).await;
    assert!(refused.code == 7 && refused.err.contains("connection.pem"), "{refused:?}");
}
