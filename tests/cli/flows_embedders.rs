//! Settings of an index, end to end: embedders, scorers, metrics, graph, chunks, normalisation.

mod handbook;
mod support;

use std::collections::BTreeMap;
use std::fs;

use handbook::{MET, folder, json, json_file, json_lines, judge, pin, with_b};
use serde_json::Value;
use support::{INDEX_BUILD, World};

/// A policy that four questions can meet.
const FEW: &str = "min_questions = 1\nseeds = 2\n[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.70\nkind = \"hard\"\n";

/// Writes vectors as the embedder `precomputed` reads them.
fn write_vectors(world: &World, name: &str, dim: usize, rows: &[(String, Vec<f32>)]) {
    let values: Vec<f32> = rows.iter().flat_map(|(_, vector)| vector.iter().copied()).collect();
    let mut bytes = Vec::new();
    wfgy_formats::npy::write(&mut bytes, dim, &values).expect("memory takes all");
    world.write(&format!("{name}.npy"), bytes);
    let ids: String = rows.iter().map(|(id, _)| format!("{id}\n")).collect();
    world.write(&format!("{name}.ids"), ids);
}

/// The rows of a `.npy` file.
fn vectors(world: &World, name: &str) -> Vec<Vec<f32>> {
    let matrix = wfgy_formats::npy::read(world.path(name)).expect("a matrix");
    matrix.values.chunks(matrix.columns).map(<[f32]>::to_vec).collect()
}

/// What is embedded for each snippet of an index whose snippets are whole sections.
fn embedded_strings(world: &World, index: &str) -> Vec<String> {
    json_lines(world, &format!("{index}/sections.jsonl"))
        .iter()
        .map(|section| {
            let text = section["text"].as_str().expect("a text");
            match section["title"].as_str() {
                Some(title) => format!("{title} {text}"),
                None => text.to_owned(),
            }
        })
        .collect()
}

/// A world with an index `docs` of whole sections, a policy, and in `all.npy` the vector of every
/// text that an evaluation of it asks for; in `texts` only those of the snippets and wordings.
fn exported() -> World {
    let world = World::with_index();
    world.write("few.toml", FEW);
    world.build(&["--input", "corpus.json", "--out", "whole", "--chunk", "none"]).success();
    evaluate(&world, "whole", 0, &["--out", "out", "--export-vectors"]);
    let mut rows = BTreeMap::new();
    for (text, vector) in
        embedded_strings(&world, "whole").iter().zip(vectors(&world, "whole/vectors.npy"))
    {
        rows.insert(wfgy_core::Digest::of(text.as_bytes()).to_string(), vector);
    }
    for (text, vector) in
        json_lines(&world, "out/texts.jsonl").iter().zip(vectors(&world, "out/vectors.npy"))
    {
        rows.insert(text["sha256"].as_str().expect("a digest").to_owned(), vector);
    }
    write_vectors(&world, "all", 256, &rows.into_iter().collect::<Vec<_>>());
    world
}

fn evaluate(world: &World, index: &str, code: i32, more: &[&str]) -> Value {
    let args =
        ["--gold", "gold.json", "--index", index, "--policy", "few.toml", "--format", "json"];
    json(&world.eval(&[&args[..], more].concat()).exits(code))
}

fn build_precomputed(world: &World, out: &str) {
    let args = ["--embedder", "precomputed", "--vectors", "all.npy", "--model", "theirs"];
    let corpus = ["--input", "corpus.json", "--out", out, "--chunk", "none"];
    world.run(INDEX_BUILD, &[&args[..], &corpus[..]].concat()).success();
}

/// Every hit of every run, without what the scorer says of it.
fn hits(world: &World, folder: &str) -> Vec<Value> {
    json_lines(world, &format!("{folder}/runs.jsonl"))
        .iter()
        .map(|run| {
            let hits = run["hits"].as_array().expect("hits").iter();
            let hits: Vec<Value> =
                hits.map(|hit| serde_json::json!([hit["snippet_id"], hit["score"]])).collect();
            serde_json::json!([run["question"], run["wording"], run["seed"], hits])
        })
        .collect()
}

#[test]
fn exported_vectors_fed_back_as_precomputed_ones_give_the_same_hits_and_an_inconclusive_verdict() {
    let world = exported();
    build_precomputed(&world, "theirs");
    let verdict = evaluate(&world, "theirs", 3, &["--vectors", "all.npy", "--out", "precomputed"]);
    assert_eq!(verdict["verdict"], "inconclusive", "integrity is impossible");
    assert_eq!(verdict["approves"], "nothing");
    assert_eq!(verdict["decided"]["counts"]["dropped"], 0);
    assert_eq!(hits(&world, "precomputed"), hits(&world, "out"));
    let metrics = |folder: &str, name: &str| {
        json_file(&world, &format!("{folder}/report.json"))["metrics"][name]["point"].clone()
    };
    for name in ["coverage.mean", "delta_s.question", "lambda.convergence", "ndcg@10"] {
        assert!(metrics("out", name).is_number(), "{name}");
        assert_eq!(metrics("precomputed", name), metrics("out", name), "{name}");
    }
    world.vec(&["alias", "create", "live", "--to", "theirs"]).exits(3);
}

#[test]
fn precomputed_index_can_pass_under_a_scorer_that_embeds_any_text() {
    let world = exported();
    build_precomputed(&world, "theirs");
    let more = ["--vectors", "all.npy", "--scorer", "static"];
    let verdict = evaluate(&world, "theirs", 0, &more);
    assert_eq!(verdict["verdict"], "pass");
    let scorer = verdict["decided"]["scorer"].as_str().expect("a scorer").to_owned();
    assert!(scorer.starts_with("static@"), "the verdict names the scorer: {scorer}");
    let subject = &verdict["decided"]["subject"]["pins"]["EMBED_MODEL_VER"];
    assert_eq!(subject, "precomputed:theirs");
}

#[test]
fn precomputed_vectors_under_another_name_are_no_second_opinion() {
    let world = exported();
    build_precomputed(&world, "theirs");
    let more = ["--vectors", "all.npy", "--scorer", "precomputed", "--scorer-model", "other"];
    let more = [&more[..], &["--scorer-vectors", "all.npy"]].concat();
    let verdict = evaluate(&world, "theirs", 3, &more);
    assert_eq!(verdict["decided"]["scorer"], "precomputed:other");
    assert_eq!(verdict["approves"], "nothing");
}

#[test]
fn a_seed_without_a_vector_drops_its_run_and_is_counted() {
    let world = exported();
    let ids = String::from_utf8(world.read("all.ids")).expect("text");
    let seeded: Vec<String> = json_lines(&world, "out/texts.jsonl")
        .iter()
        .filter(|text| text["seed"] == 1)
        .map(|text| text["sha256"].as_str().expect("a digest").to_owned())
        .collect();
    assert!(!seeded.is_empty());
    let rows: Vec<(String, Vec<f32>)> = ids
        .lines()
        .map(str::to_owned)
        .zip(vectors(&world, "all.npy"))
        .filter(|(id, _)| !seeded.contains(id))
        .collect();
    write_vectors(&world, "all", 256, &rows);
    build_precomputed(&world, "theirs");
    let verdict = evaluate(&world, "theirs", 3, &["--vectors", "all.npy"]);
    let counts = &verdict["decided"]["counts"];
    assert_eq!(counts["dropped"], 12, "one a wording: {counts}");
    assert_eq!(counts["runs"], 12, "seed 0 of each wording: {counts}");
}

#[test]
fn a_bound_is_written_on_as_many_questions_as_a_verdict_takes() {
    let world = exported();
    let calibrate = |more: &[&str], code| {
        let args = ["calibrate", "--gold", "gold.json", "--write", "policy.toml"];
        world.eval(&[&args[..], more].concat()).exits(code)
    };
    let few = calibrate(&["--index", "whole"], 3);
    assert!(few.stdout.contains("AUC"), "it is measured all the same: {}", few.told());
    assert!(few.stderr.contains("usable questions, at least 20 are needed"), "{}", few.told());
    assert!(!world.path("policy.toml").exists());
    world.write("policy.toml", FEW);
    calibrate(&["--index", "whole"], 0);
    let written = String::from_utf8(world.read("policy.toml")).expect("text");
    assert!(written.starts_with(FEW) && written.contains("delta_s.question"), "{written}");
    // One question without a vector, of four, is more than 5 %.
    let texts = json_lines(&world, "out/texts.jsonl");
    let lost: Vec<&str> = texts
        .iter()
        .filter(|text| text["wording"].is_number() && text["question"] == texts[0]["question"])
        .map(|text| text["sha256"].as_str().expect("a digest"))
        .collect();
    let ids = String::from_utf8(world.read("all.ids")).expect("text");
    let rows = ids.lines().map(str::to_owned).zip(vectors(&world, "all.npy"));
    let rows: Vec<_> = rows.filter(|(id, _)| !lost.contains(&id.as_str())).collect();
    build_precomputed(&world, "theirs");
    write_vectors(&world, "all", 256, &rows);
    world.write("policy.toml", FEW);
    let lost = calibrate(&["--index", "theirs", "--vectors", "all.npy"], 4);
    assert!(lost.stderr.contains("have no answered run, more than 5 %"), "{}", lost.told());
    assert_eq!(world.read("policy.toml"), FEW.as_bytes());
}

#[test]
fn scorer_changes_delta_s_and_no_hit_and_stands_in_the_policy() {
    let world = exported();
    build_precomputed(&world, "theirs");
    let digest = |verdict: &Value| verdict["decided"]["policy_digest"].clone();
    let own = evaluate(&world, "theirs", 3, &["--vectors", "all.npy", "--out", "own"]);
    let other = evaluate(
        &world,
        "theirs",
        0,
        &["--vectors", "all.npy", "--scorer", "static", "--out", "other"],
    );
    assert_eq!(hits(&world, "own"), hits(&world, "other"));
    assert_ne!(digest(&own), digest(&other), "the scorer can change a verdict");
}

#[test]
fn dot_and_l2_find_what_cosine_finds_on_unit_vectors_and_score_as_they_say() {
    let world = with_b();
    judge(&world, "docs_vB", &MET, &["--out", "cosine"]).success();
    let ids = |folder: &str| -> Vec<Vec<Value>> {
        json_lines(&world, &format!("{folder}/runs.jsonl"))
            .iter()
            .map(|run| {
                let hits = run["hits"].as_array().expect("hits").iter();
                hits.map(|hit| hit["snippet_id"].clone()).collect()
            })
            .collect()
    };
    let score = |folder: &str| {
        json_lines(&world, &format!("{folder}/runs.jsonl"))[0]["hits"][0]["score"]
            .as_f64()
            .expect("a score")
    };
    for metric in ["dot", "l2"] {
        world.build(&["--input", "corpus_vB.json", "--out", metric, "--metric", metric]).success();
        let verdict = judge(&world, metric, &MET, &["--out", &format!("{metric}_out")]);
        verdict.success();
        let folder = format!("{metric}_out");
        let (same, all) = ids("cosine")
            .iter()
            .zip(ids(&folder))
            .fold((0, 0), |(same, all), (a, b)| (same + usize::from(a[0] == b[0]), all + 1));
        assert!(same * 100 >= all * 99, "{metric}: {same} of {all} runs have the same first hit");
        assert_ne!(pin(&world, metric, "INDEX_HASH"), pin(&world, "docs_vB", "INDEX_HASH"));
    }
    let cosine = score("cosine");
    assert!((score("dot_out") - cosine).abs() < 1e-6);
    assert!((score("l2_out") - (2.0 * cosine - 2.0)).abs() < 1e-5, "negative squared distance");
}

#[test]
fn graph_changes_the_serving_hash_and_not_the_index_hash_and_its_recall_is_reported() {
    let world = with_b();
    world
        .build(&[
            "--input",
            "corpus_vB.json",
            "--out",
            "graph",
            "--ann",
            "hnsw",
            "--m",
            "4",
            "--ef",
            "12",
        ])
        .success();
    assert_eq!(pin(&world, "graph", "INDEX_HASH"), pin(&world, "docs_vB", "INDEX_HASH"));
    assert_ne!(pin(&world, "graph", "SERVING_HASH"), pin(&world, "docs_vB", "SERVING_HASH"));
    judge(&world, "graph", &["--min-cov", "0.10"], &["--out", "out"]).success();
    let recall = &json_file(&world, "out/report.json")["metrics"]["graph.recall"];
    let point = recall["point"].as_f64().expect("graph.recall is reported");
    assert!(point > 0.5 && point <= 1.0, "{recall}");
    judge(&world, "docs_vB", &MET, &["--out", "exact"]).success();
    let exact = &json_file(&world, "exact/report.json")["metrics"]["graph.recall"];
    assert!(exact.is_null() || exact["point"] == 1.0, "the sweep misses nothing: {exact}");
    // A verdict on the one is none on the other.
    world.vec(&["alias", "create", "live", "--to", "graph"]).success();
    let other = folder();
    other.build(&["--input", "corpus_vB.json", "--out", "docs"]).success();
    judge(&other, "docs", &MET, &[]).success();
    other.build(&["--input", "corpus_vB.json", "--out", "graph", "--ann", "hnsw"]).success();
    other.vec(&["alias", "create", "live", "--to", "graph"]).refuses(1, &["wfgy_eval"]);
}

#[test]
fn graph_recall_can_be_a_criterion() {
    let world = with_b();
    world.build(&["--input", "corpus_vB.json", "--out", "graph", "--ann", "hnsw"]).success();
    let policy = |bound: &str| {
        format!(
            "[[criterion]]\nmetric = \"graph.recall\"\nop = \">=\"\nbound = {bound}\nkind = \"hard\"\n"
        )
    };
    world.write("met.toml", policy("0.9"));
    world.write("poor.toml", policy("0.9"));
    judge(&world, "graph", &["--policy", "met.toml"], &[]).success();
    // The same bound on a graph that looks at too little.
    let poor = ["--ann", "hnsw", "--m", "2", "--ef-construction", "2", "--ef", "1"];
    world.build(&[&["--input", "corpus_vB.json", "--out", "poor"], &poor[..]].concat()).success();
    judge(&world, "poor", &["--policy", "poor.toml"], &[]).exits(1);
}

#[test]
fn chunk_settings_cut_the_corpus_and_are_another_index() {
    let world = folder();
    let mut counts = BTreeMap::new();
    for chunk in ["none", "s128/o32", "s64/o0", "s64/o32"] {
        let out = chunk.replace('/', "_");
        world.build(&["--input", "corpus_vA.json", "--out", &out, "--chunk", chunk]).success();
        let shown = json(&world.run(INDEX_BUILD, &["inspect", &out, "--format", "json"]).success());
        let identity = &shown["manifest"]["identity"];
        assert_eq!(identity["CHUNK_SCHEMA_VER"], chunk);
        let lines = json_lines(&world, &format!("{out}/snippets.jsonl")).len() as u64;
        assert_eq!(identity["n_snippets"].as_u64(), Some(lines));
        counts.insert(chunk, lines);
    }
    assert_eq!(counts["none"], 202, "a snippet a section");
    assert!(counts["none"] < counts["s128/o32"], "{counts:?}");
    assert!(counts["s128/o32"] < counts["s64/o0"], "{counts:?}");
    assert!(counts["s64/o0"] < counts["s64/o32"], "{counts:?}");
}

#[test]
fn normalisation_of_an_index_is_applied_to_wordings_too() {
    let world = World::with_index();
    let wide: String =
        "refund".chars().map(|c| char::from_u32(c as u32 + 0xFEE0).expect("wide")).collect();
    let gold = |word: &str| {
        format!(
            r#"[{{"id":"q","question":"How long does a {word} take?","anchor":"A {word}.","targets":[{{"doc_id":"billing","section_id":"refund"}}]}}]"#
        )
    };
    world.write("few.toml", FEW);
    world.write("plain.json", gold("refund"));
    world.write("wide.json", gold(&wide));
    let analyzer = ["--analyzer", "nfkc+lower+ws"];
    world.build(&[&["--input", "corpus.json", "--out", "nfkc"], &analyzer[..]].concat()).success();
    let vectors = |index: &str, gold: &str| {
        let out = format!("out_{index}_{gold}");
        let args = ["--gold", gold, "--index", index, "--policy", "few.toml", "--seeds", "1"];
        let ran = world.eval(&[&args[..], &["--out", &out, "--export-vectors"]].concat());
        assert!([0, 1].contains(&ran.code), "{}", ran.told());
        fs::read(world.path(format!("{out}/vectors.npy"))).expect("vectors")
    };
    assert!(vectors("nfkc", "wide.json") == vectors("nfkc", "plain.json"), "one text to the index");
    assert!(vectors("docs", "wide.json") != vectors("docs", "plain.json"), "two without it");
    assert_ne!(pin(&world, "nfkc", "INDEX_HASH"), pin(&world, "docs", "INDEX_HASH"));
    assert_eq!(pin(&world, "nfkc", "ANALYZER_CONF"), "nfkc+lower+ws");
}

#[test]
fn prefix_that_the_embedder_cannot_take_is_refused_not_ignored() {
    let world = World::with_index();
    for embedder in ["static", "auto"] {
        let args = ["--input", "corpus.json", "--out", "prefixed", "--embedder", embedder];
        let prefix = ["--query-prefix", "query: "];
        let ran = world.run(INDEX_BUILD, &[&args[..], &prefix[..]].concat()).exits(2);
        assert!(ran.stderr.contains("--query-prefix"), "{}", ran.told());
        assert!(!world.path("prefixed").exists());
    }
}

#[test]
fn prefixes_are_part_of_the_index_and_of_the_strings_that_are_looked_up() {
    let world = World::with_index();
    world.write("few.toml", FEW);
    world.write(
        "gold.json",
        r#"[{"id":"q","question":"Refund?","targets":[{"doc_id":"d","section_id":"d"}]}]"#,
    );
    world.write("corpus.json", r#"[{"doc_id":"d","text":"Money is paid back."}]"#);
    let id = |text: &str| wfgy_core::Digest::of(text.as_bytes()).to_string();
    let rows = [
        (id("passage: Money is paid back."), vec![1.0, 0.0]),
        (id("query: Refund?"), vec![0.6, 0.8]),
    ];
    write_vectors(&world, "all", 2, &rows);
    let args = [
        "--embedder",
        "precomputed",
        "--vectors",
        "all.npy",
        "--model",
        "theirs",
        "--input",
        "corpus.json",
        "--out",
        "prefixed",
        "--query-prefix",
        "query: ",
        "--passage-prefix",
        "passage: ",
    ];
    world.run(INDEX_BUILD, &args).success();
    let schema = pin(&world, "prefixed", "EMBED_SCHEMA");
    assert!(schema.ends_with(";query: ;passage: "), "{schema}");
    // Nobody says the prefixes again: the index remembers them.
    let more = ["--vectors", "all.npy", "--seeds", "1", "--out", "out"];
    evaluate(&world, "prefixed", 3, &more);
    let run = &json_lines(&world, "out/runs.jsonl")[0];
    let score = run["hits"][0]["score"].as_f64().expect("a score");
    assert!((score - 0.6).abs() < 1e-6, "{run}");
}

#[test]
fn cached_texts_change_no_verdict_and_are_refused_where_a_model_may_change() {
    let world = World::with_index();
    world.write("few.toml", FEW);
    let decided = |more: &[&str]| {
        let mut verdict = evaluate(&world, "docs", 0, more);
        verdict["decided"].take()
    };
    let without = decided(&[]);
    let cached = ["--text-cache", "cache"];
    assert_eq!(decided(&cached), without);
    let file = fs::read_dir(world.path("cache")).expect("a folder").next().expect("a file");
    let file = file.expect("a file").path();
    let bytes = fs::read(&file).expect("bytes");
    assert_eq!(decided(&cached), without);
    assert_eq!(fs::read(&file).expect("bytes"), bytes, "nothing new was embedded");
    // What is damaged is embedded anew.
    let mut damaged = bytes.clone();
    damaged.iter_mut().step_by(100).for_each(|byte| *byte ^= 1);
    fs::write(&file, damaged).expect("written");
    assert_eq!(decided(&cached), without);

    let place = |place| {
        let index = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7"];
        [&index[..], &["--text-cache", place]].concat()
    };
    let eval_refused = |args: &[&str], parts: &[&str]| {
        world.eval(args).refuses(2, parts);
    };
    eval_refused(&place("docs/cache"), &["--text-cache docs/cache: lies in the index"]);
    world.write("file", "");
    eval_refused(&place("file"), &["file: text cache: "]);
    let theirs = exported();
    build_precomputed(&theirs, "docs2");
    let args = ["--gold", "gold.json", "--index", "docs2", "--vectors", "all.npy"];
    let ran = theirs.eval(&[&args[..], &["--min-cov", "0.7"], &cached].concat());
    ran.refuses(2, &["--text-cache: the model behind a service or a file of vectors"]);
}
