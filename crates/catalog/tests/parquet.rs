//! Parquet files: the same table as a CSV file, of which only the named columns are read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch,
    StringArray,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use ripieno_catalog::{
    Authority, Catalog, CatalogError, ColumnKind, Field, Fields, Permit, PermitError, SemanticType,
    Sieve, Source, Terms, Unfit, Why,
};
use ripieno_study::manifest::{DataSpec, Missing};
use ripieno_study::{Hasher, Tag};
use tempfile::TempDir;

const NOW: u64 = 1000;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, group: usize) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// So many patients, a row group for each thousand.
fn patients(path: &Path, rows: i64) {
    let ages = (0..rows).map(|row| (row % 10 != 0).then_some(f64::from(row as i32 % 80)));
    let mails: Vec<_> = (0..rows).map(|row| format!("p{row}@example.org")).collect();
    write(
        path,
        vec![
            ("id", Arc::new(Int64Array::from_iter_values((0..rows).map(|row| (1 << 60) + row)))),
            ("email", Arc::new(StringArray::from(mails))),
            ("y", Arc::new(BooleanArray::from_iter((0..rows).map(|row| Some(row % 2 == 0))))),
            ("age", Arc::new(Float64Array::from_iter(ages))),
            ("seen", Arc::new(Date32Array::from_iter_values((0..rows).map(|row| row as i32)))),
        ],
        1000,
    );
}

/// Numbers as they are.
struct Plain {
    width: usize,
}

impl Sieve for Plain {
    fn width(&self) -> usize {
        self.width
    }

    fn sift(&mut self, row: &dyn Fields, values: &mut Vec<f64>) -> Result<bool, Unfit> {
        for column in 0..self.width {
            let field = row.field(column);
            let missing = field == Field::Missing;
            let value = if missing { Some(f64::NAN) } else { field.number() };
            values.push(value.ok_or(Unfit { column, why: Why::NotANumber })?);
        }
        Ok(true)
    }
}

struct Site {
    _folder: TempDir,
    path: PathBuf,
    catalog: Catalog,
    authority: Authority,
}

fn register(path: &Path) -> Result<(Catalog, Authority), CatalogError> {
    Catalog::new("va", [Source { name: "t".into(), path: path.into() }])
}

fn site(rows: i64) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    patients(&path, rows);
    let (catalog, authority) = register(&path).unwrap();
    Site { _folder: folder, path, catalog, authority }
}

impl Site {
    fn permit(&self, features: &[&str]) -> Permit {
        let terms = Terms {
            study: Hasher::new(Tag::Study).part("study").finish(),
            data: DataSpec {
                dataset: "t".into(),
                outcome: "y".into(),
                features: features.iter().map(|name| (*name).into()).collect(),
                missing: Missing::Error,
            },
            purpose: "research".into(),
            releases: 10,
            minimum_rows: 1,
            expires: NOW + 1,
            also: Vec::new(),
            plan: None,
        };
        self.authority.permit(&self.catalog, terms).unwrap()
    }

    fn open(&self, features: &[&str]) -> Result<ripieno_catalog::Table, CatalogError> {
        let permit = self.permit(features);
        let mut sieve = Plain { width: features.len() + 1 };
        self.catalog.open(&self.authority, &permit, NOW, &mut sieve)
    }

    /// Changes a byte in the middle of the first part of a column.
    fn damage(&self, column: usize) {
        let reader = SerializedFileReader::new(File::open(&self.path).unwrap()).unwrap();
        let (start, length) = reader.metadata().row_group(0).column(column).byte_range();
        let mut bytes = fs::read(&self.path).unwrap();
        for byte in &mut bytes[start as usize..(start + length) as usize] {
            *byte ^= 0x55;
        }
        fs::write(&self.path, bytes).unwrap();
    }
}

#[test]
fn a_schema_and_suggestions_are_those_of_the_values() {
    let site = site(2500);
    let set = site.catalog.data_set("t").unwrap();
    assert_eq!(set.rows(), 2500);
    let kinds: Vec<_> = set.columns().iter().map(|c| (&*c.name, c.kind(), c.missing)).collect();
    let expected = [
        ("id", ColumnKind::Numeric, 0),
        ("email", ColumnKind::Text, 0),
        ("y", ColumnKind::Numeric, 0),
        ("age", ColumnKind::Numeric, 250),
        ("seen", ColumnKind::Text, 0),
    ];
    assert_eq!(kinds, expected);
    let suggestions = site.catalog.suggest("t").unwrap();
    assert_eq!(suggestions[1].kind, SemanticType::Email);
    assert_eq!(suggestions[3].kind, SemanticType::Age);
}

#[test]
fn permitted_columns_are_read_across_row_groups_in_the_order_of_the_permit() {
    let site = site(2500);
    let table = site.open(&["age"]).unwrap();
    let names: Vec<_> = table.columns().iter().map(|name| &**name).collect();
    assert_eq!((names, table.len()), (vec!["y", "age"], 2500));
    for (number, row) in table.rows().enumerate() {
        assert_eq!((row.line, row.values[0]), (number as u64 + 1, ((number + 1) % 2) as f64));
        match number % 10 {
            0 => assert!(row.values[1].is_nan()),
            _ => assert_eq!(row.values[1], (number % 80) as f64),
        }
    }
    let reads: Vec<_> =
        site.catalog.reads().iter().map(|r| (r.column.to_string(), r.cells)).collect();
    assert_eq!(reads, [("age".to_owned(), 2500), ("y".to_owned(), 2500)]);
}

/// A pseudonym made of a rounded number would join two persons.
#[test]
fn whole_numbers_that_no_float_holds_keep_their_digits() {
    struct Texts(Vec<String>);
    impl Sieve for Texts {
        fn width(&self) -> usize {
            0
        }

        fn sift(&mut self, row: &dyn Fields, _: &mut Vec<f64>) -> Result<bool, Unfit> {
            self.0.push(row.field(1).text().unwrap().into_owned());
            Ok(true)
        }
    }
    let site = site(3);
    let permit = site.permit(&["id"]);
    let mut texts = Texts(Vec::new());
    site.catalog.open(&site.authority, &permit, NOW, &mut texts).unwrap();
    let expected: Vec<_> = (0..3).map(|row| ((1_u64 << 60) + row).to_string()).collect();
    assert_eq!(texts.0, expected);
}

/// The bytes of a column that nobody named are never looked at: ruined ones go unnoticed.
#[test]
fn no_byte_of_another_column_is_read() {
    let site = site(2500);
    for other in [0, 1, 4] {
        site.damage(other);
    }
    assert_eq!(site.open(&["age"]).unwrap().len(), 2500);
    let error = site.open(&["id"]).unwrap_err();
    assert!(matches!(error, CatalogError::Permit(PermitError::Changed { .. })), "{error}");
}

#[test]
fn a_table_whose_named_columns_changed_opens_no_more() {
    let grown = site(2500);
    patients(&grown.path, 2501);
    let ruined = site(2500);
    ruined.damage(3);
    let other = site(2500);
    write(&other.path, vec![("y", Arc::new(Float64Array::from(vec![1.0])))], 10);
    let none = site(2500);
    fs::write(&none.path, "y,age\n1,2\n").unwrap();
    for site in [grown, ruined, other, none] {
        let error = site.open(&["age"]).unwrap_err();
        assert!(matches!(error, CatalogError::Permit(PermitError::Changed { .. })), "{error}");
    }
    let gone = site(10);
    fs::remove_file(&gone.path).unwrap();
    assert!(matches!(gone.open(&["age"]), Err(CatalogError::NotFound { .. })));
}

#[test]
fn the_fingerprint_is_of_the_values_and_not_of_how_they_are_packed() {
    let folder = tempfile::tempdir().unwrap();
    let print = |numbers: Vec<f64>, group: usize| {
        let path = folder.path().join("t.parquet");
        write(&path, vec![("y", Arc::new(Float64Array::from(numbers)))], group);
        register(&path).unwrap().0.data_set("t").unwrap().fingerprint()
    };
    assert_eq!(print(vec![1.0, 2.0, 3.0], 1), print(vec![1.0, 2.0, 3.0], 3));
    assert_ne!(print(vec![1.0, 2.0, 3.0], 3), print(vec![2.0, 1.0, 3.0], 3));
}

#[test]
fn text_in_a_permitted_column_is_named_by_place_and_never_shown() {
    let error = site(10).open(&["email"]).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("line 1, column \"email\": not a finite number"), "{text}");
    assert!(!text.contains("example.org"), "{text}");
}

#[test]
fn files_that_are_no_table_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let refused = || register(&path).unwrap_err().to_string();
    for (content, expected) in [
        (&b""[..], "too short"),
        (b"y,x\n1,2\n3,4\n", "does not end as one"),
        (b"PAR1\xff\xff\xff\xffPAR1", "description is too long"),
        (b"PAR1\xff\x00\x00\x00PAR1", "cut off"),
        (b"PAR1\x00\x00\x00\x00PAR1", "description is damaged"),
    ] {
        fs::write(&path, content).unwrap();
        assert!(refused().contains(expected), "{}", refused());
    }
    write(&path, vec![("y", Arc::new(BinaryArray::from(vec![&b"\xff"[..]])))], 10);
    assert!(refused().contains("column \"y\" holds lists, structures or bytes"), "{}", refused());
    write(&path, vec![(" ", Arc::new(Float64Array::from(vec![1.0])))], 10);
    assert!(refused().contains("a column has no name"), "{}", refused());
    write(&path, vec![("y", Arc::new(Float64Array::from(Vec::<f64>::new())))], 10);
    assert!(refused().contains("has a header and no rows"), "{}", refused());
}

/// The byte says how a page is encoded: the crate panicked.
#[test]
fn repro_a_damaged_file_panicked_in_its_decoder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let mut refused = 0;
    patients(&path, 20);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        refused += u32::from(register(&path).is_err());
    }
    assert!(refused > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_damaged_file_is_refused_and_ends_nothing(at in 0_usize..4000, flip in 1_u8.., cut in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        patients(&path, 20);
        let mut bytes = fs::read(&path).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if cut {
            bytes.drain(..at);
        }
        fs::write(&path, bytes).unwrap();
        let _ = register(&path);
    }
}
