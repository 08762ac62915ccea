//! Whether the files of a directory are the ones that its hashes were taken of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use wfgy_core::{Digest, PortError};
use wfgy_formats::json::{self, Start};
use wfgy_formats::{InputError, Place, checksum};

use crate::Manifest;
use crate::files::{Files, Stamp};
use crate::manifest::file;

/// Longest manifest that is read.
const MAX_MANIFEST: u64 = 1 << 20;

/// Most files of a directory that are opened together; an index has a handful.
const MAX_FILES: usize = 256;

/// Something wrong with an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}", path = path.display())]
pub struct Damage {
    /// The file, or the directory.
    pub path: PathBuf,
    /// What is wrong, a lower-case fragment that says where in the file.
    pub problem: String,
}

impl From<InputError> for Damage {
    fn from(error: InputError) -> Self {
        let place = match error.place {
            Place::File => String::new(),
            Place::Line(line) | Place::LineColumn(line, _) => format!("line {line}: "),
            Place::Byte(byte) => format!("byte {byte}: "),
        };
        let field = error.field.map(|field| format!("{field}: ")).unwrap_or_default();
        Self { path: error.file, problem: format!("{place}{field}{}", error.problem) }
    }
}

/// An index that cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is nothing at the path.
    #[error("{path}: no such index", path = path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// What is at the path is no index.
    #[error("{path}: is no index: {problem}", path = path.display())]
    NotAnIndex {
        /// The path.
        path: PathBuf,
        /// What it lacks.
        problem: String,
    },
    /// A file or the directory cannot be read.
    #[error("{path}: cannot be read: {problem}", path = path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The index is not what it was built as.
    #[error("{0}: the index is damaged: build it anew, or restore it")]
    Damaged(Damage),
}

/// Whether a directory is an index, be it whole or damaged: it has a manifest and one of the files
/// that no other directory with a `manifest.json` has.
pub fn is_index(dir: &Path) -> bool {
    let has = |name: &str| dir.join(name).is_file();
    has(file::MANIFEST) && [file::SECTIONS, file::SNIPPETS, file::VECTORS].into_iter().any(has)
}

/// What is said of a file that the manifest does not know.
const FOREIGN: &str = "does not belong to the index: move it away, or build anew";

/// The files that a manifest names, with what they should be.
fn named(manifest: &Manifest) -> BTreeMap<String, Digest> {
    let mut files = manifest.serving.files.clone();
    files.insert(file::SECTIONS.to_owned(), manifest.identity.sections_sha256);
    files.insert(file::SNIPPETS.to_owned(), manifest.identity.snippets_sha256);
    files.insert(file::VECTORS.to_owned(), manifest.identity.vectors_sha256);
    files
}

/// The files of a directory, each hashed once.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) manifest: Manifest,
    dir: PathBuf,
    stamps: BTreeMap<String, Stamp>,
}

/// The contents of an index whose manifest can be read, and what was made of them.
type Examined<T> = Option<(Contents, T)>;

impl Contents {
    /// Reads the manifest, hashes every file and compares, while `beside` makes of the same files
    /// what it is for. Gives what it found of the index and all damage; contents, and what was
    /// made of them, are whole only where there is none.
    pub(crate) fn examine<T: Send>(
        dir: &Path,
        beside: impl FnOnce(&Manifest, &Files) -> T + Send,
    ) -> Result<(Examined<T>, Vec<Damage>), OpenError> {
        let names = list(dir)?;
        if !names.contains(file::MANIFEST) {
            let problem = "it has no manifest.json".to_owned();
            return Err(OpenError::NotAnIndex { path: dir.to_owned(), problem });
        }
        if names.len() > MAX_FILES {
            let problem = format!(
                "it holds {} files, an index a handful: move away what does not belong",
                names.len()
            );
            return Err(OpenError::NotAnIndex { path: dir.to_owned(), problem });
        }
        let mut damage = Vec::new();
        let mut found = |name: &str, problem: String| {
            damage.push(Damage { path: dir.join(name), problem });
        };
        let mut files = Files { dir: dir.to_owned(), opened: BTreeMap::new() };
        // Stamped before anything is read: a change from here on shows later.
        let mut stamps = BTreeMap::new();
        for name in &names {
            match files.open(name)? {
                Some(stamp) => drop(stamps.insert(name.clone(), stamp)),
                None => found(name, "is no file: it does not belong to an index".to_owned()),
            }
        }
        let sums = files.opened.remove(file::CHECKSUMS).map(|mut sums| {
            let (path, mut text) = (dir.join(file::CHECKSUMS), Vec::new());
            sums.read_to_end(&mut text).map_err(|e| unreadable(&path, &e)).map(|_| text)
        });
        let mut digests = BTreeMap::new();
        let manifest = match files.opened.remove(file::MANIFEST) {
            None => Err(InputError::file(dir.join(file::MANIFEST), "is no file")),
            Some(mut opened) => {
                let (bytes, manifest) = read_manifest(dir, &mut opened)?;
                let digest = checksum::hash(bytes.chain(opened));
                let path = dir.join(file::MANIFEST);
                let (digest, _) = digest.map_err(|e| unreadable(&path, &e))?;
                digests.insert(file::MANIFEST.to_owned(), digest);
                manifest
            }
        };
        let hashed = |(name, file): (&String, &File)| {
            let path = dir.join(name);
            let (digest, _) = checksum::hash(file).map_err(|e| unreadable(&path, &e))?;
            Ok((name.clone(), digest))
        };
        let (hashed, made) = rayon::join(
            || files.opened.par_iter().map(hashed).collect::<Vec<Result<_, OpenError>>>(),
            || manifest.as_ref().ok().map(|manifest| beside(manifest, &files)),
        );
        let hashed = hashed.into_iter().collect::<Result<Vec<_>, _>>()?;
        digests.extend(hashed);
        let contents = manifest.map(|manifest| Self { manifest, dir: dir.to_owned(), stamps });
        let expected = contents.as_ref().ok().map(|contents| named(&contents.manifest));
        // Where the manifest cannot be read, nothing is known not to belong.
        let belongs = |name: &str| {
            name == file::MANIFEST || expected.as_ref().is_none_or(|files| files.contains_key(name))
        };
        match sums {
            None => found(file::CHECKSUMS, "is missing".to_owned()),
            Some(text) => compare_checksums(&text?, &digests, belongs, &mut found),
        }
        let contents = match contents {
            Ok(contents) => contents,
            Err(error) => {
                found(file::MANIFEST, Damage::from(error).problem);
                return Ok((None, damage));
            }
        };
        if let Err(problem) = contents.manifest.check() {
            found(file::MANIFEST, problem);
        }
        for (name, expected) in expected.iter().flatten() {
            match digests.get(name) {
                None if names.contains(name) => {}
                None => found(name, "is missing".to_owned()),
                Some(digest) if digest == expected => {}
                Some(digest) => found(
                    name,
                    format!("its sha256 is {digest:.12}…, but the manifest says {expected:.12}…"),
                ),
            }
        }
        for name in digests.keys().filter(|name| !belongs(name)) {
            found(name, FOREIGN.to_owned());
        }
        Ok((Some(contents).zip(made), damage))
    }

    /// [`Self::examine`], with the first damage as an error.
    pub(crate) fn whole<T: Send>(
        dir: &Path,
        beside: impl FnOnce(&Manifest, &Files) -> T + Send,
    ) -> Result<(Self, T), OpenError> {
        let (contents, damage) = Self::examine(dir, beside)?;
        match (contents, damage.into_iter().next()) {
            (_, Some(damage)) => Err(OpenError::Damaged(damage)),
            (Some(contents), None) => Ok(contents),
            (None, None) => Err(OpenError::Damaged(Damage {
                path: dir.join(file::MANIFEST),
                problem: "cannot be used".to_owned(),
            })),
        }
    }

    /// Fails where a file was changed, exchanged, removed or added since it was hashed.
    pub(crate) fn unchanged(&self, name: &str) -> Result<(), PortError> {
        let changed = |file: &str, how: &str| {
            let path = self.dir.join(file);
            let message = format!("{} {how} since it was opened: start again", path.display());
            Err(PortError::input(name, message))
        };
        let names = match list(&self.dir) {
            Ok(names) => names,
            Err(error) => return Err(PortError::input(name, error.to_string())),
        };
        for (file, stamp) in &self.stamps {
            match fs::metadata(self.dir.join(file)) {
                Ok(now) if Stamp::of(&now) == *stamp => {}
                Ok(_) => return changed(file, "was changed"),
                Err(_) => return changed(file, "was removed"),
            }
        }
        match names.iter().find(|file| !self.stamps.contains_key(*file)) {
            Some(file) => changed(file, "was added"),
            None => Ok(()),
        }
    }

    /// Bytes of every file.
    pub(crate) fn sizes(&self) -> BTreeMap<String, u64> {
        self.stamps.iter().map(|(name, stamp)| (name.clone(), stamp.size)).collect()
    }

    /// Where a file of the index is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// INDEX_HASH and SERVING_HASH of the index at `dir`, recomputed from the bytes of every file.
///
/// # Errors
/// [`OpenError`] where it is no index, or is not what its hashes were taken of.
pub fn hashes(dir: &Path) -> Result<(Digest, Digest), OpenError> {
    let (Contents { manifest, .. }, ()) = Contents::whole(dir, |_, _| ())?;
    Ok((manifest.index_hash, manifest.serving_hash))
}

/// INDEX_HASH and SERVING_HASH as the manifest of the index at `dir` says them. The manifest
/// agrees with itself and names no file that is missing; the other files are not read, which is
/// what [`hashes`] does.
///
/// # Errors
/// [`OpenError`] where it is no index, or not even that holds.
pub fn declared_hashes(dir: &Path) -> Result<(Digest, Digest), OpenError> {
    let names = list(dir)?;
    if !names.contains(file::MANIFEST) {
        let problem = "it has no manifest.json".to_owned();
        return Err(OpenError::NotAnIndex { path: dir.to_owned(), problem });
    }
    let damaged =
        |name: &str, problem: String| OpenError::Damaged(Damage { path: dir.join(name), problem });
    let mut files = Files { dir: dir.to_owned(), opened: BTreeMap::new() };
    files.open(file::MANIFEST)?;
    let Some(mut opened) = files.opened.remove(file::MANIFEST) else {
        return Err(damaged(file::MANIFEST, "is no file".to_owned()));
    };
    let (_, manifest) = read_manifest(dir, &mut opened)?;
    let manifest = manifest.map_err(|error| OpenError::Damaged(error.into()))?;
    manifest.check().map_err(|problem| damaged(file::MANIFEST, problem))?;
    let always = [file::SECTIONS, file::SNIPPETS, file::VECTORS, file::CHECKSUMS];
    let served = manifest.serving.files.keys().map(String::as_str);
    match always.into_iter().chain(served).find(|name| !names.contains(*name)) {
        Some(name) => Err(damaged(name, "is missing".to_owned())),
        None => Ok((manifest.index_hash, manifest.serving_hash)),
    }
}

/// Names in the directory.
fn list(dir: &Path) -> Result<BTreeSet<String>, OpenError> {
    let meta = fs::metadata(dir).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenError::Missing { path: dir.to_owned() },
        _ => unreadable(dir, &error),
    })?;
    if !meta.is_dir() {
        let problem = "it is a file, not a directory".to_owned();
        return Err(OpenError::NotAnIndex { path: dir.to_owned(), problem });
    }
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(|e| unreadable(dir, &e))? {
        let name = entry.map_err(|e| unreadable(dir, &e))?.file_name();
        match name.into_string() {
            Ok(name) => drop(names.insert(name)),
            Err(name) => {
                let problem = FOREIGN.to_owned();
                return Err(OpenError::Damaged(Damage { path: dir.join(name), problem }));
            }
        }
    }
    Ok(names)
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> OpenError {
    OpenError::Unreadable { path: path.to_owned(), problem: error.to_string() }
}

/// The first bytes of a manifest, all of them where it is none too long, and what they say.
fn read_manifest(
    dir: &Path,
    file: &mut File,
) -> Result<(Vec<u8>, Result<Manifest, InputError>), OpenError> {
    let (path, mut bytes) = (dir.join(file::MANIFEST), Vec::new());
    file.take(MAX_MANIFEST + 1).read_to_end(&mut bytes).map_err(|e| unreadable(&path, &e))?;
    let manifest = match bytes.len() as u64 > MAX_MANIFEST {
        true => Err(InputError::file(&path, "longer than 1 MiB, which no manifest is")),
        false => json::decode(&bytes, &path, Start::of_line(1, 0)),
    };
    Ok((bytes, manifest))
}

/// Compares the text of `SHA256SUMS` with the digests of the other files; of those that do not
/// belong to the index it need not say anything.
fn compare_checksums(
    text: &[u8],
    digests: &BTreeMap<String, Digest>,
    belongs: impl Fn(&str) -> bool,
    found: &mut impl FnMut(&str, String),
) {
    if text == checksum::checksums(digests).as_bytes() {
        return;
    }
    // Something differs: find out what, line by line.
    let text = String::from_utf8_lossy(text);
    let mut listed = BTreeMap::new();
    for (i, line) in text.lines().enumerate() {
        let parsed = line
            .split_once("  ")
            .and_then(|(digest, name)| Some((name, digest.parse::<Digest>().ok()?)));
        match parsed {
            Some((name, digest)) => drop(listed.insert(name.to_owned(), digest)),
            None => {
                let problem =
                    format!("line {}: expected 64 hexadecimal digits, two spaces, a name", i + 1);
                found(file::CHECKSUMS, problem);
            }
        }
    }
    let mut named = false;
    for (name, digest) in digests {
        match listed.get(name) {
            Some(expected) if expected == digest => {}
            Some(expected) => {
                named = true;
                let problem =
                    format!("its sha256 is {digest:.12}…, but SHA256SUMS says {expected:.12}…");
                found(name, problem);
            }
            // Of a file that does not belong something else is said.
            None => {
                named = true;
                if belongs(name) {
                    found(name, "is not in SHA256SUMS".to_owned());
                }
            }
        }
    }
    for name in listed.keys().filter(|name| !digests.contains_key(*name)) {
        named = true;
        found(name, "is in SHA256SUMS, but missing".to_owned());
    }
    if !named {
        found(file::CHECKSUMS, "is not written as it was built".to_owned());
    }
}
