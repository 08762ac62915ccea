//! A policy as it was read, with the place of everything that a check may refuse.

use std::collections::BTreeMap;

use wfgy_gate::{Policy, PolicyDraft, PolicyError};

use super::Remark;
use super::node::Problem;
use crate::Place;

/// A criterion (0-based; `None` for the policy itself) and a key of it; the empty key is the whole.
pub(super) type Spot = (Option<usize>, &'static str);

/// What a file says, and where.
#[derive(Debug)]
pub(super) struct Sketch {
    pub(super) draft: PolicyDraft,
    pub(super) remarks: Vec<Remark>,
    places: BTreeMap<Spot, (Place, String)>,
}

impl Sketch {
    /// A policy that says nothing yet.
    pub(super) fn new(name: &str) -> Self {
        let draft = PolicyDraft { name: name.to_owned(), ..PolicyDraft::default() };
        Self { draft, remarks: Vec::new(), places: BTreeMap::new() }
    }

    /// Remembers where something is said, and by which path of keys.
    pub(super) fn says(&mut self, spot: Spot, at: Place, path: String) {
        self.places.insert(spot, (at, path));
    }

    /// The policy.
    ///
    /// # Errors
    /// Where it cannot be decided by, at the key that it is refused for.
    pub(super) fn check(self) -> Result<(Policy, Vec<Remark>), Problem> {
        let places = self.places;
        let policy = self.draft.check().map_err(|error| refused(&error, &places))?;
        Ok((policy, self.remarks))
    }
}

fn refused(error: &PolicyError, places: &BTreeMap<Spot, (Place, String)>) -> Problem {
    let (index, key) = error.place();
    match (places.get(&(index, key)), places.get(&(index, ""))) {
        (Some((at, path)), _) => Problem::new(*at, path, error.to_string()),
        (None, Some((at, path))) => Problem::new(*at, format!("{path}.{key}"), error.to_string()),
        (None, None) => Problem::new(Place::File, key, error.to_string()),
    }
}
