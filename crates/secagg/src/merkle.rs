//! Binary Merkle trees over digests that are already leaves (their tag differs from the nodes').
//!
//! Nodes are paired from the left; a last node without a partner moves up unchanged, which gives
//! the tree of RFC 6962.

use ripieno_study::{Digest, Hasher, Tag};

/// A tree with all its nodes: for whoever needs many paths.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The leaves first, then the parents of each level, up to the root.
    levels: Vec<Vec<Digest>>,
    tag: Tag,
}

impl Tree {
    /// Over these leaves, with `tag` for the inner nodes.
    #[must_use]
    pub fn new(tag: Tag, leaves: Vec<Digest>) -> Self {
        let mut levels = Vec::new();
        let mut level = leaves;
        while level.len() > 1 {
            let above = parents(tag, &level);
            levels.push(level);
            level = above;
        }
        levels.push(level);
        Self { levels, tag }
    }

    /// As [`root`].
    #[must_use]
    pub fn root(&self) -> Digest {
        let top = self.levels.last().and_then(|level| level.first());
        top.copied().unwrap_or_else(|| Hasher::new(self.tag).finish())
    }

    /// As [`path`].
    #[must_use]
    pub fn path(&self, index: usize) -> Vec<Digest> {
        let sibling = |(height, level): (u32, &Vec<Digest>)| {
            level.get(index.unbounded_shr(height) ^ 1).copied()
        };
        let below_the_root = self.levels.len().saturating_sub(1);
        (0..).zip(&self.levels).take(below_the_root).filter_map(sibling).collect()
    }
}

/// Root of `leaves`, with `tag` for the inner nodes. No leaves have the root H(tag).
#[must_use]
pub fn root(tag: Tag, leaves: &[Digest]) -> Digest {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = parents(tag, &level);
    }
    level.first().copied().unwrap_or_else(|| Hasher::new(tag).finish())
}

/// The siblings on the way from leaf `index` to the root, lowest first.
#[must_use]
pub fn path(tag: Tag, leaves: &[Digest], index: usize) -> Vec<Digest> {
    Tree::new(tag, leaves.to_vec()).path(index)
}

/// How many digests the path of leaf `index` of `count` leaves has.
#[must_use]
pub fn path_length(index: usize, count: usize) -> usize {
    let (mut index, mut count, mut length) = (index, count, 0);
    while count > 1 {
        length += usize::from(index ^ 1 < count);
        (index, count) = (index / 2, count.div_ceil(2));
    }
    length
}

/// The root that `leaf` at `index` of `count` leaves has with this path; `None` where the path has
/// the wrong length.
#[must_use]
pub fn root_from_path(
    tag: Tag,
    leaf: Digest,
    index: usize,
    count: usize,
    path: &[Digest],
) -> Option<Digest> {
    if index >= count {
        return None;
    }
    let (mut node, mut index, mut count) = (leaf, index, count);
    let mut siblings = path.iter();
    while count > 1 {
        if index ^ 1 < count {
            let sibling = *siblings.next()?;
            node = if index % 2 == 0 { join(tag, node, sibling) } else { join(tag, sibling, node) };
        }
        (index, count) = (index / 2, count.div_ceil(2));
    }
    siblings.next().is_none().then_some(node)
}

fn parents(tag: Tag, level: &[Digest]) -> Vec<Digest> {
    let parent = |pair: &[Digest]| match pair {
        [left, right] => join(tag, *left, *right),
        // `chunks(2)` yields one or two.
        other => other.first().copied().unwrap_or_else(|| Hasher::new(tag).finish()),
    };
    level.chunks(2).map(parent).collect()
}

fn join(tag: Tag, left: Digest, right: Digest) -> Digest {
    Hasher::new(tag).part(left).part(right).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u64) -> Vec<Digest> {
        (0..count).map(|n| Hasher::new(Tag::ShareLeaf).number(n).finish()).collect()
    }

    #[test]
    fn every_path_leads_to_the_root_and_to_no_other() {
        for count in 1..20 {
            let leaves = leaves(count as u64);
            let root = root(Tag::ShareNode, &leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                let path = path(Tag::ShareNode, &leaves, index);
                assert_eq!(path.len(), path_length(index, count));
                let found = |leaf, index, path: &[Digest]| {
                    root_from_path(Tag::ShareNode, leaf, index, count, path)
                };
                assert_eq!(found(*leaf, index, &path), Some(root));
                let other = Hasher::new(Tag::ShareLeaf).finish();
                assert_ne!(found(other, index, &path), Some(root));
                assert_ne!(found(*leaf, (index + 1) % (count + 1), &path), Some(root));
                let mut longer = path.clone();
                longer.push(other);
                assert_eq!(found(*leaf, index, &longer), None, "a path too long");
                if let Some((_, shorter)) = path.split_last() {
                    assert_eq!(found(*leaf, index, shorter), None, "a path too short");
                }
            }
        }
    }
}
