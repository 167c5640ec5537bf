//! Registering: what a file teaches, and how each broken one is refused.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use ripieno_catalog::{Catalog, CatalogError, ColumnKind, DataSet, Source, limits};

fn register(path: &Path) -> Result<DataSet, CatalogError> {
    let source = Source { name: "heart".into(), path: path.into() };
    Catalog::new("va", [source])
        .map(|(catalog, _)| catalog.data_set("heart").expect("just registered").clone())
}

/// Registers a file with this content.
fn scan(content: impl AsRef<[u8]>) -> Result<DataSet, CatalogError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("va.csv");
    fs::write(&path, content).unwrap();
    register(&path)
}

/// The error for this content, without the folder's name.
fn refused(content: impl AsRef<[u8]>) -> String {
    let error = scan(content).expect_err("the file is broken").to_string();
    let (_, tail) = error.split_once("va.csv").expect("the file is named");
    format!("va.csv{tail}")
}

#[test]
fn a_schema_counts_what_columns_hold() {
    let set = scan("y, mean radius ,note,gap\n1,2.5,ok,\n0,NA,3,NA\n").unwrap();
    assert_eq!((set.name(), set.rows()), ("heart", 2));
    let seen: Vec<_> =
        set.columns().iter().map(|c| (&*c.name, c.numeric, c.missing, c.text, c.kind())).collect();
    assert_eq!(
        seen,
        [
            ("y", 2, 0, 0, ColumnKind::Numeric),
            ("mean radius", 1, 1, 0, ColumnKind::Numeric),
            ("note", 1, 0, 1, ColumnKind::Text),
            ("gap", 0, 2, 0, ColumnKind::Empty),
        ]
    );
    assert!(set.column("mean radius").is_ok());
}

#[test]
fn lineage_stays_and_fingerprint_changes_with_the_rows() {
    let (one, two) = (scan("y\n1\n").unwrap(), scan("y\n2\n").unwrap());
    assert_eq!(one.lineage(), two.lineage());
    assert_ne!(one.fingerprint(), two.fingerprint());
    assert_eq!(one.fingerprint(), scan("y\n1\n").unwrap().fingerprint());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, "y\n1\n").unwrap();
    let at = |site: &str, name: &str| {
        let source = Source { name: name.into(), path: path.clone() };
        Catalog::new(site, [source]).unwrap().0.data_set(name).unwrap().lineage()
    };
    assert_ne!(at("va", "heart"), at("hungarian", "heart"));
    assert_ne!(at("va", "heart"), at("va", "lung"));
}

#[test]
fn what_is_tolerated() {
    for (content, rows) in [
        ("\u{feff}y,x\r\n1,2\r\n", 1),
        ("y,x\n1,2", 1),
        ("\n\ny,x\n\n1,2\n\r\n3,4\n\n", 2),
        ("\"y\",\"x\"\n\"1\",\"2\"\n", 1),
        ("y,x\n1,\"two\nlines, \"\"quoted\"\"\"\n", 1),
    ] {
        let set = scan(content).unwrap_or_else(|error| panic!("{error}: {content:?}"));
        let names: Vec<_> = set.columns().iter().map(|c| &*c.name).collect();
        assert_eq!((set.rows(), names), (rows, vec!["y", "x"]), "{content:?}");
    }
}

#[test]
fn every_broken_file_is_refused_with_its_place() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "va.csv is empty"),
        (b"\xef\xbb\xbf", "va.csv is empty"),
        (b"\n\r\n", "va.csv is empty"),
        (b"y,x\n", "va.csv has a header and no rows"),
        (b"y,x\n\n\n", "va.csv has a header and no rows"),
        (b"y,x,y\n1,2,3\n", "va.csv, line 1: columns 1 and 3 are both named \"y\""),
        (b"y, y\n1,2\n", "va.csv, line 1: columns 1 and 2 are both named \"y\""),
        (b"y,,x\n1,2,3\n", "va.csv, line 1: column 2 of the header has no name"),
        (b"\ny,\"  \"\n1,2\n", "va.csv, line 2: column 2 of the header has no name"),
        (b"63,1\n1,2\n", "va.csv, line 1: column 1 of the header is a number"),
        (b"y,x\n1,2\n1,2,3\n", "va.csv, line 3: 3 fields, but the header has 2"),
        (b"y,x\n1\n", "va.csv, line 2: 1 fields, but the header has 2"),
        (b"y,x\n\n1,\"a\nb\"\n\n1\n", "va.csv, line 6: 1 fields, but the header has 2"),
        (b"y;x\n1,5;2\n", "the file seems to be separated by semicolons: save it with commas"),
        (b"y,x\n1,2\n1,\xff\n", "va.csv, line 3, column \"x\": not UTF-8"),
        (b"y,gr\xf6\xdfe\n1,2\n", "va.csv, line 1, column 2: not UTF-8"),
        (b"\xff\xfey\0,\0x\0\n\0", "va.csv is in UTF-16"),
        (b"\xfe\xff\0y\0,\0x\0\n", "va.csv is in UTF-16"),
        (b"y\0,\0x\0\n\x001\0,\x002\0\n", "va.csv is in UTF-16"),
        (b"y,x\r1,2\r3,4\r", "va.csv, line 1: a carriage return inside a line"),
        (b"y,x\n1,2\n1,\"2\n3,4\n", "va.csv, line 3: a quoted field that begins in this row"),
    ];
    for (content, says) in cases {
        let error = refused(content);
        assert!(error.contains(says), "{error}\nwanted: {says}");
    }
}

#[test]
fn a_missing_column_says_which_exist() {
    let missing = |content: &str| {
        let set = scan(content).unwrap();
        set.column("age").unwrap_err().to_string()
    };
    let error = missing("y,Age\n1,2\n");
    assert!(error.contains("has no column \"age\"; its columns: \"y\", \"Age\""), "{error}");
    assert!(missing("y;age\n1;2\n").contains("separated by semicolons"));
    assert!(missing("y\tage\n1\t2\n").contains("separated by tabs"));
    let many: Vec<_> = (0..50).map(|i| format!("c{i}")).collect();
    let error = missing(&format!("{}\n{}\n", many.join(","), ["1"; 50].join(",")));
    assert!(error.contains("\"c39\" and 10 more") && !error.contains("c40"), "{error}");
}

#[test]
fn what_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = register(folder.path()).unwrap_err().to_string();
    assert!(error.contains("is a directory; register the path of one CSV file"), "{error}");
    let error = register(&folder.path().join("no.csv")).unwrap_err().to_string();
    assert!(error.contains("no.csv: there is no such file"), "{error}");
    let error = register(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(error.contains("a pipe or a device"), "{error}");
}

#[test]
fn names_of_data_sets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, "y\n1\n").unwrap();
    let with = |names: &[&str]| {
        let source = |name: &&str| Source { name: (*name).into(), path: path.clone() };
        Catalog::new("va", names.iter().map(source)).map(|(catalog, _)| catalog)
    };
    assert!(matches!(with(&["a", "a"]), Err(CatalogError::Name { name }) if name == "a"));
    assert!(matches!(with(&[" "]), Err(CatalogError::Name { .. })));
    let error = with(&["a", "b"]).unwrap().data_set("c").unwrap_err().to_string();
    assert_eq!(error, "no data set is registered as \"c\"; registered: \"a\", \"b\"");
}

#[test]
fn limits_hold() {
    let row = "x".repeat(limits::MAX_ROW_BYTES);
    assert!(refused(format!("y\n1\n{row}\n")).contains("line 3: the row has more than 1048576"));
    // A quote that is never closed may not gather the rest of the file.
    let lines = "0123456789\n".repeat(limits::MAX_ROW_BYTES / 10);
    assert!(refused(format!("y\n\"{lines}")).contains("line 2: the row has more than"));
    let header = |n: usize| {
        let names: Vec<_> = (0..n).map(|i| format!("c{i}")).collect();
        format!("{}\n{}\n", names.join(","), vec!["1"; n].join(","))
    };
    assert_eq!(scan(header(limits::MAX_COLUMNS)).unwrap().columns().len(), limits::MAX_COLUMNS);
    for more in [1, 2, 3, 100] {
        let error = refused(header(limits::MAX_COLUMNS + more));
        assert!(error.contains("line 1: more than 8192 columns"), "{error}");
    }
    let name = "n".repeat(limits::MAX_COLUMN_NAME + 1);
    assert!(refused(format!("{name}\n1\n")).contains("the name of column 1 exceeds 256 bytes"));
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("va.csv");
    // A hole: takes no space, and reading it would take seconds.
    fs::File::create(&path).unwrap().set_len(limits::MAX_FILE_BYTES + 1).unwrap();
    assert!(matches!(register(&path), Err(CatalogError::FileTooLarge { .. })));
}

#[test]
fn rows_across_blocks_keep_their_lines() {
    let mut content = String::from("y,x\n");
    for i in 0..40_000 {
        content.push_str(&format!("{i},{}\n", i % 7));
    }
    let set = scan(&content).unwrap();
    assert_eq!((set.rows(), set.column("x").unwrap().numeric), (40_000, 40_000));
    content.push_str("1\n");
    assert!(refused(&content).contains("line 40002: 1 fields"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = scan(content);
    }

    #[test]
    fn arbitrary_csv_never_panics_and_counts_every_cell(
        content in "(y|x|,|\"|\n|\r|1|NA|;|\u{e9}){0,80}",
    ) {
        if let Ok(set) = scan(&content) {
            for column in set.columns() {
                prop_assert_eq!(column.numeric + column.missing + column.text, set.rows());
            }
        }
    }
}
