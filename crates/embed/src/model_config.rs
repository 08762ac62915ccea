//! What a model's folder says about itself.
//!
//! The files are those that sentence-transformers writes. Whatever changes the
//! vectors and is not implemented is refused by its name here; nothing is
//! guessed.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::OpenError;

/// How token vectors become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Arithmetic mean over all tokens, special ones included.
    Mean,
    /// The first token.
    Cls,
}

impl Pooling {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
        }
    }
}

/// The feed-forward layer's nonlinearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `x · Φ(x)` by the error function.
    Gelu,
    /// The tanh approximation (`gelu_new`, `gelu_pytorch_tanh`).
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
}

/// Everything about a model except its weights and vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelConfig {
    pub(crate) model_type: String,
    pub(crate) base_name: Option<String>,
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) intermediate: usize,
    pub(crate) vocabulary: usize,
    pub(crate) positions: usize,
    /// First position id; RoBERTa starts after its padding id.
    pub(crate) position_offset: usize,
    pub(crate) types: usize,
    pub(crate) epsilon: f32,
    pub(crate) activation: Activation,
    pub(crate) pooling: Pooling,
    /// Longest input, special tokens counted.
    pub(crate) max_tokens: usize,
    /// Whether the pipeline ends in a Normalize module.
    pub(crate) normalize: bool,
    pub(crate) query_prefix: String,
    pub(crate) passage_prefix: String,
}

#[derive(Deserialize)]
struct ConfigFile {
    model_type: String,
    #[serde(default, rename = "_name_or_path")]
    name: Option<String>,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    hidden_act: String,
    #[serde(default)]
    pad_token_id: Option<usize>,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

#[derive(Deserialize)]
struct ModuleEntry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
struct SentenceFile {
    #[serde(default)]
    max_seq_length: Option<usize>,
}

#[derive(Deserialize, Default)]
struct PromptFile {
    #[serde(default)]
    prompts: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    default_prompt_name: Option<String>,
}

/// Reads a JSON file of a model.
fn json<T: DeserializeOwned>(path: &Path) -> Result<T, OpenError> {
    let bytes = OpenError::read(path)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| OpenError::invalid(path, format!("line {}", error.line()), error))
}

fn json_or_default<T: DeserializeOwned + Default>(path: &Path) -> Result<T, OpenError> {
    match json(path) {
        Err(OpenError::Missing { .. }) => Ok(T::default()),
        other => other,
    }
}

impl ModelConfig {
    /// Reads `config.json`, `modules.json`, the pooling module's `config.json`,
    /// `sentence_bert_config.json` and `config_sentence_transformers.json` of `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join("config.json");
        let file: ConfigFile = json(&path)?;
        let position_offset = match file.model_type.as_str() {
            "bert" => 0,
            "roberta" | "xlm-roberta" | "camembert" => {
                file.pad_token_id.unwrap_or(1).saturating_add(1)
            }
            other => {
                let supported = "bert, roberta, xlm-roberta, camembert";
                return Err(OpenError::unsupported(&path, "model_type", other, supported));
            }
        };
        let activation = match file.hidden_act.as_str() {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            other => {
                let supported = "gelu, gelu_new, gelu_pytorch_tanh, relu";
                return Err(OpenError::unsupported(&path, "hidden_act", other, supported));
            }
        };
        match file.position_embedding_type.as_deref() {
            None | Some("absolute") => {}
            Some(other) => {
                let field = "position_embedding_type";
                return Err(OpenError::unsupported(&path, field, other, "absolute"));
            }
        }
        let bounded = |field: &str, value: usize, limit: usize| match value {
            0 => Err(OpenError::invalid(&path, field, "must be at least 1")),
            v if v > limit => {
                Err(OpenError::invalid(&path, field, format!("is {v}, more than {limit}")))
            }
            _ => Ok(()),
        };
        // Far above any encoder of the family; keeps every product of two of them in range.
        bounded("hidden_size", file.hidden_size, 1 << 14)?;
        bounded("num_hidden_layers", file.num_hidden_layers, 1 << 10)?;
        bounded("num_attention_heads", file.num_attention_heads, 1 << 10)?;
        bounded("intermediate_size", file.intermediate_size, 1 << 16)?;
        bounded("vocab_size", file.vocab_size, 1 << 24)?;
        bounded("max_position_embeddings", file.max_position_embeddings, 1 << 17)?;
        bounded("type_vocab_size", file.type_vocab_size, 1 << 8)?;
        if !file.hidden_size.is_multiple_of(file.num_attention_heads) {
            let problem = format!(
                "{} does not divide hidden_size {}",
                file.num_attention_heads, file.hidden_size
            );
            return Err(OpenError::invalid(&path, "num_attention_heads", problem));
        }
        if !(file.layer_norm_eps >= 0.0 && file.layer_norm_eps < 1.0) {
            return Err(OpenError::invalid(&path, "layer_norm_eps", "must lie in [0, 1)"));
        }
        let room = file.max_position_embeddings.saturating_sub(position_offset);
        let (pooling, normalize) = read_modules(folder, file.hidden_size)?;
        let sentence_path = folder.join("sentence_bert_config.json");
        let sentence: SentenceFile = json_or_default(&sentence_path)?;
        let max_tokens = sentence.max_seq_length.unwrap_or(room).min(room);
        if max_tokens < 3 {
            let problem = "leaves no room for a token between the special ones";
            return Err(OpenError::invalid(&sentence_path, "max_seq_length", problem));
        }
        let prompt_path = folder.join("config_sentence_transformers.json");
        let prompts: PromptFile = json_or_default(&prompt_path)?;
        let prompt = |names: &[&str]| names.iter().find_map(|n| prompts.prompts.get(*n));
        let fallback = match &prompts.default_prompt_name {
            None => None,
            Some(name) => Some(prompts.prompts.get(name).ok_or_else(|| {
                OpenError::invalid(
                    &prompt_path,
                    "default_prompt_name",
                    format!("names `{name}`, which prompts does not have"),
                )
            })?),
        };
        let prefix = |names| prompt(names).or(fallback).cloned().unwrap_or_default();
        Ok(Self {
            base_name: file.name.filter(|n| !n.is_empty()),
            hidden: file.hidden_size,
            layers: file.num_hidden_layers,
            heads: file.num_attention_heads,
            intermediate: file.intermediate_size,
            vocabulary: file.vocab_size,
            positions: file.max_position_embeddings,
            position_offset,
            types: file.type_vocab_size,
            epsilon: file.layer_norm_eps as f32,
            activation,
            pooling,
            max_tokens,
            normalize,
            query_prefix: prefix(&["query"]),
            passage_prefix: prefix(&["passage", "document"]),
            model_type: file.model_type,
        })
    }
}

/// Pooling and normalisation, from the pipeline that the model was published as.
fn read_modules(folder: &Path, hidden: usize) -> Result<(Pooling, bool), OpenError> {
    let path = folder.join("modules.json");
    let modules: Vec<ModuleEntry> = json(&path)?;
    let mut pooling = None;
    let mut normalize = false;
    for (i, module) in modules.iter().enumerate() {
        match (module.kind.rsplit('.').next().unwrap_or_default(), i) {
            ("Transformer", 0) if module.path.is_empty() => {}
            ("Pooling", 1) => {
                pooling = Some(read_pooling(&folder.join(module_folder(&path, module)?), hidden)?);
            }
            ("Normalize", 2) => normalize = true,
            _ => {
                let supported = "Transformer, Pooling, then optionally Normalize";
                return Err(OpenError::unsupported(
                    &path,
                    format!("[{i}]"),
                    &module.kind,
                    supported,
                ));
            }
        }
    }
    let pooling = pooling.ok_or_else(|| {
        OpenError::invalid(&path, "modules", "has no Pooling module, so pooling is unknown")
    })?;
    Ok((pooling, normalize))
}

/// A module's folder is a plain name: a model never makes us read outside its own folder.
fn module_folder(path: &Path, module: &ModuleEntry) -> Result<PathBuf, OpenError> {
    let name = Path::new(&module.path);
    let plain = name.components().all(|c| matches!(c, std::path::Component::Normal(_)));
    if module.path.is_empty() || !plain {
        let problem = format!("`{}` is no folder inside the model's", module.path);
        return Err(OpenError::invalid(path, "path", problem));
    }
    Ok(name.to_owned())
}

fn read_pooling(folder: &Path, hidden: usize) -> Result<Pooling, OpenError> {
    let path = folder.join("config.json");
    let file: serde_json::Map<String, serde_json::Value> = json(&path)?;
    if let Some(dim) = file.get("word_embedding_dimension")
        && dim.as_u64() != Some(hidden as u64)
    {
        let problem = format!("is {dim}, but hidden_size is {hidden}");
        return Err(OpenError::invalid(&path, "word_embedding_dimension", problem));
    }
    if file.get("include_prompt").is_some_and(|v| v.as_bool() == Some(false)) {
        return Err(OpenError::unsupported(&path, "include_prompt", "false", "true"));
    }
    let on: Vec<&str> = file
        .iter()
        .filter(|(name, value)| name.starts_with("pooling_mode_") && value.as_bool() == Some(true))
        .map(|(name, _)| name.as_str())
        .collect();
    match on[..] {
        ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token"] => Ok(Pooling::Cls),
        _ => {
            let found = if on.is_empty() { "none".to_owned() } else { on.join(" + ") };
            let supported = "pooling_mode_mean_tokens, pooling_mode_cls_token";
            Err(OpenError::unsupported(&path, "pooling mode", found, supported))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 10,
        "max_position_embeddings": 32, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
        "hidden_act": "gelu"}"#;
    const MODULES: &str = r#"[{"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]"#;

    fn folder(config: &str, modules: &str, pooling: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("1_Pooling")).unwrap();
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        std::fs::write(dir.path().join("modules.json"), modules).unwrap();
        std::fs::write(dir.path().join("1_Pooling/config.json"), pooling).unwrap();
        dir
    }

    const MEAN: &str = r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#;

    fn refusal(config: &str, modules: &str, pooling: &str) -> String {
        ModelConfig::read(folder(config, modules, pooling).path()).unwrap_err().to_string()
    }

    #[test]
    fn limit_prefixes_and_pooling_come_from_the_models_own_files() {
        let dir = folder(CONFIG, MODULES, MEAN);
        let config = ModelConfig::read(dir.path()).unwrap();
        assert_eq!(
            (config.max_tokens, config.pooling, config.normalize),
            (32, Pooling::Mean, true)
        );
        assert_eq!(config.query_prefix, "");
        std::fs::write(dir.path().join("sentence_bert_config.json"), r#"{"max_seq_length": 12}"#)
            .unwrap();
        std::fs::write(
            dir.path().join("config_sentence_transformers.json"),
            r#"{"prompts": {"query": "query: ", "document": "passage: "}}"#,
        )
        .unwrap();
        let config = ModelConfig::read(dir.path()).unwrap();
        assert_eq!(config.max_tokens, 12);
        assert_eq!((&*config.query_prefix, &*config.passage_prefix), ("query: ", "passage: "));
    }

    #[test]
    fn roberta_positions_start_after_the_padding_id() {
        let config = CONFIG.replace("\"bert\"", "\"xlm-roberta\"");
        let config = ModelConfig::read(folder(&config, MODULES, MEAN).path()).unwrap();
        assert_eq!((config.position_offset, config.max_tokens), (2, 30));
    }

    #[test]
    fn a_padding_id_beyond_all_positions_is_refused() {
        let config = CONFIG.replace("\"bert\"", "\"roberta\"");
        for id in [30, u64::MAX] {
            let config = config.replacen('{', &format!("{{\"pad_token_id\": {id}, "), 1);
            let e = refusal(&config, MODULES, MEAN);
            assert!(e.contains("max_seq_length: leaves no room"), "{e}");
        }
    }

    #[test]
    fn what_is_not_implemented_is_refused_by_name() {
        let e = refusal(&CONFIG.replace("\"bert\"", "\"t5\""), MODULES, MEAN);
        assert!(e.contains("config.json: model_type `t5` is not supported"), "{e}");
        let e = refusal(&CONFIG.replace("\"gelu\"", "\"swish\""), MODULES, MEAN);
        assert!(e.contains("hidden_act `swish`"), "{e}");
        let e = refusal(CONFIG, &MODULES.replace("Normalize\"}", "Dense\"}"), MEAN);
        assert!(e.contains("modules.json: [2] `sentence_transformers.models.Dense`"), "{e}");
        let e = refusal(CONFIG, MODULES, r#"{"pooling_mode_max_tokens": true}"#);
        assert!(e.contains("pooling mode `pooling_mode_max_tokens`"), "{e}");
        let e = refusal(CONFIG, MODULES, "{}");
        assert!(e.contains("pooling mode `none`"), "{e}");
        let e = refusal(CONFIG, &MODULES.replace("1_Pooling", "../x"), MEAN);
        assert!(e.contains("`../x` is no folder"), "{e}");
    }

    #[test]
    fn bad_numbers_and_bad_json_name_file_and_field() {
        let e = refusal(&CONFIG.replace("_heads\": 2", "_heads\": 3"), MODULES, MEAN);
        assert!(e.contains("config.json: num_attention_heads: 3 does not divide"), "{e}");
        let e = refusal(&CONFIG.replace("size\": 8", "size\": 0"), MODULES, MEAN);
        assert!(e.contains("hidden_size: must be at least 1"), "{e}");
        let e = refusal("{\n\"model_type\": 3}", MODULES, MEAN);
        assert!(e.contains("config.json: line 2: "), "{e}");
    }
}
