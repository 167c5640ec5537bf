//! Commands as they are typed.

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_registered_after_it_was_read() {
    let folder = Folder::new();
    let table = folder.file("heart.csv");
    std::fs::write(&table, "y,age,name\n1,50,Ann\n0,,Bob\n").unwrap();
    let path = table.to_str().unwrap();
    let added = folder.run(&["data", "add", "heart", path, "--json"]).await;
    assert_eq!(added.code, 0, "{added:?}");
    let added = added.json();
    assert_eq!(added["data_sets"][0]["rows"], 2);
    let columns = added["data_sets"][0]["columns"].to_string();
    for shown in ["\"age\"", "\"missing\":1", "\"numbers\"", "\"text\""] {
        assert!(columns.contains(shown), "{columns}");
    }
    assert!(!columns.contains("Ann"), "{columns}");
    let twice = folder.run(&["data", "add", "heart", path]).await;
    assert_eq!(twice.code, 7, "{twice:?}");
    let listed = folder.run(&["data", "list", "--json"]).await.json();
    assert_eq!(listed["data_sets"][0]["name"], "heart");
    assert_eq!(folder.run(&["data", "check"]).await.code, 0);
    assert_eq!(folder.run(&["data", "remove", "heart"]).await.code, 0);
    assert_eq!(folder.run(&["data", "remove", "heart"]).await.code, 4);
    assert!(table.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_read_is_not_registered() {
    let folder = Folder::new();
    let before = std::fs::read_to_string(folder.file("site.toml")).unwrap();
    let write = |text: &str| {
        let path = folder.file("t.csv");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (path, expected) in [
        ("/no/such.csv".to_owned(), "there is no such file"),
        (folder.dir.to_str().unwrap().to_owned(), "a directory"),
    ] {
        let ran = folder.run(&["data", "add", "t", &path]).await;
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.err.contains(expected), "{ran:?}");
    }
    for (text, expected) in
        [("", "is empty"), ("y,x\n", "no rows"), ("y,x\n1\n", "line 2"), ("y,y\n1,2\n", "line 1")]
    {
        let ran = folder.run(&["data", "add", "t", &write(text)]).await;
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.err.contains(expected), "{ran:?}");
    }
    assert_eq!(std::fs::read_to_string(folder.file("site.toml")).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_counts_and_shows_no_row() {
    let folder = Folder::new();
    let table = folder.file("heart.csv");
    let rows = "1,93.4817,yes,Zqxcanary\n0,61,no,b\n1,44,yes,c\n0,42,yes,d\n1,,yes,e\n";
    std::fs::write(&table, format!("y,age,consent,name\n{rows}")).unwrap();
    let added = folder.run(&["data", "add", "heart", table.to_str().unwrap()]).await;
    assert_eq!(added.code, 0, "{added:?}");
    let confirmed = folder.run(&["data", "classify", "heart", "--confirm"]).await;
    assert_eq!(confirmed.code, 0, "{confirmed:?}");
    let rules = "[[dataset]]\nname = \"heart\"\ncolumns = [\"y\", \"age\"]\npurposes = \"all\"\n\
        analyses = \"all\"\nroles = [\"researcher\"]\nminimum_rows = 2\non_match = \"ask\"\n\
        [dataset.view]\nconsent = { column = \"consent\", values = [\"yes\"] }\n\
        [dataset.view.columns]\nage = [{ top = 89 }, { band = 10 }]\n";
    std::fs::write(folder.file("policy.toml"), rules).unwrap();
    let study = "name = \"n\"\npurpose = \"research\"\n[data]\ndataset = \"heart\"\n\
        outcome = \"y\"\nfeatures = [\"age\"]\nmissing = \"drop-row\"\n[analysis]\n\
        kind = \"glm\"\nfamily = \"binomial\"\n";
    let file = folder.file("study.toml");
    std::fs::write(&file, study).unwrap();
    let file = file.to_str().unwrap();

    let shown = folder.run(&["data", "preview", "--as", file, "--json"]).await;
    assert_eq!(shown.code, 0, "{shown:?}");
    let json = shown.json();
    let rows = &json["rows"];
    let counts = ["table", "filtered", "incomplete", "shown"].map(|name| rows[name].as_u64());
    assert_eq!(counts, [Some(5), Some(1), Some(1), Some(3)], "{json}");
    assert_eq!(json["columns"][1]["steps"][1], "bands of 10, by their lower end");
    assert_eq!(json["read_for_the_choice_of_rows"][0], "consent");
    let words = folder.run(&["data", "preview", "--as", file]).await;
    assert!(words.out.contains("3 would be computed on"), "{words:?}");
    for ran in [&shown, &words] {
        let shown = format!("{ran:?}");
        assert!(!shown.contains("Zqxcanary") && !shown.contains("93.4817"), "{ran:?}");
    }
    let refused = folder.run(&["data", "preview", "--as", file, "--role", "visitor"]).await;
    assert!(refused.code == 4 && refused.err.contains("policy.role"), "{refused:?}");
}

#[test]
fn a_file_is_classified_without_a_site() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("t.csv");
    std::fs::write(&table, "v1,sex\nann@example.org,F\nbob@example.org,M\n").unwrap();
    let path = table.to_str().unwrap();
    let ran = Ran::from(site(&["data", "classify", path, "--json"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let columns = &ran.json()["columns"];
    let shown =
        [&columns[0]["name"], &columns[0]["class"], &columns[0]["type"], &columns[1]["type"]];
    assert_eq!(shown, ["v1", "direct", "email", "sex"]);
    assert!(
        columns[0]["confidence"].as_f64().is_some_and(|c| (0.9..=1.0).contains(&c)),
        "{columns}"
    );
    assert!(columns[0]["reason"].as_str().is_some_and(|reason| !reason.contains("ann@")));
    let people = Ran::from(site(&["data", "classify", path]));
    assert!(people.code == 0 && people.out.contains("direct") && !people.out.contains("bob@"));
    std::fs::write(&table, b"name\nM\xfcller\n").unwrap();
    let refused = Ran::from(site(&["data", "classify", path, "--json"]));
    assert_eq!((refused.code, refused.out.as_str()), (4, ""), "{refused:?}");
    assert!(refused.err.contains("line 2") && refused.err.contains("not UTF-8"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_is_told_of_a_table() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let daemon = folder.start().await;
    let table = folder.file("heart.csv");
    std::fs::write(&table, "y,x\n1,2\n").unwrap();
    let added =
        folder.run(&["data", "add", "heart", table.to_str().unwrap(), "--json"]).await.json();
    assert_eq!(added["reloaded"], true);
    assert_eq!(status(&daemon).await.data_sets, ["heart"]);
    // A table that went away keeps no other from being used, and is an alarm.
    std::fs::remove_file(&table).unwrap();
    let other = folder.file("other.csv");
    std::fs::write(&other, "y,x\n1,2\n").unwrap();
    folder.run(&["data", "add", "other", other.to_str().unwrap()]).await;
    let status = status(&daemon).await;
    assert_eq!(status.data_sets, ["other"]);
    assert!(status.alarms[0].contains("data set \"heart\""), "{:?}", status.alarms);
    within(daemon.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_for_the_daemon_say_how_to_start_it() {
    let folder = Folder::new();
    for arguments in [
        &["status"][..],
        &["study", "list"],
        &["study", "approve", "12345678"],
        &[
            "researcher",
            "vouch",
            "--key",
            // RFC 8032 §7.1, test 1.
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "--name=a",
            "--department=b",
            "--days=1",
        ],
    ] {
        let ran = folder.run(arguments).await;
        assert_eq!(ran.code, 8, "{ran:?}");
        assert!(ran.err.contains("run --dir"), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_takes_another_folder_for_a_sites() {
    let other = tempfile::tempdir().unwrap();
    let mut folder = Folder::new();
    folder.dir = other.path().to_owned();
    for arguments in
        [&["status"][..], &["run"], &["data", "list"], &["audit", "verify"], &["charter", "show"]]
    {
        let ran = folder.run(arguments).await;
        assert_eq!(ran.code, 7, "{ran:?}");
        assert!(ran.err.contains("init --dir"), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_log_is_found() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let sound = folder.run(&["audit", "verify", "--json"]).await;
    assert_eq!(sound.code, 0, "{sound:?}");
    assert_eq!(sound.json()["sound"], true);
    let path = folder.file("people.log");
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(7).position(|part| part == b"st-anna").unwrap();
    bytes[place] = b'S';
    std::fs::write(&path, bytes).unwrap();
    let altered = folder.run(&["audit", "verify"]).await;
    assert_eq!(altered.code, 7, "{altered:?}");
    assert!(altered.err.contains("people.log"), "{altered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_end_is_cut_off_and_told() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    let path = folder.file("ledger");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend([1, 2, 3]);
    std::fs::write(&path, bytes).unwrap();
    let daemon = folder.start().await;
    let alarms = status(&daemon).await.alarms;
    assert!(alarms[0].contains("ledger") && alarms[0].contains("cut off"), "{alarms:?}");
    within(daemon.shutdown()).await.unwrap();
    let shown = folder.run(&["audit", "show"]).await;
    assert!(shown.out.contains("never finished"), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_ledger_is_never_replaced() {
    let fake = Fake::start().await;
    let folder = Folder::enrolled(&fake).await;
    std::fs::remove_file(folder.file("ledger")).unwrap();
    let ran = folder.run(&["run"]).await;
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.err.contains("restore it from the backup"), "{ran:?}");
    assert!(!folder.file("ledger").exists());
}
