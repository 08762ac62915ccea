//! Graphs that find near vectors without looking at all of them.

use std::io::{self, Write};

use crate::hnsw::Hnsw;

/// A position in the corpus and how close it is; greater is closer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Near {
    pub(crate) position: u32,
    pub(crate) score: f64,
}

/// A graph over corpus positions: it knows who is linked to whom, not the vectors.
pub(crate) trait Graph: Send + Sync {
    /// Walks towards what `score` (greater is closer) likes best, keeping `ef` candidates, and
    /// gives every position it looked at in the lowest layer, each once, in no order.
    ///
    /// All of them, so that the caller can rescore whatever its own error bound allows.
    fn explore(&self, score: &dyn Fn(u32) -> f64, ef: usize) -> Vec<Near>;

    /// Writes the file that [`open`] reads.
    fn write(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// Reads the graph of an index of `n` snippets.
///
/// # Errors
/// What is wrong with the file, a lower-case fragment.
pub(crate) fn open(bytes: &[u8], n: usize) -> Result<Box<dyn Graph>, String> {
    Ok(Box::new(Hnsw::read(bytes, n)?))
}

/// Parameters of a hierarchical navigable small world graph (Malkov and Yashunin 2016).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HnswParams {
    /// Links a node keeps in each layer, twice as many in the lowest; 2 to 256.
    pub m: usize,
    /// Candidates kept while a node is inserted; `m` to 65536.
    pub ef_construction: usize,
    /// Candidates kept while a query is answered, at least; 1 to 65536.
    pub ef: usize,
}

/// A parameter out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} = {value}: expected {least} to {most}")]
pub struct HnswParamError {
    /// `m`, `ef-construction` or `ef`.
    pub name: &'static str,
    /// What was given.
    pub value: usize,
    /// Least value that is allowed.
    pub least: usize,
    /// Greatest value that is allowed.
    pub most: usize,
}

impl Default for HnswParams {
    fn default() -> Self {
        Self { m: 16, ef_construction: 200, ef: 128 }
    }
}

impl HnswParams {
    /// Checks every range.
    ///
    /// # Errors
    /// [`HnswParamError`] with the first parameter out of its range.
    pub fn check(self) -> Result<(), HnswParamError> {
        for (name, value, least, most) in [
            ("m", self.m, 2, 256),
            ("ef-construction", self.ef_construction, self.m, 65_536),
            ("ef", self.ef, 1, 65_536),
        ] {
            if !(least..=most).contains(&value) {
                return Err(HnswParamError { name, value, least, most });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_out_of_range_are_named() {
        let good = HnswParams::default();
        assert!(good.check().is_ok());
        for (bad, name) in [
            (HnswParams { m: 1, ..good }, "m = 1"),
            (HnswParams { m: 257, ..good }, "m = 257"),
            (HnswParams { ef_construction: 15, ..good }, "ef-construction = 15: expected 16"),
            (HnswParams { ef: 0, ..good }, "ef = 0"),
            (HnswParams { ef: 70_000, ..good }, "ef = 70000"),
        ] {
            assert!(bad.check().unwrap_err().to_string().starts_with(name));
        }
    }
}
