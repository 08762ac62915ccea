//! What a build writes, and what it leaves where it fails.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use wfgy_core::{Digest, Document, Metric, canonical_json};
use wfgy_formats::{InputError, npy};
use wfgy_index::{AnnChoice, AnnKind, BuildError, Chunk, HnswParams, Progress, Replace, build};

use crate::words::{WordEmbedder, build_with, built, corpus, document, options, stream};

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
        .collect()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn lines(dir: &Path, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn rule_an_index_has_these_files_and_sha256sum_checks_them() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("docs");
    built(corpus(12), Metric::Cosine, AnnChoice::Graph(AnnKind::Hnsw, HnswParams::default()), &out);
    let expected = [
        "SHA256SUMS",
        "graph.hnsw",
        "manifest.json",
        "sections.jsonl",
        "snippets.jsonl",
        "vectors.npy",
    ];
    assert_eq!(names(&out), expected);
    let mut sums = Command::new("sha256sum");
    let checked = sums.args(["-c", "--strict", "SHA256SUMS"]).current_dir(&out).output().unwrap();
    assert!(checked.status.success());
    assert_eq!(String::from_utf8(checked.stdout).unwrap().matches(": OK").count(), 5);
    // Nothing of the build is left beside it.
    assert_eq!(names(dir.path()), ["docs"]);
}

#[test]
fn rule_index_hash_is_taken_of_exactly_these_identity_fields() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("docs");
    let manifest = built(corpus(6), Metric::Cosine, AnnChoice::None, &out);
    let value: Value =
        serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
    let sha = |name: &str| Digest::of(std::fs::read(out.join(name)).unwrap()).to_string();
    let identity = json!({
        "schema_version": 1,
        "EMBED_MODEL_VER": "words@sha256:1",
        "EMBED_DIM": 24,
        "EMBED_SCHEMA": "sif;40;q: ;p: ",
        "NORM": "l2",
        "metric": "cosine",
        "TOK_VER": "words@1",
        "ANALYZER_CONF": "none",
        "CHUNK_SCHEMA_VER": "s16/o4",
        "n_documents": 6,
        "n_snippets": lines(&out, "snippets.jsonl").len(),
        "sections_sha256": sha("sections.jsonl"),
        "snippets_sha256": sha("snippets.jsonl"),
        "vectors_sha256": sha("vectors.npy"),
    });
    assert_eq!(value["identity"], identity);
    let index_hash = Digest::of(canonical_json(&identity).unwrap());
    assert_eq!(value["INDEX_HASH"], index_hash.to_string());
    assert_eq!(manifest.index_hash, index_hash);
    let serving = json!({
        "INDEX_HASH": index_hash, "files": {}, "ann": null, "fusion": null, "RERANK_CONF": null,
    });
    assert_eq!(value["SERVING_HASH"], Digest::of(canonical_json(&serving).unwrap()).to_string());
    // Canonical, and without an address.
    let bytes = std::fs::read(out.join("manifest.json")).unwrap();
    assert_eq!(bytes, [canonical_json(&value).unwrap(), b"\n".to_vec()].concat());
    assert!(!String::from_utf8(bytes).unwrap().contains("://"));
}

#[test]
fn rule_serving_hash_is_taken_of_the_graph_too_and_index_hash_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let params = HnswParams { m: 8, ef_construction: 50, ef: 40, seed: 0 };
    let with = dir.path().join("with");
    let a = built(corpus(20), Metric::Cosine, AnnChoice::Graph(AnnKind::Hnsw, params), &with);
    let b = built(corpus(20), Metric::Cosine, AnnChoice::None, &dir.path().join("without"));
    assert_eq!(a.index_hash, b.index_hash);
    assert_ne!(a.serving_hash, b.serving_hash);
    let graph = std::fs::read(with.join("graph.hnsw")).unwrap();
    let serving = json!({
        "INDEX_HASH": a.index_hash,
        "files": {"graph.hnsw": Digest::of(&graph)},
        "ann": {"kind": "hnsw", "m": 8, "ef_construction": 50, "ef": 40},
        "fusion": null,
        "RERANK_CONF": null,
    });
    assert_eq!(a.serving_hash, Digest::of(canonical_json(&serving).unwrap()));
    assert_eq!(a.counts.graph_bytes, graph.len() as u64);
}

#[test]
fn rule_serving_hash_tells_who_linked_the_graph_and_index_hash_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let with = |kind: AnnKind| {
        let graph = AnnChoice::Graph(kind, HnswParams::default());
        let out = dir.path().join(kind.name());
        let manifest = built(corpus(20), Metric::Cosine, graph, &out);
        assert_eq!(manifest.serving.ann.as_ref().unwrap().kind, kind.name());
        assert!(wfgy_index::verify(&out).unwrap().is_empty());
        (manifest.index_hash, manifest.serving_hash)
    };
    let (ours, theirs) = (with(AnnKind::Hnsw), with(AnnKind::HnswRs));
    assert_eq!(ours.0, theirs.0);
    assert_ne!(ours.1, theirs.1);
}

#[test]
fn the_memory_that_linking_takes_is_said_before_it_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let embedder = WordEmbedder::new(24);
    for kind in [AnnKind::Hnsw, AnnKind::HnswRs] {
        let with = options(Metric::Cosine, AnnChoice::Graph(kind, HnswParams::default()));
        let (mut said, mut linked) = (None, false);
        let report = &mut |progress: Progress| {
            match progress {
                Progress::Allocating { snippets, bytes } => said = Some((snippets, bytes, linked)),
                Progress::Linking { .. } => linked = true,
                _ => {}
            }
            ControlFlow::Continue(())
        };
        let out = dir.path().join(kind.name());
        let manifest =
            build(stream(corpus(40)), &embedder, &with, &out, Replace::Never, report).unwrap();
        let (snippets, bytes, late) = said.unwrap();
        assert!(linked && !late);
        assert_eq!(snippets, manifest.identity.n_snippets);
        // The links themselves and the codes or values of every vector, at least.
        assert!(bytes >= manifest.counts.graph_bytes * 9 / 10 + snippets * 24, "{bytes}");
    }
}

#[test]
fn rule_the_same_bytes_on_any_thread_count() {
    let dir = tempfile::tempdir().unwrap();
    let build_on = |threads: usize| {
        let out = dir.path().join(format!("on{threads}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let ann = AnnChoice::Graph(AnnKind::Hnsw, HnswParams::default());
        pool.install(|| built(corpus(60), Metric::Cosine, ann, &out));
        files(&out)
    };
    let one = build_on(1);
    assert_eq!(one, build_on(2));
    assert_eq!(one, build_on(8));
}

#[test]
fn rule_sections_hold_the_text_and_snippets_point_into_it() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("docs");
    let text = "Ein Müller öffnet das Tor. Dann läuft Wasser über das Rad 😀. ".repeat(4);
    let mut one = document("../ä", &[("s 1", &text), ("empty", " \n")]);
    one.source_url = Some("https://example.org/a".to_owned());
    one.sections[0].title = Some("Tor".to_owned());
    let manifest =
        built(vec![one, document("b", &[("b", "kurz")])], Metric::Dot, AnnChoice::None, &out);
    let sections = lines(&out, "sections.jsonl");
    assert_eq!(
        sections[0],
        json!({"doc_id": "../ä", "section_id": "s 1", "source_url": "https://example.org/a", "title": "Tor", "text": text})
    );
    // The title that is embedded with a section is its own, else the document's.
    assert_eq!(sections[1]["title"], "about ../ä");
    assert_eq!(
        sections[2],
        json!({"doc_id": "b", "section_id": "b", "title": "about b", "text": "kurz"})
    );
    assert_eq!(manifest.counts.sections, 3);
    assert_eq!(manifest.counts.sections_without_tokens, 1);
    let snippets = lines(&out, "snippets.jsonl");
    let embedder = WordEmbedder::new(24);
    let vectors = npy::read(out.join("vectors.npy")).unwrap();
    assert_eq!((vectors.rows, vectors.columns), (snippets.len(), 24));
    for (i, snippet) in snippets.iter().enumerate() {
        let [start, end] = [0, 1].map(|j| snippet["offsets"][j].as_u64().unwrap() as usize);
        let section = sections.iter().find(|s| s["section_id"] == snippet["section_id"]).unwrap();
        let cut: String =
            section["text"].as_str().unwrap().chars().skip(start).take(end - start).collect();
        let row = &vectors.values[i * 24..(i + 1) * 24];
        let title = section["title"].as_str().unwrap();
        // Under dot the vector is stored as the embedder gave it, of prefix, title and text.
        assert_eq!(row, embedder.vector(&format!("p: {title} {cut}")));
        assert!(snippet.get("text").is_none());
    }
    let id = snippets[0]["snippet_id"].as_str().unwrap();
    assert!(id.starts_with("..%2F%C3%A4#s%201#0-"), "{id}");
    assert_eq!(snippets[0]["source_url"], "https://example.org/a");
}

#[test]
fn rule_under_cosine_vectors_are_stored_with_unit_norm() {
    let dir = tempfile::tempdir().unwrap();
    built(corpus(5), Metric::Cosine, AnnChoice::None, &dir.path().join("c"));
    let vectors = npy::read(dir.path().join("c/vectors.npy")).unwrap();
    for row in vectors.values.chunks(24) {
        let norm: f64 = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        assert!((norm - 1.0).abs() < 1e-6);
    }
    let manifest = built(corpus(5), Metric::L2, AnnChoice::None, &dir.path().join("l"));
    assert_eq!(serde_json::to_value(&manifest.identity).unwrap()["NORM"], "none");
}

#[test]
fn rule_texts_cut_by_the_embedder_are_counted_and_the_analyzer_is_applied() {
    let dir = tempfile::tempdir().unwrap();
    let mut with = options(Metric::Dot, AnnChoice::None);
    with.chunk = Chunk::None;
    with.analyzer = "lower+ws".parse().unwrap();
    let long = "Wort ".repeat(60);
    let out = dir.path().join("docs");
    let documents = vec![document("A", &[("s", &long), ("t", "KURZ  und\tgut")])];
    let manifest = build_with(documents, &with, &out, Replace::Never).unwrap();
    assert_eq!(manifest.counts.truncated, 1);
    let vectors = npy::read(out.join("vectors.npy")).unwrap();
    assert_eq!(vectors.values[24..], WordEmbedder::new(24).vector("p: about a kurz und gut"));
}

#[test]
fn rule_auto_builds_a_graph_from_10000_snippets_on() {
    let dir = tempfile::tempdir().unwrap();
    let documents = |n: usize| -> Vec<Document> {
        (0..n).map(|i| document(&format!("d{i}"), &[("s", &format!("w{i}"))])).collect()
    };
    let at = |n: usize| {
        let out = dir.path().join(n.to_string());
        build_with(documents(n), &options(Metric::Cosine, AnnChoice::Auto), &out, Replace::Never)
            .unwrap()
    };
    assert_eq!(at(9_999).serving.ann, None);
    let ann = at(10_000).serving.ann.unwrap();
    assert_eq!((ann.kind.as_str(), ann.m, ann.ef_construction, ann.ef), ("hnsw", 16, 200, 128));
}

#[test]
fn rule_an_existing_target_is_refused_and_force_exchanges_it() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("docs");
    let old = built(corpus(3), Metric::Cosine, AnnChoice::None, &out);
    let before = files(&out);
    let with = options(Metric::Cosine, AnnChoice::None);
    let refused = build_with(corpus(4), &with, &out, Replace::Never).unwrap_err().to_string();
    assert!(refused.contains("docs: exists") && refused.contains("--force"), "{refused}");
    let canonical = out.canonicalize().unwrap();
    let in_use = |path: &Path| {
        assert_eq!(path, canonical);
        Some("the alias `live` names it".to_owned())
    };
    let refused = build_with(corpus(4), &with, &out, Replace::Unless(&in_use)).unwrap_err();
    assert!(refused.to_string().contains("cannot be replaced: the alias `live` names it"));
    assert_eq!(files(&out), before);
    let new = build_with(corpus(4), &with, &out, Replace::Unless(&|_| None)).unwrap();
    assert_ne!(new.index_hash, old.index_hash);
    assert_eq!(wfgy_index::hashes(&out).unwrap(), (new.index_hash, new.serving_hash));
    assert_eq!(names(dir.path()), ["docs"]);
}

#[test]
fn rule_an_alias_that_comes_to_name_the_old_index_during_the_build_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("docs");
    let old = built(corpus(3), Metric::Cosine, AnnChoice::None, &out);
    let asked = std::cell::Cell::new(0);
    let in_use = |_: &Path| {
        asked.set(asked.get() + 1);
        (asked.get() > 1).then(|| "an alias names it now".to_owned())
    };
    let with = options(Metric::Cosine, AnnChoice::None);
    let refused = build_with(corpus(4), &with, &out, Replace::Unless(&in_use)).unwrap_err();
    assert!(matches!(refused, BuildError::InUse { .. }));
    assert_eq!(wfgy_index::hashes(&out).unwrap().0, old.index_hash);
    assert_eq!(names(dir.path()), ["docs"]);
}

#[test]
fn force_replaces_an_index_that_lost_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("docs");
    let with = options(Metric::Cosine, AnnChoice::None);
    for lost in ["vectors.npy", "sections.jsonl", "SHA256SUMS"] {
        built(corpus(3), Metric::Cosine, AnnChoice::None, &out);
        std::fs::remove_file(out.join(lost)).unwrap();
        build_with(corpus(4), &with, &out, Replace::Unless(&|_| None)).unwrap();
        std::fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn force_replaces_nothing_that_is_no_index() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("home");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("letter.txt"), "dear").unwrap();
    let with = options(Metric::Cosine, AnnChoice::None);
    let refused = build_with(corpus(2), &with, &out, Replace::Unless(&|_| None)).unwrap_err();
    assert!(refused.to_string().contains("is no index"), "{refused}");
    assert_eq!(names(&out), ["letter.txt"]);
    let damaged = dir.path().join("docs");
    built(corpus(2), Metric::Cosine, AnnChoice::None, &damaged);
    std::fs::remove_file(damaged.join("vectors.npy")).unwrap();
    std::fs::write(damaged.join("letter.txt"), "dear").unwrap();
    let refused = build_with(corpus(2), &with, &damaged, Replace::Unless(&|_| None)).unwrap_err();
    assert!(matches!(&refused, BuildError::Stranger { name, .. } if name == "letter.txt"));
    for path in [".", "..", "/"] {
        assert!(build_with(corpus(2), &with, Path::new(path), Replace::Never).is_err());
    }
    let nowhere = dir.path().join("no/such/place");
    let refused = build_with(corpus(2), &with, &nowhere, Replace::Never).unwrap_err();
    assert!(refused.to_string().contains("cannot be written"), "{refused}");
}

#[test]
fn bad_vectors_and_failing_parts_are_named_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("docs");
    let with = options(Metric::Cosine, AnnChoice::None);
    for (word, expected) in [
        ("zerovector", "c.jsonl:3: snippet `bad#s#0-10`: its vector is zero"),
        ("nanvector", "c.jsonl:3: snippet `bad#s#0-9`: its vector holds NaN at 1"),
        ("infvector", "c.jsonl:3: snippet `bad#s#0-9`: its vector holds inf at 0"),
        ("novector", "c.jsonl:3: snippet `bad#s#0-8`: has no vector"),
        ("shortanswer", "dimension 24"),
        ("deadserver", "words: no answer"),
    ] {
        let mut documents = corpus(2);
        documents.push(document("bad", &[("s", word)]));
        let error = build_with(documents, &with, &out, Replace::Never).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        assert!(names(dir.path()).is_empty());
    }
    let blank = vec![document("a", &[("s", " "), ("t", "")])];
    let error = build_with(blank, &with, &out, Replace::Never).unwrap_err().to_string();
    assert!(error.contains("none of its 2 sections has a token"), "{error}");
    let embedder = WordEmbedder::new(24);
    let input = [Err(InputError::file("c.json", "is bad"))];
    let go = &mut |_| ControlFlow::Continue(());
    let error = build(input, &embedder, &with, &out, Replace::Never, go).unwrap_err();
    assert_eq!(error.to_string(), "c.json: is bad");
    let url = WordEmbedder::new(24).named("https://host/model");
    let error = build(stream(corpus(1)), &url, &with, &out, Replace::Never, go).unwrap_err();
    assert!(error.to_string().contains("no manifest may name"), "{error}");
    let wide = options(
        Metric::Cosine,
        AnnChoice::Graph(AnnKind::Hnsw, HnswParams { m: 257, ..Default::default() }),
    );
    let error = build_with(corpus(1), &wide, &out, Replace::Never).unwrap_err();
    assert!(error.to_string().contains("m = 257"), "{error}");
    assert!(names(dir.path()).is_empty());
}

#[test]
fn an_interrupted_build_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("docs");
    let embedder = WordEmbedder::new(24);
    let with = options(Metric::Cosine, AnnChoice::Graph(AnnKind::Hnsw, HnswParams::default()));
    let mut stages = Vec::new();
    let whole = &mut |progress: Progress| {
        stages.push(std::mem::discriminant(&progress));
        ControlFlow::Continue(())
    };
    build(stream(corpus(9)), &embedder, &with, &dir.path().join("whole"), Replace::Never, whole)
        .unwrap();
    stages.dedup();
    assert_eq!(stages.len(), 4);
    for stop in stages {
        let go = &mut |progress: Progress| match std::mem::discriminant(&progress) == stop {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let error = build(stream(corpus(9)), &embedder, &with, &out, Replace::Never, go);
        assert!(matches!(error.unwrap_err(), BuildError::Interrupted));
        assert_eq!(names(dir.path()), ["whole"]);
    }
}

/// Runs one test of this program again in a process of its own, told by the environment.
fn again(test: &str, dir: &Path, shell: &str) -> std::process::Output {
    let program = std::env::current_exe().unwrap();
    Command::new("sh")
        .arg("-c")
        .arg(format!("{shell} exec \"$0\" --exact \"built::{test}\" --nocapture"))
        .arg(program)
        .env("WFGY_TEST_CHILD", dir)
        .output()
        .unwrap()
}

fn child() -> Option<std::path::PathBuf> {
    std::env::var_os("WFGY_TEST_CHILD").map(Into::into)
}

#[test]
fn a_full_disk_ends_the_build_with_one_line_and_leaves_nothing() {
    if let Some(dir) = child() {
        let with = options(Metric::Cosine, AnnChoice::None);
        let error = build_with(corpus(3000), &with, &dir.join("docs"), Replace::Never);
        println!("CHILD: {}", error.unwrap_err());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // No file may grow beyond 64 KiB: writes fail as on a full disk.
    let shell = "trap '' XFSZ; ulimit -f 64;";
    let output =
        again("a_full_disk_ends_the_build_with_one_line_and_leaves_nothing", dir.path(), shell);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("CHILD: ")).expect(&text);
    assert!(line.contains("cannot be written: File too large"), "{line}");
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
}

/// A build of `dir/docs` that stands still at `stage` until it is killed.
fn stuck_build(dir: &Path, replace: Replace<'_>) {
    let embedder = WordEmbedder::new(24);
    let with = options(Metric::Cosine, AnnChoice::None);
    let stop = &mut |progress: Progress| match progress {
        Progress::Finishing => loop {
            std::thread::park();
        },
        _ => ControlFlow::Continue(()),
    };
    let _ = build(stream(corpus(9)), &embedder, &with, &dir.join("docs"), replace, stop);
}

/// Starts `test` in a process of its own and waits until its draft has all streamed files.
fn start_stuck(test: &str, dir: &Path) -> (std::process::Child, String) {
    let before = names(dir);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("built::{test}")])
        .env("WFGY_TEST_CHILD", dir)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    loop {
        let mut drafts = names(dir).into_iter().filter(|name| name.ends_with(".tmp"));
        if let Some(draft) = drafts.rfind(|name| !before.contains(name))
            && std::fs::metadata(dir.join(&draft).join("snippets.jsonl"))
                .is_ok_and(|file| file.len() > 0)
        {
            return (child, draft);
        }
        assert!(child.try_wait().unwrap().is_none(), "the build ended by itself");
        std::thread::yield_now();
    }
}

#[test]
fn rule_a_killed_build_leaves_the_old_index_or_none() {
    if let Some(dir) = child() {
        return stuck_build(&dir, Replace::Unless(&|_| None));
    }
    let test = "rule_a_killed_build_leaves_the_old_index_or_none";
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("docs");
    let kill = || {
        let (mut build, draft) = start_stuck(test, dir.path());
        build.kill().unwrap();
        build.wait().unwrap();
        draft
    };
    let draft = kill();
    assert_eq!(names(dir.path()), [draft]);
    let old = built(corpus(3), Metric::Cosine, AnnChoice::None, &out);
    kill();
    assert_eq!(wfgy_index::hashes(&out).unwrap().0, old.index_hash);
    // The next build of this target takes away what the killed ones left.
    let with = options(Metric::Cosine, AnnChoice::None);
    build_with(corpus(4), &with, &out, Replace::Unless(&|_| None)).unwrap();
    assert_eq!(names(dir.path()), ["docs"]);
}

#[test]
fn rule_the_draft_of_a_living_build_and_foreign_folders_are_never_swept() {
    if let Some(dir) = child() {
        return stuck_build(&dir, Replace::Never);
    }
    let test = "rule_the_draft_of_a_living_build_and_foreign_folders_are_never_swept";
    let dir = tempfile::tempdir().unwrap();
    // Of another target, of no build, and one with something of the user's in it.
    let foreign = [".docs.2.1-0.tmp", ".docs.x-0.tmp", ".docs.1-0.tmp"];
    for name in foreign {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        std::fs::write(dir.path().join(name).join("letter.txt"), "dear").unwrap();
    }
    let (mut build, draft) = start_stuck(test, dir.path());
    let before = files(&dir.path().join(&draft));
    built(corpus(3), Metric::Cosine, AnnChoice::None, &dir.path().join("docs"));
    assert_eq!(files(&dir.path().join(&draft)), before);
    build.kill().unwrap();
    build.wait().unwrap();
    assert!(foreign.iter().all(|name| dir.path().join(name).join("letter.txt").is_file()));
    std::fs::remove_dir_all(dir.path().join("docs")).unwrap();
    built(corpus(3), Metric::Cosine, AnnChoice::None, &dir.path().join("docs"));
    assert!(!names(dir.path()).contains(&draft));
}
