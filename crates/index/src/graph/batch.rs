//! Insertion in batches, the same on any number of threads.
//!
//! Every batch searches the graph of the nodes before it, in parallel and without changing it; then
//! links are added, grouped by the node that gets them, in the order of their keys (Manohar et al.,
//! ParlayANN, PPoPP 2024, doi:10.1145/3627535.3638475). Nodes of one batch do not see each other,
//! so a batch is a small share of what is there.

use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::links::{Links, width};
use super::nodes::Nodes;
use super::search::{Scratch, beam, greedy, key_of, select};
use super::space::{Key, Space, node_of, with_node};
use super::{HnswParams, LinkError};

/// A batch is this share of the nodes before it ...
const BATCH_SHARE: usize = 32;
/// ... and so many nodes at most.
const BATCH_MOST: usize = 4096;
/// Least work that is worth a task of its own.
const TASK: usize = 8;

/// A scratch for each thread.
struct Scratches(Vec<Mutex<Scratch>>);

impl Scratches {
    fn new(n: usize) -> Self {
        let scratch = |_| Mutex::new(Scratch::new(n));
        Self((0..rayon::current_num_threads()).map(scratch).collect())
    }

    fn mine(&self) -> MutexGuard<'_, Scratch> {
        let thread = rayon::current_thread_index().unwrap_or(0);
        // A scratch is in order at the begin of every search, whatever happened to its last user.
        self.0[thread % self.0.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Links all nodes of `space`, which are numbered as in `nodes`.
pub(super) fn link(
    space: &Space,
    nodes: Nodes,
    params: HnswParams,
    report: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Links, LinkError> {
    let n = space.len();
    let scratches = Scratches::new(n);
    let mut links = Links::new(nodes, params.m);
    let mut done = 1;
    while done < n {
        let size = (done / BATCH_SHARE).clamp(1, BATCH_MOST).min(n - done);
        let chosen = choose(space, &links, done..done + size, params, &scratches);
        for layer in 0..links.nodes.counts.len() {
            connect(space, &mut links, layer, &chosen, params, &scratches);
        }
        done += size;
        if report(done).is_break() {
            return Err(LinkError::Interrupted);
        }
    }
    Ok(links)
}

/// A new node and its links in each of its layers, from the lowest.
type Chosen = (u32, Vec<Vec<Key>>);

/// Finds the links of new nodes among those that are linked.
fn choose(
    space: &Space,
    links: &Links,
    batch: std::ops::Range<usize>,
    params: HnswParams,
    scratches: &Scratches,
) -> Vec<Chosen> {
    let batch = batch.start as u32..batch.end as u32;
    // Down to the highest layer of each.
    let descend = |node: u32| {
        let mut scratch = scratches.mine();
        let probe = space.probe_node(node);
        let entry = key_of(space, &probe, 0, &mut scratch);
        let above = (links.nodes.level(node) + 1..links.nodes.counts.len()).rev();
        let down = |at, layer| greedy(space, links.layer(layer), &probe, at, &mut scratch);
        (above.fold(entry, down), node)
    };
    let mut entries: Vec<(Key, u32)> =
        batch.into_par_iter().with_min_len(TASK).map(descend).collect();
    // Neighbours one after the other: they read the same rows.
    entries.par_sort_unstable_by_key(|(entry, node)| (node_of(*entry), *node));
    let choose = |(entry, node): (Key, u32)| {
        let mut scratch = scratches.mine();
        let probe = space.probe_node(node);
        let mut found = vec![entry];
        let mut lists = vec![Vec::new(); links.nodes.level(node) + 1];
        for (layer, list) in lists.iter_mut().enumerate().rev() {
            let ef = params.ef_construction;
            beam(space, links.layer(layer), &probe, &found, ef, &mut scratch);
            found.clear();
            found.extend(scratch.found());
            *list = select(space, found.iter().copied(), params.m, &mut scratch);
        }
        (node, lists)
    };
    let mut chosen: Vec<Chosen> = entries.into_par_iter().with_min_len(TASK).map(choose).collect();
    chosen.par_sort_unstable_by_key(|(node, _)| *node);
    chosen
}

/// Writes the links of new nodes in one layer, and links back to them.
fn connect(
    space: &Space,
    links: &mut Links,
    layer: usize,
    chosen: &[Chosen],
    params: HnswParams,
    scratches: &Scratches,
) {
    let mut back: Vec<(u32, Key)> = Vec::new();
    for (node, lists) in chosen {
        let Some(list) = lists.get(layer) else { continue };
        links.set(layer, *node, list.iter().map(|key| node_of(*key)));
        back.extend(list.iter().map(|key| (node_of(*key), with_node(*key, *node))));
    }
    back.par_sort_unstable();
    let groups: Vec<&[(u32, Key)]> = back.chunk_by(|a, b| a.0 == b.0).collect();
    let room = width(layer, params.m);
    let extend = |group: &&[(u32, Key)]| {
        let node = group[0].0;
        let mut list: Vec<u32> = links.layer(layer).links(node).collect();
        let new = group.iter().map(|(_, key)| *key);
        if list.len() + group.len() <= room {
            list.extend(new.map(node_of));
            return list;
        }
        let mut scratch = scratches.mine();
        let mut keys = Vec::new();
        space.keys(&space.probe_node(node), &list, &mut Vec::new(), &mut keys);
        keys.extend(new);
        keys.sort_unstable();
        select(space, keys.into_iter(), room, &mut scratch).into_iter().map(node_of).collect()
    };
    let lists: Vec<Vec<u32>> = groups.par_iter().with_min_len(TASK).map(extend).collect();
    for (group, list) in groups.iter().zip(lists) {
        links.set(layer, group[0].0, list.into_iter());
    }
}
