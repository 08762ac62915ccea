//! Vectors kept from run to run: what was put comes back, what is damaged does not.

use std::fs;
use std::path::{Path, PathBuf};

use wfgy_core::{Digest, EmbedSchema, EmbedderIdentity, RowState, TextCache};
use wfgy_embed::TextCacheFolder;

fn embedder(model_ver: &str, query_prefix: &str) -> EmbedderIdentity {
    EmbedderIdentity {
        model_ver: model_ver.to_owned(),
        dim: 3,
        schema: EmbedSchema {
            pooling: "mean".to_owned(),
            max_tokens: 256,
            query_prefix: query_prefix.to_owned(),
            passage_prefix: String::new(),
        },
        unit_norm: true,
    }
}

fn key(n: u32) -> Digest {
    Digest::of(n.to_string())
}

fn put(cache: &TextCacheFolder, embedder: &EmbedderIdentity, n: u32) {
    let states = [RowState::Whole, RowState::Truncated, RowState::Missing];
    let values: Vec<f32> = (0..9).map(|i| (9 * n + i) as f32).collect();
    let keys = [key(3 * n), key(3 * n + 1), key(3 * n + 2)];
    cache.put(embedder, &keys, &values, &states).expect("written");
}

fn file(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).expect("a folder");
    let file = files.next().expect("a file").expect("a file").path();
    assert!(files.next().is_none());
    file
}

#[test]
fn what_was_put_comes_back_in_the_next_run_and_a_missing_row_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let model = embedder("m@sha256:1", "");
    put(&TextCacheFolder::open(folder.path()).unwrap(), &model, 0);
    let cache = TextCacheFolder::open(folder.path()).unwrap();
    put(&cache, &model, 1);
    for cache in [cache, TextCacheFolder::open(folder.path()).unwrap()] {
        for n in 0..2 {
            let first = 9.0 * n as f32;
            let whole = (vec![first, first + 1.0, first + 2.0], RowState::Whole);
            assert_eq!(cache.get(&model, key(3 * n)).unwrap(), Some(whole));
            let cut = (vec![first + 3.0, first + 4.0, first + 5.0], RowState::Truncated);
            assert_eq!(cache.get(&model, key(3 * n + 1)).unwrap(), Some(cut));
            assert_eq!(cache.get(&model, key(3 * n + 2)).unwrap(), None);
        }
    }
}

#[test]
fn another_model_or_prefix_never_meets_these_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let cache = TextCacheFolder::open(folder.path()).unwrap();
    put(&cache, &embedder("m@sha256:1", ""), 0);
    for other in [embedder("m@sha256:2", ""), embedder("m@sha256:1", "query: ")] {
        assert_eq!(cache.get(&other, key(0)).unwrap(), None);
    }
}

#[test]
fn no_changed_byte_comes_back_as_a_vector() {
    let folder = tempfile::tempdir().unwrap();
    let model = embedder("m@sha256:1", "");
    put(&TextCacheFolder::open(folder.path()).unwrap(), &model, 0);
    let path = file(folder.path());
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        fs::write(&path, &changed).unwrap();
        let cache = TextCacheFolder::open(folder.path()).unwrap();
        let found: Vec<_> = [key(0), key(1)]
            .into_iter()
            .filter_map(|key| cache.get(&model, key).unwrap())
            .map(|(values, _)| values[0])
            .collect();
        let left = if at < bytes.len() / 2 { 3.0 } else { 0.0 };
        assert_eq!(found, [left], "byte {at}");
    }
}

#[test]
fn a_torn_end_is_cut_and_appending_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let model = embedder("m@sha256:1", "");
    put(&TextCacheFolder::open(folder.path()).unwrap(), &model, 0);
    let path = file(folder.path());
    let whole = fs::read(&path).unwrap();
    for length in whole.len() / 2..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let cache = TextCacheFolder::open(folder.path()).unwrap();
        assert!(cache.get(&model, key(0)).unwrap().is_some());
        assert_eq!(cache.get(&model, key(1)).unwrap(), None);
        put(&cache, &model, 1);
        let cache = TextCacheFolder::open(folder.path()).unwrap();
        for held in [0, 3, 4] {
            assert!(cache.get(&model, key(held)).unwrap().is_some(), "{length}: {held}");
        }
    }
}

#[test]
fn writers_that_share_a_folder_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let model = embedder("m@sha256:1", "");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (folder, model) = (folder.path(), &model);
            scope.spawn(move || {
                let cache = TextCacheFolder::open(folder).unwrap();
                (0..25).for_each(|n| put(&cache, model, 25 * writer + n));
            });
        }
    });
    let cache = TextCacheFolder::open(folder.path()).unwrap();
    for n in 0..100 {
        let (values, _) = cache.get(&model, key(3 * n)).unwrap().expect("it was put");
        assert_eq!(values[0], 9.0 * n as f32);
    }
}

#[test]
fn a_path_that_is_no_folder_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let error = TextCacheFolder::open(&path).unwrap_err().to_string();
    assert!(error.contains("file: text cache: "), "{error}");
}
