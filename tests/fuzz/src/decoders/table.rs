//! A site's table.

use ripieno_catalog::{Catalog, Source};

use super::{fair, folder};
use crate::allocations::within;

/// A file of comma-separated values: it is registered with as many rows as it has, or refused with
/// a place.
pub fn table(data: &[u8]) {
    let path = folder().join("table.csv");
    std::fs::write(&path, data).expect("the folder can be written");
    let source = || Source { name: "made".into(), path: path.clone() };
    within(fair(data.len()), || {
        let Ok((catalog, authority)) = Catalog::new("site", [source()]) else { return };
        let set = catalog.data_set("made").expect("it was registered");
        let columns = set.columns().len();
        assert!(columns >= 1 && set.rows() <= data.len() as u64, "{} rows", set.rows());
        drop(authority);
    });
}
