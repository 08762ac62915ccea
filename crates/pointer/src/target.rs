//! Directories that aliases point to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use wfgy_core::{Deadline, Digest, Pointer, PointerState};

use crate::error::ObserveError;
use crate::folder::StoreDir;
use crate::inventory::Inventory;
use crate::journal::Journal;
use crate::name::AliasName;
use crate::observe::observe;

/// Both hashes of a target, recomputed from the bytes of every file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashes {
    /// INDEX_HASH.
    pub index_hash: Digest,
    /// SERVING_HASH.
    pub serving_hash: Digest,
}

/// Recomputes the hashes of a target. It may take long, and is never called under the lock.
pub type HashTarget<'a> = dyn Fn(&Path) -> Result<Hashes, TargetError> + 'a;

/// A target that a pointer cannot go to.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// There is no such directory, or it is no index.
    #[error("{path}: {problem}", path = path.display())]
    Unknown {
        /// The directory.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// It is an index whose files are not what its manifest says.
    #[error("{path}: the index is damaged: {problem}; nothing moved; run `index_build verify {path}` and build it anew", path = path.display())]
    Damaged {
        /// The directory.
        path: PathBuf,
        /// What is wrong: the file and how it differs.
        problem: String,
    },
    /// It could not be looked at.
    #[error("{path}: cannot be read: {problem}; nothing moved", path = path.display())]
    Unavailable {
        /// The directory.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

impl TargetError {
    /// 2 for what the user named wrongly, 1 for damage, 4 for a machine in trouble.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unknown { .. } => 2,
            Self::Damaged { .. } => 1,
            Self::Unavailable { .. } => 4,
        }
    }
}

/// The name under which a directory is stored: absolute, without symlinks, UTF-8.
///
/// # Errors
/// [`TargetError::Unknown`] where it is no directory, or its path has no UTF-8 name, which the
/// journal could not write down exactly.
pub fn canonical_target(path: &Path) -> Result<String, TargetError> {
    let unknown =
        |problem: &str| TargetError::Unknown { path: path.into(), problem: problem.into() };
    let canonical = fs::canonicalize(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            unknown("no such directory; build the index there with `index_build`")
        }
        _ => TargetError::Unavailable { path: path.into(), problem: e.to_string() },
    })?;
    if !canonical.is_dir() {
        return Err(unknown("is no directory; name the directory of an index"));
    }
    canonical
        .into_os_string()
        .into_string()
        .map_err(|_| unknown("its path is not UTF-8; rename or move the directory"))
}

/// Which directory a path leads to right now, and which files are in it.
///
/// Taken before a target is hashed and compared at the commit: whoever replaces the directory or
/// touches a file of it in between changes this. The files themselves are not read again, because
/// that would take as long under the lock as hashing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Footprint {
    directory: Trace,
    files: BTreeMap<OsString, Trace>,
}

/// What a file system says of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trace {
    device: u64,
    inode: u64,
    /// In bytes.
    size: u64,
    /// Last change, in seconds since 1970 and nanoseconds.
    modified: (i64, i64),
}

impl Footprint {
    pub(crate) fn of(target: &str) -> io::Result<Self> {
        let directory = Trace::of(Path::new(target))?;
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(target)? {
            let entry = entry?;
            files.insert(entry.file_name(), Trace::of(&entry.path())?);
        }
        Ok(Self { directory, files })
    }
}

impl Trace {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
        })
    }
}

/// What a name on a command line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// An alias, and what it points to now.
    Alias(Box<PointerState>),
    /// A directory.
    Directory(PathBuf),
}

/// A name that means nothing, or two things.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Alias and directory.
    #[error("`{name}` is an alias and a directory: write `./{name}` for the directory")]
    Ambiguous {
        /// The name.
        name: String,
    },
    /// Neither.
    #[error("`{name}` is neither an alias nor a directory: {inventory}")]
    Unknown {
        /// The name.
        name: String,
        /// What the store has.
        inventory: Box<Inventory>,
    },
    /// The store does not say for certain whether it has such an alias, and there is no such
    /// directory.
    #[error(transparent)]
    Alias(#[from] ObserveError),
    /// The same of a name that is a directory here.
    #[error(
        "write `./{name}` for the directory of this name: whether the store has such an alias is \
         not known: {}", .error.problem()
    )]
    Shadowed {
        /// The name.
        name: String,
        /// What is wrong with the store.
        error: ObserveError,
    },
}

impl ResolveError {
    /// 2 for a name or a damaged store, 4 for a store that cannot be read.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Ambiguous { .. } | Self::Unknown { .. } => 2,
            Self::Alias(error) | Self::Shadowed { error, .. } => error.exit_code(),
        }
    }
}

/// What `name` means: a bare name is an alias if the store has it, else a directory.
///
/// An alias that the journal knows and that is gone is not a directory of the same name.
///
/// # Errors
/// [`ResolveError::Ambiguous`] where it is both.
pub fn resolve(
    name: &str,
    store: &StoreDir,
    pointer: &dyn Pointer,
    deadline: &dyn Fn() -> Deadline,
) -> Result<Resolved, ResolveError> {
    let directory = Path::new(name);
    let alias = match name.parse::<AliasName>() {
        Ok(alias) => {
            let observed = observe(store, pointer, &alias, deadline);
            observed
                .map_err(|error| match directory.is_dir() {
                    true => ResolveError::Shadowed { name: name.to_owned(), error },
                    false => ResolveError::Alias(error),
                })?
                .1
        }
        Err(_) => None,
    };
    match (alias, directory.is_dir()) {
        (Some(_), true) => Err(ResolveError::Ambiguous { name: name.to_owned() }),
        (Some(state), false) => Ok(Resolved::Alias(Box::new(state))),
        (None, true) => Ok(Resolved::Directory(directory.to_owned())),
        (None, false) => {
            let inventory = Box::new(Inventory::of(store, pointer, deadline()));
            Err(ResolveError::Unknown { name: name.to_owned(), inventory })
        }
    }
}

/// An alias that still needs a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The alias.
    pub alias: String,
    /// The directory, as the alias names it.
    pub target: String,
    /// Whether it is the live target; else it stands in the rollback stack.
    pub live: bool,
}

/// Aliases whose target or stack names `directory` or something in it.
///
/// A build that would replace the directory is refused where there is one. Ask while the
/// store's lock is held, and hold it until the directory is replaced: a flip that commits
/// afterwards then sees another directory and is refused.
///
/// # Errors
/// [`ObserveError`] where an alias could not be read or is not what the journal says: then
/// nothing is known, and the build is refused as well.
pub fn named_by(
    store: &StoreDir,
    pointer: &dyn Pointer,
    directory: &Path,
    deadline: Deadline,
) -> Result<Vec<Named>, ObserveError> {
    let Ok(directory) = fs::canonicalize(directory) else { return Ok(Vec::new()) };
    let chain = Journal::new(store.path()).read()?;
    let mut aliases = chain.aliases();
    aliases.extend(pointer.list(deadline)?);
    let mut named = Vec::new();
    for alias in aliases {
        let state = match pointer.read(&alias, deadline)? {
            Some(state) => {
                chain.vouch(&state)?;
                state
            }
            // It is gone, and may be put back: what the journal says of it last counts.
            None => match chain.last_moved(&alias) {
                Some((_, intent)) => intent.next.clone(),
                None => continue,
            },
        };
        let stack = state.stack.iter().map(|entry| (&entry.target, false));
        for (target, live) in std::iter::once((&state.target, true)).chain(stack) {
            if Path::new(target).starts_with(&directory) {
                named.push(Named { alias: alias.clone(), target: target.clone(), live });
            }
        }
    }
    named.sort();
    named.dedup();
    Ok(named)
}
