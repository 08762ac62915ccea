//! A model's tensors, as f32.

use std::ops::Range;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensors};
use wfgy_core::Digest;
use wfgy_kernel::MappedFile;

use crate::OpenError;

/// An opened `model.safetensors`.
pub(crate) struct WeightFile {
    map: MappedFile,
    path: PathBuf,
}

/// Its tensors by name.
pub(crate) struct Weights<'a> {
    metadata: Metadata,
    /// The file from its first tensor on.
    bytes: &'a [u8],
    /// Where in the file that is.
    start: usize,
    path: &'a Path,
    /// What the publisher put before every name: nothing, `bert.` or the like.
    prefix: String,
}

/// A matrix that stays in the mapped file, so that its rows are memory of nobody's.
pub(crate) struct MappedRows {
    range: Range<usize>,
    format: Format,
    width: usize,
}

/// How a tensor's values are stored, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    F32,
    F16,
    BF16,
}

impl WeightFile {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let map = MappedFile::open(path).map_err(|e| OpenError::from_io(path, e.source))?;
        Ok(Self { map, path: path.to_owned() })
    }

    /// SHA-256 of all bytes.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.map.bytes())
    }

    /// Its tensors; `probe` is a name, without prefix, that the model must have.
    pub(crate) fn tensors(&self, probe: &str) -> Result<Weights<'_>, OpenError> {
        let bytes = self.map.bytes();
        let (header, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|error| OpenError::invalid(&self.path, "header", error))?;
        let prefix = metadata
            .offset_keys()
            .iter()
            .filter_map(|name| name.strip_suffix(probe))
            .find(|prefix| matches!(*prefix, "" | "bert." | "roberta." | "camembert."))
            .map(str::to_owned)
            .ok_or_else(|| OpenError::invalid(&self.path, probe, "there is no such tensor"))?;
        // The header's own length is 8 bytes; read_metadata has checked that all tensors fit.
        let start = 8 + header;
        Ok(Weights { metadata, bytes: &bytes[start..], start, path: &self.path, prefix })
    }

    /// Row `i` of a matrix of this file.
    pub(crate) fn row(&self, rows: &MappedRows, i: usize) -> impl Iterator<Item = f32> {
        let length = rows.width * rows.format.bytes();
        let row = &self.map.bytes()[rows.range.clone()][i * length..][..length];
        rows.format.values(row)
    }
}

impl Weights<'_> {
    /// The tensor `name`, row-major; its shape must be `shape` and its values finite.
    pub(crate) fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, OpenError> {
        let (range, format) = self.find(name, shape)?;
        let values: Vec<f32> = format.values(&self.bytes[range]).collect();
        self.finite(name, values.iter().copied())?;
        Ok(values)
    }

    /// The matrix `name`, checked like [`get`](Self::get) and left where it is.
    pub(crate) fn rows(&self, name: &str, shape: [usize; 2]) -> Result<MappedRows, OpenError> {
        let (range, format) = self.find(name, &shape)?;
        self.finite(name, format.values(&self.bytes[range.clone()]))?;
        let range = self.start + range.start..self.start + range.end;
        Ok(MappedRows { range, format, width: shape[1] })
    }

    fn find(&self, name: &str, shape: &[usize]) -> Result<(Range<usize>, Format), OpenError> {
        let full = format!("{}{name}", self.prefix);
        let tensor: &TensorInfo = self
            .metadata
            .info(&full)
            .ok_or_else(|| OpenError::invalid(self.path, &full, "there is no such tensor"))?;
        if tensor.shape != shape {
            let problem = format!("has shape {:?}, config.json says {shape:?}", tensor.shape);
            return Err(OpenError::invalid(self.path, &full, problem));
        }
        let format = match tensor.dtype {
            Dtype::F32 => Format::F32,
            Dtype::F16 => Format::F16,
            Dtype::BF16 => Format::BF16,
            other => {
                let field = format!("{full}: dtype");
                let found = format!("{other:?}");
                return Err(OpenError::unsupported(self.path, field, found, "F32, F16, BF16"));
            }
        };
        Ok((tensor.data_offsets.0..tensor.data_offsets.1, format))
    }

    fn finite(&self, name: &str, mut values: impl Iterator<Item = f32>) -> Result<(), OpenError> {
        let Some(i) = values.position(|value| !value.is_finite()) else { return Ok(()) };
        let problem = format!("value {i} is not finite; fetch the model again");
        Err(OpenError::invalid(self.path, format!("{}{name}", self.prefix), problem))
    }
}

impl Format {
    /// Bytes of a value.
    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }

    fn values(self, data: &[u8]) -> impl Iterator<Item = f32> {
        data.chunks_exact(self.bytes()).map(move |b| match (self, b) {
            (Self::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Self::F16, &[a, b]) => half::f16::from_le_bytes([a, b]).to_f32(),
            (Self::BF16, &[a, b]) => half::bf16::from_le_bytes([a, b]).to_f32(),
            // A chunk has as many bytes as its format.
            _ => f32::NAN,
        })
    }
}
