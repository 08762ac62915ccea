//! Which node is which row, and in which layers it is.

/// Most layers.
pub(crate) const MAX_LAYERS: usize = 16;

/// Rows by node. Nodes are numbered so that those of every layer are the first ones: the nodes of
/// the highest layer first, in each layer those that are only in it in an order of luck.
/// Node 0 is the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nodes {
    /// Row of each node.
    pub(crate) order: Vec<u32>,
    /// Number of nodes in each layer, from the lowest, which has all.
    pub(crate) counts: Vec<usize>,
}

impl Nodes {
    /// Nodes for `n` rows. A row is in layer `l` with probability `m^-l` (Malkov and Yashunin 2016),
    /// drawn by hashing it; luck, not the corpus, decides which neighbours come into one batch.
    pub(crate) fn new(n: usize, m: usize, seed: u64) -> Self {
        let mut drawn: Vec<(std::cmp::Reverse<usize>, u64, u32)> = (0..n as u32)
            .map(|row| {
                let hash = mix(seed, row);
                (std::cmp::Reverse(level(hash, m)), mix(!hash, row), row)
            })
            .collect();
        drawn.sort_unstable();
        let top = drawn.first().map_or(0, |(level, _, _)| level.0);
        let counts = (0..=top)
            .map(|layer| drawn.partition_point(|(level, _, _)| level.0 >= layer))
            .collect();
        Self { order: drawn.into_iter().map(|(_, _, row)| row).collect(), counts }
    }

    /// Highest layer of a node.
    pub(crate) fn level(&self, node: u32) -> usize {
        self.counts.iter().take_while(|count| (node as usize) < **count).count() - 1
    }
}

/// Level of a row by its hash, in integers: the same on every machine.
fn level(hash: u64, m: usize) -> usize {
    let mut bound = u64::MAX / m as u64;
    let mut level = 0;
    while hash < bound && level + 1 < MAX_LAYERS {
        level += 1;
        bound /= m as u64;
    }
    level
}

/// SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195).
pub(super) fn mix(seed: u64, row: u32) -> u64 {
    let step = 0x9e37_79b9_7f4a_7c15u64;
    let mut z = seed.wrapping_add(step.wrapping_mul(u64::from(row) + 1));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_one_node_and_layers_thin_out_by_m() {
        let nodes = Nodes::new(100_000, 16, 0);
        let mut rows = nodes.order.clone();
        rows.sort_unstable();
        assert!(rows.iter().copied().eq(0..100_000));
        assert!((5_500..7_000).contains(&nodes.counts[1]), "{:?}", nodes.counts);
        assert!((300..500).contains(&nodes.counts[2]), "{:?}", nodes.counts);
        assert!(nodes.counts.is_sorted_by(|a, b| a >= b));
        assert_eq!(nodes.level(0), nodes.counts.len() - 1);
        assert_eq!(nodes.level(99_999), 0);
        assert_eq!(nodes.level(nodes.counts[1] as u32), 0);
        assert_eq!(nodes.level(nodes.counts[1] as u32 - 1), 1);
    }

    #[test]
    fn seeds_give_orders_of_their_own() {
        assert_eq!(Nodes::new(500, 16, 3), Nodes::new(500, 16, 3));
        assert_ne!(Nodes::new(500, 16, 3).order, Nodes::new(500, 16, 4).order);
        assert_eq!(Nodes::new(1, 2, 0).counts.last(), Some(&1));
    }
}
