//! A small world to flip pointers in: directories with content, verdicts that the gate decided,
//! one store.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wfgy_core::evaluation::Integrity;
use wfgy_core::{Aggregate, Deadline, Digest, Direction, Number, Pins, Pointer, Unit};
use wfgy_gate::{
    Baseline, BaselineArm, Circumstances, Counts, CoverageUnit, Criterion, DeltaSScale, Evidence,
    IntegrityMode, NamedArm, Nulls, Op, Pairing, PolicyDraft, Setting, Timestamp, Unusable,
    VerdictFile, decide,
};
use wfgy_pointer::{
    AliasName, Allowed, Filed, Flip, FlipError, Ground, Hashes, Journal, LocalPointer, Moved,
    StoreDir, TargetError, Update, VerdictStore,
};

/// A day in 2026.
pub const NOON: u64 = 1_780_000_000;

/// Hashes of a directory whose whole content is the file `content`.
pub fn hash(path: &Path) -> Result<Hashes, TargetError> {
    let content = fs::read_to_string(path.join("content")).map_err(|e| TargetError::Damaged {
        path: path.to_owned(),
        problem: format!("content: {e}"),
    })?;
    Ok(hashes(&content))
}

/// Hashes of this content.
pub fn hashes(content: &str) -> Hashes {
    Hashes {
        index_hash: Digest::of(content),
        serving_hash: Digest::of(format!("{content} served")),
    }
}

/// The clock of commands that have no world.
pub fn noon() -> Timestamp {
    Timestamp::from_unix(NOON)
}

/// Long enough for any commit, short enough that a lock that is never released fails the test.
pub fn soon() -> Deadline {
    Deadline::at(Instant::now() + Duration::from_secs(60))
}

pub fn live() -> AliasName {
    "docs_live".parse().unwrap()
}

pub fn person(reason: &str) -> Ground {
    Ground::Override(reason.to_owned())
}

pub fn plain() -> Update {
    Update { forward: false, expect_epoch: None, ground: Ground::Verdicts }
}

pub fn forward() -> Update {
    Update { forward: true, ..plain() }
}

pub struct World {
    pub dir: TempDir,
    pub store: StoreDir,
    pub pointer: LocalPointer,
    pub now: Rc<Cell<u64>>,
    clock: Box<dyn Fn() -> Timestamp>,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreDir::new(dir.path().join("store"), false);
        let pointer = LocalPointer::new(store.path());
        let now = Rc::new(Cell::new(NOON));
        let read = Rc::clone(&now);
        let clock = Box::new(move || Timestamp::from_unix(read.get()));
        Self { dir, store, pointer, now, clock }
    }

    /// A directory `name` with this content, made or changed.
    pub fn index(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("content"), content).unwrap();
        fs::canonicalize(path).unwrap()
    }

    /// Runs commands on the local pointer.
    pub fn flip(&self) -> Flip<'_> {
        self.flip_of(&self.pointer)
    }

    pub fn flip_of<'a>(&'a self, pointer: &'a dyn Pointer) -> Flip<'a> {
        let now = &*self.clock;
        Flip { store: &self.store, pointer, hash: &hash, by: "tester", now, deadline: &soon }
    }

    pub fn begin(&self) -> u64 {
        VerdictStore::new(&self.store).begin(soon()).unwrap()
    }

    pub fn file(&self, verdict: &VerdictFile) -> Filed {
        let now = Timestamp::from_unix(self.now.get());
        VerdictStore::new(&self.store).file(verdict, now, "tester", soon()).unwrap()
    }

    /// Evaluates `content` and files the verdict: the coverage of a policy that wants 0.70.
    pub fn evaluate(&self, content: &str, coverage: f64) -> Filed {
        let case = Case { coverage, ..Case::of(content, self.begin(), self.now.get()) };
        self.file(&case.verdict())
    }

    /// An alias that was made with one target and moved forward through the others, each after
    /// an evaluation.
    pub fn through(&self, names: &[&str]) -> Vec<PathBuf> {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.index(name, name)).collect();
        for (i, (name, path)) in names.iter().zip(&paths).enumerate() {
            self.evaluate(name, 0.9);
            if i == 0 {
                self.create(path).unwrap();
            } else {
                self.flip().update(&live(), path, &forward()).unwrap();
            }
        }
        paths
    }

    pub fn create(&self, to: &Path) -> Result<Moved, FlipError> {
        self.flip().create(&live(), to, Allowed::default(), &Ground::Verdicts)
    }

    pub fn update(&self, to: &Path) -> Result<Moved, FlipError> {
        self.flip().update(&live(), to, &plain())
    }

    /// The directory that a reader of the alias gets.
    pub fn reader(&self) -> PathBuf {
        fs::canonicalize(self.pointer.live(&live())).unwrap()
    }

    pub fn journal(&self) -> PathBuf {
        self.store.path().join("journal.jsonl")
    }

    /// The journal is whole and nothing in it is open.
    pub fn settled(&self) {
        let chain = Journal::new(self.store.path()).read().unwrap();
        assert!(chain.open_intents().is_empty());
        assert!(!chain.needs_recovery());
    }

    /// Every file and symlink of the store with what is in it.
    pub fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(self.store.path(), &mut found);
        found
    }
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            found.insert(path, target.into_os_string().into_encoded_bytes());
        } else if kind.is_dir() {
            collect(&path, found);
        } else {
            let content = fs::read(&path).unwrap();
            assert_eq!(kind.permissions().mode() & 0o777, 0o600, "{}", path.display());
            found.insert(path, content);
        }
    }
}

/// An evaluation, healthy but for what a test changes.
pub struct Case {
    pub content: String,
    pub coverage: f64,
    /// The bound on coverage: another bound is another policy.
    pub bound: f64,
    pub gold: String,
    /// A criterion of drift, with a baseline of this content or skipped without one.
    pub drift: Option<Option<String>>,
    pub review: bool,
    /// Whether stored vectors were compared with their text.
    pub compared: bool,
    pub began_seq: u64,
    pub ended: u64,
    pub unusable: Option<Unusable>,
}

impl Case {
    pub fn of(content: &str, began_seq: u64, ended: u64) -> Self {
        Self {
            content: content.to_owned(),
            coverage: 0.9,
            bound: 0.7,
            gold: "gold".to_owned(),
            drift: None,
            review: false,
            compared: true,
            began_seq,
            ended,
            unusable: None,
        }
    }

    pub fn verdict(&self) -> VerdictFile {
        let mut coverage = Criterion::hard("coverage.mean", Op::AtLeast, self.bound);
        if self.review {
            coverage.review = Some([self.bound - 0.2, self.bound]);
        }
        let mut criteria = vec![coverage];
        let mut metrics = BTreeMap::from([("coverage.mean".to_owned(), number(self.coverage))]);
        if self.drift.is_some() {
            criteria.push(Criterion::hard("drift.coverage", Op::AtLeast, -0.02));
            metrics.insert("drift.coverage".to_owned(), number(0.0));
        }
        let baseline = self.drift.clone().flatten();
        let setting = Setting {
            baseline: if baseline.is_some() { Baseline::Given } else { Baseline::Declined },
            scorer: "minilm".to_owned(),
            scorer_schema: "mean;256;;".to_owned(),
            live: BTreeSet::new(),
        };
        let integrity = if self.compared { IntegrityMode::Sample } else { IntegrityMode::Off };
        let policy = PolicyDraft { criteria, integrity, ..PolicyDraft::default() };
        let policy = policy.check().unwrap().effective(&setting).unwrap();
        let evidence = Evidence {
            pins: pins(&self.content),
            baseline: baseline.as_deref().map(arm),
            gold_digest: Digest::of(&self.gold),
            unit: Unit::Snippet,
            k: policy.k,
            seeds: (0..policy.seeds as u64).collect(),
            rebuild_seeds: 0,
            scorer: setting.scorer,
            scorer_schema: setting.scorer_schema,
            stored_vectors: true,
            metrics,
            worst_case: None,
            slots: BTreeMap::new(),
            samples: BTreeMap::new(),
            worst_samples: BTreeMap::new(),
            noise: None,
            latency_gap_ms: BTreeMap::new(),
            nulls: Nulls::default(),
            counts: counts(),
            integrity: checked(self.compared),
            missing: BTreeMap::new(),
        };
        let decision = decide(&policy, &evidence).unwrap();
        let circumstances = Circumstances {
            runs_digest: Digest::of("runs"),
            engine_version: "0.1.0".to_owned(),
            index: self.content.clone(),
            baseline: baseline
                .map(|name| NamedArm { name, runs_digest: Digest::of("baseline runs") }),
            began: Timestamp::from_unix(self.ended - 60),
            ended: Timestamp::from_unix(self.ended),
            host: "h".to_owned(),
            kernel_path: "scalar".to_owned(),
            began_seq: Some(self.began_seq),
            earlier_evaluations: Some(0),
            unusable: self.unusable,
        };
        VerdictFile::new(&policy, &evidence, decision, circumstances).unwrap()
    }
}

/// A baseline of this content, with nothing wrong.
fn arm(content: &str) -> BaselineArm {
    BaselineArm {
        pins: pins(content),
        stored_vectors: true,
        pairing: Pairing {
            pairs: 40,
            delta_s: DeltaSScale::DeltaS,
            coverage: CoverageUnit::Tokens,
            scorer: "minilm".to_owned(),
            scorer_schema: "mean;256;;".to_owned(),
            counts: counts(),
            integrity: checked(true),
        },
    }
}

fn counts() -> Counts {
    Counts {
        questions: 40,
        answerable: 40,
        usable: 40,
        runs: 320,
        min_wordings: 4,
        ..Counts::default()
    }
}

fn checked(compared: bool) -> Integrity {
    Integrity {
        mode: if compared { "sample" } else { "off" }.to_owned(),
        checked: if compared { 64 } else { 0 },
        mismatches: 0,
        lowest_cosine: compared.then_some(0.999_99),
        kind: None,
        examples: Vec::new(),
    }
}

fn number(point: f64) -> Number {
    Number {
        point,
        ci: None,
        n_questions: 40,
        aggregate: Aggregate::Mean,
        direction: Direction::HigherIsBetter,
    }
}

fn pins(content: &str) -> Pins {
    let hashes = hashes(content);
    let mut pins = Pins::default();
    pins.set("INDEX_HASH", hashes.index_hash);
    pins.set("SERVING_HASH", hashes.serving_hash);
    pins
}
