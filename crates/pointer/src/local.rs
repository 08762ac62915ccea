//! The pointer adapter for a directory.
//!
//! ```text
//! STORE/aliases/NAME/current            symlink → versions/EPOCH
//! STORE/aliases/NAME/versions/EPOCH/    state.json, target (symlink to the index)
//! STORE/aliases/.lock                   locked while a pointer moves
//! ```
//!
//! State and target change together because they stand in one version folder, which is written
//! whole and synced before anything names it; the rename of `current` is the one write that
//! moves the pointer. A reader opens `current/target` and gets the old index or the new one.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use wfgy_core::{Deadline, Pointer, PointerState, PortError, Strength, Swap, canonical_json};
use wfgy_formats::durable::{self, PRIVATE};

use crate::folder::{make_folder, remove};
use crate::lock::{LockError, StoreLock};
use crate::name::AliasName;

/// Version folders that are kept beside one for each stack entry: readers that have just
/// resolved an older version still find its folder.
const KEPT: u64 = 8;

/// How often a reader starts over when the pointer moves under it.
const READ_ATTEMPTS: usize = 16;

/// Aliases as folders of a store; compare-and-set under a lock of the kernel.
#[derive(Debug, Clone)]
pub struct LocalPointer {
    aliases: PathBuf,
}

impl LocalPointer {
    /// The aliases of the store in the folder `store`; nothing is made before the first swap.
    pub fn new(store: &Path) -> Self {
        Self { aliases: store.join("aliases") }
    }

    /// The path that readers open: it always leads to the live index.
    ///
    /// A reader of several files resolves it once, so that all come from the same index.
    pub fn live(&self, alias: &AliasName) -> PathBuf {
        self.aliases.join(alias.as_str()).join("current").join("target")
    }

    fn folder(&self, alias: &str) -> Result<PathBuf, PortError> {
        let name: AliasName =
            alias.parse().map_err(|e| PortError::permanent("alias", format!("{e}")))?;
        Ok(self.aliases.join(name.as_str()))
    }

    /// One attempt to read; `Err(None)` where the pointer moved meanwhile.
    fn read_once(&self, alias: &str) -> Result<Option<PointerState>, Option<PortError>> {
        let folder = self.folder(alias).map_err(Some)?;
        let current = folder.join("current");
        let Some(link) = link_of(&current).map_err(Some)? else { return Ok(None) };
        let epoch = link
            .strip_prefix("versions/")
            .and_then(|epoch| epoch.parse::<u64>().ok().filter(|n| n.to_string() == epoch))
            .ok_or_else(|| damaged(&current, format!("leads to `{link}`, not to a version")))
            .map_err(Some)?;
        let version = folder.join(&link);
        let read = || -> Result<PointerState, PortError> {
            let path = version.join("state.json");
            let bytes = fs::read(&path).map_err(|e| unreadable(&path, e))?;
            let state: PointerState =
                serde_json::from_slice(&bytes).map_err(|e| damaged(&path, e))?;
            if canonical_json(&state).ok().as_deref() != Some(&bytes[..]) {
                return Err(damaged(&path, "is not in canonical form"));
            }
            if state.alias != alias {
                return Err(damaged(&path, format!("alias: is `{}`", state.alias)));
            }
            if state.journal_head.is_none() {
                return Err(damaged(&path, "journal_head: is missing"));
            }
            if state.epoch != epoch {
                return Err(damaged(&path, format!("epoch: is {}", state.epoch)));
            }
            let target = version.join("target");
            let leads_to = fs::read_link(&target).map_err(|e| unreadable(&target, e))?;
            if leads_to != Path::new(&state.target) {
                let problem = format!(
                    "leads to {}, but state.json says {}",
                    leads_to.display(),
                    state.target
                );
                return Err(damaged(&target, problem));
            }
            Ok(state)
        };
        match read() {
            Ok(state) => {
                // The mover may have died between its rename and its sync: what was seen once
                // must not be gone after a power cut.
                let synced = File::open(&folder).and_then(|folder| folder.sync_all());
                synced.map_err(|e| Some(unreadable(&folder, e)))?;
                Ok(Some(state))
            }
            // An old version may be swept away under a slow reader.
            Err(_) if link_of(&current).map_err(Some)?.as_ref() != Some(&link) => Err(None),
            Err(error) => Err(Some(error)),
        }
    }

    /// Writes the version folder of `next`, durable, under its final name.
    fn write_version(&self, folder: &Path, next: &PointerState) -> io::Result<()> {
        let versions = folder.join("versions");
        let made = versions.join(next.epoch.to_string());
        let beside = durable::beside(&made);
        // Left behind by a writer that died: nothing ever named either of them.
        remove(&beside)?;
        remove(&made)?;
        DirBuilder::new().create(&beside)?;
        let bytes = canonical_json(next).map_err(io::Error::other)?;
        durable::replace(&beside.join("state.json"), PRIVATE, |w| w.write_all(&bytes))
            .map_err(|e| e.source)?;
        symlink(&next.target, beside.join("target"))?;
        File::open(&beside)?.sync_all()?;
        fs::rename(&beside, &made)?;
        File::open(&versions)?.sync_all()
    }

    /// Removes what no reader can still need. What cannot be removed now is tried again after
    /// the next move: the pointer has already moved, so this must not fail.
    fn sweep(&self, folder: &Path, state: &PointerState) {
        let kept = KEPT + state.stack.len() as u64;
        let oldest = state.epoch.saturating_sub(kept);
        let stale_version = |name: &str| match name.parse::<u64>() {
            Ok(epoch) => epoch < oldest || epoch > state.epoch,
            Err(_) => name.starts_with('.'),
        };
        let stale_link = |name: &str| name.starts_with(".current.");
        for (dir, stale) in [
            (folder.join("versions"), &stale_version as &dyn Fn(&str) -> bool),
            (folder.to_owned(), &stale_link),
        ] {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                if entry.file_name().to_str().is_some_and(stale) {
                    let _ = remove(&entry.path());
                }
            }
        }
    }
}

impl Pointer for LocalPointer {
    fn strength(&self) -> Strength {
        Strength::NativeCas
    }

    fn list(&self, _deadline: Deadline) -> Result<Vec<String>, PortError> {
        let entries = match fs::read_dir(&self.aliases) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(unreadable(&self.aliases, e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| unreadable(&self.aliases, e))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let is_alias = name.parse::<AliasName>().is_ok()
                && fs::symlink_metadata(entry.path().join("current")).is_ok();
            if is_alias {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn read(&self, alias: &str, _deadline: Deadline) -> Result<Option<PointerState>, PortError> {
        for _ in 0..READ_ATTEMPTS {
            match self.read_once(alias) {
                Ok(state) => return Ok(state),
                Err(Some(error)) => return Err(error),
                Err(None) => {}
            }
        }
        Err(PortError::retryable(alias, "moved during every attempt to read it; try again"))
    }

    fn swap(
        &self,
        expected: Option<&PointerState>,
        next: &PointerState,
        deadline: Deadline,
    ) -> Result<Swap, PortError> {
        let folder = self.folder(&next.alias)?;
        let write = |path: &Path, e: &dyn std::fmt::Display| {
            PortError::permanent(path.display().to_string(), format!("cannot be written: {e}"))
        };
        if next.journal_head.is_none() {
            let message = "no journal record announced the state";
            return Err(PortError::permanent(&next.alias, message));
        }
        make_folder(&self.aliases).map_err(|e| write(&self.aliases, &e))?;
        let _lock =
            StoreLock::take(&self.aliases.join(".lock"), deadline).map_err(|e| match e {
                LockError::Busy { path } => {
                    PortError::Deadline { part: path.display().to_string() }
                }
                LockError::Io { path, source } => write(&path, &source),
            })?;
        let now = self.read(&next.alias, deadline)?;
        let place = |state: &PointerState| (state.target.clone(), state.epoch);
        if now.as_ref().map(place) != expected.map(place) {
            return Ok(Swap::Conflict(now.map(Box::new)));
        }
        if expected.is_some_and(|expected| next.epoch <= expected.epoch) {
            let message = format!("epoch {} does not follow the pointer's", next.epoch);
            return Err(PortError::permanent(&next.alias, message));
        }
        make_folder(&folder.join("versions")).map_err(|e| write(&folder, &e))?;
        let current = folder.join("current");
        let beside = durable::beside(&current);
        let moved = self.write_version(&folder, next).and_then(|()| {
            remove(&beside)?;
            symlink(format!("versions/{}", next.epoch), &beside)?;
            fs::rename(&beside, &current)?;
            File::open(&folder)?.sync_all()
        });
        moved.map_err(|e| write(&folder, &e))?;
        self.sweep(&folder, next);
        Ok(Swap::Moved)
    }
}

fn link_of(path: &Path) -> Result<Option<String>, PortError> {
    match fs::read_link(path) {
        Ok(link) => match link.into_os_string().into_string() {
            Ok(link) => Ok(Some(link)),
            Err(link) => Err(damaged(path, format!("leads to {link:?}, not to a version"))),
        },
        // No store, or a path that can hold none: there is no alias either way.
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(e) => Err(unreadable(path, e)),
    }
}

fn damaged(path: &Path, problem: impl std::fmt::Display) -> PortError {
    let message = format!("the alias is damaged: {problem}; restore the store from a backup");
    PortError::permanent(path.display().to_string(), message)
}

/// A file that should be there and is not is damage; another failure may be mended and retried.
fn unreadable(path: &Path, error: io::Error) -> PortError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput => {
            damaged(path, error)
        }
        _ => PortError::retryable(path.display().to_string(), format!("cannot be read: {error}")),
    }
}
