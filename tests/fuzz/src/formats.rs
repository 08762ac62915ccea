//! Readers of `wfgy-formats`.

use std::path::Path;

use wfgy_core::canonical_json;
use wfgy_formats::corpus::Corpus;
use wfgy_formats::{InputError, beir, gold, npy, policy, report, runs, trec, verdict};

use super::{Reader, Said, committed, committed_all, write};

const QUERIES: &str = "{\"_id\":\"q1\",\"text\":\"What?\"}\n{\"_id\":\"q2\",\"text\":\"Where?\"}\n";
const BEIR_QRELS: &str = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n";
const QRELS: &str = "q1 0 d1 1\nq1 0 d2 0\nq2 0 d2 2\n";
const TOPICS: &str = "q1\tWhat of it?\nq2\tWhat of that?\n";

fn said<T>(read: Result<T, InputError>) -> Said {
    read.map(drop).map_err(|error| error.to_string())
}

fn nothing(_: &Path) {}

/// What the test gives that runs the programs: these files are of an evaluation.
fn of_a_run(_: &Path) -> Vec<Vec<u8>> {
    Vec::new()
}

/// A file that stands alone.
fn alone(
    name: &'static str,
    file: &'static str,
    seeds: fn(&Path) -> Vec<Vec<u8>>,
    read: fn(&Path) -> Said,
) -> Reader {
    Reader { name, file, lay: nothing, seeds, read }
}

pub fn readers() -> Vec<Reader> {
    [gold_sets(), corpora(), others()].into_iter().flatten().collect()
}

fn gold_sets() -> Vec<Reader> {
    let beir: fn(&Path) -> Said = |folder| said(beir::read_gold(folder));
    let trec: fn(&Path) -> Said =
        |folder| said(trec::read_gold(folder.join("qrels.txt"), folder.join("topics.tsv")));
    vec![
        alone(
            "gold_json",
            "gold.json",
            |_| {
                let whole = committed("gold/gold_40.json");
                let value: serde_json::Value = serde_json::from_slice(&whole).expect("JSON");
                let items = value["items"].as_array().expect("items");
                let lines = items[..4].iter().map(|item| format!("{item}\n")).collect::<String>();
                let list = serde_json::to_vec(&items[4..8]).expect("JSON");
                let alternatives = r#"[{"id":"q","question":"Why?","paraphrases":["How so?"],
                    "targets":[{"any_of":[{"doc_id":"a"},{"doc_id":"b","section_id":"s"}]},
                    {"expected_doc":"c","section_id":"s","offsets":[1,4],"quote":"ell","grade":2}],
                    "anchor":["x","y"],"stratum":"s"},
                    {"id":"u","question":"No?","answerable":false}]"#;
                vec![whole, lines.into_bytes(), list, alternatives.into()]
            },
            |folder| said(gold::read(folder.join("gold.json"))),
        ),
        alone(
            "gold_csv",
            "gold.csv",
            |_| {
                vec![
                    "id,question,doc_id,section_id\nq1,What is it?,d1,s1\nq2,\"And, then?\",d2,\n"
                        .into(),
                    "id,question,paraphrase_1,doc_id,section_id,start,end,quote,grade,stratum\n\
                     q1,What?,Which?,d1,s1,0,4,text,2,s\n"
                        .into(),
                ]
            },
            |folder| said(gold::read(folder.join("gold.csv"))),
        ),
        Reader {
            name: "beir_queries",
            file: "queries.jsonl",
            lay: |folder| write(&folder.join("qrels/test.tsv"), BEIR_QRELS),
            seeds: |_| vec![QUERIES.into()],
            read: beir,
        },
        Reader {
            name: "beir_qrels",
            file: "qrels/test.tsv",
            lay: |folder| write(&folder.join("queries.jsonl"), QUERIES),
            seeds: |_| vec![BEIR_QRELS.into()],
            read: beir,
        },
        Reader {
            name: "trec_qrels",
            file: "qrels.txt",
            lay: |folder| write(&folder.join("topics.tsv"), TOPICS),
            seeds: |_| vec![QRELS.into()],
            read: trec,
        },
        Reader {
            name: "trec_topics",
            file: "topics.tsv",
            lay: |folder| write(&folder.join("qrels.txt"), QRELS),
            seeds: |_| vec![TOPICS.into()],
            read: trec,
        },
        alone(
            "trec_run",
            "run.txt",
            |_| committed_all(&["fixtures/trec/run.txt"]),
            |folder| {
                let path = folder.join("run.txt");
                said(trec::parse_run(&std::fs::read(&path).expect("a file"), &path, |_, _| ()))
            },
        ),
        alone(
            "trec_judgements",
            "qrels.txt",
            |_| vec![committed("fixtures/trec/qrels.txt"), BEIR_QRELS.into()],
            |folder| {
                let path = folder.join("qrels.txt");
                said(trec::parse_qrels(&std::fs::read(&path).expect("a file"), &path))
            },
        ),
    ]
}

/// All documents of a corpus.
fn corpus(path: &Path) -> Said {
    let all = |mut corpus: Corpus| corpus.try_for_each(|document| document.map(drop));
    said(Corpus::open(path).and_then(all))
}

/// One document a line, as BEIR writes it.
fn lines() -> String {
    let line = r#"{"_id": "d1", "title": "One", "text": "Some text.", "metadata": {}}"#;
    format!("{line}\n{}\n", line.replace("d1", "d2"))
}

fn corpora() -> Vec<Reader> {
    vec![
        alone(
            "corpus_json",
            "corpus.json",
            |_| {
                let small = r#"{"documents": [{"doc_id": "a", "source_url": "u", "title": "t",
                    "sections": [{"section_id": "s", "title": "t", "text": "Text."}]}]}"#;
                let list =
                    r#"[{"doc_id": "a", "text": "Text."}, {"doc_id": "b", "text": "\u00e9"}]"#;
                vec![committed("gold/corpus_vA.json"), small.into(), list.into(), lines().into()]
            },
            |folder| corpus(&folder.join("corpus.json")),
        ),
        alone(
            "corpus_gzip",
            "corpus.jsonl.gz",
            |_| {
                let mut gzip =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                std::io::Write::write_all(&mut gzip, lines().as_bytes()).expect("memory");
                vec![gzip.finish().expect("memory")]
            },
            |folder| corpus(&folder.join("corpus.jsonl.gz")),
        ),
        alone(
            "corpus_zstd",
            "corpus.jsonl.zst",
            |_| vec![zstd::encode_all(lines().as_bytes(), 3).expect("memory")],
            |folder| corpus(&folder.join("corpus.jsonl.zst")),
        ),
        alone(
            "corpus_markdown",
            "pages/page.md",
            |_| {
                let page =
                    "# One\n\nText.\n\n## Two `x`\n\nMore.\n\nThree\n=====\n\n```\n# no\n```\n";
                vec![page.into(), committed("CONTRIBUTING.md")]
            },
            |folder| corpus(&folder.join("pages")),
        ),
    ]
}

/// A TOML policy that is taken can be given another bound, and is one again.
fn policy_toml(folder: &Path) -> Said {
    let path = folder.join("policy.toml");
    said(policy::read(&path))?;
    let text = std::fs::read_to_string(&path).expect("it was read");
    let (metric, bound) = ("delta_s.question", 0.4375);
    let Ok(new) = policy::with_upper_bound(&text, metric, bound, &path) else { return Ok(()) };
    let form = policy::Form::Toml;
    let loaded = policy::parse(&new, form, "policy", &path).expect("it has the new bound only");
    let criteria = &loaded.policy.parts().criteria;
    let bounds = criteria.iter().filter(|c| c.metric == metric).map(|c| c.bound);
    assert!(bounds.clone().any(|b| b == bound), "{:?}", bounds.collect::<Vec<_>>());
    Ok(())
}

fn presets() -> Vec<Vec<u8>> {
    ["cutover", "canary", "stop", "rollback", "recovery"]
        .map(|name| committed(&format!("crates/formats/presets/{name}.toml")))
        .into()
}

fn others() -> Vec<Reader> {
    vec![
        alone(
            "policy_toml",
            "policy.toml",
            |_| [presets(), committed_all(&["fixtures/policies/own.toml"])].concat(),
            policy_toml,
        ),
        alone(
            "policy_yaml",
            "policy.yml",
            |_| {
                ["own", "regression_gate", "regression_suite", "rollout_readiness_gate"]
                    .into_iter()
                    .chain(["eval_contract"])
                    .map(|name| committed(&format!("fixtures/policies/{name}.yml")))
                    .collect()
            },
            |folder| said(policy::read(folder.join("policy.yml"))),
        ),
        alone("verdict", "verdict.json", of_a_run, |folder| {
            let path = folder.join("verdict.json");
            let (verdict, digest) = match verdict::read(&path) {
                Ok(read) => read,
                Err(error) => return Err(error.to_string()),
            };
            // What is taken is the one way to write it.
            let bytes = canonical_json(&verdict).expect("it was read from them");
            assert_eq!(wfgy_core::Digest::of(bytes), digest);
            Ok(())
        }),
        alone("report", "report.json", of_a_run, |folder| {
            said(report::read(folder.join("report.json")))
        }),
        alone("runs", "runs.jsonl", of_a_run, |folder| {
            said(runs::read_runs(folder.join("runs.jsonl")))
        }),
        alone("latency", "latency.jsonl", of_a_run, |folder| {
            said(runs::read_latency(folder.join("latency.jsonl")))
        }),
        alone(
            "npy",
            "vectors.npy",
            |_| {
                let mut small = Vec::new();
                npy::write(&mut small, 8, &[0.5; 32]).expect("memory");
                vec![small]
            },
            |folder| {
                let read = npy::read(folder.join("vectors.npy"));
                if let Ok(matrix) = &read {
                    assert_eq!(matrix.values.len(), matrix.rows * matrix.columns);
                }
                said(read)
            },
        ),
    ]
}
