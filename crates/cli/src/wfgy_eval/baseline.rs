//! The index that a candidate is compared with, and the candidate with graphs of other seeds.

use std::ops::ControlFlow;
use std::path::Path;

use wfgy_core::{PortError, Store};
use wfgy_engine::{OnProgress, Parts, Progress};
use wfgy_index::LocalIndex;
use wfgy_pointer::StoreDir;

use crate::embedder::{self, Opened};
use crate::exit::Failure;
use crate::options::EmbedderSource;
use crate::target::{self, OpenedIndex};

/// A baseline that was opened, every file of it hashed.
pub(crate) struct OpenedBaseline {
    /// It.
    pub opened: OpenedIndex,
    /// As the user named it.
    pub name: String,
    /// Its embedder; `None` where the candidate's is the same.
    pub own: Option<Opened>,
}

impl OpenedBaseline {
    /// Opens the index that `name` means, with the candidate's embedder where its pins name it.
    ///
    /// # Errors
    /// Where it is no index, is damaged, or its embedder is not at hand.
    pub(crate) fn open(
        name: &Path,
        store: &StoreDir,
        candidate: &Opened,
        source: &EmbedderSource,
    ) -> Result<Self, Failure> {
        let of_baseline = |failure: Failure| Failure {
            message: format!("--baseline: {}", failure.message),
            ..failure
        };
        let opened = target::open(name, store).map_err(of_baseline)?;
        let (pins, shown) = (opened.index.pins(), opened.index.name());
        let theirs = candidate.embedder.as_ref();
        let is_same = pins.check_embedder(shown, theirs.identity()).is_ok()
            && pins.check_tokenizer(shown, theirs.tokenizer().version()).is_ok();
        let own = match is_same {
            true => None,
            false => Some(embedder::of_other_index(&opened.index, source).map_err(of_baseline)?),
        };
        Ok(Self { opened, name: name.display().to_string(), own })
    }

    /// The parts of its arm; `scorer` is that of `--scorer`, else its own embedder scores it.
    pub(crate) fn parts<'a>(
        &'a self,
        candidate: Parts<'a>,
        queries: &'a Opened,
        scorer: Option<&'a Opened>,
    ) -> Parts<'a> {
        let own = self.own.as_ref().unwrap_or(queries);
        let scorer = scorer.unwrap_or(own);
        Parts {
            scorer: scorer.embedder.as_ref(),
            scorer_embeds_any_text: scorer.embeds_any_text,
            cache: candidate.cache,
            ..own.parts(candidate.gold, &self.opened.index)
        }
    }
}

/// `index` with its graph linked anew, its seed greater by `by`; `None` where it has no graph.
///
/// # Errors
/// Where its vectors cannot be linked, which those of no built index are.
pub(crate) fn relinked<'a>(
    index: &'a LocalIndex,
    by: u64,
    progress: OnProgress<'_>,
) -> Result<Option<Box<dyn Store + 'a>>, PortError> {
    let total = index.n_snippets();
    // An interrupt ends the process from within `progress`.
    let mut report = |done| {
        progress(Progress { stage: "rebuild", done, total });
        ControlFlow::Continue(())
    };
    let relinked = index.relinked(by, &mut report);
    progress(Progress { stage: "rebuild", done: total, total });
    let relinked =
        relinked.map_err(|error| PortError::permanent(index.name(), error.to_string()))?;
    Ok(relinked.map(|index| Box::new(index) as Box<dyn Store + 'a>))
}
