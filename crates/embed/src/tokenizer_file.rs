//! What has to hold of a `tokenizer.json` before `tokenizers` reads it.

use serde::Deserialize;
use serde::de::Error;
use serde_json::Value;
use tokenizers::normalizers::Precompiled;

use crate::character_map::leads_out;

/// The parts of a `tokenizer.json` that its reader believes.
#[derive(Deserialize)]
struct Believed {
    #[serde(default)]
    normalizer: Value,
    /// Only that it is JSON.
    #[serde(default)]
    #[allow(dead_code, reason = "reading it is the check")]
    decoder: Value,
}

/// Refuses what `tokenizers` ends the program on: a decoder that is no JSON, a normalizer whose type
/// is no string, and a map of characters that is none or leads out of itself.
pub(crate) fn believed(bytes: &[u8]) -> serde_json::Result<()> {
    let mut open = vec![serde_json::from_slice::<Believed>(bytes)?.normalizer];
    while let Some(mut part) = open.pop() {
        match &part["type"] {
            Value::String(name) if name == "Precompiled" => {
                let map = part["precompiled_charsmap"].as_str().unwrap_or_default();
                if let Some(problem) = leads_out(map) {
                    return Err(serde_json::Error::custom(format_args!(
                        "the map of characters {problem}"
                    )));
                }
                serde_json::from_str::<Precompiled>(&part.to_string())?;
            }
            Value::String(_) | Value::Null => {}
            _ => return Err(serde_json::Error::custom("the type of a normalizer is a string")),
        }
        if let Some(Value::Array(parts)) = part.get_mut("normalizers").map(Value::take) {
            open.extend(parts);
        }
    }
    Ok(())
}
