//! Searches of one layer or down all of them.

use super::links::Layer;
use super::space::{Key, Probe, Space, distance_of, node_of};

/// Set in a key whose node's links were followed.
const FOLLOWED: Key = 1;

/// Room that searches work in, kept from one to the next.
#[derive(Debug)]
pub(super) struct Scratch {
    /// By node: the search that saw it last.
    seen: Vec<u8>,
    search: u8,
    /// The closest so far, ascending.
    beam: Vec<Key>,
    fresh: Vec<u32>,
    /// Links of the node that is likely to be followed next.
    ahead: Vec<u32>,
    dots: Vec<i32>,
    keys: Vec<Key>,
}

impl Scratch {
    /// For graphs of up to `n` nodes.
    pub(super) fn new(n: usize) -> Self {
        let (beam, dots, keys) = (Vec::new(), Vec::new(), Vec::new());
        let (fresh, ahead) = (Vec::new(), Vec::new());
        Self { seen: vec![0; n], search: 0, beam, fresh, ahead, dots, keys }
    }

    /// What the last [`beam`] found, closest first.
    pub(super) fn found(&self) -> impl Iterator<Item = Key> {
        self.beam.iter().map(|key| key & !FOLLOWED)
    }

    fn begin(&mut self) {
        self.search = self.search.wrapping_add(1);
        if self.search == 0 {
            self.seen.fill(0);
            self.search = 1;
        }
    }
}

/// The key of one node.
pub(super) fn key_of(space: &Space, probe: &Probe, node: u32, scratch: &mut Scratch) -> Key {
    space.keys(probe, &[node], &mut scratch.dots, &mut scratch.keys);
    scratch.keys[0]
}

/// The closest node that greedy steps from `entry` come to in `layer`.
pub(super) fn greedy(
    space: &Space,
    layer: Layer<'_>,
    probe: &Probe,
    entry: Key,
    scratch: &mut Scratch,
) -> Key {
    let Scratch { fresh, dots, keys, .. } = scratch;
    let mut best = entry;
    loop {
        fresh.clear();
        fresh.extend(layer.links(node_of(best)));
        space.keys(probe, fresh, dots, keys);
        match keys.iter().min() {
            Some(closer) if *closer < best => best = *closer,
            _ => return best,
        }
    }
}

/// Finds the closest `ef` nodes of `layer` that can be reached from `entries` through nodes among
/// the closest `ef` (Malkov and Yashunin 2016, algorithm 2); they are in `scratch` then.
pub(super) fn beam(
    space: &Space,
    layer: Layer<'_>,
    probe: &Probe,
    entries: &[Key],
    ef: usize,
    scratch: &mut Scratch,
) {
    scratch.begin();
    let Scratch { seen, search, beam, fresh, ahead, dots, keys } = scratch;
    beam.clear();
    beam.extend_from_slice(entries);
    beam.sort_unstable();
    beam.truncate(ef);
    for key in entries {
        seen[node_of(*key) as usize] = *search;
    }
    let mut next = 0;
    let mut foreseen = None;
    while let Some(key) = beam.get_mut(next) {
        if *key & FOLLOWED != 0 {
            next += 1;
            continue;
        }
        *key |= FOLLOWED;
        let node = node_of(*key);
        next += 1;
        if foreseen == Some(node) {
            std::mem::swap(fresh, ahead);
        } else {
            unseen(layer, node, seen, *search, fresh);
        }
        // A damaged file may have a link twice.
        fresh.retain(|link| std::mem::replace(&mut seen[*link as usize], *search) != *search);
        // What will be followed next, but for closer ones that this node leads to.
        let then = beam[next..].iter().find(|key| **key & FOLLOWED == 0);
        foreseen = then.map(|key| node_of(*key));
        if let Some(node) = foreseen {
            unseen(layer, node, seen, *search, ahead);
            ahead.iter().for_each(|link| space.prefetch(*link));
        }
        space.keys(probe, fresh, dots, keys);
        for key in keys.iter() {
            if beam.len() >= ef {
                if beam.last().is_some_and(|last| key > last) {
                    continue;
                }
                beam.pop();
            }
            layer.prefetch(node_of(*key));
            let at = beam.partition_point(|kept| kept < key);
            beam.insert(at, *key);
            next = next.min(at);
        }
    }
}

/// The links of `node` that this search has not seen, into `fresh`.
fn unseen(layer: Layer<'_>, node: u32, seen: &[u8], search: u8, fresh: &mut Vec<u32>) {
    fresh.resize(layer.width, 0);
    let mut count = 0;
    for link in layer.links(node) {
        // Without a branch: which links are new cannot be foretold.
        fresh[count] = link;
        count += usize::from(seen[link as usize] != search);
    }
    fresh.truncate(count);
}

/// Of `candidates`, ascending by their closeness to some node, at most `most` that are as close to
/// it as to any chosen before them (Malkov and Yashunin 2016, algorithm 4, without filling up).
pub(super) fn select(
    space: &Space,
    candidates: impl Iterator<Item = Key>,
    most: usize,
    scratch: &mut Scratch,
) -> Vec<Key> {
    let Scratch { fresh: nodes, dots, keys, .. } = scratch;
    nodes.clear();
    let mut chosen = Vec::with_capacity(most);
    for candidate in candidates {
        if chosen.len() == most {
            break;
        }
        let probe = space.probe_node(node_of(candidate));
        // In steps: what is left out is mostly closer to one of the first.
        let closer_to_one = nodes.chunks(4).any(|some| {
            space.keys(&probe, some, dots, keys);
            keys.iter().any(|key| distance_of(*key) < distance_of(candidate))
        });
        if !closer_to_one {
            chosen.push(candidate);
            nodes.push(node_of(candidate));
        }
    }
    chosen
}
