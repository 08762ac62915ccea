//! Gold sets in every form, and one clear line for everything that is wrong with one.

mod forms;
mod json;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wfgy_core::GoldSet;
use wfgy_formats::{InputError, gold};

/// A fresh folder.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        path
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

fn read(name: &str, content: &str) -> Result<GoldSet, InputError> {
    gold::read(Folder::new().file(name, content))
}

/// The message without the folder.
fn error(name: &str, content: &str) -> String {
    let text = read(name, content).expect_err(content).to_string();
    assert!(!text.contains('\n'), "{text}");
    text[text.find(name).expect("the file's name")..].to_owned()
}
