//! What a site knows of its tables: kept, confirmed, read again, and in the log of people.

use serde_json::Value;

use crate::support::*;

const CONTENT: &str = "email,age,sodium\nann@example.org,63,140.5\nbob@example.org,41,138\n";

async fn with_table(folder: &Folder) {
    let table = folder.file("t.csv");
    std::fs::write(&table, CONTENT).unwrap();
    let added =
        folder.run(&["data", "add", "t", table.to_str().unwrap(), "--steward", "Eve"]).await;
    assert_eq!(added.code, 0, "{added:?}");
}

/// The entries of the log of people about data sets, oldest first.
async fn logged(folder: &Folder) -> Vec<Value> {
    assert_eq!(folder.run(&["audit", "verify"]).await.code, 0);
    let shown = folder.run(&["audit", "show", "--json"]).await.json();
    let entries = shown["entries"].as_array().unwrap().iter();
    entries.filter(|entry| entry["fields"]["data-set"] == "t").cloned().collect()
}

async fn steps(folder: &Folder) -> Vec<String> {
    let logged = logged(folder).await;
    logged.iter().map(|entry| entry["fields"]["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_known_confirmed_and_read_again_and_every_step_is_logged() {
    let folder = Folder::new();
    with_table(&folder).await;
    let shown = folder.run(&["data", "show", "t", "--json"]).await.json();
    assert_eq!((&shown["rows"], &shown["added"]["by"]), (&2.into(), &"Eve".into()));
    assert_eq!(shown["columns"][0]["suggested"]["class"], "direct");
    assert!(shown["columns"][0]["confirmed"].is_null());

    let set = ["data", "classify", "t", "--set", "age=quasi:age", "--confirm", "--steward=Zoe"];
    let ran = folder.run(&[&set[..], &["--json"]].concat()).await.json();
    assert_eq!(ran["confirmed"], serde_json::json!(["age", "email", "sodium"]));
    let shown = folder.run(&["data", "show", "t", "--json"]).await.json();
    let age = &shown["columns"][1]["confirmed"];
    assert_eq!((&age["class"], &age["said"]["by"]), (&"quasi".into(), &"Zoe".into()));
    assert!(shown["columns"][1]["range"].is_null(), "a quasi-identifier keeps no values: {shown}");

    let before = shown["fingerprint"].clone();
    let same = folder.run(&["data", "rescan", "t", "--json"]).await.json();
    assert!(same["change"].is_null(), "{same}");
    std::fs::write(folder.file("t.csv"), CONTENT.replace("138", "x")).unwrap();
    let changed = folder.run(&["data", "rescan", "t", "--json"]).await.json();
    assert_eq!(changed["change"]["before"], before);
    assert_ne!(changed["change"]["after"], before);
    assert_eq!(changed["change"]["unconfirmed"], serde_json::json!(["sodium"]));

    assert_eq!(folder.run(&["data", "remove", "t", "--steward=Zoe"]).await.code, 0);
    assert_eq!(folder.run(&["data", "show", "t"]).await.code, 4);
    let expected = [
        "data-added",
        "column-confirmed",
        "column-confirmed",
        "column-confirmed",
        "data-scanned",
        "data-changed",
        "data-removed",
    ];
    assert_eq!(steps(&folder).await, expected);
    let logged = logged(&folder).await;
    let age = &logged[1]["fields"];
    assert_eq!((&age["column"], &age["steward"]), (&"age".into(), &"Zoe".into()));
    assert_eq!(age["after"], "quasi:age");
    assert_eq!(logged[5]["fields"]["before"], before);
    assert!(!format!("{logged:?}").contains("example.org"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_writes_the_log_and_warns_of_changed_content() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let daemon = folder.start().await;
    with_table(&folder).await;
    let ran = folder.run(&["data", "classify", "t", "--confirm", "age"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(steps(&folder).await, ["data-added", "column-confirmed"]);
    std::fs::write(folder.file("t.csv"), format!("{CONTENT}eve@example.org,52,139\n")).unwrap();
    assert_eq!(folder.run(&["data", "check"]).await.code, 0);
    let alarms = status(&daemon).await.alarms;
    assert!(alarms[0].contains("data rescan t"), "{alarms:?}");
    assert_eq!(folder.run(&["data", "rescan", "t"]).await.code, 0);
    assert_eq!(status(&daemon).await.alarms, [""; 0]);
    within(daemon.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn researchers_learn_nothing_until_a_steward_says_so() {
    let folder = Folder::new();
    with_table(&folder).await;
    let card = ["data", "show", "t", "--as-researcher"];
    assert_eq!(folder.run(&card).await.json(), serde_json::json!({ "name": "t" }));
    let set = ["data", "set", "t", "--discover", "names,size"];
    assert_eq!(folder.run(&set).await.code, 0);
    folder.run(&["data", "classify", "t", "--confirm", "age"]).await;
    let expected = serde_json::json!({
        "name": "t", "size": { "at_least": 0 }, "columns": [{ "name": "age" }],
    });
    assert_eq!(folder.run(&card).await.json(), expected);
    assert_eq!(folder.run(&["data", "set", "t", "--discover", "rows"]).await.code, 4);
    let shown = folder.run(&["data", "show", "t", "--json"]).await.json();
    assert_eq!(shown["discover"]["names"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused_and_changes_nothing() {
    let folder = Folder::new();
    with_table(&folder).await;
    let before = std::fs::read(folder.file("catalog")).unwrap();
    for (arguments, expected) in [
        (&["data", "classify", "t", "--set", "weight=general"][..], "no column \"weight\""),
        (&["data", "classify", "t", "--confirm", "weight"], "no column \"weight\""),
        (&["data", "classify", "t", "--set", "age=harmless"], "\"harmless\" is no class"),
        (&["data", "classify", "t", "--set", "age=general:years"], "\"years\" is no type"),
        (&["data", "classify", "u", "--confirm"], "nothing is written down of a data set \"u\""),
        (&["data", "rescan", "u"], "no data set \"u\" is registered"),
    ] {
        let ran = folder.run(arguments).await;
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.err.contains(expected), "{ran:?}");
    }
    assert_eq!(std::fs::read(folder.file("catalog")).unwrap(), before);
    std::fs::write(folder.file("catalog"), b"[{\"name\": \"ann@example.org\"").unwrap();
    let ran = folder.run(&["data", "show", "t"]).await;
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.err.contains("catalog, line 1") && !ran.err.contains("ann@"), "{ran:?}");
}

/// Nothing is done that is not in the log first.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_log_cannot_be_written_nothing_is_confirmed() {
    let folder = Folder::new();
    with_table(&folder).await;
    let before = std::fs::read(folder.file("catalog")).unwrap();
    std::fs::remove_file(folder.file("people.log")).unwrap();
    let ran = folder.run(&["data", "classify", "t", "--confirm"]).await;
    assert_eq!(ran.code, 7, "{ran:?}");
    assert_eq!(std::fs::read(folder.file("catalog")).unwrap(), before);
}
