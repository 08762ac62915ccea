//! Draws that two implementations make alike: positions from a hash, no generator, no state.

use std::collections::BTreeSet;

use wfgy_core::Digest;

/// How many snippets a sample or a set of decoys holds, where there are so many.
pub const DRAWN: usize = 64;

/// Draws `want` distinct corpus positions below `n`, none of them in `excluded`; all that are
/// left where there are fewer. Ascending.
///
/// Draw j = 0, 1, … is (first 8 bytes, big-endian, of
/// sha256(tag ‖ 0x00 ‖ key ‖ 0x00 ‖ j in ASCII decimal)) mod n; one that repeats or is
/// excluded is skipped.
pub fn draw(tag: &str, key: &str, n: usize, want: usize, excluded: &BTreeSet<u32>) -> Vec<u32> {
    let eligible = || (0..n as u32).filter(|position| !excluded.contains(position));
    if eligible().take(want + 1).count() <= want {
        return eligible().collect();
    }
    let mut drawn = BTreeSet::new();
    let mut j = 0u64;
    while drawn.len() < want {
        let hash = Digest::of(format!("{tag}\0{key}\0{j}")).prefix_u64();
        let position = (hash % n as u64) as u32;
        if !excluded.contains(&position) {
            drawn.insert(position);
        }
        j += 1;
    }
    drawn.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_draw_is_the_hash_modulo_n_with_repeats_and_exclusions_skipped() {
        let hash = |j: usize| Digest::of(format!("decoy\0Q_1\0{j}")).prefix_u64() % 1000;
        let first: BTreeSet<u32> = (0..8).map(|j| hash(j) as u32).collect();
        assert_eq!(
            draw("decoy", "Q_1", 1000, first.len(), &BTreeSet::new()),
            Vec::from_iter(first)
        );
        let excluded = BTreeSet::from([hash(0) as u32]);
        let drawn = draw("decoy", "Q_1", 1000, DRAWN, &excluded);
        assert_eq!(drawn.len(), DRAWN);
        assert!(!drawn.contains(&(hash(0) as u32)) && drawn.contains(&(hash(1) as u32)));
        assert_ne!(drawn, draw("decoy", "Q_2", 1000, DRAWN, &excluded));
        assert_ne!(drawn, draw("integrity", "Q_1", 1000, DRAWN, &excluded));
    }

    #[test]
    fn rule_draw_gives_all_where_there_are_no_more() {
        let excluded = BTreeSet::from([1, 3]);
        assert_eq!(draw("decoy", "Q", 5, DRAWN, &excluded), [0, 2, 4]);
        assert_eq!(draw("decoy", "Q", 66, DRAWN, &excluded).len(), 64);
        assert_eq!(draw("decoy", "Q", 67, DRAWN, &excluded).len(), 64);
        assert!(draw("decoy", "Q", 0, DRAWN, &excluded).is_empty());
    }
}
