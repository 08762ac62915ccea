//! An index, and the digests of a changed one made to agree again.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use wfgy_core::{Digest, Metric, canonical_json};
use wfgy_formats::checksum;
use wfgy_index::{AnnChoice, AnnKind, HnswParams};

use super::words::{built, corpus};

pub(crate) fn index(dir: &Path) -> std::path::PathBuf {
    let out = dir.join("docs");
    built(corpus(8), Metric::Cosine, AnnChoice::Graph(AnnKind::Hnsw, HnswParams::default()), &out);
    out
}

/// Changes the manifest and makes every digest agree with the directory again.
pub(crate) fn reseal(out: &Path, change: impl FnOnce(&mut Value)) {
    let path = out.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (field, name) in [
        ("sections_sha256", "sections.jsonl"),
        ("snippets_sha256", "snippets.jsonl"),
        ("vectors_sha256", "vectors.npy"),
    ] {
        let digest = Digest::of(std::fs::read(out.join(name)).unwrap());
        manifest["identity"][field] = digest.to_string().into();
    }
    change(&mut manifest);
    if !manifest["keep_hashes"].is_null() {
        manifest.as_object_mut().unwrap().remove("keep_hashes");
    } else {
        let index_hash = Digest::of(canonical_json(&manifest["identity"]).unwrap());
        let mut serving = manifest["serving"].clone();
        serving["INDEX_HASH"] = index_hash.to_string().into();
        let serving_hash = Digest::of(canonical_json(&serving).unwrap());
        manifest["INDEX_HASH"] = index_hash.to_string().into();
        manifest["SERVING_HASH"] = serving_hash.to_string().into();
    }
    std::fs::write(&path, [canonical_json(&manifest).unwrap(), b"\n".to_vec()].concat()).unwrap();
    let mut digests = BTreeMap::new();
    for entry in std::fs::read_dir(out).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name != "SHA256SUMS" {
            digests.insert(name, checksum::hash_file(&entry.path()).unwrap().0);
        }
    }
    std::fs::write(out.join("SHA256SUMS"), checksum::checksums(&digests)).unwrap();
}
