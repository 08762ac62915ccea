//! Where a program may write: never into an index, which one file more makes a damaged one, and
//! among the files of the store only what the store itself keeps there.

use std::fmt::Display;
use std::path::{Component, Path, PathBuf};

use wfgy_index::is_index;

use crate::exit::Failure;

/// Refuses a folder, which need not exist yet, that is or lies in an index or, where one is named,
/// the store. `flag` is what it was named by.
///
/// # Errors
/// Where it may not be written to.
pub(crate) fn folder(flag: &str, path: &Path, store: Option<&Path>) -> Result<(), Failure> {
    let Some(found) = lives_in(&real(path), store) else { return Ok(()) };
    Err(Failure::input(format!("{flag} {}: {found}; name a place elsewhere", path.display())))
}

/// [`folder`] for something new, a file or a directory, of which only the folder that it is put
/// into counts.
///
/// # Errors
/// Where it may not be written to.
pub(crate) fn new(flag: &str, path: &Path, store: Option<&Path>) -> Result<(), Failure> {
    let above = path.parent().unwrap_or(path);
    let Some(found) = lives_in(&real(above), store) else { return Ok(()) };
    Err(Failure::input(format!("{flag} {}: {found}; name a place elsewhere", path.display())))
}

/// [`new`] for a file that takes the place of an older one: a regular file in a folder that is
/// there. A device, a pipe or a link would cease to be one.
///
/// # Errors
/// Where it may not be written.
pub(crate) fn file(flag: &str, path: &Path, store: Option<&Path>) -> Result<(), Failure> {
    new(flag, path, store)?;
    let refused = |problem: &str| {
        Err(Failure::input(format!("{flag} {}: {problem}; name a file", path.display())))
    };
    let above = match path.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => return refused("is a folder"),
    };
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => refused("is no regular file"),
        Ok(_) => Ok(()),
        Err(_) if path.file_name().is_none() => refused("is a folder"),
        Err(_) if !above.is_dir() => refused("its folder is not there"),
        Err(_) => Ok(()),
    }
}

/// Whether a path is a folder or lies in it or deeper; neither need exist yet.
pub(crate) fn is_within(path: &Path, folder: &Path) -> bool {
    real(path).starts_with(real(folder))
}

/// What a folder is a part of, and what comes of writing there.
fn lives_in(folder: &Path, store: Option<&Path>) -> Option<impl Display + use<>> {
    if let Some(index) = folder.ancestors().find(|above| is_index(above)) {
        let index = index.display();
        return Some(format!("lies in the index {index}, which a file of another damages"));
    }
    let store = real(store?);
    folder.starts_with(&store).then(|| format!("lies in the store {}", store.display()))
}

/// The path without links, `.` and `..`, also where its end does not exist yet.
fn real(path: &Path) -> PathBuf {
    let mut real = Path::new(".").canonicalize().unwrap_or_default();
    for component in path.components() {
        match component {
            Component::Prefix(_) | Component::RootDir => real = PathBuf::from("/"),
            Component::CurDir => {}
            Component::ParentDir => drop(real.pop()),
            Component::Normal(name) => {
                real.push(name);
                real = real.canonicalize().unwrap_or(real);
            }
        }
    }
    real
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_yet_is_found_behind_links_and_through_folders_to_be_made() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("docs")).unwrap();
        std::os::unix::fs::symlink(root.join("docs"), root.join("link")).unwrap();
        for (path, expected) in [
            ("docs/new/deep", "docs/new/deep"),
            ("link/new", "docs/new"),
            ("new/../docs/x", "docs/x"),
            ("new/../link/./x", "docs/x"),
            ("docs/../new", "new"),
        ] {
            assert_eq!(real(&root.join(path)), root.join(expected), "{path}");
        }
        assert_eq!(real(Path::new("")), Path::new(".").canonicalize().unwrap());
    }
}
