//! What a command put right in the store on its way, said to whoever ran it.

use wfgy_pointer::{Journal, StoreDir};

use crate::say;

/// A journal as it was when a command began.
pub(crate) struct Recovery {
    journal: Journal,
    folder: String,
    seq: u64,
}

impl Recovery {
    /// Remembers where the journal ends. One that cannot be read is the command's to refuse.
    pub(crate) fn watch(store: &StoreDir) -> Self {
        let journal = Journal::new(store.path());
        let seq = journal.read().map_or(0, |chain| chain.seq());
        Self { journal, folder: store.path().display().to_string(), seq }
    }

    /// Says what was moved aside since, a line each.
    pub(crate) fn say(&self, program: &str) {
        let Ok(chain) = self.journal.read() else { return };
        for (file, bytes) in chain.moved_aside(self.seq) {
            let folder = &self.folder;
            say::note(&format!(
                "{program}: the last {bytes} bytes of {folder}/journal.jsonl were no record, as \
                 when a command dies while it writes; they were moved aside to {folder}/{file}"
            ));
        }
    }
}
