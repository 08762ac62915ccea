//! The mapped vectors of an index.

use std::path::Path;
use std::sync::OnceLock;

use rayon::prelude::*;
use wfgy_core::Norm;
use wfgy_formats::{InputError, Place, npy};
use wfgy_kernel::{Isa, MappedFile, Packed, Scored, Similarity, norm_f64};

/// `vectors.npy`, mapped: row-major f32.
#[derive(Debug)]
pub(crate) struct Vectors {
    map: MappedFile,
    header: npy::Header,
    /// The rows as exact search reads them: made when it is first asked, which costs a fifth of
    /// a search for 1,000 queries, and less than hashing them would if they were stored.
    packed: OnceLock<Packed>,
}

/// How far the norm of a vector that is stored with unit norm may be from 1.
const UNIT_TOLERANCE: f64 = 1e-5;

impl Vectors {
    pub(crate) fn open(path: &Path) -> Result<Self, InputError> {
        let map = MappedFile::open(path)
            .map_err(|error| InputError::file(path, format!("cannot be read: {}", error.source)))?;
        Self::of(map)
    }

    pub(crate) fn of(map: MappedFile) -> Result<Self, InputError> {
        let bytes = map.bytes();
        let header = npy::Header::parse(bytes, bytes.len() as u64)
            .map_err(|problem| InputError::file(map.path(), problem))?;
        if map.f32_from(header.data).is_none() {
            let problem = "its values cannot be mapped on this machine";
            return Err(InputError::file(map.path(), problem));
        }
        Ok(Self { map, header, packed: OnceLock::new() })
    }

    pub(crate) fn rows(&self) -> usize {
        self.header.rows
    }

    pub(crate) fn dim(&self) -> usize {
        self.header.columns
    }

    /// All values.
    pub(crate) fn values(&self) -> &[f32] {
        self.map.f32_from(self.header.data).unwrap_or_default()
    }

    /// One row. `position` must be below [`Self::rows`].
    pub(crate) fn row(&self, position: u32) -> &[f32] {
        let start = position as usize * self.dim();
        &self.values()[start..start + self.dim()]
    }

    /// The best `k` rows of every query, exactly; see [`Packed::search`].
    pub(crate) fn nearest(
        &self,
        similarity: Similarity,
        queries: &[f32],
        k: usize,
    ) -> Vec<Vec<Scored>> {
        let isa = Isa::active();
        let packed = self.packed.get().unwrap_or_else(|| {
            // Made before the cell is entered: its threads may take up a search that comes here.
            let made = Packed::new(isa, self.values(), self.dim());
            self.packed.get_or_init(|| made)
        });
        packed.search(isa, similarity, self.values(), queries, k)
    }

    /// Checks that every row is finite, is not zero and has the norm that is declared.
    pub(crate) fn check(&self, norm: Norm) -> Result<(), InputError> {
        let rows = self.values().par_chunks_exact(self.dim()).enumerate();
        let wrong = rows.find_map_first(|(i, row)| {
            let length = norm_f64(row);
            let problem = if !length.is_finite() {
                "holds a value that is not finite".to_owned()
            } else if length == 0.0 {
                "is zero, which has no direction".to_owned()
            } else if norm == Norm::L2 && (length - 1.0).abs() > UNIT_TOLERANCE {
                format!("has norm {length} where NORM says 1")
            } else {
                return None;
            };
            let byte = self.header.data + i * self.dim() * 4;
            let place = Place::Byte(byte as u64);
            Some(InputError::at(self.map.path(), place, format!("row {i} {problem}")))
        });
        wrong.map_or(Ok(()), Err)
    }
}
