//! The sentence encoder that tests take: the real weights, as `scripts/fetch_model.sh` puts them.

use std::path::PathBuf;

/// The folder of the model: WFGY_MODEL, else where the script puts it.
pub(crate) fn model_folder() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("WFGY_MODEL").unwrap_or_else(|| {
        let data = set("XDG_DATA_HOME")
            .unwrap_or_else(|| set("HOME").expect("HOME is set").join(".local/share"));
        data.join("wfgy/models/all-MiniLM-L6-v2")
    });
    assert!(
        folder.join("model.safetensors").is_file(),
        "{}: no model; run ./scripts/fetch_model.sh",
        folder.display()
    );
    folder
}
