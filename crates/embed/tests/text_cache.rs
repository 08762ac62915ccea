//! Vectors kept from run to run: what was put comes back, what is damaged does not.

use std::fs;
use std::path::{Path, PathBuf};

use wfgy_core::{Digest, EmbedSchema, EmbedderIdentity, Embeddings, RowState, TextCache};
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
        settings: "t@sha256:1".to_owned(),
    }
}

fn key(n: u32) -> Digest {
    Digest::of(n.to_string())
}

fn put(cache: &TextCacheFolder, embedder: &EmbedderIdentity, n: u32) {
    let states = vec![RowState::Whole, RowState::Truncated, RowState::Missing];
    let values = (0..9).map(|i| (9 * n + i) as f32).collect();
    let keys = [key(3 * n), key(3 * n + 1), key(3 * n + 2)];
    cache.put(embedder, &keys, &Embeddings { values, states }).expect("written");
}

/// What is held of text `n`.
fn get(cache: &TextCacheFolder, embedder: &EmbedderIdentity, n: u32) -> Option<Vec<f32>> {
    cache.get(embedder, &[key(n)]).expect("it can be read").row(0).map(<[f32]>::to_vec)
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
        let keys: Vec<Digest> = (0..7).rev().map(key).collect();
        let found = cache.get(&model, &keys).unwrap();
        let rows: Vec<_> = (0..7).map(|i| found.row(i).map(|row| (row[0], row[2]))).collect();
        let of_first = [None, Some((3.0, 5.0)), Some((0.0, 2.0))];
        let of_second = [None, None, Some((12.0, 14.0)), Some((9.0, 11.0))];
        assert_eq!(rows, [&of_second[..], &of_first].concat());
        assert_eq!(found.states[2..4], [RowState::Truncated, RowState::Whole]);
        assert_eq!(found.states[4..], [RowState::Missing, RowState::Truncated, RowState::Whole]);
        assert_eq!(found.values.len(), 3 * keys.len());
    }
}

#[test]
fn another_embedder_in_whatever_field_never_meets_these_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let cache = TextCacheFolder::open(folder.path()).unwrap();
    let model = embedder("m@sha256:1", "");
    put(&cache, &model, 0);
    let others = [
        embedder("m@sha256:2", ""),
        embedder("m@sha256:1", "query: "),
        EmbedderIdentity { unit_norm: false, ..model.clone() },
        EmbedderIdentity { settings: "t@sha256:2".to_owned(), ..model.clone() },
        EmbedderIdentity { dim: 4, ..model.clone() },
    ];
    for other in others {
        assert_eq!(get(&cache, &other, 0), None, "{other:?}");
    }
    assert!(get(&cache, &model, 0).is_some());
}

#[test]
fn a_full_disk_is_the_worlds_fault_and_a_folder_in_the_way_the_users() {
    let folder = tempfile::tempdir().unwrap();
    let model = embedder("m@sha256:1", "");
    put(&TextCacheFolder::open(folder.path()).unwrap(), &model, 0);
    let path = file(folder.path());
    fs::remove_file(&path).unwrap();
    let refused = || {
        let cache = TextCacheFolder::open(folder.path()).unwrap();
        let vectors = Embeddings { values: vec![0.0; 3], states: vec![RowState::Whole] };
        cache.put(&model, &[key(0)], &vectors).unwrap_err()
    };
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let full = refused();
    assert!(!full.is_input() && full.to_string().contains("make room"), "{full}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let in_the_way = refused();
    assert!(in_the_way.is_input() && in_the_way.to_string().contains("remove it"), "{in_the_way}");
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
        let found: Vec<_> =
            [0, 1].into_iter().filter_map(|n| get(&cache, &model, n)).map(|row| row[0]).collect();
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
        assert!(get(&cache, &model, 0).is_some());
        assert_eq!(get(&cache, &model, 1), None);
        put(&cache, &model, 1);
        let cache = TextCacheFolder::open(folder.path()).unwrap();
        for held in [0, 3, 4] {
            assert!(get(&cache, &model, held).is_some(), "{length}: {held}");
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
        let row = get(&cache, &model, 3 * n).expect("it was put");
        assert_eq!(row[0], 9.0 * n as f32);
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
