//! The ground of the tests that run the three programs.
//!
//! Each test file takes it in with `mod support;`. A [`World`] is a fresh folder that is the
//! current directory and, in `home/`, the home folder of every program that runs in it, so that
//! no index, store or model of the machine is found by accident.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program `index_build`.
pub(crate) const INDEX_BUILD: &str = env!("CARGO_BIN_EXE_index_build");
/// The program `wfgy_eval`.
pub(crate) const WFGY_EVAL: &str = env!("CARGO_BIN_EXE_wfgy_eval");
/// The program `vec`.
pub(crate) const VEC: &str = env!("CARGO_BIN_EXE_vec");

/// A fresh folder in which programs run.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("home")).expect("a home folder");
        Self { folder }
    }

    /// One with the six-section corpus in `corpus.json`, its index in `docs` and its gold set in
    /// `gold.json`.
    pub(crate) fn with_index() -> Self {
        let world = Self::new();
        world.write("corpus.json", CORPUS);
        world.write("gold.json", GOLD);
        world.build(&["--input", "corpus.json", "--out", "docs"]).success();
        world
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a name has a folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file is written");
        path
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A command in this folder with nothing of the machine's environment but `PATH`.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.root())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("USER", "tester")
            .stdin(Stdio::null());
        command
    }

    /// Runs a program of the three with these arguments.
    pub(crate) fn run(&self, program: &str, args: &[&str]) -> Ran {
        Ran::of(self.command(program).args(args))
    }

    /// `index_build` with the built-in table as embedder.
    pub(crate) fn build(&self, args: &[&str]) -> Ran {
        let args: Vec<&str> = ["--embedder", "static"].iter().chain(args).copied().collect();
        self.run(INDEX_BUILD, &args)
    }

    /// `wfgy_eval`.
    pub(crate) fn eval(&self, args: &[&str]) -> Ran {
        self.run(WFGY_EVAL, args)
    }

    /// `vec`.
    pub(crate) fn vec(&self, args: &[&str]) -> Ran {
        self.run(VEC, args)
    }

    /// Runs a program that must refuse as [`Ran::refuses`] says, and leave the whole folder, byte
    /// by byte and name by name, as it was.
    pub(crate) fn refused(&self, program: &str, args: &[&str], code: i32, parts: &[&str]) -> Ran {
        let before = self.listing();
        let ran = self.run(program, args).refuses(code, parts);
        assert_eq!(self.listing(), before, "the folder is as it was\n{}", ran.told());
        ran
    }

    /// [`Self::refused`] of `index_build` with the built-in table as embedder.
    pub(crate) fn build_refused(&self, args: &[&str], code: i32, parts: &[&str]) -> Ran {
        let args: Vec<&str> = ["--embedder", "static"].iter().chain(args).copied().collect();
        self.refused(INDEX_BUILD, &args, code, parts)
    }

    /// Everything in the folder, as [`listing`] gives it.
    pub(crate) fn listing(&self) -> Listing {
        listing(self.root())
    }
}

/// A name relative to the folder listed, and what it is: mode and content or link target.
pub(crate) type Listing = BTreeMap<String, String>;

/// Every file, folder and link below a folder, with mode and content: two equal listings mean
/// that nothing was written, changed, removed or left behind.
pub(crate) fn listing(folder: &Path) -> Listing {
    let mut found = Listing::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(above) = folders.pop() {
        let entries = fs::read_dir(&above).unwrap_or_else(|e| panic!("{}: {e}", above.display()));
        for entry in entries {
            let path = entry.expect("an entry").path();
            let meta = fs::symlink_metadata(&path).expect("an entry stays while it is listed");
            let what = if meta.is_symlink() {
                format!("link to {}", fs::read_link(&path).expect("a link").display())
            } else if meta.is_dir() {
                folders.push(path.clone());
                format!("folder {:o}", meta.permissions().mode())
            } else {
                let digest = wfgy_core::Digest::of(fs::read(&path).expect("a file is read"));
                format!("file {:o} {} {digest}", meta.permissions().mode(), meta.size())
            };
            let name = path.strip_prefix(folder).expect("it is below").display().to_string();
            found.insert(name, what);
        }
    }
    found
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code; 128 + n where signal n ended it.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    line: String,
}

impl Ran {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Self::ended(&output, format!("{command:?}"))
    }

    /// What a command that has ended did.
    pub(crate) fn ended(output: &Output, line: String) -> Self {
        let status = output.status;
        Self {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            line,
        }
    }

    /// It did what it was asked.
    pub(crate) fn success(self) -> Self {
        self.exits(0)
    }

    /// It ended with this code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.told());
        self
    }

    /// It ended with this code, and said why in exactly one line on standard error, in which all
    /// of `parts` stand.
    pub(crate) fn refuses(self, code: i32, parts: &[&str]) -> Self {
        let told = self.told();
        assert_eq!(self.code, code, "{told}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "one line on standard error\n{told}");
        let (program, rest) = lines[0].split_once(": ").unwrap_or_else(|| panic!("{told}"));
        assert!(["index_build", "wfgy_eval", "vec"].contains(&program), "{told}");
        assert!(rest.starts_with("error: "), "the line says that it is an error\n{told}");
        for part in parts {
            assert!(rest.contains(part), "the line names `{part}`\n{told}");
        }
        self
    }

    /// The command and everything that it said.
    pub(crate) fn told(&self) -> String {
        let mut told = String::new();
        let Self { code, stdout, stderr, line } = self;
        write!(told, "{line}\nexit {code}\nstdout:\n{stdout}\nstderr:\n{stderr}")
            .expect("a string takes all");
        told
    }
}

/// Six sections of a made-up product, each on a subject of its own.
pub(crate) const CORPUS: &str = r##"{"documents": [
  {"doc_id": "billing", "sections": [
    {"section_id": "refund", "title": "Refunds", "text": "A refund is paid back to the card within five working days after the invoice was cancelled."},
    {"section_id": "tax", "title": "Tax", "text": "Value added tax is charged by the country of the buyer and shown on a line of its own."}
  ]},
  {"doc_id": "network", "sections": [
    {"section_id": "dns", "title": "Name servers", "text": "The resolver caches a host name for one hour; flush the cache after a server has moved."},
    {"section_id": "firewall", "title": "Firewall", "text": "Port 8443 must be open between the gateway and the worker machines, every other port stays closed."}
  ]},
  {"doc_id": "people", "sections": [
    {"section_id": "holiday", "title": "Holidays", "text": "Employees ask for vacation two weeks ahead, and the team lead agrees in the calendar."},
    {"section_id": "oncall", "title": "On call", "text": "The engineer on duty carries the pager for a week and answers an alarm within fifteen minutes."}
  ]}
]}
"##;

/// Four questions on [`CORPUS`], with offsets that count Unicode scalars of the section text.
pub(crate) const GOLD: &str = r##"{"schema_version": 1, "name": "small", "items": [
  {"id": "q1", "question": "How long does a refund to the card take?", "paraphrases": ["When is the money back on my card?", "Days until a refund is paid?"],
   "targets": [{"doc_id": "billing", "section_id": "refund", "offsets": [0, 90]}]},
  {"id": "q2", "question": "How long does the resolver cache a host name?", "paraphrases": ["Name server cache time of a host?", "After what time is a cached host name dropped?"],
   "targets": [{"doc_id": "network", "section_id": "dns"}]},
  {"id": "q3", "question": "Which port must be open between gateway and worker machines?", "paraphrases": ["Open port of the firewall for the gateway?", "What port do workers and gateway use?"],
   "targets": [{"doc_id": "network", "section_id": "firewall"}]},
  {"id": "q4", "question": "How fast must the engineer on duty answer an alarm?", "paraphrases": ["Time to answer the pager on call?", "Minutes within which an alarm is answered?"],
   "targets": [{"doc_id": "people", "section_id": "oncall"}]}
]}
"##;
