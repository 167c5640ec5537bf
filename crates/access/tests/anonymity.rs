//! The search through the lattice: tables worked out by hand, and all small tables at random.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use ripieno_access::anonymity::{AnonymityError, Anonymous, Requirement, search};

/// Levels of a column of numbers: as they are, then bands of these widths, 0 for one band.
fn bands(values: &[u32], widths: &[u32]) -> Vec<Vec<u32>> {
    let band =
        |width: &u32| values.iter().map(|value| value.checked_div(*width).unwrap_or(0)).collect();
    std::iter::once(values.to_vec()).chain(widths.iter().map(band)).collect()
}

/// Six patients: age, postcode, disease.
fn patients() -> (Vec<Vec<Vec<u32>>>, Vec<u32>) {
    let age = bands(&[31, 32, 38, 45, 47, 61], &[10, 50, 0]);
    let postcode = bands(&[1010, 1010, 1020, 1010, 1020, 1020], &[100, 0]);
    (vec![age, postcode], vec![1, 2, 1, 1, 1, 2])
}

fn asked(k: u64, l: u64, suppress: u64) -> Requirement {
    Requirement { k, l, suppress }
}

#[test]
fn the_least_generalisation_by_hand() {
    let (quasi, _) = patients();
    // Bands of 10 years are {31,32,38}, {45,47}, {61}; of 50 years {31..47}, {61}. With one row
    // taken out, bands of 10 and one region (1000 to 1099) are enough for two rows each. As the
    // region has all postcodes, its next level changes nothing. One band of all ages is enough with
    // postcodes as they are: three and three.
    let found = search(&quasi, None, asked(2, 1, 1)).unwrap();
    assert_eq!(found.minimal, [[1, 1], [2, 0]]);
    // 50 years with postcodes: {31,32,45} at 1010, {38,47} at 1020, {61} out.
    // Bits lost: ages are 6 values, so all bits are 6 log2 6 + 6 log2 2 = 15.51 + 6 = 21.51.
    // [1,1]: ages 3 log2 3 + 2 log2 2 = 6.75, postcodes 5 log2 2 = 5; the row out 2.58 + 1: 15.34.
    // [2,0]: ages 5 log2 5 = 11.61; the row out 3.58: 15.19. So it is [2, 0].
    assert_eq!(found.levels, [2, 0]);
    assert_eq!(found.suppressed, [false, false, false, false, false, true]);
    assert_eq!(found.classes, 2);
    let log = |number: f64| number * number.log2();
    let bits = (log(5.0) + 6_f64.log2() + 1.0) / (log(6.0) + 6.0);
    assert!((found.loss.entropy - bits).abs() < 1e-12, "{:?}", found.loss);
    assert_eq!(found.loss.discernibility, 9.0 + 4.0 + 6.0);
    // Levels 2 of 3 and 0 of 2 for five rows of six, all for the sixth.
    let precision = (2.0 / 3.0 / 2.0) * 5.0 / 6.0 + 1.0 / 6.0;
    assert!((found.loss.precision - precision).abs() < 1e-12, "{:?}", found.loss);
}

#[test]
fn without_suppression_it_takes_coarser_levels() {
    let (quasi, _) = patients();
    let found = search(&quasi, None, asked(3, 1, 0)).unwrap();
    assert_eq!((found.levels, found.classes), (vec![3, 0], 2));
    assert!(found.suppressed.iter().all(|out| !out));
    // 3 rows three times, twice.
    assert_eq!(found.loss.discernibility, 18.0);
}

#[test]
fn diversity_asks_for_more_than_anonymity() {
    let (quasi, sensitive) = patients();
    let alone = search(&quasi, None, asked(2, 1, 1)).unwrap();
    let diverse = search(&quasi, Some(&sensitive), asked(2, 2, 1)).unwrap();
    // At [2, 0] the two rows at 1020 have the same disease, and it would take three rows out.
    assert_eq!(alone.levels, [2, 0]);
    assert_eq!(diverse.minimal, [[2, 1], [3, 0]]);
    let one = vec![1; 6];
    let error = search(&quasi, Some(&one), asked(2, 2, 5)).unwrap_err();
    assert_eq!(error, AnonymityError::Unreachable { k: 2, l: 2 });
}

#[test]
fn what_cannot_be_searched_is_named() {
    let (mut quasi, _) = patients();
    assert_eq!(
        search(&quasi, None, asked(7, 1, 5)).unwrap_err(),
        AnonymityError::Unreachable { k: 7, l: 1 }
    );
    quasi[0].swap(0, 1);
    assert_eq!(
        search(&quasi, None, asked(2, 1, 0)).unwrap_err(),
        AnonymityError::NotNested { column: 0, level: 1 }
    );
    quasi[1][0].pop();
    assert_eq!(
        search(&quasi[1..], None, asked(2, 1, 0)).unwrap_err(),
        AnonymityError::Ragged { column: 0 }
    );
    let wide = vec![vec![vec![1, 2]; 9]; 5];
    assert_eq!(search(&wide, None, asked(2, 1, 0)).unwrap_err(), AnonymityError::TooManyNodes);
}

/// The definition, row by row, without the classes of the search.
fn holds(
    quasi: &[Vec<Vec<u32>>],
    sensitive: &[u32],
    levels: &[usize],
    asked: Requirement,
) -> (bool, Vec<bool>) {
    let mut classes: BTreeMap<Vec<u32>, (u64, BTreeSet<u32>)> = BTreeMap::new();
    let key = |row: usize| -> Vec<u32> {
        quasi.iter().zip(levels).map(|(column, level)| column[*level][row]).collect()
    };
    for (row, value) in sensitive.iter().enumerate() {
        let class = classes.entry(key(row)).or_default();
        class.0 += 1;
        class.1.insert(*value);
    }
    let out: Vec<bool> = (0..sensitive.len())
        .map(|row| {
            let (rows, values) = &classes[&key(row)];
            *rows < asked.k || (values.len() as u64) < asked.l
        })
        .collect();
    let gone = out.iter().filter(|out| **out).count() as u64;
    (gone <= asked.suppress, out)
}

fn below(levels: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    (0..levels.len()).filter(|column| levels[*column] > 0).map(|column| {
        let mut low = levels.to_vec();
        low[column] -= 1;
        low
    })
}

proptest! {
    #[test]
    fn the_outcome_holds_and_nothing_below_it_does(
        rows in prop::collection::vec((0_u32..60, 0_u32..40, 0_u32..3), 1..40),
        k in 1_u64..6,
        l in 1_u64..4,
        suppress in 0_u64..6,
    ) {
        let ages: Vec<_> = rows.iter().map(|row| row.0).collect();
        let places: Vec<_> = rows.iter().map(|row| row.1).collect();
        let sensitive: Vec<_> = rows.iter().map(|row| row.2).collect();
        let quasi = vec![bands(&ages, &[5, 20, 0]), bands(&places, &[10, 0])];
        let asked = asked(k, l, suppress);
        match search(&quasi, Some(&sensitive), asked) {
            Ok(Anonymous { levels, suppressed, minimal, loss, .. }) => {
                prop_assert_eq!((true, suppressed), holds(&quasi, &sensitive, &levels, asked));
                prop_assert!(minimal.contains(&levels));
                for node in &minimal {
                    prop_assert!(holds(&quasi, &sensitive, node, asked).0);
                    for low in below(node) {
                        prop_assert!(!holds(&quasi, &sensitive, &low, asked).0, "{low:?}");
                    }
                }
                let all = (0..4).flat_map(|age| (0..3).map(move |place| vec![age, place]));
                for node in all.filter(|node| holds(&quasi, &sensitive, node, asked).0) {
                    let covered = |low: &Vec<usize>| low.iter().zip(&node).all(|(low, high)| low <= high);
                    prop_assert!(minimal.iter().any(covered), "{node:?} was missed");
                }
                prop_assert!((0.0..=1.0).contains(&loss.entropy) && (0.0..=1.0).contains(&loss.precision));
            }
            Err(error) => {
                prop_assert_eq!(error, AnonymityError::Unreachable { k, l });
                prop_assert!(!holds(&quasi, &sensitive, &[3, 2], asked).0);
            }
        }
    }
}
