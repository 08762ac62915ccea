//! A model's tensors, as f32.

use std::path::{Path, PathBuf};

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
    tensors: SafeTensors<'a>,
    path: &'a Path,
    /// What the publisher put before every name: nothing, `bert.` or the like.
    prefix: String,
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
        let tensors = SafeTensors::deserialize(self.map.bytes())
            .map_err(|error| OpenError::invalid(&self.path, "header", error))?;
        let prefix = tensors
            .names()
            .into_iter()
            .filter_map(|name| name.strip_suffix(probe))
            .find(|prefix| matches!(*prefix, "" | "bert." | "roberta." | "camembert."))
            .map(str::to_owned)
            .ok_or_else(|| OpenError::invalid(&self.path, probe, "there is no such tensor"))?;
        Ok(Weights { tensors, path: &self.path, prefix })
    }
}

impl Weights<'_> {
    /// The tensor `name` as f32, row-major; its shape must be `shape` and its values finite.
    pub(crate) fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, OpenError> {
        let full = format!("{}{name}", self.prefix);
        let tensor = self
            .tensors
            .tensor(&full)
            .map_err(|_| OpenError::invalid(self.path, &full, "there is no such tensor"))?;
        if tensor.shape() != shape {
            let problem = format!("has shape {:?}, config.json says {shape:?}", tensor.shape());
            return Err(OpenError::invalid(self.path, &full, problem));
        }
        let data = tensor.data();
        let values: Vec<f32> = match tensor.dtype() {
            Dtype::F32 => {
                data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
            }
            Dtype::F16 => data
                .as_chunks()
                .0
                .iter()
                .map(|bytes| half::f16::from_le_bytes(*bytes).to_f32())
                .collect(),
            Dtype::BF16 => data
                .as_chunks()
                .0
                .iter()
                .map(|bytes| half::bf16::from_le_bytes(*bytes).to_f32())
                .collect(),
            other => {
                let field = format!("{full}: dtype");
                return Err(OpenError::unsupported(
                    self.path,
                    field,
                    format!("{other:?}"),
                    "F32, F16, BF16",
                ));
            }
        };
        match values.iter().position(|v| !v.is_finite()) {
            Some(i) => Err(OpenError::invalid(
                self.path,
                &full,
                format!("value {i} is not finite; fetch the model again"),
            )),
            None => Ok(values),
        }
    }
}
