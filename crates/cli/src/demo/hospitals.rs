//! The Wisconsin breast-cancer table, dealt to four hospitals.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use smartcore::dataset::breast_cancer;

/// The outcome column: 1 where the tumour is malignant.
pub(crate) const OUTCOME: &str = "malignant";
/// The features. All thirty together would separate the tumours without error, so that no
/// regression has an estimate; these do not.
pub(crate) const FEATURES: [&str; 4] =
    ["mean texture", "mean area", "mean smoothness", "mean symmetry"];

/// Columns that stand beside them and that no study may read.
pub(crate) const DENIED: [&str; 2] = ["name", "record_number"];

/// Made-up names: whoever finds one outside of a hospital's own folder has found a leak.
const FIRST: [&str; 12] = [
    "Adalind",
    "Bertrun",
    "Cosima",
    "Dietlind",
    "Eleuthera",
    "Fredegund",
    "Gislind",
    "Hiltrud",
    "Ingvild",
    "Jorinde",
    "Kunigund",
    "Leocadia",
];
const LAST: [&str; 12] = [
    "Quillfeather",
    "Ravenscrag",
    "Swanmantle",
    "Thistlewick",
    "Umberfold",
    "Vanderquell",
    "Wimblethorn",
    "Xanthopol",
    "Yarrowmere",
    "Zwickelstein",
    "Ashenhurst",
    "Brindlemoor",
];

/// The hospitals, and which of ten consecutive rows each gets.
const HOSPITALS: [(&str, &[usize]); 4] = [
    ("hospital-a", &[0, 3, 5, 9]),
    ("hospital-b", &[1, 4, 8]),
    ("hospital-c", &[2, 7]),
    ("hospital-d", &[6]),
];

/// Rows of one hospital.
#[derive(Debug)]
pub(crate) struct Hospital {
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// A tumour.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) malignant: bool,
    pub(crate) features: [f64; FEATURES.len()],
}

/// The table, dealt in tens.
pub(crate) fn hospitals() -> Vec<Hospital> {
    let rows = table();
    let of = |places: &[usize]| {
        let mine = rows.iter().enumerate().filter(|(at, _)| places.contains(&(at % 10)));
        mine.map(|(_, row)| row.clone()).collect()
    };
    HOSPITALS.iter().map(|(name, places)| Hospital { name, rows: of(places) }).collect()
}

/// Writes each hospital's table into a folder, as CSV, with the columns that are denied.
pub(crate) fn write(hospitals: &[Hospital], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for hospital in hospitals {
        let mut text = format!("{},{OUTCOME},{}\n", DENIED.join(","), FEATURES.join(","));
        for (number, row) in hospital.rows.iter().enumerate() {
            let cells: Vec<_> = row.features.iter().map(ToString::to_string).collect();
            // Writing to a string cannot fail.
            let [name, record] = person(hospital, number);
            let _ =
                writeln!(text, "{name},{record},{},{}", u8::from(row.malignant), cells.join(","));
        }
        fs::write(folder.join(format!("{}.csv", hospital.name)), text)?;
    }
    Ok(())
}

/// The made-up name and record number of a row.
fn person(hospital: &Hospital, row: usize) -> [String; 2] {
    let pick = |names: &[&'static str], at: usize| names.get(at % names.len()).copied();
    let first = pick(&FIRST, row).unwrap_or_default();
    let last = pick(&LAST, row / FIRST.len() + 5 * row).unwrap_or_default();
    // The last letter of its name tells hospitals apart.
    let letter = hospital.name.chars().last().unwrap_or('x').to_ascii_uppercase();
    [format!("{first} {last}"), format!("MRN-{letter}{:05}", 40_000 + 7 * row)]
}

fn table() -> Vec<Row> {
    let dataset = breast_cancer::load_dataset();
    let place = |name: &str| dataset.feature_names.iter().position(|other| other == name);
    let places = FEATURES.map(place);
    let rows = dataset.data.chunks(dataset.num_features.max(1)).zip(&dataset.target);
    rows.map(|(values, target)| Row {
        // The table's target is 1 for benign.
        malignant: *target == 0,
        features: places.map(|place| {
            decimal(place.and_then(|place| values.get(place)).copied().unwrap_or(f32::NAN))
        }),
    })
    .collect()
}

/// The number that was rounded to an `f32`: 17.99 and not 17.989999771118164.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_published_one_and_every_row_is_dealt_once() {
        let hospitals = hospitals();
        let sizes: Vec<_> = hospitals.iter().map(|hospital| hospital.rows.len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 569);
        assert!(sizes.windows(2).all(|pair| pair[0] > pair[1]), "{sizes:?}");
        let rows = || hospitals.iter().flat_map(|hospital| &hospital.rows);
        assert_eq!(rows().filter(|row| row.malignant).count(), 212);
        assert!(rows().all(|row| row.features.iter().all(|value| value.is_finite())));
        assert_eq!(hospitals[0].rows[0].features[1], 1001.0);
    }
}
