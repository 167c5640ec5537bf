//! Classification of made-up tables: what headers and values say, what is refused, and that nothing
//! of a table is in what is said.

use std::path::PathBuf;

use proptest::prelude::*;
use ripieno_catalog::{CatalogError, Class, MAX_SAMPLE_ROWS, SemanticType, Suggestion, classify};
use tempfile::TempDir;

fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

fn of(content: &str) -> Vec<Suggestion> {
    let (_folder, path) = file(content.as_bytes());
    classify(&path).unwrap()
}

/// A table of one column.
fn column(name: &str, values: &[&str]) -> Suggestion {
    let values: Vec<String> = values.iter().map(|value| format!("\"{value}\"\n")).collect();
    of(&format!("\"{name}\"\n{}", values.concat())).remove(0)
}

const IBANS: &[&str] =
    &["DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"];

/// Made up, with valid check digits: the check is the one of ISBN-10.
const NHS: &[&str] = &[
    "598 259 7910",
    "876 232 8603",
    "912 904 0477",
    "866 697 2513",
    "427 346 4683",
    "904 925 8999",
    "439 441 1777",
];

#[test]
fn values_decide_where_the_header_is_silent() {
    let cases: &[(&[&str], SemanticType)] = &[
        (&["a@example.org", "b.c@example.com"], SemanticType::Email),
        (IBANS, SemanticType::Iban),
        (NHS, SemanticType::NationalId),
        (&["0-306-40615-2", "0-8044-2957-X", "0-13-110362-8"], SemanticType::ProductCode),
        (&["192.0.2.1", "192.0.2.77"], SemanticType::IpAddress),
        (&["1950-03-04", "1987-11-30", "2001-01-02"], SemanticType::DateOfBirth),
        (&["2023-03-04 10:00", "2023-11-30 11:30"], SemanticType::Date),
        (&["I21.4", "E11", "C50.911"], SemanticType::Icd10),
        (&["Anna Schmidt", "Peter Müller", "Julia Weber"], SemanticType::PersonName),
        (&["12 Oak Street", "7 Mill Lane", "150 Main Road"], SemanticType::Address),
        (&["1.5", "2.25", "3.125"], SemanticType::Measure),
    ];
    for (values, kind) in cases {
        let found = column("v3", values);
        assert_eq!(found.kind, *kind, "{}", found.reason);
    }
}

#[test]
fn the_header_decides_where_values_allow_it_and_never_against_them() {
    let numbers = ["104", "98", "131", "122", "117", "99", "104", "98", "101"];
    assert_eq!(column("glucose", &numbers).kind, SemanticType::LabValue);
    let contradicted = column("patient_name", &numbers);
    assert_eq!(contradicted.class, Class::General);
    assert!(contradicted.reason.contains("which the values are not"), "{}", contradicted.reason);
    let hidden = column("category", &["a@example.org", "b@example.org"]);
    assert_eq!((hidden.class, hidden.kind), (Class::Direct, SemanticType::Email));
    let codes = [
        "10495469", "25806670", "84788746", "37031125", "17540107", "66120934", "50987712",
        "20145587",
    ];
    assert_eq!(column("mrn", &codes).kind, SemanticType::RecordNumber);
    assert_eq!(column("v1", &codes).class, Class::Direct);
    assert_eq!(column("Geburtsdatum", &["1.2.1950", "3.4.1960"]).kind, SemanticType::DateOfBirth);
    assert_eq!(
        column("data_ricovero", &["2020-01-02", "2020-03-04"]).kind,
        SemanticType::AdmissionDate
    );
}

#[test]
fn ages_of_ninety_and_more_narrow_a_person_down() {
    assert_eq!(column("age", &["34", "52", "71"]).class, Class::Sensitive);
    assert_eq!(column("age", &["34", "52", "93"]).class, Class::Quasi);
}

#[test]
fn texts_that_name_persons_are_told_from_lists_of_diseases() {
    let letters = [
        "My name is Anna and I live alone",
        "Dr. Smith saw him in the ward today",
        "Her mother called about the results",
    ];
    assert_eq!(column("comment", &letters).class, Class::Direct);
    let diseases = [
        "Acute infection of the lung",
        "Chronic failure of the heart",
        "Fracture of the left hip bone",
    ];
    assert_eq!(column("comment", &diseases).class, Class::Sensitive);
}

#[test]
fn nothing_of_a_table_is_in_a_reason() {
    let canary = "Zqxcanary";
    let rows: Vec<String> = (0..40)
        .map(|row| {
            format!("{canary} Smith{row},{canary}{row}@example.org,{canary}-{row:05},9{row:07}\n")
        })
        .collect();
    for header in ["name,mail,mrn,v1\n", "v1,v2,v3,v4\n", "age,sex,date,zip\n"] {
        for found in of(&format!("{header}{}", rows.concat())) {
            assert!(!found.reason.contains(canary), "{}", found.reason);
            assert!((0.0..=1.0).contains(&found.confidence), "{}", found.reason);
        }
    }
}

#[test]
fn a_long_file_is_read_to_its_end_and_sampled_throughout() {
    // The first rows look harmless; only behind the bound of the sample do addresses of mail begin.
    let rows = MAX_SAMPLE_ROWS * 4;
    let mut text = String::from("v1\n");
    for row in 0..rows {
        text.push_str(&if row < MAX_SAMPLE_ROWS {
            format!("word{row}\n")
        } else {
            format!("u{row}@example.org\n")
        });
    }
    assert_eq!(of(&text).remove(0).kind, SemanticType::Email);
    text.push_str("a,b\n");
    let (_folder, path) = file(text.as_bytes());
    let error = classify(&path).unwrap_err();
    assert!(
        matches!(error, CatalogError::Ragged { line, .. } if line as usize == rows + 2),
        "{error}"
    );
}

#[test]
fn bad_files_are_refused_with_their_line() {
    let long = [b"a\n".as_slice(), &vec![b'x'; 2 << 20]].concat();
    let cases: &[(&[u8], &str)] = &[
        (b"", "is empty"),
        (b"a,b\n", "has a header and no rows"),
        (b"a,b\n1,2\n3\n", "line 3: 1 fields, but the header has 2"),
        (b"a;b\n1;2\n", "line 1: one column only; the file seems to be separated by semicolons"),
        (b"a\tb\n1\t2\n", "separated by tabs"),
        (b"name\nM\xfcller\n", "line 2, column \"name\": not UTF-8"),
        (b"na\xefve\n1\n", "line 1, column 1: not UTF-8"),
        (b"\xff\xfea\0", "is in UTF-16"),
        (b"1,2\n3,4\n", "line 1: column 1 of the header is a number"),
        (
            b"Anna,1980-02-03\nPeter,1981-02-03\n",
            "line 1: column 2 of the header is a date or an e-mail",
        ),
        (
            b"a@example.org,x\nb@example.org,y\n",
            "line 1: column 1 of the header is a date or an e-mail",
        ),
        (b"a,\n1,2\n", "line 1: column 2 of the header has no name"),
        (b"a,a\n1,2\n", "columns 1 and 2 are both named"),
        (b"a\n\"x\n", "line 2: a quoted field that begins in this row is never closed"),
        (&long, "line 2: the row has more than"),
    ];
    for (content, words) in cases {
        let (_folder, path) = file(content);
        let error = classify(&path).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("t.csv"), "{error}");
        assert!(!error.contains("Anna") && !error.contains("example.org"), "{error}");
    }
    let (_folder, path) = file(b"\xef\xbb\xbfa,b\n1,2\n");
    assert_eq!(&*classify(&path).unwrap()[0].column, "a");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (_folder, path) = file(&bytes);
        let _ = classify(&path);
    }

    #[test]
    fn no_cells_make_it_panic(
        name in "[a-zA-Z_éß0-9 ]{1,12}",
        cells in proptest::collection::vec("[ -~äßłÉ−\u{a0}]{0,24}", 1..30),
    ) {
        let quoted = cells.iter().map(|cell| format!("\"{}\"\n", cell.replace('"', "\"\"")));
        let (_folder, path) = file(format!("c{name}\n{}", quoted.collect::<String>()).as_bytes());
        for found in classify(&path).unwrap_or_default() {
            prop_assert!((0.0..=1.0).contains(&found.confidence));
        }
    }

    #[test]
    fn no_cells_of_digits_and_signs_make_it_panic(
        cells in proptest::collection::vec("[0-9A-Za-z.:/@ +#-]{1,40}", 1..30),
    ) {
        let text = format!("v1\n{}\n", cells.join("\n"));
        let (_folder, path) = file(text.as_bytes());
        let _ = classify(&path);
    }
}
