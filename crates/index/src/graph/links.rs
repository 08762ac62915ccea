//! Who is linked to whom.
//!
//! File, little-endian u32 but for the magic: `WFGYHNSW`, version 2, number of nodes n, links a node
//! m, number of layers, number of nodes in each layer from the lowest (n first); the row of each
//! node; then each layer from the lowest: for each of its nodes, which are the first ones, m places
//! (2 m in the lowest) with links to nodes of the layer in the first and 2³² − 1 in the rest.
//! Node 0 is in every layer and is where searches begin.

use std::io::{self, Write};

use super::nodes::Nodes;

pub(super) const MAGIC: &[u8; 8] = b"WFGYHNSW";
pub(super) const VERSION: u32 = 2;
/// A place without a link.
pub(super) const NONE: u32 = u32::MAX;

/// A number as it stands in a file.
pub(super) type Word = [u8; 4];

/// One layer: `width` places for each of its nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) words: &'a [Word],
    pub(super) width: usize,
}

impl Layer<'_> {
    fn places(&self, node: u32) -> &[Word] {
        &self.words[node as usize * self.width..][..self.width]
    }

    /// The links of `node`, which must be in the layer.
    pub(super) fn links(&self, node: u32) -> impl Iterator<Item = u32> {
        let places = self.places(node).iter();
        places.map(|word| u32::from_le_bytes(*word)).take_while(|link| *link != NONE)
    }

    /// Asks for the links of `node` ahead of their use.
    pub(super) fn prefetch(&self, node: u32) {
        wfgy_kernel::prefetch(self.places(node));
    }
}

/// Places of a node in a layer.
pub(super) fn width(layer: usize, m: usize) -> usize {
    if layer == 0 { 2 * m } else { m }
}

/// A graph in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    pub(super) nodes: Nodes,
    m: usize,
    layers: Vec<Vec<Word>>,
}

impl Links {
    /// Nodes without a link.
    pub(super) fn new(nodes: Nodes, m: usize) -> Self {
        let place = NONE.to_le_bytes();
        let layers = nodes.counts.iter().enumerate();
        let layers = layers.map(|(l, count)| vec![place; count * width(l, m)]).collect();
        Self { nodes, m, layers }
    }

    /// About how many bytes a graph takes: lists of all layers and rows.
    pub(super) fn bytes(n: usize, m: usize) -> usize {
        // Above the lowest layer there are n / (m − 1) lists.
        4 * (n * (2 * m + 1) + n * m / (m - 1))
    }

    pub(super) fn layer(&self, layer: usize) -> Layer<'_> {
        Layer { words: &self.layers[layer], width: width(layer, self.m) }
    }

    /// Replaces the links of `node`; those beyond its places are left out.
    pub(super) fn set(&mut self, layer: usize, node: u32, links: impl Iterator<Item = u32>) {
        let width = width(layer, self.m);
        let places = &mut self.layers[layer][node as usize * width..][..width];
        for (place, link) in places.iter_mut().zip(links.chain(std::iter::repeat(NONE))) {
            *place = link.to_le_bytes();
        }
    }

    /// Gives every node a way in. Full lists drop links, which can leave a node, or a group of equal
    /// vectors, with links out and none in: no query would ever find them.
    ///
    /// Such a node takes the last place of a neighbour that can be reached, or of the entry, and
    /// takes over the link that stood there, so that nothing else is lost.
    pub(super) fn repair(&mut self) {
        let n = self.nodes.order.len();
        let mut reached = vec![false; n];
        let mut open = vec![0u32];
        reached[0] = true;
        for node in 0..n as u32 {
            while let Some(from) = open.pop() {
                for link in self.layer(0).links(from) {
                    if !std::mem::replace(&mut reached[link as usize], true) {
                        open.push(link);
                    }
                }
            }
            if std::mem::replace(&mut reached[node as usize], true) {
                continue;
            }
            let mut own: Vec<u32> = self.layer(0).links(node).collect();
            let from = own.iter().copied().find(|link| reached[*link as usize] && *link != node);
            let from = from.unwrap_or(0);
            let mut theirs: Vec<u32> = self.layer(0).links(from).collect();
            if theirs.len() == width(0, self.m) {
                own.truncate(width(0, self.m) - 1);
                if let Some(taken) = theirs.pop()
                    && !own.contains(&taken)
                {
                    own.push(taken);
                }
                self.set(0, node, own.into_iter());
            }
            theirs.push(node);
            self.set(0, from, theirs.into_iter());
            open.push(node);
        }
    }

    /// Writes the file that [`Hnsw::open`](super::Hnsw::open) reads.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(MAGIC)?;
        let counts = &self.nodes.counts;
        let head = [VERSION as usize, self.nodes.order.len(), self.m, counts.len()];
        for number in head.iter().chain(counts) {
            out.write_all(&u32::try_from(*number).map_err(io::Error::other)?.to_le_bytes())?;
        }
        for row in &self.nodes.order {
            out.write_all(&row.to_le_bytes())?;
        }
        self.layers.iter().try_for_each(|words| out.write_all(words.as_flattened()))
    }
}
