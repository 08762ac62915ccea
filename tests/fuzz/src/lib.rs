//! Every reader of a file as something to be fuzzed: where the file stands, what stands beside
//! it, which whole files to begin with, and how it is read.
//!
//! A target in `targets/` gives one of these bytes that a fuzzer makes up, guided by coverage
//! (`scripts/fuzz.sh`). `tests/fuzz_readers.rs` runs all of them over their seeds with every
//! suite, so that what the targets call is compiled, and takes whole files.

#![allow(unreachable_pub, reason = "the tests take this file in as a module")]

mod embed;
mod formats;
mod index;
mod pointer;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What a reader said of a file: nothing, or why it does not take it.
pub type Said = Result<(), String>;

/// A reader of a file.
pub struct Reader {
    /// Name of its target.
    pub name: &'static str,
    /// The file that is read, in the folder that is its own.
    pub file: &'static str,
    /// Lays into the empty folder what stands beside the file.
    pub lay: fn(&Path),
    /// Whole files, told once what stands beside them was laid.
    pub seeds: fn(&Path) -> Vec<Vec<u8>>,
    /// Reads the file in the folder.
    pub read: fn(&Path) -> Said,
}

impl Reader {
    /// Reads `bytes` as the file: whether they were taken.
    ///
    /// # Panics
    /// Where the reader does, and where it refuses in more than one line or without the name of a
    /// file in `folder`.
    pub fn takes(&self, folder: &Path, bytes: &[u8]) -> bool {
        write(&folder.join(self.file), bytes);
        let Err(told) = (self.read)(folder) else { return true };
        assert!(!told.contains('\n'), "more than one line: {told:?}");
        assert!(told.contains(&*folder.to_string_lossy()), "it names no file: {told}");
        false
    }
}

/// All of them.
pub fn readers() -> Vec<Reader> {
    [formats::readers(), embed::readers(), index::readers(), pointer::readers()]
        .into_iter()
        .flatten()
        .collect()
}

/// Runs the reader `name` over what a fuzzer made, in a folder that this process made for it.
///
/// # Panics
/// As [`Reader::takes`], and where there is no such reader.
pub fn fuzz(name: &str, bytes: &[u8]) {
    static READER: OnceLock<(Reader, PathBuf)> = OnceLock::new();
    let (reader, folder) = READER.get_or_init(|| {
        let reader = readers().into_iter().find(|reader| reader.name == name).expect("a reader");
        // Whoever runs the target sets TMPDIR and sweeps it: a fuzzer never ends tidily.
        let folder = tempfile::tempdir().expect("a folder").keep();
        (reader.lay)(&folder);
        (reader, folder)
    });
    reader.takes(folder, bytes);
}

/// Writes a file, with the folders above it.
fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file is written");
}

/// A file of the project.
fn committed(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Committed files as seeds.
fn committed_all(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| committed(name)).collect()
}
