//! Opening: only with a permit, only the permitted columns, only the bytes that were decided about.

use std::fs;
use std::path::PathBuf;

use ripieno_catalog::{
    Authority, Catalog, CatalogError, Field, Fields, Permit, PermitError, Sieve, Source, Table,
    Terms, Unfit, Why,
};
use ripieno_study::manifest::{DataSpec, Missing};
use ripieno_study::{Hasher, Tag};
use tempfile::TempDir;

const CONTENT: &str = "id,y,age,note\n7,1,63,smoker\n8,0,NA,\"two\nlines\"\n9,1,41,-\n";
const NOW: u64 = 1000;

struct Site {
    _folder: TempDir,
    path: PathBuf,
    catalog: Catalog,
    authority: Authority,
}

fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("va.csv");
    fs::write(&path, CONTENT).unwrap();
    let source = Source { name: "heart".into(), path: path.clone() };
    let (catalog, authority) = Catalog::new("va", [source]).unwrap();
    Site { _folder: folder, path, catalog, authority }
}

fn terms(features: &[&str]) -> Terms {
    Terms {
        study: Hasher::new(Tag::Study).part("study").finish(),
        data: DataSpec {
            dataset: "heart".into(),
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
    }
}

impl Site {
    fn permit(&self, features: &[&str]) -> Permit {
        self.authority.permit(&self.catalog, terms(features)).unwrap()
    }

    fn open(&self, permit: &Permit, now: u64) -> Result<Table, CatalogError> {
        open(&self.catalog, &self.authority, permit, now)
    }
}

/// Opens the columns as they are.
fn open(
    catalog: &Catalog,
    authority: &Authority,
    permit: &Permit,
    now: u64,
) -> Result<Table, CatalogError> {
    let mut sieve = Plain { width: permit.reads().count(), every_other: false, rows: 0 };
    catalog.open(authority, permit, now, &mut sieve)
}

/// Takes numbers as they are, of all rows or of every other.
struct Plain {
    width: usize,
    every_other: bool,
    rows: u64,
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
        self.rows += 1;
        let keeps = !self.every_other || self.rows.is_multiple_of(2);
        if !keeps {
            values.truncate(values.len() - self.width);
        }
        Ok(keeps)
    }
}

#[test]
fn a_row_that_the_sieve_takes_out_is_read_and_not_kept() {
    let site = site();
    let mut terms = terms(&["age"]);
    terms.also = vec!["id".into()];
    let permit = site.authority.permit(&site.catalog, terms).unwrap();
    let mut sieve = Plain { width: 3, every_other: true, rows: 0 };
    let table = site.catalog.open(&site.authority, &permit, NOW, &mut sieve).unwrap();
    let rows: Vec<_> = table.rows().map(|row| (row.line, row.values[2])).collect();
    assert_eq!(rows, [(3, 8.0)]);
    let reads: Vec<_> = site.catalog.reads().iter().map(|read| read.cells).collect();
    assert_eq!(reads, [3, 3, 3], "age, id and y of three rows");
}

#[test]
fn a_plan_is_part_of_what_a_permit_is_for() {
    let site = site();
    let plain = site.permit(&["age"]);
    assert_eq!(plain.content(), plain.fingerprint());
    let planned = |name: &str| {
        let mut terms = terms(&["age"]);
        terms.plan = Some(Hasher::new(Tag::View).part(name).finish());
        site.authority.permit(&site.catalog, terms).unwrap().content()
    };
    assert_ne!(planned("a"), plain.content());
    assert_ne!(planned("a"), planned("b"));
    let mut unknown = terms(&["age"]);
    unknown.also = vec!["consent".into()];
    let error = site.authority.permit(&site.catalog, unknown).unwrap_err();
    assert!(matches!(error, CatalogError::MissingColumn { .. }));
}

#[test]
fn a_permit_opens_its_columns_and_counts_them() {
    let site = site();
    let table = site.open(&site.permit(&["age"]), NOW).unwrap();
    let names: Vec<_> = table.columns().iter().map(|name| &**name).collect();
    assert_eq!((names, table.len()), (vec!["y", "age"], 3));
    let rows: Vec<_> = table.rows().collect();
    assert_eq!((rows[0].line, rows[0].values), (2, &[1.0, 63.0][..]));
    assert_eq!((rows[1].line, rows[1].values[0]), (3, 0.0));
    assert!(rows[1].values[1].is_nan());
    assert_eq!(rows[2].line, 5, "the row before it has two lines");
    assert!(table.place(rows[2], 1).to_string().ends_with("va.csv, line 5, column \"age\""));

    // The column of text was not read as numbers, or the opening would have failed.
    let reads = site.catalog.reads();
    let seen: Vec<_> = reads.iter().map(|r| (&*r.dataset, &*r.column, r.opened, r.cells)).collect();
    assert_eq!(seen, [("heart", "age", 1, 3), ("heart", "y", 1, 3)]);
    site.open(&site.permit(&["id"]), NOW).unwrap();
    let seen: Vec<_> =
        site.catalog.reads().iter().map(|r| (r.column.to_string(), r.opened, r.cells)).collect();
    assert_eq!(seen, [("age".into(), 1, 3), ("id".into(), 1, 3), ("y".into(), 2, 6)]);
}

#[test]
fn registering_reads_nothing_that_leaves() {
    assert!(site().catalog.reads().is_empty());
}

#[test]
fn text_in_a_permitted_column_is_named_by_place_and_never_shown() {
    let site = site();
    let error = site.open(&site.permit(&["note"]), NOW).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("va.csv, line 2, column \"note\": not a finite number"), "{text}");
    assert!(!text.contains("smoker"), "{text}");
    assert_eq!(site.catalog.reads()[0].cells, 1, "what was read before the fault counts");
}

#[test]
fn neither_table_nor_catalogue_show_values() {
    let site = site();
    let table = site.open(&site.permit(&["age"]), NOW).unwrap();
    let shown = format!("{table:?} {:?}", site.catalog);
    assert!(shown.contains("rows: 3"), "{shown}");
    for value in ["63.0", "41.0", "smoker"] {
        assert!(!shown.contains(value), "{shown}");
    }
}

#[test]
fn an_expired_permit_opens_nothing() {
    let site = site();
    let error = site.open(&site.permit(&["age"]), NOW + 1).unwrap_err();
    let expired = PermitError::Expired { dataset: "heart".into(), expires: NOW + 1 };
    assert!(matches!(error, CatalogError::Permit(ref e) if *e == expired), "{error}");
    assert!(site.catalog.reads().is_empty());
}

#[test]
fn a_permit_and_an_authority_serve_their_own_catalogue_only() {
    let (one, two) = (site(), site());
    let other = |result: Result<_, CatalogError>| {
        matches!(result, Err(CatalogError::Permit(PermitError::OtherCatalog)))
    };
    let permit = one.permit(&["age"]);
    assert!(other(two.open(&permit, NOW).map(drop)));
    assert!(other(open(&one.catalog, &two.authority, &permit, NOW).map(drop)));
    assert!(other(two.authority.permit(&one.catalog, terms(&["age"])).map(drop)));
}

#[test]
fn a_permit_is_for_columns_that_exist() {
    let site = site();
    let error = site.authority.permit(&site.catalog, terms(&["weight"])).unwrap_err();
    assert!(matches!(error, CatalogError::MissingColumn { ref column, .. } if column == "weight"));
    let mut other = terms(&["age"]);
    other.data.dataset = "lung".into();
    let error = site.authority.permit(&site.catalog, other).unwrap_err();
    assert!(matches!(error, CatalogError::UnknownDataSet { .. }));
}

#[test]
fn a_file_that_changed_since_the_decision_opens_no_more() {
    let contents = [
        CONTENT.replace("63", "64"),
        format!("{CONTENT}10,1,50,-\n"),
        CONTENT.replace("63", "old"),
        "other\n1\n".into(),
        String::new(),
        "\u{0}\"".into(),
    ];
    for content in contents {
        let site = site();
        let permit = site.permit(&["age"]);
        fs::write(&site.path, &content).unwrap();
        let error = site.open(&permit, NOW).unwrap_err();
        let changed = matches!(error, CatalogError::Permit(PermitError::Changed { .. }));
        assert!(changed, "{content:?}: {error}");
    }
    let site = site();
    let permit = site.permit(&["age"]);
    fs::remove_file(&site.path).unwrap();
    assert!(matches!(site.open(&permit, NOW), Err(CatalogError::NotFound { .. })));
}
