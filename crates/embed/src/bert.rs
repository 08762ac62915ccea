//! Embedder `minilm`: a BERT-family sentence encoder from a local folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;
use wfgy_core::{
    Deadline, EmbedSchema, Embedder, EmbedderIdentity, Embeddings, PortError, RowState, Tokenizer,
};
use wfgy_kernel::{Isa, norm_f64};

use crate::OpenError;
use crate::encoder::{Batch, Encoder};
use crate::model_config::ModelConfig;
use crate::weights::WeightFile;
use crate::wordpiece::{ModelInput, ModelTokenizer, WordPieceTokenizer};

/// Tokens of one task: enough work for a thread, few enough that texts spread over all threads.
const BATCH_TOKENS: usize = 512;

/// Weights that are known by name, so that EMBED_MODEL_VER reads well wherever the folder stands.
const KNOWN: [(&str, &str); 1] =
    [("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", "all-MiniLM-L6-v2")];

/// Settings that override what the folder says; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BertOptions {
    /// Put before every wording.
    pub query_prefix: Option<String>,
    /// Put before every snippet and anchor.
    pub passage_prefix: Option<String>,
}

/// A sentence encoder of the BERT family, run here on the CPU.
///
/// Its matrix products are of 16-bit integers, which keeps the cosine to the
/// same model in f32 at 0.9999 or above; 8 bits would not. Vectors have unit
/// norm where the model's pipeline ends in Normalize. A text's vector is the
/// same bits in any batch, on any number of threads and on every kernel path.
pub struct BertEmbedder {
    encoder: Encoder,
    input: ModelTokenizer,
    tokenizer: WordPieceTokenizer,
    identity: EmbedderIdentity,
}

impl BertEmbedder {
    /// Opens a model folder as sentence-transformers lays it out.
    ///
    /// Reads `config.json`, `modules.json`, the pooling module,
    /// `sentence_bert_config.json`, `config_sentence_transformers.json`,
    /// `tokenizer.json` and `model.safetensors` (f32, f16 or bf16).
    ///
    /// # Errors
    /// [`OpenError`] where a file is missing or damaged, or the model is of a kind not served.
    pub fn open(folder: &Path, options: &BertOptions) -> Result<Self, OpenError> {
        let mut config = ModelConfig::read(folder)?;
        if let Some(prefix) = &options.query_prefix {
            config.query_prefix.clone_from(prefix);
        }
        if let Some(prefix) = &options.passage_prefix {
            config.passage_prefix.clone_from(prefix);
        }
        let weights = Arc::new(WeightFile::open(&folder.join("model.safetensors"))?);
        // Hashing is one thread's work, packing that of all.
        let load = || Encoder::load(config.clone(), Arc::clone(&weights));
        let (digest, encoder) = rayon::join(|| weights.digest().to_string(), load);
        let name = match KNOWN.iter().find(|(known, _)| *known == digest) {
            Some((_, name)) => (*name).to_owned(),
            None => base_name(&config),
        };
        let tokenizer_path = folder.join("tokenizer.json");
        let tokenizer = WordPieceTokenizer::open(&tokenizer_path, &name)?;
        if tokenizer.vocabulary_size() > config.vocabulary {
            let problem = format!(
                "has {} tokens, config.json has vocab_size {}: the files belong to different models",
                tokenizer.vocabulary_size(),
                config.vocabulary
            );
            return Err(OpenError::invalid(&tokenizer_path, "vocabulary", problem));
        }
        let input = tokenizer.for_model(config.max_tokens, &tokenizer_path)?;
        let nothing = input
            .input("")
            .map_err(|error| OpenError::invalid(&tokenizer_path, "tokenizer", error))?;
        if nothing.ids.len() < 2 {
            let problem = "adds no special tokens, as every encoder of this family needs";
            return Err(OpenError::invalid(&tokenizer_path, "post_processor", problem));
        }
        let identity = EmbedderIdentity {
            model_ver: format!("{name}@sha256:{digest}"),
            dim: config.hidden,
            schema: EmbedSchema {
                pooling: config.pooling.name().to_owned(),
                max_tokens: config.max_tokens,
                query_prefix: config.query_prefix.clone(),
                passage_prefix: config.passage_prefix.clone(),
            },
            unit_norm: config.normalize,
            settings: format!("{};{config:?}", tokenizer.version()),
        };
        Ok(Self { encoder: encoder?, input, tokenizer, identity })
    }

    fn error(&self, message: String) -> PortError {
        PortError::input(&self.identity.model_ver, message)
    }

    /// Vectors of one batch, normalised where the model does so.
    fn run(&self, isa: Isa, inputs: &[&ModelInput]) -> Result<Vec<f32>, PortError> {
        let mut batch = Batch::default();
        inputs.iter().for_each(|input| batch.push(&input.ids));
        let mut rows = self.encoder.forward(isa, &batch);
        for row in rows.chunks_exact_mut(self.identity.dim) {
            let norm = norm_f64(row);
            if !norm.is_finite() {
                let message = "the model gave a value that is not finite; fetch it again";
                return Err(self.error(message.to_owned()));
            }
            if self.identity.unit_norm && norm > 0.0 {
                row.iter_mut().for_each(|x| *x = (f64::from(*x) / norm) as f32);
            }
        }
        Ok(rows)
    }
}

/// The last part of the name that the publisher trained from, else the family and its size.
fn base_name(config: &ModelConfig) -> String {
    let published = config.base_name.as_deref().and_then(|name| name.rsplit('/').next());
    let fits = |name: &&str| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    published.filter(fits).map_or_else(
        || format!("{}-L{}-H{}", config.model_type, config.layers, config.hidden),
        str::to_owned,
    )
}

/// Cuts texts, longest first, into batches of about [`BATCH_TOKENS`]; a function of lengths alone.
fn batches(inputs: &[ModelInput]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(inputs[i].ids.len()), i));
    let mut out: Vec<Vec<usize>> = Vec::new();
    let mut tokens = usize::MAX;
    for i in order {
        let n = inputs[i].ids.len();
        match out.last_mut() {
            Some(batch) if tokens + n <= BATCH_TOKENS => {
                batch.push(i);
                tokens += n;
            }
            _ => {
                out.push(vec![i]);
                tokens = n;
            }
        }
    }
    out
}

impl Embedder for BertEmbedder {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn tokenizer(&self) -> &dyn Tokenizer {
        &self.tokenizer
    }

    fn embed(&self, texts: &[&str], deadline: Deadline) -> Result<Embeddings, PortError> {
        let dim = self.identity.dim;
        let limit = self.encoder.config().vocabulary;
        let in_time = || match deadline.passed(Instant::now()) {
            true => Err(PortError::Deadline { part: self.identity.model_ver.clone() }),
            false => Ok(()),
        };
        let inputs: Vec<ModelInput> = texts
            .par_iter()
            .map(|text| {
                in_time()?;
                let input = self.input.input(text)?;
                match input.ids.iter().find(|id| **id as usize >= limit) {
                    Some(id) => Err(self.error(format!(
                        "tokenizer.json gave id {id}, the model has {limit} tokens"
                    ))),
                    None => Ok(input),
                }
            })
            .collect::<Result<_, _>>()?;
        let batches = batches(&inputs);
        let isa = Isa::active();
        let rows: Vec<Vec<f32>> = batches
            .par_iter()
            .map(|batch| {
                in_time()?;
                self.run(isa, &batch.iter().map(|&i| &inputs[i]).collect::<Vec<_>>())
            })
            .collect::<Result<_, _>>()?;
        let mut values = vec![0.0; texts.len() * dim];
        for (batch, rows) in batches.iter().zip(&rows) {
            for (&i, row) in batch.iter().zip(rows.chunks_exact(dim)) {
                values[i * dim..(i + 1) * dim].copy_from_slice(row);
            }
        }
        let states = inputs
            .iter()
            .map(|input| if input.truncated { RowState::Truncated } else { RowState::Whole })
            .collect();
        Ok(Embeddings { values, states })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(n: usize) -> ModelInput {
        ModelInput { ids: vec![0; n], truncated: false }
    }

    #[test]
    fn batches_hold_every_text_once_and_stay_within_the_budget() {
        let inputs: Vec<ModelInput> = (0..200).map(|i| input(2 + i * 7 % 255)).collect();
        let cut = batches(&inputs);
        let mut seen: Vec<usize> = cut.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
        for batch in &cut {
            let tokens: usize = batch.iter().map(|&i| inputs[i].ids.len()).sum();
            assert!(tokens <= BATCH_TOKENS || batch.len() == 1);
        }
        assert_eq!(batches(&[input(BATCH_TOKENS + 1), input(2)]).len(), 2);
    }
}
