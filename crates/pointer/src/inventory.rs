//! What a store holds, for messages about a name that it does not have.

use std::fmt;
use std::path::PathBuf;

use wfgy_core::{Deadline, Pointer};

use crate::folder::StoreDir;

/// How many aliases a message names.
const NAMED: usize = 8;

/// A store as someone sees it who looked for something in it in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// Its folder, absolute.
    pub store: PathBuf,
    /// Whether there is such a folder.
    pub exists: bool,
    /// Names of its aliases, ascending, as far as they can be listed.
    pub aliases: Vec<String>,
}

impl Inventory {
    /// Takes it.
    pub(crate) fn of(store: &StoreDir, pointer: &dyn Pointer, deadline: Deadline) -> Self {
        let path = store.path();
        let mut aliases = pointer.list(deadline).unwrap_or_default();
        aliases.sort();
        Self {
            store: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            exists: path.exists(),
            aliases,
        }
    }
}

/// Where was looked, what is there, and how to look elsewhere.
impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.store.display();
        if !self.exists {
            return write!(
                f,
                "the store {store} does not exist; --store DIR or WFGY_STORE names another one"
            );
        }
        match self.aliases.as_slice() {
            [] => write!(f, "the store {store} has no alias")?,
            aliases => {
                let named: Vec<String> =
                    aliases.iter().take(NAMED).map(|alias| format!("`{alias}`")).collect();
                write!(f, "the store {store} has {}", named.join(", "))?;
                if aliases.len() > NAMED {
                    write!(f, " and {} more", aliases.len() - NAMED)?;
                }
            }
        }
        write!(f, "; --store DIR or WFGY_STORE names another store")
    }
}
