//! The lattice of generalisations: a level for each quasi-identifier.

/// A level for each quasi-identifier, 0 the finest.
pub(super) type Node = Vec<usize>;

/// Number of nodes below and at `top`; `None` where it overflows.
pub(super) fn size(top: &[usize]) -> Option<usize> {
    top.iter().try_fold(1_usize, |size, level| size.checked_mul(level.checked_add(1)?))
}

/// All nodes, those with lower levels first: by the sum of the levels, then in order.
pub(super) fn nodes(top: &[usize]) -> Vec<Node> {
    let mut all: Vec<Node> = vec![Vec::new()];
    for most in top {
        let wider = all.iter().flat_map(|node| {
            (0..=*most).map(|level| {
                let mut node = node.clone();
                node.push(level);
                node
            })
        });
        all = wider.collect();
    }
    all.sort_by_key(|node| (node.iter().sum::<usize>(), node.clone()));
    all
}

/// Whether `high` is as coarse as `low` in each column.
pub(super) fn covers(high: &[usize], low: &[usize]) -> bool {
    high.iter().zip(low).all(|(high, low)| high >= low)
}
